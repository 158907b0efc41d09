// SPDX-License-Identifier: GPL-2.0
/*
 * Does the memory belong to one mapping at a time, does it outlive the mapping, and does the
 * mapping ever end? And what else is in the pages that the device can reach?
 */
#include <linux/mm.h>

#include "bench.h"

#define LONG (4 * PAGE_SIZE)

/* Map part of some memory while all of it is mapped, or after that. */
static int map_both(struct device *dev, size_t offset, size_t size, enum dma_data_direction dir,
		    bool at_once)
{
	u8 *memory = kzalloc(LONG, GFP_KERNEL);
	struct buffer all = { .cpu = memory }, part = { .cpu = memory + offset };
	int err = memory ? buffer_map(dev, &all, LONG, dir) : -ENOMEM;

	if (err)
		goto out;
	if (!at_once)
		buffer_unmap(dev, &all);
	err = buffer_map(dev, &part, size, dir);
	if (!err)
		buffer_unmap(dev, &part);
	if (at_once)
		buffer_unmap(dev, &all);
out:
	kfree(memory);
	return err;
}

static int mapped_twice(struct device *dev)
{
	return map_both(dev, 0, LONG, DMA_FROM_DEVICE, true);
}

static int mapped_inside(struct device *dev)
{
	return map_both(dev, LONG / 2 + 512, 512, DMA_FROM_DEVICE, true);
}

/* One page in two transmissions at once: this is legitimate, and gives the same address twice. */
static int map_twice_to_device(struct device *dev)
{
	return map_both(dev, 0, LONG, DMA_TO_DEVICE, true);
}

static int mapped_inside_to(struct device *dev)
{
	return map_both(dev, LONG / 2 + 512, 512, DMA_TO_DEVICE, true);
}

static int mapped_in_turn(struct device *dev)
{
	return map_both(dev, 0, LONG, DMA_FROM_DEVICE, false);
}

/*
 * End a mapping whose memory may have been freed. If the buffer bounces or is invalidated, a sync
 * here would write to that memory, and the guest would crash.
 */
static __always_inline void unmap_unsynced(struct device *dev, dma_addr_t dma)
{
	dma_unmap_page_attrs(dev, dma, SIZE, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
}

/* Give kfree() memory, SIZE bytes of which are mapped at @offset, or were. */
static int free_kmalloc(struct device *dev, size_t offset, bool mapped)
{
	u8 *memory = kzalloc(offset + SIZE, GFP_KERNEL);
	struct buffer b = { .cpu = memory + offset };
	int err = memory ? buffer_map(dev, &b, SIZE, DMA_FROM_DEVICE) : -ENOMEM;

	if (err) {
		kfree(memory);
		return err;
	}
	if (!mapped)
		unmap_unsynced(dev, b.dma);
	kfree(memory);
	if (mapped)
		unmap_unsynced(dev, b.dma);
	return 0;
}

static int freed_mapped(struct device *dev)
{
	return free_kmalloc(dev, 0, true);
}

static int freed_embedded_mapped(struct device *dev)
{
	return free_kmalloc(dev, SIZE, true);
}

/* Larger than any slab object: it comes from the page allocator, but kfree() frees it. */
static int freed_large_mapped(struct device *dev)
{
	return free_kmalloc(dev, 2 * KMALLOC_MAX_CACHE_SIZE, true);
}

static int freed_unmapped(struct device *dev)
{
	return free_kmalloc(dev, 0, false);
}

enum freed { LAST_WHILE_MAPPED, ONE_WHILE_MAPPED, AFTER };

static int free_pages_of(struct device *dev, enum freed freed)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_COMP, 1);
	dma_addr_t dma;
	int err;

	if (!page)
		return -ENOMEM;
	/* The mapping is in the second page. */
	dma = dma_map_page(dev, page, PAGE_SIZE, SIZE, DMA_FROM_DEVICE);
	err = dma_mapping_error(dev, dma);
	if (err || freed == AFTER)
		goto out;
	if (freed == ONE_WHILE_MAPPED)
		get_page(page);
	__free_pages(page, 1);
out:
	if (!err)
		unmap_unsynced(dev, dma);
	if (err || freed != LAST_WHILE_MAPPED)
		__free_pages(page, 1);
	return err;
}

static int pages_freed_mapped(struct device *dev)
{
	return free_pages_of(dev, LAST_WHILE_MAPPED);
}

static int pages_freed_after(struct device *dev)
{
	return free_pages_of(dev, AFTER);
}

/* Somebody else holds a reference to the pages too, so this frees nothing. */
static int pages_put_mapped(struct device *dev)
{
	return free_pages_of(dev, ONE_WHILE_MAPPED);
}

static int free_object(struct device *dev, bool mapped)
{
	struct kmem_cache *cache = kmem_cache_create("dmabench-freed", SIZE, 256, 0, NULL);
	struct buffer b = {};
	int err = -ENOMEM;

	if (!cache)
		return err;
	b.cpu = kmem_cache_zalloc(cache, GFP_KERNEL);
	if (b.cpu)
		err = buffer_map(dev, &b, SIZE, DMA_FROM_DEVICE);
	if (!err && !mapped)
		unmap_unsynced(dev, b.dma);
	if (b.cpu)
		kmem_cache_free(cache, b.cpu);
	if (!err && mapped)
		unmap_unsynced(dev, b.dma);
	kmem_cache_destroy(cache);
	return err;
}

static int object_freed_mapped(struct device *dev)
{
	return free_object(dev, true);
}

