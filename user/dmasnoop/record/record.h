/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A recording: what a run of dmasnoop found, with all it takes to report it again
 * on another machine. Written by record.c, read by replay.c.
 *
 *   struct record_header, then blocks. Each is a struct record_block and, deflated,
 *   a sequence of struct record_entry, each followed by @size bytes:
 *
 *   RECORD_SYMBOL    struct record_symbol: what a frame's number stands for
 *   RECORD_STACK     struct record_stack
 *   RECORD_FINDING   struct record_finding, the first of its kind
 *   RECORD_REPEAT    struct record_repeat
 *   RECORD_DEVICE    struct device_state, as of the next totals
 *   RECORD_TOTALS    struct record_totals, as of here; the last one says it is
 *
 * A block may be lost without harm to the others: what an entry refers to is
 * numbered, and reported as not recorded when it is not there.
 *
 * A recording is sent to others, so no address of the kernel's is in it: neither
 * those of its code, which frames have, nor those of its objects. What is at a
 * physical or a DMA address is no secret of the kernel's.
 *
 * All in the byte order of the machine that recorded; the magic number tells.
 */
#ifndef DMASNOOP_RECORD_H
#define DMASNOOP_RECORD_H

#include <signal.h>
#include <stddef.h>

#include "core/finding.h"
#include "core/types.h"
#include "totals.h"

#define RECORD_MAGIC 0x706f6f6e73616d64 /* "dmasnoop" */
#define RECORD_BLOCK_MAGIC 0x6b636c62 /* "blck" */
#define RECORD_VERSION 5
#define RECORD_BLOCK_MAX (1 << 20) /* plain bytes of a block */
#define RECORD_FINDINGS_MAX (1 << 16) /* kinds of findings */
#define RECORD_STACKS_MAX (1 << 17)
#define RECORD_SYMBOLS_MAX (1 << 18)

/**
 * struct record_header - start of the file
 * @magic: RECORD_MAGIC
 * @version: RECORD_VERSION
 * @layout: record_layout() of the recording dmasnoop
 * @started: seconds since 1970
 * @dmasnoop: version that recorded
 * @kernel: release
 * @arch: as uname -m
 * @machine: maker and product, where the firmware tells
 * @device: -d; empty: all
 * @driver: -D; empty: all
 * @checks: bit per enum check
 * @line_size: bytes, a power of two
 * @crc: of what is before it
 */
struct record_header {
	u64 magic;
	u32 version;
	u32 layout;
	u64 started;
	char dmasnoop[16];
	char kernel[64];
	char arch[32];
	char machine[96];
	char device[NAME_SIZE];
	char driver[NAME_SIZE];
	u32 checks;
	u32 line_size;
	u32 pad;
	u32 crc;
};

/**
 * struct record_block - in front of each block
 * @magic: RECORD_BLOCK_MAGIC
 * @stored: bytes that follow
 * @plain: bytes they inflate to
 * @data_crc: of the bytes that follow
 * @number: counts from 0
 * @crc: of what is before it
 */
struct record_block {
	u32 magic;
	u32 stored;
	u32 plain;
	u32 data_crc;
	u32 number;
	u32 crc;
};

enum record_type {
	RECORD_SYMBOL = 1,
	RECORD_STACK,
	RECORD_FINDING,
	RECORD_REPEAT,
	RECORD_DEVICE,
	RECORD_TOTALS,
};

struct record_entry {
	u32 type;
	u32 size;
};

/*
 * @number is from 1 on, each a return address. @name is empty when it is in no function that
 * is known, @module for the kernel's own.
 */
struct record_symbol {
	u64 number;
	u64 offset;
	char name[256];
	char module[64];
};

/* As many of @frame, numbers of symbols, as @nr says; @number is from 1 on. */
struct record_stack {
	u32 number;
	u32 nr;
	u64 frame[STACK_MAX];
};

/* @stack, @map_stack, @other_stack: numbers, 0: none; @head: all but its stacks. */
struct record_finding {
	u32 number;
	u32 stack;
	u32 map_stack;
	u32 other_stack;
	u8 head[offsetof(struct finding, stack)];
};

struct record_repeat {
	u32 finding;
	u32 pad;
	u64 count;
};

/**
 * struct record_totals - what was lost, and whether this is the end
 * @lost: by enum lost_reason
 * @missed: see struct summary
 * @overlooked: see struct summary
 * @dropped: findings that did not fit into the recording
 * @devices: RECORD_DEVICE entries before it
 * @leaks_judged: see struct summary
 * @unreadable: see struct summary
 * @blind_interrupts: see struct summary
 * @end: the run was over
 * @sampled: see struct summary
 * @left_out: see struct summary
 */
struct record_totals {
	u64 lost[NR_LOST];
	u64 missed;
	u64 overlooked;
	u64 blind_interrupts;
	u64 dropped;
	u64 devices;
	u32 leaks_judged;
	u32 unreadable;
	u32 end;
	u32 sampled;
	char left_out[LEFT_OUT_SIZE];
};

struct findings;
struct summary;

/* Writing: record.c. What cannot be written is said by record_close(). */
int record_open(const char *path, const struct record_header *options);
void record_add(const struct finding *finding);
void record_symbols_changed(void);
bool record_due(void);
void record_flush(const struct summary *summary, bool end);
int record_close(void);
u32 record_layout(void);

/* Reading: replay.c. */
int replay(const char *path, struct findings *findings, const volatile sig_atomic_t *stop);

#endif
