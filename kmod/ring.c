// SPDX-License-Identifier: GPL-2.0
/* The protocol of the descriptor ring; see ring.h. */
#include <linux/string.h>

#include "ring.h"

/**
 * ring_init - initialise an empty ring
 * @ring: the ring
 * @size: number of slots
 *
 * Return: false if @size is not a power of two from 2 to RING_MAX.
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
 * ring_used - count the slots between head and tail
 * @ring: the ring
 *
 * Return: the number of slots, 0 to @ring->size - 1.
 */
u32 ring_used(const struct ring *ring)
{
	return (ring->tail - ring->head) & (ring->size - 1);
}

/**
 * ring_full - would one more descriptor make the ring look empty?
 * @ring: the ring
 *
 * Return: true if nothing may be produced.
 */
bool ring_full(const struct ring *ring)
{
	return ring_used(ring) == ring->size - 1;
}

/**
 * ring_empty - is there nothing between head and tail?
 * @ring: the ring
 *
 * Return: true if there is nothing to consume.
 */
bool ring_empty(const struct ring *ring)
{
	return ring->head == ring->tail;
}

/**
 * ring_produce - take the slot at the tail
 * @ring: the driver's end of the ring, which is not full
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
 * @ring: either end of the ring, which is not empty
 *
 * Return: the slot to execute (device's end), or the slot that was completed (driver's end).
 */
u32 ring_consume(struct ring *ring)
{
	u32 slot = ring->head;

	ring->head = (slot + 1) & (ring->size - 1);
	return slot;
}

/**
 * ring_doorbell - take the value of the doorbell register
 * @ring: the device's end of the ring
 * @tail: the value written to the doorbell register
 *
 * Return: false, with nothing changed, if @tail is not a slot of the ring. A device must survive
 * any value in its registers.
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
 * @desc: the descriptor, as it was fetched
 * @check: what the device checks
 *
 * Return: true if, as far as @check can tell, the driver has handed the descriptor over and the
 * device has not handed it back.
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
 * ring_layout_valid - check a layout
 * @layout: the layout
 *
 * Return: false if a descriptor does not fit in the stride or is not aligned for its fields, or if
 * the bank is not a power of two up to RING_BANK_MAX.
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
 * ring_slot_offset - find a slot's descriptor
 * @layout: the layout
 * @slot: the slot
 *
 * Return: its offset from the start of the ring's memory, in bytes.
 */
u32 ring_slot_offset(const struct ring_layout *layout, u32 slot)
{
	return layout->offset + slot * layout->stride;
}

/**
 * ring_bytes - the size of a ring's memory
 * @layout: the layout
 * @size: number of slots
 *
 * Return: bytes, up to the end of the last slot's stride.
 */
u32 ring_bytes(const struct ring_layout *layout, u32 size)
{
	return ring_slot_offset(layout, size);
}

/**
 * ring_fetch - read a slot's descriptor as the device does
 * @bank: the bank that the device has fetched; kept from call to call
 * @layout: where the descriptors lie
 * @size: number of slots
 * @slot: the slot
 * @desc: out: the descriptor, as the device sees it
 * @read: function that reads the ring's memory
 * @data: argument of @read
 *
 * With banks, memory is read one bank at a time, and only if the descriptor reaches into a bank
 * other than the last one. Bytes that are in the bank are taken from there, however old they are. A
 * descriptor that crosses into the next bank is thus put together from two reads.
 *
 * Return: 0, or the error of @read.
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
