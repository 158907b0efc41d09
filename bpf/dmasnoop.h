/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the BPF object and user space both know: checks, levels, the state of a
 * mapping, and the events. Plain structs; no code. See rules.h for the rules.
 */
#ifndef DMASNOOP_H
#define DMASNOOP_H

#include "checks.h"

#ifndef __bpf__
#include <stdbool.h>
#include <stdint.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
#endif

#define NAME_SIZE 32
#define STACK_MAX 32
#define STEPS 4 /* a power of two */
#define LINE_SIZE_MAX 256
#define SLOTS 4 /* live mappings of one (device, dma address) that are told apart */

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

/* OWNER_NOBODY: its driver left, and the leak was told. */
enum owner { OWNER_CPU, OWNER_DEVICE, OWNER_NOBODY };

/* By which family of functions memory was mapped. */
enum kind {
	KIND_SINGLE, /* dma_map_single(), dma_map_page(), dma_map_phys() */
	KIND_SG, /* dma_map_sg(), dma_map_sgtable() */
	KIND_RESOURCE, /* dma_map_resource(): MMIO */
	KIND_COHERENT, /* dma_alloc_coherent(), dma_alloc_attrs(), and dma_pool's pages */
	KIND_PAGES, /* dma_alloc_pages(): streaming, but allocated */
	KIND_IOVA, /* dma_iova_link() */
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
 * @ns: CLOCK_MONOTONIC
 * @cpu: on which CPU
 * @op: enum op
 */
struct step {
	u64 ns;
	u16 cpu;
	u8 op;
	u8 pad[5];
};

/**
 * struct mapping - what is known of one live mapping
 * @dev: address of its struct device
 * @generation: of the device at that address, see struct device_state
 * @dma: DMA address
 * @phys: physical address; 0 when not known (segments merged by an IOMMU)
 * @size: bytes
 * @attrs: DMA_ATTR_*
 * @born: when mapped, ns
 * @stack: key of the stack that mapped it; 0 when there is none
 * @dir: enum dir
 * @owner: enum owner
 * @told: line-neighbour-write was reported for it
 * @blind: its device skipped syncs when it was mapped
 * @kind: enum kind
 * @met: it shares a line with another live mapping, or did
 * @content: its bytes were hashed
 * @passed: handover-unsynced was reported for it
 * @users: how often it is mapped at once: one buffer may be, to the device
 * @nents: entries of the list it is in; 0 for all but the first
 * @nr_steps: events so far; the last STEPS of them are in @steps
 * @steps: ring of events, @nr_steps & (STEPS - 1) is the next
 */
struct mapping {
	u64 dev;
	u64 generation;
	u64 dma;
	u64 phys;
	u64 size;
	u64 attrs;
	u64 born;
	u64 stack;
	u8 dir;
	u8 owner;
	u8 told;
	u8 blind;
	u8 kind;
	u8 met;
	u8 content;
	u8 passed;
	u32 users;
	u32 nr_steps;
	u32 nents;
	u32 pad2;
	struct step steps[STEPS];
};

/* The key of a live mapping; @slot tells those of the same address apart. */
struct mapping_key {
	u64 dev;
	u64 dma;
	u64 slot;
};

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
 * @cache: slab cache's name
 */
struct object {
	u64 start;
	u32 size;
	u32 room;
	u32 kind;
	u32 pad;
	char cache[NAME_SIZE];
};

/**
 * struct device_state - one device that did DMA
 * @generation: when this device was first seen, ns; an address can be reused
 * @bound: address of the driver, to notice another one
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
 * @maps, @unmaps, @syncs: calls seen
 * @allocs: coherent allocations seen
 * @live: mapped, or allocated, and not given back, of what was seen
 * @failed: maps that failed
 * @lost: its events that could not be kept
 * @older: unmaps and syncs of mappings made before tracing began
 * @unmatched: syncs whose mapping could not be determined
 * @findings: findings sent
 */
struct device_state {
	u64 generation;
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
	u8 pad[1];
	u64 maps;
	u64 unmaps;
	u64 syncs;
	u64 allocs;
	u64 live;
	u64 failed;
	u64 lost;
	u64 older;
	u64 unmatched;
	u64 findings;
};

/* What exactly a finding is about, where its check does not say. */
enum detail {
	DETAIL_NONE,
	DETAIL_STACK, /* addr-not-dmable: the task's stack */
	DETAIL_TEXT, /* the kernel's code or read-only data */
	DETAIL_DATA, /* the kernel's data or bss */
	DETAIL_FREE, /* a free page */
	DETAIL_RAM, /* RAM given to dma_map_resource() */
	DETAIL_CPU_ADDRESS, /* addr-unknown: freed with another CPU address */
	DETAIL_TOO_LONG, /* sg-limits */
	DETAIL_BOUNDARY, /* sg-limits */
	DETAIL_NET, /* handover-unsynced: to the network stack */
	DETAIL_BLOCK, /* to the block layer */
	DETAIL_USB, /* to the URB's owner */
	DETAIL_SPI, /* to the SPI message's owner */
	DETAIL_I2C, /* to the I2C message's owner */
	NR_DETAILS,
};

/* Addresses, @end excluded. */
struct range {
	u64 start;
	u64 end;
};

enum content_mode { CONTENT_OFF, CONTENT_SAMPLE, CONTENT_EDGES, CONTENT_FULL, NR_CONTENT_MODES };

enum event_type { EVENT_FINDING, EVENT_DEVICE_GONE, EVENT_MODULE, EVENT_WATCH_SPENT };

/**
 * struct finding - EVENT_FINDING
 * @type: enum event_type
 * @check: enum check
 * @level: enum level
 * @uncertain: a lost or unseen event could explain it
 * @op: what broke the rule, enum op
 * @dir: direction given to that call
 * @kind: function of that call, enum kind
 * @detail: what exactly, enum detail
 * @nents: entries given to that call; 0 when it has none
 * @attrs: attributes given to that call
 * @watched: seen by a hardware watchpoint on [@addr, @addr + @size)
 * @has_map: @map is valid
 * @has_other: @other is valid
 * @ns: when
 * @cpu: where
 * @pid: who
 * @comm: who
 * @device: dev_name()
 * @driver: driver's name
 * @function_driver: see struct device_state
 * @skips_sync: see struct device_state
 * @has_ops, @iommu: see struct device_state
 * @live: LEAK by growth: live mappings of the call site; else 0
 * @addr: the address given to that call: DMA, or physical for a CPU access
 * @size: bytes given to that call
 * @map: the mapping; for DOUBLE_UNMAP the one that was
 * @other: the other mapping on the line
 * @object: the allocation @map lies in
 * @changed: LINE_NEIGHBOUR_WRITE: bit per byte of the first and last line
 * @stack, @map_stack, @other_stack: return addresses, innermost first, 0-terminated
 */
struct finding {
	u8 type;
	u8 check;
	u8 level;
	u8 uncertain;
	u8 op;
	u8 dir;
	u8 has_map;
	u8 has_other;
	u64 ns;
	u32 cpu;
	u32 pid;
	char comm[16];
	char device[NAME_SIZE];
	char driver[NAME_SIZE];
	char function_driver[NAME_SIZE];
	u8 skips_sync;
	u8 has_ops;
	u8 iommu;
	u8 kind;
	u8 detail;
	u8 watched;
	u8 pad[2];
	u32 nents;
	u32 live;
	u64 attrs;
	u64 addr;
	u64 size;
	struct mapping map;
	struct mapping other;
	struct object object;
	u64 changed[2][LINE_SIZE_MAX / 64];
	u64 stack[STACK_MAX];
	u64 map_stack[STACK_MAX];
	u64 other_stack[STACK_MAX];
};

/* EVENT_DEVICE_GONE: the totals of a device that lost its driver. */
struct device_gone {
	u8 type;
	u8 pad[7];
	struct device_state state;
};

/* EVENT_MODULE: a module was loaded. */
struct module_event {
	u8 type;
	u8 pad[7];
	char name[NAME_SIZE];
};

/* --- hardware watchpoints: watch.bpf.h decides on a hit, watch.c where they are --- */

#define WATCHES 4 /* debug registers of a CPU that are used at most */
#define WATCH_IPS 4 /* instructions told apart, and reported, for one watch */
#define WATCH_HITS_MAX 64 /* after so many a watch is spent, before it costs more */
#define LEGAL_TEXT_MAX 128
#define OVERREADING_MAX 32 /* a power of two */

enum watch_kind {
	WATCH_WRITE, /* writes of the buffer */
	WATCH_ACCESS, /* any access; a twin in the slot before it sees which are writes */
	WATCH_SLACK, /* writes beside the buffer, on a line of its */
};

/**
 * struct watch - what one slot, the same on every CPU, watches
 * @key: the mapping
 * @generation: of its device
 * @born: of the mapping: buffers and their addresses are used again
 * @address: virtual address; 0 while user space changes the rest
 * @phys: the same, physical
 * @size: bytes, a power of two up to 8
 * @kind: enum watch_kind
 * @hits: so far
 * @told: instructions that were reported
 */
struct watch {
	struct mapping_key key;
	u64 generation;
	u64 born;
	u64 address;
	u64 phys;
	u32 size;
	u32 kind;
	u64 hits;
	u64 told[WATCH_IPS];
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

/* What could not be seen, by reason. */
enum lost_reason {
	LOST_RING, /* the ring buffer was full */
	LOST_TABLE, /* a table was full */
	LOST_NESTED, /* nested deeper than there is room for */
	LOST_SLOTS, /* more than SLOTS live mappings of one address */
	NR_LOST,
};

#endif
