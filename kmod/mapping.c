// SPDX-License-Identifier: GPL-2.0
/* Mapping, unmapping and syncing, for the implementations of the DMA API: dma_ops.c and plain.c. */
#include <linux/mm.h>
#include <linux/slab.h>

#include "mapping_index.h"
#include "trace.h"

/**
 * mapping_space_init - initialise an empty mapping space
 * @space: the space
 * @dev: the device, for tracepoints and messages
 * @coherency: how the device sees memory
 * @caches: the caches, for COHERENCY_NONCOHERENT; copied
 * @iommu: which accesses outside of the mappings are stopped
 * @dma_mask: highest DMA address that the device can use
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int mapping_space_init(struct mapping_space *space, struct device *dev,
		       enum dmaloop_coherency coherency, const struct shadow_config *caches,
		       enum dmaloop_iommu iommu, u64 dma_mask)
{
	memset(space, 0, sizeof(*space));
	space->dev = dev;
	space->coherency = coherency;
	space->caches = *caches;
	space->iommu = iommu;
	spin_lock_init(&space->lock);
	return mapping_index_init(space, dma_mask);
}

/**
 * mapping_space_destroy - undo mapping_space_init()
 * @space: the space, which the device no longer uses
 *
 * Live mappings are forgotten. Their buffers do not belong to the space.
 *
 * Context: may sleep.
 */
void mapping_space_destroy(struct mapping_space *space)
{
	struct mapping *map;

	while ((map = mapping_index_next(space, 0))) {
		spin_lock_irq(&space->lock);
		mapping_index_remove(space, map);
		spin_unlock_irq(&space->lock);
		if (mapping_has_shadow(space, map))
			shadow_put(map->phys, map->size);
		kfree(map);
		cond_resched();
	}
	mapping_index_destroy(space);
}

static struct mapping *mapping_alloc(phys_addr_t phys, size_t size, enum dma_data_direction dir,
				     unsigned long attrs, bool coherent)
{
	struct mapping *map = kzalloc(sizeof(*map), GFP_ATOMIC);

	if (!map)
		return NULL;
	map->phys = phys;
	map->size = size;
	map->dir = dir;
	map->attrs = attrs;
	map->coherent = coherent;
	return map;
}

static void mapping_insert(struct mapping_space *space, struct mapping *map, dma_addr_t bus)
{
	lockdep_assert_held(&space->lock);
	map->node.start = bus;
	map->node.last = bus + map->size - 1;
	mapping_index_add(space, map);
}

/**
 * mapping_add_effect - add up what the cache model did
 * @space: the space
 * @effect: the effect of one operation
 *
 * Context: any, with the space's lock held.
 */
void mapping_add_effect(struct mapping_space *space, const struct cache_effect *effect)
{
	lockdep_assert_held(&space->lock);
	space->effect.cleaned += effect->cleaned;
	space->effect.dropped += effect->dropped;
	space->effect.spared += effect->spared;
	if (effect->spared)
		trace_dmaloop_spared(space->dev, effect->spared);
}

/**
 * mapping_add - map a buffer and hand it over to the device
 * @space: the device's space
 * @phys: physical address of the buffer
 * @size: bytes
 * @dir: direction
 * @attrs: DMA_ATTR_*; DMA_ATTR_SKIP_CPU_SYNC skips the cache maintenance
 * @coherent: coherent memory, which never needs maintenance
 *
 * Context: any.
 * Return: the DMA address, or DMA_MAPPING_ERROR.
 */
dma_addr_t mapping_add(struct mapping_space *space, phys_addr_t phys, size_t size,
		       enum dma_data_direction dir, unsigned long attrs, bool coherent)
{
	struct cache_effect effect = {};
	struct mapping *map;
	unsigned long flags;
	dma_addr_t bus;

	if (!size)
		return DMA_MAPPING_ERROR;
	map = mapping_alloc(phys, size, dir, attrs, coherent);
	if (!map)
		return DMA_MAPPING_ERROR;
	if (mapping_has_shadow(space, map)) {
		if (shadow_get(phys, size))
			goto out_free;
		if (!(attrs & DMA_ATTR_SKIP_CPU_SYNC))
			shadow_for_device(&space->caches, phys, size, dir, &effect);
	}

	spin_lock_irqsave(&space->lock, flags);
	bus = mapping_index_place(space, phys, size);
	if (bus == DMA_MAPPING_ERROR) {
		spin_unlock_irqrestore(&space->lock, flags);
		goto out_shadow;
	}
	mapping_insert(space, map, bus);
	mapping_add_effect(space, &effect);
	spin_unlock_irqrestore(&space->lock, flags);
	return bus;

out_shadow:
	if (mapping_has_shadow(space, map))
		shadow_put(phys, size);
out_free:
	kfree(map);
	return DMA_MAPPING_ERROR;
}

