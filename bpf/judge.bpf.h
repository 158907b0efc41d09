/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What happens at each event: the mapping is looked up, the rules (rules.h) are asked, and
 * what is known changes. Part of dmasnoop.bpf.c.
 */
#ifndef DMASNOOP_JUDGE_BPF_H
#define DMASNOOP_JUDGE_BPF_H

/* --- memory that must not be mapped --- */

static __always_inline bool inside(const volatile struct range *range, u64 phys)
{
	return phys >= range->start && phys < range->end;
}

static __always_inline u64 stack_tag(u64 base, u64 ticks)
{
	return base ^ ticks >> 8;
}

static __always_inline u64 stack_base(u64 sp)
{
	return sp & ~(u64)(TASK_STACK - 1);
}

static __always_inline struct seen_stack *stack_seen(u64 sp)
{
	return &seen_stacks[sp / (2 * TASK_STACK) & (STACKS_SEEN - 1)];
}

/* For the fast path: which pages may be of the running task's stack. */
static __always_inline void see_stack(const struct stack_pages *stack, u64 sp)
{
	struct seen_stack *seen = stack_seen(sp);
	u64 pages = 0;

	for (u32 i = 0; i < STACK_PAGES; i++)
		if (stack->page[i])
			pages |= 1ull << (stack->page[i] & 63);
	__sync_lock_test_and_set(&seen->tag, 0);
	__sync_lock_test_and_set(&seen->pages, pages);
	__sync_lock_test_and_set(&seen->tag, stack_tag(stack_base(sp), bpf_jiffies64()));
}

/*
 * Is this page one of the current task's stack? Its pages are read once a task. @sp
 * is somewhere on the stack that is in use, which can be an interrupt's.
 */
__noinline int on_stack(u64 phys, u64 sp)
{
	u64 task = bpf_get_current_task(), pid = bpf_get_current_pid_tgid();
	struct cpu_state *cpu = this_cpu();
	u64 page = phys >> PAGE_SHIFT;

	if (!cpu)
		return 0;
	if (cpu->stack.task != task || cpu->stack.pid != pid) {
		struct task_struct *current = (void *)task;
		struct page **pages;
		u32 nr;

		__builtin_memset(&cpu->stack, 0, sizeof(cpu->stack));
		if (!bpf_core_field_exists(current->stack_vm_area))
			return 0;
		pages = BPF_CORE_READ(current, stack_vm_area, pages);
		nr = BPF_CORE_READ(current, stack_vm_area, nr_pages);
		for (u32 i = 0; i < STACK_PAGES && i < nr; i++)
			cpu->stack.page[i] = page_to_phys(read_u64(&pages[i])) >> PAGE_SHIFT;
		cpu->stack.pid = pid;
		cpu->stack.task = task;
	}
	see_stack(&cpu->stack, sp);
	for (u32 i = 0; i < STACK_PAGES; i++)
		if (cpu->stack.page[i] && cpu->stack.page[i] == page)
			return 1;
	return 0;
}

/*
 * dma-api-howto.rst, "What memory is DMA'able?". Static data is forbidden there,
 * but works where the kernel image is in the direct map: only a hazard, and a
 * device that merely reads it (the zero page) is left alone.
 */
__noinline int not_dmable(struct scratch *s)
{
	u32 level = LEVEL_VIOLATION;

	s = own(s);
	if (!s)
		return 0;
	if (s->kind == KIND_RESOURCE) {
		if (page_index(s->phys) == NOT_MEMORY)
			return 0;
		s->detail = DETAIL_RAM;
	} else if ((inside(&kernel_text, s->phys) || inside(&kernel_rodata, s->phys)) &&
		   page_is_reserved(s->phys)) {
		s->detail = DETAIL_TEXT;
	} else if (rule_device_writes(s->dir) &&
		   (inside(&kernel_data, s->phys) || inside(&kernel_bss, s->phys)) &&
		   page_is_reserved(s->phys)) {
		s->detail = DETAIL_DATA;
		level = LEVEL_HAZARD;
	} else if (on_stack(s->phys, s->sp)) {
		s->detail = DETAIL_STACK;
	} else if (page_array && page_is_free(s->phys)) {
		s->detail = DETAIL_FREE;
	} else {
		return 0;
	}
	return WITH_LEVEL(CHECK_ADDR_NOT_DMABLE, level);
}

