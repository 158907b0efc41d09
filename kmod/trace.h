/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dmaloop's tracepoints: what the device did, what the driver's CPU side did,
 * and what could not happen. dmasnoop attaches to cpu_access and fault.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dmaloop

#if !defined(DMALOOP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DMALOOP_TRACE_H

#include <linux/device.h>
#include <linux/tracepoint.h>

TRACE_EVENT(dmaloop_device_access,
	TP_PROTO(struct device *dev, u64 bus, u64 size, bool write),
	TP_ARGS(dev, bus, size, write),
	TP_STRUCT__entry(
		__string(device, dev_name(dev))
		__field(u64, bus)
		__field(u64, size)
		__field(bool, write)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->bus = bus;
		__entry->size = size;
		__entry->write = write;
	),
	TP_printk("%s %s dma_addr=%llx size=%llu", __get_str(device),
		  __entry->write ? "write" : "read", __entry->bus, __entry->size)
);

TRACE_EVENT(dmaloop_cpu_access,
	TP_PROTO(struct device *dev, u64 virt, u64 size, bool write),
	TP_ARGS(dev, virt, size, write),
	TP_STRUCT__entry(
		__string(device, dev_name(dev))
		__field(u64, virt)
		__field(u64, size)
		__field(bool, write)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->virt = virt;
		__entry->size = size;
		__entry->write = write;
	),
	TP_printk("%s %s virt=%llx size=%llu", __get_str(device),
		  __entry->write ? "write" : "read", __entry->virt, __entry->size)
);

TRACE_EVENT(dmaloop_doorbell,
	TP_PROTO(struct device *dev, u32 tail),
	TP_ARGS(dev, tail),
	TP_STRUCT__entry(
		__string(device, dev_name(dev))
		__field(u32, tail)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->tail = tail;
	),
	TP_printk("%s tail=%u", __get_str(device), __entry->tail)
);

TRACE_EVENT(dmaloop_completion,
	TP_PROTO(struct device *dev, u32 index, u32 status),
	TP_ARGS(dev, index, status),
	TP_STRUCT__entry(
		__string(device, dev_name(dev))
		__field(u32, index)
		__field(u32, status)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->index = index;
		__entry->status = status;
	),
	TP_printk("%s descriptor=%u status=%#x", __get_str(device), __entry->index,
		  __entry->status)
);

TRACE_EVENT(dmaloop_fault,
	TP_PROTO(struct device *dev, u64 bus, u64 size, bool write, u32 reason),
	TP_ARGS(dev, bus, size, write, reason),
	TP_STRUCT__entry(
		__string(device, dev_name(dev))
		__field(u64, bus)
		__field(u64, size)
		__field(bool, write)
		__field(u32, reason)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->bus = bus;
		__entry->size = size;
		__entry->write = write;
		__entry->reason = reason;
	),
	TP_printk("%s %s dma_addr=%llx size=%llu: %s", __get_str(device),
		  __entry->write ? "write" : "read", __entry->bus, __entry->size,
		  __print_symbolic(__entry->reason, { 0, "not mapped" }, { 1, "direction" },
				   { 2, "bad unmap or sync" }, { 3, "bad descriptor" }))
);

TRACE_EVENT(dmaloop_spared,
	TP_PROTO(struct device *dev, u32 bytes),
	TP_ARGS(dev, bytes),
	TP_STRUCT__entry(
		__string(device, dev_name(dev))
		__field(u32, bytes)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->bytes = bytes;
	),
	TP_printk("%s %u bytes outside every playground would have been lost",
		  __get_str(device), __entry->bytes)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
