// SPDX-License-Identifier: GPL-2.0
/*
 * The dmaengine provider (Documentation/driver-api/dmaengine/provider.rst): each
 * channel of a device made with client=dmaengine serves one dmaengine client.
 *
 * A transaction is one slot of the channel's ring: its first descriptor is
 * copied into the slot when it is issued, the others hang on it by `next`, in
 * memory from a dma_pool. The driver's words (cookie, submit, issue, residue)
 * are dmaengine's own. There is no peripheral: for the slave operations the
 * peripheral's address is the DMA address of memory that plays it, one segment
 * or period long.
 */
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/dmapool.h>
#include <linux/interrupt.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "device.h"
#include "dmaengine.h"

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

static struct loop_chan *to_loop(struct dma_chan *chan)
{
	return container_of(chan, struct loop_chan, chan);
}

/* --- transactions --- */

static void tx_free(struct loop_chan *lc, struct loop_tx *tx)
{
	u32 i;

	dma_descriptor_unmap(&tx->tx);
	for (i = 0; i < tx->nr; i++)
		if (tx->links[i].desc)
			dma_pool_free(lc->loop->pool, tx->links[i].desc, tx->links[i].bus);
	kfree(tx);
}

static void tx_free_list(struct loop_chan *lc, struct list_head *list)
{
	struct loop_tx *tx, *next;

	list_for_each_entry_safe(tx, next, list, node)
		tx_free(lc, tx);
	INIT_LIST_HEAD(list);
}

static dma_cookie_t tx_submit(struct dma_async_tx_descriptor *async)
{
	struct loop_tx *tx = container_of(async, struct loop_tx, tx);
	struct loop_chan *lc = to_loop(async->chan);

	guard(spinlock_irqsave)(&lc->lock);
	/* Cookies go round within the positive numbers. */
	lc->chan.cookie = lc->chan.cookie >= INT_MAX ? DMA_MIN_COOKIE : lc->chan.cookie + 1;
	async->cookie = lc->chan.cookie;
	list_move_tail(&tx->node, &lc->submitted);
	return async->cookie;
}

static struct loop_tx *tx_alloc(struct loop_chan *lc, u32 nr, unsigned long flags)
{
	struct loop_tx *tx = kzalloc(struct_size(tx, links, nr), GFP_NOWAIT);
	u32 i;

	if (!tx)
		return NULL;
	tx->nr = nr;
	for (i = 0; i < nr; i++) {
		struct loop_link *link = &tx->links[i];

		link->desc = dma_pool_zalloc(lc->loop->pool, GFP_NOWAIT, &link->bus);
		if (!link->desc) {
			tx_free(lc, tx);
			return NULL;
		}
	}
	dma_async_tx_descriptor_init(&tx->tx, &lc->chan);
	tx->tx.flags = flags;
	tx->tx.tx_submit = tx_submit;
	return tx;
}

static struct ring_desc *tx_desc(struct loop_tx *tx, u32 i)
{
	if (tx->cyclic)
		return tx->links[i].desc;
	return i ? tx->links[i - 1].desc : &tx->first;
}

static u32 tx_count(const struct loop_tx *tx)
{
	return tx->cyclic ? tx->nr : tx->nr + 1;
}

static void tx_set(struct loop_tx *tx, u32 i, u64 dst, u64 src, u32 length, u32 control)
{
	struct ring_desc *desc = tx_desc(tx, i);

	desc->src = src;
	desc->dst = dst;
	desc->length = length;
	desc->control = control | DESC_OWN;
	tx->length += length;
}

/* Link the descriptors; the last one of a transaction with a callback interrupts. */
static struct dma_async_tx_descriptor *tx_finish(struct loop_tx *tx)
{
	struct loop_chan *lc = to_loop(tx->tx.chan);
	u32 i, nr = tx_count(tx);

