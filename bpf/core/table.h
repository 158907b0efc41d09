/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of mappings: its slots, and how an event takes one. The states of a slot, and who
 * may change them: core/table_protocol.h.
 *
 * Buckets of an array, not a hash map: a map and an unmap need less than 100
 * instructions of it, not 1,100. A mapping is taken in, and removed, by one atomic
 * operation on its count of users. What is over stays, and tells what was there; drivers
 * use the same buffers again and again, so it is often taken in again as it is. A
 * bucket's tags are one word: they say in a few instructions that an address is not there.
 */
#ifndef DMASNOOP_TABLE_H
#define DMASNOOP_TABLE_H

#include "core/env.h"
#include "core/table_protocol.h"

/* Mappings that start in one granule of memory have the same home. */
#define GRANULE_SHIFT 10
#define GRANULES (1 << (PAGE_SHIFT - GRANULE_SHIFT)) /* in a page */

/* How far back a mapping may start for an address in it to be found, in pages. */
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
	return env_bucket(index);
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
static __always_inline u32 preferred_slot(u64 address)
{
	return address * 0x9e3779b97f4a7c15 >> 61;
}

/* Says whose a place is now. */
static __always_inline void tag_slot(struct bucket *bucket, u32 place, u64 tag)
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
#ifdef __clang__
#define SHORT_LOOP _Pragma("clang loop unroll(disable)")
#else
#define SHORT_LOOP
#endif

/*
 * A loop in a loop, or one with much behind it, is a function of its own here and not
 * static: the verifier looks at it once for each program, not once for each way there.
 */

/* A mapping at an address, live or over, in a bucket: its place there. BUCKET: none. */
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
 * The same, in its home or in one of the buckets that follow which have what did not go
 * in there: its place, or NOWHERE.
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
 * Which place of a bucket a mapping may have: that where its address was before, or one
 * that nobody ever had, or any that is free. BUCKET: none.
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

/* A place for a mapping at a DMA address; NOWHERE when all of its places are taken. */
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
 * Takes a live slot for the event at work: nobody else can join or end the mapping until
 * unlock_slot(). Returns the slot's word, or 0 when no mapping is live there.
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

/* Makes the slot live again, with @more users than before. */
static __always_inline void unlock_slot(struct mapping *map, u32 more)
{
	__sync_fetch_and_add(&map->users, more - SLOT_ENDING);
}

#endif
