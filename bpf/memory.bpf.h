/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading the kernel's memory: the direct map, and the allocation a physical
 * address lies in. Part of dmasnoop.bpf.c.
 */
#ifndef DMASNOOP_MEMORY_BPF_H
#define DMASNOOP_MEMORY_BPF_H

#define PAGE_SHIFT 12

static __always_inline u64 read_u64(const void *where)
{
	u64 value = 0;

	if (where)
		bpf_probe_read_kernel(&value, sizeof(value), where);
	return value;
}

static __always_inline u64 direct_map(void)
{
	if (!direct_map_base)
		direct_map_base = read_u64(&page_offset_base);
	return direct_map_base;
}

static __always_inline u64 vmemmap(void)
{
	if (!page_array)
		page_array = read_u64(&vmemmap_base);
	return page_array;
}

static __always_inline u64 phys_to_virt(u64 phys)
{
	u64 base = direct_map();

	return base ? base + phys : 0;
}

#define NOT_MEMORY (~0u)

/* Index of a page in page_lines; NOT_MEMORY when it is no RAM. */
__noinline u32 page_index(u64 phys)
{
	u64 base = 0;

	for (u32 i = 0; i < RAM_RANGES; i++) {
		if (phys >= ram[i].start && phys < ram[i].end)
			return base + ((phys - ram[i].start) >> PAGE_SHIFT);
		base += (ram[i].end - ram[i].start) >> PAGE_SHIFT;
	}
	return NOT_MEMORY;
}

/* 0 when the address is not memory in the direct map. */
static __always_inline u64 virt_to_phys(u64 virt)
{
	u64 base = direct_map();

	if (!base || virt < base || page_index(virt - base) == NOT_MEMORY)
		return 0;
	return virt - base;
}

static __always_inline u64 page_to_phys(u64 page)
{
	u64 first = vmemmap();
	u32 size = bpf_core_type_size(struct page);

	return first && size && page >= first ? (page - first) / size << PAGE_SHIFT : 0;
}

/* struct page of a physical address; NULL when the page array is not known. */
static __always_inline struct page *phys_to_page(u64 phys)
{
	u64 first = vmemmap();

	return first ? (void *)(first + (phys >> PAGE_SHIFT) * bpf_core_type_size(struct page)) :
		       NULL;
}

static __always_inline u64 compound_head(struct page *page)
{
	u64 info;

	if (bpf_core_field_exists(page->compound_head)) {
		info = BPF_CORE_READ(page, compound_head);
	} else {
		struct page___info *now = (void *)page;

		info = BPF_CORE_READ(now, compound_info);
	}
	if (!(info & 1))
		return (u64)page;
	/* The head itself, or, in the topmost 4 GiB, a mask that leads to it. */
	return info > 0xffffffff00000000 ? (u64)page & info : info - 1;
}

static __always_inline bool is_slab(struct page *page)
{
	if (bpf_core_enum_value_exists(enum pagetype, PGTY_slab))
		return BPF_CORE_READ(page, page_type) >> 24 ==
		       bpf_core_enum_value(enum pagetype, PGTY_slab);
	return BPF_CORE_READ(page, flags) >> bpf_core_enum_value(enum pageflags, PG_slab) & 1;
}

/* Before 6.11 a type was a cleared bit of a word of ones. */
static __always_inline bool is_buddy(struct page *page)
{
	u32 type = BPF_CORE_READ(page, page_type);

	if (bpf_core_enum_value_exists(enum pagetype, PGTY_buddy))
		return type >> 24 == bpf_core_enum_value(enum pagetype, PGTY_buddy);
	return (type & 0xf0000080) == 0xf0000000;
}

/* Memory that no allocator owns: the kernel's image, but for what was freed of it. */
__noinline int page_is_reserved(u64 phys)
{
	struct page *page = phys_to_page(phys);
	struct page___typed *typed = (void *)page;
	u64 flags;

	if (!page)
		return 0;
	if (bpf_core_field_exists(typed->flags.f))
		flags = BPF_CORE_READ(typed, flags.f);
	else
		flags = BPF_CORE_READ(page, flags);
	return flags >> bpf_core_enum_value(enum pageflags, PG_reserved) & 1;
}

#define ORDERS 11

/*
 * Is this page inside a block of the page allocator's free lists? Those that wait
 * in its per-CPU lists cannot be told from the tails of an allocation.
 */
__noinline int page_is_free(u64 phys)
{
	struct page *page = phys_to_page(phys), *head;

	if (!page || BPF_CORE_READ(page, _refcount.counter))
		return 0;
	for (u32 order = 0; order < ORDERS; order++) {
		head = phys_to_page(phys >> (PAGE_SHIFT + order) << (PAGE_SHIFT + order));
		if (head && is_buddy(head) && BPF_CORE_READ(head, private) >= order)
			return 1;
	}
	return 0;
}

/* Whose pages are these? Only meaningful for what is no slab. */
static __always_inline bool page_has_owner(u64 phys)
{
	struct page *page = phys_to_page(phys);

	if (!page)
		return true;
	page = (void *)compound_head(page);
	return BPF_CORE_READ(page, mapping) != NULL;
}

/* The allocation at a physical address: slab object, or pages. */
__noinline int find_object(struct object *object, u64 phys)
{
	struct page *page = phys_to_page(phys);
	struct kmem_cache *cache;
	struct slab *slab;
	u64 first, pad = 0;
	const char *name;

	if (!object)
		return 0;
	object->kind = OBJECT_UNKNOWN;
	object->start = 0;
	object->size = 0;
	object->room = 0;
	object->cache[0] = '\0';
	if (!page)
		return 0;
	page = (void *)compound_head(page);
	first = page_to_phys((u64)page);
	if (!is_slab(page)) {
		object->kind = OBJECT_PAGE;
		object->start = first;
		return 0;
	}
	slab = (void *)page;
	cache = BPF_CORE_READ(slab, slab_cache);
	object->size = BPF_CORE_READ(cache, object_size);
	object->room = BPF_CORE_READ(cache, size);
	if (bpf_core_field_exists(cache->red_left_pad))
		pad = BPF_CORE_READ(cache, red_left_pad);
	if (!object->room || !object->size || phys < first || pad >= object->room)
		return 0;
	object->start = first + (phys - first) / object->room * object->room + pad;
	object->room -= pad;
	name = BPF_CORE_READ(cache, name);
	bpf_probe_read_kernel_str(object->cache, sizeof(object->cache), name);
	object->kind = OBJECT_SLAB;
	/* kmalloc-64, kmalloc-rnd-07-64, kmalloc-cg-64, dma-kmalloc-64 */
	if (*(u32 *)object->cache == 0x6c616d6b /* kmal */ ||
	    (*(u32 *)object->cache == 0x2d616d64 /* dma- */ &&
	     *(u32 *)(object->cache + 4) == 0x6c616d6b) ||
	    /* kmem_buckets: memdup_user-64, msg_msg-64 */
	    *(u32 *)object->cache == 0x646d656d /* memd */ ||
	    *(u64 *)object->cache == 0x2d67736d5f67736d /* msg_msg- */)
		object->kind = OBJECT_KMALLOC;
	return 0;
}

#endif
