// SPDX-License-Identifier: GPL-2.0
/*
 * The table of scenarios, and how one is run; see scenario.h. The drivers themselves are in
 * payload.c and descriptors.c. Called by control.c (the ioctls) and KUnit.
 */
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "scenario_run.h"

/**
 * scenario_payload - make a new payload
 * @run: the run, whose seed determines the payload
 * @payload: where to store it
 * @size: bytes
 *
 * No byte is 0 or the poison, so a byte that was never written is recognised.
 */
void scenario_payload(struct scenario_run *run, u8 *payload, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		payload[i] = 1 + prandom_u32_state(&run->rnd) % 200;
}

/**
 * scenario_outcome - record that something went wrong
 * @run: the run
 * @outcome: what went wrong; only the first outcome of a run counts
 */
void scenario_outcome(struct scenario_run *run, enum dmaloop_outcome outcome)
{
	if (run->result.outcome == DMALOOP_OK)
		run->result.outcome = outcome;
}

/**
 * scenario_expect - compare what arrived with what should have arrived
 * @run: the run
 * @got: the bytes that arrived
 * @want: the expected bytes
 * @size: bytes
 * @otherwise: the outcome if they differ
 */
void scenario_expect(struct scenario_run *run, const u8 *got, const u8 *want, size_t size,
		     enum dmaloop_outcome otherwise)
{
	u32 differ = 0;
	size_t i;

	for (i = 0; i < size; i++)
		differ += got[i] != want[i];
	run->result.wrong += differ;
	if (differ)
		scenario_outcome(run, otherwise);
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
	{ "overrun-none", PLACE_SEPARATE, false, "none", NULL, body_overrun, 512,
	  .text = "the device writes what was mapped" },
	{ "overrun", PLACE_SEPARATE, true, "device writes too much", "overrun-none", body_overrun,
	  512, .text = "the device is told to write past the end of the mapping" },

	{ "doorbell-after", PLACE_SEPARATE, false, "none", NULL, body_doorbell, 48,
	  .desc = DESC_PACKED, .text = "descriptor, barrier, doorbell" },
	{ "doorbell-early", PLACE_SEPARATE, true, "doorbell before descriptor", "doorbell-after",
	  body_doorbell, 48, .desc = DESC_PACKED,
	  .text = "doorbell rung before the descriptor is written" },
	{ "own-last", PLACE_SEPARATE, false, "none", NULL, body_own_order, 48,
	  .desc = DESC_PACKED, .text = "the OWN bit set after the other fields" },
	{ "own-first", PLACE_SEPARATE, true, "OWN before fields", "own-last", body_own_order, 48,
	  .desc = DESC_PACKED, .text = "the OWN bit set before the other fields" },
	{ "fields-barrier", PLACE_SEPARATE, false, "none", NULL, body_field_barrier, 48,
	  .desc = DESC_PACKED, .text = "dma_wmb() between the fields and the OWN bit" },
	{ "fields-no-barrier", PLACE_SEPARATE, true, "no write barrier", "fields-barrier",
	  body_field_barrier, 48, .desc = DESC_PACKED,
	  .text = "no barrier: fields become visible in an adverse order (--seed)" },
	{ "bank-update", PLACE_SEPARATE, true, "update crosses a bank", "bank-update-padded",
	  body_bank_update, 48, .desc = DESC_BANK_STRADDLE,
	  .text = "descriptor in two banks written while the device fetches them" },
	{ "bank-update-padded", PLACE_SEPARATE, false, "none", NULL, body_bank_update, 48,
	  .desc = DESC_PADDED, .text = "cure: each descriptor padded to a bank of its own" },
	{ "bank-update-own", PLACE_SEPARATE, false, "none", NULL, body_bank_update, 48,
	  .desc = DESC_BANK_STRADDLE, .cures = DMALOOP_CURE_OWN,
	  .text = "cure: the device checks an OWN bit" },
	{ "bank-update-barrier", PLACE_SEPARATE, false, "none", NULL, body_bank_update, 48,
	  .desc = DESC_BANK_STRADDLE, .cures = DMALOOP_CURE_BARRIER,
	  .text = "cure: wmb() between the descriptor and the doorbell" },
	{ "descriptor-synced", PLACE_SEPARATE, false, "none", NULL, body_desc_sync, 48,
	  .desc = DESC_PACKED, .text = "ring in streaming memory, synced both ways" },
	{ "descriptor-no-sync", PLACE_SEPARATE, true, "descriptor not synced",
	  "descriptor-synced", body_desc_sync, 48, .desc = DESC_PACKED,
	  .text = "ring in streaming memory, descriptors never cleaned" },
	{ "descriptor-next-slot", PLACE_SEPARATE, false, "none", NULL, body_desc_reuse, 48,
	  .desc = DESC_PACKED, .text = "a command goes into the next free slot" },
	{ "descriptor-overrun", PLACE_SEPARATE, true, "active descriptor overwritten",
	  "descriptor-next-slot", body_desc_reuse, 48, .desc = DESC_PACKED,
	  .text = "a command overwrites one that the device still owns" },
	{ "head-advanced", PLACE_SEPARATE, false, "none", NULL, body_head_pointer, 48,
	  .desc = DESC_PACKED, .text = "each completion looked for in its own slot" },
	{ "head-not-advanced", PLACE_SEPARATE, true, "ring pointer not advanced",
	  "head-advanced", body_head_pointer, 48, .desc = DESC_PACKED,
	  .text = "the last completion taken for the next one" },
	{ "status-read", PLACE_SEPARATE, false, "none", NULL, body_status, 48,
	  .desc = DESC_PACKED, .handled = 1,
	  .text = "an error in the status is seen, and retried" },
	{ "status-misread", PLACE_SEPARATE, true, "status misread", "status-read", body_status, 48,
	  .desc = DESC_PACKED, .handled = 1,
	  .text = "done taken for good: the error bit is not looked at" },
	{ "descriptor-returned", PLACE_SEPARATE, false, "none", NULL, body_desc_return, 48,
	  .desc = DESC_PACKED, .text = "each completed descriptor goes back to the ring" },
	{ "descriptor-leak", PLACE_SEPARATE, true, "descriptor leaked", "descriptor-returned",
	  body_desc_return, 48, .desc = DESC_PACKED,
	  .text = "every other completed descriptor is forgotten" },
	{ "terminate-then-free", PLACE_SEPARATE, false, "none", NULL, body_free_in_flight, 48,
	  .desc = DESC_PACKED, .text = "timeout: terminate, synchronise, unmap, free" },
	{ "free-in-flight", PLACE_SEPARATE, true, "freed in flight", "terminate-then-free",
	  body_free_in_flight, 48, .desc = DESC_PACKED,
	  .text = "timeout: unmapped and freed while the device is still at it" },
};

