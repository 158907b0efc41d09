/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooks in the DMA API. Each event has a raw tracepoint where the kernel has one (since 6.12;
 * renamed in 6.18), and a function, by fentry or, if the kernel has no fentry, by kprobes.
 * user/dmasnoop/attach/ loads the first of these that the kernel has.
 *
 * Raw tracepoints, fentry and fexit all pass their arguments as an array of words. fexit adds the
 * return value at the end.
 */
#ifndef DMASNOOP_HOOKS_DMA_BPF_H
#define DMASNOOP_HOOKS_DMA_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "core/fast_path.h"
#include "core/judge_map.h"
#include "core/judge_sync.h"
#include "core/judge_unmap.h"
#include "core/lists.h"
#include "env.bpf.h"
#include "hook.bpf.h"
#include "losses.bpf.h"
#include "program.bpf.h"

/* --- map and unmap --- */

static __always_inline bool fast_map_phys_event(u64 *args)
{
	return !(args[5] & ATTR_MMIO) && fast_map(args, (u64)args);
}

static __always_inline bool fast_map_event(u64 *args)
{
	return fast_map(args, (u64)args);
}

/* Tracepoint: dev, phys, dma, size, dir, attrs */
static __always_inline int map_args(void *ctx, u64 *args, struct scratch *s, u8 kind)
{
	s->dev = args[0];
	s->phys = args[1];
	s->dma = args[2];
	s->size = args[3];
	s->dir = args[4];
	s->attrs = args[5];
	s->op = OP_MAP;
	s->kind = kind;
	return on_map(ctx, s);
}

static __always_inline int map_event(void *ctx, u64 *args, struct scratch *s)
{
	return map_args(ctx, args, s, args[5] & ATTR_MMIO ? KIND_RESOURCE : KIND_SINGLE);
}

static __always_inline int map_resource_event(void *ctx, u64 *args, struct scratch *s)
{
	return map_args(ctx, args, s, KIND_RESOURCE);
}

static __always_inline bool fast_map_page_return(u64 *args)
{
	u64 page = env_page_phys(env_number(args[1]));
	u64 event[] = { env_number(args[0]), page + args[2], args[6], args[3], args[4], args[5] };

	return page && fast_map(event, (u64)args);
}

/* dma_map_page_attrs(dev, page, offset, size, dir, attrs) returned */
static __always_inline int map_page_return(void *ctx, u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->phys = env_page_phys(env_number(args[1]));
	if (s->phys)
		s->phys += args[2];
	s->size = args[3];
	s->dir = args[4];
	s->attrs = args[5];
	s->dma = args[6];
	s->op = OP_MAP;
	s->kind = KIND_SINGLE;
	return on_map(ctx, s);
}

/* dma_map_resource(dev, phys, size, dir, attrs) returned */
static __always_inline int map_resource_return(void *ctx, u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->phys = args[1];
	s->size = args[2];
	s->dir = args[3];
	s->attrs = args[4];
	s->dma = args[5];
	s->op = OP_MAP;
	s->kind = KIND_RESOURCE;
	return on_map(ctx, s);
}

static __always_inline bool fast_unmap_event(u64 *args)
{
	return fast_unmap(args);
}

/*
 * Handles dma_unmap_page_attrs(), where the verifier knows that the device is a pointer, like the
 * tracepoint.
 */
static __always_inline bool fast_unmap_call(u64 *args)
{
	u64 event[] = { env_number(args[0]), args[1], args[2], args[3], args[4] };

	return fast_unmap(event);
}

/* Tracepoints and functions both have dev, dma, size, dir, attrs. */
static __always_inline int unmap_args(void *ctx, u64 *args, struct scratch *s, u8 kind)
{
	s->dev = args[0];
	s->dma = args[1];
	s->size = args[2];
	s->dir = args[3];
	s->attrs = args[4];
	s->op = OP_UNMAP;
	s->kind = kind;
	return on_unmap(ctx, s);
}

static __always_inline int unmap_event(void *ctx, u64 *args, struct scratch *s)
{
	return unmap_args(ctx, args, s, args[4] & ATTR_MMIO ? KIND_RESOURCE : KIND_SINGLE);
}

static __always_inline int unmap_resource_event(void *ctx, u64 *args, struct scratch *s)
{
	return unmap_args(ctx, args, s, KIND_RESOURCE);
}

