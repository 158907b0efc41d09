// SPDX-License-Identifier: GPL-2.0
/*
 * Live mappings, bus addresses, and the device's accesses: see mapping.h.
 * Called by dma_ops.c and plain.c (the API side), engine.c (the device side).
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "mapping.h"
#include "trace.h"

/*
 * Bus addresses start above any memory a machine of today has when the mask
 * allows it, so that a physical or virtual address used as a bus address hits
 * nothing by accident.
 */
#define BUS_BASE_HIGH BIT_ULL(44)
#define BUS_PAGES_MAX BIT(18)

/* Bytes copied with interrupts off, at most. */
#define COPY_MAX SZ_64K
#define BURST_MAX 32u

const char *const fault_reason_names[NR_FAULT_REASONS] = {
	[FAULT_UNMAPPED] = "not mapped",	 [FAULT_DIRECTION] = "direction",
	[FAULT_BAD_UNMAP] = "bad unmap or sync", [FAULT_BAD_DESCRIPTOR] = "bad descriptor",
	[FAULT_EXPOSED] = "sub-page exposure",
};

/**
 * mapping_space_init - make an empty space
 * @space: storage
 * @dev: the device, for tracepoints and messages
 * @coherency: how the device sees memory
 * @caches: for COHERENCY_NONCOHERENT; copied
 * @iommu: what stops an access outside of what was mapped
 * @dma_mask: highest bus address the device can drive
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
	space->tree = RB_ROOT_CACHED;
	if (coherency == COHERENCY_BOUNCE || coherency == COHERENCY_NATIVE)
		return 0;

	if (dma_mask >= 2 * BUS_BASE_HIGH - 1) {
		space->base = BUS_BASE_HIGH;
		space->nr_pages = BUS_PAGES_MAX;
	} else {
		/* The upper half of what the device reaches. */
		space->base = (dma_mask >> 1) + 1;
		space->nr_pages = min_t(u64, BUS_PAGES_MAX, space->base >> PAGE_SHIFT);
	}
	space->pages = bitmap_zalloc(space->nr_pages, GFP_KERNEL);
	space->by_page = kvcalloc(space->nr_pages, sizeof(*space->by_page), GFP_KERNEL);
	if (space->pages && space->by_page)
		return 0;
	kvfree(space->by_page);
	bitmap_free(space->pages);
	return -ENOMEM;
}

/* Bus page of an address of ours, or of none. */
static unsigned long page_of(const struct mapping_space *space, dma_addr_t bus)
{
	return (bus - space->base) >> PAGE_SHIFT;
}

/* Its pages are @owner's from now on. */
static void index_pages(struct mapping_space *space, const struct mapping *map,
			struct mapping *owner)
{
	unsigned long page;

	for (page = page_of(space, map->node.start); page <= page_of(space, map->node.last); page++)
		space->by_page[page] = owner;
}

static void index_remove(struct mapping_space *space, struct mapping *map)
{
	lockdep_assert_held(&space->lock);
	if (space->pages)
		index_pages(space, map, NULL);
	else
		interval_tree_remove(&map->node, &space->tree);
}

static void index_add(struct mapping_space *space, struct mapping *map)
{
	lockdep_assert_held(&space->lock);
	if (space->pages)
		index_pages(space, map, map);
	else
		interval_tree_insert(&map->node, &space->tree);
}

/* A mapping in the page of @bus. */
static struct mapping *index_page(struct mapping_space *space, dma_addr_t bus)
{
	struct interval_tree_node *node;

	lockdep_assert_held(&space->lock);
	if (space->pages && (bus < space->base || page_of(space, bus) >= space->nr_pages))
		return NULL;
	if (space->pages)
		return space->by_page[page_of(space, bus)];
	node = interval_tree_iter_first(&space->tree, bus & PAGE_MASK, bus | ~PAGE_MASK);
	return node ? container_of(node, struct mapping, node) : NULL;
}

