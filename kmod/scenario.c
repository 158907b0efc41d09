// SPDX-License-Identifier: GPL-2.0
/*
 * The drivers, right and wrong: see scenario.h. Each body reads like the data
 * path of a small driver; `if (wrong(run))` is the bug. Called by control.c
 * (the ioctl) and KUnit.
 *
 * The other end of every transfer is coherent memory ("far"), so that only the
 * buffer under test can go wrong.
 */
#include <linux/dma-mapping.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "scenario.h"

/**
 * struct scenario_run - one run
 * @scenario: which
 * @client: the driver's engine side
 * @placed: the buffer under test
 * @far: the other end of the transfer, @scenario->size bytes, coherent
 * @far_bus: its bus address
 * @rnd: makes payloads, from the seed
 * @want: what should arrive
 * @got: what did
 * @result: the verdict so far
 */
struct scenario_run {
	const struct scenario *scenario;
	struct client client;
	struct placed placed;
	u8 *far;
	dma_addr_t far_bus;
	struct rnd_state rnd;
	u8 *want;
	u8 *got;
	struct scenario_result result;
};

static bool wrong(const struct scenario_run *run)
{
	return run->scenario->faulty;
}

/* A fresh payload. No byte is 0 or the poison: what was never written shows. */
static void new_payload(struct scenario_run *run)
{
	size_t i;

	for (i = 0; i < run->placed.size; i++)
		run->want[i] = 1 + prandom_u32_state(&run->rnd) % 200;
}

/* The first thing that went wrong names the outcome. */
static void expect(struct scenario_run *run, const u8 *got, const u8 *want, size_t size,
		   enum dmaloop_outcome otherwise)
{
	u32 differ = 0;
	size_t i;

	for (i = 0; i < size; i++)
		differ += got[i] != want[i];
	run->result.wrong += differ;
	if (differ && run->result.outcome == DMALOOP_OK)
		run->result.outcome = otherwise;
}

static void read_and_expect(struct scenario_run *run, const u8 *from, const u8 *want, size_t size,
			    enum dmaloop_outcome otherwise)
{
	client_cpu_read(&run->client, run->got, from, size);
	expect(run, run->got, want, size, otherwise);
}

static dma_addr_t map(struct scenario_run *run, enum dma_data_direction dir)
{
	return dma_map_single(run->client.dev, run->placed.buffer, run->placed.size, dir);
}

static void unmap(struct scenario_run *run, dma_addr_t bus, enum dma_data_direction dir)
{
	dma_unmap_single(run->client.dev, bus, run->placed.size, dir);
}

static bool bad(struct scenario_run *run, dma_addr_t bus)
{
	return dma_mapping_error(run->client.dev, bus);
}

/* A faulted transfer is an outcome, not a failure of the run. */
static int wait_transfer(struct scenario_run *run)
{
	int err = client_wait(&run->client);

	if (err != -EIO)
		return err;
	if (run->result.outcome == DMALOOP_OK)
		run->result.outcome = DMALOOP_FAULT;
	return 0;
}

static int transfer(struct scenario_run *run, dma_addr_t dst, dma_addr_t src)
{
	int err = client_submit(&run->client, dst, src, run->placed.size);

	return err ?: wait_transfer(run);
}

/* Something arrives at the far end that the driver wants to receive. */
static void new_far_payload(struct scenario_run *run)
{
	new_payload(run);
	memcpy(run->far, run->want, run->placed.size);
}

/* Two messages through one mapping; wrong: the second without either sync. */
static int body_tx(struct scenario_run *run)
{
	struct device *dev = run->client.dev;
	size_t size = run->placed.size;
	dma_addr_t bus;
	int err;

	new_payload(run);
	client_cpu_write(&run->client, run->placed.buffer, run->want, size);
	bus = map(run, DMA_TO_DEVICE);
	if (bad(run, bus))
		return -ENOMEM;
	err = transfer(run, run->far_bus, bus);
	expect(run, run->far, run->want, size, DMALOOP_STALE);
	if (err)
		goto out_unmap;

	new_payload(run);
	if (!wrong(run))
		dma_sync_single_for_cpu(dev, bus, size, DMA_TO_DEVICE);
	client_cpu_write(&run->client, run->placed.buffer, run->want, size);
	if (!wrong(run))
		dma_sync_single_for_device(dev, bus, size, DMA_TO_DEVICE);
	err = transfer(run, run->far_bus, bus);
	expect(run, run->far, run->want, size, DMALOOP_STALE);
out_unmap:
	unmap(run, bus, DMA_TO_DEVICE);
	return err;
}

