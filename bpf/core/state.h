/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The judge's state: options, what is known of devices, and the scratch space of one event.
 * What may be shared by programs in any order is in tables, which env.h has.
 */
#ifndef DMASNOOP_STATE_H
#define DMASNOOP_STATE_H

#include "core/types.h"

/* Set once, before the first event. In BPF it is read-only data, whose value the verifier knows. */
#ifdef __bpf__
#define OPTION const volatile
#else
#define OPTION static
#endif

/* Set before load. */
OPTION u32 line_size = 64;
OPTION u32 checks_enabled = ~0u;
OPTION u32 min_level; /* below it findings are only counted */
OPTION char only_device[NAME_SIZE];
OPTION char only_driver[NAME_SIZE];

/*
 * Where the kernel's own image lies, physically; empty when not known. What is
 * read from there is never mapped for writing, nor code for reading.
 */
OPTION struct range kernel_text;
OPTION struct range kernel_rodata;
OPTION struct range kernel_data;
OPTION struct range kernel_bss;

/*
 * Which physical pages are memory, and where each one's word in page_lines is: the
 * ranges' pages one after the other, the largest range first.
 */
#define RAM_RANGES 8
OPTION struct range ram[RAM_RANGES];

/* How much of a buffer for the device is compared: enum content_mode. */
OPTION u32 content_mode = CONTENT_SAMPLE;
#define CONTENT_EDGE 64 /* bytes at each end */

u64 lost[NR_LOST];
u64 unsent[NR_LEVELS];

/*
 * When an event of whatever device was last lost, ns: what is older than that may
 * not be as it is thought to be.
 */
u64 lost_before;

/*
 * Armed when every hook is attached. Until then events are not looked at: a map that
 * is seen and its unmap that is not would leave a mapping live for ever.
 *
 * The tracepoints' programs have twins, which user space attaches when the first event
 * was nested. Until then nobody needs to be told what was done.
 */
u32 armed; /* enum arms */

OPTION struct fast_facts facts;

/* What CLOCK_MONOTONIC was when jiffies were 0. */
u64 jiffies_offset;

/*
 * The stacks of tasks that mapped lately. The cheap answer to "is this page one of the
 * running task's stack?"
 */
#define STACKS_SEEN 64

struct seen_stack seen_stacks[STACKS_SEEN];

/*
 * What watchpoints saw the CPU write while it owned the buffer. The buffer has to be handed to
 * the device before it is synced for the CPU again: see judge_not_handed_back().
 */
struct own_write own_writes[WATCHES];

/* Take the stack of every mapping. */
OPTION bool stacks_always;

/* By a hash of the address. */
struct device_state devices[DEVICES_MAX];
u32 generations;

struct stack {
	u64 frames[STACK_MAX];
};

/*
 * The stack of the first mapping of its kind: device, direction, size and so on, and
 * how deep the stack was, which almost tells the call site.
 */
#define SIGNATURES (1 << 12)

struct signature signatures[SIGNATURES];

/* How often a device's buffers were compared, or could have been, by call site: site_due(). */
#define CONTENT_SITES 4096

u16 content_sites[CONTENT_SITES];

/*
 * Which mappings begin in a page, of DMA or of physical addresses, for those that
 * the buckets do not tell: whose two addresses differ, and long ones. Only a hint:
 * it may have forgotten. User space makes more room where there is an IOMMU.
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
	u32 at[STARTS]; /* places, plus one */
	u32 next;
	u32 pad;
};

/*
 * A bit for each line of memory that a device may write, a word for each page:
 * the filter that says "nobody" for almost every line. Lines below 64 bytes
 * share a bit. User space makes room for all of memory.
 */
#define LINES_IN_WORD 64

/* Events at work on one CPU at once: nested in interrupts, or preempted. */
#define SCRATCHES 6

/* The fast path, which has no scratch, is at work on a buffer's lines. */
#define READING (1 << 16)

/* Something to report when the event has been judged. */
struct verdict {
	u8 check;
	u8 level;
	u8 unsure;
	u8 detail;
	u8 has_map;
	u8 has_other;
	u8 pad[2];
};

#define SG_READ 8 /* entries of a list that are read at once */
#define SG_BYTES 512 /* what they take at most, a power of two */

/* Where in a scatter-gather list an event is. */
struct sg_cursor {
	u64 list;
	u64 entry; /* the next one */
	u64 segment; /* that holds its DMA address: an IOMMU merges entries */
	u64 segment_size;
	u64 used; /* bytes of that segment that entries before have */
	u64 merged; /* the same, before the present entry */
	u64 max; /* what the device states, for sg-limits */
	u64 boundary;
	u32 left;
	u32 unread; /* entries in @raw that were not looked at yet */
	u32 next; /* the next of these */
	u32 pad;
	u8 raw[2 * SG_BYTES];
};

#define VERDICTS 8 /* a power of two */

#define CALL_ARGS 6

/* What one event works with; too large for the stack. */
struct scratch {
	/* As a tracepoint of dma_map_page() has them: see fast_map(). */
	u64 dev;
	u64 phys;
	u64 dma;
	u64 size;
	u64 dir;
	u64 attrs;
	struct sg_cursor sg;
	u64 cpu_address;
	u64 sp; /* where on which stack this happens */
	u64 caller; /* that the stack would not show; 0: it does */
	u64 culprit; /* key of the stack that did it; 0: the event's own */
	u32 nents;
	u8 op;
	u8 kind;
	u8 detail;
	u8 missing;
	u8 index;
	u8 met;
	u8 leaving; /* find_exact(): an event is at work on what could be the mapping */
	u8 looked; /* for losses: see events_lost() */
	u8 exact; /* find_exact(): what was found fits in every way */
	u8 watched; /* by a watchpoint: */
	u8 watch; /* which of watches */
	u32 device; /* which of devices */
	u32 at; /* the mapping's place */
	u32 other_at;
	u32 nr_verdicts;
	struct verdict verdicts[VERDICTS];
	struct mapping map; /* the one that verdicts are about */
	struct mapping other;
	struct object object;
	struct object other_object;
	u64 line[LINE_SIZE_MAX / 8];
	u64 changed[2][LINE_SIZE_MAX / 64];
	struct stack stack;
	u64 args[CALL_ARGS + 1]; /* of a function, and its result: hooks_kprobe.bpf.h */
};

/* 4 on x86 and arm64, twice as many with KASAN. */
#define STACK_PAGES 8

/* The pages of the stack of the task that was asked about last. */
struct stack_pages {
	u64 task;
	u64 pid;
	u64 page[STACK_PAGES];
};

struct cpu_state {
	u64 offset; /* of its part of per-CPU memory; 0: not known */
	u32 used; /* scratches, a bit each; and READINGs */
	u64 number; /* see launder() */
	u64 probes_work; /* see probe_works() */
	struct stack_pages stack;
};

static __always_inline void count_lost(u32 reason)
{
	__sync_fetch_and_add(&lost[reason], 1);
}

/* Others may be at it. */
static __always_inline void set_later(u64 *when, u64 then)
{
	for (int i = 0; i < 4; i++) {
		u64 was = *(volatile u64 *)when;

		if (was >= then || __sync_val_compare_and_swap(when, was, then) == was)
			return;
	}
}

/* What happens until then, ns, may be something else than it seems. */
static __always_inline void lose_until(u64 then)
{
	set_later(&lost_before, then);
}

#endif
