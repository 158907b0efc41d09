/* SPDX-License-Identifier: GPL-2.0 */
/* The judge of memory that is freed, or passed to the next layer, while it is mapped. */
#ifndef DMASNOOP_JUDGE_RELEASE_H
#define DMASNOOP_JUDGE_RELEASE_H

#include "core/meeting.h"

/* Judges the return of [@s->phys, +@s->size) to its allocator. */
__noinline int judge_release(struct scratch *s)
{
	u32 what = WITH_LEVEL(CHECK_FREED_WHILE_MAPPED, LEVEL_VIOLATION) | WITH_MAP;
	struct mapping *map;

	s = env_own(s);
	if (!s || !lines_claimed(s->phys, s->size))
		return 0;
	s->at = NOWHERE;
	if (!meet(s, MEET_INSIDE))
		return 0;
	map = live_any(s->other_at);
	if (!map)
		return 0;
	set_device(s, map);
	s->dma = map->dma;
	s->dir = map->dir;
	s->kind = map->kind;
	s->op = OP_RELEASE;
	/*
	 * The CPU owns the buffer, or a skipped sync may have given it back. So the device has most
	 * likely finished.
	 */
	if (map->owner != OWNER_DEVICE || map->flags & MAP_BLIND)
		what = WITH_LEVEL(CHECK_FREED_WHILE_MAPPED, LEVEL_HAZARD) | WITH_MAP;
	if (is_unsure_of(s, map))
		what = WITH_LEVEL(CHECK_FREED_WHILE_MAPPED, LEVEL_HAZARD) | WITH_MAP | UNSURE;
	__builtin_memcpy(&s->map, map, sizeof(s->map));
	return judge(s, what);
}

/* Judges the handover of [phys, phys + size) to another layer. */
__noinline int judge_passed(struct scratch *s, u64 phys, u64 size)
{
	u32 what = WITH_LEVEL(CHECK_HANDOVER_UNSYNCED, LEVEL_VIOLATION) | WITH_MAP;
	struct mapping *map;

	s = env_own(s);
	if (!s || !size || !phys || !page_is_claimed(phys) || !lines_claimed(phys, size))
		return 0;
	map = find_containing(s, SPACE_PHYS, phys);
	/* Where syncs are skipped, one of them may have given the buffer to the CPU. */
	if (!map || map->owner != OWNER_DEVICE || map->flags & (MAP_BLIND | MAP_PASSED) ||
	    !claims_lines(map))
		return 0;
	__sync_fetch_and_or(&map->flags, MAP_PASSED);
	set_device(s, map);
	s->dma = map->dma;
	s->phys = phys;
	s->size = size;
	s->dir = map->dir;
	s->kind = map->kind;
	s->op = OP_HANDOVER;
	if (is_unsure_of(s, map))
		what = WITH_LEVEL(CHECK_HANDOVER_UNSYNCED, LEVEL_HAZARD) | WITH_MAP | UNSURE;
	__builtin_memcpy(&s->map, map, sizeof(s->map));
	return judge(s, what);
}

#endif
