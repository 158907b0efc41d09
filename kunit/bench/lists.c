// SPDX-License-Identifier: GPL-2.0
/*
 * Scatter-gather lists: unmap and sync must be given as many entries as map, and the device must be
 * able to take the entries.
 */
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "bench.h"

#define PIECE 256 /* lines of its own, at any line size */

/* A list of @entries pieces of one allocation, which is chained if it is long. */
static u8 *list_get(struct sg_table *list, unsigned int entries)
{
	u8 *memory = kzalloc(entries * PIECE, GFP_KERNEL);
	struct scatterlist *sg;
	int i;

	if (!memory)
		return NULL;
	if (sg_alloc_table(list, entries, GFP_KERNEL)) {
		kfree(memory);
		return NULL;
	}
	for_each_sgtable_sg(list, sg, i)
		sg_set_buf(sg, memory + i * PIECE, PIECE);
	return memory;
}

static int use_list(struct device *dev, unsigned int entries, unsigned int synced,
		    unsigned int unmapped)
{
	struct sg_table list;
	u8 *memory = list_get(&list, entries);
	int err = -ENOMEM;

	if (!memory)
		return err;
	if (dma_map_sg(dev, list.sgl, entries, DMA_FROM_DEVICE)) {
		dma_sync_sg_for_cpu(dev, list.sgl, synced, DMA_FROM_DEVICE);
		dma_unmap_sg(dev, list.sgl, unmapped, DMA_FROM_DEVICE);
		err = 0;
	}
	sg_free_table(&list);
	kfree(memory);
	return err;
}

static int list_right(struct device *dev)
{
	return use_list(dev, 4, 4, 4);
}

static int list_unmap_short(struct device *dev)
{
	return use_list(dev, 4, 4, 3);
}

static int list_sync_short(struct device *dev)
{
	return use_list(dev, 4, 3, 4);
}

static int list_chained(struct device *dev)
{
	return use_list(dev, 300, 300, 300);
}

static int list_table(struct device *dev)
{
	struct sg_table list;
	u8 *memory = list_get(&list, 4);
	int err;

	if (!memory)
		return -ENOMEM;
	err = dma_map_sgtable(dev, &list, DMA_BIDIRECTIONAL, 0);
	if (!err) {
		dma_sync_sgtable_for_cpu(dev, &list, DMA_BIDIRECTIONAL);
		dma_sync_sgtable_for_device(dev, &list, DMA_BIDIRECTIONAL);
		dma_unmap_sgtable(dev, &list, DMA_BIDIRECTIONAL, 0);
	}
	sg_free_table(&list);
	kfree(memory);
	return err;
}

/* The device takes at most 1 KiB at once, and not across a multiple of 4 KiB. */
static int map_segment(struct device *dev, unsigned int offset, unsigned int length)
{
	u8 *memory = kzalloc(2 * SZ_4K, GFP_KERNEL);
	struct scatterlist sg;
	int err = -ENOMEM;

	if (!memory)
		return err;
	dma_set_max_seg_size(dev, SZ_1K);
	dma_set_seg_boundary(dev, SZ_4K - 1);
	sg_init_one(&sg, memory + offset, length);
	if (dma_map_sg(dev, &sg, 1, DMA_TO_DEVICE)) {
		dma_unmap_sg(dev, &sg, 1, DMA_TO_DEVICE);
		err = 0;
	}
	kfree(memory);
	return err;
}

static int segment_too_long(struct device *dev)
{
	return map_segment(dev, 0, SZ_1K + 4);
}

static int segment_crossing(struct device *dev)
{
	return map_segment(dev, SZ_4K - SZ_1K + 4, SZ_1K);
}

static int segment_right(struct device *dev)
{
	return map_segment(dev, SZ_4K - SZ_1K, SZ_1K);
}

const struct bench_case list_cases[] = { { "list-right", list_right, .syncs = true },
					 { "list-unmap-short", list_unmap_short, .syncs = true },
					 { "list-sync-short", list_sync_short, .syncs = true },
					 { "list-chained", list_chained, .syncs = true },
					 { "list-table", list_table, .syncs = true },
					 { "segment-too-long", segment_too_long },
					 { "segment-crossing", segment_crossing },
					 { "segment-right", segment_right },
					 {} };