TRACEPOINT(dma_map_page, tp_map_page, fast_map_event, map_event)
TRACEPOINT(dma_map_phys, tp_map_phys, fast_map_phys_event, map_event)
TRACEPOINT(dma_map_resource, tp_map_resource, never_fast, map_resource_event)
TRACEPOINT(dma_unmap_page, tp_unmap_page, fast_unmap_event, unmap_event)
TRACEPOINT(dma_unmap_phys, tp_unmap_phys, fast_unmap_event, unmap_event)
TRACEPOINT(dma_unmap_resource, tp_unmap_resource, never_fast, unmap_resource_event)
RETURN(dma_map_page_attrs, 6, fn_map_page, fast_map_page_return, map_page_return)
RETURN(dma_map_resource, 5, fn_map_resource, never_fast, map_resource_return)
CALL(dma_unmap_page_attrs, fn_unmap_page, fast_unmap_call, unmap_event)
CALL(dma_unmap_resource, fn_unmap_resource, never_fast, unmap_resource_event)

/* --- lists --- */

/* Tracepoint: dev, sg, nents, mapped segments, dir, attrs */
static __always_inline int map_sg_event(void *ctx, u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->sg.list = args[1];
	s->nents = args[2];
	s->dir = args[4];
	s->attrs = args[5];
	return on_map_sg(ctx, s);
}

/* dma_map_sg_attrs(dev, sg, nents, dir, attrs) returned the mapped segments, or 0 */
static __always_inline int map_sg_return(void *ctx, u64 *args, struct scratch *s)
{
	if ((int)args[5] <= 0)
		return 0;
	s->dev = args[0];
	s->sg.list = args[1];
	s->nents = args[2];
	s->dir = args[3];
	s->attrs = args[4];
	return on_map_sg(ctx, s);
}

/* dma_map_sgtable(dev, table, dir, attrs) returned 0 or an error */
static __always_inline int map_sgtable_return(void *ctx, u64 *args, struct scratch *s)
{
	struct sg_table *table;

	if ((int)args[4])
		return 0;
	table = (void *)env_number(args[1]);
	s->dev = args[0];
	s->dir = args[2];
	s->attrs = args[3];
	s->nents = BPF_CORE_READ(table, orig_nents);
	s->sg.list = (u64)BPF_CORE_READ(table, sgl);
	return on_map_sg(ctx, s);
}

/* Tracepoints and functions both have dev, sg, nents, dir, attrs. */
static __always_inline int unmap_sg_event(void *ctx, u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->sg.list = args[1];
	s->nents = args[2];
	s->dir = args[3];
	s->attrs = args[4];
	return on_unmap_sg(ctx, s);
}

TRACEPOINT(dma_map_sg, tp_map_sg, never_fast, map_sg_event)
TRACEPOINT(dma_unmap_sg, tp_unmap_sg, never_fast, unmap_sg_event)
RETURN(dma_map_sg_attrs, 5, fn_map_sg, never_fast, map_sg_return)
RETURN(dma_map_sgtable, 4, fn_map_sgtable, never_fast, map_sgtable_return)
CALL(dma_unmap_sg_attrs, fn_unmap_sg, never_fast, unmap_sg_event)

/* --- syncs: dev, dma, size, dir; dev, sg, nents, dir --- */

static __always_inline int sync_event(void *ctx, u64 *args, struct scratch *s, u8 op)
{
	s->dev = args[0];
	s->dma = args[1];
	s->size = args[2];
	s->dir = args[3];
	s->op = op;
	s->kind = KIND_SINGLE;
	return on_sync(ctx, s);
}

static __always_inline int sync_sg_event(void *ctx, u64 *args, struct scratch *s, u8 op)
{
	s->dev = args[0];
	s->sg.list = args[1];
	s->nents = args[2];
	s->dir = args[3];
	return on_sync_sg(ctx, s, op);
}

static __always_inline bool fast_sync_cpu_event(u64 *args)
{
	return fast_sync(args, OP_SYNC_FOR_CPU);
}

static __always_inline bool fast_sync_device_event(u64 *args)
{
	return fast_sync(args, OP_SYNC_FOR_DEVICE);
}

static __always_inline bool fast_sync_cpu_call(u64 *args)
{
	u64 event[] = { env_number(args[0]), args[1], args[2], args[3] };

	return fast_sync(event, OP_SYNC_FOR_CPU);
}

static __always_inline bool fast_sync_device_call(u64 *args)
{
	u64 event[] = { env_number(args[0]), args[1], args[2], args[3] };

	return fast_sync(event, OP_SYNC_FOR_DEVICE);
}

