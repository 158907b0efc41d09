/* SPDX-License-Identifier: GPL-2.0 */
/* The functions of core/env.h for BPF, except those in memory.bpf.h and losses.bpf.h. */
#ifndef DMASNOOP_ENV_BPF_H
#define DMASNOOP_ENV_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "core/env.h"
#include "core/lists.h"
#include "device_flags.bpf.h"
#include "helpers.bpf.h"
#include "maps.bpf.h"
#include "memory.bpf.h"
#include "virtio.bpf.h"

/* --- the event at hand --- */

static __always_inline u64 env_now(void)
{
	return bpf_ktime_get_ns();
}

static __always_inline u64 env_ticks(void)
{
	return bpf_jiffies64();
}

static __always_inline u32 env_cpu(void)
{
	return bpf_get_smp_processor_id();
}

static __always_inline u64 env_task(void)
{
	return bpf_get_current_task();
}

static __always_inline u64 env_pid(void)
{
	return bpf_get_current_pid_tgid();
}

static __always_inline void env_comm(char comm[16])
{
	bpf_get_current_comm(comm, 16);
}

static __always_inline long env_stack(void *ctx, u64 *frames, u32 bytes)
{
	return bpf_get_stack(ctx, frames, bytes, 0);
}

static __always_inline void env_loop(u32 nr, void *call, void *context)
{
	bpf_loop(nr, call, context, 0);
}

static __always_inline struct scratch *env_own(struct scratch *s)
{
	u32 index = s ? s->index : SCRATCHES;

	return bpf_map_lookup_elem(&scratches, &index);
}

/* --- findings --- */

static __always_inline void *env_reserve(u64 size)
{
	return bpf_ringbuf_reserve(&events, size, 0);
}

static __always_inline void env_submit(void *event)
{
	bpf_ringbuf_submit(event, 0);
}

/* --- tables --- */

static __always_inline struct cpu_state *env_cpu_state(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&cpu_states, &zero);
}

static __always_inline struct scratch *env_scratch(u32 index)
{
	return bpf_map_lookup_elem(&scratches, &index);
}

static __always_inline struct bucket *env_bucket(u32 index)
{
	return bpf_map_lookup_elem(&mappings, &index);
}

static __always_inline void env_each_bucket(void *call, void *context)
{
	bpf_for_each_map_elem(&mappings, call, context, 0);
}

static __always_inline u64 *env_page_lines(u32 page)
{
	return bpf_map_lookup_elem(&page_lines, &page);
}

static __always_inline struct neighbours *env_neighbours(u32 slot)
{
	return bpf_map_lookup_elem(&neighbours, &slot);
}

static __always_inline bool env_was_added(u64 dev)
{
	return bpf_map_lookup_elem(&born, &dev);
}

static __always_inline void env_set_added(u64 dev)
{
	u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&born, &dev, &now, BPF_ANY);
}

static __always_inline struct stack *env_find_stack(u64 key)
{
	return bpf_map_lookup_elem(&stacks, &key);
}

static __always_inline void env_keep_stack(u64 key, const struct stack *stack)
{
	bpf_map_update_elem(&stacks, &key, stack, BPF_ANY);
}

static __always_inline struct page_starts *env_find_starts(const struct page_key *key)
{
	return bpf_map_lookup_elem(&starts, key);
}

static __always_inline void env_keep_starts(const struct page_key *key,
					    const struct page_starts *fresh)
{
	bpf_map_update_elem(&starts, key, fresh, BPF_ANY);
}

static __always_inline u64 *env_find_content(u32 at)
{
	return bpf_map_lookup_elem(&contents, &at);
}

static __always_inline long env_keep_content(u32 at, u64 hash)
{
	return bpf_map_update_elem(&contents, &at, &hash, BPF_ANY);
}

static __always_inline void env_drop_content(u32 at)
{
	bpf_map_delete_elem(&contents, &at);
}

/* --- devices --- */