static int receive(struct scenario_run *run, bool sync, bool barrier)
{
	size_t size = run->placed.size;
	dma_addr_t bus;
	int err;

	new_far_payload(run);
	bus = map(run, DMA_FROM_DEVICE);
	if (bad(run, bus))
		return -ENOMEM;
	err = transfer(run, bus, run->far_bus);
	if (sync)
		dma_sync_single_for_cpu(run->client.dev, bus, size, DMA_FROM_DEVICE);
	if (barrier)
		mb(); /* Orders accesses; moves no cache line. That is the point. */
	read_and_expect(run, run->placed.buffer, run->want, size, DMALOOP_STALE);
	unmap(run, bus, DMA_FROM_DEVICE);
	return err;
}

/* Wrong: the buffer is read without sync_for_cpu. */
static int body_rx(struct scenario_run *run)
{
	return receive(run, !wrong(run), false);
}

/* Wrong: a memory barrier instead of sync_for_cpu. */
static int body_rx_barrier(struct scenario_run *run)
{
	return receive(run, !wrong(run), true);
}

/* Wrong: the buffer is read while the device has not finished. */
static int body_rx_early(struct scenario_run *run)
{
	size_t size = run->placed.size;
	dma_addr_t bus;
	int err;

	new_far_payload(run);
	bus = map(run, DMA_FROM_DEVICE);
	if (bad(run, bus))
		return -ENOMEM;
	engine_channel_pause(run->client.channel, true);
	err = client_submit(&run->client, bus, run->far_bus, size);
	if (wrong(run))
		read_and_expect(run, run->placed.buffer, run->want, size, DMALOOP_STALE);
	engine_channel_pause(run->client.channel, false);
	err = err ?: wait_transfer(run);
	unmap(run, bus, DMA_FROM_DEVICE);
	if (!err)
		read_and_expect(run, run->placed.buffer, run->want, size, DMALOOP_DMA_LOST);
	return err;
}

/* Wrong: the driver writes into the buffer while the device owns it. */
static int body_rx_write(struct scenario_run *run)
{
	static const u8 mark[4] = { 0xf1, 0xf2, 0xf3, 0xf4 };
	size_t size = run->placed.size;
	dma_addr_t bus;
	int err;

	new_far_payload(run);
	if (!wrong(run))
		client_cpu_write(&run->client, run->placed.buffer, mark, sizeof(mark));
	bus = map(run, DMA_FROM_DEVICE);
	if (bad(run, bus))
		return -ENOMEM;
	engine_channel_pause(run->client.channel, true);
	err = client_submit(&run->client, bus, run->far_bus, size);
	if (wrong(run))
		client_cpu_write(&run->client, run->placed.buffer, mark, sizeof(mark));
	engine_channel_pause(run->client.channel, false);
	err = err ?: wait_transfer(run);
	unmap(run, bus, DMA_FROM_DEVICE);
	if (!err)
		read_and_expect(run, run->placed.buffer, run->want, size, DMALOOP_DMA_LOST);
	return err;
}

/*
 * The driver uses its own field while a receive is in flight. Wrong only when
 * the field shares a line with the buffer: the placement decides.
 */
