/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events as they nearly always are: a buffer of ordinary memory, mapped for the first
 * time, unmapped as it was mapped. What they need is done here in little more than 100
 * instructions; at the first sign of something else they are left, undone, to the slow
 * path, which asks everything. Part of dmasnoop.bpf.c.
 *
 * Only for devices that address memory as it is (dma-direct): PACE_FAST.
 *
 * Time is that of the last tick here: to read the clock takes as long as the rest.
 */
#ifndef DMASNOOP_FAST_BPF_H
#define DMASNOOP_FAST_BPF_H

static __always_inline struct device_state *fast_device(u64 dev)
{
	u32 at = device_home(dev);
	struct device_state *device = &devices[at];

	if (device->dev == dev)
		return device;
	device = &devices[(at + 1) & (DEVICES_MAX - 1)];
	return device->dev == dev ? device : NULL;
}

/* Which page of page_lines. */
static __always_inline u32 fast_page(u64 phys)
{
	u64 offset = phys - facts.ram_start;

	return offset < facts.ram_size ? offset >> PAGE_SHIFT : page_index(phys);
}

/* Is it memory, and not the kernel's image? */
static __always_inline bool is_plain(u64 phys)
{
	return fast_page(phys) != NOT_MEMORY && phys - facts.image_start >= facts.image_size;
}

/* Is this for certain no page of the running task's stack? */
static __always_inline bool no_stack_page(u64 sp, u64 phys, u64 ticks)
{
	const struct seen_stack *seen = stack_seen(sp);

	return seen->tag == stack_tag(stack_base(sp), ticks) &&
	       !(seen->pages >> (phys >> PAGE_SHIFT & 63) & 1);
}

/* Is a page that nobody holds free? Later pages of many that are held look so, too. */
__noinline int is_free_page(u64 phys)
{
	struct page *page = phys_to_page(phys);

	return page && compound_head(page) == (u64)page && page_is_free(phys);
}

/* Does the page allocator own this page? */
static __always_inline bool is_free(u64 phys)
{
	struct page *page =
		(void *)(page_array + (phys >> PAGE_SHIFT) * bpf_core_type_size(struct page));
	struct timespec64 *words;
	struct page *counted;

	if (!facts.can_cast)
		return !BPF_CORE_READ(page, _refcount.counter) && is_free_page(phys);
	counted = bpf_rdonly_cast(page, bpf_core_type_id_kernel(struct page));
	if (counted->_refcount.counter)
		return false;
	/*
	 * The word that tells a later page of many shares its place with a pointer, and the
	 * verifier takes it for that. So it is read as what it is not either, a number.
	 */
	words = bpf_rdonly_cast(page, bpf_core_type_id_kernel(struct timespec64));
	return !(words->tv_nsec & 1) && is_free_page(phys);
}

/* Where a buffer ends, from the start of its first page. */
static __always_inline u64 end_in_page(u64 phys, u64 size)
{
	return (phys & ((1 << PAGE_SHIFT) - 1)) + size;
}

/* Which bits of a page's word a buffer within it has. */
static __always_inline u64 lines_of(u64 phys, u64 size)
{
	u32 shift = facts.line_shift;
	u32 first = (phys & ((1 << PAGE_SHIFT) - 1)) >> shift;
	u32 last = (end_in_page(phys, size) - 1) >> shift;

	return ~0ull << (first & 63) & ~0ull >> (63 - last & 63);
}

/* Marks the lines of a buffer; false when one of them is marked already. */
static __always_inline bool fast_claim(u64 phys, u64 size)
{
	u64 *word, mask;
	u32 page;

	if (end_in_page(phys, size) > 1 << PAGE_SHIFT)
		return !lines_claim(phys, size);
	page = fast_page(phys);
	word = bpf_map_lookup_elem(&page_lines, &page);
	if (!word)
		return false;
	mask = lines_of(phys, size);
	return !(__sync_fetch_and_or(word, mask) & mask);
}

