/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The check that the device sees each descriptor as the driver meant it. dmaloop announces the
 * stores of its drivers to a descriptor, and the fetches of its device.
 *
 * A turn of a descriptor begins when the driver reads that the device is done with the descriptor
 * or with the ring. The OWN bit hands the descriptor over. The descriptor that the device executes
 * must contain all stores of the turn. A driver that does not announce its stores is not judged.
 */
#ifndef DMASNOOP_DESCRIPTOR_BPF_H
#define DMASNOOP_DESCRIPTOR_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "core/finding.h"
#include "core/judge_access.h"
#include "core/scratch.h"
#include "env.bpf.h"
#include "hook.bpf.h"
#include "losses.bpf.h"

/* The layout of dmaloop's descriptors: struct ring_desc in kmod/ring.h. */
#define DESC_SIZE 40
#define DESC_WORDS (DESC_SIZE / sizeof(u32))
#define DESC_CONTROL 20
#define DESC_STATUS 32
#define DESC_OWN 0x80000000u
#define DESC_DONE 0x00000001u

struct ring_key {
	u64 dev;
	u64 channel;
};

/**
 * struct ring - the ring of a channel
 * @generation: time when the ring was last empty, in ns
 * @bus: DMA address of the first descriptor
 * @culprit: key of the stack of the last doorbell
 * @stride: distance between two descriptors in bytes
 * @slots: number of descriptors, a power of two
 * @tail: tail of the last doorbell
 * @announced: true if the driver announces its stores
 */
struct ring {
	u64 generation;
	u64 bus;
	u64 culprit;
	u32 stride;
	u32 slots;
	u32 tail;
	u32 announced;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ring_key);
	__type(value, struct ring);
} rings SEC(".maps");

struct descriptor_key {
	u64 dev;
	u64 bus;
};

/**
 * struct descriptor - one descriptor in its current turn
 * @generation: generation of the ring
 * @stored_ns: time of the driver's last store, in ns
 * @old: value of each word before the store
 * @written: value of each word that was stored
 * @stored: bit for each word that was stored
 * @handed: true after the driver has set OWN
 * @taken: true after the device has fetched the descriptor, which it executes
 * @completed: true after the device is done with the descriptor
 * @reported: true after descriptor-overrun was reported
 */
struct descriptor {
	u64 generation;
	u64 stored_ns;
	u32 old[DESC_WORDS];
	u32 written[DESC_WORDS];
	u32 stored;
	u8 handed;
	u8 taken;
	u8 completed;
	u8 reported;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct descriptor_key);
	__type(value, struct descriptor);
} descriptors SEC(".maps");

static __always_inline struct ring *find_ring(u64 dev, u32 channel)
{
	struct ring_key key = { .dev = dev, .channel = channel };

	return bpf_map_lookup_elem(&rings, &key);
}

static __always_inline void begin_turn(struct descriptor *descriptor)
{
	descriptor->stored = 0;
	descriptor->handed = 0;
	descriptor->taken = 0;
	descriptor->completed = 0;
	descriptor->reported = 0;
}

/* Finds the descriptor at @s->dma in this generation of the ring; NULL when there is none yet. */
static __always_inline struct descriptor *find_descriptor(struct scratch *s, u64 generation)
{
	struct descriptor_key key = { .dev = s->dev, .bus = s->dma };
	struct descriptor *descriptor = bpf_map_lookup_elem(&descriptors, &key);

	return descriptor && descriptor->generation == generation ? descriptor : NULL;
}

static __always_inline struct descriptor *get_descriptor(struct scratch *s, u64 generation)
{
	struct descriptor_key key = { .dev = s->dev, .bus = s->dma };
	struct descriptor *descriptor = find_descriptor(s, generation);
	struct descriptor fresh = { .generation = generation };

	if (descriptor)
		return descriptor;
	bpf_map_update_elem(&descriptors, &key, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&descriptors, &key);
}

/*
 * Records a finding about the descriptor at @s->dma. If an event was lost, that may have been the
 * event that seems to be missing.
 */
