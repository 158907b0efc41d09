/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bytes beside a buffer, on its first and its last cache line: did they change while the
 * device owned the line?
 */
#ifndef DMASNOOP_NEIGHBOURS_H
#define DMASNOOP_NEIGHBOURS_H

#include "core/env.h"
#include "core/rules.h"
#include "core/table.h"
#include "core/verdict.h"

/* Does a buffer cover its first or its last line only in part? */
static __always_inline bool has_slack(u64 phys, u64 size)
{
	return rule_head_slack(phys, line_size) || rule_tail_slack(phys, size, line_size);
}

/* Not LINE_SIZE_MAX: the verifier goes round loops as often as they might. */
static __always_inline u32 line_words(void)
{
	return line_size / 8;
}

static __always_inline u64 *line_word(struct slack *slack, u32 which, u32 i)
{
	i += which * line_words();
	/* Or the compiler leaves out the mask, which the verifier needs. */
	asm volatile("" : "+r"(i));
	return &slack->line[i & (2 * line_words() - 1)];
}

/* The words of a line from one byte to another: of the first line (0) or the last (1). */
static __always_inline void keep_words(struct slack *slack, u32 which, u64 line, u32 from, u32 to)
{
	for (u32 i = from / 8; i < line_words() && i * 8 < to; i++)
		*line_word(slack, which, i) = env_word(line + i * 8);
}

/* Which bits of a line's word @i are in the bytes from one to another. */
static __always_inline u64 bytes_of_word(u32 i, u32 from, u32 to)
{
	u64 mask = ~0ull;

	if (from > i * 8)
		mask <<= (from - i * 8) * 8 & 63;
	if (to < i * 8 + 8)
		mask &= ~0ull >> ((i * 8 + 8 - to) * 8 & 63);
	return mask;
}

static __always_inline bool words_differ(struct slack *slack, u32 which, u64 line, u32 from, u32 to)
{
	for (u32 i = from / 8; i < line_words() && i * 8 < to; i++)
		if ((*line_word(slack, which, i) ^ env_word(line + i * 8)) &
		    bytes_of_word(i, from, to))
			return true;
	return false;
}

/* A watchpoint that fires meanwhile is this tracer's doing. */
static __always_inline void reading(int more)
{
	struct cpu_state *cpu = env_cpu_state();

	if (cpu)
		__sync_fetch_and_add(&cpu->used, more);
}

static __always_inline struct slack *slack_at(u64 phys, u32 further)
{
	return env_slack((slack_home(phys) + further) & (SLACKS_MAX - 1));
}

/* What was kept for the mapping of an address. */
static __always_inline struct slack *find_slack(u64 phys)
{
	SHORT_LOOP
	for (u32 i = 0; i < SLACK_REACH; i++) {
		struct slack *slack = slack_at(phys, i);

		if (slack && slack->owner == phys + 1)
			return slack;
	}
	return NULL;
}

static __always_inline struct slack *take_slack(u64 phys)
{
	SHORT_LOOP
	for (u32 i = 0; i < SLACK_REACH; i++) {
		struct slack *slack = slack_at(phys, i);

		/* One of its own is of a mapping that came to no end. */
		if (slack && (slack->owner == phys + 1 ||
			      !__sync_val_compare_and_swap(&slack->owner, 0, phys + 1)))
			return slack;
	}
	return NULL;
}

/* Of the mapping of an address nothing is kept any more. */
__noinline int drop_slack(u64 phys)
{
	struct slack *slack = find_slack(phys);

	if (slack)
		*(volatile u64 *)&slack->owner = 0;
	return 0;
}

enum kept {
	KEPT_NOTHING, /* nobody is there */
	KEPT,
	KEPT_NOT, /* there was no room */
	KEPT_SHARED, /* a finding: see rule_shared_object() */
};

/*
 * At handover to the device of a mapping: keeps what its neighbours are. @judged: who
 * they are has been looked at before, and it may be kept already. Returns enum kept.
 */