/* An entry of a list that does not keep what its device states. */
__noinline int judge_segment(struct scratch *s)
{
	s = own(s);
	if (!s)
		return 0;
	if (s->size > s->sg.max)
		s->detail = DETAIL_TOO_LONG;
	else if (!s->sg.merged && !rule_segment(s->dma, s->sg.segment_size, ~0ull, s->sg.boundary))
		s->detail = DETAIL_BOUNDARY;
	else
		return 0;
	judge(s, WITH_LEVEL(CHECK_SG_LIMITS, LEVEL_HAZARD) | WITH_MAP);
	s->detail = DETAIL_NONE;
	return 0;
}

/* --- the events --- */

/*
 * The mapping at @s->at was live already when it was mapped. Its first mapping may be
 * gone, only the news of it not here yet: from now on what counts is this handover.
 */
static __always_inline void handed_over_again(struct scratch *s)
{
	struct mapping *map = mapping_at(s->at);

	if (!map)
		return;
	map->owner = OWNER_DEVICE;
	add_step(map, OP_MAP);
}

/*
 * Takes a live slot for the event at work: nobody else can join or end the mapping until
 * unlock_slot(). Returns the slot's word, or 0 when no mapping is live there.
 */
static __always_inline u32 lock_slot(struct mapping *map)
{
	SHORT_LOOP
	for (u32 i = 0; i < 8; i++) {
		u32 users = *(volatile u32 *)&map->users;

		if (!slot_is_live(users))
			return 0;
		if (set_users(map, users, users + SLOT_ENDING))
			return users;
	}
	return 0;
}

/* Makes the slot live again, with @more users than before. */
static __always_inline void unlock_slot(struct mapping *map, u32 more)
{
	__sync_fetch_and_add(&map->users, more - SLOT_ENDING);
}

/* Does the slot still hold the mapping that a search found? It may have been reused since. */
static __always_inline bool is_still(const struct scratch *s, const struct mapping *map,
				     u32 generation)
{
	return *(volatile u64 *)&map->dma == s->dma &&
	       *(volatile u32 *)&map->generation == generation && (!s->exact || fits(s, map));
}

/*
 * One more user of the live mapping at @s->at; false when its last one has just gone and it
 * is being removed, which must not be undone.
 */
__noinline int join(struct scratch *s)
{
	struct device_state *device;
	struct mapping *map;

	s = own(s);
	device = s ? known_device(s) : NULL;
	map = s ? mapping_at(s->at) : NULL;
	if (!s || !map || !device || !lock_slot(map))
		return false;
	if (is_still(s, map, device->generation)) {
		unlock_slot(map, 1);
		return true;
	}
	unlock_slot(map, 0);
	return false;
}

enum parted { NOT_LIVE, NOT_LAST, LAST };

/*
 * One user less of the mapping at @s->at. After the LAST its slot is ENDING, and nobody
 * else's before end_lines(). NOT_LIVE: another event was first.
 */
__noinline int part(struct scratch *s, u32 generation)
{
	struct mapping *map;
	u32 users;

	s = own(s);
	map = s ? mapping_at(s->at) : NULL;
	users = map ? lock_slot(map) & SLOT_USERS : 0;
	if (!s || !map || !users)
		return NOT_LIVE;
	if (!is_still(s, map, generation)) {
		unlock_slot(map, 0);
		return NOT_LIVE;
	}
	if (users > 1) {
		unlock_slot(map, -1);
		return NOT_LAST;
	}
	__sync_fetch_and_add(&map->users, -1);
	return LAST;
}

/* All users less, as the device has lost its driver. Then the slot is ENDING. */
__noinline int part_all(u32 at, u32 generation)
{
	struct mapping *map = mapping_at(at);
	u32 users = map ? lock_slot(map) & SLOT_USERS : 0;

	if (!map || !users)
		return false;
	if (*(volatile u32 *)&map->generation != generation) {
		unlock_slot(map, 0);
		return false;
	}
	__sync_fetch_and_add(&map->users, -users);
	return true;
}

/* Releases the lines of a mapping whose slot is ENDING, and frees the slot. */
static __always_inline void end_lines(struct mapping *map)
{
	bool release = claims_lines(map) && set_users(map, SLOT_ENDING, SLOT_RELEASING);

	/*
	 * Lines that it shared may still be somebody's. A bit too many costs a look at
	 * the mappings themselves, one too few would hide a bug.
	 */
	if (release)
		lines_release(map->phys, map->size);
	/* Before the slot is free; the fast path has counted its unmap by then: search_live(). */
	__sync_fetch_and_add(&device_at(map)->ends, 1);
	end_slot(map, release);
}

