// SPDX-License-Identifier: GPL-2.0
/*
 * Is memory given back as it was taken: once, by the matching function, with the same size,
 * direction and attributes?
 */
#include <linux/dmapool.h>
#include <linux/mm.h>

#include "bench.h"

static int unmap_as(struct device *dev, size_t size, enum dma_data_direction dir)
{
	struct buffer b;
	int err = buffer_get(dev, &b, SIZE, DMA_FROM_DEVICE);

	if (err)
		return err;
	dma_unmap_single(dev, b.dma, size, dir);
	kfree(b.cpu);
	return 0;
}

static int right(struct device *dev)
{
	return unmap_as(dev, SIZE, DMA_FROM_DEVICE);
}

static int size_wrong(struct device *dev)
{
	return unmap_as(dev, SIZE / 2, DMA_FROM_DEVICE);
}

static int direction_wrong(struct device *dev)
{
	return unmap_as(dev, SIZE, DMA_TO_DEVICE);
}

static int unmap_twice(struct device *dev)
{
	struct buffer b;
	int err = buffer_get(dev, &b, SIZE, DMA_TO_DEVICE);

	if (err)
		return err;
	buffer_unmap(dev, &b);
	buffer_unmap(dev, &b);
	kfree(b.cpu);
	return 0;
}

/* Mapped for the parent device, and unmapped for its child. */
static int wrong_device(struct device *dev)
{
	struct buffer b;
	int err = buffer_get(dev->parent, &b, SIZE, DMA_FROM_DEVICE);

	if (err)
		return err;
	buffer_unmap(dev, &b);
	kfree(b.cpu);
	return 0;
}

/* Parent and child send the same page, which both may do. */
static int shared_by_family(struct device *dev)
{
	struct buffer above, below;
	int err = buffer_get(dev->parent, &above, SIZE, DMA_TO_DEVICE);

	if (err)
		return err;
	below.cpu = above.cpu;
	err = buffer_map(dev, &below, SIZE, DMA_TO_DEVICE);
	if (!err)
		buffer_unmap(dev, &below);
	buffer_put(dev->parent, &above);
	return err;
}

/* The same buffer again and again, as a driver with a fixed ring does. */
static int map_again(struct device *dev)
{
	struct buffer b = { .cpu = kzalloc(SIZE, GFP_KERNEL) };
	int i, err = b.cpu ? 0 : -ENOMEM;

	for (i = 0; !err && i < 10; i++) {
		err = buffer_map(dev, &b, SIZE, DMA_BIDIRECTIONAL);
		if (!err)
			buffer_unmap(dev, &b);
	}
	kfree(b.cpu);
	return err;
}

static int single_as_list(struct device *dev)
{
	struct scatterlist sg;
	struct buffer b;
	int err = buffer_get(dev, &b, SIZE, DMA_FROM_DEVICE);

	if (err)
		return err;
	sg_init_one(&sg, b.cpu, SIZE);
	sg_dma_address(&sg) = b.dma;
	sg_dma_len(&sg) = SIZE;
	dma_unmap_sg(dev, &sg, 1, DMA_FROM_DEVICE);
	kfree(b.cpu);
	return 0;
}

static int unmap_list(struct device *dev, bool as_single)
{
	void *buffer = kzalloc(SIZE, GFP_KERNEL);
	struct scatterlist sg;

	if (!buffer)
		return -ENOMEM;
	sg_init_one(&sg, buffer, SIZE);
	if (!dma_map_sg(dev, &sg, 1, DMA_FROM_DEVICE)) {
		kfree(buffer);
		return -ENOMEM;
	}
	if (as_single)
		dma_unmap_single(dev, sg_dma_address(&sg), sg_dma_len(&sg), DMA_FROM_DEVICE);
	else
		dma_unmap_sg(dev, &sg, 1, DMA_FROM_DEVICE);
	kfree(buffer);
	return 0;
}

static int list_as_single(struct device *dev)
{
	return unmap_list(dev, true);
}

static int list_as_list(struct device *dev)
{
	return unmap_list(dev, false);
}

static int use_coherent(struct device *dev, bool sync)
{
	dma_addr_t dma;
	u32 *ring = dma_alloc_coherent(dev, PAGE_SIZE, &dma, GFP_KERNEL);

	if (!ring)
		return -ENOMEM;
	WRITE_ONCE(ring[0], 1);
	if (sync)
		dma_sync_single_for_device(dev, dma, 64, DMA_BIDIRECTIONAL);
	dma_free_coherent(dev, PAGE_SIZE, ring, dma);
	return 0;
}

static int coherent_synced(struct device *dev)
{
	return use_coherent(dev, true);
}

static int coherent_right(struct device *dev)
{
	return use_coherent(dev, false);
}

