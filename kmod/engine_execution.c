// SPDX-License-Identifier: GPL-2.0
/*
 * Execution: the device's own work. It asks the arbiter for the bus, fetches a descriptor, moves
 * the bytes, writes the status back and raises an interrupt. It reaches all memory through
 * mapping.h.
 *
 * A thread executes. A driver that polls helps the thread with engine_poll(). The interrupt is an
 * irq_work, so that handlers run in hard interrupt context, as drivers expect. (irq_sim does the
 * same, but Debian's kernels are built without it.)
 */
#include <linux/kthread.h>

#include "engine_execution.h"
#include "trace.h"

/* The thread sleeps after this many cycles in which no channel moved a beat. */
#define CYCLES_UNTIL_REST 1024u

/* Size of the fields that the device writes back: control, next and status. */
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

/**
 * engine_irq_init - prepare a channel's interrupt
 * @channel: the channel
 *
 * Context: any.
 */
void engine_irq_init(struct engine_channel *channel)
{
	init_irq_work(&channel->irq_work, channel_irq);
	hrtimer_init(&channel->irq_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	channel->irq_timer.function = irq_timer;
}

/**
 * engine_irq_cancel - cancel a channel's interrupt
 * @channel: the channel, which has nothing in progress
 *
 * When this returns, no interrupt is pending and no handler runs.
 *
 * Context: may sleep.
 */
void engine_irq_cancel(struct engine_channel *channel)
{
	hrtimer_cancel(&channel->irq_timer);
	irq_work_sync(&channel->irq_work);
}

/* --- executing --- */

/**
 * engine_channel_wants - does the channel have something to do?
 * @channel: the channel
 *
 * Context: any, with the engine's lock held.
 * Return: true if it needs the bus.
 */
bool engine_channel_wants(const struct engine_channel *channel)
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
		bool one = engine_channel_wants(&engine->channels[i]);

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
 * struct step - work that the thread took from a channel, to do it without the lock
 * @epoch: the channel's epoch at that time
 * @fetch: fetch a descriptor first
 * @from_ring: the descriptor is in @slot; otherwise it is at @desc_bus
 * @slot: the ring's head
 * @desc: the descriptor
 * @desc_bus: DMA address of the descriptor
 * @done: bytes of the descriptor that have been moved
 * @beats: beats granted
 * @used: beats used
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
		/* The copy fetched ahead may be too old, so read it again. */
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
	/* Nothing is known about a descriptor that could not be read. */
	if (err)
		memset(&step->desc, 0, sizeof(step->desc));
	step->not_ready = !err && !ring_desc_ready(&step->desc, setup->check);
	step->desc.status &= ~DESC_NONZERO; /* set by the device only */
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
 * Write the second half of the descriptor back in one burst. The data is in memory before it. The
 * status is the last word of the burst, because the driver waits for DESC_DONE.
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
	/* An error is reported at once, and it ends the slot. */
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

/* Make the thread's work the channel's state, unless a stop or an abort has overtaken it. */
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
		/* A driver sets up a chain as a whole, so there is nothing to wait for. */
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

/* Was the ring emptied during the fetch? Then the descriptor may be half a new one. */
static bool aborted(struct engine_channel *channel, const struct step *step)
{
	smp_rmb(); /* an abort increments the epoch before a descriptor is overwritten */
	return step->epoch != READ_ONCE(channel->epoch);
}

enum step_result { STEP_NOTHING, STEP_CPU, STEP_DONE };

/* Use one grant of the bus. */
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
 * engine_poll - let the device do some work
 * @engine: the engine
 *
 * A driver that polls on the only CPU would wait for the device, while the device waits for that
 * CPU. This executes one step in place of the thread, unless somebody is executing one already.
 *
 * Context: any.
 */
void engine_poll(struct engine *engine)
{
	engine_step(engine);
}

/**
 * engine_thread - execute descriptors until the thread is stopped
 * @data: the engine
 *
 * Return: 0.
 */
int engine_thread(void *data)
{
	struct engine *engine = data;
	u32 quiet = 0;

	while (!kthread_should_stop()) {
		enum step_result result;

		/* A softirq that polls must not wait for a step that it interrupted. */
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
