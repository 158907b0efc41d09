/* SPDX-License-Identifier: GPL-2.0 */
/* Mappings that share cache lines. A line bit that is already set shows that there may be one. */
#ifndef DMASNOOP_MEETING_H
#define DMASNOOP_MEETING_H

#include "core/find.h"
#include "core/lifetime.h"
#include "core/line_bits.h"
#include "core/rules.h"
#include "core/verdict.h"

/* Do @s->map and another mapping on its lines conflict? */
static __always_inline bool is_bad_meeting(struct scratch *s, const struct mapping *other)
{
	/* With this attribute, the driver makes the syncs itself. */
	if ((s->attrs | other->attrs) & ATTR_SKIP_CPU_SYNC)
		return false;
	if (rule_meet(s->phys, s->size, other->phys, other->size, line_size) == MEET_BYTES)
		return true;
	env_find_object(&s->other_object, other->phys);
	return !rule_same_line_apart(&s->object, &s->other_object);
}

/*
 * Does @map, in slot @at, share lines with [@s->phys, +@s->size) in the way that @mode asks for?
 * The mapping in @s->at does not count. A mapping that is ENDING or RELEASING gets SLOT_MET because
 * of its line bits, but is not a match.
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

/*
 * Checks whether the mapping in a slot is the one that the walk looks for, and puts its slot into
 * @s.
 */
__noinline int match_mapping(struct scratch *s, u32 at, u64 space, u64 address, u32 mode)
{
	struct mapping *map = present_any(at);

	s = env_own(s);
	if (!s || !map)
		return 0;
	if (mode != WALK_COVERS)
		return meets(s, map, at, mode);
	if (!is_live(map) || !covers(map, space, address) ||
	    (space == SPACE_DMA && device_slot(map->generation) != s->device))
		return 0;
	s->at = at;
	return 1;
}

/*
 * Looks at every mapping on the lines of [@s->phys, +@s->size) except the one in @s->at. Puts the
 * slot of the mapping that @mode asks for into @s->other_at.
 */
__noinline int meet(struct scratch *s, u64 mode)
{
	struct starts_walk walk = { .mode = mode, .space = SPACE_PHYS };

	s = env_own(s);
	if (!s)
		return 0;
	walk.s = s;
	if (mode == MEET_JUDGE)
		env_find_object(&s->object, s->phys);
	walk.last_page = (s->phys + s->size - 1) >> PAGE_SHIFT;
	env_loop((pages_of(s->phys, s->size) + LADDER - 1) * WALK_STEPS, walk_step, &walk);
	return walk.found;
}

/* Is @other a mapping of the buffer that @s maps, for the same device? */
static __always_inline bool is_again(const struct scratch *s, const struct mapping *other)
{
	return other->dma == s->dma && other->phys == s->phys && fits(s, other) &&
	       other->generation == s->map.generation;
}

/* Judges @s->map, in slot @s->at, if some of its line bits were already set. */
static __always_inline void judge_meeting(struct scratch *s)
{
	bool bad = meet(s, MEET_JUDGE);
	u32 level = LEVEL_HAZARD, what, unsure = 0;
	struct mapping *other;
	u8 how;

	if (s->met)
		meet_slot(s->at);
	/* The mapping that had set them may have cleared them by now: table_protocol.h, rule 2. */
	lines_claim(s->phys, s->size);
	other = bad ? present_any(s->other_at) : NULL;
	if (!other)
		return;
	__builtin_memcpy(&s->other, other, sizeof(s->other));
	other = &s->other;
	/* The slot may hold another mapping by now. */
	how = rule_meet(s->phys, s->size, other->phys, other->size, line_size);
	if (how == MEET_NOT || !claims_lines(other))
		return;
	/*
	 * The driver declares that it is aware of the shared line, or the device must be coherent.
	 */
	if ((s->attrs | other->attrs) & (ATTR_IGNORE_CACHELINES | ATTR_REQUIRE_COHERENT))
		level = LEVEL_NOTE;
	what = how == MEET_BYTES ? CHECK_DOUBLE_MAP : CHECK_LINE_SHARED_MAPPINGS;
	/*
	 * One of the allocations is not known. If both are kmalloc() objects, they share no line
	 * where that matters.
	 */
	if (what == CHECK_LINE_SHARED_MAPPINGS &&
	    (s->object.kind == OBJECT_UNKNOWN || s->other_object.kind == OBJECT_UNKNOWN)) {
		level = LEVEL_NOTE;
		unsure = UNSURE;
	}
	/* The other mapping may be over although no unmap was seen. */
	if (is_unsure_of(s, other))
		unsure = UNSURE;
	judge(s, WITH_LEVEL(what, level) | WITH_MAP | WITH_OTHER | unsure);
	/* Declared to be shared, the buffer may well be mapped twice. */
	if (unsure && level > LEVEL_NOTE && is_again(s, other))
		end_lost(s);
}

#endif