/* The first mapping at @bus or after it. */
static struct mapping *index_next(struct mapping_space *space, dma_addr_t bus)
{
	struct interval_tree_node *node;
	/* A page is one mapping's: what lies at @bus or after it starts in another one. */
	unsigned long page = bus > space->base ? page_of(space, PAGE_ALIGN(bus)) : 0;

	if (space->pages) {
		page = find_next_bit(space->pages, space->nr_pages, page);
		return page < space->nr_pages ? space->by_page[page] : NULL;
	}
	node = interval_tree_iter_first(&space->tree, bus, ULONG_MAX);
	return node ? container_of(node, struct mapping, node) : NULL;
}

static void mapping_forget(struct mapping_space *space, struct mapping *map)
{
	lockdep_assert_held(&space->lock);
	index_remove(space, map);
	space->live--;
	if (space->pages)
		bitmap_clear(space->pages, page_of(space, map->node.start),
			     page_of(space, map->node.last) - page_of(space, map->node.start) + 1);
}

static bool has_shadow(const struct mapping_space *space, const struct mapping *map)
{
	return space->coherency == COHERENCY_NONCOHERENT && !map->coherent;
}

/**
 * mapping_space_destroy - end mapping_space_init()
 * @space: the space; the device no longer uses it
 *
 * Mappings still live are forgotten: their buffers are not the space's.
 *
 * Context: may sleep.
 */
void mapping_space_destroy(struct mapping_space *space)
{
	struct mapping *map;

	while ((map = index_next(space, 0))) {
		spin_lock_irq(&space->lock);
		mapping_forget(space, map);
		spin_unlock_irq(&space->lock);
		if (has_shadow(space, map))
			shadow_put(map->phys, map->size);
		kfree(map);
		cond_resched();
	}
	kvfree(space->by_page);
	bitmap_free(space->pages);
	space->pages = NULL;
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
	index_add(space, map);
	space->live++;
}

static void add_effect(struct mapping_space *space, const struct cache_effect *effect)
{
	lockdep_assert_held(&space->lock);
	space->effect.cleaned += effect->cleaned;
	space->effect.dropped += effect->dropped;
	space->effect.spared += effect->spared;
	if (effect->spared)
		trace_dmaloop_spared(space->dev, effect->spared);
}

/* A free run of pages, or ULONG_MAX. The cursor makes it next-fit. */
static unsigned long find_pages(struct mapping_space *space, unsigned long nr)
{
	unsigned long page;

	page = bitmap_find_next_zero_area(space->pages, space->nr_pages, space->cursor, nr, 0);
	if (page >= space->nr_pages)
		page = bitmap_find_next_zero_area(space->pages, space->nr_pages, 0, nr, 0);
	if (page >= space->nr_pages)
		return ULONG_MAX;
	bitmap_set(space->pages, page, nr);
	space->cursor = page + nr;
	return page;
}

/**
 * mapping_add - map a buffer for the device and hand it over
 * @space: the device's space
 * @phys: physical address of the buffer
 * @size: bytes
 * @dir: direction
 * @attrs: DMA_ATTR_*; DMA_ATTR_SKIP_CPU_SYNC leaves the caches alone
 * @coherent: coherent memory, for which no maintenance is ever done
 *
 * Context: any.
 * Return: the bus address, or DMA_MAPPING_ERROR.
 */
dma_addr_t mapping_add(struct mapping_space *space, phys_addr_t phys, size_t size,
		       enum dma_data_direction dir, unsigned long attrs, bool coherent)
{
	unsigned long offset = offset_in_page(phys), page, flags;
	struct cache_effect effect = {};
	struct mapping *map;
	dma_addr_t bus;

	if (!size)
		return DMA_MAPPING_ERROR;
	map = mapping_alloc(phys, size, dir, attrs, coherent);
	if (!map)
		return DMA_MAPPING_ERROR;
	if (has_shadow(space, map)) {
		if (shadow_get(phys, size))
			goto out_free;
		if (!(attrs & DMA_ATTR_SKIP_CPU_SYNC))
			shadow_for_device(&space->caches, phys, size, dir, &effect);
	}

