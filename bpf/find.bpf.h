/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of mappings: taking a place, giving it back, and finding a mapping by an
 * address. Part of dmasnoop.bpf.c. The states of a place, and who may change them: slot.h.
 *
 * Buckets of an array, not a hash map: a map and an unmap need less than 100
 * instructions of it, not 1,100. A mapping is taken in, and removed, by one atomic
 * operation on its count of users. What is over stays, and tells what was there; drivers
 * use the same buffers again and again, so it is often taken in again as it is. A
 * bucket's tags are one word: they say in a few instructions that an address is not there.
 */
#ifndef DMASNOOP_FIND_BPF_H
#define DMASNOOP_FIND_BPF_H

/* Mappings that start in one granule of memory have the same home. */
#define GRANULE_SHIFT 10
#define GRANULES (1 << (PAGE_SHIFT - GRANULE_SHIFT)) /* in a page */

/* How far back a mapping may start for an address in it to be found, in pages. */
#define LADDER 16

/* --- places --- */

static __always_inline u64 hash_address(u64 address)
{
	return (address >> GRANULE_SHIFT) * 0x9e3779b97f4a7c15;
}

static __always_inline u32 home_of(u64 hash)
{
	return (hash >> 32) * facts.nr_buckets >> 32;
}

#define EACH 0x0101010101010101ull

/* What stands for an address among those of its bucket; never 0. */
static __always_inline u64 tag_of(u64 hash, u64 address)
{
	return ((hash >> 24 ^ address >> 4) & 0x7f) | 0x80;
}

/* The highest bit of each byte of @tags that is 0; only the lowest is sure. */
static __always_inline u64 zero_bytes(u64 tags)
{
	return (tags - EACH) & ~tags & EACH << 7;
}

/* Which byte the lowest of them is. */
static __always_inline u32 first_byte(u64 found)
{
	return ((found & -found) >> 7) * 0x0001020304050607 >> 56 & (BUCKET - 1);
}

static __always_inline struct bucket *bucket_at(u32 index)
{
	return bpf_map_lookup_elem(&mappings, &index);
}

static __always_inline u32 bucket_after(u32 index, u32 steps)
{
	index += steps;
	return index < facts.nr_buckets ? index : index - facts.nr_buckets;
}

/* The mapping at a place, whoever's; NULL when there is no such place. */
static __always_inline struct mapping *mapping_at(u32 at)
{
	struct bucket *bucket = bucket_at(at / BUCKET);

	if (!bucket)
		return NULL;
	/* Or the compiler adds first and asks then, which the verifier forbids. */
	asm volatile("" : "+r"(bucket));
	return &bucket->map[at & (BUCKET - 1)];
}

static __always_inline bool is_live(const struct mapping *map)
{
	return slot_is_live(map->users);
}

/* A mapping's count of users from one number to another, when it is that. */
static __always_inline bool set_users(struct mapping *map, u32 from, u32 to)
{
	u32 was = __sync_val_compare_and_swap(&map->users, from, to);

	/* Keep the value in a register; clang would otherwise build a bool and test it again. */
	asm volatile("" : "+r"(was));
	return was == from;
}

/*
 * Records in a slot that another mapping is on a line of its. Returns the slot's word, or 0
 * when no mapping is there any more.
 */
__noinline u32 meet_slot(u32 at)
{
	struct mapping *map = mapping_at(at);

	for (int i = 0; map && i < 16; i++) {
		u32 users = *(volatile u32 *)&map->users;

		if (!slot_has_identity(users))
			return 0;
		if (users & SLOT_MET || set_users(map, users, users | SLOT_MET))
			return users;
	}
	return map ? map->users : 0;
}

/* Where in its bucket a mapping is looked for first. */
static __always_inline u32 preferred(u64 address)
{
	return address * 0x9e3779b97f4a7c15 >> 61;
}

/* Says whose a place is now. */
static __always_inline void tag_place(struct bucket *bucket, u32 place, u64 tag)
{
	u32 shift = 8 * (place & (BUCKET - 1));

	if ((bucket->tags >> shift & 0xff) == tag)
		return;
	__sync_fetch_and_and(&bucket->tags, ~(0xffull << shift));
	__sync_fetch_and_or(&bucket->tags, tag << shift);
}

/*
 * Not unrolled: the kernel takes each lookup in an array apart, and moves all that follows
 * to make room.
 */
#define SHORT_LOOP _Pragma("clang loop unroll(disable)")