static int free_pages_as(struct device *dev, bool coherent)
{
	dma_addr_t dma;
	struct page *page = dma_alloc_pages(dev, PAGE_SIZE, &dma, DMA_BIDIRECTIONAL, GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	if (coherent)
		dma_free_coherent(dev, PAGE_SIZE, page_address(page), dma);
	else
		dma_free_pages(dev, PAGE_SIZE, page, dma, DMA_BIDIRECTIONAL);
	return 0;
}

static int pages_as_coherent(struct device *dev)
{
	return free_pages_as(dev, true);
}

static int pages_right(struct device *dev)
{
	return free_pages_as(dev, false);
}

static int pages_synced(struct device *dev)
{
	dma_addr_t dma;
	struct page *page = dma_alloc_pages(dev, PAGE_SIZE, &dma, DMA_FROM_DEVICE, GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	/* This memory is not coherent, so it must be synced. */
	dma_sync_single_for_device(dev, dma, PAGE_SIZE, DMA_FROM_DEVICE);
	dma_sync_single_for_cpu(dev, dma, PAGE_SIZE, DMA_FROM_DEVICE);
	dma_free_pages(dev, PAGE_SIZE, page, dma, DMA_FROM_DEVICE);
	return 0;
}

static int use_table(struct device *dev, enum dma_data_direction freed_as)
{
	struct sg_table *table =
		dma_alloc_noncontiguous(dev, 4 * PAGE_SIZE, DMA_FROM_DEVICE, GFP_KERNEL, 0);

	if (!table)
		return -ENOMEM;
	dma_sync_sgtable_for_device(dev, table, DMA_FROM_DEVICE);
	dma_sync_sgtable_for_cpu(dev, table, DMA_FROM_DEVICE);
	dma_free_noncontiguous(dev, 4 * PAGE_SIZE, table, freed_as);
	return 0;
}

static int table_wrong_direction(struct device *dev)
{
	return use_table(dev, DMA_TO_DEVICE);
}

static int table_right(struct device *dev)
{
	return use_table(dev, DMA_FROM_DEVICE);
}

static int pool_right(struct device *dev)
{
	struct dma_pool *pool = dma_pool_create("dmabench", dev, 64, 64, 0);
	dma_addr_t dma[4];
	void *block[4];
	int i;

	if (!pool)
		return -ENOMEM;
	for (i = 0; i < 4; i++)
		block[i] = dma_pool_zalloc(pool, GFP_KERNEL, &dma[i]);
	while (i--)
		if (block[i])
			dma_pool_free(pool, block[i], dma[i]);
	dma_pool_destroy(pool);
	return 0;
}

static int map_with_attrs(struct device *dev, unsigned long map, unsigned long unmap)
{
	void *buffer = kzalloc(SIZE, GFP_KERNEL);
	dma_addr_t dma;
	int err;

	if (!buffer)
		return -ENOMEM;
	dma = dma_map_single_attrs(dev, buffer, SIZE, DMA_TO_DEVICE, map);
	err = dma_mapping_error(dev, dma);
	if (!err)
		dma_unmap_single_attrs(dev, dma, SIZE, DMA_TO_DEVICE, unmap);
	kfree(buffer);
	return err;
}

/* The attribute has no meaning without an IOMMU, so nothing can go wrong. */
static int attrs_wrong(struct device *dev)
{
	return map_with_attrs(dev, DMA_ATTR_PRIVILEGED, 0);
}

static int attrs_right(struct device *dev)
{
	return map_with_attrs(dev, DMA_ATTR_PRIVILEGED, DMA_ATTR_PRIVILEGED);
}

static int attrs_skip_sync(struct device *dev)
{
	return map_with_attrs(dev, 0, DMA_ATTR_SKIP_CPU_SYNC);
}

const struct bench_case pairing_cases[] = { { "right", right },
					    { "size-wrong", size_wrong },
					    { "direction-wrong", direction_wrong },
					    { "wrong-device", wrong_device, .older = true },
					    { "shared-by-family", shared_by_family, .older = true },
					    { "unmap-twice", unmap_twice },
					    { "map-again", map_again },
					    { "single-as-list", single_as_list },
					    { "list-as-single", list_as_single },
					    { "list-as-list", list_as_list },
					    { "coherent-synced", coherent_synced, .syncs = true },
					    { "coherent-right", coherent_right },
					    { "pages-as-coherent", pages_as_coherent },
					    { "pages-right", pages_right },
					    { "pages-synced", pages_synced, .syncs = true },
					    { "table-wrong-dir", table_wrong_direction },
					    { "table-right", table_right, .syncs = true },
					    { "pool-right", pool_right },
					    { "attrs-wrong", attrs_wrong },
					    { "attrs-right", attrs_right },
					    { "attrs-skip-sync", attrs_skip_sync },
					    {} };
