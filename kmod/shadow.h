/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DRAM: the shadow pages that a non-coherent device sees instead of the CPU's memory, and the
 * playgrounds in which whole-line effects may be real.
 *
 * This connects the cache model, which is pure C, to the kernel: allocation, locking and look-up by
 * page. Used by mapping.c (handovers) and mapping_access.c (device accesses).
 */
#ifndef DMALOOP_SHADOW_H
#define DMALOOP_SHADOW_H

#include <linux/dma-direction.h>
#include <linux/prandom.h>
#include <linux/types.h>

#include "arch_maintenance.h"

/* The value of a byte of DRAM that nobody has cleaned or written yet. */
#define SHADOW_POISON 0xda

enum shadow_evict { EVICT_NONE, EVICT_EAGER, EVICT_RANDOM };

/**
 * enum shadow_maintenance - which maintenance the handovers do
 * @MAINTENANCE_ARCH: that of the architecture
 * @MAINTENANCE_NONE: none
 * @MAINTENANCE_NOT_FOR_DEVICE: none at map and sync_for_device
 * @MAINTENANCE_NOT_FOR_CPU: none at unmap and sync_for_cpu
 * @MAINTENANCE_ALWAYS: that of the architecture, and every line is flushed before and after every
 *	device access; what still fails then is not caused by caches
 */
enum shadow_maintenance {
	MAINTENANCE_ARCH,
	MAINTENANCE_NONE,
	MAINTENANCE_NOT_FOR_DEVICE,
	MAINTENANCE_NOT_FOR_CPU,
	MAINTENANCE_ALWAYS,
};

/**
 * struct shadow_config - the caches in front of one device
 * @arch: the architecture, which determines the maintenance of each handover
 * @maintenance: which part of it is done
 * @line_size: bytes; see cache_line_size_valid()
 * @evict: which dirty lines the hardware writes back by itself
 * @evict_permille: for EVICT_RANDOM: chance per line, before and after a device access, in permille
 * @evict_seed: for EVICT_RANDOM: the same seed gives the same evictions
 * @prefetch: clean lines are filled again after each device access
 * @unsafe: whole-line effects reach outside playgrounds too
 */
struct shadow_config {
	const struct handover_arch *arch;
	enum shadow_maintenance maintenance;
	u32 line_size;
	enum shadow_evict evict;
	u32 evict_permille;
	u32 evict_seed;
	bool prefetch;
	bool unsafe;
};

/**
 * struct playground - memory whose owner accepts whole-line effects
 * @start: kernel virtual address of the first byte
 * @size: bytes
 * @node: entry in the list in shadow.c while it is registered
 */
struct playground {
	void *start;
	size_t size;
	struct list_head node;
};

void playground_add(struct playground *pg, void *start, size_t size);
void playground_remove(struct playground *pg);
bool playground_covers(const void *start, size_t size);

int shadow_get(phys_addr_t phys, size_t size);
void shadow_put(phys_addr_t phys, size_t size);
void shadow_for_device(const struct shadow_config *config, phys_addr_t phys, size_t size,
		       enum dma_data_direction dir, struct cache_effect *effect);
void shadow_for_cpu(const struct shadow_config *config, phys_addr_t phys, size_t size,
		    enum dma_data_direction dir, struct cache_effect *effect);
void shadow_skip(phys_addr_t phys, size_t size);
void shadow_read(phys_addr_t phys, void *to, size_t size);
void shadow_write(phys_addr_t phys, const void *from, size_t size);
void shadow_before_access(const struct shadow_config *config, struct rnd_state *rnd,
			  phys_addr_t phys, size_t size, struct cache_effect *effect);
void shadow_after_access(const struct shadow_config *config, struct rnd_state *rnd,
			 phys_addr_t phys, size_t size, struct cache_effect *effect);
bool shadow_empty(void);

#endif
