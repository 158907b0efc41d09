// SPDX-License-Identifier: GPL-2.0
/*
 * The engine through its registers: chains, fills, cyclic rings, banks, pause, abort, coalescing,
 * and what the arbiter's decisions do to real transfers. All memory is coherent; caches have suites
 * of their own.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>

#include "../kmod/device.h"
#include "../kmod/trace.h"

#define AREA SZ_64K
#define SLOTS 8u
#define DATA SZ_4K /* offset of the payloads in the area */

/* One device and its memory, which holds the rings of all channels and then payloads. */
struct fixture {
	struct platform_device *pdev;
	struct device *dev;
	struct engine *engine;
	u8 *area;
	dma_addr_t bus;
	atomic_t irqs;
};

static void count_irq(void *data)
{
	struct fixture *f = data;

	atomic_inc(&f->irqs);
}

static struct fixture *make(struct kunit *test, u32 channels, enum transfer_mode mode, u32 cpu_load)
{
	struct dmaloop_config config = dmaloop_config_default;
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	config.coherency = COHERENCY_COHERENT;
	config.channels = channels;
	config.mode = mode;
	config.cpu_load = cpu_load;
	f->pdev = dmaloop_device_create(&config);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, f->pdev);
	test->priv = f;
	f->dev = &f->pdev->dev;
	f->engine = dmaloop_device_engine(f->pdev);
	f->area = dma_alloc_coherent(f->dev, AREA, &f->bus, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->area);
	return f;
}

static void fixture_exit(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 i;

	if (!f)
		return;
	for (i = 0; i < f->engine->nr_channels; i++)
		engine_channel_stop(&f->engine->channels[i]);
	if (f->area)
		dma_free_coherent(f->dev, AREA, f->area, f->bus);
	dmaloop_device_destroy(f->pdev);
}

static struct ring_desc *slot(struct fixture *f, u32 channel, u32 i)
{
	return (struct ring_desc *)(f->area + channel * 512) + i;
}

static void set(struct ring_desc *desc, u64 dst, u64 src, u32 length, u32 control, u64 next)
{
	*desc = (struct ring_desc){ src, dst, length, control | DESC_OWN, next, 0, 0 };
}

static struct engine_channel *start(struct kunit *test, struct fixture *f, u32 channel)
{
	struct engine_setup setup = {
		.bus = f->bus + channel * 512,
		.size = SLOTS,
		.layout = { .stride = sizeof(struct ring_desc) },
		.irq = count_irq,
		.irq_data = f,
	};

	KUNIT_ASSERT_EQ(test, engine_channel_start(&f->engine->channels[channel], &setup), 0);
	return &f->engine->channels[channel];
}

static void settle(struct engine_channel *channel, u32 tail)
{
	engine_channel_doorbell(channel, tail);
	engine_channel_settle(channel);
	irq_work_sync(&channel->irq_work);
}

static void fill_pattern(u8 *at, size_t size, u8 seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		at[i] = seed + i * 7 + (i >> 8);
}

/* A chain gathers pieces of any length and alignment, with one slot and one interrupt. */
static void chains_gather(struct kunit *test)
{
	static const u32 lengths[] = { 1, 0, 63, 64, 4097, 3, 250 };
	struct fixture *f = make(test, 1, TRANSFER_BURST, 0);
	struct engine_channel *channel = start(test, f, 0);
	struct ring_desc *links = (struct ring_desc *)(f->area + 1024);
	dma_addr_t links_bus = f->bus + 1024;
	u32 i, from = 0, to = 0, n = ARRAY_SIZE(lengths);

	fill_pattern(f->area + DATA, SZ_8K, 3);
	for (i = 0; i < n; i++) {
		struct ring_desc *desc = i ? &links[i] : slot(f, 0, 0);

		set(desc, f->bus + SZ_32K + to, f->bus + DATA + from, lengths[i],
		    i == n - 1 ? DESC_IRQ : 0,
		    i == n - 1 ? 0 : links_bus + (i + 1) * sizeof(*links));
		from += lengths[i] + 5; /* gaps in the source */
		to += lengths[i];
	}
	settle(channel, 1);
	for (i = 0, from = 0, to = 0; i < n; i++) {
		KUNIT_EXPECT_EQ(
			test, memcmp(f->area + SZ_32K + to, f->area + DATA + from, lengths[i]), 0);
		KUNIT_EXPECT_EQ(test, (i ? &links[i] : slot(f, 0, 0))->status, DESC_DONE);
		from += lengths[i] + 5;
		to += lengths[i];
	}
	KUNIT_EXPECT_EQ(test, f->area[SZ_32K + to], 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 1);
	KUNIT_EXPECT_EQ(test, channel->bytes, to);
}