	for (i = 0; i + 1 < nr; i++)
		tx_desc(tx, i)->next = tx->links[tx->cyclic ? i + 1 : i].bus;
	if (tx->cyclic) {
		tx_desc(tx, nr - 1)->next = tx->links[0].bus;
		tx->first = *tx->links[0].desc;
	} else if (tx->tx.flags & DMA_PREP_INTERRUPT) {
		tx_desc(tx, nr - 1)->control |= DESC_IRQ;
	}
	guard(spinlock_irqsave)(&lc->lock);
	list_add_tail(&tx->node, &lc->prepared);
	return &tx->tx;
}

static struct dma_async_tx_descriptor *prep_memcpy(struct dma_chan *chan, dma_addr_t dst,
						   dma_addr_t src, size_t length,
						   unsigned long flags)
{
	struct loop_tx *tx = length <= U32_MAX ? tx_alloc(to_loop(chan), 0, flags) : NULL;

	if (!tx)
		return NULL;
	tx_set(tx, 0, dst, src, length, 0);
	return tx_finish(tx);
}

static struct dma_async_tx_descriptor *prep_memset(struct dma_chan *chan, dma_addr_t dst, int value,
						   size_t length, unsigned long flags)
{
	struct loop_tx *tx = length <= U32_MAX ? tx_alloc(to_loop(chan), 0, flags) : NULL;

	if (!tx)
		return NULL;
	tx_set(tx, 0, dst, value & 0xff, length, DESC_FILL);
	return tx_finish(tx);
}

/* Nothing to move: a transaction that only interrupts, for those who chain on it. */
static struct dma_async_tx_descriptor *prep_interrupt(struct dma_chan *chan, unsigned long flags)
{
	struct loop_tx *tx = tx_alloc(to_loop(chan), 0, flags | DMA_PREP_INTERRUPT);

	if (!tx)
		return NULL;
	tx_set(tx, 0, 0, 0, 0, 0);
	return tx_finish(tx);
}

/* The first source is copied, the others are XORed in; @dst may be one of them. */
static void set_xor(struct loop_tx *tx, u32 i, u64 dst, const dma_addr_t *src, u32 nr, u64 offset,
		    u32 length)
{
	u32 first = 0, n;

	for (n = 0; n < nr; n++)
		if (src[n] == dst)
			first = n;
	tx_set(tx, i++, dst, src[first] + offset, length, 0);
	for (n = 0; n < nr; n++)
		if (n != first)
			tx_set(tx, i++, dst, src[n] + offset, length, DESC_XOR);
}

static struct dma_async_tx_descriptor *prep_xor(struct dma_chan *chan, dma_addr_t dst,
						dma_addr_t *src, unsigned int nr, size_t length,
						unsigned long flags)
{
	struct loop_tx *tx;

	if (!nr || nr > XOR_MAX || length > U32_MAX)
		return NULL;
	tx = tx_alloc(to_loop(chan), nr - 1, flags);
	if (!tx)
		return NULL;
	set_xor(tx, 0, dst, src, nr, 0, length);
	return tx_finish(tx);
}

/* The sum goes into scratch memory, a piece at a time, and is tested there. */
static struct dma_async_tx_descriptor *prep_xor_val(struct dma_chan *chan, dma_addr_t *src,
						    unsigned int nr, size_t length,
						    enum sum_check_flags *sum, unsigned long flags)
{
	struct loop_chan *lc = to_loop(chan);
	u32 piece, pieces = DIV_ROUND_UP(length, SCRATCH);
	struct loop_tx *tx;

	if (!nr || nr > XOR_MAX || !length || length > U32_MAX)
		return NULL;
	tx = tx_alloc(lc, pieces * (nr + 1) - 1, flags);
	if (!tx)
		return NULL;
	for (piece = 0; piece < pieces; piece++) {
		size_t offset = (size_t)piece * SCRATCH;
		u32 bytes = min_t(size_t, SCRATCH, length - offset);

		set_xor(tx, piece * (nr + 1), lc->scratch_bus, src, nr, offset, bytes);
		tx_set(tx, piece * (nr + 1) + nr, 0, lc->scratch_bus, bytes, DESC_TEST);
	}
	tx->sum = sum;
	return tx_finish(tx);
}

/*
 * RAID-6 recovery asks every device that async_tx uses, whatever its max_pq, and
 * computes by itself when there is no descriptor (async_raid6_recov.c).
 */
