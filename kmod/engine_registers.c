// SPDX-License-Identifier: GPL-2.0
/* The device's registers, with which a driver controls it. Each function stands for one. */
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
 * engine_init - initialise an engine and start its thread
 * @engine: storage for the engine; @engine->space is already initialised
 * @dev: the device, for names
 * @nr_channels: number of channels, 1 to BUS_CHANNELS_MAX
 * @cpu_permille: the CPU's modelled demand for the bus, 0 to 1000; see arbiter.h
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
 * engine_destroy - undo engine_init()
 * @engine: the engine, with all its channels stopped
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
 * @setup: the ring; it is copied
 *
 * Context: any.
 * Return: 0, -EINVAL if @setup is invalid, or -EBUSY if a ring is running.
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
 * engine_channel_abort - drop all descriptors of the ring, but keep the ring
 * @channel: the channel
 *
 * Afterwards the ring is empty, with its head and tail at 0. No descriptor that was handed over
 * before is completed. A beat in progress may still be moved until engine_channel_synchronize()
 * returns.
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
	/* The thread may be writing the bank. commit() then drops it. */
	if (!channel->busy)
		channel->bank.valid = false;
	trace_ring(channel);
}

/**
 * engine_channel_idle - is nothing in progress?
 * @channel: the channel
 *
 * Context: any.
 * Return: true if engine_channel_synchronize() would not have to wait.
 */
bool engine_channel_idle(struct engine_channel *channel)
{
	guard(spinlock_irqsave)(&channel->engine->lock);
	return !channel->busy;
}

/**
 * engine_channel_synchronize - wait for work in progress
 * @channel: the channel
 *
 * For use after an abort or a stop. When this returns, the device makes no access for the dropped
 * descriptors, and the handler does not run for them.
 *
 * Context: may sleep.
 */
void engine_channel_synchronize(struct engine_channel *channel)
{
	wait_event(channel->engine->wait, engine_channel_idle(channel));
	engine_irq_cancel(channel);
}

/**
 * engine_channel_stop - stop a channel and forget its ring
 * @channel: the channel
 *
 * When this returns, the channel makes no access, and the handler does not run.
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

/* The next descriptor may be ready now, even if the current step has just found that it is not. */
static void look_again(struct engine_channel *channel)
{
	lockdep_assert_held(&channel->engine->lock);
	channel->stalled = false;
	channel->rung = true;
}

/**
 * engine_channel_doorbell - write the doorbell register
 * @channel: the channel
 * @tail: the device may execute the slots before this one
 *
 * Context: any.
 * Return: 0, or -EINVAL if @tail is not a slot of the ring.
 */
int engine_channel_doorbell(struct engine_channel *channel, u32 tail)
{
	bool good;

	trace_dmaloop_doorbell(channel->engine->space.dev, channel->index, tail);
	scoped_guard(spinlock_irqsave, &channel->engine->lock)
	{
		good = channel->setup.bus && ring_doorbell(&channel->ring, tail);
		look_again(channel);
		/* Without a check, only the doorbell shows that the bank is too old. */
		if (channel->setup.check == RING_CHECK_NONE && !channel->busy)
			channel->bank.valid = false;
	}
	if (!good)
		return -EINVAL;
	wake_up_all(&channel->engine->wait);
	return 0;
}

/**
 * engine_channel_pause - pause or resume a channel
 * @channel: the channel
 * @pause: true to move nothing new, false to go on
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
 * engine_channel_allow - execute a number of descriptors, then pause
 * @channel: the channel
 * @descriptors: the number of descriptors
 *
 * A real device takes its time. With this, "while the transfer is in flight" lasts exactly as long
 * as an experiment needs.
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
 * engine_channel_settle - wait until the channel can do no more
 * @channel: the channel, without a cyclic descriptor in its ring
 *
 * Context: may sleep, at most SETTLE_TIMEOUT.
 * Return: 0, or -ETIMEDOUT: a transparent channel may wait for the bus for ever.
 */
int engine_channel_settle(struct engine_channel *channel)
{
	return wait_event_timeout(channel->engine->wait, channel_settled(channel), SETTLE_TIMEOUT) ?
		       0 :
		       -ETIMEDOUT;
}

/**
 * engine_channel_share - set how a channel shares the bus
 * @channel: the channel
 * @mode: the transfer mode; see arbiter.h
 * @priority: higher goes first
 *
 * Context: any; takes effect with the next grant.
 * Return: 0, or -EINVAL if @mode is unknown.
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
 * engine_load - set the CPU's demand for the bus
 * @engine: the engine
 * @cpu_permille: cycles out of 1000 that the CPU wants
 *
 * Context: any.
 * Return: 0, or -EINVAL if @cpu_permille is above 1000.
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
 * engine_coalesce_valid - check settings for coalescing
 * @count: see engine_channel_coalesce()
 * @usecs: see engine_channel_coalesce()
 *
 * Return: false if a value is out of range, or if a count without a time would leave the last
 * completions unreported.
 */
bool engine_coalesce_valid(u32 count, u32 usecs)
{
	return count && count <= ENGINE_COALESCE_MAX && usecs <= ENGINE_COALESCE_USECS_MAX &&
	       (count == 1 || usecs);
}

/**
 * engine_channel_coalesce - set how many completions one interrupt reports
 * @channel: the channel
 * @count: completions per interrupt, 1 to ENGINE_COALESCE_MAX
 * @usecs: longest time after the first completion, in microseconds, 1 to ENGINE_COALESCE_USECS_MAX;
 *	ignored if @count is 1
 *
 * Context: any.
 * Return: 0, or -EINVAL if engine_coalesce_valid() refuses the values.
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
 * engine_channel_position - read how far the channel has come
 * @channel: the channel
 * @desc_bus: out: DMA address of the current descriptor; 0 between slots
 *
 * Context: any.
 * Return: number of bytes of the current descriptor that have been moved.
 */
u32 engine_channel_position(struct engine_channel *channel, dma_addr_t *desc_bus)
{
	guard(spinlock_irqsave)(&channel->engine->lock);
	*desc_bus = channel->active ? channel->desc_bus : 0;
	return channel->active && channel->done != U32_MAX ? channel->done : 0;
}

/**
 * dmaloop_pio_copy - copy memory by programmed I/O
 * @dev: a dmaloop device
 * @dst: destination, written from the device
 * @src: source, written to the device
 * @size: bytes; need not be a multiple of a word
 *
 * The CPU moves every word to the device and back. This is what DMA is compared with: two register
 * accesses for every eight bytes, but no descriptor and no interrupt. Real registers are uncached
 * and cost far more than these.
 *
 * Context: any; one caller at a time per device.
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
 * engine_pio_write - write a word to a data register
 * @engine: the engine
 * @word: index of the register, modulo ENGINE_FIFO
 * @value: the word
 *
 * Context: any.
 */
noinline void engine_pio_write(struct engine *engine, u32 word, u64 value)
{
	WRITE_ONCE(engine->fifo[word % ENGINE_FIFO], value);
}

/**
 * engine_pio_read - read a word from a data register
 * @engine: the engine
 * @word: index of the register, modulo ENGINE_FIFO
 *
 * Context: any.
 * Return: the word.
 */
noinline u64 engine_pio_read(struct engine *engine, u32 word)
{
	return READ_ONCE(engine->fifo[word % ENGINE_FIFO]);
}
