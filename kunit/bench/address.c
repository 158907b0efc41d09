// SPDX-License-Identifier: GPL-2.0
/*
 * What was mapped, and is it mapped at all? Memory that is not for devices, and addresses that no
 * map returned or that are no longer mapped.
 */
#include <linux/ctype.h>
#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

#include "bench.h"

static int address_unknown(struct device *dev)
{
	void *buffer = kzalloc(SIZE, GFP_KERNEL);

	if (!buffer)
		return -ENOMEM;
	dma_unmap_single(dev, virt_to_phys(buffer), SIZE, DMA_TO_DEVICE);
	kfree(buffer);
	return 0;
}

static int sync_unknown(struct device *dev)
{
	void *buffer = kzalloc(SIZE, GFP_KERNEL);

	if (!buffer)
		return -ENOMEM;
	dma_sync_single_for_device(dev, virt_to_phys(buffer), SIZE, DMA_TO_DEVICE);
	kfree(buffer);
	return 0;
}

static int sync_after_unmap(struct device *dev)
{
	struct buffer b;
	int err = buffer_get(dev, &b, SIZE, DMA_FROM_DEVICE);

	if (err)
		return err;
	buffer_unmap(dev, &b);
	dma_sync_single_for_cpu(dev, b.dma, SIZE, DMA_FROM_DEVICE);
	kfree(b.cpu);
	return 0;
}

static int sync_before_unmap(struct device *dev)
{
	struct buffer b;
	int err = buffer_get(dev, &b, SIZE, DMA_FROM_DEVICE);

	if (err)
		return err;
	dma_sync_single_for_cpu(dev, b.dma, SIZE, DMA_FROM_DEVICE);
	buffer_put(dev, &b);
	return 0;
}

/*
 * Always DMA_TO_DEVICE: on a non-coherent machine, an unmap DMA_FROM_DEVICE would invalidate memory
 * that is read-only or not ours.
 */
static __always_inline int map_page_once(struct device *dev, struct page *page, size_t offset,
					 size_t size)
{
	dma_addr_t dma = dma_map_page(dev, page, offset, size, DMA_TO_DEVICE);

	if (dma_mapping_error(dev, dma))
		return -ENOMEM;
	dma_unmap_page(dev, dma, size, DMA_TO_DEVICE);
	return 0;
}

static int map_rodata(struct device *dev)
{
	const void *table = lm_alias(_ctype); /* kernel data, and const */

	return map_page_once(dev, virt_to_page(table), offset_in_page(table), 64);
}

static int map_text(struct device *dev)
{
	return map_page_once(dev, virt_to_page(lm_alias(kfree)), 0, SIZE);
}

static int map_stack(struct device *dev)
{
	u8 local[64] __aligned(64) = {};
	struct page *page = is_vmalloc_addr(local) ? vmalloc_to_page(local) : virt_to_page(local);

	return map_page_once(dev, page, offset_in_page(local), sizeof(local));
}

/* vmalloc_to_page() is not what is wrong with the stack: here its result may be mapped. */
static int map_vmalloc_page(struct device *dev)
{
	u8 *area = vzalloc(2 * PAGE_SIZE);
	int err;

	if (!area)
		return -ENOMEM;
	err = map_page_once(dev, vmalloc_to_page(area + PAGE_SIZE), 0, 64);
	vfree(area);
	return err;
}

/* The pages are zeroed, so that a new owner that zeroes them does not change them. */
static int map_freed(struct device *dev, unsigned int order)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, order);

	if (!page)
		return -ENOMEM;
	__free_pages(page, order);
	return map_page_once(dev, page, 0, SIZE);
}

/* The freed page is on a per-CPU list. */
static int map_freed_page(struct device *dev)
{
	return map_freed(dev, 0);
}

/* The freed block is back in the buddy allocator: it is too large for the per-CPU lists. */
static int map_freed_block(struct device *dev)
{
	return map_freed(dev, PAGE_ALLOC_COSTLY_ORDER + 2);
}

/* Without __GFP_COMP, only the first page of a block has a reference count. */
static int map_tail_page(struct device *dev)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 2);
	int err;

	if (!page)
		return -ENOMEM;
	err = map_page_once(dev, page + 2, 0, SIZE);
	__free_pages(page, 2);
	return err;
}

static __always_inline int map_resource_once(struct device *dev, phys_addr_t phys)
{
	dma_addr_t dma = dma_map_resource(dev, phys, SIZE, DMA_TO_DEVICE, 0);

	if (dma_mapping_error(dev, dma))
		return -EIO;
	dma_unmap_resource(dev, dma, SIZE, DMA_TO_DEVICE, 0);
	return 0;
}

static int resource_of_ram(struct device *dev)
{
	void *buffer = kzalloc(SIZE, GFP_KERNEL);
	int err;

	if (!buffer)
		return -ENOMEM;
	err = map_resource_once(dev, virt_to_phys(buffer));
	kfree(buffer);
	return err;
}

/* A hole in the machine's address space, where no device has registers. */
static int resource_of_mmio(struct device *dev)
{
	struct resource hole = { .name = "dmabench", .flags = IORESOURCE_MEM };
	int err = allocate_resource(&iomem_resource, &hole, PAGE_SIZE, SZ_4G, ~0ULL, PAGE_SIZE,
				    NULL, NULL);

	if (err)
		return err;
	err = map_resource_once(dev, hole.start);
	release_resource(&hole);
	return err;
}

const struct bench_case address_cases[] = { { "address-unknown", address_unknown },
					    { "sync-unknown", sync_unknown, .syncs = true },
					    { "sync-after-unmap", sync_after_unmap, .syncs = true },
					    { "sync-before-unmap", sync_before_unmap,
					      .syncs = true },
					    { "map-rodata", map_rodata },
					    { "map-text", map_text },
					    { "map-stack", map_stack },
					    { "map-vmalloc-page", map_vmalloc_page },
					    { "map-freed-page", map_freed_page },
					    { "map-freed-block", map_freed_block },
					    { "map-tail-page", map_tail_page },
					    { "resource-of-ram", resource_of_ram },
					    { "resource-of-mmio", resource_of_mmio },
					    {} };
