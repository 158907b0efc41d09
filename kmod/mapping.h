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

/**
 * enum dmaloop_coherency - how a device sees memory
 * @COHERENCY_COHERENT: as the CPU does
 * @COHERENCY_NONCOHERENT: behind the modelled cache
 * @COHERENCY_BOUNCE: through the kernel's swiotlb, which must be forced
 * @COHERENCY_NATIVE: however this machine and kernel have it
 */
enum dmaloop_coherency {
	COHERENCY_COHERENT,
	COHERENCY_NONCOHERENT,
	COHERENCY_BOUNCE,
	COHERENCY_NATIVE,
};

/**
 * enum dmaloop_iommu - what stops an access outside of what was mapped
 * @IOMMU_EXACT: every byte that is not mapped; stricter than hardware
 * @IOMMU_PAGE: pages that nothing is mapped in, as an IOMMU; the rest of a mapped
 *	page is exposed
 */
enum dmaloop_iommu { IOMMU_EXACT, IOMMU_PAGE };

/**
 * enum fault_reason - why an access did not happen
 * @FAULT_UNMAPPED: no live mapping covers the address
 * @FAULT_DIRECTION: the mapping's direction forbids it
 * @FAULT_BAD_UNMAP: unmap or sync of an address that is not mapped
 * @FAULT_BAD_DESCRIPTOR: the engine read a descriptor it cannot execute
 * @FAULT_EXPOSED: no fault: beside a mapping, in its page, and so it happened
 */
enum fault_reason {
	FAULT_UNMAPPED,
	FAULT_DIRECTION,
	FAULT_BAD_UNMAP,
	FAULT_BAD_DESCRIPTOR,
	FAULT_EXPOSED,
	NR_FAULT_REASONS,
};

extern const char *const fault_reason_names[NR_FAULT_REASONS];

/**
 * struct fault_record - one access that did not happen
 * @time: when, in ns since boot
 * @bus: bus address
 * @size: bytes
 * @write: the device wanted to write
 * @reason: why not
 */
struct fault_record {
	u64 time;
	u64 bus;
	u64 size;
	bool write;
	enum fault_reason reason;
};

#define FAULT_RECORDS 16u

/**
 * struct mapping - one live mapping
 * @node: [first, last] bus address; in the space's tree if it has one
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
 * @iommu: what stops an access outside of what was mapped
 * @lock: protects all below; taken in any context
 * @tree: live mappings by bus address, where the kernel chose it (bounce, native)
 * @by_page: live mappings by page from @base, where we did: none shares a page, and
 *	finding one costs the same however many there are
 * @live: mappings
 * @pages: bitmap of bus-address pages in use, from @base
 * @base: first bus address handed out
 * @nr_pages: bits in @pages
 * @cursor: where the next search starts, so that addresses are not reused soon
 * @rnd: for random eviction
 * @effect: what the cache model did, summed
 * @faults: accesses that did not happen, summed
 * @exposed: bytes accessed beside a mapping, in its page
 * @records: the last FAULT_RECORDS of both; the next one goes to @nr_records modulo
 * @nr_records: recorded so far
 */
struct mapping_space {
	struct device *dev;
	enum dmaloop_coherency coherency;
	struct shadow_config caches;
	enum dmaloop_iommu iommu;
	spinlock_t lock;
	struct rb_root_cached tree;
	struct mapping **by_page;
	unsigned int live;
	unsigned long *pages;
	dma_addr_t base;
	unsigned long nr_pages;
	unsigned long cursor;
	struct rnd_state rnd;
	struct cache_effect effect;
	unsigned int faults;
	u64 exposed;
	struct fault_record records[FAULT_RECORDS];
	u32 nr_records;
};

/* Is the mapping's memory behind the modelled cache? */
static inline bool mapping_has_shadow(const struct mapping_space *space, const struct mapping *map)
{
	return space->coherency == COHERENCY_NONCOHERENT && !map->coherent;
}

int mapping_space_init(struct mapping_space *space, struct device *dev,
		       enum dmaloop_coherency coherency, const struct shadow_config *caches,
		       enum dmaloop_iommu iommu, u64 dma_mask);
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
int mapping_copy(struct mapping_space *space, dma_addr_t dst, dma_addr_t src, size_t size,
		 void *scratch, size_t scratch_size);
int mapping_fill(struct mapping_space *space, dma_addr_t dst, u8 byte, size_t size, void *scratch,
		 size_t scratch_size);
int mapping_xor(struct mapping_space *space, dma_addr_t dst, dma_addr_t src, size_t size,
		void *scratch, size_t scratch_size);
int mapping_test(struct mapping_space *space, dma_addr_t src, size_t size, void *scratch,
		 size_t scratch_size, bool *nonzero);
void mapping_fault(struct mapping_space *space, dma_addr_t bus, size_t size, bool write,
		   enum fault_reason reason);
void mapping_add_effect(struct mapping_space *space, const struct cache_effect *effect);
u64 mapping_exposure(struct mapping_space *space);

#endif
