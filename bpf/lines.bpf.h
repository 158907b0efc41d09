/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cache lines that a device may write: who else is on them, and whether the bytes
 * beside a buffer changed while the device owned their line. Part of dmasnoop.bpf.c.
 */
#ifndef DMASNOOP_LINES_BPF_H
#define DMASNOOP_LINES_BPF_H

/* Does a buffer cover its first or its last line only in part? */
static __always_inline bool has_slack(u64 phys, u64 size)
{
	return rule_head_slack(phys, line_size) || rule_tail_slack(phys, size, line_size);
}

/* --- which lines a device may write --- */

enum line_action { LINES_MARK, LINES_CLEAR, LINES_LOOK };

struct line_walk {
	u64 phys;
	u64 end;
	u8 what; /* enum line_action */
	u64 met; /* a line was somebody's already */
};

/* Marks, clears or looks at the lines of a buffer in one page. */
static long mark_page(u32 index, struct line_walk *walk)
{
	u64 page = (walk->phys >> PAGE_SHIFT) + index, from = 0, to = 1u << PAGE_SHIFT, mask;
	u32 first, last;
	u32 slot = page_index(page << PAGE_SHIFT);
	u64 *word;

	if (index == 0)
		from = walk->phys & ((1u << PAGE_SHIFT) - 1);
	if (walk->end - (page << PAGE_SHIFT) < to)
		to = walk->end - (page << PAGE_SHIFT);
	first = from >> facts.line_shift & (LINES_IN_WORD - 1);
	last = (to - 1) >> facts.line_shift & (LINES_IN_WORD - 1);
	mask = ~0ull << first & ~0ull >> (LINES_IN_WORD - 1 - last);
	word = bpf_map_lookup_elem(&page_lines, &slot);
	if (!word)
		return 0;
	if (walk->what == LINES_LOOK)
		walk->met |= *word & mask;
	else if (walk->what == LINES_CLEAR)
		__sync_fetch_and_and(word, ~mask);
	else if (__sync_fetch_and_or(word, mask) & mask)
		walk->met = 1;
	return 0;
}

#define PAGES_MAX (1 << 16)

static __always_inline u32 pages_of(u64 phys, u64 size)
{
	u64 pages = ((phys + size - 1) >> PAGE_SHIFT) - (phys >> PAGE_SHIFT) + 1;

	return pages < PAGES_MAX ? pages : PAGES_MAX;
}

/* Marks a buffer's lines as device-writable. Was any of them already? */
__noinline int lines_claim(u64 phys, u64 size)
{
	struct line_walk walk = { .phys = phys, .end = phys + size, .what = LINES_MARK };

	if (pages_of(phys, size) == 1)
		mark_page(0, &walk);
	else
		bpf_loop(pages_of(phys, size), mark_page, &walk, 0);
	return walk.met != 0;
}

__noinline int lines_release(u64 phys, u64 size)
{
	struct line_walk walk = { .phys = phys, .end = phys + size, .what = LINES_CLEAR };

	if (pages_of(phys, size) == 1)
		mark_page(0, &walk);
	else
		bpf_loop(pages_of(phys, size), mark_page, &walk, 0);
	return 0;
}

/* The same lines, only looked at. */
static long look_at_page(u32 index, struct line_walk *walk)
{
	mark_page(index, walk);
	return walk->met ? 1 : 0;
}

/* May a device write any of a buffer's lines? */
__noinline int lines_claimed(u64 phys, u64 size)
{
	struct line_walk walk = { .phys = phys, .end = phys + size, .what = LINES_LOOK };

	bpf_loop(pages_of(phys, size), look_at_page, &walk, 0);
	return walk.met != 0;
}

/* May a device write anything in the page of this address? A cheap "no". */
static __always_inline bool page_is_claimed(u64 phys)
{
	u32 slot = page_index(phys);
	u64 *word = bpf_map_lookup_elem(&page_lines, &slot);

	return word && *word;
}