static int object_freed_after(struct device *dev)
{
	return free_object(dev, false);
}

static int leak(struct device *dev)
{
	static u8 *kept; /* the buffer outlives the driver, so that only the mapping is lost */
	struct buffer b;

	if (!kept)
		kept = kzalloc(SIZE, GFP_KERNEL);
	if (!kept)
		return -ENOMEM;
	b.cpu = kept;
	return buffer_map(dev, &b, SIZE, DMA_TO_DEVICE);
}

/* The driver asks dma_need_unmap() only after it has mapped. Older kernels lack that function. */
static int unmap_not_needed(struct device *dev)
{
#ifdef DMA_ATTR_MMIO /* almost as old as dma_need_unmap() */
	static u8 *kept;
	struct buffer b;
	int err;

	if (!kept)
		kept = kzalloc(SIZE, GFP_KERNEL);
	if (!kept)
		return -ENOMEM;
	b.cpu = kept;
	err = buffer_map(dev, &b, SIZE, DMA_TO_DEVICE);
	if (!err && dma_need_unmap(dev))
		buffer_unmap(dev, &b);
	return err;
#else
	struct buffer b;
	int err = buffer_get(dev, &b, SIZE, DMA_TO_DEVICE);

	if (!err)
		buffer_put(dev, &b);
	return err;
#endif
}

/* The path that is tested least: a probe that fails after it has mapped something. */
static int fails_late(struct device *dev)
{
	return leak(dev) ?: -EIO;
}

static int fails_late_unmapped(struct device *dev)
{
	struct buffer b;
	int err = buffer_get(dev, &b, SIZE, DMA_TO_DEVICE);

	if (err)
		return err;
	buffer_put(dev, &b);
	return -EIO;
}

static int probe_again(struct device *dev, int (*probed)(struct device *dev))
{
	int err;

	device_release_driver(dev);
	bench_probed = probed;
	err = bench_bind(dev);
	bench_probed = NULL;
	return err == -EIO ? 0 : err ?: -EINVAL;
}

static int leak_failed_probe(struct device *dev)
{
	return probe_again(dev, fails_late);
}

static int failed_probe(struct device *dev)
{
	return probe_again(dev, fails_late_unmapped);
}

/* Each run loses this page until the machine restarts. */
static int leak_coherent(struct device *dev)
{
	dma_addr_t dma;

	return dma_alloc_coherent(dev, PAGE_SIZE, &dma, GFP_KERNEL) ? 0 : -ENOMEM;
}

/* Each run loses this memory, too. */
static int leak_table(struct device *dev)
{
	return dma_alloc_noncontiguous(dev, PAGE_SIZE, DMA_FROM_DEVICE, GFP_KERNEL, 0) ? 0 :
											 -ENOMEM;
}

#define MANY 2000

/* Many mappings, evenly over the time, which are kept or not. All are unmapped in the end. */
static int map_many(struct device *dev, bool keep)
{
	struct buffer *b = kvcalloc(MANY, sizeof(*b), GFP_KERNEL);
	unsigned long start = jiffies, end = bench_end();
	int i, kept = 0, err = 0;

	if (!b)
		return -ENOMEM;
	for (i = 0; i < MANY; i++) {
		while (jiffies - start < (end - start) * i / MANY && bench_wait(end))
			;
		err = buffer_get(dev, &b[kept], SIZE, DMA_TO_DEVICE);
		if (err)
			break;
		if (keep)
			kept++;
		else
			buffer_put(dev, &b[kept]);
	}
	while (kept--)
		buffer_put(dev, &b[kept]);
	kvfree(b);
	return err;
}

static int ever_more(struct device *dev)
{
	return map_many(dev, true);
}

static int as_many(struct device *dev)
{
	return map_many(dev, false);
}

static int expose(struct device *dev, size_t size)
{
	struct buffer b;
	int err = buffer_get(dev, &b, size, DMA_FROM_DEVICE);

	if (err)
		return err;
	buffer_put(dev, &b);
	return 0;
}

static int exposed_neighbours(struct device *dev)
{
	return expose(dev, 64);
}

static int exposed_nothing(struct device *dev)
{
	return expose(dev, PAGE_SIZE);
}

const struct bench_case lifetime_cases[] = { { "mapped-twice", mapped_twice },
					     { "mapped-inside", mapped_inside },
					     { "map-twice-to-device", map_twice_to_device },
					     { "mapped-inside-to", mapped_inside_to },
					     { "mapped-in-turn", mapped_in_turn },
					     { "freed-mapped", freed_mapped },
					     { "freed-embedded-mapped", freed_embedded_mapped },
					     { "freed-large-mapped", freed_large_mapped },
					     { "freed-unmapped", freed_unmapped },
					     { "pages-freed-mapped", pages_freed_mapped },
					     { "pages-freed-after", pages_freed_after },
					     { "pages-put-mapped", pages_put_mapped },
					     { "object-freed-mapped", object_freed_mapped },
					     { "object-freed-after", object_freed_after },
					     { "leak", leak },
					     { "leak-coherent", leak_coherent },
					     { "leak-table", leak_table },
					     { "unmap-not-needed", unmap_not_needed },
					     { "leak-failed-probe", leak_failed_probe },
					     { "failed-probe", failed_probe },
					     { "ever-more", ever_more },
					     { "as-many", as_many },
					     { "exposed-neighbours", exposed_neighbours },
					     { "exposed-nothing", exposed_nothing },
					     {} };