/*
 * Finds the mapping that @s's unmap is about, and takes this user from it; its place in
 * @s->at. Another CPU that unmaps the same buffer, mapped twice, may take what was found
 * here: then the other one is looked for.
 */
static __always_inline u32 find_parted(struct scratch *s, u32 generation)
{
	u32 parted = NOT_LIVE;

	SHORT_LOOP
	for (u32 i = 0; i < 8 && parted == NOT_LIVE; i++) {
		u32 at = search_live(s);

		if (at == NOWHERE)
			return NOT_LIVE;
		parted = part(s, generation);
	}
	/* Others have been first each time. */
	if (parted == NOT_LIVE)
		s->leaving = 1;
	return parted;
}

/* Ends the mapping at a place if it is of a device that was in this one's place before. */
static __always_inline void end_stale(u32 at, u32 generation)
{
	struct mapping *map = at == NOWHERE ? NULL : mapping_at(at);
	u32 users = map ? lock_slot(map) & SLOT_USERS : 0;

	if (!map || !users)
		return;
	if (is_stale(map, generation)) {
		__sync_fetch_and_add(&map->users, -users);
		end_lines(map);
	} else {
		unlock_slot(map, 0);
	}
}

enum inserted { INSERTED, MAPPED_AGAIN, NO_ROOM };

/*
 * Make @s->map live, at @s->at. A buffer that the device only reads may be mapped many
 * times at once (the zero page, by every writer of zeroes): that is counted.
 */
__noinline int insert(struct scratch *s)
{
	struct device_state *device;
	struct mapping *map;

	s = own(s);
	device = s ? known_device(s) : NULL;
	if (!s || !device)
		return NO_ROOM;
	if (s->dir == DIR_TO_DEVICE) {
		s->at = search_exact(s, EXACT_SAME);
		if (s->at != NOWHERE && join(s))
			return MAPPED_AGAIN;
	}
	end_stale(search_exact(s, EXACT_STALE), device->generation);
	s->at = take_place(s->dma);
	map = s->at == NOWHERE ? NULL : mapping_at(s->at);
	if (!map) {
		count_lost(LOST_TABLE);
		return NO_ROOM;
	}
	s->map.users = SLOT_TAKEN;
	s->map.turn = device->maps;
	__builtin_memcpy(map, &s->map, sizeof(*map));
	s->map.users = 1;
	__sync_lock_test_and_set(&map->users, 1);
	return INSERTED;
}

/*
 * Checks a buffer that the device may write. With DMA_ATTR_SKIP_CPU_SYNC only a sync hands the
 * buffer over; where syncs are not seen, the map counts as the handover.
 */
static __always_inline void judge_writable(struct scratch *s)
{
	u8 level;

	if (lines_claim(s->phys, s->size))
		judge_meeting(s);
	if (!has_slack(s->phys, s->size))
		return;
	find_object(&s->object, s->phys);
	level = rule_shared_object(&s->object, s->phys, s->size, line_size);
	if (level < NR_LEVELS)
		judge(s, WITH_LEVEL(CHECK_LINE_SHARED_OBJECT, level) | WITH_MAP);
	if (s->attrs & ATTR_SKIP_CPU_SYNC && known_device(s))
		known_device(s)->by_hand = 1;
	if (!(s->attrs & ATTR_SKIP_CPU_SYNC) || s->map.flags & MAP_BLIND)
		slack_remember(s);
}

/* An IOMMU lets a device reach whole pages: what else is in them? */
static __always_inline void judge_exposed(struct scratch *s)
{
	if (!((s->phys | s->size) & ((1 << PAGE_SHIFT) - 1)) || min_level > LEVEL_NOTE)
		return;
	find_object(&s->object, s->phys);
	if (s->object.kind == OBJECT_SLAB || s->object.kind == OBJECT_KMALLOC)
		judge(s, WITH_LEVEL(CHECK_PAGE_EXPOSED, LEVEL_NOTE) | WITH_MAP);
}

/* What hardly ever changes: are the device's syncs seen, is it a case for the fast path? */
__noinline int look_at_device(u32 at)
{
	struct device_state *device = &devices[at & (DEVICES_MAX - 1)];
	u64 offset = bpf_ktime_get_ns() - bpf_jiffies64() * facts.tick_ns;
	struct device *dev = (void *)device->dev;
	struct device_dma_parameters *stated = BPF_CORE_READ(dev, dma_parms);
	u64 max = stated ? BPF_CORE_READ(stated, max_segment_size) : 0;
	u64 boundary = stated ? BPF_CORE_READ(stated, segment_boundary_mask) : 0;

	/* The earliest: right after a tick. */
	if (!jiffies_offset || (__s64)(offset - jiffies_offset) < 0)
		jiffies_offset = offset;
	/* dma_get_max_seg_size(), dma_get_seg_boundary() */
	device->max_segment = max ?: 65536;
	device->boundary = boundary ?: 0xffffffff;
	if (content_mode == CONTENT_OFF)
		device->content_next = ~0ull;
	device->skips_sync = skips_sync(dev);
	device->flags = MAP_COARSE | MAP_ALIKE | (device->skips_sync ? MAP_BLIND : 0);
	set_pace(device);
	return 0;
}