static __always_inline void fast_release(u64 phys, u64 size)
{
	u32 page;
	u64 *word;

	if (end_in_page(phys, size) > 1 << PAGE_SHIFT) {
		lines_release(phys, size);
		return;
	}
	page = fast_page(phys);
	word = bpf_map_lookup_elem(&page_lines, &page);
	if (word)
		__sync_fetch_and_and(word, ~lines_of(phys, size));
}

/* An argument of a tracepoint, read where it is needed: registers are few. */
#define ARG(i) (((const volatile u64 *)args)[i])

static __always_inline u32 shape_of(u32 dir, u8 kind, u32 nents)
{
	return dir | (u32)kind << 8 | nents << 16;
}

/* The mapping in the preferred place. */
static __always_inline struct mapping *fast_place(struct bucket *bucket, u64 dma)
{
	struct mapping *map = &bucket->map[preferred(hash_address(dma), dma)];

	/* One pointer, not a base and an offset that are added anew each time. */
	asm volatile("" : "+r"(map));
	return map;
}

/* A struct step, on this CPU, as one number. */
static __always_inline u64 step_of(u32 after, u8 op, u8 coarse)
{
	return after | (u64)bpf_get_smp_processor_id() << 32 | (u64)op << 48 | (u64)coarse << 56;
}

/* A mapping's count of users from one number to another, when it is that. */
static __always_inline bool set_users(struct mapping *map, u32 from, u32 to)
{
	u32 was = __sync_val_compare_and_swap(&map->users, from, to);

	/* To be compared with here, not made a truth of and asked for it. */
	asm volatile("" : "+r"(was));
	return was == from;
}

/*
 * Is there nobody else at this address in the bucket? Then its preferred place is for it,
 * if that is free.
 */
static __always_inline struct mapping *fast_take(struct bucket *bucket, struct mapping *map,
						 u64 dma)
{
	u64 hash = hash_address(dma), tag = tag_of(hash, dma);

	if (bucket->tags && zero_bytes(bucket->tags ^ tag * EACH) && map->dma != dma)
		return NULL;
	if (map->users || !set_users(map, 0, MAP_BUSY))
		return NULL;
	tag_place(bucket, preferred(hash, dma), tag);
	return map;
}

/* @args: dev, phys, dma, size, dir, attrs; @nents at most 65535. True when that is all. */
static __always_inline bool fast_map(const u64 *args, u64 sp, u8 kind, u32 nents)
{
	struct device_state *device = fast_device(ARG(0));
	bool writes = ARG(4) != DIR_TO_DEVICE;
	u64 phys = ARG(1), ticks, tag;
	struct signature *signature;
	struct mapping *map;
	struct bucket *bucket;
	u32 flags;

	if (!device)
		return false;
	if (!device->fast)
		return device->pace == PACE_NONE;
	if (phys != ARG(2))
		return false;
	if (writes ? ((phys | ARG(3)) & facts.line_mask) != 0 : content_sampled(device))
		return false;
	if (is_free(phys))
		return false;
	bucket = bucket_at(home_of(hash_address(phys)));
	if (!bucket)
		return false;
	map = fast_place(bucket, phys);
	ticks = bpf_jiffies64();
	flags = device->flags | (sp & (TASK_STACK - 1)) << MAP_DEPTH_SHIFT;
	if (map->dma != phys || map->generation != device->generation || map->flags != flags ||
	    map->size != ARG(3) || map->shape != shape_of(ARG(4), kind, nents) ||
	    map->attrs != ARG(5)) {
		/* What it is made of; see not_dmable(). */
		if (ARG(3) - 1 >= LADDER << PAGE_SHIFT || !no_stack_page(sp, phys, ticks) ||
		    !is_plain(phys))
			return false;
		tag = signature_of(device, sp, ARG(3), ARG(4), kind, ARG(5));
		signature = signature_at(tag);
		if (signature->tag != tag)
			return false;
		map = fast_take(bucket, map, phys);
		if (!map)
			return false;
		map->dev = ARG(0);
		map->dma = phys;
		map->phys = phys;
		map->size = ARG(3);
		map->stack = signature->stack;
		map->generation = device->generation;
		map->attrs = ARG(5);
		map->shape = shape_of(ARG(4), kind, nents);
		map->flags = flags;
		__sync_lock_test_and_set(&map->users, 0);
	}
	if (writes && !fast_claim(phys, ARG(3)))
		return false;
	map->born = ticks;
	map->progress = OWNER_DEVICE | 1u << 16;
	map->turn = device->maps;
	map->steps[0].all = step_of(0, OP_MAP, STEP_TICKS);
	if (!set_users(map, 0, 1))
		return false;
	if (!(__sync_fetch_and_add(&device->maps, 1) & 1023))
		look_at_device(find_device(ARG(0)));
	return true;
}

