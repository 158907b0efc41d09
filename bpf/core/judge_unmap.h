/* SPDX-License-Identifier: GPL-2.0 */
/* The judge of unmaps and frees. */
#ifndef DMASNOOP_JUDGE_UNMAP_H
#define DMASNOOP_JUDGE_UNMAP_H

#include "core/content.h"
#include "core/finding.h"
#include "core/lifetime.h"
#include "core/neighbours.h"
#include "core/rules.h"
#include "core/scratch.h"

/*
 * Reports a call for the wrong device: this device has no mapping at the address, but a parent or a
 * child of it has one. Returns 1 and puts that mapping into @s, or returns 0. The finding is Unsure
 * for a buffer that the devices only read, because this device may have mapped the buffer as well,
 * before tracing began.
 */
__noinline int judge_family(struct scratch *s)
{
	u32 at = search_exact(s, EXACT_FAMILY), what = CHECK_ADDR_UNKNOWN | WITH_MAP;
	struct mapping *map = at == NOWHERE ? NULL : mapping_at(at);

	s = env_own(s);
	if (!s || !map)
		return 0;
	s->at = at;
	__builtin_memcpy(&s->map, map, sizeof(s->map));
	s->detail = DETAIL_OTHER_DEVICE;
	if (rule_device_writes(s->dir))
		judge(s, what | LEVEL_VIOLATION << 8);
	else
		judge(s, what | LEVEL_HAZARD << 8 | UNSURE);
	s->detail = DETAIL_NONE;
	return 1;
}

/*
 * Judges the unmap of an address that has no live mapping. The finding is not Unsure only if every
 * mapping of the device is known: the device was added while tracing, and no event was lost.
 *
 * Returns 1 when the call ends the mapping in @s->at, which belongs to another device.
 */
static __always_inline bool judge_unknown(struct scratch *s, struct device_state *device)
{
	u32 at = search_exact(s, EXACT_OVER);
	struct mapping *was = at == NOWHERE ? NULL : mapping_at(at);
	bool sure = device->complete && !events_lost(s, device, device->since, s->dma);

	/* If another event puts the mapping back, no other unmap will end it. */
	if (s->leaving) {
		lose_unmap(device, s->dma);
		return false;
	}
	/*
	 * The leak of a buffer that a driver frees after it left was reported when it left. The
	 * device may have another driver now.
	 */
	if (device->lazy || (was && was->owner == OWNER_NOBODY))
		return false;
	if (judge_family(s)) {
		__sync_fetch_and_add(&device_at(&s->map)->odd, -1);
		return drop_user(s, s->map.generation) == LAST;
	}
	if (was && was->generation != device->generation)
		was = NULL;
	if (was)
		__builtin_memcpy(&s->map, was, sizeof(s->map));
	if (sure && was)
		judge(s, WITH_LEVEL(CHECK_DOUBLE_UNMAP, LEVEL_VIOLATION) | WITH_MAP);
	else if (sure)
		judge(s, WITH_LEVEL(CHECK_ADDR_UNKNOWN, LEVEL_VIOLATION));
	else if (was && !events_lost(s, device, born_ns(was), s->dma) && was->size == s->size &&
		 was->dir == s->dir)
		/* The call may also end an older mapping of the same buffer. */
		judge(s, WITH_LEVEL(CHECK_DOUBLE_UNMAP, LEVEL_HAZARD) | UNSURE | WITH_MAP);
	else
		__sync_fetch_and_add(&device->older, 1);
	return false;
}

/* Records a finding for each check in a rule's answer. */
__noinline int judge_all(struct scratch *s, u32 found)
{
	s = env_own(s);
	for (u32 check = 0; s && check < NR_CHECKS; check++)
		if (found & CHECK_BIT(check))
			judge(s, WITH_LEVEL(check, rule_level(check, &s->map)) | WITH_MAP);
	return 0;
}

/*
 * Judges an unmap or a free. @s holds dev, dma, size, dir, kind, nents, attrs and op. Returns 1
 * when the mapping in @s->at is over.
 */
__noinline int judge_unmap(struct scratch *s)
{
	struct device_state *device;
	struct call call = {};
	struct mapping *map;
	u32 found, users_left;

	s = env_own(s);
	device = s ? known_device(s) : NULL;
	if (!s || !device)
		return 0;
	if (s->kind != KIND_COHERENT)
		__sync_fetch_and_add(&device->unmaps, 1);
	s->missing = device->skips_sync || device->unmatched;
	users_left = find_and_drop_user(s, device->generation);
	map = users_left == NOT_LIVE ? NULL : mapping_at(s->at);
	if (!map) {
		if (s->kind != KIND_COHERENT)
			__sync_fetch_and_add(&device->odd, 1);
		return judge_unknown(s, device);
	}
	__builtin_memcpy(&s->map, map, sizeof(s->map));
	call.size = s->size;
	call.attrs = s->attrs;
	call.nents = s->nents;
	call.dir = s->dir;
	call.kind = s->kind;
	/*
	 * If the driver need not unmap, this mapping may be over, and the call may be about another
	 * mapping at the address.
	 */
	found = device->lazy && s->kind != KIND_COHERENT ? 0 : rule_unmap(map, &call);
	if (found)
		judge_all(s, found);
	if (s->cpu_address && map->phys && s->cpu_address != map->phys) {
		s->detail = DETAIL_CPU_ADDRESS;
		judge(s, WITH_LEVEL(CHECK_ADDR_UNKNOWN, LEVEL_VIOLATION) | WITH_MAP);
	}
	if (s->kind == KIND_COHERENT)
		__sync_fetch_and_add(&device->odd, -1);
	/* The mapping has other users. */
	if (users_left != LAST)
		return 0;
	compare_neighbours(s);
	/* An unmap in the wrong direction may itself have copied a bounced buffer back. */
	if (!(found & CHECK_BIT(CHECK_DIR_MISMATCH)))
		compare_content(s);
	return 1;
}

/*
 * Ends the mapping in @s->at. The slot keeps it, so that a second unmap by mistake is recognized.
 */
__noinline int end_mapping(struct scratch *s)
{
	struct mapping *map;

	s = env_own(s);
	map = s ? mapping_at(s->at) : NULL;
	if (!s || !map)
		return 0;
	add_step(map, s->op);
	map->owner = OWNER_CPU;
	return remove_mapping(s);
}

static __always_inline int on_unmap(void *ctx, struct scratch *s)
{
	bool over;

	if (!device_of(s))
		return 0;
	over = judge_unmap(s);
	send_verdicts(ctx, s);
	if (over)
		end_mapping(s);
	return 0;
}

#endif