/*
 * A map, or an allocation: @s holds dev, dma, phys, size, dir, kind, attrs, op and
 * the key of its stack in map.stack.
 */
__noinline int judge_map(struct scratch *s)
{
	struct device_state *device;
	struct mapping *map;
	u32 bad;

	s = own(s);
	device = s ? known_device(s) : NULL;
	if (!s || !device)
		return 0;
	if (s->kind == KIND_COHERENT) {
		__sync_fetch_and_add(&device->allocs, 1);
		__sync_fetch_and_add(&device->odd, 1);
	} else {
		__sync_fetch_and_add(&device->maps, 1);
	}
	/*
	 * The first bounce makes a device's syncs real (dma_reset_need_sync()); and
	 * the flag is set by dma_set_mask(), maybe after the first allocation.
	 */
	if (device->pace == PACE_SLOW)
		look_at_device(s->device);
	map = &s->map;
	map->generation = device->generation;
	map->dma = s->dma;
	map->phys = s->phys;
	map->size = s->size;
	map->attrs = s->attrs;
	map->dir = s->dir;
	map->kind = s->kind;
	map->nents = s->nents <= 0xffff ? s->nents : 0;
	map->owner = rule_is_streaming(s->kind) && !rule_is_allocated(s->kind) ? OWNER_DEVICE :
										 OWNER_CPU;
	map->flags |= device->skips_sync ? MAP_BLIND : 0;
	map->flags |= map->phys != map->dma ? MAP_APART : 0;
	map->flags |= (s->sp & (TASK_STACK - 1)) << MAP_DEPTH_SHIFT;
	map->born = bpf_ktime_get_ns();
	map->nr_steps = 0;
	add_step(map, s->op);

	if (s->phys && s->kind != KIND_COHERENT && !rule_is_allocated(s->kind)) {
		bad = not_dmable(s);
		if (bad)
			judge(s, bad | WITH_MAP);
		s->detail = DETAIL_NONE;
	}
	/* A driver that need not unmap does not tell what is over. */
	if (device->lazy && s->kind != KIND_COHERENT) {
		__sync_fetch_and_add(&device->odd, -1);
		return 0;
	}
	switch (insert(s)) {
	case INSERTED:
		break;
	case MAPPED_AGAIN:
		handed_over_again(s);
		return 0;
	default:
		__sync_fetch_and_add(&device->odd, -1);
		lose_event_of(device);
		return 0;
	}
	index_add(s, SPACE_DMA);
	if (!s->phys)
		return 0;
	index_add(s, SPACE_PHYS);
	if (device->iommu && rule_is_streaming(s->kind))
		judge_exposed(s);
	if (claims_lines(map))
		judge_writable(s);
	else
		content_remember(s);
	return 0;
}

#include "fast.bpf.h"

/* The stack for @s->map: its own, or that of the first mapping like it. */
static __always_inline void find_stack(void *ctx, struct scratch *s, struct device_state *device)
{
	u64 tag = signature_of(device, s->sp, s->size, s->dir, s->kind, s->attrs), stack;

	s->map.flags = 0;
	if (!stacks_always && !device->told && device->maps >= MAPS_TO_KNOW && !device->has_ops &&
	    read_signature(tag, &stack)) {
		s->map.flags = MAP_ALIKE;
		s->map.stack = stack;
		return;
	}
	s->map.stack = keep_stack(ctx, s);
	write_signature(tag, s->map.stack);
}

static __always_inline int on_map(void *ctx, struct scratch *s)
{
	struct device_state *device = device_of(s);

	if (!device)
		return 0;
	s->sp = number((u64)ctx);
	if (s->dma == ~0ull || !s->size) {
		__sync_fetch_and_add(&device->failed, 1);
		return 0;
	}
	find_stack(ctx, s, device);
	judge_map(s);
	if (s->kind == KIND_SG)
		judge_segment(s);
	send_verdicts(ctx, s);
	return 0;
}

