/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tracer's state: options, tables, and the scratch space of one event. Part
 * of dmasnoop.bpf.c, which includes it once.
 */
#ifndef DMASNOOP_STATE_BPF_H
#define DMASNOOP_STATE_BPF_H

/* Set before load. */
const volatile u32 line_size = 64;
const volatile u32 checks_enabled = ~0u;
const volatile u32 min_level; /* below it findings are only counted */
const volatile char only_device[NAME_SIZE];
const volatile char only_driver[NAME_SIZE];

u64 lost[NR_LOST];
u64 unsent[NR_LEVELS];
u64 twin_runs; /* events that a program was too busy for, and its twin took */

/*
 * Set when every hook is attached. Until then events are not looked at: a map
 * that is seen and its unmap that is not would leave a mapping live for ever.
 */
bool armed;

/*
 * Preallocated: a scatter-gather list mapped with interrupts off takes entries
 * faster than the BPF allocator's per-CPU caches are refilled.
 */
#define MAPPINGS_MAX (1 << 17)
#define SLACKS_MAX (1 << 15)

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAPPINGS_MAX);
	__type(key, struct mapping_key);
	__type(value, struct mapping);
} mappings SEC(".maps");

/* Mappings that have been unmapped, for double-unmap. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct mapping_key);
	__type(value, struct mapping);
} recent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct device_state);
} devices SEC(".maps");

/* Devices that were added, or lost a driver, while tracing: nothing of theirs is older. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u64);
} born SEC(".maps");

struct stack {
	u64 frames[STACK_MAX];
};

/* Stacks by content: the key is a hash of the frames. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct stack);
} stacks SEC(".maps");

/*
 * Which mappings start in a page, of DMA or of physical addresses: finds the
 * mapping that an address lies in. Only a hint: it may have forgotten.
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
	u64 dma[STARTS];
	u32 next;
	u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct page_key);
	__type(value, struct page_starts);
} starts SEC(".maps");

/*
 * Device-writable mappings that cover a line only in part, by line number.
 * Disjoint buffers on one line both do, so no other line need be kept.
 */
struct line_users {
	struct mapping_key user[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAPPINGS_MAX);
	__type(key, u64);
	__type(value, struct line_users);
} lines SEC(".maps");

/* The first and the last line of a mapping as they were at handover. */
struct slack {
	u32 head; /* bytes before the buffer that can be a neighbour's */
	u32 tail; /* bytes after it */
	u8 line[2][LINE_SIZE_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SLACKS_MAX);
	__type(key, struct mapping_key);
	__type(value, struct slack);
} slacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps");

/* Which hook is at work, for the twins. */
enum hook {
	HOOK_MAP,
	HOOK_UNMAP,
	HOOK_MAP_SG,
	HOOK_UNMAP_SG,
	HOOK_SYNC_CPU,
	HOOK_SYNC_DEVICE,
	HOOK_SYNC_SG_CPU,
	HOOK_SYNC_SG_DEVICE,
	HOOK_CPU_ACCESS,
	HOOK_UNBIND,
	HOOK_WATCH,
	NR_HOOKS,
};

#define DEPTH_MAX 4

/* What one event works with; too large for the stack. */
struct scratch {
	u64 dev;
	u64 dma;
	u64 phys;
	u64 size;
	u64 attrs;
	u64 generation;
	u64 sg;
	u8 dir;
	u8 op;
	u8 hook;
	u8 missing;
	struct mapping_key key;
	struct mapping map;
	struct object object;
	struct object other_object;
	struct slack slack;
	u64 changed[2][LINE_SIZE_MAX / 64];
	struct stack stack;
};

struct cpu_state {
	u32 depth;
	u32 busy[NR_HOOKS];
	struct scratch scratch[DEPTH_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cpu_state);
} cpu_states SEC(".maps");

extern const void page_offset_base __ksym __weak;
extern const void vmemmap_base __ksym __weak;
extern const void _stext __ksym __weak;
extern const void _end __ksym __weak;

static __always_inline void count_lost(u32 reason)
{
	__sync_fetch_and_add(&lost[reason], 1);
}

#endif
