/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The judge's state: options, what is known of devices, and the scratch space of one event. Tables
 * are behind the functions of env.h.
 */
#ifndef DMASNOOP_STATE_H
#define DMASNOOP_STATE_H

#include "core/finding.h"
#include "core/types.h"
#include "core/watches.h"

/* Set once, before the first event. In BPF it is read-only data, whose value the verifier knows. */
#ifdef __bpf__
#define OPTION const volatile
#else
#define OPTION static
#endif

OPTION u32 line_size = 64;
OPTION u32 checks_enabled = ~0u;
OPTION u32 min_level; /* findings of a lower level are only counted */
OPTION char only_device[NAME_SIZE];
OPTION char only_driver[NAME_SIZE];

/*
 * Where the kernel's own image lies, as physical addresses; empty when not known. A device must
 * not write to text and rodata, and must not read text.
 */
OPTION struct range kernel_text;
OPTION struct range kernel_rodata;
OPTION struct range kernel_data;
OPTION struct range kernel_bss;

/*
 * Which physical pages are memory. The words of page_lines belong to the pages of these ranges,
 * one after the other; the largest range comes first.
 */
#define RAM_RANGES 8
OPTION struct range ram[RAM_RANGES];

/* How much of a buffer for the device is compared: enum content_mode. */
OPTION u32 content_mode = CONTENT_SAMPLE;
#define CONTENT_EDGE 64 /* bytes at each end */

u64 lost[NR_LOST];
u64 unsent[NR_LEVELS];

/*
 * When an event was last lost of which the device is not known, ns. A mapping that is older may
 * not be what it seems to be.
 */
u64 lost_before;

/*
 * Set when every hook is attached. Events before that are ignored: a map that is seen and its
 * unmap that is not would leave a mapping live for ever.
 *
 * The programs at tracepoints have fallbacks, which user space attaches when the first event was
 * lost. Until then a program need not mark what it has done.
 */
u32 armed; /* enum arms */

OPTION struct fast_facts facts;

/* What CLOCK_MONOTONIC was when jiffies were 0. */
u64 jiffies_offset;

/*
 * The stacks of tasks that mapped lately: a cheap "no" to whether a page belongs to the stack of
 * the running task.
 */
#define STACKS_SEEN 64

struct seen_stack seen_stacks[STACKS_SEEN];

/*
 * Writes by the CPU to buffers that it owned, as watchpoints saw them. Such a buffer has to be
 * handed to the device before it is synced for the CPU again: judge_not_handed_back().
 */
struct own_write own_writes[WATCHES];

/* Take the stack of every mapping. */
OPTION bool stacks_always;

/* By a hash of the address of the struct device. */
struct device_state devices[DEVICES_MAX];
u32 generations;

struct stack {
	u64 frames[STACK_MAX];
};

/*
 * The stack of the first mapping of each kind. A kind is a device, a direction, a size and so on,
 * and the depth of the stack, which nearly always identifies the call site.
 */
#define SIGNATURES (1 << 12)

struct signature signatures[SIGNATURES];

/* How many buffers of each call site could have been compared: site_due(). */
#define CONTENT_SITES 4096

u16 content_sites[CONTENT_SITES];

/*
 * The mappings that begin in a page, of DMA or of physical addresses. Only those are here that the
 * buckets do not find: their two addresses differ, or they are long. An entry may have been
 * dropped when the table was full. User space makes more room where there is an IOMMU.
 */
#define STARTS 8
#define SPACE_DMA 0
#define SPACE_PHYS 1

struct page_key {
	u64 dev;
	u64 page;
	u64 space;
};

struct page_starts {
	u32 at[STARTS]; /* slots, plus one */
	u32 next;
	u32 pad;
};

/*
 * A word for each page of memory, with a bit for each line that a device may write. It answers
 * "nobody" for almost every line. Lines shorter than 64 bytes share a bit. User space sizes the
 * table for all of memory.
 */
#define LINES_IN_WORD 64

