// SPDX-License-Identifier: GPL-2.0
/*
 * Whose turn is it? Syncs of the wrong part, in the wrong direction or order, and a CPU that
 * touches memory owned by the device.
 */
#include <linux/processor.h>

#include "bench.h"

static int sync_as(struct device *dev, enum dma_data_direction map, enum dma_data_direction sync)
{
	struct buffer b;
	int err = buffer_get(dev, &b, SIZE, map);

	if (err)
		return err;
	dma_sync_single_for_cpu(dev, b.dma, SIZE, sync);
	dma_sync_single_for_device(dev, b.dma, SIZE, sync);
	buffer_put(dev, &b);
	return 0;
}

static int sync_direction_wrong(struct device *dev)
{
	return sync_as(dev, DMA_FROM_DEVICE, DMA_TO_DEVICE);
}

/* A bidirectional buffer may be synced for the one direction it is used in. */
static int sync_bidirectional(struct device *dev)
{
	return sync_as(dev, DMA_BIDIRECTIONAL, DMA_FROM_DEVICE);
}

/* Only the first half of the memory is mapped. */
static int sync_part(struct device *dev, size_t offset, size_t size)
{
	struct buffer b = { .cpu = kzalloc(2 * SIZE, GFP_KERNEL) };
	int err = b.cpu ? buffer_map(dev, &b, SIZE, DMA_FROM_DEVICE) : -ENOMEM;

	if (!err) {
		dma_sync_single_range_for_cpu(dev, b.dma, offset, size, DMA_FROM_DEVICE);
		buffer_unmap(dev, &b);
	}
	kfree(b.cpu);
	return err;
}

static int sync_beyond_end(struct device *dev)
{
	return sync_part(dev, SIZE - 64, 128);
}

static int sync_to_end(struct device *dev)
{
	return sync_part(dev, SIZE - 64, 64);
}

static int hand_over_twice(struct device *dev, bool take_back)
{
	struct buffer b;
	int err = buffer_get(dev, &b, SIZE, DMA_BIDIRECTIONAL);

	if (err)
		return err;
	dma_sync_single_for_cpu(dev, b.dma, SIZE, DMA_BIDIRECTIONAL);
	dma_sync_single_for_device(dev, b.dma, SIZE, DMA_BIDIRECTIONAL);
	if (take_back)
		dma_sync_single_for_cpu(dev, b.dma, SIZE, DMA_BIDIRECTIONAL);
	dma_sync_single_for_device(dev, b.dma, SIZE, DMA_BIDIRECTIONAL);
	buffer_put(dev, &b);
	return 0;
}

static int handed_over_twice(struct device *dev)
{
	return hand_over_twice(dev, false);
}

static int handed_over_in_turn(struct device *dev)
{
	return hand_over_twice(dev, true);
}

enum moment { BEFORE_MAP, WHILE_MAPPED, BRACKETED, AFTER_UNMAP };

/* Write once, at one place, to a buffer of four pages that goes to the device. */
static int write_at(struct device *dev, size_t offset, enum moment moment)
{
	const size_t size = 4 * PAGE_SIZE;
	struct buffer b = { .cpu = kzalloc(size, GFP_KERNEL) };
	int err = b.cpu ? 0 : -ENOMEM;

	if (err)
		return err;
	if (moment == BEFORE_MAP)
		WRITE_ONCE(b.cpu[offset], 0xa5);
	err = buffer_map(dev, &b, size, DMA_TO_DEVICE);
	if (err)
		goto out;
	if (moment == BRACKETED)
		dma_sync_single_for_cpu(dev, b.dma, size, DMA_TO_DEVICE);
	if (moment == WHILE_MAPPED || moment == BRACKETED)
		WRITE_ONCE(b.cpu[offset], 0xa5);
	if (moment == BRACKETED)
		dma_sync_single_for_device(dev, b.dma, size, DMA_TO_DEVICE);
	buffer_unmap(dev, &b);
	if (moment == AFTER_UNMAP)
		WRITE_ONCE(b.cpu[offset], 0xa5);
out:
	kfree(b.cpu);
	return err;
}

static int changed_first_line(struct device *dev)
{
	return write_at(dev, 5, WHILE_MAPPED);
}

static int changed_inside(struct device *dev)
{
	return write_at(dev, 2 * PAGE_SIZE + 1000, WHILE_MAPPED);
}

static int changed_last_line(struct device *dev)
{
	return write_at(dev, 4 * PAGE_SIZE - 1, WHILE_MAPPED);
}

static int written_before_map(struct device *dev)
{
	return write_at(dev, 5, BEFORE_MAP);
}

static int written_after_unmap(struct device *dev)
{
	return write_at(dev, 5, AFTER_UNMAP);
}

static int written_in_turn(struct device *dev)
{
	return write_at(dev, 5, BRACKETED);
}

/* These three functions have names of their own, because tests look for them in stacks. */
static noinline void poll_status(const u32 *status)
{
	int i;

	for (i = 0; i < 1000 && !READ_ONCE(*status); i++)
		cpu_relax();
}

static noinline void poke_buffer(u32 *status)
{
	WRITE_ONCE(*status, 0);
}

static noinline void refill_buffer(u32 *word)
{
	WRITE_ONCE(*word, *word + 1);
}

enum touch {
	POLL,
	POKE,
	POLL_IN_TURN,
	POKE_AND_TAKE,
	POKE_AND_TAKE_MORE,
	POLL_AND_TAKE,
	POKE_AND_HAND_BACK,
	POKE_OTHER_PART,
	REFILL,
	REFILL_AND_SYNC,
};

