/* SPDX-License-Identifier: GPL-2.0 */
/* The search for a mapping in the table, by its DMA address or by an address inside. */
#ifndef DMASNOOP_FIND_H
#define DMASNOOP_FIND_H

#include "core/device_table.h"
#include "core/env.h"
#include "core/history.h"
#include "core/losses.h"
#include "core/table.h"

/* --- by the exact address --- */

struct exact_walk {
	struct scratch *s;
	u32 home;
	u32 best;
	u32 nr;
	u32 mode;
	u32 fits;
};

enum exact_mode {
	EXACT_LIVE, /* the live mapping that fits @s's call best */
	EXACT_SAME, /* a live mapping of the same buffer for the same device, which only reads it */
	EXACT_OVER, /* the last mapping at the address, which is over */
	EXACT_STALE, /* a mapping of a device that is gone and whose index this device has */
	EXACT_FAMILY, /* a mapping that fits @s's call, of a parent or child of this device */
};

static __always_inline bool fits(const struct scratch *s, const struct mapping *map)
{
	if (map->dir != s->dir)
		return false;
	if (s->op == OP_SYNC_FOR_CPU || s->op == OP_SYNC_FOR_DEVICE)
		return s->size <= map->size;
	return s->size == map->size && s->kind == map->kind;
}

/* Is the mapping's device gone, and does this device have its index? */
static __always_inline bool is_stale(const struct mapping *map, u32 generation)
{
	u32 its = *(volatile u32 *)&map->generation;

	return its != generation && device_slot(its) == device_slot(generation);
}

#define GENERATIONS 4

/* Is @above an ancestor of @dev? */
static __always_inline bool is_above(u64 above, u64 dev)
{
	for (u32 i = 0; i < GENERATIONS && dev; i++) {
		dev = env_parent_of(dev);
		if (dev == above)
			return true;
	}
	return false;
}

/* Is the mapping live, and does it belong to a parent or child of this device? */
static __always_inline bool is_of_family(const struct scratch *s, const struct mapping *map)
{
	const struct device_state *its = &devices[device_slot(map->generation)];

	return is_live(map) && its->ready && its->generation == map->generation &&
	       device_slot(map->generation) != s->device && fits(s, map) &&
	       (is_above(its->dev, s->dev) || is_above(s->dev, its->dev));
}

enum rank { NOT_IT, SECOND_BEST, THE_ONE };

/*
 * Ranks how well the mapping in slot @at, which has the right address, fits the call. @best is the
 * slot of the best mapping so far.
 */
__noinline int rank_exact(struct scratch *s, u32 at, u32 mode, u32 best)
{
	struct mapping *map = mapping_at(at), *other = mapping_at(best);
	u32 generation, users;

	s = env_own(s);
	if (!s || !map)
		return NOT_IT;
	/* Read the word once: a slot that is not ENDING here must not be free below. */
	users = *(volatile u32 *)&map->users;
	if (mode == EXACT_OVER)
		return (!users || slot_is_leaving(users)) &&
				       (!other || born_ns(map) >= born_ns(other)) ?
			       SECOND_BEST :
			       NOT_IT;
	if (mode == EXACT_FAMILY)
		return is_of_family(s, map) ? THE_ONE : NOT_IT;
	generation = devices[s->device & (DEVICES_MAX - 1)].generation;
	if (mode == EXACT_LIVE && slot_is_leaving(users) && map->generation == generation)
		s->leaving = 1;
	if (!slot_is_live(users))
		return NOT_IT;
	if (mode == EXACT_STALE)
		return is_stale(map, generation) ? THE_ONE : NOT_IT;
	if (map->generation != generation)
		return NOT_IT;
	if (mode == EXACT_SAME)
		return map->dir == DIR_TO_DEVICE && map->phys == s->phys && fits(s, map) ? THE_ONE :
											   NOT_IT;
	return fits(s, map) ? THE_ONE : SECOND_BEST;
}

static long match_exact_slot(u32 index, struct exact_walk *walk)
{
	u32 at = bucket_after(walk->home, index / BUCKET) * BUCKET + index % BUCKET;
	const struct mapping *map = mapping_at(at);
	struct scratch *s = walk->s;
	u32 rank;

	if (!map || map->dma != s->dma ||
	    (walk->mode != EXACT_FAMILY && device_slot(map->generation) != s->device))
		return 0;
	rank = rank_exact(s, at, walk->mode, walk->best);
	if (rank == NOT_IT)
		return 0;
	walk->nr++;
	if (rank == THE_ONE || walk->best == NOWHERE || walk->mode == EXACT_OVER)
		walk->best = at;
	walk->fits = rank == THE_ONE;
	return rank == THE_ONE;
}