	spin_lock_irqsave(&space->lock, flags);
	page = find_pages(space, PFN_UP(offset + size));
	if (page == ULONG_MAX) {
		spin_unlock_irqrestore(&space->lock, flags);
		goto out_shadow;
	}
	bus = space->base + ((dma_addr_t)page << PAGE_SHIFT) + offset;
	mapping_insert(space, map, bus);
	add_effect(space, &effect);
	spin_unlock_irqrestore(&space->lock, flags);
	return bus;

out_shadow:
	if (has_shadow(space, map))
		shadow_put(phys, size);
out_free:
	kfree(map);
	return DMA_MAPPING_ERROR;
}

/**
 * mapping_add_at - record a mapping that somebody else made
 * @space: the device's space
 * @bus: the bus address it got
 * @phys: physical address that the device reaches through it
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

static struct mapping *mapping_find(struct mapping_space *space, dma_addr_t bus)
{
	struct interval_tree_node *node;
	struct mapping *map;

	lockdep_assert_held(&space->lock);
	if (space->pages) {
		map = index_page(space, bus);
		return map && bus >= map->node.start && bus <= map->node.last ? map : NULL;
	}
	node = interval_tree_iter_first(&space->tree, bus, bus);
	return node ? container_of(node, struct mapping, node) : NULL;
}

/*
 * The mapping that starts at @bus. Where the kernel chose the addresses mappings may
 * overlap, and start together: then the one of that size.
 */
static struct mapping *mapping_find_start(struct mapping_space *space, dma_addr_t bus, size_t size)
{
	struct interval_tree_node *node;
	struct mapping *found = NULL;

	lockdep_assert_held(&space->lock);
	if (space->pages) {
		found = mapping_find(space, bus);
		return found && found->node.start == bus ? found : NULL;
	}
	for (node = interval_tree_iter_first(&space->tree, bus, bus); node;
	     node = interval_tree_iter_next(node, bus, bus)) {
		struct mapping *map = container_of(node, struct mapping, node);

		if (node->start == bus && (!found || map->size == size))
			found = map;
	}
	return found;
}

/**
 * mapping_remove - hand a buffer back to the CPU and unmap it
 * @space: the device's space
 * @bus: bus address; must be the one mapping_add() returned
 * @size: bytes, as the caller of the DMA API says
 * @dir: direction, as the caller of the DMA API says
 * @attrs: DMA_ATTR_SKIP_CPU_SYNC leaves the caches alone
 *
 * Cache maintenance follows what the caller said, as on real architectures;
 * it never goes past the end of what was mapped.
 *
 * Context: any.
 * Return: false when nothing is mapped there; that is a fault.
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
	if (has_shadow(space, map) && attrs & DMA_ATTR_SKIP_CPU_SYNC)
		shadow_skip(map->phys, map->size);
	else if (has_shadow(space, map))
		shadow_for_cpu(&space->caches, map->phys, min(size, map->size), dir, &effect);
	mapping_forget(space, map);
	add_effect(space, &effect);
	spin_unlock_irqrestore(&space->lock, flags);

	if (has_shadow(space, map))
		shadow_put(map->phys, map->size);
	kfree(map);
	return true;
}

/**
 * mapping_sync - hand part of a mapped buffer over
 * @space: the device's space
 * @bus: bus address inside a live mapping
 * @size: bytes
 * @dir: direction, as the caller of the DMA API says
 * @for_device: to the device, else to the CPU
 *
 * Context: any.
 * Return: false when the range is not inside one live mapping; that is a fault.
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
	if (inside && has_shadow(space, map)) {
		phys = map->phys + (bus - map->node.start);
		if (for_device)
			shadow_for_device(&space->caches, phys, size, dir, &effect);
		else
			shadow_for_cpu(&space->caches, phys, size, dir, &effect);
		add_effect(space, &effect);
	}
	spin_unlock_irqrestore(&space->lock, flags);
	if (!inside)
		mapping_fault(space, bus, size, false, FAULT_BAD_UNMAP);
	return inside;
}

static bool direction_allows(const struct mapping_space *space, const struct mapping *map,
			     bool write)
{
	/* A plain device has no IOMMU to stop it; only the address is checked. */
	if (map->dir == DMA_BIDIRECTIONAL || space->coherency == COHERENCY_BOUNCE ||
	    space->coherency == COHERENCY_NATIVE)
		return true;
	return write ? map->dir == DMA_FROM_DEVICE : map->dir == DMA_TO_DEVICE;
}