static int touch_for_long(struct device *dev, enum touch touch)
{
	unsigned long end = bench_end();
	struct buffer b;
	int err = buffer_get(dev, &b, 2048, touch < REFILL ? DMA_FROM_DEVICE : DMA_TO_DEVICE);

	if (err)
		return err;
	if (touch == POKE_OTHER_PART)
		dma_sync_single_for_cpu(dev, b.dma, b.size, DMA_FROM_DEVICE);
	do {
		switch (touch) {
		case POLL:
			poll_status((u32 *)b.cpu);
			break;
		case POKE:
			poke_buffer((u32 *)b.cpu);
			break;
		case POLL_IN_TURN:
			dma_sync_single_for_cpu(dev, b.dma, b.size, DMA_FROM_DEVICE);
			poll_status((u32 *)b.cpu);
			dma_sync_single_for_device(dev, b.dma, b.size, DMA_FROM_DEVICE);
			break;
		case POKE_AND_TAKE:
			dma_sync_single_for_cpu(dev, b.dma, b.size, DMA_FROM_DEVICE);
			poke_buffer((u32 *)b.cpu);
			break;
		case POKE_AND_TAKE_MORE:
			dma_sync_single_for_cpu(dev, b.dma, 2 * b.size, DMA_FROM_DEVICE);
			poke_buffer((u32 *)b.cpu);
			break;
		case POLL_AND_TAKE:
			dma_sync_single_for_cpu(dev, b.dma, b.size, DMA_FROM_DEVICE);
			poll_status((u32 *)b.cpu);
			break;
		case POKE_AND_HAND_BACK:
			dma_sync_single_for_cpu(dev, b.dma, b.size, DMA_FROM_DEVICE);
			poke_buffer((u32 *)b.cpu);
			dma_sync_single_range_for_device(dev, b.dma, 0, 64, DMA_FROM_DEVICE);
			break;
		case POKE_OTHER_PART:
			/* The CPU has taken the first half once before and owns it. */
			dma_sync_single_range_for_cpu(dev, b.dma, 1024, 1024, DMA_FROM_DEVICE);
			poke_buffer((u32 *)b.cpu);
			break;
		case REFILL:
			refill_buffer((u32 *)b.cpu);
			break;
		case REFILL_AND_SYNC:
			refill_buffer((u32 *)b.cpu);
			dma_sync_single_for_device(dev, b.dma, b.size, DMA_TO_DEVICE);
			break;
		}
	} while (bench_wait(end));
	buffer_put(dev, &b);
	return 0;
}

static int polled(struct device *dev)
{
	return touch_for_long(dev, POLL);
}

static int poked(struct device *dev)
{
	return touch_for_long(dev, POKE);
}

static int polled_in_turn(struct device *dev)
{
	return touch_for_long(dev, POLL_IN_TURN);
}

/* A ring's buffer: the driver writes to it and posts it again, without sync_for_device. */
static int written_and_taken(struct device *dev)
{
	return touch_for_long(dev, POKE_AND_TAKE);
}

/* Two mistakes in one sync: it also reaches beyond the buffer. */
static int written_and_taken_more(struct device *dev)
{
	return touch_for_long(dev, POKE_AND_TAKE_MORE);
}

/* The driver takes the buffer again but only reads it, so nothing has to be handed back. */
static int read_and_taken(struct device *dev)
{
	return touch_for_long(dev, POLL_AND_TAKE);
}

/* The driver hands back the part that it wrote. */
static int written_and_handed_back(struct device *dev)
{
	return touch_for_long(dev, POKE_AND_HAND_BACK);
}

/* Each half of a page is for one packet. The CPU keeps one half and takes the other repeatedly. */
static int written_other_part(struct device *dev)
{
	return touch_for_long(dev, POKE_OTHER_PART);
}

static int refilled(struct device *dev)
{
	return touch_for_long(dev, REFILL);
}

/* The written bytes are handed over again: the device reads the old ones or the new ones. */
static int refilled_and_synced(struct device *dev)
{
	return touch_for_long(dev, REFILL_AND_SYNC);
}

const struct bench_case sync_cases[] = {
	{ "sync-direction-wrong", sync_direction_wrong, .syncs = true },
	{ "sync-bidirectional", sync_bidirectional, .syncs = true },
	{ "sync-beyond-end", sync_beyond_end, .syncs = true },
	{ "sync-to-end", sync_to_end, .syncs = true },
	{ "handed-over-twice", handed_over_twice, .syncs = true },
	{ "handed-over-in-turn", handed_over_in_turn, .syncs = true },
	{ "changed-first-line", changed_first_line, .syncs = true },
	{ "changed-inside", changed_inside, .syncs = true },
	{ "changed-last-line", changed_last_line, .syncs = true },
	{ "written-before-map", written_before_map, .syncs = true },
	{ "written-after-unmap", written_after_unmap, .syncs = true },
	{ "written-in-turn", written_in_turn, .syncs = true },
	/* The same, but the syncs cannot be seen. */
	{ "written-unseen-turn", written_in_turn },
	{ "polled", polled, .syncs = true },
	{ "poked", poked, .syncs = true },
	{ "polled-in-turn", polled_in_turn, .syncs = true },
	{ "polled-unseen-turn", polled_in_turn },
	{ "written-and-taken", written_and_taken, .syncs = true },
	{ "written-and-taken-more", written_and_taken_more, .syncs = true },
	{ "read-and-taken", read_and_taken, .syncs = true },
	{ "written-and-handed-back", written_and_handed_back, .syncs = true },
	{ "written-other-part", written_other_part, .syncs = true },
	{ "refilled", refilled, .syncs = true },
	{ "refilled-and-synced", refilled_and_synced, .syncs = true },
	{}
};
