/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The cache maintenance of each handover, per architecture.
 *
 * Pure C, like cache_model.h. configfs takes the names from the table in arch_maintenance.c. The
 * command line and the KUnit suite have the names, too: their predictions must not depend on the
 * table.
 */
#ifndef DMALOOP_ARCH_MAINTENANCE_H
#define DMALOOP_ARCH_MAINTENANCE_H

#include "cache_model.h"

/* The same values as enum dma_data_direction (include/linux/dma-direction.h). */
enum handover_dir {
	HANDOVER_BIDIRECTIONAL,
	HANDOVER_TO_DEVICE,
	HANDOVER_FROM_DEVICE,
	NR_HANDOVER_DIRS,
};

/* Rows of handover_archs[]. */
enum { HANDOVER_ARM, HANDOVER_ARM64, HANDOVER_MIPS, HANDOVER_RISCV };

/**
 * struct handover_ops - the maintenance of one handover
 * @inner: operation for lines that lie wholly inside the buffer
 * @edge: operation for lines that the buffer covers only in part
 */
struct handover_ops {
	enum cache_op inner;
	enum cache_op edge;
};

/**
 * struct handover_arch - one architecture's row
 * @name: its name in configfs and on the command line
 * @for_device: maintenance of map and sync_for_device, by direction
 * @for_cpu: maintenance of unmap and sync_for_cpu, by direction
 * @source: the kernel files that the row is taken from
 */
struct handover_arch {
	const char *name;
	struct handover_ops for_device[NR_HANDOVER_DIRS];
	struct handover_ops for_cpu[NR_HANDOVER_DIRS];
	const char *source;
};

extern const struct handover_arch handover_archs[];
extern const unsigned int nr_handover_archs;

const struct handover_arch *handover_find_arch(const char *name);
void handover_apply(const struct handover_ops *ops, const struct cache_page *page, u32 line_size,
		    u32 start, u32 end, bool starts_here, bool ends_here,
		    const struct cache_range *permit, unsigned int nr_permit,
		    struct cache_effect *effect);

#endif