/* A fault ends the chain: the rest is not executed, and the driver gets an interrupt. */
static void faults_end_the_chain(struct kunit *test)
{
	struct fixture *f = make(test, 1, TRANSFER_BURST, 0);
	struct engine_channel *channel = start(test, f, 0);
	struct ring_desc *link = slot(f, 0, SLOTS), *last = slot(f, 0, SLOTS + 1);
	dma_addr_t bus = f->bus + SLOTS * sizeof(*link);

	f->area[DATA] = 0x5a;
	set(slot(f, 0, 0), f->bus + SZ_32K, f->bus + DATA, 1, 0, bus);
	set(link, f->bus + SZ_32K, 0xdead000, 1, 0, bus + sizeof(*link));
	set(last, f->bus + SZ_32K + 1, f->bus + DATA, 1, 0, 0);
	set(slot(f, 0, 1), f->bus + SZ_32K + 2, f->bus + DATA, 1, 0, 0);
	settle(channel, 2);
	KUNIT_EXPECT_EQ(test, slot(f, 0, 0)->status, DESC_DONE);
	KUNIT_EXPECT_EQ(test, link->status, DESC_DONE | DESC_ERROR);
	KUNIT_EXPECT_EQ(test, last->status, 0);
	KUNIT_EXPECT_EQ(test, f->area[SZ_32K + 1], 0);
	KUNIT_EXPECT_EQ(test, f->area[SZ_32K + 2], 0x5a);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 1);
	KUNIT_EXPECT_EQ(test, f->engine->space.faults, 1);
	KUNIT_EXPECT_EQ(test, f->engine->space.records[0].bus, 0xdead000);
	KUNIT_EXPECT_EQ(test, f->engine->space.records[0].reason, FAULT_UNMAPPED);
}

/* A chain that loops reaches a descriptor that is already done. */
static void looping_chain_ends(struct kunit *test)
{
	struct fixture *f = make(test, 1, TRANSFER_BURST, 0);
	struct engine_channel *channel = start(test, f, 0);

	set(slot(f, 0, 0), f->bus + SZ_32K, f->bus + DATA, 8, 0, f->bus);
	settle(channel, 1);
	KUNIT_EXPECT_EQ(test, f->engine->space.faults, 1);
	KUNIT_EXPECT_EQ(test, f->engine->space.records[0].reason, FAULT_BAD_DESCRIPTOR);
}

static void fills_memory(struct kunit *test)
{
	struct fixture *f = make(test, 1, TRANSFER_BURST, 0);
	struct engine_channel *channel = start(test, f, 0);

	set(slot(f, 0, 0), f->bus + DATA + 1, 0xa7, 9000, DESC_FILL, 0);
	settle(channel, 1);
	KUNIT_EXPECT_EQ(test, f->area[DATA], 0);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(f->area + DATA + 1, 0xa7, 9000), NULL);
	KUNIT_EXPECT_EQ(test, f->area[DATA + 9001], 0);
}

/* Two periods repeat until the channel is stopped. */
static void cyclic_goes_on(struct kunit *test)
{
	struct fixture *f = make(test, 1, TRANSFER_BURST, 0);
	struct engine_channel *channel = start(test, f, 0);
	dma_addr_t second = f->bus + sizeof(struct ring_desc) * SLOTS;
	u64 before;

	set(slot(f, 0, 0), f->bus + SZ_32K, f->bus + DATA, 64, DESC_CYCLIC | DESC_IRQ, second);
	set(slot(f, 0, SLOTS), f->bus + SZ_32K, f->bus + DATA, 64, DESC_CYCLIC | DESC_IRQ, f->bus);
	engine_channel_doorbell(channel, 1);
	while (READ_ONCE(channel->descriptors) < 1000)
		cond_resched();
	engine_channel_pause(channel, true);
	engine_channel_synchronize(channel);
	before = channel->descriptors;
	msleep(20);
	KUNIT_EXPECT_EQ(test, channel->descriptors, before);
	KUNIT_EXPECT_GT(test, atomic_read(&f->irqs), 0);
	engine_channel_pause(channel, false);
	while (READ_ONCE(channel->descriptors) < before + 1000)
		cond_resched();
	KUNIT_EXPECT_EQ(test, f->engine->space.faults, 0);
	engine_channel_abort(channel);
	engine_channel_synchronize(channel);
	before = channel->descriptors;
	msleep(20);
	KUNIT_EXPECT_EQ(test, channel->descriptors, before);
}