static int body_rx_neighbour(struct scenario_run *run)
{
	static const u8 before[NEIGHBOUR_SIZE] = { 0x11, 0x12, 0x13, 0x14 };
	static const u8 during[NEIGHBOUR_SIZE] = { 0x21, 0x22, 0x23, 0x24 };
	const u8 *neighbour_want = run->scenario->quiet ? before : during;
	struct placed *placed = &run->placed;
	dma_addr_t bus = placed->bus;
	int err;

	new_far_payload(run);
	client_cpu_write(&run->client, placed->neighbour, before, sizeof(before));
	if (!placed->coherent) {
		bus = map(run, DMA_FROM_DEVICE);
		if (bad(run, bus))
			return -ENOMEM;
	}
	engine_channel_pause(run->client.channel, true);
	err = client_submit(&run->client, bus, run->far_bus, placed->size);
	if (!run->scenario->quiet)
		client_cpu_write(&run->client, placed->neighbour, during, sizeof(during));
	engine_channel_pause(run->client.channel, false);
	err = err ?: wait_transfer(run);
	if (!placed->coherent)
		unmap(run, bus, DMA_FROM_DEVICE);
	if (err)
		return err;
	read_and_expect(run, placed->buffer, run->want, placed->size, DMALOOP_DMA_LOST);
	read_and_expect(run, placed->neighbour, neighbour_want, NEIGHBOUR_SIZE,
			DMALOOP_NEIGHBOUR_LOST);
	return 0;
}

/*
 * Two receive buffers in one object; the first is used again while the second
 * still waits. Wrong: they share a line.
 */
static int body_rx_two(struct scenario_run *run)
{
	const size_t size = 16;
	u8 *a = run->placed.buffer;
	u8 *b = a + (wrong(run) ? size : CACHE_LINE_MAX);
	struct device *dev = run->client.dev;
	dma_addr_t bus_a, bus_b;
	u8 again[16];
	int err;

	memset(again, 0x5c, sizeof(again));
	bus_a = dma_map_single(dev, a, size, DMA_FROM_DEVICE);
	if (bad(run, bus_a))
		return -ENOMEM;
	bus_b = dma_map_single(dev, b, size, DMA_FROM_DEVICE);
	if (bad(run, bus_b)) {
		dma_unmap_single(dev, bus_a, size, DMA_FROM_DEVICE);
		return -ENOMEM;
	}

	new_far_payload(run);
	err = client_submit(&run->client, bus_a, run->far_bus, size) ?: wait_transfer(run);
	dma_unmap_single(dev, bus_a, size, DMA_FROM_DEVICE);
	if (err)
		goto out_unmap_b;
	read_and_expect(run, a, run->want, size, DMALOOP_DMA_LOST);
	client_cpu_write(&run->client, a, again, size);

	new_far_payload(run);
	err = client_submit(&run->client, bus_b, run->far_bus, size) ?: wait_transfer(run);
out_unmap_b:
	dma_unmap_single(dev, bus_b, size, DMA_FROM_DEVICE);
	if (err)
		return err;
	read_and_expect(run, b, run->want, size, DMALOOP_DMA_LOST);
	read_and_expect(run, a, again, size, DMALOOP_NEIGHBOUR_LOST);
	return 0;
}

/* Wrong: mapped to the device, received into, unmapped from the device. */
static int body_direction(struct scenario_run *run)
{
	dma_addr_t bus;
	int err;

	new_far_payload(run);
	bus = map(run, wrong(run) ? DMA_TO_DEVICE : DMA_FROM_DEVICE);
	if (bad(run, bus))
		return -ENOMEM;
	err = transfer(run, bus, run->far_bus);
	unmap(run, bus, DMA_FROM_DEVICE);
	if (!err)
		read_and_expect(run, run->placed.buffer, run->want, run->placed.size,
				DMALOOP_DMA_LOST);
	return err;
}

/* Wrong: only half of what was mapped is unmapped. */
static int body_unmap_size(struct scenario_run *run)
{
	size_t size = run->placed.size;
	dma_addr_t bus;
	int err;

	new_far_payload(run);
	bus = map(run, DMA_FROM_DEVICE);
	if (bad(run, bus))
		return -ENOMEM;
	err = transfer(run, bus, run->far_bus);
	dma_unmap_single(run->client.dev, bus, wrong(run) ? size / 2 : size, DMA_FROM_DEVICE);
	if (!err)
		read_and_expect(run, run->placed.buffer, run->want, size, DMALOOP_STALE);
	return err;
}

