// SPDX-License-Identifier: GPL-2.0
/*
 * Preparing transactions: turning dmaengine operations into descriptors.
 *
 * A transaction holds its first descriptor itself, which is copied into a slot of the ring when the
 * transaction is issued. The other descriptors are in memory from a dma_pool and are chained to the
 * first by `next`. There is no peripheral. In slave operations, the peripheral's address is the DMA
 * address of memory that stands in for it, one segment or period long.
 */
#include <linux/dmapool.h>
#include <linux/slab.h>

#include "dmaengine_channel.h"

/**
 * loop_tx_free - free a transaction
 * @lc: its channel
 * @tx: the transaction, which is on no list
 *
 * Context: any.
 */
void loop_tx_free(struct loop_chan *lc, struct loop_tx *tx)
{
	u32 i;

	dma_descriptor_unmap(&tx->tx);
	for (i = 0; i < tx->nr; i++)
		if (tx->links[i].desc)
			dma_pool_free(lc->loop->pool, tx->links[i].desc, tx->links[i].bus);
	kfree(tx);
}

/**
 * loop_tx_free_list - free all transactions on a list
 * @lc: their channel
 * @list: the list; empty afterwards
 *
 * Context: any.
 */
void loop_tx_free_list(struct loop_chan *lc, struct list_head *list)
{
	struct loop_tx *tx, *next;

	list_for_each_entry_safe(tx, next, list, node)
		loop_tx_free(lc, tx);
	INIT_LIST_HEAD(list);
}

static dma_cookie_t tx_submit(struct dma_async_tx_descriptor *async)
{
	struct loop_tx *tx = container_of(async, struct loop_tx, tx);
	struct loop_chan *lc = to_loop(async->chan);

	guard(spinlock_irqsave)(&lc->lock);
	/* Cookies wrap around within the positive numbers. */
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
			loop_tx_free(lc, tx);
			return NULL;
		}
	}
	dma_async_tx_descriptor_init(&tx->tx, &lc->chan);
	tx->tx.flags = flags;
	tx->tx.tx_submit = tx_submit;
	return tx;
}

/**
 * loop_tx_desc - get a descriptor of a transaction
 * @tx: the transaction
 * @i: its index, below loop_tx_count()
 *
 * Return: where the driver writes the descriptor: in the transaction or in pool memory.
 */
struct ring_desc *loop_tx_desc(struct loop_tx *tx, u32 i)
{
	if (tx->cyclic)
		return tx->links[i].desc;
	return i ? tx->links[i - 1].desc : &tx->first;
}

/**
 * loop_tx_count - count the descriptors of a transaction
 * @tx: the transaction
 *
 * Return: their number, at least 1.
 */
u32 loop_tx_count(const struct loop_tx *tx)
{
	return tx->cyclic ? tx->nr : tx->nr + 1;
}

static void tx_set(struct loop_tx *tx, u32 i, u64 dst, u64 src, u32 length, u32 control)
{
	struct ring_desc *desc = loop_tx_desc(tx, i);

	desc->src = src;
	desc->dst = dst;
	desc->length = length;
	desc->control = control | DESC_OWN;
	tx->length += length;
}

/* Chain the descriptors. The last one interrupts if the transaction has a callback. */
static struct dma_async_tx_descriptor *tx_finish(struct loop_tx *tx)
{
	struct loop_chan *lc = to_loop(tx->tx.chan);
	u32 i, nr = loop_tx_count(tx);

	for (i = 0; i + 1 < nr; i++)
		loop_tx_desc(tx, i)->next = tx->links[tx->cyclic ? i + 1 : i].bus;
	if (tx->cyclic) {
		loop_tx_desc(tx, nr - 1)->next = tx->links[0].bus;
		tx->first = *tx->links[0].desc;
	} else if (tx->tx.flags & DMA_PREP_INTERRUPT) {
		loop_tx_desc(tx, nr - 1)->control |= DESC_IRQ;
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

/* A transaction that moves nothing and only interrupts, for clients that chain on it. */
static struct dma_async_tx_descriptor *prep_interrupt(struct dma_chan *chan, unsigned long flags)
{
	struct loop_tx *tx = tx_alloc(to_loop(chan), 0, flags | DMA_PREP_INTERRUPT);

	if (!tx)
		return NULL;
	tx_set(tx, 0, 0, 0, 0, 0);
	return tx_finish(tx);
}

/* Copy the first source and XOR the others into @dst, which may be one of the sources. */
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

/* Compute the sum piece by piece in scratch memory, and test it there. */
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
 * RAID-6 recovery asks every device that async_tx uses, whatever its max_pq. It computes on the CPU
 * if it gets no descriptor (async_raid6_recov.c).
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

/**
 * loop_prepare_init - set which transactions a device offers
 * @dma: the device as dmaengine sees it; out: its capabilities and prepare operations
 * @public: for every user of dmaengine, not only for those that request a channel
 */
void loop_prepare_init(struct dma_device *dma, bool public)
{
	dma_cap_set(DMA_MEMCPY, dma->cap_mask);
	dma_cap_set(DMA_MEMSET, dma->cap_mask);
	dma_cap_set(DMA_INTERRUPT, dma->cap_mask);
	if (public && IS_ENABLED(CONFIG_DMA_ENGINE_RAID)) {
		/*
		 * async_tx uses only devices that can do all of its operations, so that a chain of
		 * operations never changes channels. It computes RAID-6 on the CPU, because max_pq
		 * is 0. (Without DMA_ENGINE_RAID, dmaengine has no room for three sources.)
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
	dma->directions = BIT(DMA_MEM_TO_MEM) | BIT(DMA_MEM_TO_DEV) | BIT(DMA_DEV_TO_MEM);
	dma->device_prep_dma_memcpy = prep_memcpy;
	dma->device_prep_dma_memset = prep_memset;
	dma->device_prep_dma_interrupt = prep_interrupt;
	dma->device_prep_slave_sg = prep_slave_sg;
	dma->device_prep_dma_cyclic = prep_cyclic;
	dma->device_prep_interleaved_dma = prep_interleaved;
}