/* Aborted descriptors are never completed; those submitted afterwards are. */
static void abort_forgets(struct kunit *test)
{
	struct fixture *f = make(test, 1, TRANSFER_BURST, 0);
	struct engine_channel *channel = start(test, f, 0);
	u32 i;

	for (i = 0; i < 200; i++) {
		set(slot(f, 0, 0), f->bus + SZ_32K, f->bus + DATA, SZ_8K, DESC_IRQ, 0);
		set(slot(f, 0, 1), f->bus + SZ_32K, f->bus + DATA, SZ_8K, DESC_IRQ, 0);
		engine_channel_doorbell(channel, 2);
		if (i % 2)
			cond_resched();
		engine_channel_abort(channel);
		set(slot(f, 0, 0), f->bus + SZ_32K + SZ_8K, f->bus + DATA, 8, 0, 0);
		slot(f, 0, 1)->status = 0;
		settle(channel, 1);
		KUNIT_ASSERT_EQ(test, slot(f, 0, 0)->status, DESC_DONE);
		KUNIT_ASSERT_EQ(test, slot(f, 0, 1)->status, 0);
		engine_channel_abort(channel);
	}
}

static void abort_now(void *data, struct device *dev, u64 bus, u64 size, bool write)
{
	if (write && size == PAGE_SIZE)
		engine_channel_abort(data);
}

/* After an abort in the middle of a step, the current descriptor is not completed. */
static void abort_in_mid_step(struct kunit *test)
{
	struct fixture *f = make(test, 1, TRANSFER_BURST, 0);
	struct engine_channel *channel = start(test, f, 0);

	KUNIT_ASSERT_EQ(test, register_trace_dmaloop_device_access(abort_now, channel), 0);
	set(slot(f, 0, 0), f->bus + SZ_32K, 0xa7, SZ_8K, DESC_FILL | DESC_IRQ, 0);
	settle(channel, 1);
	unregister_trace_dmaloop_device_access(abort_now, channel);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, slot(f, 0, 0)->status, 0);
	KUNIT_EXPECT_EQ(test, channel->descriptors, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 0);
	/* The ring starts again at its first slot. */
	set(slot(f, 0, 0), f->bus + SZ_32K, f->bus + DATA, 8, 0, 0);
	settle(channel, 1);
	KUNIT_EXPECT_EQ(test, slot(f, 0, 0)->status, DESC_DONE);
}

static void keep_descriptor(void *data, struct device *dev, u32 channel, u64 bus,
			    const struct ring_desc *desc, bool ready)
{
	*(struct ring_desc *)data = *desc;
}

/* Nothing is reported about an unreadable descriptor: no stack contents, no older descriptor. */
static void what_is_not_read_is_not_told(struct kunit *test)
{
	static const struct ring_desc nothing;
	static struct ring_desc seen;
	struct fixture *f = make(test, 1, TRANSFER_BURST, 0);
	struct engine_channel *channel;
	struct engine_setup setup = {
		.bus = f->bus + AREA,
		.size = SLOTS,
		.layout = { .stride = sizeof(struct ring_desc) },
	};

	channel = &f->engine->channels[0];
	KUNIT_ASSERT_EQ(test, engine_channel_start(channel, &setup), 0);
	memset(&seen, 0x55, sizeof(seen));
	KUNIT_ASSERT_EQ(test, register_trace_dmaloop_descriptor(keep_descriptor, &seen), 0);
	settle(channel, 1);
	unregister_trace_dmaloop_descriptor(keep_descriptor, &seen);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_GE(test, f->engine->space.faults, 1);
	KUNIT_EXPECT_MEMEQ(test, &seen, &nothing, sizeof(seen));
}