/* Does this mapping take part in the bookkeeping of lines? */
static __always_inline bool claims_lines(const struct mapping *map)
{
	return map->phys && rule_device_writes(map->dir) && rule_is_streaming(map->kind);
}

/* --- who else is there: the slow path --- */

/* Is there something wrong about @s->map and another mapping on its lines? */
static __always_inline bool is_bad_meeting(struct scratch *s, const struct mapping *other)
{
	/* They say that they look after it themselves. */
	if ((s->attrs | other->attrs) & ATTR_SKIP_CPU_SYNC)
		return false;
	if (rule_meet(s->phys, s->size, other->phys, other->size, line_size) == MEET_BYTES)
		return true;
	find_object(&s->other_object, other->phys);
	return !rule_same_line_apart(&s->object, &s->other_object);
}

/* Is @map, at @at, on the lines of [@s->phys, +@s->size), as @mode asks? Not @s->at's own. */
static __always_inline bool meets(struct scratch *s, struct mapping *map, u32 at, u32 mode)
{
	u8 how;

	if (at == s->at || !claims_lines(map))
		return false;
	how = rule_meet(s->phys, s->size, map->phys, map->size, line_size);
	if (how == MEET_NOT || (mode == MEET_INSIDE && how != MEET_BYTES))
		return false;
	__sync_fetch_and_or(&map->flags, MAP_MET);
	s->met = 1;
	if (mode == MEET_JUDGE && !is_bad_meeting(s, map))
		return false;
	s->other_at = at;
	return true;
}

/* Is the mapping at a place the one? Its place goes to @s. */
__noinline int is_the_one(struct scratch *s, u32 at, u64 space, u64 address, u32 mode)
{
	struct mapping *map = live_any(at);

	s = own(s);
	if (!s || !map)
		return 0;
	if (mode != WALK_COVERS)
		return meets(s, map, at, mode);
	if (!covers(map, space, address) || (space == SPACE_DMA && map->dev != s->dev))
		return 0;
	s->at = at;
	return 1;
}

/*
 * Looks at every mapping on the lines of [@s->phys, +@s->size) but @s->at's own; the
 * place of the one it is about goes to @s->other_at.
 */
__noinline int meet(struct scratch *s, u64 mode)
{
	struct starts_walk walk = { .mode = mode, .space = SPACE_PHYS };

	s = own(s);
	if (!s)
		return 0;
	walk.s = s;
	if (mode == MEET_JUDGE)
		find_object(&s->object, s->phys);
	walk.last_page = (s->phys + s->size - 1) >> PAGE_SHIFT;
	bpf_loop((pages_of(s->phys, s->size) + LADDER - 1) * WALK_STEPS, walk_step, &walk, 0);
	return walk.found;
}

/* The lines of @s->map, at @s->at, were somebody's already: is that wrong? */
static __always_inline void judge_meeting(struct scratch *s)
{
	bool bad = meet(s, MEET_JUDGE);
	struct mapping *map, *other;
	u32 level = LEVEL_HAZARD, what;

	map = mapping_at(s->at);
	if (map && s->met)
		__sync_fetch_and_or(&map->flags, MAP_MET);
	other = bad ? live_any(s->other_at) : NULL;
	if (!other)
		return;
	__builtin_memcpy(&s->other, other, sizeof(s->other));
	/* Declared by the driver, or harmless where it is allowed at all. */
	if ((s->attrs | other->attrs) & (ATTR_IGNORE_CACHELINES | ATTR_REQUIRE_COHERENT))
		level = LEVEL_NOTE;
	what = rule_meet(s->phys, s->size, other->phys, other->size, line_size) == MEET_BYTES ?
		       CHECK_DOUBLE_MAP :
		       CHECK_LINE_SHARED_MAPPINGS;
	/* Or the other one is over, and we do not know. */
	judge(s,
	      WITH_LEVEL(what, level) | WITH_MAP | WITH_OTHER | (is_unsure_of(other) ? UNSURE : 0));
}

