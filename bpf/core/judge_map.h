/* SPDX-License-Identifier: GPL-2.0 */
/* The judge of maps and allocations. */
#ifndef DMASNOOP_JUDGE_MAP_H
#define DMASNOOP_JUDGE_MAP_H

#include "core/content.h"
#include "core/dmable.h"
#include "core/finding.h"
#include "core/lifetime.h"
#include "core/meeting.h"
#include "core/neighbours.h"
#include "core/rules.h"
#include "core/scratch.h"

/*
 * Records that the mapping in @s->at is mapped again. The event of its first unmap may still come,
 * so this handover counts from now on.
 */
static __always_inline void note_second_map(struct scratch *s)
{
	struct mapping *map = mapping_at(s->at);

	if (!map)
		return;
	map->owner = OWNER_DEVICE;
	add_step(map, OP_MAP);
}

enum inserted { INSERTED, MAPPED_AGAIN, NO_ROOM };

/*
 * Enters @s->map into the table at @s->at. A buffer that the device only reads may be mapped many
 * times at once, as the zero page is by every writer of zeroes. Then the mapping gets one more
 * user.
 */
__noinline int insert_mapping(struct scratch *s)
{
	struct device_state *device;
	struct mapping *map;

	s = env_own(s);
	device = s ? known_device(s) : NULL;
	if (!s || !device)
		return NO_ROOM;
	if (s->dir == DIR_TO_DEVICE) {
		s->at = search_exact(s, EXACT_SAME);
		if (s->at != NOWHERE && add_user(s))
			return MAPPED_AGAIN;
	}
	end_stale(search_exact(s, EXACT_STALE), device->generation);
	s->at = take_slot(s->dma);
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
 * buffer over; but if syncs are not observable, the map counts as the handover.
 */
static __always_inline void judge_writable(struct scratch *s)
{
	u8 level;

	if (lines_claim(s->phys, s->size))
		judge_meeting(s);
	if (!has_neighbours(s->phys, s->size))
		return;
	env_find_object(&s->object, s->phys);
	level = rule_shared_object(&s->object, s->phys, s->size, line_size);
	if (level < NR_LEVELS)
		judge(s, WITH_LEVEL(CHECK_LINE_SHARED_OBJECT, level) | WITH_MAP);
	if (s->attrs & ATTR_SKIP_CPU_SYNC && known_device(s))
		known_device(s)->by_hand = 1;
	if (!(s->attrs & ATTR_SKIP_CPU_SYNC) || s->map.flags & MAP_BLIND)
		remember_neighbours(s);
}

/* Judges the other objects in a buffer's pages: an IOMMU lets the device reach whole pages. */
static __always_inline void judge_exposed(struct scratch *s)
{
	if (!((s->phys | s->size) & ((1 << PAGE_SHIFT) - 1)) || min_level > LEVEL_NOTE)
		return;
	env_find_object(&s->object, s->phys);
	if (s->object.kind == OBJECT_SLAB || s->object.kind == OBJECT_KMALLOC)
		judge(s, WITH_LEVEL(CHECK_PAGE_EXPOSED, LEVEL_NOTE) | WITH_MAP);
}

/*
 * Judges a map or an allocation. @s holds dev, dma, phys, size, dir, kind, attrs and op, and
 * map.stack holds the key of the stack.
 */
__noinline int judge_map(struct scratch *s)
{
	struct device_state *device;
	struct mapping *map;
	u32 bad;

	s = env_own(s);
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
	 * The kernel executes a device's syncs from the first bounce on (dma_reset_need_sync()).
	 * dma_set_mask() sets the flag too, maybe after the first allocation.
	 */
	if (device->pace == PACE_SLOW)
		refresh_device(s->device);
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
	map->born = env_now();
	map->nr_steps = 0;
	add_step(map, s->op);

	if (s->phys && s->kind != KIND_COHERENT && !rule_is_allocated(s->kind)) {
		bad = check_dmable(s);
		if (bad)
			judge(s, bad | WITH_MAP);
		s->detail = DETAIL_NONE;
	}
	/* If a driver need not unmap, no event shows that its mappings are over. */
	if (device->lazy && s->kind != KIND_COHERENT) {
		__sync_fetch_and_add(&device->odd, -1);
		return 0;
	}
	switch (insert_mapping(s)) {
	case INSERTED:
		break;
	case MAPPED_AGAIN:
		note_second_map(s);
		return 0;
	default:
		__sync_fetch_and_add(&device->odd, -1);
		lose_device_event(device);
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
		remember_content(s);
	return 0;
}

/* Judges a list entry by the limits that the device states. */
__noinline int judge_segment(struct scratch *s)
{
	s = env_own(s);
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

/* Gives @s->map a stack: its own, or that of the first mapping with its signature. */
static __always_inline void find_stack(void *ctx, struct scratch *s, struct device_state *device)
{
	u64 tag = signature_of(device, s->sp, s->size, s->dir, s->kind, s->attrs), stack;

	s->map.flags = 0;
	if (!stacks_always && !device->reported && device->maps >= MAPS_TO_KNOW &&
	    !device->has_ops && read_signature(tag, &stack)) {
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
	s->sp = env_number((u64)ctx);
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

#endif
