/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The check that the neighbour bytes of a buffer, on its first and its last cache line, do not
 * change while the device owns the line.
 */
#ifndef DMASNOOP_NEIGHBOURS_H
#define DMASNOOP_NEIGHBOURS_H

#include "core/env.h"
#include "core/finding.h"
#include "core/rules.h"
#include "core/table.h"
#include "core/verdict.h"

/* Does a buffer cover its first or its last line only in part? */
static __always_inline bool has_neighbours(u64 phys, u64 size)
{
	return rule_bytes_before(phys, line_size) || rule_bytes_after(phys, size, line_size);
}

/*
 * Returns the words of a real line instead of LINE_SIZE_MAX / 8, because the verifier follows a
 * loop as often as it can run.
 */
static __always_inline u32 line_words(void)
{
	return line_size / 8;
}

static __always_inline u64 *line_word(struct neighbours *beside, u32 which, u32 i)
{
	i += which * line_words();
	/*
	 * clang would otherwise drop the mask, which the verifier needs. The asm statement keeps
	 * the index in a register.
	 */
	asm volatile("" : "+r"(i));
	return &beside->line[i & (2 * line_words() - 1)];
}

/* Keeps the words of the first (0) or the last (1) line that contain the bytes [from, to). */
static __always_inline void keep_words(struct neighbours *beside, u32 which, u64 line, u32 from,
				       u32 to)
{
	for (u32 i = from / 8; i < line_words() && i * 8 < to; i++)
		*line_word(beside, which, i) = env_word(line + i * 8);
}

/* Returns the bits of word @i of a line that belong to the bytes [from, to). */
static __always_inline u64 bytes_of_word(u32 i, u32 from, u32 to)
{
	u64 mask = ~0ull;

	if (from > i * 8)
		mask <<= (from - i * 8) * 8 & 63;
	if (to < i * 8 + 8)
		mask &= ~0ull >> ((i * 8 + 8 - to) * 8 & 63);
	return mask;
}

static __always_inline bool words_differ(struct neighbours *beside, u32 which, u64 line, u32 from,
					 u32 to)
{
	for (u32 i = from / 8; i < line_words() && i * 8 < to; i++)
		if ((*line_word(beside, which, i) ^ env_word(line + i * 8)) &
		    bytes_of_word(i, from, to))
			return true;
	return false;
}

/* Marks that the tracer itself reads, so that a watchpoint which fires now does not count. */
static __always_inline void reading(int more)
{
	struct cpu_state *cpu = env_cpu_state();

	if (cpu)
		__sync_fetch_and_add(&cpu->used, more);
}

static __always_inline struct neighbours *neighbours_at(u64 phys, u32 further)
{
	return env_neighbours((neighbours_home(phys) + further) & (NEIGHBOURS_MAX - 1));
}

/* Finds the neighbour bytes kept for the mapping at an address. */
static __always_inline struct neighbours *find_neighbours(u64 phys)
{
	SHORT_LOOP
	for (u32 i = 0; i < NEIGHBOURS_REACH; i++) {
		struct neighbours *beside = neighbours_at(phys, i);

		if (beside && beside->owner == phys + 1)
			return beside;
	}
	return NULL;
}

static __always_inline struct neighbours *take_neighbours(u64 phys)
{
	SHORT_LOOP
	for (u32 i = 0; i < NEIGHBOURS_REACH; i++) {
		struct neighbours *beside = neighbours_at(phys, i);

		/* An entry with the same owner is left over from a mapping that never ended. */
		if (beside && (beside->owner == phys + 1 ||
			       !__sync_val_compare_and_swap(&beside->owner, 0, phys + 1)))
			return beside;
	}
	return NULL;
}

/* Drops the neighbour bytes kept for the mapping at an address. */
__noinline int drop_neighbours(u64 phys)
{
	struct neighbours *beside = find_neighbours(phys);

	if (beside)
		*(volatile u64 *)&beside->owner = 0;
	return 0;
}

enum kept {
	KEPT_NOTHING, /* there are no neighbour bytes */
	KEPT,
	KEPT_NOT, /* there was no room */
	KEPT_SHARED, /* not kept, because the slow path must report them */
};

/*
 * Keeps the neighbour bytes of a buffer at its handover to the device. @judged says that
 * rule_shared_object() has been asked, and that there may be an entry already. Returns an enum
 * kept.
 */
