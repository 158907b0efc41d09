// SPDX-License-Identifier: GPL-2.0
/*
 * Drivers that handle their descriptors rightly or wrongly. `if (wrong(run))` is the bug. All
 * payloads are in coherent memory, so that only the descriptors, their order and their placement
 * can go wrong.
 *
 * The ring has been used before: each slot holds a completed command, as in a ring in regular use.
 * The driver's stores to a descriptor go through posted.h, so that a missing barrier shows on a PC
 * too.
 *
 * A message carries a sequence number and a checksum over the whole message. The receiver needs
 * nothing else to detect an old or damaged message.
 */
#include <linux/crc32.h>
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "posted.h"
#include "scenario_run.h"
#include "trace.h"

const char *const desc_placement_names[NR_DESC_PLACEMENTS] = {
	[DESC_NONE] = "none",	  [DESC_PACKED] = "packed",
	[DESC_BANKED] = "banked", [DESC_BANK_STRADDLE] = "bank-straddle",
	[DESC_PADDED] = "padded",
};

#define SLOTS 8u
#define BANK 128u

/*
 * A straddling slot has the fields from src to control in one bank, and next and status in the
 * other: it starts 24 bytes before the boundary.
 */
static const struct ring_layout layouts[NR_DESC_PLACEMENTS] = {
	[DESC_PACKED] = { .offset = 0, .stride = 40, .bank = 0 },
	[DESC_BANKED] = { .offset = 0, .stride = 64, .bank = BANK },
	[DESC_BANK_STRADDLE] = { .offset = 40, .stride = 64, .bank = BANK },
	[DESC_PADDED] = { .offset = 0, .stride = BANK, .bank = BANK },
};

/**
 * struct message - the payload of a command
 * @sequence: increases with each message, starting at 1
 * @body: random bytes
 * @crc: crc32 of the fields above
 */
struct message {
	u32 sequence;
	u8 body[40];
	u32 crc;
};

/* Offsets into the coherent memory of one run. */
#define RING_AT 0u
#define CELL_AT 2048u /* "command memory": short payloads and chained descriptors */
#define OUT_AT 2560u /* messages to be sent */
#define FAR_AT 3072u /* where messages arrive */
#define SPARE_AT 3584u /* where the old commands delivered */
#define AREA PAGE_SIZE
#define PITCH 64u /* distance between cells, messages or destinations */

/**
 * struct desc_run - state of a run's driver
 * @run: the run
 * @dev: the device
 * @channel: the channel's registers
 * @ring: the driver's end of the ring
 * @layout: where the descriptors lie in the ring's memory
 * @area: all coherent memory of the run
 * @bus: DMA address of @area
 * @slots: the ring's memory, in @area or in streaming memory
 * @slots_bus: DMA address of @slots
 * @streaming: @slots is in streaming memory
 * @posted: the driver's stores that are not visible yet
 * @sequence: sequence number of the last message
 * @error: 0, or the error of engine_channel_settle()
 */
struct desc_run {
	struct scenario_run *run;
	struct device *dev;
	struct engine_channel *channel;
	struct ring ring;
	struct ring_layout layout;
	u8 *area;
	dma_addr_t bus;
	u8 *slots;
	dma_addr_t slots_bus;
	bool streaming;
	struct posted posted;
	u32 sequence;
	int error;
};

static bool wrong(const struct desc_run *d)
{
	return d->run->scenario->faulty;
}

static bool has_cure(const struct scenario_run *run, u32 cure)
{
	return (run->scenario->cures | run->options->cures) & cure;
}

static struct ring_desc *slot_desc(struct desc_run *d, u32 slot)
{
	return (struct ring_desc *)(d->slots + ring_slot_offset(&d->layout, slot));
}

static struct message *out_message(struct desc_run *d, u32 i)
{
	return (struct message *)(d->area + OUT_AT + i * PITCH);
}

static u8 *far_message(struct desc_run *d, u32 i)
{
	return d->area + FAR_AT + i * PITCH;
}

static u64 at(const struct desc_run *d, u32 offset)
{
	return d->bus + offset;
}

/* --- the ring's memory --- */

/* The state of a ring that has been used before: completed commands. */
static void fill_old(struct desc_run *d)
{
	u32 slot;

	for (slot = 0; slot < SLOTS; slot++)
		*slot_desc(d, slot) = (struct ring_desc){
			.src = at(d, CELL_AT + slot * PITCH),
			.dst = at(d, SPARE_AT),
			.length = 16,
			.status = DESC_DONE,
		};
}