static struct dma_async_tx_descriptor *prep_no_pq(struct dma_chan *chan, dma_addr_t *dst,
						  dma_addr_t *src, unsigned int nr,
						  const unsigned char *scf, size_t length,
						  unsigned long flags)
{
	return NULL;
}

static struct dma_async_tx_descriptor *prep_slave_sg(struct dma_chan *chan, struct scatterlist *sgl,
						     unsigned int nents,
						     enum dma_transfer_direction direction,
						     unsigned long flags, void *context)
{
	struct loop_chan *lc = to_loop(chan);
	struct scatterlist *sg;
	struct loop_tx *tx;
	unsigned int i;

	if (!nents || (direction != DMA_MEM_TO_DEV && direction != DMA_DEV_TO_MEM))
		return NULL;
	tx = tx_alloc(lc, nents - 1, flags);
	if (!tx)
		return NULL;
	for_each_sg(sgl, sg, nents, i) {
		dma_addr_t bus = sg_dma_address(sg);

		if (direction == DMA_MEM_TO_DEV)
			tx_set(tx, i, lc->config.dst_addr, bus, sg_dma_len(sg), 0);
		else
			tx_set(tx, i, bus, lc->config.src_addr, sg_dma_len(sg), 0);
	}
	return tx_finish(tx);
}

static struct dma_async_tx_descriptor *prep_cyclic(struct dma_chan *chan, dma_addr_t buf,
						   size_t length, size_t period,
						   enum dma_transfer_direction direction,
						   unsigned long flags)
{
	struct loop_chan *lc = to_loop(chan);
	struct loop_tx *tx;
	u32 i, nr;

	if (!period || period > U32_MAX || !length || length % period ||
	    length / period > RING_MAX ||
	    (direction != DMA_MEM_TO_DEV && direction != DMA_DEV_TO_MEM))
		return NULL;
	nr = length / period;
	tx = tx_alloc(lc, nr, flags);
	if (!tx)
		return NULL;
	tx->cyclic = true;
	for (i = 0; i < nr; i++) {
		u32 control = DESC_CYCLIC | (flags & DMA_PREP_INTERRUPT ? DESC_IRQ : 0);
		dma_addr_t at = buf + i * period;

		if (direction == DMA_MEM_TO_DEV)
			tx_set(tx, i, lc->config.dst_addr, at, period, control);
		else
			tx_set(tx, i, at, lc->config.src_addr, period, control);
	}
	return tx_finish(tx);
}

static struct dma_async_tx_descriptor *
prep_interleaved(struct dma_chan *chan, struct dma_interleaved_template *xt, unsigned long flags)
{
	dma_addr_t src = xt->src_start, dst = xt->dst_start;
	struct loop_tx *tx;
	u32 nr, frame, i;

	if (xt->dir != DMA_MEM_TO_MEM || !xt->src_inc || !xt->dst_inc ||
	    check_mul_overflow(xt->numf, xt->frame_size, &nr) || !nr || nr > RING_MAX)
		return NULL;
	tx = tx_alloc(to_loop(chan), nr - 1, flags);
	if (!tx)
		return NULL;
	for (frame = 0; frame < xt->numf; frame++) {
		for (i = 0; i < xt->frame_size; i++) {
			struct data_chunk *chunk = &xt->sgl[i];

			tx_set(tx, frame * xt->frame_size + i, dst, src, chunk->size, 0);
			src += chunk->size + dmaengine_get_src_icg(xt, chunk);
			dst += chunk->size + dmaengine_get_dst_icg(xt, chunk);
		}
	}
	return tx_finish(tx);
}

/* --- the ring --- */

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
		/* Somebody has to make room for those who wait. */
		if (ring_full(&lc->ring))
			tx_desc(tx, tx_count(tx) - 1)->control |= DESC_IRQ;
		slot = &lc->slots[tx->slot];
		slot->src = tx->first.src;
		slot->dst = tx->first.dst;
		slot->length = tx->first.length;
		slot->next = tx->first.next;
		slot->status = 0;
		/* The device must not see OWN before the rest (memory-barriers.txt). */
		dma_wmb();
		WRITE_ONCE(slot->control, tx->first.control);
		list_move_tail(&tx->node, &lc->active);
		pushed = true;
	}
	if (!pushed)
		return;
	/* Nor the doorbell before the descriptors. */
	wmb();
	engine_channel_doorbell(lc->channel, lc->ring.tail);
}

