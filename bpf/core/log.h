/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The events of a kernel whose BPF programs cannot judge them. bpf/event_log.bpf.h sends them, and
 * user/dmasnoop/engine/ judges them. They are plain structs without code.
 */
#ifndef DMASNOOP_LOG_H
#define DMASNOOP_LOG_H

#include "core/types.h"

/* The call of an event. Maps and allocations are logged at their return. */
enum logged_call {
	LOGGED_DEVICE, /* no call: a new device, or a device with a new driver */
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
	384 /* room for list entries, including those that chain its parts; the rest are lost */

#define LOGGED_FEW 16

/* The fields of the kernel's struct scatterlist. */
struct logged_entry {
	u64 page_link;
	u32 offset;
	u32 length;
	u64 dma_address;
	u32 dma_length;
	u32 flags;
};

/**
 * struct logged - a logged event for user space, EVENT_LOGGED
 * @type: type of the record, an enum event_type
 * @call: function called, an enum logged_call
 * @cpu: number of the CPU
 * @pid: process ID
 * @comm: name of the task
 * @nents: number of list entries that follow
 * @ns: time of the event in nanoseconds
 * @dev: address of the struct device
 * @args: arguments of the call; for an allocation, the DMA address replaces the pointer to it
 * @result: return value of the call
 * @sp: stack pointer at the call
 * @lost: number of events so far that did not fit into the ring
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

/* The map of a page, with the allocation that contains the buffer. */
struct logged_map {
	struct logged head;
	u64 phys;
	struct object object;
};

/*
 * The map of a list. @head.nents entries follow. An event with few entries has room only for these.
 */
struct logged_list {
	struct logged head;
	struct logged_entry entry[LOGGED_ENTRIES];
};

/* The facts about a device. */
struct logged_device {
	struct logged head;
	u64 driver; /* address of the driver */
	u64 parent; /* address of the parent device */
	u64 ops; /* address of the dma_map_ops */
	u32 max_segment; /* size in bytes that the device states; 0 when it states none */
	u8 is_module; /* the ops belong to a module */
	u8 pad[3];
	u64 boundary;
	char name[NAME_SIZE];
	char driver_name[NAME_SIZE];
	char function_driver[NAME_SIZE];
	char bus[8];
};

#endif