/* clang-format on */

const unsigned int nr_scenarios = ARRAY_SIZE(scenarios);

/**
 * scenario_find - look up a scenario by name
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

static int run_body(struct scenario_run *run, struct device *dev, struct engine *engine)
{
	const struct scenario *scenario = run->scenario;
	const struct scenario_options *options = run->options;
	enum placement where = options->where < NR_PLACEMENTS ? options->where : scenario->where;
	u32 size = max(scenario->size, NEIGHBOUR_SIZE);
	int err;

	err = client_init(&run->client, dev, &engine->channels[0]);
	if (err)
		return err;
	err = placement_make(&run->placed, dev, where, scenario->size, options->offset,
			     options->user);
	if (err)
		goto out_client;
	run->want = kzalloc(size, GFP_KERNEL);
	run->got = kzalloc(size, GFP_KERNEL);
	run->far = dma_alloc_coherent(dev, size, &run->far_bus, GFP_KERNEL);
	err = -ENOMEM;
	if (run->want && run->got && run->far)
		err = scenario->body(run);

	/* The device must have stopped using the memory before it is freed. */
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
 * @scenario: the scenario
 * @dev: the device
 * @engine: the device's engine; no ring is running
 * @options: how to run it
 * @result: out: what was observed
 *
 * Context: may sleep; one run at a time per device.
 * Return: 0 if the scenario ran, whatever its outcome; -EOPNOTSUPP if it makes no sense with these
 * options; otherwise another negative errno.
 */
int scenario_run(const struct scenario *scenario, struct device *dev, struct engine *engine,
		 const struct scenario_options *options, struct scenario_result *result)
{
	struct mapping_space *space = &engine->space;
	enum shadow_evict evict = space->caches.evict;
	unsigned int live = space->live, faults = space->faults;
	u32 spared = space->effect.spared;
	struct scenario_run *run;
	int err;

	if (options->desc != DESC_NONE && scenario->desc == DESC_NONE)
		return -EOPNOTSUPP;
	run = kzalloc(sizeof(*run), GFP_KERNEL);
	if (!run)
		return -ENOMEM;
	run->scenario = scenario;
	run->options = options;
	prandom_seed_state(&run->rnd, options->seed);
	if (scenario->evict)
		space->caches.evict = EVICT_EAGER;
	/* No other run is in progress, so the same settings and seed evict the same lines. */
	prandom_seed_state(&space->rnd, space->caches.evict_seed ^ options->seed << 32);

	err = run_body(run, dev, engine);

	space->caches.evict = evict;
	*result = run->result;
	result->faults = space->faults - faults;
	result->spared = space->effect.spared - spared;
	if (result->outcome == DMALOOP_OK && result->faults > scenario->handled)
		result->outcome = DMALOOP_FAULT;
	if (result->outcome == DMALOOP_OK && space->live != live)
		result->outcome = DMALOOP_LEAK;
	kfree(run);
	return err;
}