static int open_ring(struct scenario_run *run, struct desc_run *d, enum ring_check check,
		     bool streaming)
{
	enum desc_placement where = run->options->desc ?: run->scenario->desc;
	struct engine_setup setup = { .size = SLOTS, .check = check };
	int err = -ENOMEM;

	memset(d, 0, sizeof(*d));
	d->run = run;
	d->dev = run->client.dev;
	d->channel = run->client.channel;
	d->layout = layouts[where];
	d->streaming = streaming;
	ring_init(&d->ring, SLOTS);
	d->area = dma_alloc_coherent(d->dev, AREA, &d->bus, GFP_KERNEL);
	if (!d->area)
		return -ENOMEM;
	d->slots = d->area + RING_AT;
	d->slots_bus = d->bus + RING_AT;
	if (streaming) {
		d->slots = kzalloc(AREA, GFP_KERNEL);
		if (!d->slots)
			goto out_area;
	}
	fill_old(d);
	if (streaming) {
		d->slots_bus = dma_map_single(d->dev, d->slots, AREA, DMA_BIDIRECTIONAL);
		if (dma_mapping_error(d->dev, d->slots_bus))
			goto out_slots;
	}
	/* This replaces the client's own ring, which is not needed here. */
	engine_channel_stop(d->channel);
	setup.bus = d->slots_bus;
	setup.layout = d->layout;
	err = engine_channel_start(d->channel, &setup);
	if (!err)
		return 0;
	if (streaming)
		dma_unmap_single(d->dev, d->slots_bus, AREA, DMA_BIDIRECTIONAL);
out_slots:
	if (streaming)
		kfree(d->slots);
out_area:
	dma_free_coherent(d->dev, AREA, d->area, d->bus);
	return err;
}

/* Returns the first error of the run. */
static int close_ring(struct desc_run *d)
{
	engine_channel_stop(d->channel);
	if (d->streaming) {
		dma_unmap_single(d->dev, d->slots_bus, AREA, DMA_BIDIRECTIONAL);
		kfree(d->slots);
	}
	dma_free_coherent(d->dev, AREA, d->area, d->bus);
	return d->error;
}

/* --- messages --- */

static u64 new_message(struct desc_run *d, u32 i)
{
	struct message *message = out_message(d, i);

	message->sequence = ++d->sequence;
	scenario_payload(d->run, message->body, sizeof(message->body));
	message->crc = crc32_le(~0, (u8 *)message, offsetof(struct message, crc));
	return at(d, OUT_AT + i * PITCH);
}

/* Did message @i arrive complete at destination @i, and not an older message? */
static void expect_message(struct desc_run *d, u32 i, enum dmaloop_outcome otherwise)
{
	const struct message *sent = out_message(d, i);
	struct message got;

	memcpy(&got, far_message(d, i), sizeof(got));
	if (got.crc == crc32_le(~0, (u8 *)&got, offsetof(struct message, crc)) &&
	    got.sequence == sent->sequence)
		return;
	/* This counts the wrong bytes. The checksum has decided already. */
	scenario_expect(d->run, (u8 *)&got, (const u8 *)sent, sizeof(got), otherwise);
}

/* --- descriptors --- */

/* The tracepoints show dmasnoop what the driver does to a descriptor of the ring. */
static void announce(struct desc_run *d, const void *field, u64 value, u32 size, bool write)
{
	u32 at = (const u8 *)field - d->slots - d->layout.offset;
	u32 offset = at % d->layout.stride;
	u64 before = size == sizeof(u64) ? READ_ONCE(*(const u64 *)field) :
					   READ_ONCE(*(const u32 *)field);

	if (d->streaming)
		trace_dmaloop_cpu_access(d->dev, (unsigned long)field, size, write);
	trace_dmaloop_descriptor_access(d->dev, d->channel->index,
					d->slots_bus + d->layout.offset + at - offset, offset, size,
					before, value, write);
}

static void store(struct desc_run *d, void *to, u64 value, u32 size)
{
	announce(d, to, value, size, true);
	posted_write(&d->posted, to, value, size);
}

/* All fields but the OWN bit. */
static void store_fields(struct desc_run *d, u32 slot, u64 dst, u64 src, u32 length, u64 next)
{
	struct ring_desc *desc = slot_desc(d, slot);

	store(d, &desc->src, src, sizeof(desc->src));
	store(d, &desc->dst, dst, sizeof(desc->dst));
	store(d, &desc->length, length, sizeof(desc->length));
	store(d, &desc->next, next, sizeof(desc->next));
	store(d, &desc->status, 0, sizeof(desc->status));
}

