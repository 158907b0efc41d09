/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the BPF object and user space share: checks, levels, the state of a mapping, and the events
 * to user space. Plain structs; no code. The rules are in rules.h.
 */
#ifndef DMASNOOP_H
#define DMASNOOP_H

#include "core/checks.h"

#ifdef __bpf__
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef _Bool bool;
#define true 1
#define false 0
#ifndef NULL
#define NULL ((void *)0)
#endif
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
#endif

/* As <bpf/bpf_helpers.h> has them, and <sys/cdefs.h> does not. */
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#undef __noinline
#define __noinline __attribute__((noinline))

#define PAGE_SHIFT 12

#define NAME_SIZE 32
#define STACK_MAX 32
#define STEPS 4 /* a power of two */
#define LINE_SIZE_MAX 256

enum check {
#define CHECK_ENUM(id, ...) CHECK_##id,
	CHECKS(CHECK_ENUM)
#undef CHECK_ENUM
		NR_CHECKS,
	CHECK_NONE = NR_CHECKS,
};

/* In rising order of weight. */
enum level { LEVEL_NOTE, LEVEL_HAZARD, LEVEL_VIOLATION, LEVEL_CORRUPTION, NR_LEVELS };

/* enum dma_data_direction */
enum dir { DIR_BIDIRECTIONAL, DIR_TO_DEVICE, DIR_FROM_DEVICE, DIR_NONE };

/* OWNER_NOBODY: its driver has left, and the leak was reported. */
enum owner { OWNER_CPU, OWNER_DEVICE, OWNER_NOBODY };

/* By which family of functions memory was mapped. */
enum kind {
	KIND_SINGLE, /* dma_map_single(), dma_map_page(), dma_map_phys() */
	KIND_SG, /* dma_map_sg(), dma_map_sgtable() */
	KIND_RESOURCE, /* dma_map_resource(): MMIO */
	KIND_COHERENT, /* dma_alloc_coherent(), dma_alloc_attrs(), and dma_pool's pages */
	KIND_PAGES, /* dma_alloc_pages(): streaming, but allocated */
	KIND_IOVA, /* dma_iova_link() */
	KIND_TABLE, /* dma_alloc_noncontiguous(): as KIND_PAGES */
	NR_KINDS,
};

/* What happened to a mapping. */
enum op {
	OP_MAP,
	OP_UNMAP,
	OP_SYNC_FOR_CPU,
	OP_SYNC_FOR_DEVICE,
	OP_CPU_READ,
	OP_CPU_WRITE,
	OP_UNBIND,
	OP_ALLOC,
	OP_FREE,
	OP_RELEASE, /* the memory itself was freed */
	OP_HANDOVER, /* the memory was passed to the next layer */
	OP_DESCRIPTOR_WRITE, /* the CPU stored a field of a descriptor */
	OP_DOORBELL, /* the device was told of descriptors */
	OP_FETCH, /* the device fetched a descriptor */
	NR_OPS,
};

/**
 * struct step - one event in a mapping's history
 * @after: STEP_NS since the mapping's @born, or ticks: see @coarse
 * @cpu: on which CPU
 * @op: enum op
 * @coarse: enum coarse
 * @what: these three, to be set at once
 */
struct step {
	u32 after;
	union {
		struct {
			u16 cpu;
			u8 op;
			u8 coarse;
		};
		u32 what;
	};
};

#define STEP_NS 1024

enum coarse {
	STEP_EXACT,
	STEP_COARSE, /* the clock was not read: it is the last tick's time */
	STEP_TICKS, /* so, and in ticks */
};

/* Flags of struct mapping. */
enum mapping_flag {
	MAP_REPORTED = 1 << 0, /* line-neighbour-write was reported for it */
	MAP_BLIND = 1 << 1, /* its device skipped syncs when it was mapped */
	MAP_WRITTEN = 1 << 2, /* a watchpoint saw the CPU write it while the CPU owned it */
	MAP_CONTENT = 1 << 3, /* its bytes were hashed */
	MAP_PASSED = 1 << 4, /* handover-unsynced was reported for it */
	MAP_NEIGHBOURS = 1 << 5, /* the bytes beside it are kept */
	MAP_COARSE = 1 << 6, /* @born is in ticks */
	MAP_ALIKE = 1 << 7, /* @stack is that of the first mapping like it */
	MAP_APART = 1 << 8, /* @phys is not @dma */
};

/* Above the flags: the depth of the stack when it was mapped. */
#define MAP_DEPTH_SHIFT 16

