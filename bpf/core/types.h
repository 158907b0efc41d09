/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Types that the BPF object and user space share: checks, levels, the state of a mapping, and the
 * events to user space. They are plain structs without code. The rules are in rules.h.
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

/* <bpf/bpf_helpers.h> defines these two in this way, but <sys/cdefs.h> does not. */
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

/* The levels are in rising order of weight. */
enum level { LEVEL_NOTE, LEVEL_HAZARD, LEVEL_VIOLATION, LEVEL_CORRUPTION, NR_LEVELS };

/* The values are those of the kernel's enum dma_data_direction. */
enum dir { DIR_BIDIRECTIONAL, DIR_TO_DEVICE, DIR_FROM_DEVICE, DIR_NONE };

/* OWNER_NOBODY means that the driver has left, and that the leak was reported. */
enum owner { OWNER_CPU, OWNER_DEVICE, OWNER_NOBODY };

/* The family of functions that mapped the memory. */
enum kind {
	KIND_SINGLE, /* dma_map_single(), dma_map_page(), dma_map_phys() */
	KIND_SG, /* dma_map_sg(), dma_map_sgtable() */
	KIND_RESOURCE, /* dma_map_resource(): MMIO */
	KIND_COHERENT, /* dma_alloc_coherent(), dma_alloc_attrs(), and dma_pool's pages */
	KIND_PAGES, /* dma_alloc_pages(): streaming, but allocated */
	KIND_IOVA, /* dma_iova_link() */
	KIND_TABLE, /* dma_alloc_noncontiguous(): like KIND_PAGES */
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
 * @after: time since the mapping's @born, in STEP_NS or in ticks, as @coarse says
 * @cpu: number of the CPU
 * @op: event, an enum op
 * @coarse: precision of @after, an enum coarse
 * @what: @cpu, @op and @coarse as one word, to be set at once
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
	STEP_COARSE, /* the clock was not read; the time is that of the last tick */
	STEP_TICKS, /* like STEP_COARSE, and the unit is a tick */
};

/* Bits of @flags in struct mapping. */
enum mapping_flag {
	MAP_REPORTED = 1 << 0, /* line-neighbour-write was reported for the mapping */
	MAP_BLIND = 1 << 1, /* the device skipped syncs at the map */
	MAP_WRITTEN = 1 << 2, /* a watchpoint saw the CPU write the buffer while the CPU owned it */
	MAP_CONTENT = 1 << 3, /* the content hash is kept */
	MAP_PASSED = 1 << 4, /* handover-unsynced was reported for the mapping */
	MAP_NEIGHBOURS = 1 << 5, /* the neighbour bytes are kept */
	MAP_COARSE = 1 << 6, /* @born is in ticks */
	MAP_ALIKE = 1 << 7, /* @stack is that of the first mapping with the same signature */
	MAP_APART = 1 << 8, /* @phys and @dma differ */
};

/* The bits above the flags hold the depth of the stack at the map. */
#define MAP_DEPTH_SHIFT 16

/**
 * struct mapping - the facts about one live mapping
 * @dma: DMA address
 * @phys: physical address; 0 when not known (segments merged by an IOMMU)
 * @size: size in bytes
 * @born: time of the map, CLOCK_MONOTONIC in ns, or jiffies if MAP_COARSE is set
 * @stack: key of the stack that mapped the buffer; 0 when there is none
 * @generation: generation of the device, see struct device_state
 * @users: state of the slot and number of users, see core/table_protocol.h
 * @dir: direction, an enum dir
 * @kind: family of the map function, an enum kind
 * @nents: number of entries of the list, set in the list's first mapping only; 0 in the others, or
 *	when the number does not fit
 * @shape: @dir, @kind and @nents as one word, to be compared at once
 * @flags: bits of enum mapping_flag, and the depth of the stack
 * @owner: owner of the buffer, an enum owner
 * @nr_steps: number of events so far; @steps holds the last STEPS of them
 * @progress: @owner and @nr_steps as one word, to be set at once
 * @attrs: DMA_ATTR_*
 * @turn: number that differs from that of the next mapping in the slot
 * @steps: ring of events; the index of the next is @nr_steps & (STEPS - 1)
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
 * The address of a mapping's first byte leads to its home bucket. There the mapping takes its
 * preferred slot if that is free, else another slot. When the bucket is full, the mapping takes a
 * slot in one of the buckets that follow.
 */
#define BUCKET 8
#define REACH_MAX 16

/**
 * struct bucket - eight slots of the mapping table
 * @tags: one byte for each slot: 0 when the slot was never used, else part of the address's hash
 * @reach: number of buckets after this one that hold mappings whose home is this one
 * @map: mappings; one that is over stays until its slot is taken
 */
struct bucket {
	u64 tags;
	u32 reach;
	u32 pad;
	struct mapping map[BUCKET];
};

#define STARTS_MAX (1 << 15) /* the default number of swiotlb slots */
#define STARTS_MAX_IOMMU (1 << 17)

#define NEIGHBOURS_MAX (1 << 15) /* a power of two */
#define NEIGHBOURS_REACH 8 /* maximum distance of an entry from its home */

/**
 * struct neighbours - the neighbour bytes of a mapping at its handover
 * @owner: physical address of the mapping plus one; 0 when the entry is free
 * @size: size of the mapping in bytes
 * @head: number of neighbour bytes before the buffer
 * @tail: number of neighbour bytes after the buffer
 * @line: first and last line, packed at the machine's line size; only words that contain neighbour
 *	bytes are valid
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

/*
 * A slot number is the bucket's index times BUCKET plus the place in the bucket. NOWHERE is none.
 */