/* Wrong: unmapped twice. */
static int body_double_unmap(struct scenario_run *run)
{
	dma_addr_t bus;
	int err;

	new_far_payload(run);
	bus = map(run, DMA_FROM_DEVICE);
	if (bad(run, bus))
		return -ENOMEM;
	err = transfer(run, bus, run->far_bus);
	unmap(run, bus, DMA_FROM_DEVICE);
	if (!err)
		read_and_expect(run, run->placed.buffer, run->want, run->placed.size,
				DMALOOP_DMA_LOST);
	if (wrong(run))
		unmap(run, bus, DMA_FROM_DEVICE);
	return err;
}

/* Wrong: synced for the CPU when it is unmapped already. */
static int body_sync_order(struct scenario_run *run)
{
	struct device *dev = run->client.dev;
	size_t size = run->placed.size;
	dma_addr_t bus;
	int err;

	new_far_payload(run);
	bus = map(run, DMA_FROM_DEVICE);
	if (bad(run, bus))
		return -ENOMEM;
	err = transfer(run, bus, run->far_bus);
	if (!wrong(run))
		dma_sync_single_for_cpu(dev, bus, size, DMA_FROM_DEVICE);
	unmap(run, bus, DMA_FROM_DEVICE);
	if (wrong(run))
		dma_sync_single_for_cpu(dev, bus, size, DMA_FROM_DEVICE);
	if (!err)
		read_and_expect(run, run->placed.buffer, run->want, size, DMALOOP_DMA_LOST);
	return err;
}

/*
 * Wrong: received correctly, never unmapped. In mode bounce each run costs one of
 * the kernel's bounce slots until it is booted again, as it would in any driver.
 */
static int body_leak(struct scenario_run *run)
{
	size_t size = run->placed.size;
	dma_addr_t bus;
	int err;

	new_far_payload(run);
	bus = map(run, DMA_FROM_DEVICE);
	if (bad(run, bus))
		return -ENOMEM;
	err = transfer(run, bus, run->far_bus);
	dma_sync_single_for_cpu(run->client.dev, bus, size, DMA_FROM_DEVICE);
	if (!err)
		read_and_expect(run, run->placed.buffer, run->want, size, DMALOOP_STALE);
	if (!wrong(run))
		unmap(run, bus, DMA_FROM_DEVICE);
	return err;
}

/* Wrong: a CPU pointer goes where a DMA address should. */
static int body_cpu_pointer(struct scenario_run *run)
{
	size_t size = run->placed.size;
	dma_addr_t bus;
	int err;

	new_payload(run);
	client_cpu_write(&run->client, run->placed.buffer, run->want, size);
	bus = wrong(run) ? (dma_addr_t)(unsigned long)run->placed.buffer : map(run, DMA_TO_DEVICE);
	if (bad(run, bus))
		return -ENOMEM;
	err = transfer(run, run->far_bus, bus);
	unmap(run, bus, DMA_TO_DEVICE);
	if (!err)
		expect(run, run->far, run->want, size, DMALOOP_STALE);
	return err;
}

