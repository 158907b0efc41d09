/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol of the descriptor ring, for both of its ends.
 *
 * Pure C: indices, the OWN bit, full and empty, where descriptors lie, and the fetch of whole
 * banks. The driver's end (client.c, dmaengine_ring.c) and the device's end (engine_execution.c)
 * add the memory, the barriers and the transfers. KUnit drives both ends against each other.
 *
 * Descriptors are in the CPU's byte order, because the device is software on the same machine. The
 * number of slots is a power of two. One slot always stays free to tell full from empty: head ==
 * tail means empty.
 */
#ifndef DMALOOP_RING_H
#define DMALOOP_RING_H

#include "cache_model.h"

#define DESC_OWN 0x80000000u /* control: the device may execute it */
#define DESC_IRQ 0x40000000u /* control: interrupt on completion */
#define DESC_CYCLIC 0x20000000u /* control: executed repeatedly; OWN stays set */
#define DESC_FILL 0x10000000u /* control: fill with the low byte of src; nothing is read */
#define DESC_XOR 0x08000000u /* control: XOR src into dst */
#define DESC_TEST 0x04000000u /* control: read and test src; nothing is written */

#define DESC_DONE 0x00000001u /* status: executed */
#define DESC_ERROR 0x00000002u /* status: an access faulted; which bytes were moved is undefined */
#define DESC_NONZERO 0x00000004u /* status: after DESC_TEST: a byte was not 0 */

/**
 * struct ring_desc - one descriptor, as it lies in memory
 * @src: DMA address to read from; for DESC_FILL, the byte to write
 * @dst: DMA address to write to
 * @length: bytes; 0 moves nothing
 * @control: DESC_OWN, DESC_IRQ, DESC_CYCLIC, and at most one of DESC_FILL, DESC_XOR and DESC_TEST;
 *	without these it is a copy
 * @next: DMA address of the next descriptor of the same slot; 0 ends the slot
 * @status: DESC_DONE, DESC_ERROR, DESC_NONZERO; written by the device
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
 * @size: number of slots; a power of two from 2 to RING_MAX
 * @head: next slot to complete (driver's end) or to execute (device's end)
 * @tail: next slot to fill (driver's end), or value of the doorbell (device's end)
 */
struct ring {
	u32 size;
	u32 head;
	u32 tail;
};

#define RING_MAX 4096u
#define RING_STRIDE_MAX 512u
#define RING_BANK_MAX 512u

/**
 * enum ring_check - how a device recognises a descriptor that it may execute
 * @RING_CHECK_OWN: DESC_OWN is set and DESC_DONE is not
 * @RING_CHECK_DONE: DESC_DONE is not set; for a device without an OWN bit
 * @RING_CHECK_NONE: no check; the doorbell is enough
 */
enum ring_check { RING_CHECK_OWN, RING_CHECK_DONE, RING_CHECK_NONE };

bool ring_init(struct ring *ring, u32 size);
u32 ring_used(const struct ring *ring);
bool ring_full(const struct ring *ring);
bool ring_empty(const struct ring *ring);
u32 ring_produce(struct ring *ring);
u32 ring_consume(struct ring *ring);
bool ring_doorbell(struct ring *ring, u32 tail);
bool ring_desc_ready(const struct ring_desc *desc, enum ring_check check);

/**
 * struct ring_layout - where the descriptors of a ring lie
 * @offset: bytes from the start of the ring's memory to slot 0
 * @stride: bytes from one slot to the next; at least sizeof(struct ring_desc)
 * @bank: size and alignment of what the device fetches at once, in bytes; 0 to fetch single
 *	descriptors when they are needed
 */
struct ring_layout {
	u32 offset;
	u32 stride;
	u32 bank;
};

bool ring_layout_valid(const struct ring_layout *layout);
u32 ring_slot_offset(const struct ring_layout *layout, u32 slot);
u32 ring_bytes(const struct ring_layout *layout, u32 size);

/**
 * struct ring_bank - the bank that a device has fetched
 * @at: offset of the bank in the ring's memory
 * @valid: @data holds the bank
 * @data: the bytes of the bank when it was fetched
 */
struct ring_bank {
	u32 at;
	bool valid;
	u8 data[RING_BANK_MAX];
};

/* Reads @size bytes at offset @at of the ring's memory. Returns 0 or a negative errno. */
typedef int (*ring_read_t)(void *data, u32 at, void *to, u32 size);

int ring_fetch(struct ring_bank *bank, const struct ring_layout *layout, u32 size, u32 slot,
	       struct ring_desc *desc, ring_read_t read, void *data);

#endif
