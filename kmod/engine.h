/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device: channels that execute rings of descriptors over one bus. The functions are its
 * registers, and drivers (client.c, dmaengine.c) use nothing else.
 */
#ifndef DMALOOP_ENGINE_H
#define DMALOOP_ENGINE_H

#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/wait.h>

#include "arbiter.h"
#include "mapping.h"
#include "ring.h"

#define ENGINE_COALESCE_MAX 1024u /* completions per interrupt */
#define ENGINE_COALESCE_USECS_MAX 1000000u

typedef void (*engine_irq_t)(void *data);

/**
 * struct engine_setup - where a channel's ring lies and how it is read
 * @bus: DMA address of the ring's memory, which stays mapped while the ring runs
 * @size: number of slots; see ring_init()
 * @layout: where the descriptors lie in that memory
 * @check: how the device recognises a descriptor that it may execute
 * @irq: interrupt handler, called in hard interrupt context; NULL if the driver polls
 * @irq_data: argument of @irq
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
 * struct engine_channel - state of one channel
 * @engine: the engine
 * @index: number of the channel
 * @setup: its ring; @setup.bus is 0 if there is none
 * @ring: the device's end of the ring
 * @bank: descriptors fetched ahead
 * @paused: moves nothing until it is resumed
 * @allowance: descriptors to execute before it pauses by itself; U32_MAX means no limit
 * @stalled: the next descriptor was not ready; the next doorbell makes the channel look again
 * @rung: the driver asked the channel to look again after the current step began
 * @busy: a step of the channel is being executed, without the lock
 * @epoch: counts stops and aborts; work that began in an earlier epoch is not completed
 * @active: @desc is being executed
 * @desc: the current descriptor
 * @desc_bus: DMA address that @desc was fetched from
 * @done: bytes of @desc that have been moved; U32_MAX if @desc has not been fetched yet
 * @coalesce_count: completions per interrupt
 * @coalesce_usecs: longest time that a completion waits for others, in microseconds
 * @irq_owed: completions that no interrupt has reported yet
 * @irq_timer: raises the interrupt after @coalesce_usecs
 * @irq_work: raises the interrupt
 * @descriptors: number of descriptors executed
 * @bytes: number of bytes moved
 * @irqs: number of interrupts raised
 *
 * The engine's lock protects everything except @irq_timer and @irq_work.
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
 * struct engine - state of the device
 * @space: the memory that the device can reach
 * @lock: protects the registers, that is, @bus and @channels
 * @bus: the bus and its arbiter
 * @executing: a step is being executed; its executor owns @scratch
 * @nr_channels: number of @channels that exist
 * @channels: the channels
 * @wait: where the thread and engine_channel_synchronize() wait
 * @thread: the thread that executes descriptors
 * @client: who drives the channels: an enum dmaloop_client, set by device.c
 * @dmaengine: private data of dmaengine.c
 * @chardev: private data of chardev.c
 * @scratch: the device's own buffer of ENGINE_SCRATCH bytes
 * @fifo: ENGINE_FIFO words behind the registers for programmed I/O
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
