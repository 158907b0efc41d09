// SPDX-License-Identifier: GPL-2.0
/*
 * The dmaengine provider (Documentation/driver-api/dmaengine/provider.rst). Each channel of a
 * device made with client=dmaengine serves one dmaengine client. A transaction occupies one slot of
 * the channel's ring.
 */
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/slab.h>

#include "device.h"
#include "dmaengine.h"
#include "dmaengine_channel.h"

static void issue_pending(struct dma_chan *chan)
{
	struct loop_chan *lc = to_loop(chan);

	guard(spinlock_irqsave)(&lc->lock);
	list_splice_tail_init(&lc->submitted, &lc->issued);
	loop_reap(lc);
	if (!list_empty(&lc->finished))
		tasklet_schedule(&lc->tasklet);
}

/* Bytes of @tx still to be moved, if the channel has moved @done bytes of the descriptor at @at. */
static size_t residue(struct loop_chan *lc, struct loop_tx *tx, dma_addr_t at, u32 done)
{
	dma_addr_t slot = lc->slots_bus + tx->slot * sizeof(*lc->slots);
	u32 i, nr = loop_tx_count(tx);
	size_t before = 0;

	if (at == slot)
		return tx->length - done;
	for (i = 0; i < nr; i++) {
		if ((tx->cyclic || i) && at == tx->links[tx->cyclic ? i : i - 1].bus)
			return tx->length - before - done;
		before += loop_tx_desc(tx, i)->length;
	}
	return tx->length;
}

static enum dma_status tx_status(struct dma_chan *chan, dma_cookie_t cookie,
				 struct dma_tx_state *state)
{
	struct loop_chan *lc = to_loop(chan);
	enum dma_status status;
	struct loop_tx *tx;
	dma_addr_t at;
	u32 done, i;

	engine_poll(lc->channel->engine);
	guard(spinlock_irqsave)(&lc->lock);
	/* Before loop_reap(): a transaction still active after it was active at this position. */
	done = engine_channel_position(lc->channel, &at);
	loop_reap(lc);
	if (!list_empty(&lc->finished))
		tasklet_schedule(&lc->tasklet);
	status = dma_async_is_complete(cookie, chan->completed_cookie, chan->cookie);
	dma_set_tx_state(state, chan->completed_cookie, chan->cookie, 0);
	if (status == DMA_COMPLETE) {
		/*
		 * A failed transaction is complete too; report its error for as long as it is
		 * known.
		 */
		for (i = 0; i < min(lc->nr_failed, FAILED); i++)
			if (lc->failed[i] == cookie)
				return DMA_ERROR;
		return status;
	}
	list_for_each_entry(tx, &lc->active, node)
		if (tx->tx.cookie == cookie)
			dma_set_tx_state(state, chan->completed_cookie, chan->cookie,
					 residue(lc, tx, at, done));
	if (READ_ONCE(lc->channel->paused))
		return DMA_PAUSED;
	return status;
}

static int chan_config(struct dma_chan *chan, struct dma_slave_config *config)
{
	struct loop_chan *lc = to_loop(chan);

	guard(spinlock_irqsave)(&lc->lock);
	lc->config = *config;
	return 0;
}

static int chan_pause(struct dma_chan *chan)
{
	engine_channel_pause(to_loop(chan)->channel, true);
	return 0;
}

static int chan_resume(struct dma_chan *chan)
{
	engine_channel_pause(to_loop(chan)->channel, false);
	return 0;
}

static int chan_terminate_all(struct dma_chan *chan)
{
	struct loop_chan *lc = to_loop(chan);

	guard(spinlock_irqsave)(&lc->lock);
	engine_channel_abort(lc->channel);
	lc->ring.head = 0;
	lc->ring.tail = 0;
	list_splice_tail_init(&lc->prepared, &lc->terminated);
	list_splice_tail_init(&lc->submitted, &lc->terminated);
	list_splice_tail_init(&lc->issued, &lc->terminated);
	list_splice_tail_init(&lc->active, &lc->terminated);
	list_splice_tail_init(&lc->finished, &lc->terminated);
	/* The client can no longer ask for these transactions, so they count as complete. */
	chan->completed_cookie = chan->cookie;
	return 0;
}

static void chan_synchronize(struct dma_chan *chan)
{
	struct loop_chan *lc = to_loop(chan);
	LIST_HEAD(gone);

	engine_channel_synchronize(lc->channel);
	tasklet_kill(&lc->tasklet);
	scoped_guard(spinlock_irqsave, &lc->lock) list_splice_init(&lc->terminated, &gone);
	loop_tx_free_list(lc, &gone);
}

static void free_scratch(struct loop_chan *lc)
{
	if (lc->scratch)
		dma_free_coherent(lc->chan.device->dev, SCRATCH, lc->scratch, lc->scratch_bus);
	lc->scratch = NULL;
}

