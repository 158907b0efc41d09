// SPDX-License-Identifier: GPL-2.0
/*
 * Does a driver that has long been right make a mistake once? The tracer looks less closely at a
 * device that it knows. It must not miss what the same call site does later.
 */
#include <linux/mm.h>

#include "bench.h"

#define ROUNDS 200
#define ORDER (PAGE_ALLOC_COSTLY_ORDER + 2)

/* Maps, maybe does something, and unmaps. Makes the mistake if @wrong. */
typedef int (*round_fn)(struct device *dev, u8 *memory, bool wrong);

static int late(struct device *dev, round_fn round)
{
	u8 *memory = kzalloc(SIZE, GFP_KERNEL);
	int i, err = memory ? 0 : -ENOMEM;

	for (i = 0; !err && i < ROUNDS; i++)
		err = round(dev, memory, i == ROUNDS * 3 / 4);
	kfree(memory);
	return err;
}

static int neighbour(struct device *dev, u8 *memory, bool wrong)
{
	struct buffer b = { .cpu = memory };
	int err;

	/* Beside the buffer, but the device does not own the line yet. */
	WRITE_ONCE(memory[100], memory[100] + 1);
	err = buffer_map(dev, &b, 100, DMA_FROM_DEVICE);
	if (err)
		return err;
	if (wrong)
		WRITE_ONCE(memory[101], memory[101] + 1);
	buffer_unmap(dev, &b);
	return 0;
}

static int late_neighbour(struct device *dev)
{
	return late(dev, neighbour);
}

static int never(struct device *dev, u8 *memory, bool wrong)
{
	return neighbour(dev, memory, false);
}

static int late_never(struct device *dev)
{
	return late(dev, never);
}

static int size(struct device *dev, u8 *memory, bool wrong)
{
	struct buffer b = { .cpu = memory };
	int err = buffer_map(dev, &b, SIZE, DMA_FROM_DEVICE);

	if (!err)
		dma_unmap_single(dev, b.dma, wrong ? SIZE / 2 : SIZE, b.dir);
	return err;
}

static int late_size(struct device *dev)
{
	return late(dev, size);
}

static int direction(struct device *dev, u8 *memory, bool wrong)
{
	struct buffer b = { .cpu = memory };
	int err = buffer_map(dev, &b, SIZE, DMA_FROM_DEVICE);

	if (!err)
		dma_unmap_single(dev, b.dma, SIZE, wrong ? DMA_TO_DEVICE : DMA_FROM_DEVICE);
	return err;
}

static int late_direction(struct device *dev)
{
	return late(dev, direction);
}

static int twice(struct device *dev, u8 *memory, bool wrong)
{
	struct buffer b = { .cpu = memory };
	int i, err = buffer_map(dev, &b, SIZE, DMA_FROM_DEVICE);

	for (i = 0; !err && i < 1 + wrong; i++)
		buffer_unmap(dev, &b);
	return err;
}

static int late_unmap_twice(struct device *dev)
{
	return late(dev, twice);
}

/* Map @nr buffers at once and unmap them. */
static __always_inline int map_some(struct device *dev, struct buffer *b, int nr, size_t size)
{
	int i, mapped, err = 0;

	for (mapped = 0; !err && mapped < nr; mapped++)
		err = buffer_map(dev, &b[mapped], size, DMA_FROM_DEVICE);
	for (i = 0; i < mapped - !!err; i++)
		buffer_unmap(dev, &b[i]);
	return err;
}

static int mapped_twice(struct device *dev, u8 *memory, bool wrong)
{
	struct buffer b[2] = { { .cpu = memory }, { .cpu = memory } };

	return map_some(dev, b, 1 + wrong, SIZE);
}

static int late_map_twice(struct device *dev)
{
	return late(dev, mapped_twice);
}

static int line(struct device *dev, u8 *memory, bool wrong)
{
	struct buffer b[2] = { { .cpu = memory }, { .cpu = memory + (wrong ? 48 : 256) } };

	return map_some(dev, b, 2, 40);
}

static int late_shared_line(struct device *dev)
{
	return late(dev, line);
}

static int sync(struct device *dev, u8 *memory, bool wrong)
{
	struct buffer b = { .cpu = memory };
	int err = buffer_map(dev, &b, SIZE, DMA_FROM_DEVICE);

	if (err)
		return err;
	dma_sync_single_for_cpu(dev, b.dma, wrong ? SIZE * 2 : SIZE, b.dir);
	dma_sync_single_for_device(dev, b.dma, SIZE, b.dir);
	buffer_unmap(dev, &b);
	return 0;
}

