/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A recording: the findings of a run of dmasnoop, with everything that is needed to report them
 * again on another machine. record.c writes recordings, replay.c reads them.
 *
 *   A file is a struct record_header, then blocks. Each block is a struct record_block and,
 *   deflated, a sequence of struct record_entry, each followed by @size bytes:
 *
 *   RECORD_SYMBOL    struct record_symbol: the symbol that a frame's number stands for
 *   RECORD_STACK     struct record_stack
 *   RECORD_FINDING   struct record_finding: the first finding of its kind
 *   RECORD_REPEAT    struct record_repeat
 *   RECORD_DEVICE    struct device_state, at the time of the next totals
 *   RECORD_TOTALS    struct record_totals: the totals so far; the last entry has @end set
 *
 * A lost block does no harm to the others: entries refer to each other by number, and an entry that
 * is not there is reported as not recorded.
 *
 * Recordings are sent to other people, so they contain no kernel address: frames are numbers, and
 * the addresses of objects are left out. Physical and DMA addresses are no secret of the kernel's.
 *
 * All numbers have the byte order of the recording machine. The magic number tells which that is.
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
#define RECORD_BLOCK_MAX (1 << 20) /* maximum size of a block before deflation, bytes */
#define RECORD_FINDINGS_MAX (1 << 16) /* maximum number of kinds of findings */
#define RECORD_STACKS_MAX (1 << 17)
#define RECORD_SYMBOLS_MAX (1 << 18)

/**
 * struct record_header - the start of the file
 * @magic: RECORD_MAGIC
 * @version: RECORD_VERSION
 * @layout: record_layout() of the dmasnoop that recorded
 * @started: start of the run, seconds since 1970
 * @dmasnoop: version of dmasnoop
 * @kernel: release of the kernel
 * @arch: machine name, as in uname -m
 * @machine: maker and product, if the firmware names them
 * @device: argument of -d; empty: all devices
 * @driver: argument of -D; empty: all drivers
 * @checks: the enabled checks, a bit per enum check
 * @line_size: size of a cache line, bytes, a power of two
 * @crc: checksum of all the fields before it
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
 * struct record_block - the header of a block
 * @magic: RECORD_BLOCK_MAGIC
 * @stored: size of the deflated data that follows, bytes
 * @plain: size of the inflated data, bytes
 * @data_crc: checksum of the deflated data
 * @number: number of the block, from 0 on
 * @crc: checksum of all the fields before it
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
 * @number stands for a return address, and is at least 1. @name is empty if no known function
 * contains the address. @module is empty for the kernel's own functions.
 */
struct record_symbol {
	u64 number;
	u64 offset;
	char name[256];
	char module[64];
};

/* @frame holds @nr numbers of symbols. @number is at least 1. */
struct record_stack {
	u32 number;
	u32 nr;
	u64 frame[STACK_MAX];
};

/*
 * @stack, @map_stack and @other_stack are numbers of stacks; 0: none. @head is the finding without
 * its stacks.
 */
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
 * struct record_totals - the totals of a run so far
 * @lost: number of lost events, by enum lost_reason
 * @missed: see struct summary
 * @overlooked: see struct summary
 * @blind_interrupts: see struct summary
 * @dropped: number of findings that did not fit into the recording
 * @devices: number of RECORD_DEVICE entries before these totals
 * @leaks_judged: see struct summary
 * @unreadable: see struct summary
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

/* Writing: record.c. record_close() reports any error. */
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