static void store_own(struct desc_run *d, u32 slot)
{
	struct ring_desc *desc = slot_desc(d, slot);

	store(d, &desc->control, DESC_OWN, sizeof(desc->control));
}

/* Hand over a command that sends message @i to destination @i, as a correct driver does. */
static void write_desc(struct desc_run *d, u32 slot, u32 i)
{
	store_fields(d, slot, at(d, FAR_AT + i * PITCH), new_message(d, i), sizeof(struct message),
		     0);
	posted_barrier(&d->posted);
	store_own(d, slot);
	posted_barrier(&d->posted);
}

/* Ring the doorbell, and wait until the device has done all that it can. */
static void look(struct desc_run *d)
{
	engine_channel_doorbell(d->channel, d->ring.tail);
	d->error = d->error ?: engine_channel_settle(d->channel);
}

static u32 read_status(struct desc_run *d, u32 slot)
{
	const u32 *field = &slot_desc(d, slot)->status;
	u32 status = READ_ONCE(*field);

	announce(d, field, status, sizeof(*field), false);
	return status;
}

/* Is the command in @slot done? If not, it never will be. */
static bool completed(struct desc_run *d, u32 slot)
{
	if (read_status(d, slot) & DESC_DONE)
		return true;
	scenario_outcome(d->run, DMALOOP_STUCK);
	return false;
}

/* --- the drivers --- */

/* Wrong: the doorbell is rung before the descriptor is written. This device checks nothing else. */
int body_doorbell(struct scenario_run *run)
{
	struct desc_run d;
	u32 slot;
	int err = open_ring(run, &d, RING_CHECK_NONE, false);

	if (err)
		return err;
	slot = ring_produce(&d.ring);
	if (wrong(&d))
		look(&d);
	write_desc(&d, slot, 0);
	if (!wrong(&d))
		look(&d);
	if (completed(&d, slot))
		expect_message(&d, 0, DMALOOP_STALE);
	return close_ring(&d);
}

/* Wrong: OWN is set first. The device polls and may look at any moment; here it looks at each. */
int body_own_order(struct scenario_run *run)
{
	struct desc_run d;
	u32 slot;
	int err = open_ring(run, &d, RING_CHECK_OWN, false);

	if (err)
		return err;
	slot = ring_produce(&d.ring);
	look(&d);
	if (wrong(&d)) {
		struct ring_desc *desc = slot_desc(&d, slot);

		store(&d, &desc->status, 0, sizeof(desc->status));
		posted_barrier(&d.posted);
		store_own(&d, slot);
		posted_barrier(&d.posted);
		look(&d);
	}
	store_fields(&d, slot, at(&d, FAR_AT), new_message(&d, 0), sizeof(struct message), 0);
	posted_barrier(&d.posted);
	look(&d);
	if (!wrong(&d)) {
		store_own(&d, slot);
		posted_barrier(&d.posted);
		look(&d);
	}
	/* The wrong driver has overwritten the status that the device wrote. */
	if (wrong(&d) || completed(&d, slot))
		expect_message(&d, 0, DMALOOP_STALE);
	return close_ring(&d);
}

/* Wrong: there is no dma_wmb(), so OWN overtakes some of the fields. */
int body_field_barrier(struct scenario_run *run)
{
	struct ring_desc *desc;
	struct desc_run d;
	u32 slot;
	int err = open_ring(run, &d, RING_CHECK_OWN, false);

	if (err)
		return err;
	slot = ring_produce(&d.ring);
	desc = slot_desc(&d, slot);
	store(&d, &desc->next, 0, sizeof(desc->next));
	store(&d, &desc->status, 0, sizeof(desc->status));
	posted_barrier(&d.posted);
	store(&d, &desc->src, new_message(&d, 0), sizeof(desc->src));
	store(&d, &desc->dst, at(&d, FAR_AT), sizeof(desc->dst));
	store(&d, &desc->length, sizeof(struct message), sizeof(desc->length));
	if (!wrong(&d) || has_cure(run, DMALOOP_CURE_BARRIER))
		posted_barrier(&d.posted);
	store_own(&d, slot);
	posted_overtake(&d.posted, prandom_u32_state(&run->rnd));
	look(&d);
	posted_barrier(&d.posted);
	look(&d);
	if (completed(&d, slot))
		expect_message(&d, 0, DMALOOP_TORN);
	return close_ring(&d);
}

