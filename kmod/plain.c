// SPDX-License-Identifier: GPL-2.0
/*
 * Modes `bounce` and `native`: the device is an ordinary one without dma_map_ops of ours.
 *
 * In mode `bounce` the kernel's swiotlb (booted with swiotlb=force) bounces the device's transfers.
 * That is an independent cross-check of the cache model, with other people's code. Mode `native`
 * takes the machine as it is, including the real cache maintenance of a non-coherent Arm64.
 *
 * The engine must still never touch memory that is not mapped for it. The kernel's own tracepoints
 * (include/trace/events/dma.h, since Linux 6.12) therefore keep the device's mapping space up to
 * date. Direction is not enforced, because there is no IOMMU. An unmap is seen just after it
 * happened, so a device that is still writing then may hit the next user of the bounce slot. As
 * with real hardware, run faulty clients only in a throw-away guest.
 */
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/swiotlb.h>
#include <linux/tracepoint.h>

#include "dma_ops.h"

#if defined(CONFIG_TRACEPOINTS) && defined(CONFIG_SWIOTLB) && defined(HAVE_DMA_TRACEPOINTS)

static void record(struct mapping_space *space, dma_addr_t bus, size_t size,
		   enum dma_data_direction dir, unsigned long attrs)
{
	if (mapping_add_at(space, bus, dma_to_phys(space->dev, bus), size, dir, attrs))
		dev_warn_ratelimited(space->dev,
				     "no memory to follow a mapping; its use will fault\n");
}

static void on_map_page(void *data, struct device *dev, phys_addr_t phys, dma_addr_t bus,
			size_t size, enum dma_data_direction dir, unsigned long attrs)
{
	struct mapping_space *space = data;

	if (dev == space->dev && bus != DMA_MAPPING_ERROR)
		record(space, bus, size, dir, attrs);
}

static void on_unmap_page(void *data, struct device *dev, dma_addr_t bus, size_t size,
			  enum dma_data_direction dir, unsigned long attrs)
{
	struct mapping_space *space = data;

	if (dev == space->dev)
		mapping_remove(space, bus, size, dir, attrs);
}

static void on_map_sg(void *data, struct device *dev, struct scatterlist *sgl, int nents, int ents,
		      enum dma_data_direction dir, unsigned long attrs)
{
	struct mapping_space *space = data;
	struct scatterlist *sg;
	int i;

	if (dev != space->dev)
		return;
	for_each_sg(sgl, sg, ents, i)
		record(space, sg_dma_address(sg), sg_dma_len(sg), dir, attrs);
}

static void on_unmap_sg(void *data, struct device *dev, struct scatterlist *sgl, int nents,
			enum dma_data_direction dir, unsigned long attrs)
{
	struct mapping_space *space = data;
	struct scatterlist *sg;
	int i;

	if (dev != space->dev)
		return;
	for_each_sg(sgl, sg, nents, i)
		mapping_remove(space, sg_dma_address(sg), sg_dma_len(sg), dir, attrs);
}

static void on_alloc(void *data, struct device *dev, void *virt, dma_addr_t bus, size_t size,
		     enum dma_data_direction dir, gfp_t gfp, unsigned long attrs)
{
	struct mapping_space *space = data;

	if (dev == space->dev && virt)
		record(space, bus, size, dir, attrs);
}

static void on_free(void *data, struct device *dev, void *virt, dma_addr_t bus, size_t size,
		    enum dma_data_direction dir, unsigned long attrs)
{
	struct mapping_space *space = data;

	if (dev == space->dev && virt)
		mapping_remove(space, bus, size, dir, attrs);
}

static struct probe {
	const char *name;
	void *function;
	struct tracepoint *tracepoint;
} probes[] = {
	{ .name = "dma_map_page", .function = on_map_page },
	{ .name = "dma_unmap_page", .function = on_unmap_page },
	{ .name = "dma_map_sg", .function = on_map_sg },
	{ .name = "dma_unmap_sg", .function = on_unmap_sg },
	{ .name = "dma_alloc", .function = on_alloc },
	{ .name = "dma_alloc_pages", .function = on_alloc },
	{ .name = "dma_free", .function = on_free },
	{ .name = "dma_free_pages", .function = on_free },
};

/* Serialises the search. The tracepoints are the kernel's own and never go away. */
static DEFINE_MUTEX(probes_lock);

static void find_tracepoint(struct tracepoint *tp, void *data)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (!strcmp(tp->name, probes[i].name))
			probes[i].tracepoint = tp;
}

static int find_tracepoints(void)
{
	unsigned int i;

	guard(mutex)(&probes_lock);
	for_each_kernel_tracepoint(find_tracepoint, NULL);
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		if (!probes[i].tracepoint) {
			pr_err("dmaloop: modes bounce and native need the kernel's tracepoint dma:%s\n",
			       probes[i].name);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

/**
 * dmaloop_plain_install - follow the mappings of a plain device
 * @space: the device's mapping space
 *
 * Context: may sleep.
 * Return: 0, or -EOPNOTSUPP if this kernel cannot do it (swiotlb is not forced, the device is
 * behind an IOMMU, or there are no DMA tracepoints); the log has the reason. Otherwise another
 * negative errno.
 */
int dmaloop_plain_install(struct mapping_space *space)
{
	unsigned int i;
	int err;

	if (space->coherency == COHERENCY_BOUNCE && !is_swiotlb_force_bounce(space->dev)) {
		dev_err(space->dev, "mode bounce needs a kernel booted with swiotlb=force\n");
		return -EOPNOTSUPP;
	}
	if (space->coherency == COHERENCY_BOUNCE && *space->dev->dma_mask < DMA_BIT_MASK(32)) {
		dev_err(space->dev, "mode bounce needs 32 DMA bits to reach the bounce buffer\n");
		return -EOPNOTSUPP;
	}
	if (device_iommu_mapped(space->dev)) {
		dev_err(space->dev, "modes bounce and native need a device without an IOMMU\n");
		return -EOPNOTSUPP;
	}
	err = find_tracepoints();
	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		err = tracepoint_probe_register(probes[i].tracepoint, probes[i].function, space);
		if (err)
			break;
	}
	if (!err)
		return 0;
	while (i--)
		tracepoint_probe_unregister(probes[i].tracepoint, probes[i].function, space);
	tracepoint_synchronize_unregister();
	return err;
}

/**
 * dmaloop_plain_uninstall - undo dmaloop_plain_install()
 * @space: the device's mapping space
 *
 * Context: may sleep.
 */
void dmaloop_plain_uninstall(struct mapping_space *space)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		tracepoint_probe_unregister(probes[i].tracepoint, probes[i].function, space);
	tracepoint_synchronize_unregister();
}

#else

int dmaloop_plain_install(struct mapping_space *space)
{
	dev_err(space->dev,
		"modes bounce and native need swiotlb and the DMA tracepoints (Linux 6.12)\n");
	return -EOPNOTSUPP;
}

void dmaloop_plain_uninstall(struct mapping_space *space)
{
}

#endif