/* The mapping at @s->at, whose slot is ENDING, is over: takes it out of every table. */
__noinline int forget(struct scratch *s)
{
	struct mapping *map;
	u32 flags;

	s = own(s);
	map = s ? mapping_at(s->at) : NULL;
	if (!s || !map)
		return 0;
	flags = map->flags;
	s->phys = map->phys;
	s->size = map->size;
	content_forget(s);
	if (flags & MAP_SLACK)
		drop_slack(s->phys);
	end_lines(map);
	return 0;
}

/*
 * Reports a call for the wrong device: this device has no mapping at the address, but a parent
 * or a child of it has. Returns 1 and puts that mapping in @s, or 0. Two devices may both have
 * mapped a buffer that they only read, this one before the trace, so that is unsure.
 */
__noinline int judge_family(struct scratch *s)
{
	u32 at = search_exact(s, EXACT_FAMILY), what = CHECK_ADDR_UNKNOWN | WITH_MAP;
	struct mapping *map = at == NOWHERE ? NULL : mapping_at(at);

	s = own(s);
	if (!s || !map)
		return 0;
	s->at = at;
	__builtin_memcpy(&s->map, map, sizeof(s->map));
	s->detail = DETAIL_OTHER_DEVICE;
	if (rule_device_writes(s->dir))
		judge(s, what | LEVEL_VIOLATION << 8);
	else
		judge(s, what | LEVEL_HAZARD << 8 | UNSURE);
	s->detail = DETAIL_NONE;
	return 1;
}

/*
 * Unmap of something that is not live. Only for a device that was born while
 * tracing, and of which nothing was lost, is every mapping known.
 *
 * Returns 1 when the mapping at @s->at, another device's, is over by it.
 */
static __always_inline bool judge_unknown(struct scratch *s, struct device_state *device)
{
	u32 at = search_exact(s, EXACT_OVER);
	struct mapping *was = at == NOWHERE ? NULL : mapping_at(at);
	bool sure = device->complete && !events_lost(s, device, device->since, s->dma);

	/* If the mapping is put back, no other unmap will end it. */
	if (s->leaving) {
		lose_unmap_of(device, s->dma);
		return false;
	}
	/* What a driver frees after it left was told of then; its device may be another now. */
	if (device->lazy || (was && was->owner == OWNER_NOBODY))
		return false;
	if (judge_family(s)) {
		__sync_fetch_and_add(&device_at(&s->map)->odd, -1);
		return part(s, s->map.generation) == LAST;
	}
	if (was && was->generation != device->generation)
		was = NULL;
	if (was)
		__builtin_memcpy(&s->map, was, sizeof(s->map));
	if (sure && was)
		judge(s, WITH_LEVEL(CHECK_DOUBLE_UNMAP, LEVEL_VIOLATION) | WITH_MAP);
	else if (sure)
		judge(s, WITH_LEVEL(CHECK_ADDR_UNKNOWN, LEVEL_VIOLATION));
	else if (was && !events_lost(s, device, born_ns(was), s->dma) && was->size == s->size &&
		 was->dir == s->dir)
		/* Or a mapping of the same buffer that is older than the trace. */
		judge(s, WITH_LEVEL(CHECK_DOUBLE_UNMAP, LEVEL_HAZARD) | UNSURE | WITH_MAP);
	else
		__sync_fetch_and_add(&device->older, 1);
	return false;
}

/* Notes each check of a rule's answer. */
__noinline int judge_all(struct scratch *s, u32 found)
{
	s = own(s);
	for (u32 check = 0; s && check < NR_CHECKS; check++)
		if (found & CHECK_BIT(check))
			judge(s, WITH_LEVEL(check, rule_level(check, &s->map)) | WITH_MAP);
	return 0;
}

/*
 * An unmap, or a free: @s holds dev, dma, size, dir, kind, nents, attrs, op. Returns
 * 1 when the mapping at @s->at is over by it.
 */
