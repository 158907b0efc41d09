// SPDX-License-Identifier: GPL-2.0
/*
 * The device's own work: ask the arbiter, fetch a descriptor, move the bytes,
 * write the status back, interrupt. All memory is reached through mapping.h.
 *
 * A thread executes; a driver that polls helps it, see engine_poll(). The
 * interrupt is an irq_work: hard interrupt context, as a driver expects.
 * (irq_sim, which does the same, is not built into Debian's kernels.)
 */
#include <kunit/static_stub.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "engine.h"
#include "trace.h"

/* Cycles without a beat of any channel, after which the thread lets others run. */
#define CYCLES_UNTIL_REST 1024u

#define SETTLE_TIMEOUT (5 * HZ)

/* Of a descriptor: control, next, status. */
#define WRITE_BACK (offsetofend(struct ring_desc, status) - offsetof(struct ring_desc, control))

/* --- interrupts --- */

static void channel_irq(struct irq_work *work)
{
	struct engine_channel *channel = container_of(work, struct engine_channel, irq_work);
	engine_irq_t irq;
	void *data;

	scoped_guard(spinlock_irqsave, &channel->engine->lock)
	{
		irq = channel->setup.irq;
		data = channel->setup.irq_data;
		channel->irqs++;
	}
	if (irq)
		irq(data);
}

static void raise_irq(struct engine_channel *channel)
{
	lockdep_assert_held(&channel->engine->lock);
	channel->irq_owed = 0;
	if (channel->setup.irq)
		irq_work_queue(&channel->irq_work);
}

static enum hrtimer_restart irq_timer(struct hrtimer *timer)
{
	struct engine_channel *channel = container_of(timer, struct engine_channel, irq_timer);

	guard(spinlock_irqsave)(&channel->engine->lock);
	if (channel->irq_owed)
		raise_irq(channel);
	return HRTIMER_NORESTART;
}

static void owe_irq(struct engine_channel *channel)
{
	lockdep_assert_held(&channel->engine->lock);
	if (++channel->irq_owed >= channel->coalesce_count)
		raise_irq(channel);
	else if (channel->irq_owed == 1)
		hrtimer_start(&channel->irq_timer, ns_to_ktime(channel->coalesce_usecs * 1000ull),
			      HRTIMER_MODE_REL);
}

/* --- executing --- */

static bool channel_wants(const struct engine_channel *channel)
{
	return channel->setup.bus && !channel->paused && channel->allowance &&
	       (channel->active || (!channel->stalled && !ring_empty(&channel->ring)));
}

static bool engine_wants(struct engine *engine)
{
	bool wants = false;
	u32 i;

	lockdep_assert_held(&engine->lock);
	for (i = 0; i < engine->nr_channels; i++) {
		bool one = channel_wants(&engine->channels[i]);

		if (engine->bus.ports[i].wants != one)
			bus_want(&engine->bus, i, one);
		wants |= one;
	}
	return wants;
}

static bool has_work(struct engine *engine)
{
	guard(spinlock_irq)(&engine->lock);
	return !engine->executing && engine_wants(engine);
}

static int read_ring(void *data, u32 at, void *to, u32 size)
{
	struct engine_channel *channel = data;

	return mapping_access(&channel->engine->space, channel->setup.bus + at, to, size, false);
}

/**
 * struct step - what the thread took from a channel to work on without the lock
 * @epoch: the channel's, at that time
 * @fetch: fetch a descriptor first
 * @from_ring: it is @slot's; else it is at @desc_bus
 * @slot: the ring's head
 * @desc: the descriptor
 * @desc_bus: where it is
 * @done: bytes of it that are moved
 * @beats: granted
 * @used: of them
 * @no_desc: the descriptor could not be fetched
 * @not_ready: the descriptor may not be executed
 * @error: an access faulted
 */
struct step {
	u32 epoch;
	bool fetch;
	bool from_ring;
	u32 slot;
	struct ring_desc desc;
	dma_addr_t desc_bus;
	u32 done;
	u32 beats;
	u32 used;
	bool no_desc;
	bool not_ready;
	bool error;
};