static __always_inline int sync_cpu_event(void *ctx, u64 *args, struct scratch *s)
{
	return sync_event(ctx, args, s, OP_SYNC_FOR_CPU);
}

static __always_inline int sync_device_event(void *ctx, u64 *args, struct scratch *s)
{
	return sync_event(ctx, args, s, OP_SYNC_FOR_DEVICE);
}

static __always_inline int sync_sg_cpu_event(void *ctx, u64 *args, struct scratch *s)
{
	return sync_sg_event(ctx, args, s, OP_SYNC_FOR_CPU);
}

static __always_inline int sync_sg_device_event(void *ctx, u64 *args, struct scratch *s)
{
	return sync_sg_event(ctx, args, s, OP_SYNC_FOR_DEVICE);
}

TRACEPOINT(dma_sync_single_for_cpu, tp_sync_cpu, fast_sync_cpu_event, sync_cpu_event)
TRACEPOINT(dma_sync_single_for_device, tp_sync_device, fast_sync_device_event, sync_device_event)
TRACEPOINT(dma_sync_sg_for_cpu, tp_sync_sg_cpu, never_fast, sync_sg_cpu_event)
TRACEPOINT(dma_sync_sg_for_device, tp_sync_sg_device, never_fast, sync_sg_device_event)
CALL(dma_sync_single_for_cpu, fn_sync_cpu, fast_sync_cpu_call, sync_cpu_event)
CALL(dma_sync_single_for_device, fn_sync_device, fast_sync_device_call, sync_device_event)
CALL(dma_sync_sg_for_cpu, fn_sync_sg_cpu, never_fast, sync_sg_cpu_event)
CALL(dma_sync_sg_for_device, fn_sync_sg_device, never_fast, sync_sg_device_event)

/* --- allocations: by function on every kernel, because they are few --- */

/* dma_alloc_attrs(dev, size, &dma, gfp, attrs) returned memory */
static __always_inline int alloc_return(void *ctx, u64 *args, struct scratch *s)
{
	if (!args[5])
		return 0;
	s->dev = args[0];
	s->size = args[1];
	s->dma = read_u64((void *)env_number(args[2]));
	s->attrs = args[4];
	s->phys = virt_to_phys(env_number(args[5]));
	s->dir = DIR_BIDIRECTIONAL;
	s->kind = KIND_COHERENT;
	s->op = OP_ALLOC;
	return on_map(ctx, s);
}

/* dma_free_attrs(dev, size, memory, dma, attrs) */
static __always_inline int free_event(void *ctx, u64 *args, struct scratch *s)
{
	if (!args[2])
		return 0;
	s->dev = args[0];
	s->size = args[1];
	s->cpu_address = virt_to_phys(env_number(args[2]));
	s->dma = args[3];
	s->attrs = args[4];
	s->dir = DIR_BIDIRECTIONAL;
	s->kind = KIND_COHERENT;
	s->op = OP_FREE;
	return on_unmap(ctx, s);
}

/* dma_alloc_pages(dev, size, &dma, dir, gfp) returned a page */
static __always_inline int alloc_pages_return(void *ctx, u64 *args, struct scratch *s)
{
	if (!args[5])
		return 0;
	s->dev = args[0];
	s->size = args[1];
	s->dma = read_u64((void *)env_number(args[2]));
	s->dir = args[3];
	s->phys = env_page_phys(env_number(args[5]));
	s->kind = KIND_PAGES;
	s->op = OP_ALLOC;
	return on_map(ctx, s);
}

/* dma_free_pages(dev, size, page, dma, dir) */
static __always_inline int free_pages_event(void *ctx, u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->size = args[1];
	s->cpu_address = env_page_phys(env_number(args[2]));
	s->dma = args[3];
	s->dir = args[4];
	s->kind = KIND_PAGES;
	s->op = OP_FREE;
	return on_unmap(ctx, s);
}

/*
 * A table is one segment for the device. Its physical address is known only if the table is also
 * one segment for the CPU.
 */
static __always_inline void table_args(struct scratch *s, u64 table_address)
{
	struct sg_table *table = (void *)table_address;
	struct scatterlist *sg = BPF_CORE_READ(table, sgl);

	s->dma = BPF_CORE_READ(sg, dma_address);
	s->phys = 0;
	if (BPF_CORE_READ(table, orig_nents) == 1)
		s->phys = env_page_phys(BPF_CORE_READ(sg, page_link) & ~(SG_CHAIN | SG_END));
	s->kind = KIND_TABLE;
}

