/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dmaloop's tracepoints: what the device did, what the driver's CPU side did, and which accesses
 * could not happen. They only state facts. dmasnoop judges them; it attaches to cpu_access, ring,
 * descriptor_access, doorbell, descriptor and completion.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dmaloop

#if !defined(DMALOOP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DMALOOP_TRACE_H

#include <linux/device.h>
#include <linux/tracepoint.h>

#include "ring.h"

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

/* The channel got this ring, or dropped its content: the device owns no descriptor in it. */
TRACE_EVENT(dmaloop_ring,
	TP_PROTO(struct device *dev, u32 channel, u64 bus, u32 stride, u32 slots),
	TP_ARGS(dev, channel, bus, stride, slots),
	TP_STRUCT__entry(
		__string(device, dev_name(dev))
		__field(u32, channel)
		__field(u64, bus)
		__field(u32, stride)
		__field(u32, slots)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->channel = channel;
		__entry->bus = bus;
		__entry->stride = stride;
		__entry->slots = slots;
	),
	TP_printk("%s channel=%u dma_addr=%llx stride=%u slots=%u", __get_str(device),
		  __entry->channel, __entry->bus, __entry->stride, __entry->slots)
);

/*
 * The driver stores or reads a field of the descriptor at @bus. @before is what memory held, @value
 * is what the driver stores or read. A store may become visible to others later.
 */
TRACE_EVENT(dmaloop_descriptor_access,
	TP_PROTO(struct device *dev, u32 channel, u64 bus, u32 offset, u32 size, u64 before,
		 u64 value, bool write),
	TP_ARGS(dev, channel, bus, offset, size, before, value, write),
	TP_STRUCT__entry(
		__string(device, dev_name(dev))
		__field(u32, channel)
		__field(u64, bus)
		__field(u32, offset)
		__field(u32, size)
		__field(u64, before)
		__field(u64, value)
		__field(bool, write)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->channel = channel;
		__entry->bus = bus;
		__entry->offset = offset;
		__entry->size = size;
		__entry->before = before;
		__entry->value = value;
		__entry->write = write;
	),
	TP_printk("%s channel=%u descriptor=%llx %s +%u size=%u %#llx -> %#llx",
		  __get_str(device), __entry->channel, __entry->bus,
		  __entry->write ? "write" : "read", __entry->offset, __entry->size,
		  __entry->before, __entry->value)
);

TRACE_EVENT(dmaloop_doorbell,
	TP_PROTO(struct device *dev, u32 channel, u32 tail),
	TP_ARGS(dev, channel, tail),
	TP_STRUCT__entry(
		__string(device, dev_name(dev))
		__field(u32, channel)
		__field(u32, tail)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->channel = channel;
		__entry->tail = tail;
	),
	TP_printk("%s channel=%u tail=%u", __get_str(device), __entry->channel, __entry->tail)
);

/* The device fetched a descriptor. @ready: it goes on to execute it. */
TRACE_EVENT(dmaloop_descriptor,
	TP_PROTO(struct device *dev, u32 channel, u64 bus, const struct ring_desc *desc,
		 bool ready),
	TP_ARGS(dev, channel, bus, desc, ready),
	TP_STRUCT__entry(
		__string(device, dev_name(dev))
		__field(u32, channel)
		__field(u64, bus)
		__field(u32, control)
		__field(u32, status)
		__field(bool, ready)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->channel = channel;
		__entry->bus = bus;
		__entry->control = desc->control;
		__entry->status = desc->status;
		__entry->ready = ready;
	),
	TP_printk("%s channel=%u descriptor=%llx control=%#x status=%#x%s", __get_str(device),
		  __entry->channel, __entry->bus, __entry->control, __entry->status,
		  __entry->ready ? "" : ": not ready")
);

TRACE_EVENT(dmaloop_completion,
	TP_PROTO(struct device *dev, u32 channel, u64 bus, u32 status),
	TP_ARGS(dev, channel, bus, status),
	TP_STRUCT__entry(
		__string(device, dev_name(dev))
		__field(u32, channel)
		__field(u64, bus)
		__field(u32, status)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->channel = channel;
		__entry->bus = bus;
		__entry->status = status;
	),
	TP_printk("%s channel=%u descriptor=%llx status=%#x", __get_str(device),
		  __entry->channel, __entry->bus, __entry->status)
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
				   { 2, "bad unmap or sync" }, { 3, "bad descriptor" },
				   { 4, "sub-page exposure" }))
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
