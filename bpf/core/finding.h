/* SPDX-License-Identifier: GPL-2.0 */
/* What is sent to user space, and what is lost. Plain structs; no code. */
#ifndef DMASNOOP_FINDING_H
#define DMASNOOP_FINDING_H

#include "core/types.h"

/* What exactly a finding is about, where its check does not say. */
enum detail {
	DETAIL_NONE,
	DETAIL_STACK, /* addr-not-dmable: the task's stack */
	DETAIL_TEXT, /* the kernel's code or read-only data */
	DETAIL_DATA, /* the kernel's data or bss */
	DETAIL_FREE, /* a free page */
	DETAIL_RAM, /* RAM given to dma_map_resource() */
	DETAIL_CPU_ADDRESS, /* addr-unknown: freed with another CPU address */
	DETAIL_OTHER_DEVICE, /* addr-unknown: mapped by another device of the same family */
	DETAIL_TOO_LONG, /* sg-limits */
	DETAIL_BOUNDARY, /* sg-limits */
	DETAIL_NET, /* handover-unsynced: to the network stack */
	DETAIL_BLOCK, /* to the block layer */
	DETAIL_USB, /* to the URB's owner */
	DETAIL_SPI, /* to the SPI message's owner */
	DETAIL_I2C, /* to the I2C message's owner */
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
 * @other_device: DETAIL_OTHER_DEVICE: whose @map is; else empty
 * @skips_sync: see struct device_state
 * @has_ops, @iommu: see struct device_state
 * @live: LEAK by growth: live mappings of the call site; else 0
 * @at: where @map is in the table, while it is
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

/* Why an event was not seen. */
enum lost_reason {
	LOST_RING, /* the ring buffer was full */
	LOST_TABLE, /* a table was full */
	LOST_NESTED, /* nested deeper than there is room for */
	LOST_DEVICE, /* more than DEVICES_MAX devices */
	NR_LOST,
};

#endif