__noinline int judge_unmap(struct scratch *s)
{
	struct device_state *device;
	struct call call = {};
	struct mapping *map;
	u32 found, parted;

	s = own(s);
	device = s ? known_device(s) : NULL;
	if (!s || !device)
		return 0;
	if (s->kind != KIND_COHERENT)
		__sync_fetch_and_add(&device->unmaps, 1);
	s->missing = device->skips_sync || device->unmatched;
	parted = find_parted(s, device->generation);
	map = parted == NOT_LIVE ? NULL : mapping_at(s->at);
	if (!map) {
		if (s->kind != KIND_COHERENT)
			__sync_fetch_and_add(&device->odd, 1);
		return judge_unknown(s, device);
	}
	__builtin_memcpy(&s->map, map, sizeof(s->map));
	call.size = s->size;
	call.attrs = s->attrs;
	call.nents = s->nents;
	call.dir = s->dir;
	call.kind = s->kind;
	/* What its driver need not unmap may be over, and another at the address meant. */
	found = device->lazy && s->kind != KIND_COHERENT ? 0 : rule_unmap(map, &call);
	if (found)
		judge_all(s, found);
	if (s->cpu_address && map->phys && s->cpu_address != map->phys) {
		s->detail = DETAIL_CPU_ADDRESS;
		judge(s, WITH_LEVEL(CHECK_ADDR_UNKNOWN, LEVEL_VIOLATION) | WITH_MAP);
	}
	if (s->kind == KIND_COHERENT)
		__sync_fetch_and_add(&device->odd, -1);
	/* Somebody else still has it mapped. */
	if (parted != LAST)
		return 0;
	slack_compare(s);
	/* An unmap in the wrong direction may itself have copied a bounced buffer back. */
	if (!(found & CHECK_BIT(CHECK_DIR_MISMATCH)))
		content_compare(s);
	return 1;
}

/* Ends the mapping at @s->at, which may be asked for once more, by mistake. */
__noinline int end_mapping(struct scratch *s)
{
	struct mapping *map;

	s = own(s);
	map = s ? mapping_at(s->at) : NULL;
	if (!s || !map)
		return 0;
	add_step(map, s->op);
	map->owner = OWNER_CPU;
	return forget(s);
}

static __always_inline int on_unmap(void *ctx, struct scratch *s)
{
	bool over;

	if (!device_of(s))
		return 0;
	over = judge_unmap(s);
	send_verdicts(ctx, s);
	if (over)
		end_mapping(s);
	return 0;
}

/*
 * Sync of an address that no known mapping covers. It may lie in a mapping that
 * the index has forgotten, so only an address that was a mapping's own, and is
 * not any more, is certain: of a device of which everything is known.
 */
static __always_inline void judge_unknown_sync(struct scratch *s, struct device_state *device)
{
	u32 at = search_exact(s, EXACT_OVER);
	struct mapping *was = at == NOWHERE ? NULL : mapping_at(at);

	if (judge_family(s))
		return;
	if (was && was->generation == device->generation && device->complete &&
	    !events_lost(s, device, born_ns(was), s->dma) && s->size <= was->size) {
		__builtin_memcpy(&s->map, was, sizeof(s->map));
		judge(s, WITH_LEVEL(CHECK_ADDR_AFTER_UNMAP, LEVEL_VIOLATION) | WITH_MAP);
	} else if (device->complete && !events_lost(s, device, device->since, s->dma) &&
		   !live_of(device)) {
		/* It has no mapping at all. */
		judge(s, WITH_LEVEL(CHECK_ADDR_UNKNOWN, LEVEL_VIOLATION));
	} else {
		__sync_fetch_and_add(&device->unmatched, 1);
	}
}

/*
 * The CPU wrote the buffer while it owned it, and now takes it again: nothing handed the bytes
 * to the device in between. To sync for the CPU twice and only read is right
 * (Documentation/core-api/dma-api-howto.rst, "Using Streaming DMA mappings"). Syncs of other
 * parts of the buffer do not count.
 */
__noinline int judge_not_handed_back(struct scratch *s)
{
	struct mapping *map;

	s = own(s);
	map = s ? mapping_at(s->at) : NULL;
	if (!s || !map)
		return 0;
	for (u32 i = 0; i < WATCHES; i++) {
		struct own_write *write = &own_writes[i];

		if (write->at != s->at || write->born != map->born || write->turn != map->turn ||
		    write->generation != map->generation || !write->stack ||
		    write->phys - map->phys - (s->dma - map->dma) >= s->size)
			continue;
		if (s->op == OP_SYNC_FOR_CPU) {
			s->culprit = write->stack;
			s->watched = 1;
			s->detail = DETAIL_NOT_HANDED_BACK;
			judge(s,
			      WITH_LEVEL(CHECK_CPU_WRITE_DEVICE_OWNED, LEVEL_VIOLATION) | WITH_MAP);
			s->detail = DETAIL_NONE;
		}
		write->stack = 0;
	}
	return 0;
}

