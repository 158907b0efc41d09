/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The judge's state: the options, the facts about devices, and the scratch space of one event. The
 * tables are behind the functions of env.h.
 */
#ifndef DMASNOOP_STATE_H
#define DMASNOOP_STATE_H

#include "core/finding.h"
#include "core/types.h"
#include "core/watches.h"

/*
 * Options are set once, before the first event. In BPF they are read-only data, whose value the
 * verifier knows.
 */
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
 * The kernel's own image, as physical addresses; empty when not known. A device must not write to
 * text and rodata, and must not read text.
 */
OPTION struct range kernel_text;
OPTION struct range kernel_rodata;
OPTION struct range kernel_data;
OPTION struct range kernel_bss;

/*
 * The physical addresses that are memory. The words of page_lines belong to the pages of these
 * ranges, one after the other; the largest range comes first.
 */
#define RAM_RANGES 8
OPTION struct range ram[RAM_RANGES];

/* The part of a buffer for the device that is compared: enum content_mode. */
OPTION u32 content_mode = CONTENT_SAMPLE;
#define CONTENT_EDGE 64 /* bytes at each end */

u64 lost[NR_LOST];
u64 unsent[NR_LEVELS];

/*
 * The time, in ns, of the last lost event whose device is not known. A finding about an older
 * mapping is Unsure.
 */
u64 lost_before;

/*
 * Set when every hook is attached. Earlier events are ignored, because a map that is seen would
 * stay live for ever if its unmap were not seen.
 *
 * The programs at tracepoints have fallback programs, which user space attaches after the first
 * lost event. Until then a program need not mark what it has done.
 */
u32 armed; /* enum arms */

OPTION struct fast_facts facts;

/* The value of CLOCK_MONOTONIC at jiffies 0, in ns. */
u64 jiffies_offset;

/*
 * The stacks of tasks that recently mapped buffers. They are a cheap test that a page does not
 * belong to the stack of the running task.
 */
#define STACKS_SEEN 64

struct seen_stack seen_stacks[STACKS_SEEN];

/*
 * Writes by the CPU, seen by watchpoints, to buffers that it owned. Such a buffer must be handed to
 * the device before it is synced for the CPU again: judge_not_handed_back().
 */
struct own_write own_writes[WATCHES];

/* If set, every mapping gets its own stack. */
OPTION bool stacks_always;

/* The device table; the index follows from a hash of the address of the struct device. */
struct device_state devices[DEVICES_MAX];
u32 generations;

struct stack {
	u64 frames[STACK_MAX];
};

/*
 * The stack of the first mapping with each signature: device, direction, size and so on, and the
 * depth of the stack, which nearly always identifies the call site.
 */
#define SIGNATURES (1 << 12)

struct signature signatures[SIGNATURES];

/* The number of buffers of each call site that could have been compared: site_due(). */
#define CONTENT_SITES 4096

u16 content_sites[CONTENT_SITES];

/*
 * The mappings that begin in a page, by DMA address or by physical address. The index contains only
 * mappings that the buckets do not find: those with two different addresses, and long ones. A full
 * table may have dropped an entry. User space makes more room where there is an IOMMU.
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
	u32 at[STARTS]; /* slot numbers plus one */
	u32 next;
	u32 pad;
};

/*
 * One word for each page of memory, with a line bit for each line. For almost every line the bit
 * says that no device may write. Lines shorter than 64 bytes share a bit. User space sizes the
 * table for all of memory.
 */
#define LINES_IN_WORD 64

/*
 * The maximum number of unfinished events on one CPU: interrupts nest them, and tasks are
 * preempted.
 */
#define SCRATCHES 6

/* A flag in cpu_state.used: the tracer itself reads neighbour bytes. */
#define READING (1 << 16)

/* A finding that is sent after the event has been judged. */
struct verdict {
	u8 check;
	u8 level;
	u8 unsure;
	u8 detail;
	u8 has_map;
	u8 has_other;
	u8 watched; /* a watchpoint saw the access */
	u8 pad;
	u64 culprit; /* key of the stack to blame; 0: that of the event */
};

#define SG_READ 8 /* number of list entries read at a time */
#define SG_BYTES 512 /* maximum size of these entries in bytes */

/* The position of an event in a scatter-gather list. */
struct sg_cursor {
	u64 list;
	u64 entry; /* the next entry */
	u64 segment; /* the segment of the entry: an IOMMU merges entries */
	u64 segment_size;
	u64 used; /* bytes of that segment that belong to earlier entries */
	u64 merged; /* the value of @used before the present entry */
	u64 max; /* the limits that the device states */
	u64 boundary;
	u32 left;
	u32 unread; /* number of entries in @raw still to be processed */
	u32 next; /* offset of the next entry in @raw */
	u32 pad;
	u8 raw[2 * SG_BYTES];
};

#define VERDICTS 8 /* a power of two */

#define CALL_ARGS 6

/* The working memory of one event, which would not fit on the stack. */
struct scratch {
	/* These are in the order of the map tracepoint's arguments, which fast_map() reads. */
	u64 dev;
	u64 phys;
	u64 dma;
	u64 size;
	u64 dir;
	u64 attrs;
	struct sg_cursor sg;
	u64 cpu_address;
	u64 sp; /* stack pointer of the event */
	u64 caller; /* return address that the stack does not hold; 0: none */
	u64 culprit; /* key of the stack to blame; 0: that of the event */
	u32 nents;
	u8 op;
	u8 kind;
	u8 detail;
	u8 missing;
	u8 index;
	u8 met;
	u8 leaving; /* find_exact(): another event works on a possible mapping */
	u8 looked; /* events_lost() has asked for losses */
	u8 exact; /* find_exact(): the mapping agrees with the call in all arguments */
	u8 watched; /* the watchpoint @watch saw the access */
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
	u64 args[CALL_ARGS + 1]; /* arguments and result of a function: kprobe.bpf.h */
};

/* A stack has 4 pages on x86 and arm64, and twice as many with KASAN. */
#define STACK_PAGES 8

/* The pages of the stack of the last task that was looked at. */
struct stack_pages {
	u64 task;
	u64 pid;
	u64 page[STACK_PAGES];
};

struct cpu_state {
	u64 offset; /* offset of this CPU's per-CPU memory; 0: not known */
	u32 used; /* one bit for each scratch in use, and the count of READING */
	u64 number; /* see launder() */
	u64 probes_work; /* see probe_works() */
	struct stack_pages stack;
};

static __always_inline void count_lost(u32 reason)
{
	__sync_fetch_and_add(&lost[reason], 1);
}

/* Moves a time forward, even if other CPUs do so at the same moment. */
static __always_inline void set_later(u64 *when, u64 then)
{
	for (int i = 0; i < 4; i++) {
		u64 was = *(volatile u64 *)when;

		if (was >= then || __sync_val_compare_and_swap(when, was, then) == was)
			return;
	}
}

/* Makes findings about mappings from before a time, in ns, Unsure. */
static __always_inline void lose_until(u64 then)
{
	set_later(&lost_before, then);
}

#endif