/* clang-format off */
const struct scenario scenarios[] = {
	{ "tx-sync", PLACE_SEPARATE, false, "none", NULL, body_tx, 48,
	  .text = "transmit twice through one mapping, with both syncs" },
	{ "tx-no-sync", PLACE_SEPARATE, true, "no sync_for_device", "tx-sync", body_tx, 48,
	  .text = "transmit again without sync_for_cpu and sync_for_device" },
	{ "rx-sync", PLACE_SEPARATE, false, "none", NULL, body_rx, 48,
	  .text = "receive, sync_for_cpu, read" },
	{ "rx-no-sync", PLACE_SEPARATE, true, "no sync_for_cpu", "rx-sync", body_rx, 48,
	  .text = "receive, read without sync_for_cpu" },
	{ "rx-barrier-and-sync", PLACE_SEPARATE, false, "none", NULL, body_rx_barrier, 48,
	  .text = "receive, sync_for_cpu, barrier, read" },
	{ "rx-barrier-only", PLACE_SEPARATE, true, "barrier for sync", "rx-barrier-and-sync",
	  body_rx_barrier, 48,
	  .text = "receive, a memory barrier in place of sync_for_cpu, read" },
	{ "rx-completed-read", PLACE_SEPARATE, false, "none", NULL, body_rx_early, 48,
	  .text = "read after completion and unmap" },
	{ "rx-early-read", PLACE_SEPARATE, true, "read before completion", "rx-completed-read",
	  body_rx_early, 48,
	  .text = "read while the device has not finished" },
	{ "rx-write-before", PLACE_SEPARATE, false, "none", NULL, body_rx_write, 48,
	  .evict = true, .text = "CPU writes the buffer, then maps it" },
	{ "rx-write-owned", PLACE_SEPARATE, true, "CPU write, device owns", "rx-write-before",
	  body_rx_write, 48, .evict = true,
	  .text = "CPU writes the buffer while the device owns it" },
	{ "rx-neighbour-write", PLACE_EMBEDDED, true, "neighbour written", "rx-neighbour-aligned",
	  body_rx_neighbour, 48,
	  .text = "struct { int ifield; char dma_buffer[]; }, ifield written in flight" },
	{ "rx-neighbour-offset", PLACE_OFFSET, true, "neighbour written", "rx-neighbour-aligned",
	  body_rx_neighbour, 48,
	  .text = "the same at any offset in an object (--offset, default 8)" },
	{ "rx-neighbour-packed", PLACE_PACKED_CACHE, true, "neighbour written",
	  "rx-neighbour-aligned-cache", body_rx_neighbour, 40,
	  .text = "the next object of an unaligned slab cache written in flight" },
	{ "rx-neighbour-quiet", PLACE_EMBEDDED, true, "shared line", "rx-neighbour-aligned",
	  body_rx_neighbour, 48, .quiet = true,
	  .text = "the embedded buffer with nobody touching ifield in flight" },
	{ "rx-neighbour-aligned", PLACE_EMBEDDED_ALIGNED, false, "none", NULL, body_rx_neighbour,
	  48, .text = "cure: the buffer aligned to lines of its own" },
	{ "rx-neighbour-aligned-cache", PLACE_ALIGNED_CACHE, false, "none", NULL,
	  body_rx_neighbour, 40, .text = "cure: the slab cache aligned" },
	{ "rx-neighbour-separate", PLACE_SEPARATE, false, "none", NULL, body_rx_neighbour, 48,
	  .text = "cure: the buffer allocated separately" },
	{ "rx-neighbour-pool", PLACE_POOL, false, "none", NULL, body_rx_neighbour, 48,
	  .text = "cure: the buffer from a dma_pool" },
	{ "rx-neighbour-coherent", PLACE_COHERENT, false, "none", NULL, body_rx_neighbour, 48,
	  .text = "cure: the buffer in coherent memory" },
	{ "rx-two-lines", PLACE_SEPARATE, false, "none", NULL, body_rx_two, 512,
	  .text = "two receive buffers on lines of their own" },
	{ "rx-two-one-line", PLACE_SEPARATE, true, "buffers share a line", "rx-two-lines",
	  body_rx_two, 512, .text = "two receive buffers in one line" },
	{ "direction-right", PLACE_SEPARATE, false, "none", NULL, body_direction, 48,
	  .text = "mapped and unmapped FROM_DEVICE" },
	{ "direction-wrong", PLACE_SEPARATE, true, "wrong direction", "direction-right",
	  body_direction, 48, .text = "mapped TO_DEVICE, received into, unmapped FROM_DEVICE" },
	{ "unmap-size-right", PLACE_SEPARATE, false, "none", NULL, body_unmap_size, 512,
	  .text = "unmapped whole" },
	{ "unmap-size-wrong", PLACE_SEPARATE, true, "wrong size", "unmap-size-right",
	  body_unmap_size, 512, .text = "half of the mapping unmapped" },
	{ "unmap-once", PLACE_SEPARATE, false, "none", NULL, body_double_unmap, 48,
	  .text = "unmapped once" },
	{ "unmap-twice", PLACE_SEPARATE, true, "double unmap", "unmap-once", body_double_unmap, 48,
	  .text = "unmapped twice" },
	{ "sync-in-time", PLACE_SEPARATE, false, "none", NULL, body_sync_order, 48,
	  .text = "sync_for_cpu, then unmap" },
	{ "sync-after-unmap", PLACE_SEPARATE, true, "sync after unmap", "sync-in-time",
	  body_sync_order, 48, .text = "unmap, then sync_for_cpu" },
	{ "leak-none", PLACE_SEPARATE, false, "none", NULL, body_leak, 48,
	  .text = "unmapped at the end" },
	{ "leak", PLACE_SEPARATE, true, "never unmapped", "leak-none", body_leak, 48,
	  .text = "the mapping outlives the driver" },
	{ "dma-address", PLACE_SEPARATE, false, "none", NULL, body_cpu_pointer, 48,
	  .text = "the device gets the DMA address" },
	{ "cpu-pointer", PLACE_SEPARATE, true, "CPU pointer", "dma-address", body_cpu_pointer, 48,
	  .text = "the device gets a CPU pointer for a DMA address" },
};