/* Returns 1 when the mapping at @s->at was synced. */
__noinline int judge_sync(struct scratch *s)
{
	struct device_state *device;
	struct call call = {};
	struct mapping *map;
	u32 found;

	s = own(s);
	device = s ? known_device(s) : NULL;
	if (!s || !device)
		return 0;
	__sync_fetch_and_add(&device->syncs, 1);
	if (device->pace == PACE_SLOW)
		look_at_device(s->device);
	/* Whoever syncs visibly is not skipped: a first bounce can change that. */
	device->skips_sync = 0;
	/* A sync that was not matched gave some line to somebody. */
	s->missing = device->unmatched != 0;
	map = find_exact(s);
	if (!map)
		map = find_containing(s, SPACE_DMA, s->dma);
	if (!map) {
		judge_unknown_sync(s, device);
		return 0;
	}
	__builtin_memcpy(&s->map, map, sizeof(s->map));
	call.size = s->size;
	call.nents = s->nents;
	call.offset = s->dma - map->dma;
	call.dir = s->dir;
	call.kind = s->kind;
	found = rule_sync(map, &call, s->op);
	if (found)
		judge_all(s, found);
	if (map->flags & MAP_WRITTEN)
		judge_not_handed_back(s);
	if (s->op == OP_SYNC_FOR_CPU) {
		slack_compare(s);
		content_compare(s);
	}
	return 1;
}

/* Moves ownership of the mapping at @s->at. */
__noinline int move_owner(struct scratch *s)
{
	struct mapping *map;
	u8 owner;

	s = own(s);
	map = s ? mapping_at(s->at) : NULL;
	if (!s || !map)
		return 0;
	owner = rule_owner_after_sync(map, s->size, s->op);
	/* A map with SKIP_CPU_SYNC counts as a handover, but it may not be the last. */
	if (owner == OWNER_DEVICE && s->size >= map->size &&
	    (map->owner == OWNER_CPU || map->attrs & ATTR_SKIP_CPU_SYNC) && claims_lines(map) &&
	    has_slack(map->phys, map->size))
		slack_remember(s);
	if (owner == OWNER_DEVICE)
		content_remember(s);
	map->owner = owner;
	add_step(map, s->op);
	return 0;
}

static __always_inline int on_sync(void *ctx, struct scratch *s)
{
	bool synced;

	if (!device_of(s))
		return 0;
	synced = judge_sync(s);
	send_verdicts(ctx, s);
	if (synced)
		move_owner(s);
	return 0;
}

/* Marks @size bytes from @from on of the first (0) or last (1) line. */
__noinline int mark_bytes(struct scratch *s, u32 which, u32 from, u64 size)
{
	u64 to = from + size < line_size ? from + size : line_size;

	s = own(s);
	if (!s)
		return 0;
	for (u32 word = 0; word < LINE_SIZE_MAX / 64; word++) {
		u64 low = from > word * 64 ? from - word * 64 : 0;
		u64 high = to > word * 64 ? to - word * 64 : 0;

		if (low >= 64 || high <= low)
			continue;
		if (high >= 64)
			s->changed[which & 1][word] |= ~0ull << low;
		else
			s->changed[which & 1][word] |= (1ull << high) - (1ull << low);
	}
	return 0;
}

/* The CPU wrote [phys, phys + size), on a line of @map, beside its bytes. */
static __always_inline int judge_neighbour_write(struct scratch *s, struct mapping *map, u32 unsure)
{
	if (map->owner != OWNER_DEVICE || map->flags & MAP_TOLD)
		return 0;
	find_object(&s->object, map->phys);
	find_object(&s->other_object, s->phys);
	if (rule_same_line_apart(&s->object, &s->other_object))
		return 0;
	__sync_fetch_and_or(&map->flags, MAP_TOLD);
	__builtin_memcpy(&s->map, map, sizeof(s->map));
	add_step(&s->map, s->op);
	__builtin_memset(s->changed, 0, sizeof(s->changed));
	mark_bytes(s, map->phys / line_size != s->phys / line_size, s->phys % line_size, s->size);
	return judge(s, WITH_LEVEL(CHECK_LINE_NEIGHBOUR_WRITE, LEVEL_HAZARD) | WITH_MAP | unsure);
}

