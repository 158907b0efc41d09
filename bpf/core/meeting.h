/* SPDX-License-Identifier: GPL-2.0 */
/* Mappings on the same cache lines. A line bit that is already set says that there is one. */
#ifndef DMASNOOP_MEETING_H
#define DMASNOOP_MEETING_H

#include "core/find.h"
#include "core/lifetime.h"
#include "core/line_bits.h"
#include "core/rules.h"
#include "core/verdict.h"

/* Is there something wrong about @s->map and another mapping on its lines? */
static __always_inline bool is_bad_meeting(struct scratch *s, const struct mapping *other)
{
	/* With this attribute the driver does the syncs itself. */
	if ((s->attrs | other->attrs) & ATTR_SKIP_CPU_SYNC)
		return false;
	if (rule_meet(s->phys, s->size, other->phys, other->size, line_size) == MEET_BYTES)
		return true;
	env_find_object(&s->other_object, other->phys);
	return !rule_same_line_apart(&s->object, &s->other_object);
}

/*
 * Is @map, in slot @at, on the lines of [@s->phys, +@s->size) in the way that @mode asks for? The
 * mapping in @s->at does not count. A mapping that is ENDING is told that it was met, because of
 * its line bits, but is not the one.
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

/* Is the mapping in a slot the one that is looked for? Its slot goes to @s. */
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
 * Looks at every mapping on the lines of [@s->phys, +@s->size) but the one in @s->at. The slot of
 * the one that @mode asks for goes to @s->other_at.
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

/* Lines of @s->map, in slot @s->at, were marked already: is that wrong? */
static __always_inline void judge_meeting(struct scratch *s)
{
	bool bad = meet(s, MEET_JUDGE);
	u32 level = LEVEL_HAZARD, what, unsure = 0;
	struct mapping *other;
	u8 how;

	if (s->met)
		meet_slot(s->at);
	/*
	 * The mapping that had marked them may have released them meanwhile: table_protocol.h, 2.
	 */
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
	 * Their allocations are not known: two kmalloc() objects would not share a line where that
	 * matters.
	 */
	if (what == CHECK_LINE_SHARED_MAPPINGS &&
	    (s->object.kind == OBJECT_UNKNOWN || s->other_object.kind == OBJECT_UNKNOWN)) {
		level = LEVEL_NOTE;
		unsure = UNSURE;
	}
	/* The other one may be over without our knowing. */
	if (is_unsure_of(s, other))
		unsure = UNSURE;
	judge(s, WITH_LEVEL(what, level) | WITH_MAP | WITH_OTHER | unsure);
	/* Declared to be shared, the buffer may well be mapped twice. */
	if (unsure && level > LEVEL_NOTE && is_again(s, other))
		end_lost(s);
}

#endif
