/* SPDX-License-Identifier: GPL-2.0 */
/* The judge of syncs. */
#ifndef DMASNOOP_JUDGE_SYNC_H
#define DMASNOOP_JUDGE_SYNC_H

#include "core/finding.h"
#include "core/judge_unmap.h"
#include "core/meeting.h"
#include "core/watches.h"

/*
 * Judges the sync of an address that no known mapping covers. The index may have dropped such a
 * mapping. So a finding is not Unsure only if everything about the device is known, and either a
 * mapping at the address is over or the device has no mapping.
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
		judge(s, WITH_LEVEL(CHECK_ADDR_UNKNOWN, LEVEL_VIOLATION));
	} else {
		__sync_fetch_and_add(&device->unmatched, 1);
	}
}

/*
 * Reports that the CPU wrote the buffer while it owned it, and takes it again now, although no sync
 * handed those bytes to the device in between. A driver may take a buffer again if it only read it
 * (Documentation/core-api/dma-api-howto.rst, "Using Streaming DMA mappings"). Syncs of other parts
 * of the buffer do not count.
 */
__noinline int judge_not_handed_back(struct scratch *s)
{
	struct mapping *map;

	s = env_own(s);
	map = s ? mapping_at(s->at) : NULL;
	if (!s || !map)
		return 0;
	/* Without the flag, the fast path takes the mapping's syncs again. */
	__sync_fetch_and_and(&map->flags, ~MAP_WRITTEN);
	for (u32 i = 0; i < WATCHES; i++) {
		struct own_write *write = &own_writes[i];

		if (write->at != s->at || write->born != map->born || write->turn != map->turn ||
		    write->generation != map->generation || !write->stack)
			continue;
		if (write->phys - map->phys - (s->dma - map->dma) >= s->size) {
			__sync_fetch_and_or(&map->flags, MAP_WRITTEN);
			continue;
		}
		if (s->op == OP_SYNC_FOR_CPU) {
			s->culprit = write->stack;
			s->watched = 1;
			s->detail = DETAIL_NOT_HANDED_BACK;
			judge(s,
			      WITH_LEVEL(CHECK_CPU_WRITE_DEVICE_OWNED, LEVEL_VIOLATION) | WITH_MAP);
			s->culprit = 0;
			s->watched = 0;
			s->detail = DETAIL_NONE;
		}
		write->stack = 0;
	}
	return 0;
}

/* Judges a sync. Returns 1 when @s->at holds the slot of its mapping. */
__noinline int judge_sync(struct scratch *s)
{
	struct device_state *device;
	struct call call = {};
	struct mapping *map;
	u32 found;

	s = env_own(s);
	device = s ? known_device(s) : NULL;
	if (!s || !device)
		return 0;
	__sync_fetch_and_add(&device->syncs, 1);
	if (device->pace == PACE_SLOW)
		refresh_device(s->device);
	/* This sync was executed: the first bounce can have changed that. */
	device->skips_sync = 0;
	/* A sync without a known mapping has handed over some line. */
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
		compare_neighbours(s);
		compare_content(s);
	}
	return 1;
}

/* Moves the mapping in @s->at to the owner after the sync. */
__noinline int move_owner(struct scratch *s)
{
	struct mapping *map;
	u8 owner;

	s = env_own(s);
	map = s ? mapping_at(s->at) : NULL;
	if (!s || !map)
		return 0;
	owner = rule_owner_after_sync(map, s->size, s->op);
	/*
	 * A map with DMA_ATTR_SKIP_CPU_SYNC counts as a handover, but a later sync can be another
	 * one.
	 */
	if (owner == OWNER_DEVICE && s->size >= map->size &&
	    (map->owner == OWNER_CPU || map->attrs & ATTR_SKIP_CPU_SYNC) && claims_lines(map) &&
	    has_neighbours(map->phys, map->size))
		remember_neighbours(s);
	if (owner == OWNER_DEVICE)
		remember_content(s);
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

#endif