/* Five completions, four per interrupt: one interrupt by count, one by time. */
static void interrupts_coalesce(struct kunit *test)
{
	struct fixture *f = make(test, 1, TRANSFER_BURST, 0);
	struct engine_channel *channel = start(test, f, 0);
	u32 i;

	KUNIT_EXPECT_EQ(test, engine_channel_coalesce(channel, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, engine_channel_coalesce(channel, 4, 0), -EINVAL);
	KUNIT_ASSERT_EQ(test, engine_channel_coalesce(channel, 4, 50000), 0);
	for (i = 0; i < 5; i++)
		set(slot(f, 0, i), f->bus + SZ_32K, f->bus + DATA, 8, DESC_IRQ, 0);
	settle(channel, 5);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 1);
	for (i = 0; i < 500 && atomic_read(&f->irqs) < 2; i++)
		usleep_range(9000, 10000);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 2);
}

/* The allowance stops the device exactly where an experiment needs it. */
static void allowance_is_exact(struct kunit *test)
{
	struct fixture *f = make(test, 1, TRANSFER_BURST, 0);
	struct engine_channel *channel = start(test, f, 0);
	u32 i;

	engine_channel_pause(channel, true);
	for (i = 0; i < 5; i++)
		set(slot(f, 0, i), f->bus + SZ_32K, f->bus + DATA, 8, 0, 0);
	settle(channel, 5);
	KUNIT_EXPECT_EQ(test, channel->descriptors, 0);
	engine_channel_allow(channel, 2);
	engine_channel_settle(channel);
	KUNIT_EXPECT_EQ(test, channel->descriptors, 2);
	engine_channel_pause(channel, false);
	engine_channel_settle(channel);
	KUNIT_EXPECT_EQ(test, channel->descriptors, 5);
}

#define BLOCK 256u /* beats */

/*
 * Two channels with one block each, ready at the same time. With burst, the other channel waits for
 * a fetch and a whole block; with cycle stealing, for one beat.
 */
static void other_waits(struct kunit *test, enum transfer_mode mode, u64 cycles)
{
	struct fixture *f = make(test, 2, mode, 0);
	struct engine_channel *a = start(test, f, 0), *b = start(test, f, 1);

	engine_channel_pause(a, true);
	engine_channel_pause(b, true);
	set(slot(f, 0, 0), f->bus + SZ_32K, f->bus + DATA, BLOCK * BUS_BEAT, 0, 0);
	set(slot(f, 1, 0), f->bus + SZ_32K, f->bus + DATA, BLOCK * BUS_BEAT, 0, 0);
	engine_channel_doorbell(a, 1);
	engine_channel_doorbell(b, 1);
	scoped_guard(spinlock_irq, &f->engine->lock)
	{
		a->paused = false;
		b->paused = false;
	}
	wake_up_all(&f->engine->wait);
	engine_channel_settle(a);
	engine_channel_settle(b);
	KUNIT_EXPECT_EQ(test, f->engine->bus.ports[1].longest, cycles);
	KUNIT_EXPECT_EQ(test, f->engine->bus.cycle, 2 * (1 + BLOCK));
}

static void burst_makes_others_wait(struct kunit *test)
{
	other_waits(test, TRANSFER_BURST, 1 + BLOCK);
}

static void cycle_stealing_lets_others_in(struct kunit *test)
{
	other_waits(test, TRANSFER_CYCLE_STEALING, 1);
}

/* A busy CPU halves the rate of a cycle-stealing channel and starves a transparent one. */
static void cpu_load_shows_in_transfers(struct kunit *test)
{
	struct fixture *f = make(test, 1, TRANSFER_CYCLE_STEALING, 1000);
	struct engine_channel *channel = start(test, f, 0);
	struct bus *bus = &f->engine->bus;
	u64 had;

	set(slot(f, 0, 0), f->bus + SZ_32K, f->bus + DATA, 100 * BUS_BEAT, 0, 0);
	settle(channel, 1);
	KUNIT_EXPECT_EQ(test, bus->ports[0].cycles, 101);
	KUNIT_EXPECT_EQ(test, bus->cpu_cycles, 100);

	KUNIT_ASSERT_EQ(test, engine_channel_share(channel, TRANSFER_TRANSPARENT, 0), 0);
	set(slot(f, 0, 1), f->bus + SZ_32K, f->bus + DATA, 100 * BUS_BEAT, 0, 0);
	engine_channel_doorbell(channel, 2);
	had = READ_ONCE(bus->cpu_cycles);
	while (READ_ONCE(bus->cpu_cycles) < had + 5000)
		usleep_range(500, 1000);
	KUNIT_EXPECT_LE(test, READ_ONCE(bus->ports[0].cycles), 102);
	KUNIT_EXPECT_EQ(test, slot(f, 0, 1)->status, 0);
	/* The CPU is idle, so the transparent channel gets through. */
	KUNIT_ASSERT_EQ(test, engine_load(f->engine, 0), 0);
	engine_channel_settle(channel);
	KUNIT_EXPECT_EQ(test, slot(f, 0, 1)->status, DESC_DONE);
}