/* clang-format on */

const unsigned int nr_scenarios = ARRAY_SIZE(scenarios);

/**
 * scenario_find - look a scenario up by name
 * @name: NUL-terminated
 *
 * Return: the row, or NULL.
 */
const struct scenario *scenario_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_scenarios; i++)
		if (!strcmp(scenarios[i].name, name))
			return &scenarios[i];
	return NULL;
}

static int run_body(struct scenario_run *run, struct device *dev, struct engine *engine, u32 offset)
{
	const struct scenario *scenario = run->scenario;
	u32 size = max(scenario->size, NEIGHBOUR_SIZE);
	int err;

	err = client_init(&run->client, dev, &engine->channels[0]);
	if (err)
		return err;
	err = placement_make(&run->placed, dev, scenario->where, scenario->size, offset);
	if (err)
		goto out_client;
	run->want = kzalloc(size, GFP_KERNEL);
	run->got = kzalloc(size, GFP_KERNEL);
	run->far = dma_alloc_coherent(dev, size, &run->far_bus, GFP_KERNEL);
	err = -ENOMEM;
	if (run->want && run->got && run->far)
		err = scenario->body(run);

	/* Before any memory goes: the device must have stopped using it. */
	engine_channel_stop(run->client.channel);
	if (run->far)
		dma_free_coherent(dev, size, run->far, run->far_bus);
	kfree(run->got);
	kfree(run->want);
	placement_free(&run->placed);
out_client:
	client_destroy(&run->client);
	return err;
}

/**
 * scenario_run - run one scenario on one device
 * @scenario: which
 * @dev: the device
 * @engine: its registers; no ring is running
 * @seed: payloads are made from it; same seed, same result
 * @offset: for PLACE_OFFSET
 * @result: what was observed
 *
 * Context: may sleep; one run at a time on a device.
 * Return: 0 when the scenario ran, whatever its outcome; else a negative errno.
 */
int scenario_run(const struct scenario *scenario, struct device *dev, struct engine *engine,
		 u64 seed, u32 offset, struct scenario_result *result)
{
	struct mapping_space *space = &engine->space;
	enum shadow_evict evict = space->caches.evict;
	unsigned int live = space->live, faults = space->faults;
	u32 spared = space->effect.spared;
	struct scenario_run *run;
	int err;

	run = kzalloc(sizeof(*run), GFP_KERNEL);
	if (!run)
		return -ENOMEM;
	run->scenario = scenario;
	prandom_seed_state(&run->rnd, seed);
	if (scenario->evict)
		space->caches.evict = EVICT_EAGER;
	/* No run is in progress: the same settings evict the same lines each time. */
	prandom_seed_state(&space->rnd, space->caches.evict_seed);

	err = run_body(run, dev, engine, offset);

	space->caches.evict = evict;
	*result = run->result;
	result->faults = space->faults - faults;
	result->spared = space->effect.spared - spared;
	if (result->outcome == DMALOOP_OK && result->faults)
		result->outcome = DMALOOP_FAULT;
	if (result->outcome == DMALOOP_OK && space->live != live)
		result->outcome = DMALOOP_LEAK;
	kfree(run);
	return err;
}