/* --- slack: the neighbours' bytes on the first and last line --- */

static __always_inline void read_lines(struct slack *slack, u64 phys, u64 size)
{
	u64 first = phys & ~(u64)(line_size - 1);
	u64 last = (phys + size - 1) & ~(u64)(line_size - 1);
	u32 bytes = line_size;

	if (bytes > LINE_SIZE_MAX)
		bytes = LINE_SIZE_MAX;
	bpf_probe_read_kernel(slack->line[0], bytes, (void *)phys_to_virt(first));
	bpf_probe_read_kernel(slack->line[1], bytes, (void *)phys_to_virt(last));
}

/* At handover to the device: remember the neighbours. @s->object is known. */
__noinline int slack_remember(struct scratch *s, u64 phys, u64 size)
{
	u32 head = rule_head_slack(phys, line_size);
	u32 tail = rule_tail_slack(phys, size, line_size);
	struct mapping *map;

	s = own(s);
	if (!s)
		return 0;
	rule_slack_clip(&s->object, phys, size, &head, &tail);
	if (!head && !tail)
		return 0;
	s->slack.head = head;
	s->slack.tail = tail;
	map = mapping_at(s->at);
	if (!map)
		return 0;
	read_lines(&s->slack, phys, size);
	if (bpf_map_update_elem(&slacks, &s->at, &s->slack, BPF_ANY))
		count_lost(LOST_TABLE);
	else
		__sync_fetch_and_or(&map->flags, MAP_SLACK);
	return 0;
}

struct diff_walk {
	struct scratch *s;
	struct slack *before;
	u32 which;
	u32 from;
	u32 any;
};

static long diff_byte(u32 index, struct diff_walk *walk)
{
	u32 which = walk->which & 1, at = (walk->from + index) & (LINE_SIZE_MAX - 1);

	if (walk->before->line[which][at] != walk->s->slack.line[which][at]) {
		walk->s->changed[which][at / 64] |= 1ull << (at % 64);
		walk->any = 1;
	}
	return 0;
}

/* Marks the bytes in [from, to) of a line that differ. Returns whether any does. */
static __noinline u32 diff_line(struct scratch *s, struct slack *before, u32 which, u64 range)
{
	struct diff_walk walk = { .s = s, .before = before, .which = which, .from = range };
	u32 to = range >> 32;

	if (to > walk.from)
		bpf_loop((to - walk.from) & (LINE_SIZE_MAX - 1), diff_byte, &walk, 0);
	return walk.any;
}

/* At handover of the mapping at @s->at to the CPU: has a neighbour been written meanwhile? */
__noinline int slack_compare(struct scratch *s)
{
	u32 what = WITH_LEVEL(CHECK_LINE_NEIGHBOUR_WRITE, LEVEL_HAZARD) | WITH_MAP;
	struct mapping *map;
	struct slack *before;
	u32 start, end, changed;

	s = own(s);
	if (!s)
		return 0;
	map = mapping_at(s->at);
	if (!map || !(map->flags & MAP_SLACK) || map->owner != OWNER_DEVICE ||
	    map->flags & MAP_TOLD)
		return 0;
	before = bpf_map_lookup_elem(&slacks, &s->at);
	if (!before)
		return 0;
	__builtin_memset(s->changed, 0, sizeof(s->changed));
	read_lines(&s->slack, map->phys, map->size);
	start = map->phys & (line_size - 1);
	end = (map->phys + map->size - 1) & (line_size - 1);
	changed = diff_line(s, before, 0, (start - before->head) | (u64)start << 32);
	changed |= diff_line(s, before, 1, (end + 1) | (u64)(end + 1 + before->tail) << 32);
	if (!changed)
		return 0;
	__sync_fetch_and_or(&map->flags, MAP_TOLD);
	/* A sync that was skipped could have given the line to the CPU meanwhile. */
	if (s->missing || map->flags & MAP_BLIND)
		what |= UNSURE;
	return judge(s, what);
}

#endif
