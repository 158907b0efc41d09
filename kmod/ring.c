// SPDX-License-Identifier: GPL-2.0
/* The descriptor ring's protocol: see ring.h. */
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
 *
 * Return: true when the driver has handed it over and the device has not yet
 * handed it back.
 */
bool ring_desc_ready(const struct ring_desc *desc)
{
	return (desc->control & DESC_OWN) && !(desc->status & DESC_DONE);
}
