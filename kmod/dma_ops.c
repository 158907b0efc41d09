// SPDX-License-Identifier: GPL-2.0
/*
 * The engine device's dma_map_ops: they implement the unchanged DMA API for the modelled hardware
 * in modes `coherent` and `noncoherent`. In modes `bounce` and `native` the device is plain, and
 * plain.c follows its mappings instead.
 *
 * All state is in the device's struct mapping_space, which is found through drvdata.
 */
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include "dma_ops.h"
#include "engine.h"

static struct mapping_space *to_space(struct device *dev)
{
	struct engine *engine = dev_get_drvdata(dev);

	return &engine->space;
}

static dma_addr_t loop_map_page(struct device *dev, struct page *page, unsigned long offset,
				size_t size, enum dma_data_direction dir, unsigned long attrs)
{
	return mapping_add(to_space(dev), page_to_phys(page) + offset, size, dir, attrs, false);
}

static void loop_unmap_page(struct device *dev, dma_addr_t bus, size_t size,
			    enum dma_data_direction dir, unsigned long attrs)
{
	mapping_remove(to_space(dev), bus, size, dir, attrs);
}

static void loop_unmap_sg(struct device *dev, struct scatterlist *sgl, int nents,
			  enum dma_data_direction dir, unsigned long attrs)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(sgl, sg, nents, i)
		mapping_remove(to_space(dev), sg_dma_address(sg), sg_dma_len(sg), dir, attrs);
}

static int loop_map_sg(struct device *dev, struct scatterlist *sgl, int nents,
		       enum dma_data_direction dir, unsigned long attrs)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(sgl, sg, nents, i) {
		sg_dma_address(sg) =
			mapping_add(to_space(dev), sg_phys(sg), sg->length, dir, attrs, false);
		if (sg_dma_address(sg) == DMA_MAPPING_ERROR) {
			/* The device has not used these mappings: no maintenance is needed. */
			loop_unmap_sg(dev, sgl, i, dir, attrs | DMA_ATTR_SKIP_CPU_SYNC);
			return -ENOMEM;
		}
		sg_dma_len(sg) = sg->length;
	}
	return nents;
}

static void loop_sync_for_cpu(struct device *dev, dma_addr_t bus, size_t size,
			      enum dma_data_direction dir)
{
	mapping_sync(to_space(dev), bus, size, dir, false);
}

static void loop_sync_for_device(struct device *dev, dma_addr_t bus, size_t size,
				 enum dma_data_direction dir)
{
	mapping_sync(to_space(dev), bus, size, dir, true);
}

static void loop_sync_sg(struct device *dev, struct scatterlist *sgl, int nents,
			 enum dma_data_direction dir, bool for_device)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(sgl, sg, nents, i)
		mapping_sync(to_space(dev), sg_dma_address(sg), sg_dma_len(sg), dir, for_device);
}

static void loop_sync_sg_for_cpu(struct device *dev, struct scatterlist *sgl, int nents,
				 enum dma_data_direction dir)
{
	loop_sync_sg(dev, sgl, nents, dir, false);
}

static void loop_sync_sg_for_device(struct device *dev, struct scatterlist *sgl, int nents,
				    enum dma_data_direction dir)
{
	loop_sync_sg(dev, sgl, nents, dir, true);
}

static struct page *loop_alloc_pages(struct device *dev, size_t size, dma_addr_t *bus,
				     enum dma_data_direction dir, gfp_t gfp)
{
	void *virt = alloc_pages_exact(size, gfp | __GFP_ZERO);

	if (!virt)
		return NULL;
	/* Like dma_common_alloc_pages(): zeroed and mapped, and the caller syncs it. */
	*bus = mapping_add(to_space(dev), virt_to_phys(virt), size, dir, DMA_ATTR_SKIP_CPU_SYNC,
			   false);
	if (*bus == DMA_MAPPING_ERROR) {
		free_pages_exact(virt, size);
		return NULL;
	}
	return virt_to_page(virt);
}

static void loop_free_pages(struct device *dev, size_t size, struct page *page, dma_addr_t bus,
			    enum dma_data_direction dir)
{
	if (mapping_remove(to_space(dev), bus, size, dir, DMA_ATTR_SKIP_CPU_SYNC))
		free_pages_exact(page_address(page), size);
}

