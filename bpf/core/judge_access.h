/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The judge of CPU accesses to a buffer or to its neighbour bytes. A watchpoint saw the access, or
 * dmaloop announced it.
 */
#ifndef DMASNOOP_JUDGE_ACCESS_H
#define DMASNOOP_JUDGE_ACCESS_H

#include "core/meeting.h"
#include "core/rules.h"
#include "core/scratch.h"

/* Marks @size bytes of the first (0) or last (1) line as written, beginning with byte @from. */
__noinline int mark_bytes(struct scratch *s, u32 which, u32 from, u64 size)
{
	u64 to = from + size < line_size ? from + size : line_size;

	s = env_own(s);
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

/* Judges a CPU write to [phys, phys + size): neighbour bytes of @map. */
static __always_inline int judge_neighbour_write(struct scratch *s, struct mapping *map, u32 unsure)
{
	if (map->owner != OWNER_DEVICE || map->flags & MAP_REPORTED)
		return 0;
	env_find_object(&s->object, map->phys);
	env_find_object(&s->other_object, s->phys);
	if (rule_same_line_apart(&s->object, &s->other_object))
		return 0;
	__sync_fetch_and_or(&map->flags, MAP_REPORTED);
	__builtin_memcpy(&s->map, map, sizeof(s->map));
	add_step(&s->map, s->op);
	__builtin_memset(s->changed, 0, sizeof(s->changed));
	mark_bytes(s, map->phys / line_size != s->phys / line_size, s->phys % line_size, s->size);
	return judge(s, WITH_LEVEL(CHECK_LINE_NEIGHBOUR_WRITE, LEVEL_HAZARD) | WITH_MAP | unsure);
}

/* Judges a CPU access to [phys, phys + size) that the driver announced. */
__noinline int judge_access(struct scratch *s)
{
	struct device_state *device;
	struct mapping *map;
	u8 check;

	s = env_own(s);
	device = s ? known_device(s) : NULL;
	if (!s || !device)
		return 0;
	map = find_containing(s, SPACE_PHYS, s->phys);
	if (map && rule_contains(map, s->phys, s->size)) {
		check = rule_cpu_access(map, s->op == OP_CPU_WRITE);
		/* Where syncs are skipped, the CPU may own the buffer by now. */
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

#endif
