/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Posted stores: stores of a CPU that nobody else sees yet.
 *
 * Pure C. The stores of a weakly ordered CPU may become visible to a device in any order, unless a
 * barrier orders them (dma_wmb(), wmb(): Documentation/memory-barriers.txt). A PC's stores stay in
 * order, so a driver without the barrier works there. Here the driver's stores to a descriptor wait
 * in a buffer, and a driver that forgets the barrier gets the worst order every time.
 */
#ifndef DMALOOP_POSTED_H
#define DMALOOP_POSTED_H

#include <linux/types.h>

#define POSTED_MAX 16u

/**
 * struct posted - a buffer of stores that are not visible yet
 * @nr: number of stores
 * @store: the stores: destination, value, and size in bytes (4 or 8)
 */
struct posted {
	u32 nr;
	struct {
		void *to;
		u64 value;
		u32 size;
	} store[POSTED_MAX];
};

void posted_write(struct posted *posted, void *to, u64 value, u32 size);
void posted_barrier(struct posted *posted);
void posted_overtake(struct posted *posted, u32 random);

#endif
