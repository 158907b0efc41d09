// SPDX-License-Identifier: GPL-2.0
/*
 * The device's accesses, through its mappings. An access that no mapping allows does not happen and
 * is recorded as a fault.
 */
#include <linux/mm.h>
#include <linux/sizes.h>

#include "mapping_index.h"
#include "trace.h"

#define BURST_MAX 32u

/* Maximum number of bytes to copy with interrupts off. */
#define COPY_MAX SZ_64K

const char *const fault_reason_names[NR_FAULT_REASONS] = {
	[FAULT_UNMAPPED] = "not mapped",	 [FAULT_DIRECTION] = "direction",
	[FAULT_BAD_UNMAP] = "bad unmap or sync", [FAULT_BAD_DESCRIPTOR] = "bad descriptor",
	[FAULT_EXPOSED] = "sub-page exposure",
};

static bool direction_allows(const struct mapping_space *space, const struct mapping *map,
			     bool write)
{
	/* A plain device has no IOMMU, so only the address is checked. */
	if (map->dir == DMA_BIDIRECTIONAL || space->coherency == COHERENCY_BOUNCE ||
	    space->coherency == COHERENCY_NATIVE)
		return true;
	return write ? map->dir == DMA_FROM_DEVICE : map->dir == DMA_TO_DEVICE;
}

/* Write a short burst word by word, in ascending order and each word once. Drivers rely on that. */
static void write_words(u32 *to, const u32 *from, size_t size)
{
	for (; size; size -= sizeof(u32))
		WRITE_ONCE(*to++, *from++);
}

/*
 * Do the part of an access that lies in one page of one mapping. Called with the lock held. Returns
 * the bytes done, or 0.
 */
static size_t access_one(struct mapping_space *space, struct mapping *map, dma_addr_t bus,
			 void *buf, size_t size, bool write)
{
	phys_addr_t phys = map->phys + (bus - map->node.start);
	size_t bytes = min_t(size_t, size, map->node.last - bus + 1);

	bytes = min_t(size_t, bytes, PAGE_SIZE - offset_in_page(phys));
	if (mapping_has_shadow(space, map)) {
		struct cache_effect effect = {};

		shadow_before_access(&space->caches, &space->rnd, phys, bytes, &effect);
		if (write)
			shadow_write(phys, buf, bytes);
		else
			shadow_read(phys, buf, bytes);
		shadow_after_access(&space->caches, &space->rnd, phys, bytes, &effect);
		mapping_add_effect(space, &effect);
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
 * An access beside a mapping, in one of its pages. An IOMMU that maps whole pages lets it through.
 * Only memory that its owner registered as a playground is accessed; other memory reads as poison
 * and is not written. Returns the bytes done, or 0.
 */
static size_t access_exposed(struct mapping_space *space, dma_addr_t bus, void *buf, size_t size,
			     bool write)
{
	struct mapping *map = mapping_index_page(space, bus), *next;
	dma_addr_t page = bus & PAGE_MASK;
	phys_addr_t phys;
	size_t bytes;

	if (!map || space->iommu != IOMMU_PAGE || !direction_allows(space, map, write))
		return 0;
	phys = map->phys + (bus - map->node.start);
	bytes = min_t(size_t, size, page + PAGE_SIZE - bus);
	if (bus < map->node.start)
		bytes = min_t(size_t, bytes, map->node.start - bus);
	next = mapping_index_next(space, bus);
	if (next && next->node.start > bus)
		bytes = min_t(size_t, bytes, next->node.start - bus);
	record_fault(space, bus, bytes, write, FAULT_EXPOSED);
	if (mapping_has_shadow(space, map) && write)
		shadow_write(phys, buf, bytes);
	else if (mapping_has_shadow(space, map))
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
 * @bus: DMA address
 * @buf: where the bytes go to or come from
 * @size: bytes
 * @write: true if the device writes memory
 *
 * The lock is dropped between pages, so that a long access does not keep interrupts off. If the
 * mapping goes away in the meantime, the access ends with a fault.
 *
 * Context: any.
 * Return: 0, or -EFAULT if some byte may not be accessed. That is recorded as a fault, and the
 * access stops before that byte.
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

/* Copy at once, if no cache is modelled and nothing can fault. Returns the bytes done, or 0. */
static size_t copy_direct(struct mapping_space *space, dma_addr_t dst, dma_addr_t src, size_t size)
{
	struct mapping *from, *to;
	void *to_virt, *from_virt;

	guard(spinlock_irqsave)(&space->lock);
	from = mapping_find(space, src);
	to = mapping_find(space, dst);
	if (!from || !to || mapping_has_shadow(space, from) || mapping_has_shadow(space, to) ||
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
 * @dst: DMA address to write to
 * @src: DMA address to read from
 * @size: bytes
 * @scratch: the device's own buffer, for bytes that cannot be copied at once
 * @scratch_size: size of @scratch in bytes
 *
 * Context: any.
 * Return: 0 or -EFAULT; see mapping_access().
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
 * mapping_fill - the device fills memory with one byte
 * @space: the device's space
 * @dst: DMA address to write to
 * @byte: the byte
 * @size: bytes
 * @scratch: the device's own buffer
 * @scratch_size: size of @scratch in bytes
 *
 * Context: any.
 * Return: 0 or -EFAULT; see mapping_access().
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
 * @dst: DMA address to change; must be mapped bidirectionally
 * @src: DMA address to read from
 * @size: bytes
 * @scratch: the device's own buffer
 * @scratch_size: size of @scratch in bytes; even
 *
 * Context: any.
 * Return: 0 or -EFAULT; see mapping_access().
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
 * mapping_test - the device tests whether memory is all 0
 * @space: the device's space
 * @src: DMA address to read from
 * @size: bytes
 * @scratch: the device's own buffer
 * @scratch_size: size of @scratch in bytes
 * @nonzero: out: set to true if a byte is not 0, otherwise left alone
 *
 * Context: any.
 * Return: 0 or -EFAULT; see mapping_access().
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
 * @bus: DMA address
 * @size: bytes
 * @write: the device wanted to write
 * @reason: why it did not happen
 *
 * Context: any.
 */
void mapping_fault(struct mapping_space *space, dma_addr_t bus, size_t size, bool write,
		   enum fault_reason reason)
{
	guard(spinlock_irqsave)(&space->lock);
	record_fault(space, bus, size, write, reason);
}
