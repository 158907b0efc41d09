/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The event log for kernels before 5.17. BPF has no bpf_loop() there, and before 5.12 neither an
 * atomic operation that returns the old value nor pointer arguments of global functions. So these
 * kernels judge nothing: each call is sent to user space, in the order of the calls, and the same
 * code judges it there (user/dmasnoop/engine/).
 *
 * Before 5.12 the kernel does not drop an event that interrupts the same program, so nothing here
 * is kept per CPU.
 */
#ifndef DMASNOOP_LOG_BPF_H
#define DMASNOOP_LOG_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "core/finding.h"
#include "core/log.h"
#include "env.bpf.h"
#include "maps.bpf.h"

/* The number of events for which there was no room. */
u64 log_lost;

/*
 * The devices that user space knows, and the addresses of their drivers. A device that this table
 * drops is sent again.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DEVICES_MAX);
	__type(key, u64);
	__type(value, u64);
} logged_devices SEC(".maps");

/*
 * Reserves an event of @size bytes, a constant, and fills in its head. Returns NULL when there is
 * no room.
 */
static __always_inline void *log_event(void *ctx, u64 dev, u32 call, u64 size)
{
	struct logged *event = bpf_ringbuf_reserve(&events, size, 0);

	if (!event) {
		__sync_fetch_and_add(&log_lost, 1);
		return NULL;
	}
	event->type = EVENT_LOGGED;
	event->call = call;
	event->cpu = bpf_get_smp_processor_id();
	event->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	event->ns = bpf_ktime_get_ns();
	event->dev = dev;
	event->nents = 0;
	event->result = 0;
	event->sp = (u64)ctx;
	event->lost = log_lost;
	if (bpf_get_stack(ctx, event->stack, sizeof(event->stack), 0) <= 0)
		event->stack[0] = 0;
	return event;
}

/* Sends the facts about a device. Returns false when there is no room. */
static __always_inline bool log_device(void *ctx, u64 address, u64 driver, u32 call)
{
	struct logged_device *event = log_event(ctx, address, call, sizeof(*event));
	struct device *dev = (void *)address;
	struct device_dma_parameters *stated;
	const char *name;
	u64 ops = 0;

	if (!event)
		return false;
	event->driver = driver;
	event->parent = (u64)BPF_CORE_READ(dev, parent);
	if (bpf_core_field_exists(dev->dma_ops))
		ops = (u64)BPF_CORE_READ(dev, dma_ops);
	event->ops = ops;
	event->is_module = ops && (ops < (u64)&_stext || ops >= (u64)&_end);
	stated = BPF_CORE_READ(dev, dma_parms);
	event->max_segment = stated ? BPF_CORE_READ(stated, max_segment_size) : 0;
	event->boundary = stated ? BPF_CORE_READ(stated, segment_boundary_mask) : 0;
	name = BPF_CORE_READ(dev, init_name);
	if (!name)
		name = BPF_CORE_READ(dev, kobj.name);
	bpf_probe_read_kernel_str(event->name, sizeof(event->name), name);
	event->driver_name[0] = '\0';
	if (driver)
		bpf_probe_read_kernel_str(event->driver_name, sizeof(event->driver_name),
					  BPF_CORE_READ(dev, driver, name));
	event->bus[0] = '\0';
	bpf_probe_read_kernel_str(event->bus, sizeof(event->bus), BPF_CORE_READ(dev, bus, name));
	read_function_driver(event->function_driver, dev);
	bpf_ringbuf_submit(event, 0);
	return true;
}

/* Sends a device that is new to user space, or has another driver. */
static __always_inline void log_new(void *ctx, u64 address)
{
	struct device *dev = (void *)address;
	u64 driver = (u64)BPF_CORE_READ(dev, driver);
	u64 *known = bpf_map_lookup_elem(&logged_devices, &address);

	if (known && *known == driver)
		return;
	if (log_device(ctx, address, driver, LOGGED_DEVICE))
		bpf_map_update_elem(&logged_devices, &address, &driver, BPF_ANY);
}

/* Reserves the event of a call with @nr arguments, and first sends its device if that is new. */
static __always_inline void *log_args(u64 *args, u32 call, u32 nr, u64 size)
{
	struct logged *event;

	log_new(args, args[0]);
	event = log_event(args, args[0], call, size);
	/* A program may not load an argument that points to a number, so copy them. */
	if (event)
		bpf_probe_read_kernel(event->args, nr * sizeof(u64), args);
	return event;
}