static void fetch_desc(struct engine_channel *channel, struct step *step)
{
	const struct engine_setup *setup = &channel->setup;
	struct ring_bank *bank = &channel->bank;
	bool ahead = bank->valid;
	int err;

	step->used++;
	if (step->from_ring) {
		step->desc_bus = setup->bus + ring_slot_offset(&setup->layout, step->slot);
		err = ring_fetch(bank, &setup->layout, channel->ring.size, step->slot, &step->desc,
				 read_ring, channel);
		/* What was fetched ahead may be too old: read it again. */
		if (!err && ahead && !ring_desc_ready(&step->desc, setup->check)) {
			bank->valid = false;
			err = ring_fetch(bank, &setup->layout, channel->ring.size, step->slot,
					 &step->desc, read_ring, channel);
		}
	} else {
		err = mapping_access(&channel->engine->space, step->desc_bus, &step->desc,
				     sizeof(step->desc), false);
	}
	step->no_desc = err;
	/* Of what could not be read nothing is known. */
	if (err)
		memset(&step->desc, 0, sizeof(step->desc));
	step->not_ready = !err && !ring_desc_ready(&step->desc, setup->check);
	step->desc.status &= ~DESC_NONZERO; /* the device's to say */
	if (step->not_ready)
		bank->valid = false;
	trace_dmaloop_descriptor(channel->engine->space.dev, channel->index, step->desc_bus,
				 &step->desc, !step->not_ready && !err);
}

static void move_bytes(struct engine *engine, struct step *step)
{
	struct ring_desc *desc = &step->desc;
	u32 left = desc->length - step->done;
	u32 bytes = min(left, (step->beats - step->used) * BUS_BEAT);
	bool nonzero = false;
	int err;

	if (!bytes)
		return;
	if (desc->control & DESC_FILL)
		err = mapping_fill(&engine->space, desc->dst + step->done, desc->src, bytes,
				   engine->scratch, ENGINE_SCRATCH);
	else if (desc->control & DESC_XOR)
		err = mapping_xor(&engine->space, desc->dst + step->done, desc->src + step->done,
				  bytes, engine->scratch, ENGINE_SCRATCH);
	else if (desc->control & DESC_TEST)
		err = mapping_test(&engine->space, desc->src + step->done, bytes, engine->scratch,
				   ENGINE_SCRATCH, &nonzero);
	else
		err = mapping_copy(&engine->space, desc->dst + step->done, desc->src + step->done,
				   bytes, engine->scratch, ENGINE_SCRATCH);
	step->error = err;
	if (nonzero)
		desc->status |= DESC_NONZERO;
	step->used += DIV_ROUND_UP(bytes, BUS_BEAT);
	step->done += bytes;
}

/*
 * Write the descriptor's second half back, as one burst: data is in memory before
 * it, and in the burst the status comes last: DESC_DONE is what tells the driver.
 */
static void complete_desc(struct engine_channel *channel, struct step *step)
{
	struct mapping_space *space = &channel->engine->space;
	u32 status = DESC_DONE | (step->error ? DESC_ERROR : 0) |
		     (step->desc.status & DESC_NONZERO);
	u32 control = step->desc.control;

	lockdep_assert_held(&channel->engine->lock);
	if (!(control & DESC_CYCLIC))
		step->desc.control &= ~DESC_OWN;
	step->desc.status = status;
	mapping_access(space, step->desc_bus + offsetof(struct ring_desc, control),
		       &step->desc.control, WRITE_BACK, true);
	trace_dmaloop_completion(space->dev, channel->index, step->desc_bus, status);
	channel->descriptors++;
	if (channel->allowance != U32_MAX)
		channel->allowance--;
	/* An error is told at once and ends the slot. */
	channel->active = step->desc.next && !step->error;
	if (channel->active) {
		channel->desc_bus = step->desc.next;
		channel->done = U32_MAX; /* not fetched yet */
	} else {
		ring_consume(&channel->ring);
	}
	if (step->error)
		raise_irq(channel);
	else if (control & DESC_IRQ)
		owe_irq(channel);
}

