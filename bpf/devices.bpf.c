// SPDX-License-Identifier: GPL-2.0
/*
 * A program that walks the kernel's devices once, for `dmasnoop devices'. User space runs it, and
 * it is attached to nothing. It reads the list without the lock, so a device that comes or goes may
 * end the walk early. Then user space starts the program again.
 */
#include "kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "core/device_facts.h"
#include "device_flags.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define WALK_MAX (1 << 16)

/* The progress of the walk, which user space checks. */
u32 nr_facts;
u32 nr_devices;
bool complete;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LIST_MAX);
	__type(key, u32);
	__type(value, struct device_facts);
} facts SEC(".maps");

extern const void devices_kset __ksym __weak;

struct walk {
	struct list_head *head;
	struct list_head *at;
};

static __always_inline void read_name(char *to, const char *from)
{
	to[0] = '\0';
	if (from)
		bpf_probe_read_kernel_str(to, DEVICE_NAME_SIZE, from);
}

static __always_inline bool is_coherent(struct device *dev)
{
	if (bpf_core_field_exists(dev->dma_coherent))
		return BPF_CORE_READ_BITFIELD_PROBED(dev, dma_coherent);
	return has_flag(dev,
			bpf_core_enum_value_exists(enum struct_device_flags, DEV_FLAG_DMA_COHERENT),
			bpf_core_enum_value(enum struct_device_flags, DEV_FLAG_DMA_COHERENT));
}

static __noinline int read_device(u64 address)
{
	struct device *dev = (void *)address;
	struct io_tlb_mem *pool = NULL;
	struct device_facts *fact;
	u64 *mask = BPF_CORE_READ(dev, dma_mask), value = 0;
	u32 index = nr_facts;
	const char *name;

	if (!mask || !BPF_CORE_READ(dev, driver))
		return 0;
	bpf_probe_read_kernel(&value, sizeof(value), mask);
	fact = value ? bpf_map_lookup_elem(&facts, &index) : NULL;
	if (!fact)
		return 0;
	nr_facts = index + 1;

	name = BPF_CORE_READ(dev, init_name);
	read_name(fact->name, name ?: BPF_CORE_READ(dev, kobj.name));
	read_name(fact->driver, BPF_CORE_READ(dev, driver, name));
	read_name(fact->bus, BPF_CORE_READ(dev, bus, name));
	fact->mask = value;
	fact->coherent_mask = BPF_CORE_READ(dev, coherent_dma_mask);
	fact->limit = BPF_CORE_READ(dev, bus_dma_limit);
	fact->coherent = is_coherent(dev);
	fact->skips_sync = skips_sync(dev);
	fact->own_ops = 0;
	if (bpf_core_field_exists(dev->dma_ops))
		fact->own_ops = BPF_CORE_READ(dev, dma_ops) != NULL;
	fact->group = 0;
	if (bpf_core_field_exists(dev->iommu_group))
		fact->group = BPF_CORE_READ(dev, iommu_group) != NULL;
	if (bpf_core_field_exists(dev->dma_io_tlb_mem))
		pool = BPF_CORE_READ(dev, dma_io_tlb_mem);
	fact->pool = pool && BPF_CORE_READ(pool, nslabs);
	fact->forced = pool && BPF_CORE_READ(pool, force_bounce);
	return 0;
}

static long step(u32 index, struct walk *walk)
{
	struct list_head *at = walk->at;
	struct kobject *kobj = (void *)at - bpf_core_field_offset(struct kobject, entry);

	if (!at)
		return 1;
	if (at == walk->head) {
		complete = true;
		return 1;
	}
	nr_devices++;
	read_device((u64)kobj - bpf_core_field_offset(struct device, kobj));
	walk->at = BPF_CORE_READ(at, next);
	return 0;
}

SEC("syscall")
int read_devices(void *ctx)
{
	struct walk walk = {};
	struct list_head *head;
	struct kset *kset = NULL;

	nr_facts = 0;
	nr_devices = 0;
	complete = false;
	if (!&devices_kset)
		return 0;
	bpf_probe_read_kernel(&kset, sizeof(kset), &devices_kset);
	if (!kset)
		return 0;
	head = (void *)kset + bpf_core_field_offset(struct kset, list);
	walk.head = head;
	walk.at = BPF_CORE_READ(head, next);
	bpf_loop(WALK_MAX, step, &walk, 0);
	return 0;
}