/*
 * Two commands with one doorbell, which overtakes the stores to the second descriptor. These stores
 * become visible while the device executes the first command. By then the device has already
 * fetched the old content of the second descriptor: a command that sends 16 bytes of a cell of
 * command memory. The cell now holds the second half of the new command's chain, so the old command
 * sends two fields of that.
 *
 * The device checks the status of a descriptor or, with the cure, OWN.
 */
int body_bank_update(struct scenario_run *run)
{
	const u32 half = sizeof(struct message) / 2, first = 0, second = 1;
	struct ring_desc *chained, *old;
	struct desc_run d;
	u64 message;
	int err = open_ring(
		run, &d, has_cure(run, DMALOOP_CURE_OWN) ? RING_CHECK_OWN : RING_CHECK_DONE, false);

	if (err)
		return err;
	engine_channel_pause(d.channel, true);
	ring_produce(&d.ring);
	ring_produce(&d.ring);
	old = slot_desc(&d, second);
	old->dst = at(&d, FAR_AT + PITCH + 8);

	write_desc(&d, first, 0);
	message = new_message(&d, 1);
	chained = (struct ring_desc *)(d.area + CELL_AT + second * PITCH);
	*chained = (struct ring_desc){
		.src = message + half,
		.dst = at(&d, FAR_AT + PITCH + half),
		.length = half,
		.control = DESC_OWN,
	};
	store_fields(&d, second, at(&d, FAR_AT + PITCH), message, half,
		     at(&d, CELL_AT + second * PITCH));
	store_own(&d, second);
	if (has_cure(run, DMALOOP_CURE_BARRIER))
		posted_barrier(&d.posted);

	engine_channel_doorbell(d.channel, d.ring.tail);
	engine_channel_allow(d.channel, 1);
	d.error = d.error ?: engine_channel_settle(d.channel);
	posted_barrier(&d.posted);
	engine_channel_pause(d.channel, false);
	d.error = d.error ?: engine_channel_settle(d.channel);

	if (completed(&d, first))
		expect_message(&d, 0, DMALOOP_STALE);
	if (completed(&d, second))
		expect_message(&d, 1, DMALOOP_TORN);
	return close_ring(&d);
}

/* The ring is in streaming memory. Wrong: it is never synced. */
int body_desc_sync(struct scenario_run *run)
{
	struct desc_run d;
	u32 slot;
	int err = open_ring(run, &d, RING_CHECK_OWN, true);

	if (err)
		return err;
	slot = ring_produce(&d.ring);
	if (!wrong(&d))
		dma_sync_single_for_cpu(d.dev, d.slots_bus, AREA, DMA_BIDIRECTIONAL);
	write_desc(&d, slot, 0);
	if (!wrong(&d))
		dma_sync_single_for_device(d.dev, d.slots_bus, AREA, DMA_BIDIRECTIONAL);
	look(&d);
	if (!wrong(&d))
		dma_sync_single_for_cpu(d.dev, d.slots_bus, AREA, DMA_BIDIRECTIONAL);
	if (completed(&d, slot))
		expect_message(&d, 0, DMALOOP_STALE);
	return close_ring(&d);
}

/* Wrong: a second command overwrites the first one, which the device still owns. */
int body_desc_reuse(struct scenario_run *run)
{
	struct desc_run d;
	u32 a, b;
	int err = open_ring(run, &d, RING_CHECK_OWN, false);

	if (err)
		return err;
	engine_channel_pause(d.channel, true);
	a = ring_produce(&d.ring);
	write_desc(&d, a, 0);
	engine_channel_doorbell(d.channel, d.ring.tail);
	b = wrong(&d) ? a : ring_produce(&d.ring);
	write_desc(&d, b, 1);
	engine_channel_doorbell(d.channel, d.ring.tail);
	engine_channel_pause(d.channel, false);
	d.error = d.error ?: engine_channel_settle(d.channel);
	if (completed(&d, a))
		expect_message(&d, 0, DMALOOP_STALE);
	if (completed(&d, b))
		expect_message(&d, 1, DMALOOP_STALE);
	return close_ring(&d);
}

