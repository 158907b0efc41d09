/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The cache model: what the CPU sees, what the device sees, and what a cache maintenance operation
 * does to both, one page at a time.
 *
 * Pure C: no allocation, no locking, no kernel calls. shadow.c provides the pages and holds the
 * lock; KUnit drives it directly.
 *
 * Every cache line exists three times:
 *
 *   cpu   the CPU's view: the kernel's own memory ("the cached copy")
 *   dram  the device's view: a shadow page
 *   ref   the copy taken when the line was last filled or cleaned
 *
 * A line is dirty when cpu differs from ref. The rules are those of any write-back cache
 * (Documentation/core-api/dma-api.rst, "Part Id: Streaming DMA mappings", and the architectures'
 * arch_sync_dma_for_*()):
 *
 *   clean       a dirty line is written to dram as a whole; a clean line is left
 *               alone, so cleaning never undoes what the device wrote
 *   invalidate  the whole line is replaced by dram; dirty bytes are lost
 *   flush       clean, then invalidate
 *   evict       a clean that the hardware chose to do
 *   prefetch    a line that is not dirty is filled from dram again
 */
#ifndef DMALOOP_CACHE_MODEL_H
#define DMALOOP_CACHE_MODEL_H

#include <linux/types.h>

#define CACHE_LINE_MIN 32u
#define CACHE_LINE_MAX 256u

enum cache_op {
	CACHE_NONE,
	CACHE_CLEAN,
	CACHE_INVALIDATE,
	CACHE_FLUSH,
	CACHE_EVICT,
	CACHE_PREFETCH,
};

/**
 * struct cache_page - one page as the cache model sees it
 * @cpu: the CPU's view, @size bytes; owned by the owner of the page
 * @dram: the device's view, @size bytes; owned by the shadow
 * @ref: copy of each line at its last fill or clean, @size bytes
 * @size: size of each of the three in bytes; a multiple of CACHE_LINE_MAX
 */
struct cache_page {
	u8 *cpu;
	u8 *dram;
	u8 *ref;
	u32 size;
};

/**
 * struct cache_range - bytes that an operation may change for the CPU
 * @start: first byte, as an offset into the page
 * @end: one past the last byte
 *
 * Operations work on whole lines, but a buffer may end inside a line. The bytes of a line outside
 * every permitted range belong to somebody who never agreed to lose them. The model keeps these
 * bytes and counts what real hardware would have destroyed.
 */
struct cache_range {
	u32 start;
	u32 end;
};

/**
 * struct cache_effect - what an operation did
 * @lines: lines that the operation touched
 * @cleaned: dirty lines written to DRAM
 * @dropped: dirty bytes of the CPU that DRAM replaced
 * @spared: bytes that hardware would have destroyed because their line is shared with an owner who
 *	never agreed to that
 */
struct cache_effect {
	u32 lines;
	u32 cleaned;
	u32 dropped;
	u32 spared;
};

bool cache_line_size_valid(u32 line_size);
bool cache_line_dirty(const struct cache_page *page, u32 line, u32 line_size);
void cache_distrust(const struct cache_page *page, u32 start, u32 end);
void cache_apply(const struct cache_page *page, enum cache_op op, u32 line_size, u32 start, u32 end,
		 const struct cache_range *permit, unsigned int nr_permit,
		 struct cache_effect *effect);

#endif