/**
 * struct mapping - what is known of one live mapping
 * @dma: DMA address
 * @phys: physical address; 0 when not known (segments merged by an IOMMU)
 * @size: bytes
 * @born: when mapped, CLOCK_MONOTONIC, ns; or jiffies, see MAP_COARSE
 * @stack: key of the stack that mapped it; 0 when there is none
 * @generation: of its device, see struct device_state
 * @users: how often it is mapped at once, and the state of its slot: see core/table_protocol.h
 * @dir: enum dir
 * @kind: enum kind
 * @nents: entries of the list it is in; 0 for all but the first, or too many
 * @shape: these three, to be compared at once
 * @flags: enum mapping_flag, and how deep the stack was
 * @owner: enum owner
 * @nr_steps: events so far; the last STEPS of them are in @steps
 * @progress: both, to be set at once
 * @attrs: DMA_ATTR_*
 * @turn: a number that the next mapping in its slot will not have
 * @steps: ring of events, @nr_steps & (STEPS - 1) is the next
 */
struct mapping {
	u64 dma;
	u64 phys;
	u64 size;
	u64 born;
	u64 stack;
	u32 generation;
	u32 users;
	union {
		struct {
			u8 dir;
			u8 kind;
			u16 nents;
		};
		u32 shape;
	};
	u32 flags;
	union {
		struct {
			u8 owner;
			u8 pad;
			u16 nr_steps;
		};
		u32 progress;
	};
	u16 attrs;
	u16 turn;
	struct step steps[STEPS];
};

/*
 * A mapping is in the bucket to which the address of its first byte leads, in its preferred slot
 * if that is free. When the bucket is full, the mapping is in one of the next buckets.
 */
#define BUCKET 8
#define REACH_MAX 16

/**
 * struct bucket - some mappings
 * @tags: a byte each: 0 when the slot was never used, else part of the address's hash
 * @reach: how many of the buckets that follow hold what has its home here
 * @map: the mappings; one that is over stays until its slot is taken
 */
struct bucket {
	u64 tags;
	u32 reach;
	u32 pad;
	struct mapping map[BUCKET];
};

#define STARTS_MAX (1 << 15) /* as many as swiotlb has slots, by default */
#define STARTS_MAX_IOMMU (1 << 17)

#define NEIGHBOURS_MAX (1 << 15) /* a power of two */
#define NEIGHBOURS_REACH 8 /* how many entries further on one can be */

/**
 * struct neighbours - what was beside a mapping on its lines when it was handed over
 * @owner: the mapping's physical address, plus one; 0: nobody's
 * @size: the mapping's bytes
 * @head: bytes before the buffer that can be a neighbour's
 * @tail: bytes after it
 * @line: the first line, and the last after it, as long as lines are here: room for more
 *	is not kept. Only those words are valid in which such bytes are
 */
struct neighbours {
	u64 owner;
	u64 size;
	u32 head;
	u32 tail;
	u64 line[2 * LINE_SIZE_MAX / 8];
};

static inline __attribute__((always_inline, unused)) u32 neighbours_home(u64 phys)
{
	return phys / 8 * 0x9e3779b97f4a7c15 >> 32;
}

/* The slot of a mapping: its bucket times BUCKET, plus the slot within it. */
#define NOWHERE (~0u)

enum object_kind {
	OBJECT_UNKNOWN, /* not read, or the read failed */
	OBJECT_PAGE, /* pages: large kmalloc, page pool, fragments */
	OBJECT_SLAB,
	OBJECT_KMALLOC, /* a slab object for which every platform guarantees its own lines */
};

/**
 * struct object - the allocation a buffer lies in
 * @start: physical address of its first byte
 * @size: bytes the object has
 * @room: bytes from one object to the next: what lies between is nobody's
 * @kind: enum object_kind
 * @users: how many caches were merged into this one: they share its name
 * @cache: slab cache's name
 */
struct object {
	u64 start;
	u32 size;
	u32 room;
	u32 kind;
	u32 users;
	char cache[NAME_SIZE];
};

#define CPUS_MAX 4096
#define EVERYWHERE (~0u) /* instead of a CPU */

#define PRIMARIES_MAX 64 /* primaries: programs that have a fallback */

#define TEXT_WORDS 1024 /* instructions of a function: probe_returns() in user/dmasnoop/attach/ */

#define DEVICES_MAX 1024 /* a power of two */

/* Longer than an event takes whose task is preempted in between. */
#define EVENT_NS 20000000

/* What the programs do: nothing; judge events; also mark what they have done; have fallbacks. */
enum arms { ARMED_NOT, ARMED, ARMED_MARKING, ARMED_FALLBACKS };

/* How closely the events of a device are looked at. */
enum pace {
	PACE_SLOW, /* everything is asked; or nothing, when it is @ignored */
	PACE_LAZY, /* it need not unmap: only whether its memory may be mapped */
	PACE_REPORTED, /* maps take the slow path, as their stacks are wanted; else as PACE_FAST */
	PACE_FAST, /* ordinary events take the fast path: fast_path.h */
};