/* Has the device finished with it? */
static bool tx_done(struct loop_chan *lc, struct loop_tx *tx)
{
	u32 status = READ_ONCE(lc->slots[tx->slot].status);
	bool nonzero = false;
	u32 i;

	if (tx->cyclic) {
		/* Never, unless a fault ended it. */
		for (i = 0; i < tx->nr; i++)
			status |= READ_ONCE(tx->links[i].desc->status);
		tx->error = status & DESC_ERROR;
		return tx->error;
	}
	for (i = 0; i < tx->nr && (status & (DESC_DONE | DESC_ERROR)) == DESC_DONE; i++) {
		status = READ_ONCE(tx->links[i].desc->status);
		nonzero |= status & DESC_NONZERO;
	}
	/* Status before data: see complete_desc() for the device's side. */
	dma_rmb();
	tx->error = status & DESC_ERROR;
	if (!(status & DESC_DONE))
		return false;
	if (tx->sum)
		*tx->sum = nonzero ? SUM_CHECK_P_RESULT : 0;
	return true;
}

/* Nobody is told, nobody builds on it, and nothing is to be remembered of it. */
static bool tx_spent(const struct loop_tx *tx)
{
	return !tx->error && !tx->tx.callback && !tx->tx.callback_result &&
	       (tx->tx.flags & (DMA_CTRL_ACK | DMA_PREP_INTERRUPT)) == DMA_CTRL_ACK;
}

static void reap(struct loop_chan *lc)
{
	struct loop_tx *tx, *next;

	lockdep_assert_held(&lc->lock);
	list_for_each_entry_safe(tx, next, &lc->active, node) {
		if (!tx_done(lc, tx))
			break;
		ring_consume(&lc->ring);
		/* Before it counts as complete: a client that polls reads the data next. */
		dma_descriptor_unmap(&tx->tx);
		if (tx->error)
			lc->failed[lc->nr_failed++ % FAILED] = tx->tx.cookie;
		lc->chan.completed_cookie = tx->tx.cookie;
		list_del(&tx->node);
		if (tx_spent(tx))
			tx_free(lc, tx);
		else
			list_add_tail(&tx->node, &lc->finished);
	}
	push_issued(lc);
}