/* Sends a call, with its result if the call @returned. */
static __always_inline int log_call(u64 *args, u32 call, u32 nr, bool returned)
{
	struct logged *event;

	event = armed ? log_args(args, call, nr, sizeof(*event)) : NULL;
	if (!event)
		return 0;
	if (returned)
		bpf_probe_read_kernel(&event->result, sizeof(u64), args + nr);
	if (call == LOGGED_ALLOC || call == LOGGED_ALLOC_PAGES)
		event->args[2] = read_u64((void *)event->args[2]);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* dma_map_page_attrs(dev, page, offset, size, dir, attrs) returned */
SEC("fexit/dma_map_page_attrs")
int log_map_page(u64 *args)
{
	struct logged_map *event;
	u64 *kept;

	event = armed ? log_args(args, LOGGED_MAP_PAGE, 6, sizeof(*event)) : NULL;
	if (!event)
		return 0;
	kept = event->head.args;
	event->head.result = args[6];
	event->phys = env_page_phys(kept[1]);
	if (event->phys)
		event->phys += kept[2];
	look_for_object(&event->object, event->phys);
	env_name_object(&event->object);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/*
 * Sends a list. @args are dev, sg, nents, dir, attrs. @max is the number of entries to make room
 * for.
 */
static __always_inline int log_entries(u64 *args, u32 call, u32 nr, u32 max)
{
	struct logged_list *event;
	u64 sg, link, chained;

	event = log_args(args, call, nr, sizeof(event->head) + max * sizeof(event->entry[0]));
	if (!event)
		return 0;
	sg = event->head.args[1];
	for (u32 i = 0; i < max; i++) {
		if (bpf_probe_read_kernel(&event->entry[i], sizeof(event->entry[i]), (void *)sg))
			break;
		event->head.nents = i + 1;
		link = event->entry[i].page_link;
		if (link & SG_END)
			break;
		/* This uses no branches, because each would be another path for the verifier. */
		chained = -(link & SG_CHAIN);
		sg = (chained & link & ~(u64)SG_CHAIN) |
		     (~chained & (sg + bpf_core_type_size(struct scatterlist)));
	}
	bpf_ringbuf_submit(event, 0);
	return 0;
}

static __always_inline int log_list(u64 *args, u32 call, u32 nr)
{
	if (!armed)
		return 0;
	return (u32)args[2] <= LOGGED_FEW ? log_entries(args, call, nr, LOGGED_FEW) :
					    log_entries(args, call, nr, LOGGED_ENTRIES);
}

#define LOG_CALL(function, name, call, nr)              \
	SEC("fentry/" #function)                        \
	int log_##name(u64 *args)                       \
	{                                               \
		return log_call(args, call, nr, false); \
	}

#define LOG_RETURN(function, name, call, nr)           \
	SEC("fexit/" #function)                        \
	int log_##name(u64 *args)                      \
	{                                              \
		return log_call(args, call, nr, true); \
	}

#define LOG_LIST(function, name, call, nr)       \
	SEC("fentry/" #function)                 \
	int log_##name(u64 *args)                \
	{                                        \
		return log_list(args, call, nr); \
	}

LOG_CALL(dma_unmap_page_attrs, unmap_page, LOGGED_UNMAP_PAGE, 5)
LOG_RETURN(dma_map_resource, map_resource, LOGGED_MAP_RESOURCE, 5)
LOG_CALL(dma_unmap_resource, unmap_resource, LOGGED_UNMAP_RESOURCE, 5)
LOG_LIST(dma_unmap_sg_attrs, unmap_sg, LOGGED_UNMAP_SG, 5)
LOG_CALL(dma_sync_single_for_cpu, sync_cpu, LOGGED_SYNC_CPU, 4)
LOG_CALL(dma_sync_single_for_device, sync_device, LOGGED_SYNC_DEVICE, 4)
LOG_LIST(dma_sync_sg_for_cpu, sync_sg_cpu, LOGGED_SYNC_SG_CPU, 4)
LOG_LIST(dma_sync_sg_for_device, sync_sg_device, LOGGED_SYNC_SG_DEVICE, 4)
LOG_RETURN(dma_alloc_attrs, alloc, LOGGED_ALLOC, 5)
LOG_CALL(dma_free_attrs, free, LOGGED_FREE, 5)
LOG_RETURN(dma_alloc_pages, alloc_pages, LOGGED_ALLOC_PAGES, 5)
LOG_CALL(dma_free_pages, free_pages, LOGGED_FREE_PAGES, 5)

/* The function returned the number of mapped segments, or 0. */
SEC("fexit/dma_map_sg_attrs")
int log_map_sg(u64 *args)
{
	return (int)args[5] > 0 ? log_list(args, LOGGED_MAP_SG, 5) : 0;
}

SEC("fentry/device_add")
int log_added(u64 *args)
{
	struct logged *event = armed ? log_event(args, args[0], LOGGED_ADDED, sizeof(*event)) :
				       NULL;

	/* The name is read when the device does DMA, which most devices never do. */
	if (event)
		bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("fexit/devres_release_all")
int log_unbound(u64 *args)
{
	u64 address = args[0];

	if (!armed)
		return 0;
	log_device(args, address, 0, LOGGED_UNBOUND);
	bpf_map_delete_elem(&logged_devices, &address);
	return 0;
}

#endif