__noinline u32 keep_neighbours(u64 phys, u64 size, u32 judged)
{
	u32 head = rule_bytes_before(phys, line_size);
	u32 tail = rule_bytes_after(phys, size, line_size);
	u32 start = phys & (line_size - 1), end = (phys + size) & (line_size - 1);
	struct object object = {};
	struct neighbours *beside;

	env_find_object(&object, phys);
	if (!judged && rule_shared_object(&object, phys, size, line_size) < NR_LEVELS)
		return KEPT_SHARED;
	rule_clip_neighbours(&object, phys, size, &head, &tail);
	if (!head && !tail)
		return KEPT_NOTHING;
	beside = judged ? find_neighbours(phys) : NULL;
	if (!beside)
		beside = take_neighbours(phys);
	if (!beside)
		return KEPT_NOT;
	beside->size = size;
	beside->head = head;
	beside->tail = tail;
	reading(READING);
	if (head)
		keep_words(beside, 0, env_virtual(phys - start), start - head, start);
	if (tail)
		keep_words(beside, 1, env_virtual(phys + size - end), end, end + tail);
	reading(-READING);
	return KEPT;
}

/* Are the neighbour bytes of a buffer unchanged? */
__noinline int same_neighbours(u64 phys, u64 size)
{
	u32 start = phys & (line_size - 1), end = (phys + size) & (line_size - 1);
	struct neighbours *beside = find_neighbours(phys);
	bool differ = false;

	/* Nothing was kept, or the entry belongs to another mapping that begins here. */
	if (!beside || beside->size != size)
		return 1;
	reading(READING);
	if (beside->head)
		differ = words_differ(beside, 0, env_virtual(phys - start), start - beside->head,
				      start);
	if (!differ && beside->tail)
		differ = words_differ(beside, 1, env_virtual(phys + size - end), end,
				      end + beside->tail);
	reading(-READING);
	return !differ;
}

/*
 * Keeps the neighbour bytes of the mapping in @s->at at its handover to the device, on the slow
 * path.
 */
static __always_inline void remember_neighbours(const struct scratch *s)
{
	struct mapping *map = mapping_at(s->at);
	u32 kept;

	if (!map)
		return;
	kept = keep_neighbours(map->phys, map->size, true);
	if (kept == KEPT)
		__sync_fetch_and_or(&map->flags, MAP_NEIGHBOURS);
	else if (kept == KEPT_NOT)
		count_lost(LOST_TABLE);
}

struct diff_walk {
	struct scratch *s;
	struct neighbours *beside;
	u64 line;
	u32 which;
	u32 from;
};

static long diff_byte(u32 index, struct diff_walk *walk)
{
	u32 which = walk->which & 1, at = (walk->from + index) & (LINE_SIZE_MAX - 1);
	u64 differs = *line_word(walk->beside, which, at / 8) ^ env_word(walk->line + (at & ~7u));

	if (differs >> at % 8 * 8 & 0xff)
		walk->s->changed[which][at / 64] |= 1ull << (at % 64);
	return 0;
}

/* Compares the neighbour bytes of the mapping in @s->at at its handover to the CPU. */
__noinline int compare_neighbours(struct scratch *s)
{
	u32 what = CHECK_LINE_NEIGHBOUR_WRITE | WITH_MAP, level = LEVEL_HAZARD;
	struct diff_walk walk = {};
	struct mapping *map;
	u64 end;

	s = env_own(s);
	map = s ? mapping_at(s->at) : NULL;
	if (!s || !map || !(map->flags & MAP_NEIGHBOURS) || map->owner != OWNER_DEVICE ||
	    map->flags & MAP_REPORTED || same_neighbours(map->phys, map->size))
		return 0;
	walk.beside = find_neighbours(map->phys);
	if (!walk.beside)
		return 0;
	walk.s = s;
	__builtin_memset(s->changed, 0, sizeof(s->changed));
	walk.line = map->phys & ~(u64)(line_size - 1);
	walk.from = (map->phys & (line_size - 1)) - walk.beside->head;
	walk.line = env_virtual(walk.line);
	env_loop(walk.beside->head, diff_byte, &walk);
	end = map->phys + map->size;
	walk.which = 1;
	walk.line = env_virtual(end & ~(u64)(line_size - 1));
	walk.from = end & (line_size - 1);
	env_loop(walk.beside->tail, diff_byte, &walk);
	__sync_fetch_and_or(&map->flags, MAP_REPORTED);
	/* A skipped sync may have given the line to the CPU in between. */
	if (s->missing || map->flags & MAP_BLIND)
		what |= UNSURE;
	/*
	 * A driver that maps with this attribute makes the syncs itself, so it most likely made
	 * one.
	 */
	if (map->attrs & ATTR_SKIP_CPU_SYNC && map->flags & MAP_BLIND)
		level = LEVEL_NOTE;
	return judge(s, what | level << 8);
}

#endif
