/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The live mappings of one device, and its view of memory through them: an IOMMU in miniature.
 * Every device access goes through mapping_access(). An access that no live mapping covers, or that
 * goes against a mapping's direction, does not happen and is recorded as a fault.
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
 * @COHERENCY_NATIVE: in whatever way this machine and kernel do it
 */
enum dmaloop_coherency {
	COHERENCY_COHERENT,
	COHERENCY_NONCOHERENT,
	COHERENCY_BOUNCE,
	COHERENCY_NATIVE,
};

/**
 * enum dmaloop_iommu - which accesses outside of the mappings are stopped
 * @IOMMU_EXACT: accesses to any byte that is not mapped; stricter than hardware
 * @IOMMU_PAGE: accesses to pages that contain no mapping, like an IOMMU; the rest of a mapped page
 *	is exposed
 */
enum dmaloop_iommu { IOMMU_EXACT, IOMMU_PAGE };

/**
 * enum fault_reason - why an access did not happen
 * @FAULT_UNMAPPED: no live mapping covers the address
 * @FAULT_DIRECTION: the mapping's direction forbids it
 * @FAULT_BAD_UNMAP: the unmapped or synced address is not mapped
 * @FAULT_BAD_DESCRIPTOR: the engine read a descriptor that it cannot execute
 * @FAULT_EXPOSED: not a fault: the access was beside a mapping, in its page, and it happened
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
 * @time: time in ns since boot
 * @bus: DMA address
 * @size: bytes
 * @write: the device wanted to write
 * @reason: why it did not happen
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
 * @node: first and last DMA address; in the space's tree if there is one
 * @phys: physical address of the CPU's buffer; for a plain device, of the memory that the device
 *	reaches
 * @size: bytes
 * @dir: direction given to map
 * @attrs: attributes given to map
 * @coherent: coherent memory, so CPU and device see the same bytes
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
 * struct mapping_space - everything that one device can reach
 * @dev: the device, for tracepoints and messages
 * @coherency: how the device sees memory
 * @caches: the caches, for COHERENCY_NONCOHERENT
 * @iommu: which accesses outside of the mappings are stopped
 * @lock: protects all members below; taken in any context
 * @tree: live mappings by DMA address, if the kernel chose the addresses (bounce, native)
 * @by_page: live mappings by page from @base, if we chose the addresses: no two mappings share a
 *	page, and a look-up costs the same however many there are
 * @live: number of live mappings
 * @pages: bitmap of the pages of DMA addresses in use, from @base
 * @base: the lowest DMA address to hand out
 * @nr_pages: number of bits in @pages
 * @cursor: page where the next search starts, so that addresses are not reused soon
 * @rnd: random state for evictions
 * @effect: sum of what the cache model did
 * @faults: number of accesses that did not happen
 * @exposed: number of bytes accessed beside a mapping, in its page
 * @records: ring buffer of the last FAULT_RECORDS accesses counted in @faults or @exposed
 * @nr_records: number of accesses recorded so far; modulo FAULT_RECORDS, the next entry in @records
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
