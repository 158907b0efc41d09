/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Channels and transactions of the dmaengine provider: dmaengine.c, dmaengine_prepare.c and
 * dmaengine_ring.c share them.
 */
#ifndef DMALOOP_DMAENGINE_CHANNEL_H
#define DMALOOP_DMAENGINE_CHANNEL_H

#include <linux/completion.h>
#include <linux/dmaengine.h>
#include <linux/interrupt.h>
#include <linux/sizes.h>

#include "engine.h"

#define SLOTS 64u
#define XOR_MAX 16u /* sources of one operation */
#define SCRATCH SZ_64K
#define FAILED 64u /* number of failed transactions to remember */

/**
 * struct loop_link - one descriptor in pool memory
 * @desc: the descriptor
 * @bus: DMA address of @desc
 */
struct loop_link {
	struct ring_desc *desc;
	dma_addr_t bus;
};

/**
 * struct loop_tx - one transaction
 * @tx: the part that dmaengine knows
 * @node: entry in one of the channel's lists
 * @first: the first descriptor, which is copied into the slot
 * @slot: the slot, once the transaction is in the ring
 * @cyclic: runs until it is terminated; @links[0] is then a second copy of @first
 * @length: total bytes
 * @error: an access by the device faulted
 * @sum: where to store whether all bytes were 0; NULL if not asked for
 * @nr: number of @links
 * @links: the descriptors after @first
 */
struct loop_tx {
	struct dma_async_tx_descriptor tx;
	struct list_head node;
	struct ring_desc first;
	u32 slot;
	bool cyclic;
	size_t length;
	bool error;
	enum sum_check_flags *sum;
	u32 nr;
	struct loop_link links[] __counted_by(nr);
};

/**
 * struct loop_chan - one channel
 * @chan: the part that dmaengine knows
 * @loop: the device
 * @channel: the channel's registers
 * @lock: protects all members below
 * @ring: the driver's end of the ring
 * @slots: the ring's memory, which is coherent
 * @slots_bus: DMA address of @slots
 * @failed: cookies of the last FAILED transactions that faulted
 * @nr_failed: number of failed transactions so far
 * @scratch: coherent memory for sums that are only tested; only public devices have it
 * @scratch_bus: DMA address of @scratch
 * @config: configuration of the slave operations
 * @prepared: transactions that have no cookie yet
 * @submitted: transactions that have a cookie
 * @issued: transactions that wait for room in the ring
 * @active: transactions in the ring, oldest first
 * @finished: transactions whose callback is due
 * @unacked: done, but a client may still build on them (async_tx)
 * @terminated: terminated, but the device may still be working on them
 * @tasklet: runs callbacks
 */
struct loop_chan {
	struct dma_chan chan;
	struct loop_dma *loop;
	struct engine_channel *channel;
	spinlock_t lock;
	struct ring ring;
	struct ring_desc *slots;
	dma_addr_t slots_bus;
	dma_cookie_t failed[FAILED];
	u32 nr_failed;
	void *scratch;
	dma_addr_t scratch_bus;
	struct dma_slave_config config;
	struct list_head prepared;
	struct list_head submitted;
	struct list_head issued;
	struct list_head active;
	struct list_head finished;
	struct list_head unacked;
	struct list_head terminated;
	struct tasklet_struct tasklet;
};

/**
 * struct loop_dma - one device as dmaengine sees it
 * @dma: the part that dmaengine knows
 * @pool: memory for struct loop_link descriptors
 * @released: completed when nobody holds @dma any more
 * @chans: the channels
 */
struct loop_dma {
	struct dma_device dma;
	struct dma_pool *pool;
	struct completion released;
	struct loop_chan chans[BUS_CHANNELS_MAX];
};

static inline struct loop_chan *to_loop(struct dma_chan *chan)
{
	return container_of(chan, struct loop_chan, chan);
}

void loop_tx_free(struct loop_chan *lc, struct loop_tx *tx);
void loop_tx_free_list(struct loop_chan *lc, struct list_head *list);
struct ring_desc *loop_tx_desc(struct loop_tx *tx, u32 i);
u32 loop_tx_count(const struct loop_tx *tx);
void loop_prepare_init(struct dma_device *dma, bool public);
void loop_reap(struct loop_chan *lc);
void loop_tasklet(struct tasklet_struct *tasklet);
void loop_irq(void *data);

#endif
