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

	return ~0ull << (first & (LINES_IN_WORD - 1)) &
	       ~0ull >> (LINES_IN_WORD - 1 - last & (LINES_IN_WORD - 1));
}

/* A page's word; NULL when it is no memory. */
static __always_inline u64 *lines_in_page(u64 phys)
{
	u32 page = page_index(phys);

	return bpf_map_lookup_elem(&page_lines, &page);
}

enum line_action { LINES_MARK, LINES_CLEAR, LINES_LOOK };

struct line_walk {
	u64 phys;
	u64 end;
	u8 what; /* enum line_action */
	u64 met; /* a line was somebody's already */
};

/* Marks, clears or looks at the lines of a buffer in one of its pages. */
static long mark_page(u32 index, struct line_walk *walk)
{
	u64 page = walk->phys >> PAGE_SHIFT << PAGE_SHIFT, from, to, mask;
	u64 *word;

	page += (u64)index << PAGE_SHIFT;
	from = index ? page : walk->phys;
	to = page + (1u << PAGE_SHIFT);
	mask = lines_of(from, (walk->end < to ? walk->end : to) - from);
	word = lines_in_page(page);
	if (!word)
		return 0;
	if (walk->what == LINES_LOOK) {
		walk->met |= *word & mask;
		return walk->met != 0;
	}
	if (walk->what == LINES_CLEAR)
		__sync_fetch_and_and(word, ~mask);
	else if (__sync_fetch_and_or(word, mask) & mask)
		walk->met = 1;
	return 0;
}

#define PAGES_MAX (1 << 16)

static __always_inline u32 pages_of(u64 phys, u64 size)
{
	u64 pages = (end_in_page(phys, size) + (1 << PAGE_SHIFT) - 1) >> PAGE_SHIFT;

	return pages < PAGES_MAX ? pages : PAGES_MAX;
}

/* Of a buffer of more than one page. Was any of its lines marked before? */
__noinline int in_pages(u64 phys, u64 size, u32 what)
{
	struct line_walk walk = { .phys = phys, .end = phys + size, .what = what };

	bpf_loop(pages_of(phys, size), mark_page, &walk, 0);
	return walk.met != 0;
}

/* Marks a buffer's lines as device-writable. Was any of them already? */
static __always_inline bool lines_claim(u64 phys, u64 size)
{
	u64 *word, mask;

	if (end_in_page(phys, size) > 1 << PAGE_SHIFT)
		return in_pages(phys, size, LINES_MARK);
	word = lines_in_page(phys);
	if (!word)
		return false;
	mask = lines_of(phys, size);
	return __sync_fetch_and_or(word, mask) & mask;
}

static __always_inline void lines_release(u64 phys, u64 size)
{
	u64 *word;

	if (end_in_page(phys, size) > 1 << PAGE_SHIFT) {
		in_pages(phys, size, LINES_CLEAR);
		return;
	}
	word = lines_in_page(phys);
	if (word)
		__sync_fetch_and_and(word, ~lines_of(phys, size));
}

/*
 * The mapping is over, and its slot is free. If it @released its lines, a mapping that met it
 * just then may have lost its bits: sets them again.
 */
static __always_inline void end_slot(struct mapping *map, bool released)
{
	u64 phys = map->phys, size = map->size;

	if (__sync_lock_test_and_set(&map->users, 0) & SLOT_MET && released)
		lines_claim(phys, size);
}

/* May a device write any of a buffer's lines? */
static __always_inline bool lines_claimed(u64 phys, u64 size)
{
	u64 *word;

	if (end_in_page(phys, size) > 1 << PAGE_SHIFT)
		return in_pages(phys, size, LINES_LOOK);
	word = lines_in_page(phys);
	return word && *word & lines_of(phys, size);
}

