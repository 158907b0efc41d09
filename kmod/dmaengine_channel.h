/* SPDX-License-Identifier: GPL-2.0 */
/* Channels and transactions of the dmaengine provider, for its three parts. */
#ifndef DMALOOP_DMAENGINE_CHANNEL_H
#define DMALOOP_DMAENGINE_CHANNEL_H

#include <linux/completion.h>
#include <linux/dmaengine.h>
#include <linux/interrupt.h>
#include <linux/sizes.h>

#include "engine.h"

#define SLOTS 64u
#define XOR_MAX 16u /* sources */
#define SCRATCH SZ_64K
#define FAILED 64u /* failed transactions remembered */

/**
 * struct loop_link - one descriptor in pool memory
 * @desc: the descriptor
 * @bus: its bus address
 */
struct loop_link {
	struct ring_desc *desc;
	dma_addr_t bus;
};

/**
 * struct loop_tx - one transaction
 * @tx: dmaengine's part
 * @node: on one of the channel's lists
 * @first: goes into the slot
 * @slot: which, once it is there
 * @cyclic: runs until terminated; @links[0] is then a second copy of @first
 * @length: bytes in all
 * @error: the device met a fault
 * @sum: where to tell whether all was 0; NULL: nobody asked
 * @nr: links
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
 * @chan: dmaengine's part
 * @loop: whose
 * @channel: the registers
 * @lock: protects all below
 * @ring: the driver's end
 * @slots: the ring's memory, coherent
 * @slots_bus: its bus address
 * @failed: cookies of the last FAILED transactions that met a fault
 * @nr_failed: so far
 * @scratch: coherent memory for sums that are only tested; public devices have it
 * @scratch_bus: its bus address
 * @config: of the slave operations
 * @prepared: transactions without a cookie yet
 * @submitted: transactions with a cookie
 * @issued: to go into the ring when it has room
 * @active: in the ring, oldest first
 * @finished: the callback is due
 * @unacked: done; a client may still build on them (async_tx)
 * @terminated: the device may still be at work on them
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
 * struct loop_dma - one device as dmaengine knows it
 * @dma: dmaengine's part
 * @pool: for links
 * @released: nobody holds @dma any more
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