static void *loop_alloc(struct device *dev, size_t size, dma_addr_t *bus, gfp_t gfp,
			unsigned long attrs)
{
	void *virt = alloc_pages_exact(PAGE_ALIGN(size), gfp | __GFP_ZERO);

	if (!virt)
		return NULL;
	*bus = mapping_add(to_space(dev), virt_to_phys(virt), PAGE_ALIGN(size), DMA_BIDIRECTIONAL,
			   attrs, true);
	if (*bus == DMA_MAPPING_ERROR) {
		free_pages_exact(virt, PAGE_ALIGN(size));
		return NULL;
	}
	return virt;
}

static void loop_free(struct device *dev, size_t size, void *virt, dma_addr_t bus,
		      unsigned long attrs)
{
	if (mapping_remove(to_space(dev), bus, size, DMA_BIDIRECTIONAL, attrs))
		free_pages_exact(virt, PAGE_ALIGN(size));
}

static int loop_mmap(struct device *dev, struct vm_area_struct *vma, void *virt, dma_addr_t bus,
		     size_t size, unsigned long attrs)
{
	unsigned long pages = PFN_UP(size);

	if (vma->vm_pgoff >= pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -ENXIO;
	return remap_pfn_range(vma, vma->vm_start, PHYS_PFN(virt_to_phys(virt)) + vma->vm_pgoff,
			       vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

static int loop_get_sgtable(struct device *dev, struct sg_table *sgt, void *virt, dma_addr_t bus,
			    size_t size, unsigned long attrs)
{
	int err = sg_alloc_table(sgt, 1, GFP_KERNEL);

	if (!err)
		sg_set_page(sgt->sgl, virt_to_page(virt), PAGE_ALIGN(size), 0);
	return err;
}

/* ISA devices had 24 bits; nothing that does DMA has fewer. */
static int loop_dma_supported(struct device *dev, u64 mask)
{
	return mask >= DMA_BIT_MASK(24);
}

static const struct dma_map_ops loop_ops = {
	.alloc = loop_alloc,
	.free = loop_free,
	.alloc_pages_op = loop_alloc_pages,
	.free_pages = loop_free_pages,
	.mmap = loop_mmap,
	.get_sgtable = loop_get_sgtable,
	.map_page = loop_map_page,
	.unmap_page = loop_unmap_page,
	.map_sg = loop_map_sg,
	.unmap_sg = loop_unmap_sg,
	/* No map_resource: the model has no MMIO peers, and the API refuses. */
	.sync_single_for_cpu = loop_sync_for_cpu,
	.sync_single_for_device = loop_sync_for_device,
	.sync_sg_for_cpu = loop_sync_sg_for_cpu,
	.sync_sg_for_device = loop_sync_sg_for_device,
	.dma_supported = loop_dma_supported,
};

/**
 * dmaloop_dma_install - install a device's view of memory
 * @dev: the device, with its struct engine as drvdata
 * @space: the engine's mapping space, initialised
 * @mask: the DMA mask
 *
 * The ops are set before the mask: since Linux 6.10, dma_set_mask() decides from the ops whether
 * syncs can be skipped (dma_skip_sync).
 *
 * Context: may sleep.
 * Return: 0, -EIO if the mask is refused, -EOPNOTSUPP if this kernel does not let a device have its
 * own ops, or the error of dmaloop_plain_install().
 */
int dmaloop_dma_install(struct device *dev, struct mapping_space *space, u64 mask)
{
	bool plain = space->coherency == COHERENCY_BOUNCE || space->coherency == COHERENCY_NATIVE;
	int err;

	if (!plain) {
		set_dma_ops(dev, &loop_ops);
		if (get_dma_ops(dev) != &loop_ops) {
			dev_err(dev,
				"this kernel has no CONFIG_ARCH_HAS_DMA_OPS; only modes bounce and native work\n");
			return -EOPNOTSUPP;
		}
	}
	err = dma_set_mask_and_coherent(dev, mask);
	if (!err && plain)
		err = dmaloop_plain_install(space);
	if (err)
		set_dma_ops(dev, NULL);
	return err;
}

/**
 * dmaloop_dma_uninstall - undo dmaloop_dma_install()
 * @dev: the device; it has no more mappings to make or to end
 *
 * Context: may sleep.
 */
void dmaloop_dma_uninstall(struct device *dev)
{
	struct mapping_space *space = to_space(dev);

	if (space->coherency == COHERENCY_BOUNCE || space->coherency == COHERENCY_NATIVE)
		dmaloop_plain_uninstall(space);
	else
		set_dma_ops(dev, NULL);
}