__noinline int judge_descriptor(struct scratch *s, u32 check)
{
	struct device_state *device;
	struct mapping *map;
	u32 what;

	s = env_own(s);
	device = s ? known_device(s) : NULL;
	if (!s || !device)
		return 0;
	what = events_lost(s, device, device->since, s->dma) ?
		       WITH_LEVEL(check, LEVEL_HAZARD) | UNSURE :
		       WITH_LEVEL(check, LEVEL_VIOLATION);
	map = find_containing(s, SPACE_DMA, s->dma);
	if (map) {
		__builtin_memcpy(&s->map, map, sizeof(s->map));
		what |= WITH_MAP;
	}
	return judge(s, what);
}

static __always_inline bool is_watched(struct scratch *s)
{
	return device_of(s) != NULL;
}

/* Tracepoint: dev, channel, bus, stride, slots */
static __always_inline int ring_event(void *ctx, u64 *args, struct scratch *s)
{
	struct ring_key key = { .dev = args[0], .channel = (u32)args[1] };
	struct ring fresh = {};

	fresh.generation = bpf_ktime_get_ns();
	fresh.bus = args[2];
	fresh.stride = args[3];
	fresh.slots = args[4];
	if (bpf_map_update_elem(&rings, &key, &fresh, BPF_ANY))
		count_lost(LOST_TABLE);
	return 0;
}

/* Records that the driver stores @value to the words from @offset on. */
static __always_inline void remember_store(struct descriptor *descriptor, u32 offset, u32 size,
					   u64 before, u64 value)
{
	for (u32 i = 0; i < DESC_WORDS; i++) {
		u32 shift = i * sizeof(u32) == offset ? 0 : 32;

		if (i * sizeof(u32) < offset || i * sizeof(u32) >= offset + size)
			continue;
		if (!(descriptor->stored & 1u << i))
			descriptor->old[i] = before >> shift;
		descriptor->written[i] = value >> shift;
		descriptor->stored |= 1u << i;
	}
	if (offset == DESC_CONTROL && value & DESC_OWN) {
		descriptor->handed = 1;
		descriptor->completed = 0;
	}
	descriptor->stored_ns = bpf_ktime_get_ns();
}

/* Tracepoint: dev, channel, bus, offset, size, before, value, write */
static __always_inline int descriptor_access_event(void *ctx, u64 *args, struct scratch *s)
{
	struct descriptor *descriptor;
	struct ring *ring;
	u32 offset = args[3];

	s->dev = args[0];
	s->dma = args[2];
	s->size = args[4];
	s->dir = DIR_NONE;
	s->kind = KIND_COHERENT;
	s->op = OP_DESCRIPTOR_WRITE;
	ring = find_ring(s->dev, args[1]);
	if (!ring || !is_watched(s))
		return 0;
	ring->announced = 1;
	descriptor = get_descriptor(s, ring->generation);
	if (!descriptor)
		return 0;
	if (!(args[7] & 1)) {
		if (offset == DESC_STATUS && args[6] & DESC_DONE)
			begin_turn(descriptor);
		return 0;
	}
	if (descriptor->handed && !descriptor->completed) {
		if (!descriptor->reported)
			judge_descriptor(s, CHECK_DESCRIPTOR_OVERRUN);
		descriptor->reported = 1;
	} else if (descriptor->taken) {
		/* The device did not wait for this store. */
		judge_descriptor(s, descriptor->stored ? CHECK_DESCRIPTOR_TORN :
							 CHECK_DOORBELL_BEFORE_DESCRIPTOR);
		begin_turn(descriptor);
	}
	remember_store(descriptor, offset, args[4], args[5], args[6]);
	send_verdicts(ctx, s);
	return 0;
}

/* Was the ring's memory handed to the device later than @ns? */
static __always_inline bool handed_over_since(const struct mapping *map, u64 ns)
{
	for (u32 i = 0; i < STEPS; i++)
		if ((map->steps[i].op == OP_MAP || map->steps[i].op == OP_SYNC_FOR_DEVICE) &&
		    born_ns(map) + map->steps[i].after * (u64)STEP_NS > ns)
			return true;
	return false;
}

struct doorbell_walk {
	struct scratch *s;
	u64 generation;
	u64 bus;
	u32 stride;
	u32 slots;
	u32 from;
	u32 pad;
};

/*
 * Judges one descriptor at a doorbell. If the ring is in streaming memory, a sync must come between
 * descriptor and doorbell.
 */
