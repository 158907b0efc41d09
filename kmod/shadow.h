/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DRAM: the shadow pages that a non-coherent device sees instead of the CPU's
 * memory, and the playgrounds in which whole-line effects may be real.
 *
 * Glue between the cache model (pure) and the kernel: allocation, locking,
 * lookup by page. Used by dma_ops.c (handovers) and mapping.c (device access).
 */
#ifndef DMALOOP_SHADOW_H
#define DMALOOP_SHADOW_H

#include <linux/dma-direction.h>
#include <linux/prandom.h>
#include <linux/types.h>

#include "handover.h"

/* What a byte of DRAM holds before anybody cleaned or wrote it. */
#define SHADOW_POISON 0xda

enum shadow_evict { EVICT_NONE, EVICT_EAGER, EVICT_RANDOM };

/**
 * enum shadow_maintenance - which maintenance a handover does
 * @MAINTENANCE_ARCH: the architecture's
 * @MAINTENANCE_NONE: none
 * @MAINTENANCE_NOT_FOR_DEVICE: none at map and sync_for_device
 * @MAINTENANCE_NOT_FOR_CPU: none at unmap and sync_for_cpu
 * @MAINTENANCE_ALWAYS: the architecture's, and every line is flushed around every
 *	access of the device: what still fails then is no matter of caches
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
 * @arch: which maintenance each handover does
 * @maintenance: how much of it is done
 * @line_size: bytes, see cache_line_size_valid()
 * @evict: which dirty lines the hardware writes back on its own
 * @evict_permille: for EVICT_RANDOM, chance per line before a device access, and after
 * @evict_seed: for EVICT_RANDOM; same seed, same evictions
 * @prefetch: clean lines are re-filled after each device access
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
 * @node: on the list in shadow.c while registered
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
