// SPDX-License-Identifier: GPL-2.0
/*
 * Drivers that handle their buffers rightly or wrongly. Each body reads like the data path of a
 * small driver; `if (wrong(run))` is the bug.
 *
 * The other end of every transfer ("far") is coherent memory, so that only the buffer under test
 * can go wrong.
 */
#include <linux/dma-mapping.h>

#include "scenario_run.h"

static bool wrong(const struct scenario_run *run)
{
	return run->scenario->faulty;
}

static void new_payload(struct scenario_run *run)
{
	scenario_payload(run, run->want, run->placed.size);
}

static void read_and_expect(struct scenario_run *run, const u8 *from, const u8 *want, size_t size,
			    enum dmaloop_outcome otherwise)
{
	client_cpu_read(&run->client, run->got, from, size);
	scenario_expect(run, run->got, want, size, otherwise);
}

/* Coherent memory keeps its DMA address for life: no map, no sync, no unmap. */
static dma_addr_t map(struct scenario_run *run, enum dma_data_direction dir)
{
	if (run->placed.coherent)
		return run->placed.bus;
	return dma_map_single(run->client.dev, run->placed.buffer, run->placed.size, dir);
}

static void unmap(struct scenario_run *run, dma_addr_t bus, enum dma_data_direction dir)
{
	if (run->placed.coherent)
		return;
	dma_unmap_single(run->client.dev, bus, run->placed.size, dir);
}

static void sync_for_cpu(struct scenario_run *run, dma_addr_t bus, enum dma_data_direction dir)
{
	if (!run->placed.coherent)
		dma_sync_single_for_cpu(run->client.dev, bus, run->placed.size, dir);
}

static void sync_for_device(struct scenario_run *run, dma_addr_t bus, enum dma_data_direction dir)
{
	if (!run->placed.coherent)
		dma_sync_single_for_device(run->client.dev, bus, run->placed.size, dir);
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
	scenario_outcome(run, DMALOOP_FAULT);
	return 0;
}

static int transfer(struct scenario_run *run, dma_addr_t dst, dma_addr_t src)
{
	int err = client_submit(&run->client, dst, src, run->placed.size);

	return err ?: wait_transfer(run);
}

/* Put a new payload at the far end, for the driver to receive. */
static void new_far_payload(struct scenario_run *run)
{
	new_payload(run);
	memcpy(run->far, run->want, run->placed.size);
}

/* Two messages through one mapping. Wrong: neither sync is done for the second one. */
int body_tx(struct scenario_run *run)
{
	size_t size = run->placed.size;
	dma_addr_t bus;
	int err;

	new_payload(run);
	client_cpu_write(&run->client, run->placed.buffer, run->want, size);
	bus = map(run, DMA_TO_DEVICE);
	if (bad(run, bus))
		return -ENOMEM;
	err = transfer(run, run->far_bus, bus);
	scenario_expect(run, run->far, run->want, size, DMALOOP_STALE);
	if (err)
		goto out_unmap;

	new_payload(run);
	if (!wrong(run))
		sync_for_cpu(run, bus, DMA_TO_DEVICE);
	client_cpu_write(&run->client, run->placed.buffer, run->want, size);
	if (!wrong(run))
		sync_for_device(run, bus, DMA_TO_DEVICE);
	err = transfer(run, run->far_bus, bus);
	scenario_expect(run, run->far, run->want, size, DMALOOP_STALE);
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
		sync_for_cpu(run, bus, DMA_FROM_DEVICE);
	if (barrier)
		mb(); /* orders accesses, but moves no cache line */
	read_and_expect(run, run->placed.buffer, run->want, size, DMALOOP_STALE);
	unmap(run, bus, DMA_FROM_DEVICE);
	return err;
}

/* Wrong: the buffer is read without sync_for_cpu. */
int body_rx(struct scenario_run *run)
{
	return receive(run, !wrong(run), false);
}

/* Wrong: a memory barrier instead of sync_for_cpu. */
int body_rx_barrier(struct scenario_run *run)
{
	return receive(run, !wrong(run), true);
}

/* Wrong: the buffer is read before the device has finished. */
int body_rx_early(struct scenario_run *run)
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
int body_rx_write(struct scenario_run *run)
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
 * The driver uses its own field while a receive is in flight. That is wrong only if the field
 * shares a cache line with the buffer, so the placement decides.
 */
int body_rx_neighbour(struct scenario_run *run)
{
	static const u8 before[NEIGHBOUR_SIZE] = { 0x11, 0x12, 0x13, 0x14 };
	static const u8 during[NEIGHBOUR_SIZE] = { 0x21, 0x22, 0x23, 0x24 };
	const u8 *neighbour_want = run->scenario->quiet ? before : during;
	struct placed *placed = &run->placed;
	dma_addr_t bus;
	int err;

	new_far_payload(run);
	client_cpu_write(&run->client, placed->neighbour, before, sizeof(before));
	bus = map(run, DMA_FROM_DEVICE);
	if (bad(run, bus))
		return -ENOMEM;
	engine_channel_pause(run->client.channel, true);
	err = client_submit(&run->client, bus, run->far_bus, placed->size);
	if (!run->scenario->quiet)
		client_cpu_write(&run->client, placed->neighbour, during, sizeof(during));
	engine_channel_pause(run->client.channel, false);
	err = err ?: wait_transfer(run);
	unmap(run, bus, DMA_FROM_DEVICE);
	if (err)
		return err;
	read_and_expect(run, placed->buffer, run->want, placed->size, DMALOOP_DMA_LOST);
	read_and_expect(run, placed->neighbour, neighbour_want, NEIGHBOUR_SIZE,
			DMALOOP_NEIGHBOUR_LOST);
	return 0;
}