/* A short burst: word by word, in ascending order, each once, as drivers count on. */
static void write_words(u32 *to, const u32 *from, size_t size)
{
	for (; size; size -= sizeof(u32))
		WRITE_ONCE(*to++, *from++);
}

/* One mapping's share of an access, with the lock held. Returns bytes done or 0. */
static size_t access_one(struct mapping_space *space, struct mapping *map, dma_addr_t bus,
			 void *buf, size_t size, bool write)
{
	phys_addr_t phys = map->phys + (bus - map->node.start);
	size_t bytes = min_t(size_t, size, map->node.last - bus + 1);

	bytes = min_t(size_t, bytes, PAGE_SIZE - offset_in_page(phys));
	if (has_shadow(space, map)) {
		struct cache_effect effect = {};

		shadow_before_access(&space->caches, &space->rnd, phys, bytes, &effect);
		if (write)
			shadow_write(phys, buf, bytes);
		else
			shadow_read(phys, buf, bytes);
		shadow_after_access(&space->caches, &space->rnd, phys, bytes, &effect);
		add_effect(space, &effect);
	} else if (write && bytes <= BURST_MAX && IS_ALIGNED(phys | bytes, sizeof(u32))) {
		write_words(phys_to_virt(phys), buf, bytes);
	} else if (write) {
		memcpy(phys_to_virt(phys), buf, bytes);
	} else {
		memcpy(buf, phys_to_virt(phys), bytes);
	}
	return bytes;
}

static void record_fault(struct mapping_space *space, dma_addr_t bus, size_t size, bool write,
			 enum fault_reason reason)
{
	struct fault_record *record = &space->records[space->nr_records++ % FAULT_RECORDS];

	lockdep_assert_held(&space->lock);
	*record = (struct fault_record){ ktime_get_mono_fast_ns(), bus, size, write, reason };
	if (reason == FAULT_EXPOSED)
		space->exposed += size;
	else
		space->faults++;
	trace_dmaloop_fault(space->dev, bus, size, write, reason);
}

/*
 * An access beside a mapping, in a page of it: an IOMMU that maps whole pages lets
 * it through. It is made only in memory whose owner registered it to lose; other
 * memory reads as poison and is not written. Returns bytes done or 0.
 */
static size_t access_exposed(struct mapping_space *space, dma_addr_t bus, void *buf, size_t size,
			     bool write)
{
	struct mapping *map = index_page(space, bus), *next;
	dma_addr_t page = bus & PAGE_MASK;
	phys_addr_t phys;
	size_t bytes;

	if (!map || space->iommu != IOMMU_PAGE || !direction_allows(space, map, write))
		return 0;
	phys = map->phys + (bus - map->node.start);
	bytes = min_t(size_t, size, page + PAGE_SIZE - bus);
	if (bus < map->node.start)
		bytes = min_t(size_t, bytes, map->node.start - bus);
	next = index_next(space, bus);
	if (next && next->node.start > bus)
		bytes = min_t(size_t, bytes, next->node.start - bus);
	record_fault(space, bus, bytes, write, FAULT_EXPOSED);
	if (has_shadow(space, map) && write)
		shadow_write(phys, buf, bytes);
	else if (has_shadow(space, map))
		shadow_read(phys, buf, bytes);
	else if (!space->caches.unsafe && !playground_covers(phys_to_virt(phys), bytes))
		memset(buf, SHADOW_POISON, write ? 0 : bytes);
	else if (write)
		memcpy(phys_to_virt(phys), buf, bytes);
	else
		memcpy(buf, phys_to_virt(phys), bytes);
	return bytes;
}