/* Returns the number of slots that a mapping with this home bucket can be in. */
static __always_inline u32 slots_of(u32 home)
{
	const struct bucket *bucket = bucket_at(home);

	return bucket ? ((bucket->reach & (REACH_MAX - 1)) + 1) * BUCKET : 0;
}

/* Finds the slot of the mapping that starts at exactly @s's address. */
__noinline u32 search_exact(struct scratch *s, u32 mode)
{
	struct exact_walk walk = { .best = NOWHERE, .mode = mode };

	s = env_own(s);
	if (!s)
		return NOWHERE;
	walk.s = s;
	walk.home = home_of(hash_address(s->dma));
	env_loop(slots_of(walk.home), match_exact_slot, &walk);
	s->exact = walk.fits;
	return walk.best;
}

/* A search starts again so many times, because another event may put a mapping back. */
#define LEAVING_TRIES 64

/*
 * Counts the mappings of a device that have ended. A search reads the count before and after a
 * look.
 */
static __always_inline u64 ended(struct device_state *device)
{
	return __sync_fetch_and_add(&device->ends, 0) + __sync_fetch_and_add(&device->unmaps, 0);
}

/*
 * Puts the slot of the live mapping that fits best at exactly @s's address into @s->at, and returns
 * it. NOWHERE with @s->leaving set means that other events kept working on possible mappings.
 *
 * A buffer may be mapped more than once. Another CPU can map it again in a slot that this search
 * has already passed, and then unmap the mapping that the search has not reached yet. So "not
 * found" and "does not fit" count only if no mapping of the device ended during the search.
 */
__noinline u32 search_live(struct scratch *s)
{
	struct device_state *device;

	s = env_own(s);
	if (!s)
		return NOWHERE;
	device = &devices[s->device & (DEVICES_MAX - 1)];
	SHORT_LOOP
	for (u32 i = 0; i < LEAVING_TRIES; i++) {
		u64 before = ended(device);

		s->leaving = 0;
		s->at = search_exact(s, EXACT_LIVE);
		if (s->exact || (!s->leaving && ended(device) == before))
			return s->at;
	}
	s->leaving = 1;
	s->at = NOWHERE;
	return NOWHERE;
}

static __always_inline struct mapping *find_exact(struct scratch *s)
{
	u32 at = search_live(s);

	return at == NOWHERE ? NULL : mapping_at(at);
}

/* --- by an address inside a mapping --- */

static __always_inline bool is_there(const struct mapping *map)
{
	return map->generation && device_at(map)->generation == map->generation;
}

/* Returns the mapping in a slot if it is live, whatever its device; else NULL. */
static __always_inline struct mapping *live_any(u32 at)
{
	struct mapping *map = mapping_at(at);

	return map && is_live(map) && is_there(map) ? map : NULL;
}

/*
 * Returns the mapping in a slot, even while an event makes or ends it, because its line bits may be
 * set.
 */
static __always_inline struct mapping *present_any(u32 at)
{
	struct mapping *map = mapping_at(at);

	return map && slot_has_identity(map->users) && is_there(map) ? map : NULL;
}

/* Makes the device of a mapping that of @s, if the device is still there. */
static __always_inline void set_device(struct scratch *s, const struct mapping *map)
{
	s->device = is_there(map) ? device_slot(map->generation) : NOWHERE;
	s->dev = device_at(map)->dev;
}

/*
 * Can the mapping be over although no unmap was seen? It can if its driver need not unmap, or if an
 * event was lost.
 */
static __noinline bool is_unsure_of(struct scratch *s, const struct mapping *map)
{
	return !is_there(map) || device_at(map)->lazy ||
	       events_lost(s, device_at(map), born_ns(map), map->dma);
}

struct index_walk {
	u64 dev;
	u64 space;
	u64 first_page;
	u32 at;
};

/* Is the slot free? @place is the slot number plus one. */
__noinline int is_over(u32 place)
{
	const struct mapping *map = place ? mapping_at(place - 1) : NULL;

	return !map || !map->users;
}

static long index_one(u32 index, struct index_walk *walk)
{
	struct page_key key = { .page = walk->first_page + index * LADDER, .space = walk->space };
	struct page_starts *page;

	if (walk->space == SPACE_DMA)
		key.dev = walk->dev;
	page = env_find_starts(&key);
	if (page) {
		u32 next = STARTS;

		for (u32 i = 0; i < STARTS; i++) {
			if (page->at[i] == walk->at + 1)
				return 0;
			if (next == STARTS && is_over(page->at[i]))
				next = i;
		}
		/* More than STARTS mappings are live, so a search will not find one of them. */
		if (next == STARTS)
			next = page->next++;
		page->at[next & (STARTS - 1)] = walk->at + 1;
	} else {
		struct page_starts fresh = { .at = { walk->at + 1 }, .next = 1 };

		env_keep_starts(&key, &fresh);
	}
	return 0;
}

