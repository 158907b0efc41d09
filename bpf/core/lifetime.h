/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The users of a mapping. A buffer that is mapped more than once has more than one user. When the
 * last user is gone, the mapping is over.
 */
#ifndef DMASNOOP_LIFETIME_H
#define DMASNOOP_LIFETIME_H

#include "core/content.h"
#include "core/find.h"
#include "core/line_bits.h"
#include "core/neighbours.h"

/* Does the slot still hold the mapping that a search found? Another mapping may have taken it. */
static __always_inline bool is_same_mapping(const struct scratch *s, const struct mapping *map,
					    u32 generation)
{
	return *(volatile u64 *)&map->dma == s->dma &&
	       *(volatile u32 *)&map->generation == generation && (!s->exact || fits(s, map));
}

/*
 * Adds a user to the live mapping in @s->at. Returns false when the last user has just gone:
 * another event is removing the mapping, which must not be undone.
 */
__noinline int add_user(struct scratch *s)
{
	struct device_state *device;
	struct mapping *map;

	s = env_own(s);
	device = s ? known_device(s) : NULL;
	map = s ? mapping_at(s->at) : NULL;
	if (!s || !map || !device || !lock_slot(map))
		return false;
	if (is_same_mapping(s, map, device->generation)) {
		unlock_slot(map, 1);
		return true;
	}
	unlock_slot(map, 0);
	return false;
}

enum users_left { NOT_LIVE, NOT_LAST, LAST };

/*
 * Drops a user of the mapping in @s->at. After LAST, the slot is ENDING and belongs to this event
 * until end_lines(). NOT_LIVE means that another event was first.
 */
__noinline int drop_user(struct scratch *s, u32 generation)
{
	struct mapping *map;
	u32 users;

	s = env_own(s);
	map = s ? mapping_at(s->at) : NULL;
	users = map ? lock_slot(map) & SLOT_USERS : 0;
	if (!s || !map || !users)
		return NOT_LIVE;
	if (!is_same_mapping(s, map, generation)) {
		unlock_slot(map, 0);
		return NOT_LIVE;
	}
	if (users > 1) {
		unlock_slot(map, -1);
		return NOT_LAST;
	}
	__sync_fetch_and_add(&map->users, -1);
	return LAST;
}

/* Drops all users, because the device has lost its driver. On success the slot is ENDING. */
__noinline int drop_all_users(u32 at, u32 generation)
{
	struct mapping *map = mapping_at(at);
	u32 users = map ? lock_slot(map) & SLOT_USERS : 0;

	if (!map || !users)
		return false;
	if (*(volatile u32 *)&map->generation != generation) {
		unlock_slot(map, 0);
		return false;
	}
	__sync_fetch_and_add(&map->users, -users);
	return true;
}

/* Clears the line bits of a mapping whose slot is ENDING, and frees the slot. */
static __always_inline void end_lines(struct mapping *map)
{
	bool release = claims_lines(map) && set_users(map, SLOT_ENDING, SLOT_RELEASING);

	/*
	 * Lines that were shared may still belong to another mapping. A bit too many costs a look
	 * at the mappings, but a bit too few would hide a bug.
	 */
	if (release)
		lines_release(map->phys, map->size);
	/*
	 * Count the end before the slot is free, as the fast path counts its unmaps: search_live().
	 */
	__sync_fetch_and_add(&device_at(map)->ends, 1);
	end_slot(map, release);
}

/*
 * Finds the mapping that @s's unmap is about, puts its slot into @s->at, and drops a user. When the
 * buffer is mapped twice, another CPU may unmap the mapping that was found. Then this function
 * looks for the other mapping.
 */
static __always_inline u32 find_and_drop_user(struct scratch *s, u32 generation)
{
	u32 users_left = NOT_LIVE;

	SHORT_LOOP
	for (u32 i = 0; i < 8 && users_left == NOT_LIVE; i++) {
		u32 at = search_live(s);

		if (at == NOWHERE)
			return NOT_LIVE;
		users_left = drop_user(s, generation);
	}
	/* Another event was first each time. */
	if (users_left == NOT_LIVE)
		s->leaving = 1;
	return users_left;
}

/* Ends the mapping in a slot if its device is gone and this device has its index. */
static __always_inline void end_stale(u32 at, u32 generation)
{
	struct mapping *map = at == NOWHERE ? NULL : mapping_at(at);
	u32 users = map ? lock_slot(map) & SLOT_USERS : 0;

	if (!map || !users)
		return;
	if (is_stale(map, generation)) {
		__sync_fetch_and_add(&map->users, -users);
		end_lines(map);
	} else {
		unlock_slot(map, 0);
	}
}

/*
 * Ends the mapping in @s->other_at, of which @s->other is a copy, because its unmap was most likely
 * lost. Otherwise every later map of the buffer would meet the mapping.
 */
__noinline int end_lost(struct scratch *s)
{
	struct mapping *map;
	u32 users;

	s = env_own(s);
	map = s ? mapping_at(s->other_at) : NULL;
	users = map ? lock_slot(map) & SLOT_USERS : 0;
	if (!s || !map || !users)
		return 0;
	if (map->dma == s->other.dma && map->generation == s->other.generation &&
	    map->born == s->other.born && map->turn == s->other.turn) {
		/* No unmap was counted. */
		__sync_fetch_and_add(&device_at(map)->odd, -(u64)users);
		__sync_fetch_and_add(&map->users, -users);
		end_lines(map);
	} else {
		unlock_slot(map, 0);
	}
	return 0;
}

/* Removes the mapping in @s->at, whose slot is ENDING, from every table. */
__noinline int remove_mapping(struct scratch *s)
{
	struct mapping *map;
	u32 flags;

	s = env_own(s);
	map = s ? mapping_at(s->at) : NULL;
	if (!s || !map)
		return 0;
	flags = map->flags;
	s->phys = map->phys;
	s->size = map->size;
	forget_content(s);
	if (flags & MAP_NEIGHBOURS)
		drop_neighbours(s->phys);
	end_lines(map);
	return 0;
}

#endif