/**
 * mapping_access - the device reads or writes memory
 * @space: the device's space
 * @bus: bus address
 * @buf: where the bytes go, or come from
 * @size: bytes
 * @write: the device writes memory
 *
 * The lock is dropped between pages, so that a long access does not keep
 * interrupts off; a mapping that goes away meanwhile ends it with a fault.
 *
 * Context: any.
 * Return: 0; -EFAULT when some byte may not be accessed (it is a fault, and
 * nothing from that byte on is touched).
 */
int mapping_access(struct mapping_space *space, dma_addr_t bus, void *buf, size_t size, bool write)
{
	trace_dmaloop_device_access(space->dev, bus, size, write);

	while (size) {
		enum fault_reason reason = FAULT_UNMAPPED;
		struct mapping *map;
		size_t bytes = 0;

		guard(spinlock_irqsave)(&space->lock);
		map = mapping_find(space, bus);
		if (map && !direction_allows(space, map, write))
			reason = FAULT_DIRECTION;
		else if (map)
			bytes = access_one(space, map, bus, buf, size, write);
		else
			bytes = access_exposed(space, bus, buf, size, write);
		if (!bytes) {
			record_fault(space, bus, size, write, reason);
			return -EFAULT;
		}
		bus += bytes;
		buf += bytes;
		size -= bytes;
	}
	return 0;
}

/* A copy in which no cache and no fault has a say. Returns bytes done or 0. */
static size_t copy_direct(struct mapping_space *space, dma_addr_t dst, dma_addr_t src, size_t size)
{
	struct mapping *from, *to;
	void *to_virt, *from_virt;

	guard(spinlock_irqsave)(&space->lock);
	from = mapping_find(space, src);
	to = mapping_find(space, dst);
	if (!from || !to || has_shadow(space, from) || has_shadow(space, to) ||
	    !direction_allows(space, from, false) || !direction_allows(space, to, true))
		return 0;
	size = min_t(size_t, size, COPY_MAX);
	size = min_t(size_t, size, from->node.last - src + 1);
	size = min_t(size_t, size, to->node.last - dst + 1);
	trace_dmaloop_device_access(space->dev, src, size, false);
	trace_dmaloop_device_access(space->dev, dst, size, true);
	to_virt = phys_to_virt(to->phys + (dst - to->node.start));
	from_virt = phys_to_virt(from->phys + (src - from->node.start));
	if (to_virt + size <= from_virt || from_virt + size <= to_virt)
		memcpy(to_virt, from_virt, size);
	else
		memmove(to_virt, from_virt, size);
	return size;
}

/**
 * mapping_copy - the device copies memory
 * @space: the device's space
 * @dst: bus address to write to
 * @src: bus address to read from
 * @size: bytes
 * @scratch: the device's own buffer, for what cannot be copied at once
 * @scratch_size: its size in bytes
 *
 * Context: any.
 * Return: 0 or -EFAULT, see mapping_access().
 */
int mapping_copy(struct mapping_space *space, dma_addr_t dst, dma_addr_t src, size_t size,
		 void *scratch, size_t scratch_size)
{
	while (size) {
		size_t bytes = copy_direct(space, dst, src, size);

		if (!bytes) {
			bytes = min(size, scratch_size);
			if (mapping_access(space, src, scratch, bytes, false) ||
			    mapping_access(space, dst, scratch, bytes, true))
				return -EFAULT;
		}
		dst += bytes;
		src += bytes;
		size -= bytes;
	}
	return 0;
}

