/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hardware watchpoints. bpf/watchpoint.bpf.h judges a hit, and user/dmasnoop/watch/ places them.
 * They are plain structs without code.
 */
#ifndef DMASNOOP_WATCHES_H
#define DMASNOOP_WATCHES_H

#include "core/types.h"

#define WATCHES 4 /* maximum number of a CPU's debug registers in use */
#define WATCH_IPS 4 /* number of instructions told apart and reported for one watchpoint */
#define WATCH_HITS_MAX 64 /* a watchpoint is retired after so many hits, to limit the cost */
#define LEGAL_TEXT_MAX 128
#define OVERREADING_MAX 32 /* a power of two */

enum watch_kind {
	WATCH_WRITE, /* writes to the buffer */
	WATCH_ACCESS, /* any access; the watchpoint before this one tells which are writes */
	WATCH_NEIGHBOURS, /* writes to neighbour bytes */
};

/**
 * struct watch - one watchpoint, which is the same on every CPU
 * @dma: DMA address of the mapping
 * @born: @born of the mapping; buffers, addresses and slots are used again, and this tells their
 *	mappings apart
 * @turn: @turn of the mapping, for the same purpose
 * @at: slot of the mapping
 * @generation: generation of the device
 * @address: virtual address; 0 while user space changes the other fields
 * @phys: physical address of the same bytes
 * @size: number of bytes, a power of two up to 8
 * @kind: accesses that count, an enum watch_kind
 * @hits: number of hits so far
 * @reported: addresses of the instructions that were reported
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
 * @born: @born of the mapping, as in struct watch
 * @turn: @turn of the mapping
 * @at: slot of the mapping
 * @generation: generation of the device
 * @phys: physical address of the first byte written
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

/* The results of hits, which are counted. */
enum watch_count {
	WATCH_HITS, /* all hits */
	WATCH_LEGAL, /* allowed: the CPU owns the buffer, or no mapping is to be judged */
	WATCH_FOLDED, /* hits by an instruction that was reported already */
	WATCH_UNSURE, /* Unsure: a lost or late event may have made the access legal */
	NR_WATCH_COUNTS,
};

/* EVENT_WATCH_SPENT: a watchpoint has had enough hits. */
struct watch_spent {
	u8 type;
	u8 slot;
	u8 pad[6];
};

#endif