/* Periods that a cyclic transaction has finished since the last look. */
static u32 reap_periods(struct loop_chan *lc, struct loop_tx *told)
{
	struct loop_tx *tx = list_first_entry_or_null(&lc->active, struct loop_tx, node);
	u32 i, periods = 0;

	lockdep_assert_held(&lc->lock);
	if (!tx || !tx->cyclic)
		return 0;
	/* The first round of the first period ran from the slot. */
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

static void chan_tasklet(struct tasklet_struct *tasklet)
{
	struct loop_chan *lc = container_of(tasklet, struct loop_chan, tasklet);
	struct loop_tx *tx, *next, period = {};
	LIST_HEAD(finished);
	LIST_HEAD(gone);
	u32 periods;

	scoped_guard(spinlock_irqsave, &lc->lock)
	{
		reap(lc);
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
	tx_free_list(lc, &gone);
}

static void chan_irq(void *data)
{
	struct loop_chan *lc = data;

	tasklet_schedule(&lc->tasklet);
}

/* --- dmaengine's operations --- */

static void issue_pending(struct dma_chan *chan)
{
	struct loop_chan *lc = to_loop(chan);

	guard(spinlock_irqsave)(&lc->lock);
	list_splice_tail_init(&lc->submitted, &lc->issued);
	reap(lc);
	if (!list_empty(&lc->finished))
		tasklet_schedule(&lc->tasklet);
}

/* The channel was at @done bytes of the descriptor at @at. */
static size_t residue(struct loop_chan *lc, struct loop_tx *tx, dma_addr_t at, u32 done)
{
	dma_addr_t slot = lc->slots_bus + tx->slot * sizeof(*lc->slots);
	u32 i, nr = tx_count(tx);
	size_t before = 0;

	if (at == slot)
		return tx->length - done;
	for (i = 0; i < nr; i++) {
		if ((tx->cyclic || i) && at == tx->links[tx->cyclic ? i : i - 1].bus)
			return tx->length - before - done;
		before += tx_desc(tx, i)->length;
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
	/* Before the look at what is done: what is not was there at that time. */
	done = engine_channel_position(lc->channel, &at);
	reap(lc);
	if (!list_empty(&lc->finished))
		tasklet_schedule(&lc->tasklet);
	status = dma_async_is_complete(cookie, chan->completed_cookie, chan->cookie);
	dma_set_tx_state(state, chan->completed_cookie, chan->cookie, 0);
	if (status == DMA_COMPLETE) {
		/* What failed is complete too; say so for as long as it is remembered. */
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
	/* Nobody can ask for them any more: they count as complete. */
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
	tx_free_list(lc, &gone);
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
		.irq = chan_irq,
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
	/* What the client before it left. */
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
	tx_free_list(lc, &lc->unacked);
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
	tasklet_setup(&lc->tasklet, chan_tasklet);
	lc->chan.device = &loop->dma;
	list_add_tail(&lc->chan.device_node, &loop->dma.channels);
}

/**
 * dmaloop_dmaengine_attach - offer a device's channels to dmaengine
 * @dev: the device, with its struct engine as drvdata
 * @public: for everybody who copies with dmaengine (async_tx), not only for those
 *	who ask for a channel
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
	dma_cap_set(DMA_MEMCPY, dma->cap_mask);
	dma_cap_set(DMA_MEMSET, dma->cap_mask);
	dma_cap_set(DMA_INTERRUPT, dma->cap_mask);
	if (public && IS_ENABLED(CONFIG_DMA_ENGINE_RAID)) {
		/*
		 * async_tx uses only who can do all of it, so that a chain of
		 * operations never changes channels. RAID-6 it does itself: max_pq is 0.
		 * (Without DMA_ENGINE_RAID dmaengine has no room for three sources.)
		 */
		dma_cap_set(DMA_XOR, dma->cap_mask);
		dma_cap_set(DMA_XOR_VAL, dma->cap_mask);
		dma_cap_set(DMA_ASYNC_TX, dma->cap_mask);
		dma->max_xor = XOR_MAX;
		dma->device_prep_dma_xor = prep_xor;
		dma->device_prep_dma_xor_val = prep_xor_val;
		dma->device_prep_dma_pq = prep_no_pq;
	} else if (!public) {
		dma_cap_set(DMA_PRIVATE, dma->cap_mask);
		dma_cap_set(DMA_SLAVE, dma->cap_mask);
		dma_cap_set(DMA_CYCLIC, dma->cap_mask);
		dma_cap_set(DMA_INTERLEAVE, dma->cap_mask);
	}
	dma->dev = dev;
	dma->directions = BIT(DMA_MEM_TO_MEM) | BIT(DMA_MEM_TO_DEV) | BIT(DMA_DEV_TO_MEM);
	dma->src_addr_widths = BIT(DMA_SLAVE_BUSWIDTH_1_BYTE) | BIT(DMA_SLAVE_BUSWIDTH_8_BYTES);
	dma->dst_addr_widths = dma->src_addr_widths;
	dma->residue_granularity = DMA_RESIDUE_GRANULARITY_BURST;
	dma->device_alloc_chan_resources = chan_alloc;
	dma->device_free_chan_resources = chan_free;
	dma->device_prep_dma_memcpy = prep_memcpy;
	dma->device_prep_dma_memset = prep_memset;
	dma->device_prep_dma_interrupt = prep_interrupt;
	dma->device_prep_slave_sg = prep_slave_sg;
	dma->device_prep_dma_cyclic = prep_cyclic;
	dma->device_prep_interleaved_dma = prep_interleaved;
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
 * dmaloop_dmaengine_detach - end dmaloop_dmaengine_attach()
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
