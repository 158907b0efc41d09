/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the DMA API is watched. Each event has a raw tracepoint where the kernel
 * has one (6.12; renamed in 7.x) and a function below; user/attach.c loads the
 * first that is there. Part of dmasnoop.bpf.c.
 *
 * Raw tracepoints, fentry and fexit all give their arguments as an array of
 * words; fexit has the return value behind them.
 *
 * Every hook has a twin, see enter(). What neither could do is counted: the
 * first one's misses less the rescued.
 */
#ifndef DMASNOOP_HOOKS_BPF_H
#define DMASNOOP_HOOKS_BPF_H

#define PROGRAM(section, name, body, twin)             \
	SEC(section)                                   \
	int name(u64 *args)                            \
	{                                              \
		struct scratch *s = enter(args, twin); \
                                                       \
		if (!s)                                \
			return 0;                      \
		body(args, s);                         \
		leave(s);                              \
		return 0;                              \
	}

/*
 * The elder has to run first. Programs at a tracepoint run in the order in which
 * they were attached, which is that of this file; those at a function the other
 * way round (kernel/bpf/trampoline.c adds at the head).
 */
#define TRACEPOINT(event, name, body)                \
	PROGRAM("raw_tp/" #event, name, body, false) \
	PROGRAM("raw_tp/" #event, name##_twin, body, true)

#define FUNCTION(type, function, name, body)                  \
	PROGRAM(#type "/" #function, name##_twin, body, true) \
	PROGRAM(#type "/" #function, name, body, false)

/*
 * A pointer argument as a number: the verifier lets no program calculate with
 * pointers, but forgets about one that has been through memory.
 */
static __always_inline u64 number(struct scratch *s, u64 pointer)
{
	*(volatile u64 *)&s->laundered = pointer;
	return *(volatile u64 *)&s->laundered;
}

/* --- map and unmap --- */

/* Tracepoint: dev, phys, dma, size, dir, attrs */
static __always_inline int map_args(u64 *args, struct scratch *s, u8 kind)
{
	s->dev = args[0];
	s->phys = args[1];
	s->dma = args[2];
	s->size = args[3];
	s->dir = args[4];
	s->attrs = args[5];
	s->op = OP_MAP;
	s->kind = kind;
	return on_map(args, s);
}

static __always_inline int map_event(u64 *args, struct scratch *s)
{
	return map_args(args, s, args[5] & ATTR_MMIO ? KIND_RESOURCE : KIND_SINGLE);
}

static __always_inline int map_resource_event(u64 *args, struct scratch *s)
{
	return map_args(args, s, KIND_RESOURCE);
}

/* dma_map_page_attrs(dev, page, offset, size, dir, attrs) returned */
static __always_inline int map_page_return(u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->phys = page_to_phys(number(s, args[1]));
	if (s->phys)
		s->phys += args[2];
	s->size = args[3];
	s->dir = args[4];
	s->attrs = args[5];
	s->dma = args[6];
	s->op = OP_MAP;
	s->kind = KIND_SINGLE;
	return on_map(args, s);
}

/* dma_map_resource(dev, phys, size, dir, attrs) returned */
static __always_inline int map_resource_return(u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->phys = args[1];
	s->size = args[2];
	s->dir = args[3];
	s->attrs = args[4];
	s->dma = args[5];
	s->op = OP_MAP;
	s->kind = KIND_RESOURCE;
	return on_map(args, s);
}

/* Tracepoints and functions alike: dev, dma, size, dir, attrs */
static __always_inline int unmap_args(u64 *args, struct scratch *s, u8 kind)
{
	s->dev = args[0];
	s->dma = args[1];
	s->size = args[2];
	s->dir = args[3];
	s->attrs = args[4];
	s->op = OP_UNMAP;
	s->kind = kind;
	return on_unmap(args, s);
}

static __always_inline int unmap_event(u64 *args, struct scratch *s)
{
	return unmap_args(args, s, args[4] & ATTR_MMIO ? KIND_RESOURCE : KIND_SINGLE);
}

static __always_inline int unmap_resource_event(u64 *args, struct scratch *s)
{
	return unmap_args(args, s, KIND_RESOURCE);
}

TRACEPOINT(dma_map_page, tp_map_page, map_event)
TRACEPOINT(dma_map_phys, tp_map_phys, map_event)
TRACEPOINT(dma_map_resource, tp_map_resource, map_resource_event)
TRACEPOINT(dma_unmap_page, tp_unmap_page, unmap_event)
TRACEPOINT(dma_unmap_phys, tp_unmap_phys, unmap_event)
TRACEPOINT(dma_unmap_resource, tp_unmap_resource, unmap_resource_event)
FUNCTION(fexit, dma_map_page_attrs, fn_map_page, map_page_return)
FUNCTION(fexit, dma_map_resource, fn_map_resource, map_resource_return)
FUNCTION(fentry, dma_unmap_page_attrs, fn_unmap_page, unmap_event)
FUNCTION(fentry, dma_unmap_resource, fn_unmap_resource, unmap_resource_event)

/* --- lists --- */

/* Tracepoint: dev, sg, nents, mapped segments, dir, attrs */
static __always_inline int map_sg_event(u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->sg.list = args[1];
	s->nents = args[2];
	s->dir = args[4];
	s->attrs = args[5];
	return on_map_sg(args, s);
}

/* dma_map_sg_attrs(dev, sg, nents, dir, attrs) returned the mapped segments, or 0 */
static __always_inline int map_sg_return(u64 *args, struct scratch *s)
{
	if ((int)args[5] <= 0)
		return 0;
	s->dev = args[0];
	s->sg.list = args[1];
	s->nents = args[2];
	s->dir = args[3];
	s->attrs = args[4];
	return on_map_sg(args, s);
}

/* dma_map_sgtable(dev, table, dir, attrs) returned 0 or an error */
static __always_inline int map_sgtable_return(u64 *args, struct scratch *s)
{
	struct sg_table *table;

	if ((int)args[4])
		return 0;
	table = (void *)number(s, args[1]);
	s->dev = args[0];
	s->dir = args[2];
	s->attrs = args[3];
	s->nents = BPF_CORE_READ(table, orig_nents);
	s->sg.list = (u64)BPF_CORE_READ(table, sgl);
	return on_map_sg(args, s);
}

/* dev, sg, nents, dir, attrs */
static __always_inline int unmap_sg_event(u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->sg.list = args[1];
	s->nents = args[2];
	s->dir = args[3];
	s->attrs = args[4];
	return on_unmap_sg(args, s);
}

TRACEPOINT(dma_map_sg, tp_map_sg, map_sg_event)
TRACEPOINT(dma_unmap_sg, tp_unmap_sg, unmap_sg_event)
FUNCTION(fexit, dma_map_sg_attrs, fn_map_sg, map_sg_return)
FUNCTION(fexit, dma_map_sgtable, fn_map_sgtable, map_sgtable_return)
FUNCTION(fentry, dma_unmap_sg_attrs, fn_unmap_sg, unmap_sg_event)

/* --- syncs: dev, dma, size, dir; dev, sg, nents, dir --- */

static __always_inline int sync_event(u64 *args, struct scratch *s, u8 op)
{
	s->dev = args[0];
	s->dma = args[1];
	s->size = args[2];
	s->dir = args[3];
	s->op = op;
	s->kind = KIND_SINGLE;
	return on_sync(args, s);
}

static __always_inline int sync_sg_event(u64 *args, struct scratch *s, u8 op)
{
	s->dev = args[0];
	s->sg.list = args[1];
	s->nents = args[2];
	s->dir = args[3];
	return on_sync_sg(args, s, op);
}

static __always_inline int sync_cpu_event(u64 *args, struct scratch *s)
{
	return sync_event(args, s, OP_SYNC_FOR_CPU);
}

static __always_inline int sync_device_event(u64 *args, struct scratch *s)
{
	return sync_event(args, s, OP_SYNC_FOR_DEVICE);
}

static __always_inline int sync_sg_cpu_event(u64 *args, struct scratch *s)
{
	return sync_sg_event(args, s, OP_SYNC_FOR_CPU);
}

static __always_inline int sync_sg_device_event(u64 *args, struct scratch *s)
{
	return sync_sg_event(args, s, OP_SYNC_FOR_DEVICE);
}

TRACEPOINT(dma_sync_single_for_cpu, tp_sync_cpu, sync_cpu_event)
TRACEPOINT(dma_sync_single_for_device, tp_sync_device, sync_device_event)
TRACEPOINT(dma_sync_sg_for_cpu, tp_sync_sg_cpu, sync_sg_cpu_event)
TRACEPOINT(dma_sync_sg_for_device, tp_sync_sg_device, sync_sg_device_event)
FUNCTION(fentry, dma_sync_single_for_cpu, fn_sync_cpu, sync_cpu_event)
FUNCTION(fentry, dma_sync_single_for_device, fn_sync_device, sync_device_event)
FUNCTION(fentry, dma_sync_sg_for_cpu, fn_sync_sg_cpu, sync_sg_cpu_event)
FUNCTION(fentry, dma_sync_sg_for_device, fn_sync_sg_device, sync_sg_device_event)

/* --- allocations: by function on every kernel, they are few --- */

/* dma_alloc_attrs(dev, size, &dma, gfp, attrs) returned memory */
static __always_inline int alloc_return(u64 *args, struct scratch *s)
{
	if (!args[5])
		return 0;
	s->dev = args[0];
	s->size = args[1];
	s->dma = read_u64((void *)number(s, args[2]));
	s->attrs = args[4];
	s->phys = virt_to_phys(number(s, args[5]));
	s->dir = DIR_BIDIRECTIONAL;
	s->kind = KIND_COHERENT;
	s->op = OP_ALLOC;
	return on_map(args, s);
}

/* dma_free_attrs(dev, size, memory, dma, attrs) */
static __always_inline int free_event(u64 *args, struct scratch *s)
{
	if (!args[2])
		return 0;
	s->dev = args[0];
	s->size = args[1];
	s->cpu_address = virt_to_phys(number(s, args[2]));
	s->dma = args[3];
	s->attrs = args[4];
	s->dir = DIR_BIDIRECTIONAL;
	s->kind = KIND_COHERENT;
	s->op = OP_FREE;
	return on_unmap(args, s);
}

/* dma_alloc_pages(dev, size, &dma, dir, gfp) returned a page */
static __always_inline int alloc_pages_return(u64 *args, struct scratch *s)
{
	if (!args[5])
		return 0;
	s->dev = args[0];
	s->size = args[1];
	s->dma = read_u64((void *)number(s, args[2]));
	s->dir = args[3];
	s->phys = page_to_phys(number(s, args[5]));
	s->kind = KIND_PAGES;
	s->op = OP_ALLOC;
	return on_map(args, s);
}

/* dma_free_pages(dev, size, page, dma, dir) */
static __always_inline int free_pages_event(u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->size = args[1];
	s->cpu_address = page_to_phys(number(s, args[2]));
	s->dma = args[3];
	s->dir = args[4];
	s->kind = KIND_PAGES;
	s->op = OP_FREE;
	return on_unmap(args, s);
}

FUNCTION(fexit, dma_alloc_attrs, fn_alloc, alloc_return)
FUNCTION(fentry, dma_free_attrs, fn_free, free_event)
FUNCTION(fexit, dma_alloc_pages, fn_alloc_pages, alloc_pages_return)
FUNCTION(fentry, dma_free_pages, fn_free_pages, free_pages_event)

/* --- dma_iova_*(), 7.x --- */

static __always_inline u64 iova_start(u64 state_address)
{
	struct dma_iova_state *state = (void *)state_address;

	return BPF_CORE_READ(state, addr);
}

/* dma_iova_link(dev, state, phys, offset, size, dir, attrs) returned 0 or an error */
static __always_inline int iova_link_return(u64 *args, struct scratch *s)
{
	if ((int)args[7])
		return 0;
	s->dev = args[0];
	s->dma = iova_start(number(s, args[1]));
	s->phys = args[2];
	s->dma += args[3];
	s->size = args[4];
	s->dir = args[5];
	s->attrs = args[6];
	s->kind = KIND_IOVA;
	s->op = OP_MAP;
	return on_map(args, s);
}

/* dma_iova_unlink(dev, state, offset, size, dir, attrs) */
static __always_inline int iova_unlink_event(u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->dma = iova_start(number(s, args[1]));
	s->dma += args[2];
	s->size = args[3];
	s->dir = args[4];
	s->attrs = args[5];
	return on_iova_unlink(args, s);
}

/* dma_iova_destroy(dev, state, mapped, dir, attrs) */
static __always_inline int iova_destroy_event(u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->dma = iova_start(number(s, args[1]));
	s->size = args[2];
	s->dir = args[3];
	s->attrs = args[4];
	return on_iova_unlink(args, s);
}

FUNCTION(fexit, dma_iova_link, fn_iova_link, iova_link_return)
FUNCTION(fentry, dma_iova_unlink, fn_iova_unlink, iova_unlink_event)
FUNCTION(fentry, dma_iova_destroy, fn_iova_destroy, iova_destroy_event)

/* dma_need_unmap(dev) said no: its driver may leave out unmaps from now on, 7.x */
SEC("fexit/dma_need_unmap")
int BPF_PROG(fn_need_unmap, struct device *dev, bool needed)
{
	u64 address = (u64)dev;
	struct device_state *device;

	if (!armed || needed)
		return 0;
	if (!bpf_map_lookup_elem(&devices, &address))
		make_device(address);
	device = bpf_map_lookup_elem(&devices, &address);
	if (device)
		device->lazy = 1;
	return 0;
}

/* --- dmaloop announces each access of the CPU --- */

/* Tracepoint: dev, address, size, write */
static __always_inline int cpu_access_event(u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->phys = virt_to_phys(args[1]);
	s->dma = s->phys;
	s->size = args[2];
	s->dir = DIR_NONE;
	s->op = args[3] & 1 ? OP_CPU_WRITE : OP_CPU_READ;
	s->kind = KIND_SINGLE;
	return s->phys ? on_access(args, s) : 0;
}

TRACEPOINT(dmaloop_cpu_access, late_cpu_access, cpu_access_event)

#endif