/* May a device write anything in the page of this address? A cheap "no". */
static __always_inline bool page_is_claimed(u64 phys)
{
	u64 *word = lines_in_page(phys);

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

/*
 * Is @map, at @at, on the lines of [@s->phys, +@s->size), as @mode asks? Not @s->at's own.
 * One that is leaving is met, for the sake of its line bits, but it is not the one.
 */
static __always_inline bool meets(struct scratch *s, struct mapping *map, u32 at, u32 mode)
{
	u32 users;
	u8 how;

	if (at == s->at || !claims_lines(map))
		return false;
	how = rule_meet(s->phys, s->size, map->phys, map->size, line_size);
	if (how == MEET_NOT || (mode == MEET_INSIDE && how != MEET_BYTES))
		return false;
	users = meet_slot(at);
	if (!users)
		return false;
	s->met = 1;
	if (slot_is_leaving(users))
		return false;
	if (mode == MEET_JUDGE && !is_bad_meeting(s, map))
		return false;
	s->other_at = at;
	return true;
}

/* Is the mapping at a place the one? Its place goes to @s. */
__noinline int is_the_one(struct scratch *s, u32 at, u64 space, u64 address, u32 mode)
{
	struct mapping *map = present_any(at);

	s = own(s);
	if (!s || !map)
		return 0;
	if (mode != WALK_COVERS)
		return meets(s, map, at, mode);
	if (!is_live(map) || !covers(map, space, address) ||
	    (space == SPACE_DMA && place_of_generation(map->generation) != s->device))
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
	u32 level = LEVEL_HAZARD, what, unsure = 0;
	struct mapping *other;
	u8 how;

	if (s->met)
		meet_slot(s->at);
	/* Whose they were may have released them meanwhile: core/table_protocol.h, 2. */
	lines_claim(s->phys, s->size);
	other = bad ? present_any(s->other_at) : NULL;
	if (!other)
		return;
	__builtin_memcpy(&s->other, other, sizeof(s->other));
	other = &s->other;
	/* Its slot may be another's by now. */
	how = rule_meet(s->phys, s->size, other->phys, other->size, line_size);
	if (how == MEET_NOT || !claims_lines(other))
		return;
	/* Declared by the driver, or harmless where it is allowed at all. */
	if ((s->attrs | other->attrs) & (ATTR_IGNORE_CACHELINES | ATTR_REQUIRE_COHERENT))
		level = LEVEL_NOTE;
	what = how == MEET_BYTES ? CHECK_DOUBLE_MAP : CHECK_LINE_SHARED_MAPPINGS;
	/* Without knowing them: two kmalloc() objects would be kept apart where that matters. */
	if (what == CHECK_LINE_SHARED_MAPPINGS &&
	    (s->object.kind == OBJECT_UNKNOWN || s->other_object.kind == OBJECT_UNKNOWN)) {
		level = LEVEL_NOTE;
		unsure = UNSURE;
	}
	/* Or the other one is over, and we do not know. */
	if (is_unsure_of(s, other))
		unsure = UNSURE;
	judge(s, WITH_LEVEL(what, level) | WITH_MAP | WITH_OTHER | unsure);
}

/* --- slack: the neighbours' bytes on the first and last line --- */

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
		*line_word(slack, which, i) = peek(line + i * 8);
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
		if ((*line_word(slack, which, i) ^ peek(line + i * 8)) & bytes_of_word(i, from, to))
			return true;
	return false;
}

/* A watchpoint that fires meanwhile is this tracer's doing. */
static __always_inline void reading(int more)
{
	struct cpu_state *cpu = this_cpu();

	if (cpu)
		__sync_fetch_and_add(&cpu->used, more);
}

static __always_inline struct slack *slack_at(u64 phys, u32 further)
{
	u32 slot = (slack_home(phys) + further) & (SLACKS_MAX - 1);

	return bpf_map_lookup_elem(&slacks, &slot);
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

	find_object(&object, phys);
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
		keep_words(slack, 0, phys_to_virt(phys - start), start - head, start);
	if (tail)
		keep_words(slack, 1, phys_to_virt(phys + size - end), end, end + tail);
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
		differ = words_differ(slack, 0, phys_to_virt(phys - start), start - slack->head,
				      start);
	if (!differ && slack->tail)
		differ = words_differ(slack, 1, phys_to_virt(phys + size - end), end,
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
	u64 differs = *line_word(walk->slack, which, at / 8) ^ peek(walk->line + (at & ~7u));

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

	s = own(s);
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
	walk.line = phys_to_virt(walk.line);
	bpf_loop(walk.slack->head, diff_byte, &walk, 0);
	end = map->phys + map->size;
	walk.which = 1;
	walk.line = phys_to_virt(end & ~(u64)(line_size - 1));
	walk.from = end & (line_size - 1);
	bpf_loop(walk.slack->tail, diff_byte, &walk, 0);
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
