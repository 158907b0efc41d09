/* SPDX-License-Identifier: GPL-2.0 */
/* The judge of mappings that a leaving driver has not unmapped, and a record of added devices. */
#ifndef DMASNOOP_JUDGE_UNBIND_H
#define DMASNOOP_JUDGE_UNBIND_H

#include "core/finding.h"
#include "core/lifetime.h"
#include "core/scratch.h"
#include "core/verdict.h"

static __always_inline int on_device_add(u64 address)
{
	if (armed)
		env_set_added(address);
	return 0;
}

struct leak_walk {
	void *ctx;
	struct scratch *s;
	u64 left;
	u32 index;
	u32 pad;
};

static long leak_one(u32 place, struct leak_walk *walk)
{
	struct mapping *map = mapping_at(walk->index * BUCKET + place);
	struct scratch *s = walk->s;
	struct device_state *device = known_device(s);

	if (!map || !device || !is_live(map) || map->generation != device->generation)
		return 0;
	if (walk->left)
		walk->left--;
	s->at = walk->index * BUCKET + place;
	/* The driver mapped the buffer before it asked dma_need_unmap(). */
	if (device->lazy && map->kind != KIND_COHERENT)
		return drop_all_users(s->at, device->generation) ? remove_mapping(s) : 0;
	s->dma = map->dma;
	s->size = map->size;
	s->dir = map->dir;
	__builtin_memcpy(&s->map, map, sizeof(s->map));
	/* A lost unmap would look the same. */
	if (events_lost(s, device, born_ns(map), map->dma))
		judge(s, WITH_LEVEL(CHECK_LEAK, LEVEL_HAZARD) | UNSURE | WITH_MAP);
	else
		judge(s, WITH_LEVEL(CHECK_LEAK, LEVEL_VIOLATION) | WITH_MAP);
	send_verdicts(walk->ctx, s);
	map->owner = OWNER_NOBODY;
	if (drop_all_users(s->at, device->generation))
		remove_mapping(s);
	return 0;
}

static long leak_bucket(void *table, u32 *index, struct bucket *bucket, struct leak_walk *walk)
{
	(void)table;
	if (!bucket->tags)
		return 0;
	walk->index = *index;
	env_loop(BUCKET, leak_one, walk);
	return walk->left ? 0 : 1;
}

/*
 * Judges a device whose driver was removed or whose probe failed. Every devm resource is released
 * by now, so mappings that are left have leaked. A virtio transport does the DMA of its function's
 * driver.
 */
static __always_inline int on_device_unbound(void *ctx, u64 address, u64 caller)
{
	struct device_state *device;
	struct device_gone *gone;
	struct scratch *s;
	u32 at;

	if (!armed)
		return 0;
	if (env_is_function(address))
		address = env_parent_of(address);
	env_set_added(address);
	at = find_device(address);
	device = &devices[at & (DEVICES_MAX - 1)];
	if (at == NOWHERE || !device->ready)
		return 0;
	/* This program has no fallback program, so it leaves no mark. */
	s = take_scratch();
	if (!s)
		return 0;
	s->caller = caller;
	if (!device->ignored) {
		struct leak_walk walk = { .ctx = ctx, .s = s, .left = live_of(device) };

		s->dev = address;
		s->device = at;
		s->op = OP_UNBIND;
		s->kind = KIND_SINGLE;
		if (walk.left)
			env_each_bucket(leak_bucket, &walk);
		gone = env_reserve(sizeof(*gone));
		if (gone) {
			gone->type = EVENT_DEVICE_GONE;
			__builtin_memcpy(&gone->state, device, sizeof(gone->state));
			env_submit(gone);
		} else {
			count_lost(LOST_RING);
		}
	}
	forget_device(at);
	release_scratch(s);
	return 0;
}

#endif