/* The mapping at an address, when it is in its first bucket; NULL when not sure. */
static __always_inline struct mapping *fast_find(const struct device_state *device, u64 dma)
{
	u64 hash = hash_address(dma), found;
	struct bucket *bucket = bucket_at(home_of(hash));
	struct mapping *map;

	if (!bucket)
		return NULL;
	map = fast_place(bucket, dma);
	if (map->dma != dma) {
		found = zero_bytes(bucket->tags ^ tag_of(hash, dma) * EACH);
		if (!found)
			return NULL;
		map = &bucket->map[first_byte(found)];
		asm volatile("" : "+r"(map));
		if (map->dma != dma)
			return NULL;
	}
	return map->generation == device->generation ? map : NULL;
}

/* What else there is to do at the end of such a mapping. */
#define MAP_ENTANGLED (MAP_MET | MAP_CONTENT | MAP_SLACK | MAP_APART)

static __always_inline void fast_step(struct mapping *map, u8 op)
{
	u32 slot = map->nr_steps++ & (STEPS - 1);
	u64 ticks = bpf_jiffies64(), ns;

	if (map->flags & MAP_COARSE) {
		map->steps[slot].all = step_of(ticks - map->born, op, STEP_TICKS);
		return;
	}
	ns = ticks * facts.tick_ns + jiffies_offset - map->born;
	map->steps[slot].all = step_of(ns / STEP_NS, op, STEP_COARSE);
}

/* @args: dev, @skip others, dma, size, dir, attrs */
static __always_inline bool fast_unmap(const u64 *args, u32 skip, u8 kind, u32 nents)
{
	struct device_state *device = fast_device(ARG(0));
	struct mapping *map;

	if (!device)
		return false;
	if (device->pace != PACE_FAST)
		return device->pace == PACE_NONE;
	map = fast_find(device, ARG(skip + 1));
	if (!map || map->flags & MAP_ENTANGLED || map->size != ARG(skip + 2) ||
	    map->shape != shape_of(ARG(skip + 3), kind, nents) ||
	    (map->attrs ^ ARG(skip + 4)) & ATTRS_OF_MAPPING)
		return false;
	/* Nobody takes its place before this is done. */
	if (!set_users(map, 1, MAP_BUSY))
		return false;
	if (map->dir != DIR_TO_DEVICE)
		fast_release(map->phys, map->size);
	fast_step(map, OP_UNMAP);
	*(volatile u32 *)&map->users = 0;
	__sync_fetch_and_add(&device->unmaps, 1);
	return true;
}

/* @args: dev, dma, size, dir */
static __always_inline bool fast_sync(const u64 *args, u8 op)
{
	struct device_state *device = fast_device(ARG(0));
	struct mapping *map;

	if (!device)
		return false;
	if (device->pace != PACE_FAST)
		return device->pace == PACE_NONE;
	map = fast_find(device, ARG(1));
	if (!map || map->flags & (MAP_CONTENT | MAP_SLACK | MAP_BLIND) || !map->users ||
	    map->dir != ARG(3) || ARG(2) > map->size || map->kind > KIND_SG)
		return false;
	if (op == OP_SYNC_FOR_CPU) {
		map->owner = OWNER_CPU;
	} else {
		/* Handed over twice, in part, or worth a sample. */
		if (map->owner == OWNER_DEVICE || ARG(2) != map->size ||
		    (map->dir == DIR_TO_DEVICE && content_sampled(device)))
			return false;
		map->owner = OWNER_DEVICE;
	}
	fast_step(map, op);
	__sync_fetch_and_add(&device->syncs, 1);
	return true;
}

#endif