/* dma_alloc_noncontiguous(dev, size, dir, gfp, attrs) returned a table */
static __always_inline int alloc_table_return(void *ctx, u64 *args, struct scratch *s)
{
	if (!args[5])
		return 0;
	s->dev = args[0];
	s->size = args[1];
	s->dir = args[2];
	table_args(s, env_number(args[5]));
	s->op = OP_ALLOC;
	return on_map(ctx, s);
}

/* dma_free_noncontiguous(dev, size, table, dir) */
static __always_inline int free_table_event(void *ctx, u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->size = args[1];
	s->dir = args[3];
	table_args(s, env_number(args[2]));
	s->cpu_address = s->phys;
	s->op = OP_FREE;
	return on_unmap(ctx, s);
}

RETURN(dma_alloc_attrs, 5, fn_alloc, never_fast, alloc_return)
CALL(dma_free_attrs, fn_free, never_fast, free_event)
RETURN(dma_alloc_pages, 5, fn_alloc_pages, never_fast, alloc_pages_return)
CALL(dma_free_pages, fn_free_pages, never_fast, free_pages_event)
RETURN(dma_alloc_noncontiguous, 5, fn_alloc_table, never_fast, alloc_table_return)
CALL(dma_free_noncontiguous, fn_free_table, never_fast, free_table_event)

/* --- dma_iova_*(), 7.x --- */

static __always_inline u64 iova_start(u64 state_address)
{
	struct dma_iova_state *state = (void *)state_address;

	return BPF_CORE_READ(state, addr);
}

/* dma_iova_link(dev, state, phys, offset, size, dir, attrs) returned 0 or an error */
static __always_inline int iova_link_return(void *ctx, u64 *args, struct scratch *s)
{
	if ((int)args[7])
		return 0;
	s->dev = args[0];
	s->dma = iova_start(env_number(args[1]));
	s->phys = args[2];
	s->dma += args[3];
	s->size = args[4];
	s->dir = args[5];
	s->attrs = args[6];
	s->kind = KIND_IOVA;
	s->op = OP_MAP;
	return on_map(ctx, s);
}

/* dma_iova_unlink(dev, state, offset, size, dir, attrs) */
static __always_inline int iova_unlink_event(void *ctx, u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->dma = iova_start(env_number(args[1]));
	s->dma += args[2];
	s->size = args[3];
	s->dir = args[4];
	s->attrs = args[5];
	return on_iova_unlink(ctx, s);
}

/* dma_iova_destroy(dev, state, mapped, dir, attrs) */
static __always_inline int iova_destroy_event(void *ctx, u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->dma = iova_start(env_number(args[1]));
	s->size = args[2];
	s->dir = args[3];
	s->attrs = args[4];
	return on_iova_unlink(ctx, s);
}

FUNCTION(fexit, dma_iova_link, fn_iova_link, never_fast, iova_link_return)
FUNCTION(fentry, dma_iova_unlink, fn_iova_unlink, never_fast, iova_unlink_event)
FUNCTION(fentry, dma_iova_destroy, fn_iova_destroy, never_fast, iova_destroy_event)

/* dma_need_unmap(dev) returned false: the driver may leave out unmaps from now on (7.x) */
static __always_inline int on_need_unmap(u64 dev, u64 needed)
{
	u32 at;

	if (!armed || needed & 1)
		return 0;
	at = get_device(dev);
	if (at == NOWHERE)
		return 0;
	devices[at & (DEVICES_MAX - 1)].lazy = 1;
	set_pace(&devices[at & (DEVICES_MAX - 1)]);
	return 0;
}

SEC("fexit/dma_need_unmap")
int fn_need_unmap(u64 *args)
{
	return on_need_unmap(env_number(args[0]), args[1]);
}

PROBE_DEVICE(dma_need_unmap, fn_need_unmap, on_need_unmap(dev, probe_result(ctx)))

/* --- CPU accesses, which dmaloop announces --- */

/* Tracepoint: dev, address, size, write */
static __always_inline int cpu_access_event(void *ctx, u64 *args, struct scratch *s)
{
	s->dev = args[0];
	s->phys = virt_to_phys(args[1]);
	s->dma = s->phys;
	s->size = args[2];
	s->dir = DIR_NONE;
	s->op = args[3] & 1 ? OP_CPU_WRITE : OP_CPU_READ;
	s->kind = KIND_SINGLE;
	return s->phys ? on_access(ctx, s) : 0;
}

TRACEPOINT(dmaloop_cpu_access, late_cpu_access, never_fast, cpu_access_event)

#endif
