/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device behind a virtio driver. A virtio transport (virtio-pci, virtio-mmio) is the device
 * that does the DMA. The driver that asks for the DMA is bound to the child of the transport on the
 * virtio bus.
 */
#ifndef FUNCTION_BPF_H
#define FUNCTION_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "core/types.h"

/* The function is the first child, except for those that the driver core adds to any device. */
#define CHILDREN_MAX 4

static __always_inline bool is_on_virtio_bus(struct device *dev)
{
	u64 bus = 0, virtio = 0;

	__builtin_memcpy(&virtio, "virtio", sizeof("virtio"));
	bpf_probe_read_kernel_str(&bus, sizeof(bus), BPF_CORE_READ(dev, bus, name));
	return bus == virtio;
}

/*
 * Reads the name of the function's driver; empty when there is no function. The list is read
 * without its lock, so a child that comes or goes may be missed.
 */
static __always_inline void read_function_driver(char name[NAME_SIZE], struct device *dev)
{
	struct device_private *parent = BPF_CORE_READ(dev, p), *child;
	struct list_head *entry = BPF_CORE_READ(parent, klist_children.k_list.next);
	u64 head = (u64)parent + bpf_core_field_offset(parent->klist_children.k_list);

	name[0] = '\0';
	for (int i = 0; i < CHILDREN_MAX && entry && (u64)entry != head; i++) {
		child = (void *)entry - bpf_core_field_offset(child->knode_parent.n_node);
		if (is_on_virtio_bus(BPF_CORE_READ(child, device))) {
			bpf_probe_read_kernel_str(name, NAME_SIZE,
						  BPF_CORE_READ(child, device, driver, name));
			return;
		}
		entry = BPF_CORE_READ(entry, next);
	}
}

#endif
