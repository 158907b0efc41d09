/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hardware watchpoints: bpf/watchpoint.bpf.h decides on a hit, user/dmasnoop/watch/ where they are.
 * Plain structs; no code.
 */
#ifndef DMASNOOP_WATCHES_H
#define DMASNOOP_WATCHES_H

#include "core/types.h"

#define WATCHES 4 /* debug registers of a CPU that are used at most */
#define WATCH_IPS 4 /* instructions told apart, and reported, for one watch */
#define WATCH_HITS_MAX 64 /* after so many a watch is spent, before it costs more */
#define LEGAL_TEXT_MAX 128
#define OVERREADING_MAX 32 /* a power of two */

enum watch_kind {
	WATCH_WRITE, /* writes of the buffer */
	WATCH_ACCESS, /* any access; the slot before it tells which are writes */
	WATCH_NEIGHBOURS, /* writes beside the buffer, on a line of its */
};

/**
 * struct watch - what one slot, the same on every CPU, watches
 * @dma: the mapping's
 * @born, @turn: of the mapping: buffers, their addresses and slots are used again
 * @at: its slot
 * @generation: of its device
 * @address: virtual address; 0 while user space changes the rest
 * @phys: the same, physical
 * @size: bytes, a power of two up to 8
 * @kind: enum watch_kind
 * @hits: so far
 * @reported: instructions that were reported
 */
struct watch {
	u64 dma;
	u64 born;
	u32 at;
	u32 turn;
	u32 generation;
	u32 pad;
	u64 address;
	u64 phys;
	u32 size;
	u32 kind;
	u64 hits;
	u64 reported[WATCH_IPS];
};

/**
 * struct own_write - a write by the CPU to a buffer that it owned
 * @born, @turn, @at, @generation: of the mapping, as in struct watch
 * @phys: first byte written
 * @stack: key of the stack that wrote
 */
struct own_write {
	u64 born;
	u64 phys;
	u64 stack;
	u32 at;
	u32 turn;
	u32 generation;
	u32 pad;
};

/* What became of the hits. */
enum watch_count {
	WATCH_HITS, /* all */
	WATCH_LEGAL, /* allowed: the CPU's by then, or gone, or not to be judged */
	WATCH_FOLDED, /* by an instruction that was reported */
	WATCH_UNSURE, /* an event that was lost, or is late, may have made it legal */
	NR_WATCH_COUNTS,
};

/* EVENT_WATCH_SPENT: a slot has seen enough. */
struct watch_spent {
	u8 type;
	u8 slot;
	u8 pad[6];
};

#endif
