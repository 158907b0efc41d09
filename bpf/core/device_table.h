/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of devices that do DMA: an array with open addressing by a hash of the device's
 * address.
 */
#ifndef DMASNOOP_DEVICE_TABLE_H
#define DMASNOOP_DEVICE_TABLE_H

#include "core/env.h"
#include "core/finding.h"
#include "core/losses.h"

/* Does the text match the filter? An empty filter matches all. */
static __always_inline bool matches(const char *text, const volatile char *filter)
{
	for (int i = 0; i < NAME_SIZE; i++) {
		if (!filter[i])
			return i == 0 || !text[i];
		if (filter[i] != text[i])
			return false;
	}
	return true;
}

static __always_inline u32 device_home(u64 address)
{
	return address * 0x9e3779b97f4a7c15 >> 54 & (DEVICES_MAX - 1);
}

#define DEVICE_REACH 16

/* Returns the index of a device; NOWHERE when the device is not known. */
__noinline u32 find_device(u64 address)
{
	u32 home = device_home(address);

	for (u32 i = 0; i < DEVICE_REACH; i++)
		if (devices[(home + i) & (DEVICES_MAX - 1)].dev == address)
			return (home + i) & (DEVICES_MAX - 1);
	return NOWHERE;
}

/*
 * Claims an index for a new device. CPUs that see the device at the same time get the same index.
 */
static __always_inline u32 claim_device(u64 address)
{
	u32 home = device_home(address);

	for (u32 i = 0; i < DEVICE_REACH; i++) {
		u32 at = (home + i) & (DEVICES_MAX - 1);
		u64 was = __sync_val_compare_and_swap(&devices[at].dev, 0, address);

		if (!was || was == address)
			return at;
	}
	return NOWHERE;
}

/* Forgets a device. Mappings of its generation are no longer valid. */
__noinline int forget_device(u32 at)
{
	struct device_state *device = &devices[at & (DEVICES_MAX - 1)];

	__builtin_memset((void *)device + sizeof(device->dev), 0,
			 sizeof(*device) - sizeof(device->dev));
	__sync_lock_test_and_set(&device->dev, 0);
	return 0;
}

static long wait_ready(u32 index, u32 *at)
{
	(void)index;
	return devices[*at & (DEVICES_MAX - 1)].ready ? 1 : 0;
}

#define MAPS_TO_KNOW 16 /* events before the fast path takes the device */

/* Sets how to look at a device's events. */
static __always_inline void set_pace(struct device_state *device)
{
	if (device->ignored || device->iommu || device->has_ops || !env_has_memory() ||
	    device->maps + device->syncs < MAPS_TO_KNOW)
		device->pace = PACE_SLOW;
	else if (device->lazy)
		device->pace = PACE_LAZY;
	else
		device->pace = device->reported || stacks_always ? PACE_REPORTED : PACE_FAST;
}

/*
 * Reads again what seldom changes: whether the device's syncs are executed, and whether the fast
 * path may take its events.
 */
__noinline int refresh_device(u32 at)
{
	struct device_state *device = &devices[at & (DEVICES_MAX - 1)];
	u64 offset = env_now() - env_ticks() * facts.tick_ns;
	u64 max, boundary;

	/* The smallest offset is the best one, because it was measured right after a tick. */
	if (!jiffies_offset || (long long)(offset - jiffies_offset) < 0)
		jiffies_offset = offset;
	env_read_limits(device->dev, &max, &boundary);
	/* The defaults are those of dma_get_max_seg_size() and dma_get_seg_boundary(). */
	device->max_segment = max ?: 65536;
	device->boundary = boundary ?: 0xffffffff;
	if (content_mode == CONTENT_OFF)
		device->content_next = ~0ull;
	device->skips_sync = env_skips_sync(device->dev);
	device->flags = MAP_COARSE | MAP_ALIKE | (device->skips_sync ? MAP_BLIND : 0);
	set_pace(device);
	return 0;
}

/* Fills in the state of a new device. */
__noinline int make_device(u64 address)
{
	u32 at = claim_device(address);
	struct device_state *device = &devices[at & (DEVICES_MAX - 1)];
	/* Events that another CPU gives up below have to be later than this. */
	u64 since = env_now();
	u32 was;

	if (at == NOWHERE) {
		lose_event(LOST_DEVICE);
		return 0;
	}
	was = __sync_val_compare_and_swap(
		&device->generation, 0,
		(__sync_fetch_and_add(&generations, 1) + 1) * DEVICES_MAX | at);
	if (was) {
		/* Another CPU, or the event that this one interrupted, fills in the state. */
		env_loop(4096, wait_ready, &at);
		if (!device->ready)
			lose_event(LOST_NESTED);
		return 0;
	}
	env_read_device(device, address);
	device->ignored = !matches(device->name, only_device) ||
			  (!matches(device->driver, only_driver) &&
			   !matches(device->function_driver, only_driver));
	device->since = since;
	device->complete = env_was_added(address);
	refresh_device(at);
	__sync_lock_test_and_set(&device->ready, 1);
	return 0;
}

/*
 * Returns the index of a device, and adds the device when it is new; NOWHERE when there is no room.
 */
__noinline u32 get_device(u64 address)
{
	u32 at = find_device(address);
	struct device_state *device = &devices[at & (DEVICES_MAX - 1)];

	/*
	 * A driver was bound after the device was first seen. The driver did not cause what came
	 * before.
	 */
	if (at != NOWHERE && !device->bound && device->ready && env_driver_of(address)) {
		forget_device(at);
		at = NOWHERE;
	}
	if (at == NOWHERE || !device->ready) {
		make_device(address);
		at = find_device(address);
		device = &devices[at & (DEVICES_MAX - 1)];
	}
	return at != NOWHERE && device->ready ? at : NOWHERE;
}

/* Returns the device of @s; NULL when the device is filtered out or not known. */
static __always_inline struct device_state *device_of(struct scratch *s)
{
	struct device_state *device;

	/* The address may have been stored as a pointer, so read it from memory. */
	s->device = get_device(*(volatile u64 *)&s->dev);
	if (s->device == NOWHERE)
		return NULL;
	device = &devices[s->device & (DEVICES_MAX - 1)];
	return device->ignored ? NULL : device;
}

static __always_inline struct device_state *known_device(struct scratch *s)
{
	return s->device == NOWHERE ? NULL : &devices[s->device & (DEVICES_MAX - 1)];
}

/* Returns the device of a mapping. If that is gone, returns the device that has its index now. */
static __always_inline struct device_state *device_at(const struct mapping *map)
{
	return &devices[device_slot(map->generation)];
}

#endif
