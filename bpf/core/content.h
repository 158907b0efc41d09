/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The check that a buffer which the device reads is not written while the device owns it. The bytes
 * are hashed at the handover to the device and again at the handover to the CPU.
 */
#ifndef DMASNOOP_CONTENT_H
#define DMASNOOP_CONTENT_H

#include "core/device_table.h"
#include "core/env.h"
#include "core/finding.h"
#include "core/memory.h"
#include "core/rules.h"
#include "core/table.h"
#include "core/verdict.h"

#define CHUNK LINE_SIZE_MAX
#define CHUNKS_MAX 4096 /* 1 MiB; bytes beyond that are not compared */

struct chunk_walk {
	struct scratch *s;
	u64 phys;
	u64 left;
	u64 hash;
};

/* Mixes the next CHUNK bytes, or the rest if there are fewer, into the hash. */
static long hash_chunk(u32 index, struct chunk_walk *walk)
{
	u64 *word = walk->s->line, hash = walk->hash;
	u32 bytes = walk->left < CHUNK ? walk->left : CHUNK;

	(void)index;
	if (!bytes)
		return 1;
	/* The last word may be read only in part. */
	if (bytes < CHUNK)
		word[bytes / 8] = 0;
	env_read(word, bytes, walk->phys);
	for (u32 i = 0; i < CHUNK / 8 && i * 8 < bytes; i++) {
		/*
		 * clang would otherwise drop the first bound, which the verifier needs. The asm
		 * statement keeps the index in a register.
		 */
		asm volatile("" : "+r"(i));
		hash = (hash ^ word[i & (CHUNK / 8 - 1)]) * 0x100000001b3;
	}
	walk->hash = hash;
	walk->phys += bytes;
	walk->left -= bytes;
	return 0;
}

/* Hashes the part of the buffer that the options select. */
__noinline u64 hash_content(struct scratch *s, u64 phys, u64 size)
{
	struct chunk_walk walk = { .phys = phys, .left = size, .hash = 0xcbf29ce484222325 };
	u64 edge = size < CONTENT_EDGE ? size : CONTENT_EDGE;

	s = env_own(s);
	if (!s)
		return 0;
	walk.s = s;
	if (content_mode == CONTENT_FULL) {
		env_loop(CHUNKS_MAX, hash_chunk, &walk);
		return walk.hash;
	}
	walk.left = edge;
	hash_chunk(0, &walk);
	walk.phys = phys + size - edge;
	walk.left = edge;
	hash_chunk(1, &walk);
	return walk.hash;
}

/* Estimates the number of handovers. A buffer that is never unmapped is synced again and again. */
static __always_inline u64 handovers(const struct device_state *device)
{
	return device->maps + device->syncs;
}

/* Is the next buffer that the device reads to be compared? */
static __always_inline bool content_due(const struct device_state *device)
{
	return handovers(device) >= device->content_next;
}

/*
 * Chooses the next buffer to compare, after 1,024 handovers on average. The distance varies. A
 * regular pattern of maps, such as a command before each buffer, would otherwise exclude some
 * buffers.
 */
static __always_inline void schedule_content(struct device_state *device)
{
	u64 now = handovers(device);

	device->content_next = now + ((u32)now * 0x9e3779b9u >> 21) + 1;
}

/*
 * Is a buffer of this call site to be compared? The first, second, fourth, eighth buffer of each
 * site is, and so on. So a site is compared even if schedule_content() always picks other sites of
 * the device. Only the slow path asks, where the stack costs far more than this. Two sites may
 * share a count.
 */
static __always_inline bool site_due(const struct mapping *map)
{
	u64 site = (map->stack ^ map->generation) * 0x9e3779b97f4a7c15;
	u16 *count = &content_sites[site >> 52 & (CONTENT_SITES - 1)], now = *count + 1;

	if (now)
		*count = now;
	return !(now & (now - 1));
}

/* Drops the content hash of the mapping in @s->at. */
__noinline int forget_content(struct scratch *s)
{
	struct mapping *map;

	s = env_own(s);
	map = s ? mapping_at(s->at) : NULL;
	if (!s || !map || !(map->flags & MAP_CONTENT))
		return 0;
	env_drop_content(s->at);
	__sync_fetch_and_and(&map->flags, ~MAP_CONTENT);
	return 0;
}

/* Keeps the content hash of the mapping in @s->at at its handover to the device. */
__noinline int remember_content(struct scratch *s)
{
	struct device_state *device;
	struct mapping *map;
	u64 hash;

	s = env_own(s);
	map = s ? mapping_at(s->at) : NULL;
	if (!s || !map)
		return 0;
	forget_content(s);
	if (map->dir != DIR_TO_DEVICE || !map->phys || content_mode == CONTENT_OFF ||
	    !rule_is_streaming(map->kind) || page_index(map->phys) == NOT_MEMORY)
		return 0;
	device = known_device(s);
	if (!device || !(content_due(device) || site_due(map)))
		return 0;
	if (content_mode == CONTENT_SAMPLE && content_due(device))
		schedule_content(device);
	hash = hash_content(s, map->phys, map->size);
	if (env_keep_content(s->at, hash)) {
		count_lost(LOST_TABLE);
		return 0;
	}
	__sync_fetch_and_or(&map->flags, MAP_CONTENT);
	__sync_fetch_and_add(&device->compared, 1);
	return 0;
}

/*
 * Compares the content of the mapping in @s->at at its handover to the CPU, which must not have
 * written the buffer since the handover to the device.
 */
__noinline int compare_content(struct scratch *s)
{
	u32 what = CHECK_CONTENT_CHANGED | WITH_MAP;
	struct mapping *map;
	u64 *before;

	s = env_own(s);
	map = s ? mapping_at(s->at) : NULL;
	before = s && map && map->flags & MAP_CONTENT ? env_find_content(s->at) : NULL;
	if (!s || !map || !before || map->owner != OWNER_DEVICE ||
	    *before == hash_content(s, map->phys, map->size))
		return 0;
	forget_content(s);
	env_find_object(&s->object, map->phys);
	/*
	 * A skipped sync makes a write legal. User space may write the page cache and its own pages
	 * at any time. Other pages may be mapped to user space as well, but slab objects never are.
	 */
	if (map->flags & MAP_BLIND || s->missing ||
	    (s->object.kind == OBJECT_PAGE && env_has_owner(map->phys)))
		what |= LEVEL_NOTE << 8 | UNSURE;
	else if (s->object.kind == OBJECT_PAGE)
		what |= LEVEL_HAZARD << 8 | UNSURE;
	else
		what |= LEVEL_CORRUPTION << 8;
	return judge(s, what);
}

#endif