/*
 * A loop in a loop, or one with much behind it, is a function of its own here and not
 * static: the verifier looks at it once for each program, not once for each way there.
 */

/* A mapping at an address, live or over, in a bucket: its place there. BUCKET: none. */
__noinline u32 place_in_bucket(u32 at, u64 address)
{
	const struct bucket *bucket = bucket_at(at);
	u64 found;

	if (!bucket)
		return BUCKET;
	found = zero_bytes(bucket->tags ^ tag_of(hash_address(address), address) * EACH);
	for (u32 i = 0; i < BUCKET && found; i++) {
		u32 place = first_byte(found);

		if (bucket->map[place].dma == address)
			return place;
		found &= found - 1;
	}
	return BUCKET;
}

/*
 * The same, in its home or in one of the buckets that follow which have what did not go
 * in there: its place, or NOWHERE.
 */
__noinline u32 place_of(u64 address)
{
	u32 home = home_of(hash_address(address)), reach, place;
	const struct bucket *bucket = bucket_at(home);

	reach = bucket ? bucket->reach : 0;
	for (u32 i = 0; i < REACH_MAX && i <= reach; i++) {
		u32 at = bucket_after(home, i);

		place = place_in_bucket(at, address);
		if (place < BUCKET)
			return at * BUCKET + place;
	}
	return NOWHERE;
}

/*
 * Which place of a bucket a mapping may have: that where its address was before, or one
 * that nobody ever had, or any that is free. BUCKET: none.
 */
__noinline u32 free_place(u32 at, u64 address)
{
	const struct bucket *bucket = bucket_at(at);
	u64 found;
	u32 place;

	if (!bucket)
		return BUCKET;
	found = zero_bytes(bucket->tags ^ tag_of(hash_address(address), address) * EACH);
	place = first_byte(found);
	if (found && bucket->map[place].dma == address && !bucket->map[place].users)
		return place;
	place = preferred(address);
	if (!(bucket->tags >> 8 * place & 0xff))
		return place;
	found = zero_bytes(bucket->tags);
	if (found)
		return first_byte(found);
	for (u32 i = 0; i < BUCKET; i++, place = (place + 1) & (BUCKET - 1))
		if (!bucket->map[place].users)
			return place;
	return BUCKET;
}

static __always_inline void widen_reach(struct bucket *home, u32 to)
{
	for (u32 i = 0; i < REACH_MAX; i++) {
		u32 reach = home->reach;

		if (reach >= to || __sync_val_compare_and_swap(&home->reach, reach, to) == reach)
			return;
	}
}

/* A place for a mapping at a DMA address; NOWHERE when all of its places are taken. */
__noinline u32 take_place(u64 address)
{
	u64 hash = hash_address(address), tag = tag_of(hash, address);
	u32 home = home_of(hash);

	for (u32 i = 0; i < REACH_MAX; i++) {
		u32 at = bucket_after(home, i), place = free_place(at, address);
		struct bucket *bucket = bucket_at(at), *first;

		if (!bucket || place >= BUCKET ||
		    !set_users(&bucket->map[place & (BUCKET - 1)], 0, SLOT_TAKEN))
			continue;
		tag_place(bucket, place, tag);
		first = bucket_at(home);
		if (first && i)
			widen_reach(first, i);
		return at * BUCKET + place;
	}
	return NOWHERE;
}

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
	EXACT_LIVE, /* that fits @s's call best */
	EXACT_SAME, /* mapped once more: to the device only, and in every way the same */
	EXACT_OVER, /* that was there last */
	EXACT_STALE, /* of a device that is no more, and whose place this one has */
	EXACT_FAMILY, /* that fits @s's call, of a device above or below this one */
};

static __always_inline bool fits(const struct scratch *s, const struct mapping *map)
{
	if (map->dir != s->dir)
		return false;
	if (s->op == OP_SYNC_FOR_CPU || s->op == OP_SYNC_FOR_DEVICE)
		return s->size <= map->size;
	return s->size == map->size && s->kind == map->kind;
}

/* Is it a mapping of a device that is no more, and whose place this device has? */
static __always_inline bool is_stale(const struct mapping *map, u32 generation)
{
	u32 its = *(volatile u32 *)&map->generation;

	return its != generation && place_of_generation(its) == place_of_generation(generation);
}

#define GENERATIONS 4

/* Is one device a parent of another, or a parent's? */
static __always_inline bool is_above(u64 above, u64 dev)
{
	for (u32 i = 0; i < GENERATIONS && dev; i++) {
		dev = (u64)BPF_CORE_READ((struct device *)dev, parent);
		if (dev == above)
			return true;
	}
	return false;
}

