// SPDX-License-Identifier: GPL-2.0
/*
 * The device's own work: fetch a descriptor, move the bytes, write the status
 * back, interrupt. All memory is reached through mapping_access().
 *
 * A thread executes, so that no poller in another context can starve it. The
 * interrupt is an irq_work: hard interrupt context, as a driver expects.
 * (irq_sim, which does the same, is not built into Debian's kernels.)
 */
#include <linux/kthread.h>
#include <linux/slab.h>

#include "engine.h"
#include "trace.h"

#define SCRATCH_SIZE PAGE_SIZE

static void engine_raise_irq(struct irq_work *work)
{
	struct engine *engine = container_of(work, struct engine, irq_work);
	engine_irq_t irq = READ_ONCE(engine->irq);

	if (irq)
		irq(engine->irq_data);
}

static int move_bytes(struct engine *engine, dma_addr_t dst, dma_addr_t src, u32 length)
{
	while (length) {
		u32 bytes = min_t(u32, length, SCRATCH_SIZE);

		if (mapping_access(&engine->space, src, engine->scratch, bytes, false) ||
		    mapping_access(&engine->space, dst, engine->scratch, bytes, true))
			return -EFAULT;
		src += bytes;
		dst += bytes;
		length -= bytes;
	}
	return 0;
}

static void execute(struct engine *engine, u32 slot, dma_addr_t bus)
{
	struct mapping_space *space = &engine->space;
	struct ring_desc desc;
	u32 status = DESC_DONE, control;

	if (mapping_access(space, bus, &desc, sizeof(desc), false))
		return;
	if (!ring_desc_ready(&desc)) {
		mapping_fault(space, bus, sizeof(desc), false, FAULT_BAD_DESCRIPTOR);
		return;
	}
	if (move_bytes(engine, desc.dst, desc.src, desc.length))
		status |= DESC_ERROR;

	/* Data before status: the driver reads them in the other order. */
	mapping_access(space, bus + offsetof(struct ring_desc, status), &status, sizeof(status),
		       true);
	control = desc.control & ~DESC_OWN;
	mapping_access(space, bus + offsetof(struct ring_desc, control), &control, sizeof(control),
		       true);
	trace_dmaloop_completion(space->dev, slot, status);
	if (control & DESC_IRQ)
		irq_work_queue(&engine->irq_work);
}

/* Take the next slot to execute; false when there is nothing to do. */
static bool next_slot(struct engine *engine, u32 *slot, dma_addr_t *bus)
{
	bool ready;

	spin_lock_irq(&engine->lock);
	ready = engine->ring_bus && !engine->held && !ring_empty(&engine->ring);
	if (ready) {
		*slot = ring_consume(&engine->ring);
		*bus = engine->ring_bus + *slot * sizeof(struct ring_desc);
	}
	engine->busy = ready;
	spin_unlock_irq(&engine->lock);
	return ready;
}

static bool has_work(struct engine *engine)
{
	guard(spinlock_irq)(&engine->lock);
	return engine->ring_bus && !engine->held && !ring_empty(&engine->ring);
}

static int engine_thread(void *data)
{
	struct engine *engine = data;

	while (!kthread_should_stop()) {
		dma_addr_t bus;
		u32 slot;

		wait_event_interruptible(engine->wait, kthread_should_stop() || has_work(engine));
		while (!kthread_should_stop() && next_slot(engine, &slot, &bus)) {
			execute(engine, slot, bus);
			cond_resched();
		}
		spin_lock_irq(&engine->lock);
		engine->busy = false;
		spin_unlock_irq(&engine->lock);
		wake_up_all(&engine->wait);
	}
	return 0;
}

/**
 * engine_init - power the device up
 * @engine: storage; @engine->space is initialised already
 * @dev: its struct device, for names
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int engine_init(struct engine *engine, struct device *dev)
{
	spin_lock_init(&engine->lock);
	init_waitqueue_head(&engine->wait);
	init_irq_work(&engine->irq_work, engine_raise_irq);
	engine->scratch = kmalloc(SCRATCH_SIZE, GFP_KERNEL);
	if (!engine->scratch)
		return -ENOMEM;
	engine->thread = kthread_run(engine_thread, engine, "%s", dev_name(dev));
	if (IS_ERR(engine->thread)) {
		kfree(engine->scratch);
		return PTR_ERR(engine->thread);
	}
	return 0;
}

/**
 * engine_destroy - end engine_init()
 * @engine: the engine; its ring is stopped
 *
 * Context: may sleep.
 */
void engine_destroy(struct engine *engine)
{
	kthread_stop(engine->thread);
	irq_work_sync(&engine->irq_work);
	kfree(engine->scratch);
}

/**
 * engine_start_ring - tell the device where its ring is
 * @engine: the engine
 * @bus: bus address of the ring, mapped for as long as the ring runs
 * @size: slots, see ring_init()
 * @irq: called in hard interrupt context when a DESC_IRQ descriptor is done
 * @irq_data: for @irq
 *
 * Context: any.
 * Return: 0; -EINVAL for a bad @bus or @size; -EBUSY when a ring is running.
 */
int engine_start_ring(struct engine *engine, dma_addr_t bus, u32 size, engine_irq_t irq,
		      void *irq_data)
{
	struct ring ring;

	if (!bus || !ring_init(&ring, size))
		return -EINVAL;
	guard(spinlock_irqsave)(&engine->lock);
	if (engine->ring_bus)
		return -EBUSY;
	engine->ring = ring;
	engine->irq_data = irq_data;
	WRITE_ONCE(engine->irq, irq);
	engine->ring_bus = bus;
	engine->held = false;
	return 0;
}

static bool engine_idle(struct engine *engine)
{
	guard(spinlock_irq)(&engine->lock);
	return !engine->busy;
}

/**
 * engine_stop_ring - the device forgets its ring
 * @engine: the engine
 *
 * When this returns the device makes no access and the handler does not run.
 *
 * Context: may sleep.
 */
void engine_stop_ring(struct engine *engine)
{
	spin_lock_irq(&engine->lock);
	engine->ring_bus = 0;
	spin_unlock_irq(&engine->lock);
	wait_event(engine->wait, engine_idle(engine));
	irq_work_sync(&engine->irq_work);
	WRITE_ONCE(engine->irq, NULL);
}

/**
 * engine_doorbell - the doorbell register
 * @engine: the engine
 * @tail: slots before this one may be executed
 *
 * Context: any.
 * Return: 0; -EINVAL when @tail is no slot of the ring.
 */
int engine_doorbell(struct engine *engine, u32 tail)
{
	bool good;

	trace_dmaloop_doorbell(engine->space.dev, tail);
	scoped_guard(spinlock_irqsave, &engine->lock)
		good = engine->ring_bus && ring_doorbell(&engine->ring, tail);
	if (!good)
		return -EINVAL;
	wake_up_all(&engine->wait);
	return 0;
}

/**
 * engine_hold - keep the device busy elsewhere, or let it go on
 * @engine: the engine
 * @hold: execute nothing new until called with false
 *
 * A device takes its time; this makes "while the transfer is in flight" last
 * exactly as long as an experiment needs.
 *
 * Context: any.
 */
void engine_hold(struct engine *engine, bool hold)
{
	scoped_guard(spinlock_irqsave, &engine->lock) engine->held = hold;
	wake_up_all(&engine->wait);
}
