/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fast path, for events as they nearly always are: a buffer of ordinary memory is mapped, and
 * unmapped with the same arguments. Such an event takes little more than 100 instructions here. At
 * the first sign of anything else, the fast path leaves the event, undone, to the slow path.
 *
 * The fast path takes only events of devices that address memory directly (dma-direct): those at
 * PACE_REPORTED and PACE_FAST, and those at PACE_LAZY, for which little is checked.
 *
 * The time of an event is that of the last tick, because reading the clock would take as long as
 * all the rest.
 */
#ifndef DMASNOOP_FAST_PATH_H
#define DMASNOOP_FAST_PATH_H

#include "core/content.h"
#include "core/dmable.h"
#include "core/find.h"
#include "core/line_bits.h"
#include "core/neighbours.h"

/* Returns the device if it has the index after its preferred one. */
static __noinline struct device_state *second_device(u64 dev)
{
	struct device_state *device = &devices[(device_home(dev) + 1) & (DEVICES_MAX - 1)];

	return device->dev == dev ? device : NULL;
}

static __always_inline struct device_state *fast_device(u64 dev)
{
	struct device_state *device = &devices[device_home(dev)];

	return device->dev == dev ? device : second_device(dev);
}

/*
 * Returns the device if the fast path takes its events, else NULL. @done says whether the event
 * needs no work at all.
 */
static __always_inline struct device_state *fast_begin(u64 dev, u8 pace, bool *done)
{
	struct device_state *device = fast_device(dev);

	if (device && device->pace >= pace)
		return device;
	*done = device && device->ignored;
	return NULL;
}

/* Is the address in memory, and not in the kernel's image? */
static __always_inline bool is_plain(u64 phys)
{
	return page_index(phys) != NOT_MEMORY && phys - facts.image_start >= facts.image_size;
}

/* Is the page part of the running task's stack? Two words nearly always show that it is not. */
static __always_inline bool fast_on_stack(u64 phys, u64 sp)
{
	const struct seen_stack *seen = stack_seen(sp);

	return (seen->tag != stack_tag(stack_base(sp), env_ticks()) ||
		seen->pages >> (phys >> PAGE_SHIFT & 63) & 1) &&
	       on_stack(phys, sp);
}

/* Reads an argument of a tracepoint only where it is needed, because registers are few. */
#define ARG(i) (((const volatile u64 *)args)[i])

static __always_inline u32 shape_of(u32 dir, u8 kind, u32 nents)
{
	return dir | (u32)kind << 8 | nents << 16;
}

/* Records an event of this CPU in a mapping's history. */
static __always_inline void set_step(struct step *step, u32 after, u8 op, u8 coarse)
{
	step->after = after;
	step->what = env_cpu() | (u32)op << 16 | (u32)coarse << 24;
}

static __always_inline struct mapping *slot_in(struct bucket *bucket, u32 place)
{
	struct mapping *map = &bucket->map[place & (BUCKET - 1)];

	/* clang would otherwise add base and offset again each time; this keeps one pointer. */
	asm volatile("" : "+r"(map));
	return map;
}

/*
 * Finds the mapping at an address in its home bucket, in the preferred slot or in the first one to
 * which the tags point. Returns NULL when the mapping is in neither.
 */
static __always_inline struct mapping *fast_look(struct bucket *bucket, u64 hash, u64 dma)
{
	struct mapping *map = slot_in(bucket, preferred_slot(dma));
	u64 found;

	if (map->dma == dma)
		return map;
	found = zero_bytes(bucket->tags ^ tag_of(hash, dma) * EACH);
	if (!found)
		return NULL;
	map = slot_in(bucket, first_byte(found));
	if (map->dma == dma)
		return map;
	/* In one of 18 cases, two tags in a full bucket are equal. */
	found &= found - 1;
	if (!found)
		return NULL;
	map = slot_in(bucket, first_byte(found));
	return map->dma == dma ? map : NULL;
}

/* Frees a slot that this event has taken, and leaves the event to the slow path. */
static __always_inline bool give_back(struct mapping *map)
{
	__sync_lock_test_and_set(&map->users, 0);
	return false;
}

/*
 * Takes a slot for an address that fast_look() did not find. Returns NULL if the slow path must
 * take the event.
 */
static __always_inline struct mapping *fast_take(struct bucket *bucket, u64 hash, u64 dma)
{
	struct mapping *map = slot_in(bucket, preferred_slot(dma));
	u64 tag = tag_of(hash, dma);
	u32 at;

	if (bucket->reach || zero_bytes(bucket->tags ^ tag * EACH)) {
		at = slot_of(dma);
		map = at == NOWHERE ? NULL : mapping_at(at);
		if (map && !set_users(map, 0, SLOT_TAKEN))
			return NULL;
		if (map && map->dma == dma)
			return map;
		/* Another mapping has taken the slot since the look. */
		if (map) {
			give_back(map);
			return NULL;
		}
	} else if (!map->users && set_users(map, 0, SLOT_TAKEN)) {
		tag_slot(bucket, preferred_slot(dma), tag);
		return map;
	}
	at = take_slot(dma);
	return at == NOWHERE ? NULL : mapping_at(at);
}