/*
 * Two receive buffers in one object. The first is used again while the second still waits. Wrong:
 * they share a cache line.
 */
int body_rx_two(struct scenario_run *run)
{
	const size_t size = 16;
	u8 *a = run->placed.buffer;
	u8 *b = a + (wrong(run) ? size : CACHE_LINE_MAX);
	struct device *dev = run->client.dev;
	dma_addr_t bus_a, bus_b;
	u8 again[16];
	int err;

	if (run->placed.coherent || run->placed.size < CACHE_LINE_MAX + size)
		return -EOPNOTSUPP;
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

/* Wrong: mapped DMA_TO_DEVICE, but received into and unmapped DMA_FROM_DEVICE. */
int body_direction(struct scenario_run *run)
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

/* Wrong: only half of the mapping is unmapped. */
int body_unmap_size(struct scenario_run *run)
{
	size_t size = run->placed.size;
	dma_addr_t bus;
	int err;

	new_far_payload(run);
	bus = map(run, DMA_FROM_DEVICE);
	if (bad(run, bus))
		return -ENOMEM;
	err = transfer(run, bus, run->far_bus);
	if (!run->placed.coherent)
		dma_unmap_single(run->client.dev, bus, wrong(run) ? size / 2 : size,
				 DMA_FROM_DEVICE);
	if (!err)
		read_and_expect(run, run->placed.buffer, run->want, size, DMALOOP_STALE);
	return err;
}

/* Wrong: unmapped twice. */
int body_double_unmap(struct scenario_run *run)
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

/* Wrong: synced for the CPU after it was unmapped. */
int body_sync_order(struct scenario_run *run)
{
	size_t size = run->placed.size;
	dma_addr_t bus;
	int err;

	new_far_payload(run);
	bus = map(run, DMA_FROM_DEVICE);
	if (bad(run, bus))
		return -ENOMEM;
	err = transfer(run, bus, run->far_bus);
	if (!wrong(run))
		sync_for_cpu(run, bus, DMA_FROM_DEVICE);
	unmap(run, bus, DMA_FROM_DEVICE);
	if (wrong(run))
		sync_for_cpu(run, bus, DMA_FROM_DEVICE);
	if (!err)
		read_and_expect(run, run->placed.buffer, run->want, size, DMALOOP_DMA_LOST);
	return err;
}

/*
 * Wrong: received correctly but never unmapped. In mode bounce each run costs one of the kernel's
 * bounce slots until the next boot, as it would in any driver.
 */
int body_leak(struct scenario_run *run)
{
	size_t size = run->placed.size;
	dma_addr_t bus;
	int err;

	new_far_payload(run);
	bus = map(run, DMA_FROM_DEVICE);
	if (bad(run, bus))
		return -ENOMEM;
	err = transfer(run, bus, run->far_bus);
	sync_for_cpu(run, bus, DMA_FROM_DEVICE);
	if (!err)
		read_and_expect(run, run->placed.buffer, run->want, size, DMALOOP_STALE);
	if (!wrong(run))
		unmap(run, bus, DMA_FROM_DEVICE);
	return err;
}

/* Wrong: a CPU pointer is used as a DMA address. */
int body_cpu_pointer(struct scenario_run *run)
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
		scenario_expect(run, run->far, run->want, size, DMALOOP_STALE);
	return err;
}

/* Wrong: the device is told to write more than was mapped. */
int body_overrun(struct scenario_run *run)
{
	static const u8 before[NEIGHBOUR_SIZE] = { 0x11, 0x12, 0x13, 0x14 };
	struct placed *placed = &run->placed;
	u32 extra = wrong(run) ? NEIGHBOUR_SIZE : 0;
	size_t whole = placed->size;
	dma_addr_t bus;
	int err;

	if (whole <= CACHE_LINE_MAX)
		return -EOPNOTSUPP;
	new_far_payload(run);
	/* The neighbour bytes lie behind the buffer, on cache lines of their own. */
	placed->size = CACHE_LINE_MAX;
	client_cpu_write(&run->client, placed->buffer + placed->size, before, sizeof(before));
	bus = map(run, DMA_FROM_DEVICE);
	if (bad(run, bus)) {
		placed->size = whole;
		return -ENOMEM;
	}
	err = client_submit(&run->client, bus, run->far_bus, placed->size + extra);
	err = err ?: wait_transfer(run);
	unmap(run, bus, DMA_FROM_DEVICE);
	if (!err) {
		read_and_expect(run, placed->buffer + placed->size, before, NEIGHBOUR_SIZE,
				DMALOOP_NEIGHBOUR_LOST);
		read_and_expect(run, placed->buffer, run->want, placed->size, DMALOOP_DMA_LOST);
	}
	placed->size = whole;
	return err;
}
