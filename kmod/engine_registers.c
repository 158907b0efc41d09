// SPDX-License-Identifier: GPL-2.0
/*
 * Registers: what a driver writes and reads to have the device work. Each function is one.
 */
#include <kunit/static_stub.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "engine_execution.h"
#include "trace.h"

#define SETTLE_TIMEOUT (5 * HZ)

static void trace_ring(const struct engine_channel *channel)
{
	const struct engine_setup *setup = &channel->setup;

	lockdep_assert_held(&channel->engine->lock);
	if (setup->bus)
		trace_dmaloop_ring(channel->engine->space.dev, channel->index,
				   setup->bus + setup->layout.offset, setup->layout.stride,
				   setup->size);
}

/**
 * engine_init - power the device up
 * @engine: storage; @engine->space is initialised already
 * @dev: its struct device, for names
 * @nr_channels: 1 to BUS_CHANNELS_MAX
 * @cpu_permille: the CPU's modelled demand for the bus, see arbiter.h
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int engine_init(struct engine *engine, struct device *dev, u32 nr_channels, u32 cpu_permille)
{
	u32 i;

	if (!bus_init(&engine->bus, nr_channels, cpu_permille))
		return -EINVAL;
	spin_lock_init(&engine->lock);
	init_waitqueue_head(&engine->wait);
	engine->nr_channels = nr_channels;
	for (i = 0; i < nr_channels; i++) {
		struct engine_channel *channel = &engine->channels[i];

		channel->engine = engine;
		channel->index = i;
		channel->allowance = U32_MAX;
		channel->coalesce_count = 1;
		engine_irq_init(channel);
	}
	engine->scratch = kmalloc(ENGINE_SCRATCH, GFP_KERNEL);
	engine->fifo = kcalloc(ENGINE_FIFO, sizeof(*engine->fifo), GFP_KERNEL);
	if (!engine->scratch || !engine->fifo)
		goto out_free;
	engine->thread = kthread_run(engine_thread, engine, "%s", dev_name(dev));
	if (!IS_ERR(engine->thread))
		return 0;
out_free:
	kfree(engine->fifo);
	kfree(engine->scratch);
	return -ENOMEM;
}

/**
 * engine_destroy - end engine_init()
 * @engine: the engine; its channels are stopped
 *
 * Context: may sleep.
 */
void engine_destroy(struct engine *engine)
{
	u32 i;

	kthread_stop(engine->thread);
	for (i = 0; i < engine->nr_channels; i++)
		engine_irq_cancel(&engine->channels[i]);
	kfree(engine->fifo);
	kfree(engine->scratch);
}

/**
 * engine_channel_start - tell a channel where its ring is
 * @channel: the channel
 * @setup: the ring; copied
 *
 * Context: any.
 * Return: 0; -EINVAL for a bad setup; -EBUSY when a ring is running.
 */
int engine_channel_start(struct engine_channel *channel, const struct engine_setup *setup)
{
	struct ring ring;

	if (!setup->bus || !ring_init(&ring, setup->size) || !ring_layout_valid(&setup->layout))
		return -EINVAL;
	guard(spinlock_irqsave)(&channel->engine->lock);
	if (channel->setup.bus || channel->busy)
		return -EBUSY;
	channel->setup = *setup;
	channel->ring = ring;
	channel->bank.valid = false;
	channel->paused = false;
	channel->allowance = U32_MAX;
	channel->stalled = false;
	channel->active = false;
	channel->irq_owed = 0;
	trace_ring(channel);
	return 0;
}

/**
 * engine_channel_abort - drop what the ring holds; the ring stays
 * @channel: the channel
 *
 * The ring is empty afterwards, its head and tail 0, and no descriptor handed
 * over before is completed after. A beat in progress may still be moved, until
 * engine_channel_synchronize().
 *
 * Context: any.
 */
void engine_channel_abort(struct engine_channel *channel)
{
	guard(spinlock_irqsave)(&channel->engine->lock);
	channel->epoch++;
	channel->ring.head = 0;
	channel->ring.tail = 0;
	channel->active = false;
	channel->stalled = false;
	channel->paused = false;
	channel->irq_owed = 0;
	/* The thread may be writing the bank just now. It is dropped once it is not. */
	if (!channel->busy)
		channel->bank.valid = false;
	trace_ring(channel);
}

/**
 * engine_channel_idle - is nothing in progress?
 * @channel: the channel
 *
 * Context: any.
 * Return: true when engine_channel_synchronize() would not have to wait.
 */
