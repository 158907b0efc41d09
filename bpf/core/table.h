/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mapping table: its slots, and how an event takes one. table_protocol.h describes the states
 * of a slot and the events that may change them.
 *
 * The table is an array of buckets and not a hash map, because a map and an unmap take less than
 * 100 instructions in it, and 1,100 in a hash map. One atomic operation on the count of users adds
 * or removes a mapping. A mapping that is over stays in its slot as a record of the address.
 * Drivers use the same buffers again and again, so such a mapping often becomes live again
 * unchanged. The tags of a bucket are one word, so a few instructions show that an address is not
 * in the bucket.
 */
#ifndef DMASNOOP_TABLE_H
#define DMASNOOP_TABLE_H

#include "core/env.h"
#include "core/table_protocol.h"

/* Mappings that start in the same granule of memory have the same home bucket. */
#define GRANULE_SHIFT 10
#define GRANULES (1 << (PAGE_SHIFT - GRANULE_SHIFT)) /* per page */

/* The search for an address looks at mappings that start up to so many pages before the address. */
#define LADDER 16

static __always_inline u64 hash_address(u64 address)
{
	return (address >> GRANULE_SHIFT) * 0x9e3779b97f4a7c15;
}

static __always_inline u32 home_of(u64 hash)
{
	return (hash >> 32) * facts.nr_buckets >> 32;
}

#define EACH 0x0101010101010101ull

/* Computes the tag of an address in its bucket, which is never 0. */
static __always_inline u64 tag_of(u64 hash, u64 address)
{
	return ((hash >> 24 ^ address >> 4) & 0x7f) | 0x80;
}

/*
 * Sets the highest bit of each byte of @tags that is 0. A carry can mark bytes above the first 0
 * too, so only the lowest mark is reliable.
 */
static __always_inline u64 zero_bytes(u64 tags)
{
	return (tags - EACH) & ~tags & EACH << 7;
}

/* Returns the number of the byte that contains the lowest set bit of @found. */
static __always_inline u32 first_byte(u64 found)
{
	return ((found & -found) >> 7) * 0x0001020304050607 >> 56 & (BUCKET - 1);
}

static __always_inline struct bucket *bucket_at(u32 index)
{
	return env_bucket(index);
}

static __always_inline u32 bucket_after(u32 index, u32 steps)
{
	index += steps;
	return index < facts.nr_buckets ? index : index - facts.nr_buckets;
}

/* Returns the mapping in a slot, in any state; NULL when there is no such slot. */
static __always_inline struct mapping *mapping_at(u32 at)
{
	struct bucket *bucket = bucket_at(at / BUCKET);

	if (!bucket)
		return NULL;
	/*
	 * clang would otherwise add to the pointer before the test, which the verifier rejects. The
	 * asm statement keeps the pointer in a register.
	 */
	asm volatile("" : "+r"(bucket));
	return &bucket->map[at & (BUCKET - 1)];
}

static __always_inline bool is_live(const struct mapping *map)
{
	return slot_is_live(map->users);
}

/* Sets a mapping's word of users to @to if it is @from. */
static __always_inline bool set_users(struct mapping *map, u32 from, u32 to)
{
	u32 was = __sync_val_compare_and_swap(&map->users, from, to);

	/*
	 * clang would otherwise build a bool and test it again; this keeps the value in a register.
	 */
	asm volatile("" : "+r"(was));
	return was == from;
}

/*
 * Records in a slot that another mapping is on one of its lines. Returns the slot's word, or 0 when
 * the mapping is gone.
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

/* Returns the place in a bucket where the search for a mapping begins. */
static __always_inline u32 preferred_slot(u64 address)
{
	return address * 0x9e3779b97f4a7c15 >> 61;
}

static __always_inline void tag_slot(struct bucket *bucket, u32 place, u64 tag)
{
	u32 shift = 8 * (place & (BUCKET - 1));

	if ((bucket->tags >> shift & 0xff) == tag)
		return;
	__sync_fetch_and_and(&bucket->tags, ~(0xffull << shift));
	__sync_fetch_and_or(&bucket->tags, tag << shift);
}

/*
 * This keeps a loop rolled. The kernel expands each array lookup inline and moves all instructions
 * after it, which takes long for an unrolled loop.
 */
#ifdef __clang__
#define SHORT_LOOP _Pragma("clang loop unroll(disable)")
#else
#define SHORT_LOOP
#endif

/*
 * Nested loops, and loops with much code after them, are global functions: the verifier checks a
 * global function once for each program, not once for each path to it.
 */

/*
 * Finds the place in a bucket of the mapping at an address, live or over. Returns BUCKET when there
 * is none.
 */
__noinline u32 slot_in_bucket(u32 at, u64 address)
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
 * Finds the slot of the mapping at an address, live or over, in its home bucket or in one of those
 * that follow. Returns NOWHERE when there is none.
 */
__noinline u32 slot_of(u64 address)
{
	u32 home = home_of(hash_address(address)), reach, place;
	const struct bucket *bucket = bucket_at(home);

	reach = bucket ? bucket->reach : 0;
	for (u32 i = 0; i < REACH_MAX && i <= reach; i++) {
		u32 at = bucket_after(home, i);

		place = slot_in_bucket(at, address);
		if (place < BUCKET)
			return at * BUCKET + place;
	}
	return NOWHERE;
}

/*
 * Finds a free place in a bucket: the one that had the address before, else one that was never
 * used, else any. Returns BUCKET when there is none.
 */
__noinline u32 free_slot(u32 at, u64 address)
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
	place = preferred_slot(address);
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

/*
 * Takes a slot for a mapping at a DMA address. Returns NOWHERE when all possible slots are in use.
 */
__noinline u32 take_slot(u64 address)
{
	u64 hash = hash_address(address), tag = tag_of(hash, address);
	u32 home = home_of(hash);

	for (u32 i = 0; i < REACH_MAX; i++) {
		u32 at = bucket_after(home, i), place = free_slot(at, address);
		struct bucket *bucket = bucket_at(at), *first;

		if (!bucket || place >= BUCKET ||
		    !set_users(&bucket->map[place & (BUCKET - 1)], 0, SLOT_TAKEN))
			continue;
		tag_slot(bucket, place, tag);
		first = bucket_at(home);
		if (first && i)
			widen_reach(first, i);
		return at * BUCKET + place;
	}
	return NOWHERE;
}

/*
 * Locks a live slot: no other event can add or drop users of the mapping until unlock_slot().
 * Returns the slot's word, or 0 when no mapping is live there.
 */
static __always_inline u32 lock_slot(struct mapping *map)
{
	SHORT_LOOP
	for (u32 i = 0; i < 8; i++) {
		u32 users = *(volatile u32 *)&map->users;

		if (!slot_is_live(users))
			return 0;
		if (set_users(map, users, users + SLOT_ENDING))
			return users;
	}
	return 0;
}

/* Unlocks a slot and adds @more to its number of users. */
static __always_inline void unlock_slot(struct mapping *map, u32 more)
{
	__sync_fetch_and_add(&map->users, more - SLOT_ENDING);
}

#endif