/* A CPU access to [phys, phys + size) that the driver itself announced. */
__noinline int judge_access(struct scratch *s)
{
	struct device_state *device;
	struct mapping *map;
	u8 check;

	s = own(s);
	device = s ? known_device(s) : NULL;
	if (!s || !device)
		return 0;
	map = find_containing(s, SPACE_PHYS, s->phys);
	if (map && rule_contains(map, s->phys, s->size)) {
		check = rule_cpu_access(map, s->op == OP_CPU_WRITE);
		/* Without syncs the CPU may own it by now. */
		if (check == CHECK_NONE || device->skips_sync)
			return 0;
		add_step(map, s->op);
		__builtin_memcpy(&s->map, map, sizeof(s->map));
		return judge(s, WITH_LEVEL(check, LEVEL_VIOLATION) | WITH_MAP);
	}
	s->at = NOWHERE;
	if (s->op != OP_CPU_WRITE || !page_is_claimed(s->phys) || !meet(s, MEET_FIRST))
		return 0;
	map = live_any(s->other_at);
	return map ? judge_neighbour_write(s, map, 0) : 0;
}

static __always_inline int on_access(void *ctx, struct scratch *s)
{
	if (!device_of(s))
		return 0;
	judge_access(s);
	send_verdicts(ctx, s);
	return 0;
}

#include "lists.bpf.h"

/* --- devices coming and going --- */

static __always_inline int on_device_add(u64 address)
{
	u64 now = bpf_ktime_get_ns();

	if (armed)
		bpf_map_update_elem(&born, &address, &now, BPF_ANY);
	return 0;
}

struct leak_walk {
	void *ctx;
	struct scratch *s;
	u64 left;
	u32 index;
	u32 pad;
};

static long leak_one(u32 place, struct leak_walk *walk)
{
	struct mapping *map = mapping_at(walk->index * BUCKET + place);
	struct scratch *s = walk->s;
	struct device_state *device = known_device(s);

	if (!map || !device || !is_live(map) || map->generation != device->generation)
		return 0;
	if (walk->left)
		walk->left--;
	s->at = walk->index * BUCKET + place;
	/* It was mapped before its driver asked whether it has to be unmapped. */
	if (device->lazy && map->kind != KIND_COHERENT)
		return part_all(s->at, device->generation) ? forget(s) : 0;
	s->dma = map->dma;
	s->size = map->size;
	s->dir = map->dir;
	__builtin_memcpy(&s->map, map, sizeof(s->map));
	/* A lost unmap looks the same. */
	if (events_lost(s, device, born_ns(map), map->dma))
		judge(s, WITH_LEVEL(CHECK_LEAK, LEVEL_HAZARD) | UNSURE | WITH_MAP);
	else
		judge(s, WITH_LEVEL(CHECK_LEAK, LEVEL_VIOLATION) | WITH_MAP);
	send_verdicts(walk->ctx, s);
	map->owner = OWNER_NOBODY;
	if (part_all(s->at, device->generation))
		forget(s);
	return 0;
}

static long leak_bucket(void *table, u32 *index, struct bucket *bucket, struct leak_walk *walk)
{
	if (!bucket->tags)
		return 0;
	walk->index = *index;
	bpf_loop(BUCKET, leak_one, walk, 0);
	return walk->left ? 0 : 1;
}

/*
 * After the driver's remove, or a probe that failed, and every devm release: what is
 * still mapped leaked. What a virtio transport does is for its function's driver.
 */
static __always_inline int on_device_unbound(void *ctx, u64 address, u64 caller)
{
	u64 now = bpf_ktime_get_ns();
	struct device *dev = (void *)address;
	struct device_state *device;
	struct device_gone *gone;
	struct scratch *s;
	u32 at;

	if (!armed)
		return 0;
	if (is_on_virtio_bus(dev))
		address = (u64)BPF_CORE_READ(dev, parent);
	bpf_map_update_elem(&born, &address, &now, BPF_ANY);
	at = find_device(address);
	device = &devices[at & (DEVICES_MAX - 1)];
	if (at == NOWHERE || !device->ready)
		return 0;
	/* It has no twin: nobody would take back a mark. */
	s = take();
	if (!s)
		return 0;
	s->caller = caller;
	if (!device->ignored) {
		struct leak_walk walk = { .ctx = ctx, .s = s, .left = live_of(device) };

		s->dev = address;
		s->device = at;
		s->op = OP_UNBIND;
		s->kind = KIND_SINGLE;
		if (walk.left)
			bpf_for_each_map_elem(&mappings, leak_bucket, &walk, 0);
		gone = bpf_ringbuf_reserve(&events, sizeof(*gone), 0);
		if (gone) {
			gone->type = EVENT_DEVICE_GONE;
			__builtin_memcpy(&gone->state, device, sizeof(gone->state));
			bpf_ringbuf_submit(gone, 0);
		} else {
			count_lost(LOST_RING);
		}
	}
	forget_device(at);
	leave(s);
	return 0;
}

#endif