bool engine_channel_idle(struct engine_channel *channel)
{
	guard(spinlock_irqsave)(&channel->engine->lock);
	return !channel->busy;
}

/**
 * engine_channel_synchronize - wait for what is in progress
 * @channel: the channel
 *
 * After an abort or a stop: when this returns, the device makes no access on
 * behalf of what was dropped, and the handler does not run for it.
 *
 * Context: may sleep.
 */
void engine_channel_synchronize(struct engine_channel *channel)
{
	wait_event(channel->engine->wait, engine_channel_idle(channel));
	engine_irq_cancel(channel);
}

/**
 * engine_channel_stop - the channel forgets its ring
 * @channel: the channel
 *
 * When this returns it makes no access and the handler does not run.
 *
 * Context: may sleep.
 */
void engine_channel_stop(struct engine_channel *channel)
{
	engine_channel_abort(channel);
	engine_channel_synchronize(channel);
	guard(spinlock_irq)(&channel->engine->lock);
	channel->setup.bus = 0;
	channel->setup.irq = NULL;
}

/* The next descriptor may be ready by now, even if a step just sees that it is not. */
static void look_again(struct engine_channel *channel)
{
	lockdep_assert_held(&channel->engine->lock);
	channel->stalled = false;
	channel->rung = true;
}

/**
 * engine_channel_doorbell - the doorbell register
 * @channel: the channel
 * @tail: slots before this one may be executed
 *
 * Context: any.
 * Return: 0; -EINVAL when @tail is no slot of the ring.
 */
int engine_channel_doorbell(struct engine_channel *channel, u32 tail)
{
	bool good;

	trace_dmaloop_doorbell(channel->engine->space.dev, channel->index, tail);
	scoped_guard(spinlock_irqsave, &channel->engine->lock)
	{
		good = channel->setup.bus && ring_doorbell(&channel->ring, tail);
		look_again(channel);
		/* Nothing else would tell it that what it fetched ahead is too old. */
		if (channel->setup.check == RING_CHECK_NONE && !channel->busy)
			channel->bank.valid = false;
	}
	if (!good)
		return -EINVAL;
	wake_up_all(&channel->engine->wait);
	return 0;
}

/**
 * engine_channel_pause - hold a channel where it is, or let it go on
 * @channel: the channel
 * @pause: move nothing new until called with false
 *
 * Context: any.
 */
void engine_channel_pause(struct engine_channel *channel, bool pause)
{
	scoped_guard(spinlock_irqsave, &channel->engine->lock)
	{
		channel->paused = pause;
		channel->allowance = U32_MAX;
		look_again(channel);
	}
	wake_up_all(&channel->engine->wait);
}

/**
 * engine_channel_allow - execute so many descriptors and pause
 * @channel: the channel
 * @descriptors: how many
 *
 * A device takes its time; this makes "while the transfer is in flight" last
 * exactly as long as an experiment needs.
 *
 * Context: any.
 */
void engine_channel_allow(struct engine_channel *channel, u32 descriptors)
{
	scoped_guard(spinlock_irqsave, &channel->engine->lock)
	{
		channel->paused = false;
		channel->allowance = descriptors;
		look_again(channel);
	}
	wake_up_all(&channel->engine->wait);
}

static bool channel_settled(struct engine_channel *channel)
{
	guard(spinlock_irqsave)(&channel->engine->lock);
	return !channel->busy && !engine_channel_wants(channel);
}

/**
 * engine_channel_settle - wait until the channel has nothing it can do
 * @channel: the channel; its ring holds nothing cyclic
 *
 * Context: may sleep, at most SETTLE_TIMEOUT.
 * Return: 0; -ETIMEDOUT: a transparent channel may wait for the bus for ever.
 */
int engine_channel_settle(struct engine_channel *channel)
{
	return wait_event_timeout(channel->engine->wait, channel_settled(channel), SETTLE_TIMEOUT) ?
		       0 :
		       -ETIMEDOUT;
}

/**
 * engine_channel_share - how the channel shares the bus
 * @channel: the channel
 * @mode: see arbiter.h
 * @priority: higher goes first
 *
 * Context: any. Takes effect with the next grant.
 * Return: 0; -EINVAL for an unknown mode.
 */
int engine_channel_share(struct engine_channel *channel, enum transfer_mode mode, u8 priority)
{
	struct bus_port *port = &channel->engine->bus.ports[channel->index];

	if (mode > TRANSFER_TRANSPARENT)
		return -EINVAL;
	guard(spinlock_irqsave)(&channel->engine->lock);
	port->mode = mode;
	port->priority = priority;
	return 0;
}