static int late_sync_outside(struct device *dev)
{
	return late(dev, sync);
}

/* Wrong in each round, because the tracer looks at the content of only some mappings. */
static int content(struct device *dev, u8 *memory, bool wrong)
{
	struct buffer b = { .cpu = memory };
	int err = buffer_map(dev, &b, SIZE, DMA_TO_DEVICE);

	if (err)
		return err;
	WRITE_ONCE(memory[0], memory[0] + 1);
	buffer_unmap(dev, &b);
	return 0;
}

static int late_content(struct device *dev)
{
	int i, err = 0;

	for (i = 0; !err && i < 20; i++)
		err = late(dev, content);
	return err;
}

/* The command takes the tracer's first sample. The key after it is written while it is mapped. */
static int second_content(struct device *dev)
{
	struct buffer command, key;
	int err = buffer_get(dev, &command, SIZE, DMA_TO_DEVICE);

	if (err)
		return err;
	err = buffer_get(dev, &key, SIZE, DMA_TO_DEVICE);
	if (!err) {
		WRITE_ONCE(key.cpu[8], 1);
		buffer_put(dev, &key);
	}
	buffer_put(dev, &command);
	return err;
}

/* A buffer that is mapped once and from then on handed over by syncs. */
static __always_inline int send_again(struct device *dev, bool late)
{
	struct buffer b;
	int i, err = buffer_get(dev, &b, SIZE, DMA_TO_DEVICE);

	for (i = 0; !err && i < ROUNDS * 20; i++) {
		dma_sync_single_for_cpu(dev, b.dma, SIZE, b.dir);
		if (!late)
			WRITE_ONCE(b.cpu[0], i);
		dma_sync_single_for_device(dev, b.dma, SIZE, b.dir);
		if (late)
			WRITE_ONCE(b.cpu[0], i);
	}
	if (!err)
		buffer_put(dev, &b);
	return err;
}

static int synced_content(struct device *dev)
{
	return send_again(dev, true);
}

static int synced_content_in_turn(struct device *dev)
{
	return send_again(dev, false);
}

static int freed(struct device *dev, u8 *memory, bool wrong)
{
	struct buffer b;
	int err = buffer_get(dev, &b, SIZE, DMA_FROM_DEVICE);

	if (err)
		return err;
	if (wrong)
		kfree(b.cpu);
	buffer_unmap(dev, &b);
	if (!wrong)
		kfree(b.cpu);
	return 0;
}

static int late_freed(struct device *dev)
{
	return late(dev, freed);
}

/* A block this large goes to the free lists at once, not to a per-CPU list. */
static int free_block(struct device *dev, u8 *memory, bool wrong)
{
	struct page *page = alloc_pages(GFP_KERNEL, ORDER);
	struct buffer b = { .cpu = page ? page_address(page) : NULL };
	int err = page ? 0 : -ENOMEM;

	if (!err && wrong)
		__free_pages(page, ORDER);
	if (!err)
		err = buffer_map(dev, &b, SIZE, DMA_FROM_DEVICE);
	if (!err)
		buffer_unmap(dev, &b);
	if (page && !wrong)
		__free_pages(page, ORDER);
	return err;
}

static int late_free_block(struct device *dev)
{
	return late(dev, free_block);
}

static int left(struct device *dev, u8 *memory, bool wrong)
{
	struct buffer b;
	int err = buffer_get(dev, &b, SIZE, DMA_FROM_DEVICE);

	/* If the memory were freed, that would be another finding. */
	if (!err && !wrong)
		buffer_put(dev, &b);
	return err;
}

static int late_leak(struct device *dev)
{
	return late(dev, left);
}

const struct bench_case late_cases[] = {
	{ "late-neighbour-write", late_neighbour },
	{ "late-nothing", late_never },
	{ "late-size-mismatch", late_size },
	{ "late-dir-mismatch", late_direction },
	{ "late-unmap-twice", late_unmap_twice },
	{ "late-map-twice", late_map_twice },
	{ "late-shared-line", late_shared_line },
	{ "late-sync-outside", late_sync_outside, true },
	{ "late-content", late_content, true },
	{ "second-content", second_content, true },
	{ "synced-content", synced_content, true },
	{ "synced-content-in-turn", synced_content_in_turn, true },
	{ "late-freed", late_freed },
	{ "late-free-block", late_free_block },
	{ "late-leak", late_leak },
	{},
};