__noinline u32 keep_slack(u64 phys, u64 size, u32 judged)
{
	u32 head = rule_head_slack(phys, line_size);
	u32 tail = rule_tail_slack(phys, size, line_size);
	u32 start = phys & (line_size - 1), end = (phys + size) & (line_size - 1);
	struct object object = {};
	struct slack *slack;

	env_find_object(&object, phys);
	if (!judged && rule_shared_object(&object, phys, size, line_size) < NR_LEVELS)
		return KEPT_SHARED;
	rule_slack_clip(&object, phys, size, &head, &tail);
	if (!head && !tail)
		return KEPT_NOTHING;
	slack = judged ? find_slack(phys) : NULL;
	if (!slack)
		slack = take_slack(phys);
	if (!slack)
		return KEPT_NOT;
	slack->size = size;
	slack->head = head;
	slack->tail = tail;
	reading(READING);
	if (head)
		keep_words(slack, 0, env_virtual(phys - start), start - head, start);
	if (tail)
		keep_words(slack, 1, env_virtual(phys + size - end), end, end + tail);
	reading(-READING);
	return KEPT;
}

/* Is what was beside a mapping as it was? */
__noinline int same_slack(u64 phys, u64 size)
{
	u32 start = phys & (line_size - 1), end = (phys + size) & (line_size - 1);
	struct slack *slack = find_slack(phys);
	bool differ = false;

	/* Or it is of another mapping that begins here. */
	if (!slack || slack->size != size)
		return 1;
	reading(READING);
	if (slack->head)
		differ = words_differ(slack, 0, env_virtual(phys - start), start - slack->head,
				      start);
	if (!differ && slack->tail)
		differ = words_differ(slack, 1, env_virtual(phys + size - end), end,
				      end + slack->tail);
	reading(-READING);
	return !differ;
}

/* At handover of the mapping at @s->at to the device, not by the fast path. */
static __always_inline void slack_remember(const struct scratch *s)
{
	struct mapping *map = mapping_at(s->at);
	u32 kept;

	if (!map)
		return;
	kept = keep_slack(map->phys, map->size, true);
	if (kept == KEPT)
		__sync_fetch_and_or(&map->flags, MAP_SLACK);
	else if (kept == KEPT_NOT)
		count_lost(LOST_TABLE);
}

struct diff_walk {
	struct scratch *s;
	struct slack *slack;
	u64 line;
	u32 which;
	u32 from;
};

static long diff_byte(u32 index, struct diff_walk *walk)
{
	u32 which = walk->which & 1, at = (walk->from + index) & (LINE_SIZE_MAX - 1);
	u64 differs = *line_word(walk->slack, which, at / 8) ^ env_word(walk->line + (at & ~7u));

	if (differs >> at % 8 * 8 & 0xff)
		walk->s->changed[which][at / 64] |= 1ull << (at % 64);
	return 0;
}

/* At handover of the mapping at @s->at to the CPU: has a neighbour been written meanwhile? */
__noinline int slack_compare(struct scratch *s)
{
	u32 what = CHECK_LINE_NEIGHBOUR_WRITE | WITH_MAP, level = LEVEL_HAZARD;
	struct diff_walk walk = {};
	struct mapping *map;
	u64 end;

	s = env_own(s);
	map = s ? mapping_at(s->at) : NULL;
	if (!s || !map || !(map->flags & MAP_SLACK) || map->owner != OWNER_DEVICE ||
	    map->flags & MAP_TOLD || same_slack(map->phys, map->size))
		return 0;
	walk.slack = find_slack(map->phys);
	if (!walk.slack)
		return 0;
	walk.s = s;
	__builtin_memset(s->changed, 0, sizeof(s->changed));
	walk.line = map->phys & ~(u64)(line_size - 1);
	walk.from = (map->phys & (line_size - 1)) - walk.slack->head;
	walk.line = env_virtual(walk.line);
	env_loop(walk.slack->head, diff_byte, &walk);
	end = map->phys + map->size;
	walk.which = 1;
	walk.line = env_virtual(end & ~(u64)(line_size - 1));
	walk.from = end & (line_size - 1);
	env_loop(walk.slack->tail, diff_byte, &walk);
	__sync_fetch_and_or(&map->flags, MAP_TOLD);
	/* A sync that was skipped could have given the line to the CPU meanwhile. */
	if (s->missing || map->flags & MAP_BLIND)
		what |= UNSURE;
	/* A driver that maps with this attribute syncs by itself, so it most likely did. */
	if (map->attrs & ATTR_SKIP_CPU_SYNC && map->flags & MAP_BLIND)
		level = LEVEL_NOTE;
	return judge(s, what | level << 8);
}

#endif