/*
 * Handles a map by a device at PACE_FAST. @args are dev, phys, dma, size, dir, attrs. @sp points
 * into the stack; the verifier may take it for a pointer. @nents is at most 65535. Returns true
 * when no work is left.
 */
static __always_inline bool fast_map_of(struct device_state *device, const u64 *args, u64 sp,
					u8 kind, u32 nents)
{
	u64 phys = ARG(1), hash, tag, stack, nr;
	struct mapping *map;
	struct bucket *bucket;
	u32 flags, kept;

	if (env_is_free(phys) || phys != ARG(2) || (ARG(4) == DIR_TO_DEVICE && content_due(device)))
		return false;
	hash = hash_address(phys);
	bucket = bucket_at(home_of(hash));
	if (!bucket)
		return false;
	map = fast_look(bucket, hash, phys);
	if (map) {
		if (!set_users(map, 0, SLOT_TAKEN))
			return false;
		/* Another mapping has taken the slot since the look. */
		if (map->dma != phys)
			return give_back(map);
		/*
		 * This makes @sp a number, as launder() does. The steps are free, because their
		 * mapping is over.
		 */
		*(volatile u64 *)&map->steps[0] = sp;
		sp = *(volatile u64 *)&map->steps[0];
	} else {
		sp = env_number(sp);
	}
	flags = device->flags | (sp & (TASK_STACK - 1)) << MAP_DEPTH_SHIFT;
	if (!map || map->generation != device->generation ||
	    (map->flags ^ flags) & ~MAP_NEIGHBOURS || map->size != ARG(3) ||
	    map->shape != shape_of(ARG(4), kind, nents) || map->attrs != ARG(5)) {
		/* Check whether this memory may be mapped, as check_dmable() does. */
		if (end_in_page(phys, ARG(3)) > LADDER << PAGE_SHIFT || !ARG(3) ||
		    fast_on_stack(phys, sp) || !is_plain(phys))
			return map && give_back(map);
		tag = signature_of(device, sp, ARG(3), ARG(4), kind, ARG(5));
		if (!read_signature(tag, &stack))
			return map && give_back(map);
		if (!map)
			map = fast_take(bucket, hash, phys);
		if (!map)
			return false;
		map->dma = phys;
		map->phys = phys;
		map->size = ARG(3);
		map->stack = stack;
		map->generation = device->generation;
		map->attrs = ARG(5);
		map->shape = shape_of(ARG(4), kind, nents);
		map->flags = flags;
	}
	if (ARG(4) != DIR_TO_DEVICE) {
		/* Another mapping that finds these line bits set must also find this mapping. */
		__sync_lock_test_and_set(&map->users, SLOT_MAKING);
		if (lines_claim(phys, ARG(3)))
			return give_back(map);
		if ((phys | ARG(3)) & facts.line_mask &&
		    (!(ARG(5) & ATTR_SKIP_CPU_SYNC) || flags & MAP_BLIND)) {
			kept = keep_neighbours(phys, ARG(3), false);
			/* The line bits stay set, because another mapping may have met this one. */
			if (kept > KEPT)
				return give_back(map);
			map->flags = flags | (kept == KEPT ? MAP_NEIGHBOURS : 0);
		}
	}
	nr = __sync_fetch_and_add(&device->maps, 1);
	map->turn = nr;
	map->born = env_ticks();
	map->progress = OWNER_DEVICE | 1u << 16;
	set_step(&map->steps[0], 0, OP_MAP, STEP_TICKS);
	if (ARG(4) != DIR_TO_DEVICE)
		__sync_fetch_and_add(&map->users, 1 - SLOT_MAKING);
	else
		__sync_lock_test_and_set(&map->users, 1);
	if (!(nr & 1023))
		refresh_device(find_device(ARG(0)));
	return true;
}

/* Handles a map by a device at PACE_LAZY, for which only the kind of memory is checked. */
static __always_inline bool fast_map_lazy(const u64 *args, u64 sp)
{
	struct device_state *device = fast_device(ARG(0));
	u64 phys = ARG(1);

	if (!device || device->pace != PACE_LAZY || !ARG(3) || ARG(2) == ~0ull)
		return false;
	/* Check whether this memory may be mapped, as check_dmable() does. */
	if (env_is_free(phys) || !is_plain(phys) || fast_on_stack(phys, env_number(sp)))
		return false;
	if (!(__sync_fetch_and_add(&device->maps, 1) & 1023))
		refresh_device(find_device(ARG(0)));
	return true;
}

static __always_inline bool fast_map(const u64 *args, u64 sp)
{
	bool done;
	struct device_state *device = fast_begin(ARG(0), PACE_FAST, &done);

	return device ? fast_map_of(device, args, sp, KIND_SINGLE, 0) :
			done || fast_map_lazy(args, sp);
}