static long doorbell_one(u32 index, struct doorbell_walk *walk)
{
	struct scratch *s = walk->s;
	struct descriptor *descriptor;
	struct mapping *map;

	s->dma = walk->bus + (u64)((walk->from + index) & (walk->slots - 1)) * walk->stride;
	descriptor = find_descriptor(s, walk->generation);
	if (!descriptor || !descriptor->handed)
		return 0;
	map = find_containing(s, SPACE_DMA, s->dma);
	if (!map || !rule_is_streaming(map->kind))
		return 1;
	if (handed_over_since(map, descriptor->stored_ns))
		return 0;
	judge_descriptor(s, CHECK_DOORBELL_BEFORE_DESCRIPTOR);
	return 1;
}

/* Tracepoint: dev, channel, tail */
static __always_inline int doorbell_event(void *ctx, u64 *args, struct scratch *s)
{
	struct doorbell_walk walk = { .s = s };
	struct device_state *device;
	u32 tail = args[2];
	struct ring *ring;

	s->dev = args[0];
	s->size = DESC_SIZE;
	s->dir = DIR_NONE;
	s->kind = KIND_COHERENT;
	s->op = OP_DOORBELL;
	ring = find_ring(s->dev, args[1]);
	if (!ring || !ring->announced || !is_watched(s))
		return 0;
	walk.generation = ring->generation;
	walk.bus = ring->bus;
	walk.stride = ring->stride;
	walk.slots = ring->slots;
	walk.from = ring->tail;
	ring->tail = tail;
	ring->culprit = keep_stack(ctx, s);
	device = known_device(s);
	/* Where syncs are not observable, the driver may have made one. */
	if (!device || device->skips_sync)
		return 0;
	bpf_loop((tail - walk.from) & (walk.slots - 1), doorbell_one, &walk, 0);
	send_verdicts(ctx, s);
	return 0;
}

/* Tracepoint: dev, channel, bus, descriptor, ready */
static __always_inline int descriptor_event(void *ctx, u64 *args, struct scratch *s)
{
	u32 fetched[DESC_WORDS], missing = 0, seen = 0;
	struct descriptor *descriptor;
	struct ring *ring;

	/* A descriptor that the device does not execute is harmless. */
	if (!(args[4] & 1))
		return 0;
	s->dev = args[0];
	s->dma = args[2];
	s->size = DESC_SIZE;
	s->dir = DIR_NONE;
	s->kind = KIND_COHERENT;
	s->op = OP_FETCH;
	ring = find_ring(s->dev, args[1]);
	if (!ring || !is_watched(s))
		return 0;
	descriptor = get_descriptor(s, ring->generation);
	if (!descriptor ||
	    bpf_probe_read_kernel(fetched, sizeof(fetched), (void *)env_number(args[3])))
		return 0;
	for (u32 i = 0; i < DESC_WORDS; i++) {
		if (!(descriptor->stored & 1u << i))
			continue;
		if (fetched[i] != descriptor->written[i])
			missing++;
		else if (descriptor->written[i] != descriptor->old[i])
			seen++;
	}
	descriptor->taken = !missing;
	if (!missing)
		return 0;
	s->culprit = ring->culprit;
	judge_descriptor(s, seen ? CHECK_DESCRIPTOR_TORN : CHECK_DOORBELL_BEFORE_DESCRIPTOR);
	send_verdicts(ctx, s);
	return 0;
}

/* Tracepoint: dev, channel, bus, status */
static __always_inline int completion_event(void *ctx, u64 *args, struct scratch *s)
{
	struct ring *ring = find_ring(args[0], args[1]);
	struct descriptor *descriptor;

	s->dev = args[0];
	s->dma = args[2];
	descriptor = ring ? find_descriptor(s, ring->generation) : NULL;
	if (descriptor)
		descriptor->completed = 1;
	return 0;
}

TRACEPOINT(dmaloop_ring, late_ring, never_fast, ring_event)
TRACEPOINT(dmaloop_descriptor_access, late_descriptor_access, never_fast, descriptor_access_event)
TRACEPOINT(dmaloop_doorbell, late_doorbell, never_fast, doorbell_event)
TRACEPOINT(dmaloop_descriptor, late_descriptor, never_fast, descriptor_event)
TRACEPOINT(dmaloop_completion, late_completion, never_fast, completion_event)

#endif