#define NOWHERE (~0u)

enum object_kind {
	OBJECT_UNKNOWN, /* the object was not read, or the read failed */
	OBJECT_PAGE, /* pages: large kmalloc, page pool, fragments */
	OBJECT_SLAB,
	OBJECT_KMALLOC, /* a slab object that has its lines to itself on every platform */
};

/**
 * struct object - the allocation that contains a buffer
 * @start: physical address of the first byte
 * @size: size of the object in bytes
 * @room: distance to the next object in bytes; no object uses the bytes between @size and @room
 * @kind: type of the allocation, an enum object_kind
 * @users: number of slab caches merged into this one, which share its name
 * @cache: name of the slab cache
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
#define EVERYWHERE (~0u) /* stands for all CPUs */

#define PRIMARIES_MAX 64 /* number of primary programs that have a fallback program */

#define TEXT_WORDS 1024 /* instructions per function: probe_returns() in user/dmasnoop/attach/ */

#define DEVICES_MAX 1024 /* a power of two */

/* No event takes longer, even if its task is preempted. */
#define EVENT_NS 20000000

/*
 * Programs do nothing; or they judge events; or they also mark what they have done; or they have
 * fallback programs as well.
 */
enum arms { ARMED_NOT, ARMED, ARMED_MARKING, ARMED_FALLBACKS };

/* The ways to look at the events of a device. */
enum pace {
	PACE_SLOW, /* the slow path takes all events; none are judged if @ignored is set */
	PACE_LAZY, /* its driver need not unmap; only whether memory may be mapped is judged */
	PACE_REPORTED, /* like PACE_FAST, but maps take the slow path for their stacks */
	PACE_FAST, /* ordinary events take the fast path: fast_path.h */
};

/**
 * struct device_state - one device that did DMA
 * @dev: address of the struct device; 0 when the entry is free
 * @since: time when the device was first seen, in ns
 * @lost_before: time when the device's last lost event was noticed, in ns
 * @surplus: DMA address, plus one, of the buffer with a mapping too many, because one of its unmaps
 *	was lost; 0 when there is none. With a second such buffer @lost_before has no end
 * @generation: number that no other device had before, not even at the same address; the lowest
 *	bits are the index in the device table
 * @ready: true when the other fields are filled in
 * @by_hand: true if buffers that share lines were mapped with DMA_ATTR_SKIP_CPU_SYNC
 * @pace: way to look at the device's events, an enum pace
 * @flags: flags for mappings that the fast path makes
 * @max_segment: maximum size of a list's segment that the device states, in bytes
 * @boundary: segment boundary mask that the device states
 * @reported: true after a finding about the device was sent
 * @bound: address of the driver, which tells whether a driver was bound later
 * @name: dev_name()
 * @driver: name of the driver
 * @function_driver: name of the virtio function's driver, if @driver is a virtio transport, which
 *	does the DMA for that function
 * @ignored: true if -d or -D filters the device out
 * @complete: true if every mapping of the device was made while tracing
 * @skips_sync: value of dma_skip_sync: the device's syncs never reach the traced functions
 * @has_ops: true if the device has dma_map_ops of its own
 * @iommu: true if the device is behind an IOMMU that translates
 * @lazy: true if dma_need_unmap() returned false to the driver, which then need not unmap
 * @software: true if the dma_map_ops belong to a module: software plays the device
 * @content_next: sum of @maps and @syncs at which the next buffer is kept for comparison
 * @ends: number of mappings ended on the slow path, including those of earlier devices with this
 *	index
 * @compared: number of buffers read by the device and kept for comparison
 * @maps: number of maps seen
 * @unmaps: number of unmaps seen
 * @syncs: number of syncs seen
 * @allocs: number of coherent allocations seen
 * @odd: number to add to @maps - @unmaps to get the live mappings: it covers allocations, unmaps
 *	without a map seen, and the like
 * @failed: number of maps that failed
 * @lost: number of events that could not be kept
 * @older: number of unmaps and syncs of mappings made before tracing began
 * @unmatched: number of syncs whose mapping could not be determined
 * @findings: number of findings sent
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

/*
 * Returns the index in the device table of the device with a generation, even if the device is
 * gone.
 */
static inline __attribute__((always_inline, unused)) u32 device_slot(u32 generation)
{
	return generation & (DEVICES_MAX - 1);
}

/* Counts the mappings and allocations that were seen to begin and not to end. */
static inline __attribute__((always_inline, unused)) u64 live_of(const struct device_state *device)
{
	return device->maps - device->unmaps + device->odd;
}

/* A kind of mapping, and the key of the first such mapping's stack. */
struct signature {
	u64 tag;
	u64 stack;
};

/* A stack. @tag is its address mixed with the time. @pages has a bit for each page, modulo 64. */
struct seen_stack {
	u64 tag;
	u64 pages;
};

/* A range of addresses, without @end. */
struct range {
	u64 start;
	u64 end;
};

/**
 * struct fast_facts - the facts about this machine that the fast path needs, in one place
 * @ram_start: physical address of the largest range of memory, whose pages have the first indexes
 * @ram_size: size of that range in bytes
 * @image_start: physical address of the kernel's image
 * @image_size: size of the image in bytes
 * @nr_buckets: number of buckets in the mapping table
 * @tick_ns: length of a jiffy in nanoseconds
 * @line_mask: size of a cache line in bytes, less one
 * @line_shift: binary logarithm of the bytes that a bit in page_lines covers, at least a 64-byte
 *	line
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