/* The thread's work becomes the channel's state, unless the driver ended it meanwhile. */
static void commit(struct engine_channel *channel, struct step *step)
{
	struct engine *engine = channel->engine;
	bool block_done = true;

	guard(spinlock_irqsave)(&engine->lock);
	channel->busy = false;
	engine->executing = false;
	if (channel->rung && channel->setup.check == RING_CHECK_NONE)
		channel->bank.valid = false;
	if (step->epoch != channel->epoch) {
		channel->bank.valid = false;
		bus_use(&engine->bus, channel->index, step->used, true);
		return;
	}
	if (step->not_ready || step->no_desc) {
		/* In a chain there is nothing to wait for: the driver sets up a chain whole. */
		if (!step->from_ring || step->no_desc) {
			if (!step->no_desc)
				mapping_fault(&engine->space, step->desc_bus, sizeof(step->desc),
					      false, FAULT_BAD_DESCRIPTOR);
			channel->active = false;
			ring_consume(&channel->ring);
			raise_irq(channel);
		} else {
			channel->stalled = !channel->rung;
		}
	} else {
		channel->bytes += step->done - (step->fetch ? 0 : channel->done);
		block_done = step->error || step->done == step->desc.length;
		if (block_done) {
			complete_desc(channel, step);
		} else {
			channel->active = true;
			channel->desc = step->desc;
			channel->desc_bus = step->desc_bus;
			channel->done = step->done;
		}
	}
	bus_use(&engine->bus, channel->index, step->used, block_done);
}

static struct engine_channel *begin(struct engine *engine, struct step *step)
{
	struct engine_channel *channel;
	int granted;

	guard(spinlock_irqsave)(&engine->lock);
	if (engine->executing || !engine_wants(engine))
		return NULL;
	granted = bus_grant(&engine->bus, &step->beats);
	if (granted < 0)
		return ERR_PTR(-EAGAIN);
	channel = &engine->channels[granted];
	channel->busy = true;
	channel->rung = false;
	engine->executing = true;
	step->epoch = channel->epoch;
	step->from_ring = !channel->active;
	step->fetch = !channel->active || channel->done == U32_MAX;
	step->slot = channel->ring.head;
	step->desc_bus = channel->desc_bus;
	if (!step->fetch) {
		step->desc = channel->desc;
		step->done = channel->done;
	}
	return channel;
}

/* Was the ring emptied while its descriptor was read? Then that may be half a new one. */
static bool aborted(struct engine_channel *channel, const struct step *step)
{
	smp_rmb(); /* who overwrites a descriptor has counted the epoch before */
	return step->epoch != READ_ONCE(channel->epoch);
}

enum step_result { STEP_NOTHING, STEP_CPU, STEP_DONE };

/* One grant of the bus. */
static enum step_result engine_step(struct engine *engine)
{
	struct engine_channel *channel;
	struct step step = {};

	channel = begin(engine, &step);
	if (!channel)
		return STEP_NOTHING;
	if (IS_ERR(channel))
		return STEP_CPU;
	if (step.fetch)
		fetch_desc(channel, &step);
	if (!step.not_ready && !step.no_desc && step.used < step.beats &&
	    !(step.fetch && aborted(channel, &step)))
		move_bytes(engine, &step);
	commit(channel, &step);
	if (wq_has_sleeper(&engine->wait))
		wake_up_all(&engine->wait);
	return STEP_DONE;
}

/**
 * engine_poll - let the device have a moment
 * @engine: the engine
 *
 * A driver that polls with the only CPU would wait for a device that waits for
 * that CPU: this executes what the thread would, if nobody is at it.
 *
 * Context: any.
 */
void engine_poll(struct engine *engine)
{
	engine_step(engine);
}

static int engine_thread(void *data)
{
	struct engine *engine = data;
	u32 quiet = 0;

	while (!kthread_should_stop()) {
		enum step_result result;

		/* Who polls in a softirq must not wait for the step that it interrupted. */
		local_bh_disable();
		result = engine_step(engine);
		local_bh_enable();
		switch (result) {
		case STEP_NOTHING:
			quiet = 0;
			wait_event_idle(engine->wait, kthread_should_stop() || has_work(engine));
			break;
		case STEP_CPU:
			if (++quiet % CYCLES_UNTIL_REST == 0)
				schedule_timeout_idle(1);
			break;
		case STEP_DONE:
			quiet = 0;
			cond_resched();
			break;
		}
	}
	return 0;
}

/* --- registers --- */

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
		init_irq_work(&channel->irq_work, channel_irq);
		hrtimer_init(&channel->irq_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
		channel->irq_timer.function = irq_timer;
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
	for (i = 0; i < engine->nr_channels; i++) {
		hrtimer_cancel(&engine->channels[i].irq_timer);
		irq_work_sync(&engine->channels[i].irq_work);
	}
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
	hrtimer_cancel(&channel->irq_timer);
	irq_work_sync(&channel->irq_work);
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
	return !channel->busy && !channel_wants(channel);
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
