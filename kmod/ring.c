// SPDX-License-Identifier: GPL-2.0
/* The descriptor ring's protocol: see ring.h. */
#include <linux/string.h>

#include "ring.h"

/**
 * ring_init - an empty ring
 * @ring: storage
 * @size: slots
 *
 * Return: false when @size is not a power of two from 2 to RING_MAX.
 */
bool ring_init(struct ring *ring, u32 size)
{
	if (size < 2 || size > RING_MAX || (size & (size - 1)))
		return false;
	ring->size = size;
	ring->head = 0;
	ring->tail = 0;
	return true;
}

/**
 * ring_used - slots between head and tail
 * @ring: the ring
 *
 * Return: 0 to @ring->size - 1.
 */
u32 ring_used(const struct ring *ring)
{
	return (ring->tail - ring->head) & (ring->size - 1);
}

/**
 * ring_full - would one more descriptor make the ring look empty?
 * @ring: the ring
 *
 * Return: true when nothing may be produced.
 */
bool ring_full(const struct ring *ring)
{
	return ring_used(ring) == ring->size - 1;
}

/**
 * ring_empty - is there nothing between head and tail?
 * @ring: the ring
 *
 * Return: true when nothing may be consumed.
 */
bool ring_empty(const struct ring *ring)
{
	return ring->head == ring->tail;
}

/**
 * ring_produce - take the slot at the tail
 * @ring: the driver's end; not full
 *
 * Return: the slot to fill.
 */
u32 ring_produce(struct ring *ring)
{
	u32 slot = ring->tail;

	ring->tail = (slot + 1) & (ring->size - 1);
	return slot;
}

/**
 * ring_consume - take the slot at the head
 * @ring: either end; not empty
 *
 * Return: the slot that is executed, or that was completed.
 */
u32 ring_consume(struct ring *ring)
{
	u32 slot = ring->head;

	ring->head = (slot + 1) & (ring->size - 1);
	return slot;
}

/**
 * ring_doorbell - the driver told the device how far it may go
 * @ring: the device's end
 * @tail: the value written to the doorbell register
 *
 * Return: false, and nothing changed, when @tail is no slot of the ring: a
 * device must survive any value in its registers.
 */
bool ring_doorbell(struct ring *ring, u32 tail)
{
	if (tail >= ring->size)
		return false;
	ring->tail = tail;
	return true;
}

/**
 * ring_desc_ready - may the device execute this descriptor?
 * @desc: as fetched
 * @check: what this device looks at
 *
 * Return: true when the driver has handed it over and the device has not yet
 * handed it back, as far as @check can tell.
 */
bool ring_desc_ready(const struct ring_desc *desc, enum ring_check check)
{
	bool own = desc->control & DESC_OWN;
	bool done = (desc->status & DESC_DONE) && !(desc->control & DESC_CYCLIC);

	switch (check) {
	case RING_CHECK_OWN:
		return own && !done;
	case RING_CHECK_DONE:
		return !done;
	case RING_CHECK_NONE:
		break;
	}
	return true;
}

/**
 * ring_layout_valid - can descriptors lie so?
 * @layout: the layout
 *
 * Return: false when a descriptor does not fit its stride, is not aligned for
 * its fields, or a bank is no power of two up to RING_BANK_MAX.
 */
bool ring_layout_valid(const struct ring_layout *layout)
{
	return layout->stride >= sizeof(struct ring_desc) && layout->stride <= RING_STRIDE_MAX &&
	       !(layout->stride % sizeof(u64)) && layout->offset <= RING_STRIDE_MAX &&
	       !(layout->offset % sizeof(u64)) && layout->bank <= RING_BANK_MAX &&
	       !(layout->bank & (layout->bank - 1)) &&
	       (!layout->bank || layout->bank >= sizeof(struct ring_desc));
}

/**
 * ring_slot_offset - where a slot's descriptor lies
 * @layout: the layout
 * @slot: which
 *
 * Return: bytes from the start of the ring's memory.
 */
u32 ring_slot_offset(const struct ring_layout *layout, u32 slot)
{
	return layout->offset + slot * layout->stride;
}

/**
 * ring_bytes - how much memory a ring takes
 * @layout: the layout
 * @size: slots
 *
 * Return: bytes, up to the end of the last slot's stride.
 */
u32 ring_bytes(const struct ring_layout *layout, u32 size)
{
	return ring_slot_offset(layout, size);
}

/**
 * ring_fetch - read a slot's descriptor as the device does
 * @bank: what the device has fetched; kept from call to call
 * @layout: where descriptors lie
 * @size: slots
 * @slot: which
 * @desc: the descriptor, as the device sees it
 * @read: reads memory
 * @data: for @read
 *
 * With banks, memory is read a bank at a time, and only when a descriptor
 * reaches into a bank other than the last one: what lies in the bank already is
 * taken from there, as old as it may be. A descriptor that crosses into the next
 * bank is thus put together from two reads.
 *
 * Return: 0 or what @read said.
 */
int ring_fetch(struct ring_bank *bank, const struct ring_layout *layout, u32 size, u32 slot,
	       struct ring_desc *desc, ring_read_t read, void *data)
{
	u32 at = ring_slot_offset(layout, slot), end = at + sizeof(*desc);
	u8 *to = (u8 *)desc;

	if (!layout->bank)
		return read(data, at, desc, sizeof(*desc));
	while (at < end) {
		u32 start = at & ~(layout->bank - 1), next = start + layout->bank;
		u32 bytes = (end < next ? end : next) - at;

		if (!bank->valid || bank->at != start) {
			u32 limit = ring_bytes(layout, size);
			int err;

			bank->valid = false;
			err = read(data, start, bank->data, (next < limit ? next : limit) - start);
			if (err)
				return err;
			bank->at = start;
			bank->valid = true;
		}
		memcpy(to, bank->data + (at - start), bytes);
		to += bytes;
		at += bytes;
	}
	return 0;
}