/*
 * Finds the mapping at an address, whatever its device. Returns NULL if the slow path must search.
 */
static __always_inline struct mapping *fast_find(u64 dma)
{
	u64 hash = hash_address(dma);
	struct bucket *bucket = bucket_at(home_of(hash));
	struct mapping *map;
	u32 at;

	if (!bucket)
		return NULL;
	map = fast_look(bucket, hash, dma);
	if (!map) {
		at = slot_of(dma);
		map = at == NOWHERE ? NULL : mapping_at(at);
	}
	return map;
}

/* The slow path ends mappings with one of these flags. */
#define MAP_ENTANGLED (MAP_CONTENT | MAP_APART)

static __always_inline void fast_step(struct mapping *map, u32 flags, u8 op)
{
	struct step *step = &map->steps[map->nr_steps++ & (STEPS - 1)];
	u64 ticks = env_ticks(), ns;

	if (flags & MAP_COARSE) {
		set_step(step, ticks - map->born, op, STEP_TICKS);
		return;
	}
	ns = ticks * facts.tick_ns + jiffies_offset - map->born;
	set_step(step, ns / STEP_NS, op, STEP_COARSE);
}

/* Were neighbour bytes written while the device owned their lines? */
static __always_inline bool is_suspect(const struct mapping *map)
{
	return map->flags & MAP_NEIGHBOURS && map->owner == OWNER_DEVICE &&
	       !same_neighbours(map->phys, map->size);
}

/* Handles an unmap by a device at PACE_REPORTED or PACE_FAST. @args are dma, size, dir, attrs. */
static __always_inline bool fast_unmap_of(struct device_state *device, const u64 *args, u8 kind,
					  u32 nents)
{
	struct mapping *map = fast_find(ARG(0));
	u32 flags;

	if (!map || map->generation != device->generation || !set_users(map, 1, SLOT_RELEASING))
		return false;
	/* The slot is locked now, but another mapping may have taken it before the lock. */
	flags = map->flags;
	if (map->dma != ARG(0) || map->generation != device->generation || map->size != ARG(1) ||
	    map->shape != shape_of(ARG(2), kind, nents) ||
	    (map->attrs ^ ARG(3)) & ATTRS_OF_MAPPING ||
	    (flags & (MAP_ENTANGLED | MAP_NEIGHBOURS) &&
	     (flags & MAP_ENTANGLED || is_suspect(map)))) {
		__sync_fetch_and_add(&map->users, 1 - SLOT_RELEASING);
		return false;
	}
	fast_step(map, flags, OP_UNMAP);
	__sync_fetch_and_add(&device->unmaps, 1);
	if (map->dir == DIR_TO_DEVICE) {
		*(volatile u32 *)&map->users = 0;
		return true;
	}
	lines_release(map->phys, map->size);
	if (flags & MAP_NEIGHBOURS)
		drop_neighbours(map->phys);
	end_slot(map, true);
	return true;
}

/* Handles an unmap on the fast path. @args are dev, dma, size, dir, attrs. */
static __always_inline bool fast_unmap(const u64 *args)
{
	bool done;
	struct device_state *device = fast_begin(ARG(0), PACE_REPORTED, &done);

	return device ? fast_unmap_of(device, args + 1, KIND_SINGLE, 0) : done;
}

/* Handles a sync on the fast path. @args are dev, dma, size, dir. */
static __always_inline bool fast_sync(const u64 *args, u8 op)
{
	bool done;
	struct device_state *device = fast_begin(ARG(0), PACE_REPORTED, &done);
	struct mapping *map;
	u32 flags;

	if (!device)
		return done;
	map = fast_find(ARG(1));
	if (!map || map->generation != device->generation)
		return false;
	flags = map->flags;
	if (flags & (MAP_CONTENT | MAP_BLIND | MAP_WRITTEN) || !is_live(map) ||
	    map->dir != ARG(3) || ARG(2) > map->size || map->kind > KIND_SG)
		return false;
	if (op == OP_SYNC_FOR_CPU) {
		if (is_suspect(map))
			return false;
		map->owner = OWNER_CPU;
	} else {
		/*
		 * The buffer is handed over twice or only in part, or is the next one to be
		 * compared.
		 */
		if (map->owner == OWNER_DEVICE || ARG(2) != map->size ||
		    (map->dir == DIR_TO_DEVICE && content_due(device)))
			return false;
		/*
		 * With this attribute, the neighbour bytes are kept from this handover on. Without
		 * the attribute, there is no room for them.
		 */
		if (map->attrs & ATTR_SKIP_CPU_SYNC ||
		    (flags & MAP_NEIGHBOURS && keep_neighbours(map->phys, map->size, true) != KEPT))
			return false;
		map->owner = OWNER_DEVICE;
	}
	fast_step(map, flags, op);
	__sync_fetch_and_add(&device->syncs, 1);
	return true;
}

#endif