/**
 * struct device_state - one device that did DMA
 * @dev: address of its struct device; 0: nobody's
 * @since: when it was first seen, ns
 * @lost_before: when one of its events was last lost, ns
 * @surplus: DMA address, plus one, of a buffer that has a mapping too many, because an unmap of it
 *	was lost; 0: none. With a second such buffer @lost_before has no end
 * @generation: tells it apart from all others, those that had its address before, too; the
 *	lowest bits are its index in the table
 * @ready: the rest is filled in
 * @by_hand: it has buffers that share lines, mapped with DMA_ATTR_SKIP_CPU_SYNC
 * @pace: enum pace
 * @flags: of its mappings, made by the fast path
 * @max_segment, @boundary: what it states to take of a list's entries
 * @reported: a finding of it was sent
 * @bound: address of the driver, to notice one that came later
 * @name: dev_name()
 * @driver: its driver's name
 * @function_driver: where that is a virtio transport: whose driver does the DMA
 * @ignored: filtered out by -d or -D
 * @complete: every mapping it has was made while tracing
 * @skips_sync: dma_skip_sync: sync calls never reach the traced functions
 * @has_ops: it has dma_map_ops of its own
 * @iommu: it is behind an IOMMU that translates
 * @lazy: its driver asked dma_need_unmap() and was told no: it may never unmap
 * @software: its dma_map_ops are a module's: a program plays the device
 * @content_next: of @maps and @syncs: after so many a buffer that it reads is compared
 * @ends: mappings of it, or of what had its index, that were ended on the slow path
 * @compared: buffers that it reads, kept to be compared
 * @maps, @unmaps, @syncs: calls seen
 * @allocs: coherent allocations seen
 * @odd: what makes up the difference between @maps less @unmaps and those that are live:
 *	allocations, what was given back and never seen made, and the like
 * @failed: maps that failed
 * @lost: its events that could not be kept
 * @older: unmaps and syncs of mappings made before tracing began
 * @unmatched: syncs whose mapping could not be determined
 * @findings: findings sent
 */
struct device_state {
	u64 dev;
	u64 since;
	u64 lost_before;
	u64 surplus;
	u32 generation;
	u32 ready;
	u64 bound;
	char name[NAME_SIZE];
	char driver[NAME_SIZE];
	char function_driver[NAME_SIZE];
	u8 ignored;
	u8 complete;
	u8 skips_sync;
	u8 has_ops;
	u8 iommu;
	u8 lazy;
	u8 software;
	u8 pace;
	u8 reported;
	u8 by_hand;
	u8 pad[2];
	u32 flags;
	u64 max_segment;
	u64 boundary;
	u64 content_next;
	u64 ends;
	u64 compared;
	u64 maps;
	u64 unmaps;
	u64 syncs;
	u64 allocs;
	u64 odd;
	u64 failed;
	u64 lost;
	u64 older;
	u64 unmatched;
	u64 findings;
};

/* The index in the device table of the device with this generation, even if it is gone. */
static inline __attribute__((always_inline, unused)) u32 device_slot(u32 generation)
{
	return generation & (DEVICES_MAX - 1);
}

/* Mappings and allocations that were seen to be made and not to end. */
static inline __attribute__((always_inline, unused)) u64 live_of(const struct device_state *device)
{
	return device->maps - device->unmaps + device->odd;
}

/* A kind of mapping, and the key of the stack of the first one. */
struct signature {
	u64 tag;
	u64 stack;
};

/* A stack: its address mixed with the time, and a bit for each of its pages, modulo 64. */
struct seen_stack {
	u64 tag;
	u64 pages;
};

/* Addresses, @end excluded. */
struct range {
	u64 start;
	u64 end;
};

/**
 * struct fast_facts - what the fast path must know of this machine, all in one place
 * @ram_start, @ram_size: the largest range of memory, whose pages are the first
 * @image_start, @image_size: the kernel
 * @nr_buckets: in the table of mappings
 * @tick_ns: of the clock that is not read
 * @line_mask: a line's size, less one
 * @line_shift: of a bit in page_lines: its line, 64 bytes at least
 */
struct fast_facts {
	u64 ram_start;
	u64 ram_size;
	u64 image_start;
	u64 image_size;
	u64 nr_buckets;
	u64 tick_ns;
	u32 line_mask;
	u32 line_shift;
};

enum content_mode { CONTENT_OFF, CONTENT_SAMPLE, CONTENT_EDGES, CONTENT_FULL, NR_CONTENT_MODES };

#endif