static int chan_alloc(struct dma_chan *chan)
{
	struct loop_chan *lc = to_loop(chan);
	struct device *dev = chan->device->dev;
	struct engine_setup setup = {
		.size = SLOTS,
		.layout = { .stride = sizeof(struct ring_desc) },
		.check = RING_CHECK_OWN,
		.irq = loop_irq,
		.irq_data = lc,
	};
	int err;

	/* Not -ENODEV: find_candidate() takes that for an unregistered device. */
	if (!dmaloop_device_use(dev))
		return -EBUSY;
	lc->slots = dma_alloc_coherent(dev, SLOTS * sizeof(*lc->slots), &lc->slots_bus, GFP_KERNEL);
	err = -ENOMEM;
	if (!lc->slots)
		goto out_unuse;
	if (chan->device->max_xor) {
		lc->scratch = dma_alloc_coherent(dev, SCRATCH, &lc->scratch_bus, GFP_KERNEL);
		if (!lc->scratch)
			goto out_slots;
	}
	ring_init(&lc->ring, SLOTS);
	/* Forget the previous client. */
	lc->nr_failed = 0;
	memset(&lc->config, 0, sizeof(lc->config));
	chan->cookie = DMA_MIN_COOKIE;
	chan->completed_cookie = DMA_MIN_COOKIE;
	setup.bus = lc->slots_bus;
	err = engine_channel_start(lc->channel, &setup);
	if (!err)
		return SLOTS;
	free_scratch(lc);
out_slots:
	dma_free_coherent(dev, SLOTS * sizeof(*lc->slots), lc->slots, lc->slots_bus);
out_unuse:
	dmaloop_device_unuse(dev);
	return err;
}

static void chan_free(struct dma_chan *chan)
{
	struct loop_chan *lc = to_loop(chan);
	struct device *dev = chan->device->dev;

	chan_terminate_all(chan);
	engine_channel_stop(lc->channel);
	chan_synchronize(chan);
	loop_tx_free_list(lc, &lc->unacked);
	free_scratch(lc);
	dma_free_coherent(dev, SLOTS * sizeof(*lc->slots), lc->slots, lc->slots_bus);
	dmaloop_device_unuse(dev);
}

static void dma_released(struct dma_device *dma)
{
	struct loop_dma *loop = container_of(dma, struct loop_dma, dma);

	complete(&loop->released);
}

static void chan_init(struct loop_dma *loop, struct engine_channel *channel)
{
	struct loop_chan *lc = &loop->chans[channel->index];

	lc->loop = loop;
	lc->channel = channel;
	spin_lock_init(&lc->lock);
	INIT_LIST_HEAD(&lc->prepared);
	INIT_LIST_HEAD(&lc->submitted);
	INIT_LIST_HEAD(&lc->issued);
	INIT_LIST_HEAD(&lc->active);
	INIT_LIST_HEAD(&lc->finished);
	INIT_LIST_HEAD(&lc->unacked);
	INIT_LIST_HEAD(&lc->terminated);
	tasklet_setup(&lc->tasklet, loop_tasklet);
	lc->chan.device = &loop->dma;
	list_add_tail(&lc->chan.device_node, &loop->dma.channels);
}

/**
 * dmaloop_dmaengine_attach - offer a device's channels to dmaengine
 * @dev: the device, with its struct engine as drvdata
 * @public: for every user of dmaengine (async_tx), not only for those that request a channel
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int dmaloop_dmaengine_attach(struct device *dev, bool public)
{
	struct engine *engine = dev_get_drvdata(dev);
	struct loop_dma *loop = kzalloc(sizeof(*loop), GFP_KERNEL);
	struct dma_device *dma;
	int err = -ENOMEM;
	u32 i;

	if (!loop)
		return -ENOMEM;
	dma = &loop->dma;
	init_completion(&loop->released);
	loop->pool =
		dma_pool_create("dmaloop-links", dev, sizeof(struct ring_desc), sizeof(u64), 0);
	if (!loop->pool)
		goto out_free;
	INIT_LIST_HEAD(&dma->channels);
	for (i = 0; i < engine->nr_channels; i++)
		chan_init(loop, &engine->channels[i]);
	loop_prepare_init(dma, public);
	dma->dev = dev;
	dma->src_addr_widths = BIT(DMA_SLAVE_BUSWIDTH_1_BYTE) | BIT(DMA_SLAVE_BUSWIDTH_8_BYTES);
	dma->dst_addr_widths = dma->src_addr_widths;
	dma->residue_granularity = DMA_RESIDUE_GRANULARITY_BURST;
	dma->device_alloc_chan_resources = chan_alloc;
	dma->device_free_chan_resources = chan_free;
	dma->device_config = chan_config;
	dma->device_pause = chan_pause;
	dma->device_resume = chan_resume;
	dma->device_terminate_all = chan_terminate_all;
	dma->device_synchronize = chan_synchronize;
	dma->device_tx_status = tx_status;
	dma->device_issue_pending = issue_pending;
	dma->device_release = dma_released;
	engine->dmaengine = loop;
	err = dma_async_device_register(dma);
	if (!err)
		return 0;
	dma_pool_destroy(loop->pool);
out_free:
	kfree(loop);
	return err;
}

/**
 * dmaloop_dmaengine_detach - undo dmaloop_dmaengine_attach()
 * @dev: the device; no channel is in use
 *
 * Context: may sleep.
 */
void dmaloop_dmaengine_detach(struct device *dev)
{
	struct engine *engine = dev_get_drvdata(dev);
	struct loop_dma *loop = engine->dmaengine;

	dma_async_device_unregister(&loop->dma);
	wait_for_completion(&loop->released);
	dma_pool_destroy(loop->pool);
	kfree(loop);
}
