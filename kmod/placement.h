/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a driver's buffer lies, and what lies beside it. The table in placement.c says how
 * each kind of buffer is made and freed.
 */
#ifndef DMALOOP_PLACEMENT_H
#define DMALOOP_PLACEMENT_H

#include <linux/dmapool.h>

#include "shadow.h"

#define NEIGHBOUR_SIZE 4u
#define PLACEMENT_SIZE_MAX 1024u

enum placement {
	PLACE_SEPARATE, /* an allocation of its own, on its own lines */
	PLACE_EMBEDDED, /* beside fields in use, in one struct */
	PLACE_EMBEDDED_ALIGNED, /* the same, but with the buffer on lines of its own */
	PLACE_OFFSET, /* at a chosen offset in a larger object */
	PLACE_PACKED_CACHE, /* an object of a slab cache without alignment */
	PLACE_ALIGNED_CACHE, /* the same cache with aligned objects */
	PLACE_POOL, /* dma_pool: coherent */
	PLACE_COHERENT, /* dma_alloc_coherent() */
	PLACE_UNCACHED, /* dma_alloc_wc() */
	PLACE_PAGES, /* a page of its own */
	PLACE_PAGE_STRADDLE, /* the end of one page and the start of the next */
	PLACE_USER, /* the start of a pinned page of user space */
	NR_PLACEMENTS,
};

/**
 * struct placed - a buffer and its neighbour bytes
 * @buffer: what the device transfers
 * @size: bytes
 * @neighbour: NEIGHBOUR_SIZE bytes that the driver uses during the transfer; in placements that are
 *	a cure they lie elsewhere
 * @coherent: coherent memory, which is at DMA address @bus and is not mapped
 * @bus: see @coherent
 *
 * The other members are private to placement.c.
 */
struct placed {
	u8 *buffer;
	size_t size;
	u8 *neighbour;
	bool coherent;
	dma_addr_t bus;

	enum placement where;
	struct device *dev;
	void *object;
	void *host;
	struct dma_pool *pool;
	bool uncached;
	u64 user;
	struct page *user_page;
	struct kmem_cache *cache;
	void **objects;
	unsigned int nr_objects;
	struct playground playground;
};

const char *placement_name(enum placement where);
bool placement_find(const char *name, enum placement *where);
int placement_make(struct placed *placed, struct device *dev, enum placement where, size_t size,
		   u32 offset, u64 user);
void placement_free(struct placed *placed);

#endif