/* Behind an IOMMU that maps pages, the device can reach the rest of a mapped page. */
static void pages_expose_their_rest(struct kunit *test)
{
	struct fixture *f = make(test, 1, TRANSFER_BURST, 0);
	struct mapping_space *space = &f->engine->space;
	u8 *object = kzalloc(PAGE_SIZE, GFP_KERNEL), byte = 0x77;
	struct playground playground;
	dma_addr_t bus;

	KUNIT_ASSERT_NOT_NULL(test, object);
	bus = dma_map_single(f->dev, object + 256, 64, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, mapping_exposure(space), PAGE_SIZE - 64);
	KUNIT_EXPECT_EQ(test, mapping_access(space, bus + 64, &byte, 1, true), -EFAULT);
	space->iommu = IOMMU_PAGE;
	/* Memory of others is not touched, and the access is recorded. */
	KUNIT_EXPECT_EQ(test, mapping_access(space, bus + 64, &byte, 1, true), 0);
	KUNIT_EXPECT_EQ(test, object[256 + 64], 0);
	KUNIT_EXPECT_EQ(test, space->exposed, 1);
	playground_add(&playground, object, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, mapping_access(space, bus + 64, &byte, 1, true), 0);
	KUNIT_EXPECT_EQ(test, mapping_access(space, bus - 1, &byte, 1, true), 0);
	KUNIT_EXPECT_EQ(test, object[256 + 64], 0x77);
	KUNIT_EXPECT_EQ(test, object[255], 0x77);
	/* The next page cannot be reached, nor can this one once it is unmapped. */
	KUNIT_EXPECT_EQ(test, mapping_access(space, bus - 256 + PAGE_SIZE, &byte, 1, true),
			-EFAULT);
	dma_unmap_single(f->dev, bus, 64, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, mapping_access(space, bus + 64, &byte, 1, true), -EFAULT);
	playground_remove(&playground);
	kfree(object);
}

static void programmed_io(struct kunit *test)
{
	struct fixture *f = make(test, 1, TRANSFER_BURST, 0);

	engine_pio_write(f->engine, 3, 0x1122334455667788ull);
	engine_pio_write(f->engine, ENGINE_FIFO + 4, 1);
	KUNIT_EXPECT_EQ(test, engine_pio_read(f->engine, 3), 0x1122334455667788ull);
	KUNIT_EXPECT_EQ(test, engine_pio_read(f->engine, 4), 1);
	fill_pattern(f->area, SZ_8K, 9);
	dmaloop_pio_copy(f->dev, f->area + SZ_16K, f->area, 5003);
	KUNIT_EXPECT_EQ(test, memcmp(f->area + SZ_16K, f->area, 5003), 0);
	KUNIT_EXPECT_EQ(test, f->area[SZ_16K + 5003], 0);
}

/* clang-format off */
static struct kunit_case engine_cases[] = {
	KUNIT_CASE(chains_gather),
	KUNIT_CASE(faults_end_the_chain),
	KUNIT_CASE(looping_chain_ends),
	KUNIT_CASE(fills_memory),
	KUNIT_CASE(cyclic_goes_on),
	KUNIT_CASE(abort_forgets),
	KUNIT_CASE(abort_in_mid_step),
	KUNIT_CASE(what_is_not_read_is_not_told),
	KUNIT_CASE(interrupts_coalesce),
	KUNIT_CASE(allowance_is_exact),
	KUNIT_CASE(burst_makes_others_wait),
	KUNIT_CASE(cycle_stealing_lets_others_in),
	KUNIT_CASE(cpu_load_shows_in_transfers),
	KUNIT_CASE(pages_expose_their_rest),
	KUNIT_CASE(programmed_io),
	{}
};

/* clang-format on */

static struct kunit_suite engine_suite = {
	.name = "dmaloop-engine",
	.exit = fixture_exit,
	.test_cases = engine_cases,
};

kunit_test_suite(engine_suite);