/* Is it live, and of a device for which this one may have been taken by mistake? */
static __always_inline bool is_of_family(const struct scratch *s, const struct mapping *map)
{
	const struct device_state *its = &devices[place_of_generation(map->generation)];

	return is_live(map) && its->ready && its->generation == map->generation &&
	       place_of_generation(map->generation) != s->device && fits(s, map) &&
	       (is_above(its->dev, s->dev) || is_above(s->dev, its->dev));
}

enum rank { NOT_IT, SECOND_BEST, THE_ONE };

/* A mapping at the right address: is it the one? @best: the place of the best so far. */
__noinline int exact_one(struct scratch *s, u32 at, u32 mode, u32 best)
{
	struct mapping *map = mapping_at(at), *other = mapping_at(best);
	u32 generation, users;

	s = own(s);
	if (!s || !map)
		return NOT_IT;
	/* Read it once: a slot that is not leaving here must not look free below. */
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

static long exact_place(u32 index, struct exact_walk *walk)
{
	u32 at = bucket_after(walk->home, index / BUCKET) * BUCKET + index % BUCKET;
	const struct mapping *map = mapping_at(at);
	struct scratch *s = walk->s;
	u32 rank;

	if (!map || map->dma != s->dma ||
	    (walk->mode != EXACT_FAMILY && place_of_generation(map->generation) != s->device))
		return 0;
	rank = exact_one(s, at, walk->mode, walk->best);
	if (rank == NOT_IT)
		return 0;
	walk->nr++;
	if (rank == THE_ONE || walk->best == NOWHERE || walk->mode == EXACT_OVER)
		walk->best = at;
	walk->fits = rank == THE_ONE;
	return rank == THE_ONE;
}

/* In how many places what has its home in this bucket can be. */
static __always_inline u32 places_of(u32 home)
{
	const struct bucket *bucket = bucket_at(home);

	return bucket ? ((bucket->reach & (REACH_MAX - 1)) + 1) * BUCKET : 0;
}

/* The mapping that starts at exactly @s's address; its place. */
__noinline u32 search_exact(struct scratch *s, u32 mode)
{
	struct exact_walk walk = { .best = NOWHERE, .mode = mode };

	s = own(s);
	if (!s)
		return NOWHERE;
	walk.s = s;
	walk.home = home_of(hash_address(s->dma));
	bpf_loop(places_of(walk.home), exact_place, &walk, 0);
	s->exact = walk.fits;
	return walk.best;
}

/* How often a search looks again for a mapping that another event may put back. */
#define LEAVING_TRIES 64

/* How many of a device's mappings have ended. A search reads it before and after a look. */
static __always_inline u64 ended(struct device_state *device)
{
	return __sync_fetch_and_add(&device->ends, 0) + __sync_fetch_and_add(&device->unmaps, 0);
}

/*
 * The place of the live mapping at exactly this address that fits best, in @s->at, too.
 * NOWHERE with @s->leaving set: other events kept working on mappings that could be it.
 *
 * A buffer may be mapped more than once. Another CPU can map it again in a place that this
 * search has already passed, and then unmap the mapping that the search has not reached. So
 * "not found" and "does not fit" count only if no mapping of the device ended meanwhile.
 */
__noinline u32 search_live(struct scratch *s)
{
	struct device_state *device;

	s = own(s);
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

/* --- by an address inside --- */

static __always_inline bool is_there(const struct mapping *map)
{
	return map->generation && device_at(map)->generation == map->generation;
}

/* The mapping at a place while it is live, of any device. */
static __always_inline struct mapping *live_any(u32 at)
{
	struct mapping *map = mapping_at(at);

	return map && is_live(map) && is_there(map) ? map : NULL;
}

/* The same, also while it is being made or ended: its line bits may be set. */
static __always_inline struct mapping *present_any(u32 at)
{
	struct mapping *map = mapping_at(at);

	return map && slot_has_identity(map->users) && is_there(map) ? map : NULL;
}

/* @s is about a mapping's device, if that is there. */
static __always_inline void set_device(struct scratch *s, const struct mapping *map)
{
	s->device = is_there(map) ? place_of_generation(map->generation) : NOWHERE;
	s->dev = device_at(map)->dev;
}

/* A mapping may be over without our knowing: never unmapped, or the event lost. */
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

/* Is no mapping at a place, counted from one, nor one being made or ended? */
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
	page = bpf_map_lookup_elem(&starts, &key);
	if (page) {
		u32 next = STARTS;

		for (u32 i = 0; i < STARTS; i++) {
			if (page->at[i] == walk->at + 1)
				return 0;
			if (next == STARTS && is_over(page->at[i]))
				next = i;
		}
		/* More than STARTS live ones: one of them will not be found. */
		if (next == STARTS)
			next = page->next++;
		page->at[next & (STARTS - 1)] = walk->at + 1;
	} else {
		struct page_starts fresh = { .at = { walk->at + 1 }, .next = 1 };

		bpf_map_update_elem(&starts, &key, &fresh, BPF_ANY);
	}
	return 0;
}

/*
 * Makes @s->map findable by an address in it where its home does not: at its first
 * page and at every LADDERth after it.
 */
__noinline int index_add(struct scratch *s, u64 space)
{
	struct index_walk walk = { .space = space };
	u64 address, pages;

	s = own(s);
	if (!s)
		return 0;
	address = space == SPACE_DMA ? s->map.dma : s->map.phys;
	pages = ((address + s->map.size - 1) >> PAGE_SHIFT) - (address >> PAGE_SHIFT) + 1;
	walk.dev = s->dev;
	walk.at = s->at;
	walk.first_page = address >> PAGE_SHIFT;
	if (pages > LADDER)
		bpf_loop((pages + LADDER - 1) / LADDER, index_one, &walk, 0);
	else if (space == SPACE_PHYS && s->map.phys != s->map.dma)
		index_one(0, &walk);
	return 0;
}

static __always_inline bool covers(const struct mapping *map, u64 space, u64 address)
{
	u64 start = space == SPACE_DMA ? map->dma : map->phys;

	return address >= start && address - start < map->size;
}

/* What is looked for among the mappings of some pages. */
enum walk_mode {
	WALK_COVERS, /* one that covers an address */
	MEET_JUDGE, /* one that should not be on the lines of a buffer */
	MEET_FIRST, /* one that is on one of them */
	MEET_INSIDE, /* one that has bytes in the buffer */
};

/* A walk over the live mappings that start in some pages, the last page first. */
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

/* Is the mapping at a place the one? Its place goes to @s. In lines.bpf.h. */
__noinline int is_the_one(struct scratch *s, u32 at, u64 space, u64 address, u32 mode);

static long walk_place(u32 index, struct starts_walk *walk)
{
	u32 at = bucket_after(walk->home, index / BUCKET) * BUCKET + index % BUCKET;
	const struct mapping *map = mapping_at(at);

	if (map && map->users)
		walk->found = is_the_one(walk->s, at, walk->space, walk->address, walk->mode);
	return walk->found ? 1 : 0;
}

/* The mappings whose home is that of an address. */
static __always_inline void walk_home(struct starts_walk *walk, u64 address)
{
	struct bucket *bucket;

	walk->home = home_of(hash_address(address));
	bucket = bucket_at(walk->home);
	if (bucket && (bucket->tags || bucket->reach))
		bpf_loop(places_of(walk->home), walk_place, walk, 0);
}

/* Those that the index has for a page. */
static __always_inline void walk_index(struct starts_walk *walk, u64 page_number)
{
	struct page_key key = { .page = page_number, .space = walk->space };
	struct page_starts *page;

	if (walk->space == SPACE_DMA)
		key.dev = walk->s->dev;
	page = bpf_map_lookup_elem(&starts, &key);
	for (u32 i = 0; page && i < STARTS && page->at[i] && !walk->found; i++)
		walk->found = is_the_one(walk->s, page->at[i] - 1, walk->space, walk->address,
					 walk->mode);
}

#define WALK_STEPS (GRANULES + 1) /* for a page */

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
 * The mapping that an address lies in: its place goes to @s->at. A DMA address is
 * looked for in @s->dev only.
 */
__noinline int search_containing(struct scratch *s, u64 space, u64 address)
{
	struct starts_walk walk = { .space = space, .address = address, .mode = WALK_COVERS };

	s = own(s);
	if (!s)
		return 0;
	walk.s = s;
	walk.last_page = address >> PAGE_SHIFT;
	bpf_loop(LADDER * WALK_STEPS, walk_step, &walk, 0);
	return walk.found;
}

static __always_inline struct mapping *find_containing(struct scratch *s, u64 space, u64 address)
{
	return search_containing(s, space, address) ? live_any(s->at) : NULL;
}

#endif
