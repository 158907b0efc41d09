// SPDX-License-Identifier: GPL-2.0
/* The driver's end of the ring: issuing transactions and reaping finished ones. */
#include <linux/interrupt.h>

#include "dmaengine_channel.h"

static void push_issued(struct loop_chan *lc)
{
	struct loop_tx *tx, *next;
	bool pushed = false;

	lockdep_assert_held(&lc->lock);
	list_for_each_entry_safe(tx, next, &lc->issued, node) {
		struct ring_desc *slot;

		if (ring_full(&lc->ring))
			break;
		tx->slot = ring_produce(&lc->ring);
		/* The last slot interrupts, so that the waiting transactions get room. */
		if (ring_full(&lc->ring))
			loop_tx_desc(tx, loop_tx_count(tx) - 1)->control |= DESC_IRQ;
		slot = &lc->slots[tx->slot];
		slot->src = tx->first.src;
		slot->dst = tx->first.dst;
		slot->length = tx->first.length;
		slot->next = tx->first.next;
		slot->status = 0;
		/* The device must not see OWN before the other fields (memory-barriers.txt). */
		dma_wmb();
		WRITE_ONCE(slot->control, tx->first.control);
		list_move_tail(&tx->node, &lc->active);
		pushed = true;
	}
	if (!pushed)
		return;
	/* The device must not see the doorbell before the descriptors. */
	wmb();
	engine_channel_doorbell(lc->channel, lc->ring.tail);
}

/* Has the device finished the transaction? */
static bool tx_done(struct loop_chan *lc, struct loop_tx *tx)
{
	u32 status = READ_ONCE(lc->slots[tx->slot].status);
	bool nonzero = false;
	u32 i;

	if (tx->cyclic) {
		/* A cyclic transaction never finishes, unless a fault ended it. */
		for (i = 0; i < tx->nr; i++)
			status |= READ_ONCE(tx->links[i].desc->status);
		tx->error = status & DESC_ERROR;
		return tx->error;
	}
	for (i = 0; i < tx->nr && (status & (DESC_DONE | DESC_ERROR)) == DESC_DONE; i++) {
		status = READ_ONCE(tx->links[i].desc->status);
		nonzero |= status & DESC_NONZERO;
	}
	/* Read the status before the data; complete_desc() is the device's side. */
	dma_rmb();
	tx->error = status & DESC_ERROR;
	if (!(status & DESC_DONE))
		return false;
	if (tx->sum)
		*tx->sum = nonzero ? SUM_CHECK_P_RESULT : 0;
	return true;
}

/* May the transaction be freed at once? Nobody is called back, and nobody builds on it. */
static bool tx_spent(const struct loop_tx *tx)
{
	return !tx->error && !tx->tx.callback && !tx->tx.callback_result &&
	       (tx->tx.flags & (DMA_CTRL_ACK | DMA_PREP_INTERRUPT)) == DMA_CTRL_ACK;
}

/**
 * loop_reap - reap finished transactions from the ring, and issue waiting ones
 * @lc: the channel
 *
 * Context: any, with the channel's lock held.
 */
void loop_reap(struct loop_chan *lc)
{
	struct loop_tx *tx, *next;

	lockdep_assert_held(&lc->lock);
	list_for_each_entry_safe(tx, next, &lc->active, node) {
		if (!tx_done(lc, tx))
			break;
		ring_consume(&lc->ring);
		/* Unmap before completion shows: a client that polls reads the data next. */
		dma_descriptor_unmap(&tx->tx);
		if (tx->error)
			lc->failed[lc->nr_failed++ % FAILED] = tx->tx.cookie;
		lc->chan.completed_cookie = tx->tx.cookie;
		list_del(&tx->node);
		if (tx_spent(tx))
			loop_tx_free(lc, tx);
		else
			list_add_tail(&tx->node, &lc->finished);
	}
	push_issued(lc);
}

/* Count the periods that a cyclic transaction has finished since the last call. */
static u32 reap_periods(struct loop_chan *lc, struct loop_tx *told)
{
	struct loop_tx *tx = list_first_entry_or_null(&lc->active, struct loop_tx, node);
	u32 i, periods = 0;

	lockdep_assert_held(&lc->lock);
	if (!tx || !tx->cyclic)
		return 0;
	/* In its first round, the first period ran from the slot. */
	periods += xchg(&lc->slots[tx->slot].status, 0) & DESC_DONE;
	for (i = 0; i < tx->nr; i++)
		periods += xchg(&tx->links[i].desc->status, 0) & DESC_DONE;
	told->tx.callback = tx->tx.callback;
	told->tx.callback_result = tx->tx.callback_result;
	told->tx.callback_param = tx->tx.callback_param;
	return periods;
}

static void call_back(const struct loop_tx *tx)
{
	struct dmaengine_result result = {
		.result = tx->error ? DMA_TRANS_WRITE_FAILED : DMA_TRANS_NOERROR,
	};

	if (tx->tx.callback_result)
		tx->tx.callback_result(tx->tx.callback_param, &result);
	else if (tx->tx.callback)
		tx->tx.callback(tx->tx.callback_param);
}

/**
 * loop_tasklet - call the clients back, and free transactions that nobody builds on
 * @tasklet: the channel's tasklet
 *
 * Context: tasklet.
 */
void loop_tasklet(struct tasklet_struct *tasklet)
{
	struct loop_chan *lc = container_of(tasklet, struct loop_chan, tasklet);
	struct loop_tx *tx, *next, period = {};
	LIST_HEAD(finished);
	LIST_HEAD(gone);
	u32 periods;

	scoped_guard(spinlock_irqsave, &lc->lock)
	{
		loop_reap(lc);
		periods = reap_periods(lc, &period);
		list_splice_init(&lc->finished, &finished);
		if (engine_channel_idle(lc->channel))
			list_splice_init(&lc->terminated, &gone);
	}
	while (periods--)
		call_back(&period);
	list_for_each_entry(tx, &finished, node) {
		call_back(tx);
		dma_run_dependencies(&tx->tx);
	}
	scoped_guard(spinlock_irqsave, &lc->lock)
	{
		list_splice_tail(&finished, &lc->unacked);
		list_for_each_entry_safe(tx, next, &lc->unacked, node)
			if (async_tx_test_ack(&tx->tx))
				list_move_tail(&tx->node, &gone);
	}
	loop_tx_free_list(lc, &gone);
}

/**
 * loop_irq - handle a channel's interrupt
 * @data: the channel
 *
 * Context: hard interrupt.
 */
void loop_irq(void *data)
{
	struct loop_chan *lc = data;

	tasklet_schedule(&lc->tasklet);
}