static __always_inline void env_read_device(struct device_state *device, u64 address)
{
	struct device *dev = (void *)address;
	const char *name = BPF_CORE_READ(dev, init_name);

	if (!name)
		name = BPF_CORE_READ(dev, kobj.name);
	bpf_probe_read_kernel_str(device->name, sizeof(device->name), name);
	device->bound = (u64)BPF_CORE_READ(dev, driver);
	name = BPF_CORE_READ(dev, driver, name);
	if (name)
		bpf_probe_read_kernel_str(device->driver, sizeof(device->driver), name);
	read_function_driver(device->function_driver, dev);
	device->iommu = uses_iommu(dev);
	if (bpf_core_field_exists(dev->dma_ops)) {
		u64 ops = (u64)BPF_CORE_READ(dev, dma_ops);

		device->has_ops = ops != 0;
		device->software = ops && (ops < (u64)&_stext || ops >= (u64)&_end);
	}
}

static __always_inline u64 env_driver_of(u64 dev)
{
	return (u64)BPF_CORE_READ((struct device *)dev, driver);
}

static __always_inline u64 env_parent_of(u64 dev)
{
	return (u64)BPF_CORE_READ((struct device *)dev, parent);
}

static __always_inline bool env_is_function(u64 dev)
{
	return is_on_virtio_bus((struct device *)dev);
}

static __always_inline bool env_skips_sync(u64 dev)
{
	return skips_sync((struct device *)dev);
}

static __always_inline void env_read_limits(u64 dev, u64 *max, u64 *boundary)
{
	struct device_dma_parameters *stated = BPF_CORE_READ((struct device *)dev, dma_parms);

	*max = stated ? BPF_CORE_READ(stated, max_segment_size) : 0;
	*boundary = stated ? BPF_CORE_READ(stated, segment_boundary_mask) : 0;
}

/* --- scatter-gather lists --- */

static __always_inline u32 env_sg_size(void)
{
	return bpf_core_type_size(struct scatterlist);
}

static __always_inline long env_sg_read(void *to, u32 bytes, u64 from)
{
	return bpf_probe_read_kernel(to, bytes, (void *)from);
}

/* Reads a field from the copy of a list entry. */
#define SG_FIELD(type, entry, field) \
	(*(const type *)((entry) + bpf_core_field_offset(((struct scatterlist *)0)->field)))

static __always_inline u64 env_sg_link(const u8 *entry)
{
	return SG_FIELD(u64, entry, page_link);
}

static __always_inline u64 env_sg_offset(const u8 *entry)
{
	return SG_FIELD(u32, entry, offset);
}

static __always_inline u64 env_sg_length(const u8 *entry)
{
	return SG_FIELD(u32, entry, length);
}

static __always_inline u64 env_sg_dma(const u8 *entry)
{
	return SG_FIELD(u64, entry, dma_address);
}

static __always_inline u64 env_sg_dma_length(const u8 *entry)
{
	struct scatterlist *fields = NULL;

	return bpf_core_field_exists(fields->dma_length) ? SG_FIELD(u32, entry, dma_length) :
							   SG_FIELD(u32, entry, length);
}

static __always_inline u64 env_sg_link_at(u64 address)
{
	return BPF_CORE_READ((struct scatterlist *)address, page_link);
}

static __always_inline void env_sg_segment_at(u64 address, u64 *dma, u64 *size)
{
	struct scatterlist *segment = (void *)address;

	*dma = BPF_CORE_READ(segment, dma_address);
	*size = BPF_CORE_READ(segment, length);
	if (bpf_core_field_exists(segment->dma_length))
		*size = BPF_CORE_READ(segment, dma_length);
}

static __always_inline bool env_sg_can_peek(void)
{
	return CAN_CAST;
}

static __always_inline bool env_sg_peek(struct scratch *s, u64 entry, bool map, u64 *link)
{
	struct scatterlist *sg =
		bpf_rdonly_cast((void *)entry, bpf_core_type_id_kernel(struct scatterlist));

	*link = sg->page_link;
	s->size = sg->length;
	if (*link & SG_CHAIN ||
	    (bpf_core_field_exists(sg->dma_length) && sg->dma_length != s->size))
		return false;
	s->dma = sg->dma_address;
	if (map)
		s->phys = env_page_phys(*link & ~SG_END) + sg->offset;
	return true;
}

#endif