/**
 * engine_load - the CPU's demand for the bus
 * @engine: the engine
 * @cpu_permille: cycles of 1000 that the CPU wants
 *
 * Context: any.
 * Return: 0; -EINVAL above 1000.
 */
int engine_load(struct engine *engine, u32 cpu_permille)
{
	KUNIT_STATIC_STUB_REDIRECT(engine_load, engine, cpu_permille);
	if (cpu_permille > 1000)
		return -EINVAL;
	guard(spinlock_irqsave)(&engine->lock);
	engine->bus.cpu_permille = cpu_permille;
	return 0;
}

/**
 * engine_coalesce_valid - may interrupts be coalesced so?
 * @count: see engine_channel_coalesce()
 * @usecs: see engine_channel_coalesce()
 *
 * Return: false when out of range, or when a count without a time would leave
 * the last completions untold.
 */
bool engine_coalesce_valid(u32 count, u32 usecs)
{
	return count && count <= ENGINE_COALESCE_MAX && usecs <= ENGINE_COALESCE_USECS_MAX &&
	       (count == 1 || usecs);
}

/**
 * engine_channel_coalesce - how many completions one interrupt tells
 * @channel: the channel
 * @count: at most so many, 1 to ENGINE_COALESCE_MAX; 1: each its own
 * @usecs: and none later than this after the first; 1 to
 *	ENGINE_COALESCE_USECS_MAX, ignored for a @count of 1
 *
 * Context: any.
 * Return: 0; -EINVAL when engine_coalesce_valid() says no.
 */
int engine_channel_coalesce(struct engine_channel *channel, u32 count, u32 usecs)
{
	if (!engine_coalesce_valid(count, usecs))
		return -EINVAL;
	guard(spinlock_irqsave)(&channel->engine->lock);
	channel->coalesce_count = count;
	channel->coalesce_usecs = usecs;
	return 0;
}

/**
 * engine_channel_position - how far the channel has come
 * @channel: the channel
 * @desc_bus: out: bus address of the current descriptor; 0: between slots
 *
 * Context: any.
 * Return: bytes of the current descriptor that are moved.
 */
u32 engine_channel_position(struct engine_channel *channel, dma_addr_t *desc_bus)
{
	guard(spinlock_irqsave)(&channel->engine->lock);
	*desc_bus = channel->active ? channel->desc_bus : 0;
	return channel->active && channel->done != U32_MAX ? channel->done : 0;
}

/**
 * dmaloop_pio_copy - programmed I/O: the CPU moves every word to the device and back
 * @dev: a dmaloop device
 * @dst: where the device's copy goes
 * @src: what it is made of
 * @size: bytes; the last word may be a part of one
 *
 * The path that DMA is measured against: two register accesses for each eight
 * bytes, no descriptor, no interrupt. Real registers are uncached and cost far
 * more than these.
 *
 * Context: any; one at a time on a device.
 */
void dmaloop_pio_copy(struct device *dev, void *dst, const void *src, size_t size)
{
	struct engine *engine = dev_get_drvdata(dev);
	u32 word = 0;

	while (size) {
		size_t bytes = min_t(size_t, size, sizeof(u64));
		u64 value = 0;

		memcpy(&value, src, bytes);
		engine_pio_write(engine, word, value);
		value = engine_pio_read(engine, word++);
		memcpy(dst, &value, bytes);
		src += bytes;
		dst += bytes;
		size -= bytes;
	}
}
EXPORT_SYMBOL_GPL(dmaloop_pio_copy);

/**
 * engine_pio_write - a data register: the CPU moves a word into the device
 * @engine: the engine
 * @word: which of ENGINE_FIFO, taken modulo
 * @value: the word
 *
 * Context: any.
 */
noinline void engine_pio_write(struct engine *engine, u32 word, u64 value)
{
	WRITE_ONCE(engine->fifo[word % ENGINE_FIFO], value);
}

/**
 * engine_pio_read - a data register: the CPU takes a word from the device
 * @engine: the engine
 * @word: which of ENGINE_FIFO, taken modulo
 *
 * Context: any.
 * Return: the word.
 */
noinline u64 engine_pio_read(struct engine *engine, u32 word)
{
	return READ_ONCE(engine->fifo[word % ENGINE_FIFO]);
}
