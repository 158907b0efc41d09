/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The live mappings of one device and the device's view through them: an
 * IOMMU in miniature. Every device access goes through mapping_access(); what
 * no live mapping covers, or what goes against a mapping's direction, does not
 * happen and is recorded as a fault.
 */
#ifndef DMALOOP_MAPPING_H
#define DMALOOP_MAPPING_H

#include <linux/dma-mapping.h>
#include <linux/interval_tree.h>
#include <linux/spinlock.h>

#include "shadow.h"

enum dmaloop_coherency { COHERENCY_COHERENT, COHERENCY_NONCOHERENT, COHERENCY_BOUNCE };

/**
 * enum fault_reason - why an access did not happen
 * @FAULT_UNMAPPED: no live mapping covers the address
 * @FAULT_DIRECTION: the mapping's direction forbids it
 * @FAULT_BAD_UNMAP: unmap or sync of an address that is not mapped
 * @FAULT_BAD_DESCRIPTOR: the engine read a descriptor it cannot execute
 */
enum fault_reason {
	FAULT_UNMAPPED,
	FAULT_DIRECTION,
	FAULT_BAD_UNMAP,
	FAULT_BAD_DESCRIPTOR,
};

/**
 * struct mapping - one live mapping
 * @node: [first, last] bus address, in the space's tree
 * @phys: physical address of the CPU's buffer (of the device's, for plain mappings)
 * @size: bytes
 * @dir: direction given at map
 * @attrs: attributes given at map
 * @coherent: coherent memory: CPU and device see the same bytes
 */
struct mapping {
	struct interval_tree_node node;
	phys_addr_t phys;
	size_t size;
	enum dma_data_direction dir;
	unsigned long attrs;
	bool coherent;
};

/**
 * struct mapping_space - everything one device can reach
 * @dev: the device, for tracepoints
 * @coherency: how the device sees memory
 * @caches: for COHERENCY_NONCOHERENT
 * @lock: protects all below; taken in any context
 * @tree: live mappings by bus address
 * @live: mappings in @tree
 * @pages: bitmap of bus-address pages in use, from @base
 * @base: first bus address handed out
 * @nr_pages: bits in @pages
 * @cursor: where the next search starts, so that addresses are not reused soon
 * @rnd: for random eviction
 * @effect: what the cache model did, summed
 * @faults: accesses that did not happen, summed
 */
struct mapping_space {
	struct device *dev;
	enum dmaloop_coherency coherency;
	struct shadow_config caches;
	spinlock_t lock;
	struct rb_root_cached tree;
	unsigned int live;
	unsigned long *pages;
	dma_addr_t base;
	unsigned long nr_pages;
	unsigned long cursor;
	struct rnd_state rnd;
	struct cache_effect effect;
	unsigned int faults;
};

int mapping_space_init(struct mapping_space *space, struct device *dev,
		       enum dmaloop_coherency coherency, const struct shadow_config *caches,
		       u64 dma_mask);
void mapping_space_destroy(struct mapping_space *space);

dma_addr_t mapping_add(struct mapping_space *space, phys_addr_t phys, size_t size,
		       enum dma_data_direction dir, unsigned long attrs, bool coherent);
int mapping_add_at(struct mapping_space *space, dma_addr_t bus, phys_addr_t phys, size_t size,
		   enum dma_data_direction dir, unsigned long attrs);
bool mapping_remove(struct mapping_space *space, dma_addr_t bus, size_t size,
		    enum dma_data_direction dir, unsigned long attrs);
bool mapping_sync(struct mapping_space *space, dma_addr_t bus, size_t size,
		  enum dma_data_direction dir, bool for_device);
int mapping_access(struct mapping_space *space, dma_addr_t bus, void *buf, size_t size, bool write);
void mapping_fault(struct mapping_space *space, dma_addr_t bus, size_t size, bool write,
		   enum fault_reason reason);

#endif
