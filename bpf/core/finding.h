/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The records of findings and of lost events for user space. They are plain structs without code.
 */
#ifndef DMASNOOP_FINDING_H
#define DMASNOOP_FINDING_H

#include "core/types.h"

/* The subject of a finding, where the check does not say it. */
enum detail {
	DETAIL_NONE,
	DETAIL_STACK, /* addr-not-dmable: the task's stack */
	DETAIL_TEXT, /* addr-not-dmable: the kernel's code or read-only data */
	DETAIL_DATA, /* addr-not-dmable: the kernel's data or bss */
	DETAIL_FREE, /* addr-not-dmable: a free page */
	DETAIL_RAM, /* addr-not-dmable: RAM given to dma_map_resource() */
	DETAIL_CPU_ADDRESS, /* addr-unknown: freed with another CPU address */
	DETAIL_OTHER_DEVICE, /* addr-unknown: mapped by another device of the same family */
	DETAIL_TOO_LONG, /* sg-limits: an entry is too long */
	DETAIL_BOUNDARY, /* sg-limits: a segment crosses the boundary */
	DETAIL_NET, /* handover-unsynced: to the network stack */
	DETAIL_BLOCK, /* handover-unsynced: to the block layer */
	DETAIL_USB, /* handover-unsynced: to the URB's owner */
	DETAIL_SPI, /* handover-unsynced: to the SPI message's owner */
	DETAIL_I2C, /* handover-unsynced: to the I2C message's owner */
	DETAIL_NOT_HANDED_BACK, /* cpu-write-device-owned: synced for the CPU once more */
	NR_DETAILS,
};

enum event_type {
	EVENT_FINDING,
	EVENT_DEVICE_GONE,
	EVENT_MODULE,
	EVENT_WATCH_SPENT,
	EVENT_LOGGED, /* struct logged: log.h */
};

/**
 * struct finding - a finding for user space, EVENT_FINDING
 * @type: type of the record, an enum event_type
 * @check: check that failed, an enum check
 * @level: level of the finding, an enum level
 * @uncertain: true if the finding is Unsure: a lost or unseen event may explain it
 * @op: event that broke the rule, an enum op
 * @dir: direction given to the call
 * @kind: family of the function called, an enum kind
 * @detail: subject of the finding, an enum detail
 * @nents: number of list entries given to the call; 0 when it takes none
 * @attrs: attributes given to the call
 * @watched: true if a hardware watchpoint on [@addr, @addr + @size) saw the access
 * @has_map: true if @map is valid
 * @has_other: true if @other is valid
 * @ns: time of the event in nanoseconds
 * @cpu: number of the CPU
 * @pid: process ID
 * @comm: name of the task
 * @device: dev_name()
 * @driver: name of the driver
 * @function_driver: see struct device_state
 * @other_device: for DETAIL_OTHER_DEVICE the device that owns @map; else empty
 * @skips_sync: see struct device_state
 * @has_ops: see struct device_state
 * @iommu: see struct device_state
 * @live: number of live mappings of the call site, for a LEAK by growth; else 0
 * @at: slot of @map, while the mapping is in the table
 * @addr: address given to the call: a DMA address, or a physical one for a CPU access
 * @size: number of bytes given to the call
 * @map: mapping of the finding; for DOUBLE_UNMAP the one that is over
 * @other: other mapping on the line
 * @object: allocation that contains the buffer of @map
 * @changed: for LINE_NEIGHBOUR_WRITE, a bit for each byte of the first and last line
 * @stack: return addresses at the event, innermost first, 0-terminated
 * @map_stack: return addresses at the map of @map, likewise
 * @other_stack: return addresses at the map of @other, likewise
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
	char other_device[NAME_SIZE];
	u8 skips_sync;
	u8 has_ops;
	u8 iommu;
	u8 kind;
	u8 detail;
	u8 watched;
	u8 pad[2];
	u32 nents;
	u32 live;
	u32 at;
	u32 pad2;
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

/* The record EVENT_DEVICE_GONE: the totals of a device that lost its driver. */
struct device_gone {
	u8 type;
	u8 pad[7];
	struct device_state state;
};

/* The record EVENT_MODULE: a module was loaded. */
struct module_event {
	u8 type;
	u8 pad[7];
	char name[NAME_SIZE];
};

/* The reasons why an event was lost. */
enum lost_reason {
	LOST_RING, /* the ring buffer was full */
	LOST_TABLE, /* a table was full */
	LOST_NESTED, /* events were nested deeper than there is room for */
	LOST_DEVICE, /* more than DEVICES_MAX devices */
	NR_LOST,
};

#endif
