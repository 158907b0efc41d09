/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device: channels that execute rings of descriptors over one bus. Its
 * functions are its registers; a driver (client.c, dmaengine.c) uses nothing
 * else of it.
 */
#ifndef DMALOOP_ENGINE_H
#define DMALOOP_ENGINE_H

#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/wait.h>

#include "arbiter.h"
#include "mapping.h"
#include "ring.h"

#define ENGINE_COALESCE_MAX 1024u /* completions an interrupt may wait for */
#define ENGINE_COALESCE_USECS_MAX 1000000u

typedef void (*engine_irq_t)(void *data);

/**
 * struct engine_setup - where a channel's ring is, and how it is read
 * @bus: bus address of the ring's memory, mapped for as long as the ring runs
 * @size: slots, see ring_init()
 * @layout: where the descriptors lie in that memory
 * @check: how the device tells a descriptor it may execute
 * @irq: interrupt handler, called in hard interrupt context; NULL: polled
 * @irq_data: for @irq
 */
struct engine_setup {
	dma_addr_t bus;
	u32 size;
	struct ring_layout layout;
	enum ring_check check;
	engine_irq_t irq;
	void *irq_data;
};

/**
 * struct engine_channel - one channel's state
 * @engine: whose
 * @index: which
 * @setup: its ring; @setup.bus is 0 while there is none
 * @ring: the device's end of the ring
 * @bank: descriptors fetched ahead
 * @paused: moves nothing until resumed
 * @allowance: descriptors to execute before it pauses by itself; U32_MAX: no limit
 * @stalled: the next descriptor was not ready; looks again at the next doorbell
 * @rung: told to look again since the current step began
 * @busy: a step of it is being executed, without the lock
 * @epoch: counts stops and aborts: work begun before one is not completed after
 * @active: @desc is being executed
 * @desc: the current descriptor
 * @desc_bus: where it was fetched from
 * @done: bytes of it that are moved
 * @coalesce_count: completions to wait for before an interrupt
 * @coalesce_usecs: the longest a completion waits for others
 * @irq_owed: completions not told yet
 * @irq_timer: tells them when @coalesce_usecs are over
 * @irq_work: how the interrupt is raised
 * @descriptors: executed, counted
 * @bytes: moved, summed
 * @irqs: interrupts raised, counted
 *
 * All but the interrupt's mechanics is protected by the engine's lock.
 */
struct engine_channel {
	struct engine *engine;
	u32 index;
	struct engine_setup setup;
	struct ring ring;
	struct ring_bank bank;
	bool paused;
	u32 allowance;
	bool stalled;
	bool rung;
	bool busy;
	u32 epoch;
	bool active;
	struct ring_desc desc;
	dma_addr_t desc_bus;
	u32 done;
	u32 coalesce_count;
	u32 coalesce_usecs;
	u32 irq_owed;
	struct hrtimer irq_timer;
	struct irq_work irq_work;
	u64 descriptors;
	u64 bytes;
	u64 irqs;
};

/**
 * struct engine - the device's state
 * @space: what it can reach
 * @lock: protects the registers: the bus and the channels
 * @bus: who has the bus
 * @executing: somebody executes; @scratch is theirs
 * @nr_channels: how many of @channels exist
 * @channels: the channels
 * @wait: the thread's, and engine_channel_synchronize()'s
 * @thread: executes descriptors
 * @client: who drives the channels; enum dmaloop_client, device.c's
 * @dmaengine: dmaengine.c's
 * @chardev: chardev.c's
 * @scratch: ENGINE_SCRATCH bytes: the device's own buffer
 * @fifo: ENGINE_FIFO words behind the programmed I/O registers
 */
struct engine {
	struct mapping_space space;
	spinlock_t lock;
	struct bus bus;
	bool executing;
	u32 nr_channels;
	struct engine_channel channels[BUS_CHANNELS_MAX];
	wait_queue_head_t wait;
	struct task_struct *thread;
	unsigned int client;
	void *dmaengine;
	void *chardev;
	void *scratch;
	u64 *fifo;
};

#define ENGINE_SCRATCH PAGE_SIZE
#define ENGINE_FIFO 512u

int engine_init(struct engine *engine, struct device *dev, u32 nr_channels, u32 cpu_permille);
void engine_destroy(struct engine *engine);

int engine_channel_start(struct engine_channel *channel, const struct engine_setup *setup);
void engine_channel_abort(struct engine_channel *channel);
void engine_channel_synchronize(struct engine_channel *channel);
bool engine_channel_idle(struct engine_channel *channel);
void engine_channel_stop(struct engine_channel *channel);
int engine_channel_doorbell(struct engine_channel *channel, u32 tail);
void engine_channel_pause(struct engine_channel *channel, bool pause);
void engine_channel_allow(struct engine_channel *channel, u32 descriptors);
int engine_channel_settle(struct engine_channel *channel);
int engine_channel_share(struct engine_channel *channel, enum transfer_mode mode, u8 priority);
bool engine_coalesce_valid(u32 count, u32 usecs);
int engine_load(struct engine *engine, u32 cpu_permille);
int engine_channel_coalesce(struct engine_channel *channel, u32 count, u32 usecs);
u32 engine_channel_position(struct engine_channel *channel, dma_addr_t *desc_bus);

void engine_poll(struct engine *engine);

void dmaloop_pio_copy(struct device *dev, void *dst, const void *src, size_t size);
void engine_pio_write(struct engine *engine, u32 word, u64 value);
u64 engine_pio_read(struct engine *engine, u32 word);

#endif