/* Wrong: the head does not advance, so the last completion is taken for the next one. */
int body_head_pointer(struct scenario_run *run)
{
	struct desc_run d;
	int err = open_ring(run, &d, RING_CHECK_OWN, false);

	if (err)
		return err;
	write_desc(&d, ring_produce(&d.ring), 0);
	look(&d);
	if (completed(&d, d.ring.head))
		expect_message(&d, 0, DMALOOP_STALE);
	if (!wrong(&d))
		ring_consume(&d.ring);

	engine_channel_pause(d.channel, true);
	write_desc(&d, ring_produce(&d.ring), 1);
	engine_channel_doorbell(d.channel, d.ring.tail);
	if (!(read_status(&d, d.ring.head) & DESC_DONE)) {
		engine_channel_pause(d.channel, false);
		d.error = d.error ?: engine_channel_settle(d.channel);
	}
	if (completed(&d, d.ring.head))
		expect_message(&d, 1, DMALOOP_STALE);
	engine_channel_pause(d.channel, false);
	d.error = d.error ?: engine_channel_settle(d.channel);
	return close_ring(&d);
}

/* The device reports a fault. Wrong: the driver looks only at DESC_DONE. */
int body_status(struct scenario_run *run)
{
	struct desc_run d;
	u32 slot;
	u64 src;
	int err = open_ring(run, &d, RING_CHECK_OWN, false);

	if (err)
		return err;
	slot = ring_produce(&d.ring);
	src = new_message(&d, 0);
	/* This source was never mapped: page 1 of the device's address space is not in use. */
	store_fields(&d, slot, at(&d, FAR_AT), PAGE_SIZE, sizeof(struct message), 0);
	posted_barrier(&d.posted);
	store_own(&d, slot);
	posted_barrier(&d.posted);
	look(&d);
	if (!wrong(&d) && (read_status(&d, slot) & DESC_ERROR)) {
		slot = ring_produce(&d.ring);
		store_fields(&d, slot, at(&d, FAR_AT), src, sizeof(struct message), 0);
		posted_barrier(&d.posted);
		store_own(&d, slot);
		posted_barrier(&d.posted);
		look(&d);
	}
	if (completed(&d, slot))
		expect_message(&d, 0, DMALOOP_STALE);
	return close_ring(&d);
}

/* Wrong: every second completed descriptor is not returned to the ring. */
int body_desc_return(struct scenario_run *run)
{
	struct desc_run d;
	u32 i;
	int err = open_ring(run, &d, RING_CHECK_OWN, false);

	if (err)
		return err;
	for (i = 0; i < 3 * SLOTS; i++) {
		u32 slot;

		if (ring_full(&d.ring)) {
			scenario_outcome(run, DMALOOP_STUCK);
			break;
		}
		slot = ring_produce(&d.ring);
		write_desc(&d, slot, 0);
		look(&d);
		if (!completed(&d, slot))
			break;
		expect_message(&d, 0, DMALOOP_STALE);
		if (!wrong(&d) || i % 2)
			ring_consume(&d.ring);
	}
	return close_ring(&d);
}

/* The driver gives up on a receive. Wrong: it frees a buffer that the device still owns. */
int body_free_in_flight(struct scenario_run *run)
{
	struct desc_run d;
	dma_addr_t bus;
	u32 slot;
	u8 *buffer;
	int err = open_ring(run, &d, RING_CHECK_OWN, false);

	if (err)
		return err;
	buffer = kzalloc(CACHE_LINE_MAX, GFP_KERNEL);
	err = -ENOMEM;
	if (!buffer)
		goto out;
	bus = dma_map_single(d.dev, buffer, sizeof(struct message), DMA_FROM_DEVICE);
	if (dma_mapping_error(d.dev, bus))
		goto out;
	engine_channel_pause(d.channel, true);
	slot = ring_produce(&d.ring);
	store_fields(&d, slot, bus, new_message(&d, 0), sizeof(struct message), 0);
	posted_barrier(&d.posted);
	store_own(&d, slot);
	posted_barrier(&d.posted);
	engine_channel_doorbell(d.channel, d.ring.tail);

	/* The driver's timeout expires. */
	if (!wrong(&d)) {
		engine_channel_abort(d.channel);
		engine_channel_synchronize(d.channel);
	}
	dma_unmap_single(d.dev, bus, sizeof(struct message), DMA_FROM_DEVICE);
	kfree(buffer);
	buffer = NULL;
	engine_channel_pause(d.channel, false);
	d.error = d.error ?: engine_channel_settle(d.channel);
	err = 0;
out:
	kfree(buffer);
	return close_ring(&d) ?: err;
}
