/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The descriptor ring's protocol, for both of its ends.
 *
 * Pure C: indices, the OWN bit, full and empty. The driver's end (client.c)
 * and the device's end (engine.c) bring the memory, the barriers and the
 * transfers; KUnit drives both ends against each other.
 *
 * Descriptors are in the CPU's byte order: the device is software on the same
 * machine. The ring's capacity is a power of two and one slot stays free, so
 * that full and empty differ (head == tail is empty).
 */
#ifndef DMALOOP_RING_H
#define DMALOOP_RING_H

#include "cache_model.h"

#define DESC_OWN 0x80000000u /* control: the device may execute it */
#define DESC_IRQ 0x40000000u /* control: interrupt on completion */

#define DESC_DONE 0x00000001u /* status: executed */
#define DESC_ERROR 0x00000002u /* status: an access faulted; bytes moved are undefined */

/**
 * struct ring_desc - one descriptor, as it lies in memory
 * @src: bus address to read from
 * @dst: bus address to write to
 * @length: bytes
 * @control: DESC_OWN, DESC_IRQ
 * @next: bus address of the next descriptor; 0: the following slot
 * @status: DESC_DONE, DESC_ERROR; written by the device
 * @reserved: zero
 */
struct ring_desc {
	u64 src;
	u64 dst;
	u32 length;
	u32 control;
	u64 next;
	u32 status;
	u32 reserved;
};

/**
 * struct ring - one end's view of a ring
 * @size: slots; a power of two from 2 to RING_MAX
 * @head: next slot to complete (driver's end) or to execute (device's end)
 * @tail: next slot to fill (driver's end) or the doorbell's value (device's end)
 */
struct ring {
	u32 size;
	u32 head;
	u32 tail;
};

#define RING_MAX 4096u

bool ring_init(struct ring *ring, u32 size);
u32 ring_used(const struct ring *ring);
bool ring_full(const struct ring *ring);
bool ring_empty(const struct ring *ring);
u32 ring_produce(struct ring *ring);
u32 ring_consume(struct ring *ring);
bool ring_doorbell(struct ring *ring, u32 tail);
bool ring_desc_ready(const struct ring_desc *desc);

#endif
