// SPDX-License-Identifier: GPL-2.0
/*
 * The architectures' handover tables, taken from arch_sync_dma_for_device() and
 * arch_sync_dma_for_cpu() of Linux 6.12, and their application to one page. Called by shadow.c with
 * the page's lock held, and by KUnit.
 *
 * The rows contain only cache maintenance. That arm64 and riscv bounce small unaligned kmalloc()
 * buffers (DMA_BOUNCE_UNALIGNED_KMALLOC) is not modelled.
 */
#include <linux/array_size.h>
#include <linux/build_bug.h>
#include <linux/string.h>

#include "arch_maintenance.h"

#define ALL(op)        \
	{              \
		op, op \
	}
#define EDGE(inner_op, edge_op)   \
	{                         \
		inner_op, edge_op \
	}

const struct handover_arch handover_archs[] = {
	[HANDOVER_ARM] = {
		/*
		 * v7_dma_map_area invalidates for FROM_DEVICE and otherwise cleans.
		 * v7_dma_unmap_area invalidates unless TO_DEVICE. v7_dma_inv_range cleans and
		 * invalidates a partial edge line.
		 */
		.name = "arm",
		.for_device = {
			[HANDOVER_BIDIRECTIONAL] = ALL(CACHE_CLEAN),
			[HANDOVER_TO_DEVICE] = ALL(CACHE_CLEAN),
			[HANDOVER_FROM_DEVICE] = EDGE(CACHE_INVALIDATE, CACHE_FLUSH),
		},
		.for_cpu = {
			[HANDOVER_BIDIRECTIONAL] = EDGE(CACHE_INVALIDATE, CACHE_FLUSH),
			[HANDOVER_TO_DEVICE] = ALL(CACHE_NONE),
			[HANDOVER_FROM_DEVICE] = EDGE(CACHE_INVALIDATE, CACHE_FLUSH),
		},
		.source = "arch/arm/mm/cache-v7.S",
	},
	[HANDOVER_ARM64] = {
		/*
		 * dcache_clean_poc for every direction, so that no dirty line can be evicted over
		 * what the device writes. dcache_inval_poc cleans and invalidates a partial edge
		 * line "to prevent data loss": it keeps the neighbour's data at the buffer's
		 * expense.
		 */
		.name = "arm64",
		.for_device = {
			[HANDOVER_BIDIRECTIONAL] = ALL(CACHE_CLEAN),
			[HANDOVER_TO_DEVICE] = ALL(CACHE_CLEAN),
			[HANDOVER_FROM_DEVICE] = ALL(CACHE_CLEAN),
		},
		.for_cpu = {
			[HANDOVER_BIDIRECTIONAL] = EDGE(CACHE_INVALIDATE, CACHE_FLUSH),
			[HANDOVER_TO_DEVICE] = ALL(CACHE_NONE),
			[HANDOVER_FROM_DEVICE] = EDGE(CACHE_INVALIDATE, CACHE_FLUSH),
		},
		.source = "arch/arm64/mm/dma-mapping.c, arch/arm64/mm/cache.S",
	},
	[HANDOVER_MIPS] = {
		/*
		 * dma_sync_virt_for_device() and dma_sync_virt_for_cpu(). r4k_dma_cache_inv
		 * invalidates partial lines like any others. _dma_cache_wback is
		 * r4k_dma_cache_wback_inv, which flushes. The row is for a CPU that needs the
		 * post-DMA flush (cpu_needs_post_dma_flush).
		 */
		.name = "mips",
		.for_device = {
			[HANDOVER_BIDIRECTIONAL] = ALL(CACHE_FLUSH),
			[HANDOVER_TO_DEVICE] = ALL(CACHE_FLUSH),
			[HANDOVER_FROM_DEVICE] = ALL(CACHE_INVALIDATE),
		},
		.for_cpu = {
			[HANDOVER_BIDIRECTIONAL] = ALL(CACHE_INVALIDATE),
			[HANDOVER_TO_DEVICE] = ALL(CACHE_NONE),
			[HANDOVER_FROM_DEVICE] = ALL(CACHE_INVALIDATE),
		},
		.source = "arch/mips/mm/dma-noncoherent.c, arch/mips/mm/c-r4k.c",
	},
	[HANDOVER_RISCV] = {
		/*
		 * arch_sync_dma_clean_before_fromdevice() is true, so every direction cleans.
		 * Afterwards cbo.inval is applied to every line, including the edges.
		 */
		.name = "riscv",
		.for_device = {
			[HANDOVER_BIDIRECTIONAL] = ALL(CACHE_CLEAN),
			[HANDOVER_TO_DEVICE] = ALL(CACHE_CLEAN),
			[HANDOVER_FROM_DEVICE] = ALL(CACHE_CLEAN),
		},
		.for_cpu = {
			[HANDOVER_BIDIRECTIONAL] = ALL(CACHE_INVALIDATE),
			[HANDOVER_TO_DEVICE] = ALL(CACHE_NONE),
			[HANDOVER_FROM_DEVICE] = ALL(CACHE_INVALIDATE),
		},
		.source = "arch/riscv/mm/dma-noncoherent.c",
	},
};

const unsigned int nr_handover_archs = ARRAY_SIZE(handover_archs);

/**
 * handover_find_arch - look up an architecture's row by name
 * @name: NUL-terminated
 *
 * Return: the row, or NULL if there is none.
 */
const struct handover_arch *handover_find_arch(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_handover_archs; i++)
		if (!strcmp(handover_archs[i].name, name))
			return &handover_archs[i];
	return NULL;
}

/**
 * handover_apply - do a handover's maintenance on the part of a buffer that lies in one page
 * @ops: the operations, from a struct handover_arch
 * @page: the page
 * @line_size: bytes
 * @start: first byte of the buffer in this page, as an offset into the page
 * @end: one past the last byte of the buffer in this page
 * @starts_here: the buffer starts at @start; otherwise it comes from the page before
 * @ends_here: the buffer ends at @end; otherwise it goes on in the next page
 * @permit: bytes that may change for the CPU
 * @nr_permit: number of entries in @permit
 * @effect: counters to add to
 *
 * A line that the buffer covers only in part is an edge line; the others are inner lines. A page is
 * a whole number of lines, so only the two ends of the buffer can make an edge line.
 *
 * Context: any; the caller serialises operations on one page.
 */
void handover_apply(const struct handover_ops *ops, const struct cache_page *page, u32 line_size,
		    u32 start, u32 end, bool starts_here, bool ends_here,
		    const struct cache_range *permit, unsigned int nr_permit,
		    struct cache_effect *effect)
{
	u32 mask = line_size - 1;
	u32 inner_start = start, inner_end = end;

	if (starts_here && (start & mask))
		inner_start = (start & ~mask) + line_size;
	if (ends_here && (end & mask))
		inner_end = end & ~mask;

	if (inner_start > inner_end) {
		/* The whole buffer lies inside one line. */
		cache_apply(page, ops->edge, line_size, start, end, permit, nr_permit, effect);
		return;
	}
	if (inner_start > start)
		cache_apply(page, ops->edge, line_size, start, start + 1, permit, nr_permit,
			    effect);
	cache_apply(page, ops->inner, line_size, inner_start, inner_end, permit, nr_permit, effect);
	if (inner_end < end)
		cache_apply(page, ops->edge, line_size, end - 1, end, permit, nr_permit, effect);
}