/* Events that one CPU can be in the middle of: nested in interrupts, or preempted. */
#define SCRATCHES 6

/* In cpu_state.used: the tracer itself reads the bytes beside a buffer. */
#define READING (1 << 16)

/* A finding that is sent after the event has been judged. */
struct verdict {
	u8 check;
	u8 level;
	u8 unsure;
	u8 detail;
	u8 has_map;
	u8 has_other;
	u8 watched; /* a watchpoint saw it */
	u8 pad;
	u64 culprit; /* key of the stack to blame; 0: the event's own */
};

#define SG_READ 8 /* entries of a list that are read at a time */
#define SG_BYTES 512 /* the bytes they take at most */

/* Where in a scatter-gather list an event is. */
struct sg_cursor {
	u64 list;
	u64 entry; /* the next one */
	u64 segment; /* the segment it is part of: an IOMMU merges entries */
	u64 segment_size;
	u64 used; /* bytes of that segment that earlier entries have */
	u64 merged; /* the value of @used before the present entry */
	u64 max; /* the limits that the device states */
	u64 boundary;
	u32 left;
	u32 unread; /* entries in @raw that are still to be processed */
	u32 next; /* offset of the next one in @raw */
	u32 pad;
	u8 raw[2 * SG_BYTES];
};

#define VERDICTS 8 /* a power of two */

#define CALL_ARGS 6

/* The working memory of one event; it would not fit on the stack. */
struct scratch {
	/* In the order of the arguments of the map tracepoint, which fast_map() reads. */
	u64 dev;
	u64 phys;
	u64 dma;
	u64 size;
	u64 dir;
	u64 attrs;
	struct sg_cursor sg;
	u64 cpu_address;
	u64 sp; /* stack pointer of the event */
	u64 caller; /* return address that the stack does not hold; 0: it holds all */
	u64 culprit; /* key of the stack to blame; 0: the event's own */
	u32 nents;
	u8 op;
	u8 kind;
	u8 detail;
	u8 missing;
	u8 index;
	u8 met;
	u8 leaving; /* find_exact(): another event works on a mapping that could be the one */
	u8 looked; /* events_lost() has asked for losses */
	u8 exact; /* find_exact(): the mapping agrees with the call in every way */
	u8 watched; /* a watchpoint saw it, @watch: */
	u8 watch; /* index into watches */
	u32 device; /* index into devices */
	u32 at; /* slot of the mapping */
	u32 other_at;
	u32 nr_verdicts;
	struct verdict verdicts[VERDICTS];
	struct mapping map; /* the mapping that verdicts are about */
	struct mapping other;
	struct object object;
	struct object other_object;
	u64 line[LINE_SIZE_MAX / 8];
	u64 changed[2][LINE_SIZE_MAX / 64];
	struct stack stack;
	u64 args[CALL_ARGS + 1]; /* arguments of a function and its result: kprobe.bpf.h */
};

/* 4 pages on x86 and arm64, twice as many with KASAN. */
#define STACK_PAGES 8

/* The pages of the stack of the task that was looked at last. */
struct stack_pages {
	u64 task;
	u64 pid;
	u64 page[STACK_PAGES];
};

struct cpu_state {
	u64 offset; /* offset of this CPU's per-CPU memory; 0: not known */
	u32 used; /* a bit for each scratch in use, and READINGs */
	u64 number; /* see launder() */
	u64 probes_work; /* see probe_works() */
	struct stack_pages stack;
};

static __always_inline void count_lost(u32 reason)
{
	__sync_fetch_and_add(&lost[reason], 1);
}

/* Moves a time forward. Other CPUs may do so at the same moment. */
static __always_inline void set_later(u64 *when, u64 then)
{
	for (int i = 0; i < 4; i++) {
		u64 was = *(volatile u64 *)when;

		if (was >= then || __sync_val_compare_and_swap(when, was, then) == was)
			return;
	}
}

/* Until this time, ns, a mapping may not be what it seems to be. */
static __always_inline void lose_until(u64 then)
{
	set_later(&lost_before, then);
}

#endif