/**
 * mapping_fill - the device writes one byte all over
 * @space: the device's space
 * @dst: bus address to write to
 * @byte: what
 * @size: bytes
 * @scratch: the device's own buffer
 * @scratch_size: its size in bytes
 *
 * Context: any.
 * Return: 0 or -EFAULT, see mapping_access().
 */
int mapping_fill(struct mapping_space *space, dma_addr_t dst, u8 byte, size_t size, void *scratch,
		 size_t scratch_size)
{
	memset(scratch, byte, min(size, scratch_size));
	while (size) {
		size_t bytes = min(size, scratch_size);

		if (mapping_access(space, dst, scratch, bytes, true))
			return -EFAULT;
		dst += bytes;
		size -= bytes;
	}
	return 0;
}

/**
 * mapping_xor - the device XORs memory into memory
 * @space: the device's space
 * @dst: bus address to change; must be mapped both ways
 * @src: bus address to read from
 * @size: bytes
 * @scratch: the device's own buffer
 * @scratch_size: its size in bytes, even
 *
 * Context: any.
 * Return: 0 or -EFAULT, see mapping_access().
 */
int mapping_xor(struct mapping_space *space, dma_addr_t dst, dma_addr_t src, size_t size,
		void *scratch, size_t scratch_size)
{
	u8 *from = scratch, *to = scratch + scratch_size / 2;

	while (size) {
		size_t bytes = min(size, scratch_size / 2), i;

		if (mapping_access(space, src, from, bytes, false) ||
		    mapping_access(space, dst, to, bytes, false))
			return -EFAULT;
		for (i = 0; i < bytes; i++)
			to[i] ^= from[i];
		if (mapping_access(space, dst, to, bytes, true))
			return -EFAULT;
		src += bytes;
		dst += bytes;
		size -= bytes;
	}
	return 0;
}

/**
 * mapping_test - the device looks whether memory is all 0
 * @space: the device's space
 * @src: bus address to read from
 * @size: bytes
 * @scratch: the device's own buffer
 * @scratch_size: its size in bytes
 * @nonzero: out: set when a byte is not 0, else left alone
 *
 * Context: any.
 * Return: 0 or -EFAULT, see mapping_access().
 */
int mapping_test(struct mapping_space *space, dma_addr_t src, size_t size, void *scratch,
		 size_t scratch_size, bool *nonzero)
{
	while (size) {
		size_t bytes = min(size, scratch_size);

		if (mapping_access(space, src, scratch, bytes, false))
			return -EFAULT;
		if (memchr_inv(scratch, 0, bytes))
			*nonzero = true;
		src += bytes;
		size -= bytes;
	}
	return 0;
}

/**
 * mapping_fault - record an access that did not happen
 * @space: the device's space
 * @bus: bus address
 * @size: bytes
 * @write: the device wanted to write
 * @reason: why not
 *
 * Context: any.
 */
void mapping_fault(struct mapping_space *space, dma_addr_t bus, size_t size, bool write,
		   enum fault_reason reason)
{
	guard(spinlock_irqsave)(&space->lock);
	record_fault(space, bus, size, write, reason);
}

/**
 * mapping_exposure - what else the device could reach
 * @space: the device's space
 *
 * Behind an IOMMU that maps whole pages: the bytes that lie in mapped pages
 * without being mapped.
 *
 * Context: any.
 * Return: bytes, over all live mappings.
 */
u64 mapping_exposure(struct mapping_space *space)
{
	struct mapping *map;
	u64 bytes = 0;

	guard(spinlock_irqsave)(&space->lock);
	for (map = index_next(space, 0); map; map = index_next(space, map->node.last + 1)) {
		u64 start = map->node.start & PAGE_MASK, end = PAGE_ALIGN(map->node.last + 1);

		bytes += (end - start) - (map->node.last + 1 - map->node.start);
		if (map->node.last == ULONG_MAX)
			break;
	}
	return bytes;
}
