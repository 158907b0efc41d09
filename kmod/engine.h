/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device: one channel that executes a ring of copy descriptors. Its
 * functions are its registers; a driver (client.c) uses nothing else of it.
 */
#ifndef DMALOOP_ENGINE_H
#define DMALOOP_ENGINE_H

#include <linux/irq_work.h>
#include <linux/wait.h>

#include "mapping.h"
#include "ring.h"

typedef void (*engine_irq_t)(void *data);

/**
 * struct engine - the device's state
 * @space: what it can reach
 * @lock: protects the registers below
 * @ring: the device's end of the ring
 * @ring_bus: bus address of the ring; 0 while there is none
 * @held: the device is busy elsewhere: it executes nothing until released
 * @busy: a descriptor is being executed
 * @irq: interrupt handler, in hard interrupt context
 * @irq_data: for @irq
 * @irq_work: how the interrupt is raised
 * @wait: the thread's, and engine_stop_ring()'s
 * @thread: executes descriptors
 * @scratch: SCRATCH_SIZE bytes: the device's own buffer, used by @thread only
 */
struct engine {
	struct mapping_space space;
	spinlock_t lock;
	struct ring ring;
	dma_addr_t ring_bus;
	bool held;
	bool busy;
	engine_irq_t irq;
	void *irq_data;
	struct irq_work irq_work;
	wait_queue_head_t wait;
	struct task_struct *thread;
	void *scratch;
};

int engine_init(struct engine *engine, struct device *dev);
void engine_destroy(struct engine *engine);

int engine_start_ring(struct engine *engine, dma_addr_t bus, u32 size, engine_irq_t irq,
		      void *irq_data);
void engine_stop_ring(struct engine *engine);
int engine_doorbell(struct engine *engine, u32 tail);
void engine_hold(struct engine *engine, bool hold);

#endif