/**
 * mapping_add_at - record a mapping that somebody else made
 * @space: the device's space
 * @bus: DMA address of the mapping
 * @phys: physical address that the device reaches through the mapping
 * @size: bytes
 * @dir: direction
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 * Return: 0 or -ENOMEM.
 */
int mapping_add_at(struct mapping_space *space, dma_addr_t bus, phys_addr_t phys, size_t size,
		   enum dma_data_direction dir, unsigned long attrs)
{
	struct mapping *map = mapping_alloc(phys, size, dir, attrs, true);

	if (!map)
		return -ENOMEM;
	guard(spinlock_irqsave)(&space->lock);
	mapping_insert(space, map, bus);
	return 0;
}

/**
 * mapping_remove - hand a buffer back to the CPU and unmap it
 * @space: the device's space
 * @bus: DMA address that mapping_add() returned
 * @size: bytes, as given by the caller of the DMA API
 * @dir: direction, as given by the caller of the DMA API
 * @attrs: DMA_ATTR_*; DMA_ATTR_SKIP_CPU_SYNC skips the cache maintenance
 *
 * As on real architectures, the cache maintenance follows the caller's arguments, but it never goes
 * past the end of the mapping.
 *
 * Context: any.
 * Return: false if nothing is mapped at @bus, which is recorded as a fault.
 */
bool mapping_remove(struct mapping_space *space, dma_addr_t bus, size_t size,
		    enum dma_data_direction dir, unsigned long attrs)
{
	struct cache_effect effect = {};
	struct mapping *map;
	unsigned long flags;

	spin_lock_irqsave(&space->lock, flags);
	map = mapping_find_start(space, bus, size);
	if (!map) {
		spin_unlock_irqrestore(&space->lock, flags);
		mapping_fault(space, bus, size, false, FAULT_BAD_UNMAP);
		return false;
	}
	if (mapping_has_shadow(space, map) && attrs & DMA_ATTR_SKIP_CPU_SYNC)
		shadow_skip(map->phys, map->size);
	else if (mapping_has_shadow(space, map))
		shadow_for_cpu(&space->caches, map->phys, min(size, map->size), dir, &effect);
	mapping_index_remove(space, map);
	mapping_add_effect(space, &effect);
	spin_unlock_irqrestore(&space->lock, flags);

	if (mapping_has_shadow(space, map))
		shadow_put(map->phys, map->size);
	kfree(map);
	return true;
}

/**
 * mapping_sync - hand part of a mapped buffer over
 * @space: the device's space
 * @bus: DMA address inside a live mapping
 * @size: bytes
 * @dir: direction, as given by the caller of the DMA API
 * @for_device: true to hand over to the device, false to the CPU
 *
 * Context: any.
 * Return: false if the range is not inside one live mapping, which is recorded as a fault.
 */
bool mapping_sync(struct mapping_space *space, dma_addr_t bus, size_t size,
		  enum dma_data_direction dir, bool for_device)
{
	struct cache_effect effect = {};
	struct mapping *map;
	unsigned long flags;
	phys_addr_t phys;
	bool inside;

	spin_lock_irqsave(&space->lock, flags);
	map = mapping_find(space, bus);
	inside = map && size && size - 1 <= map->node.last - bus;
	if (inside && mapping_has_shadow(space, map)) {
		phys = map->phys + (bus - map->node.start);
		if (for_device)
			shadow_for_device(&space->caches, phys, size, dir, &effect);
		else
			shadow_for_cpu(&space->caches, phys, size, dir, &effect);
		mapping_add_effect(space, &effect);
	}
	spin_unlock_irqrestore(&space->lock, flags);
	if (!inside)
		mapping_fault(space, bus, size, false, FAULT_BAD_UNMAP);
	return inside;
}

/**
 * mapping_exposure - count the bytes that the device could reach without a mapping
 * @space: the device's space
 *
 * Behind an IOMMU that maps whole pages, these are the bytes in mapped pages that are not part of a
 * mapping.
 *
 * Context: any.
 * Return: the number of bytes, over all live mappings.
 */
u64 mapping_exposure(struct mapping_space *space)
{
	struct mapping *map;
	u64 bytes = 0;

	guard(spinlock_irqsave)(&space->lock);
	for (map = mapping_index_next(space, 0); map;
	     map = mapping_index_next(space, map->node.last + 1)) {
		u64 start = map->node.start & PAGE_MASK, end = PAGE_ALIGN(map->node.last + 1);

		bytes += (end - start) - (map->node.last + 1 - map->node.start);
		if (map->node.last == ULONG_MAX)
			break;
	}
	return bytes;
}