/*
 * Enters @s->map into the index of pages, at its first page and at every LADDERth page after that.
 * The index serves addresses inside the mapping that its home bucket does not lead to.
 */
__noinline int index_add(struct scratch *s, u64 space)
{
	struct index_walk walk = { .space = space };
	u64 address, pages;

	s = env_own(s);
	if (!s)
		return 0;
	address = space == SPACE_DMA ? s->map.dma : s->map.phys;
	pages = ((address + s->map.size - 1) >> PAGE_SHIFT) - (address >> PAGE_SHIFT) + 1;
	walk.dev = s->dev;
	walk.at = s->at;
	walk.first_page = address >> PAGE_SHIFT;
	if (pages > LADDER)
		env_loop((pages + LADDER - 1) / LADDER, index_one, &walk);
	else if (space == SPACE_PHYS && s->map.phys != s->map.dma)
		index_one(0, &walk);
	return 0;
}

static __always_inline bool covers(const struct mapping *map, u64 space, u64 address)
{
	u64 start = space == SPACE_DMA ? map->dma : map->phys;

	return address >= start && address - start < map->size;
}

/* What a walk over the mappings of some pages looks for. */
enum walk_mode {
	WALK_COVERS, /* a mapping that covers an address */
	MEET_JUDGE, /* a mapping that must not be on the lines of a buffer */
	MEET_FIRST, /* any mapping on one of the buffer's lines */
	MEET_INSIDE, /* a mapping that shares bytes with the buffer */
};

/* A walk over the live mappings that start in some pages, from the last page to the first. */
struct starts_walk {
	struct scratch *s;
	u64 space;
	u64 address;
	u64 last_page;
	u64 mode;
	u64 found;
	u32 home;
	u32 pad;
};

/*
 * Checks whether the mapping in a slot is the one that the walk looks for, and puts its slot into
 * @s. Defined in meeting.h.
 */
__noinline int match_mapping(struct scratch *s, u32 at, u64 space, u64 address, u32 mode);

static long walk_slot(u32 index, struct starts_walk *walk)
{
	u32 at = bucket_after(walk->home, index / BUCKET) * BUCKET + index % BUCKET;
	const struct mapping *map = mapping_at(at);

	if (map && map->users)
		walk->found = match_mapping(walk->s, at, walk->space, walk->address, walk->mode);
	return walk->found ? 1 : 0;
}

/* Looks at the mappings whose home bucket belongs to an address. */
static __always_inline void walk_home(struct starts_walk *walk, u64 address)
{
	struct bucket *bucket;

	walk->home = home_of(hash_address(address));
	bucket = bucket_at(walk->home);
	if (bucket && (bucket->tags || bucket->reach))
		env_loop(slots_of(walk->home), walk_slot, walk);
}

/* Looks at the mappings that the index lists for a page. */
static __always_inline void walk_index(struct starts_walk *walk, u64 page_number)
{
	struct page_key key = { .page = page_number, .space = walk->space };
	struct page_starts *page;

	if (walk->space == SPACE_DMA)
		key.dev = walk->s->dev;
	page = env_find_starts(&key);
	for (u32 i = 0; page && i < STARTS && page->at[i] && !walk->found; i++)
		walk->found = match_mapping(walk->s, page->at[i] - 1, walk->space, walk->address,
					    walk->mode);
}

#define WALK_STEPS (GRANULES + 1) /* per page */

static long walk_step(u32 index, struct starts_walk *walk)
{
	u64 page = walk->last_page - index / WALK_STEPS;
	u64 granule = index % WALK_STEPS;

	if (granule < GRANULES)
		walk_home(walk, page << PAGE_SHIFT | granule << GRANULE_SHIFT);
	else
		walk_index(walk, page);
	return walk->found ? 1 : 0;
}

/*
 * Puts the slot of the mapping that covers an address into @s->at. For a DMA address, only the
 * mappings of @s->dev count.
 */
__noinline int search_containing(struct scratch *s, u64 space, u64 address)
{
	struct starts_walk walk = { .space = space, .address = address, .mode = WALK_COVERS };

	s = env_own(s);
	if (!s)
		return 0;
	walk.s = s;
	walk.last_page = address >> PAGE_SHIFT;
	env_loop(LADDER * WALK_STEPS, walk_step, &walk);
	return walk.found;
}

static __always_inline struct mapping *find_containing(struct scratch *s, u64 space, u64 address)
{
	return search_containing(s, space, address) ? live_any(s->at) : NULL;
}

#endif
