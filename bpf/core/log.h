/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The events of a kernel whose BPF programs cannot judge them: bpf/event_log.bpf.h sends them, and
 * user/dmasnoop/engine/ judges them. Plain structs; no code.
 */
#ifndef DMASNOOP_LOG_H
#define DMASNOOP_LOG_H

#include "core/types.h"

/* Which call an event is. Maps and allocations are logged when they return. */
enum logged_call {
	LOGGED_DEVICE, /* no call: a device that is new, or has another driver */
	LOGGED_MAP_PAGE,
	LOGGED_UNMAP_PAGE,
	LOGGED_MAP_RESOURCE,
	LOGGED_UNMAP_RESOURCE,
	LOGGED_MAP_SG,
	LOGGED_UNMAP_SG,
	LOGGED_SYNC_CPU,
	LOGGED_SYNC_DEVICE,
	LOGGED_SYNC_SG_CPU,
	LOGGED_SYNC_SG_DEVICE,
	LOGGED_ALLOC,
	LOGGED_FREE,
	LOGGED_ALLOC_PAGES,
	LOGGED_FREE_PAGES,
	LOGGED_ADDED, /* device_add() */
	LOGGED_UNBOUND, /* devres_release_all() */
};

#define LOGGED_ENTRIES \
	384 /* entries of a list, including those that chain its parts; the rest is lost */

#define LOGGED_FEW 16

/* struct scatterlist */
struct logged_entry {
	u64 page_link;
	u32 offset;
	u32 length;
	u64 dma_address;
	u32 dma_length;
	u32 flags;
};

/**
 * struct logged - EVENT_LOGGED
 * @type: enum event_type
 * @call: enum logged_call
 * @cpu, @pid, @comm: where and who
 * @nents: of a list: entries that follow
 * @ns: when
 * @dev: address of the struct device
 * @args: of the call, as many as it has; for an allocation its DMA address is in place of where
 *	that was to be put
 * @result: what it returned
 * @sp: where on the stack
 * @lost: events that did not fit into the ring so far
 * @stack: return addresses, innermost first, 0-terminated
 */
struct logged {
	u8 type;
	u8 call;
	u8 pad[2];
	u32 cpu;
	u32 pid;
	u32 nents;
	char comm[16];
	u64 ns;
	u64 dev;
	u64 args[6];
	u64 result;
	u64 sp;
	u64 lost;
	u64 stack[STACK_MAX];
};

/* A page was mapped: with its allocation. */
struct logged_map {
	struct logged head;
	u64 phys;
	struct object object;
};

/* A list: @head.nents entries follow. An event with few entries has room only for these. */
struct logged_list {
	struct logged head;
	struct logged_entry entry[LOGGED_ENTRIES];
};

/* A device. */
struct logged_device {
	struct logged head;
	u64 driver; /* its address */
	u64 parent; /* address */
	u64 ops; /* address of its dma_map_ops */
	u32 max_segment; /* as it states; 0: it does not */
	u8 is_module; /* the ops are a module's */
	u8 pad[3];
	u64 boundary;
	char name[NAME_SIZE];
	char driver_name[NAME_SIZE];
	char function_driver[NAME_SIZE];
	char bus[8];
};

#endif
