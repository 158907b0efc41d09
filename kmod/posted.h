/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Posted stores: what a CPU has written and nobody else sees yet.
 *
 * Pure C. Stores of a weakly ordered CPU become visible to a device in any order
 * unless a barrier (dma_wmb(), wmb(): Documentation/memory-barriers.txt) says
 * otherwise. A PC's do not, so a driver without the barrier works there; here
 * the driver's stores to a descriptor wait in a buffer, and who forgets the
 * barrier gets the adverse order every time.
 */
#ifndef DMALOOP_POSTED_H
#define DMALOOP_POSTED_H

#include <linux/types.h>

#define POSTED_MAX 16u

/**
 * struct posted - the stores that wait
 * @nr: how many
 * @store: each: where, what, and how many bytes (4 or 8)
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
