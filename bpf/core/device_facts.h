/* SPDX-License-Identifier: GPL-2.0 */
/* What `dmasnoop devices' reads of each device. Plain structs; no code. */
#ifndef DEVICES_H
#define DEVICES_H

#include "core/types.h"

#define LIST_MAX 2048
#define DEVICE_NAME_SIZE 64

/**
 * struct device_facts - one device with a driver and a DMA mask
 * @name: dev_name()
 * @driver: its driver's name
 * @bus: name of its bus; empty: none
 * @mask: *dma_mask
 * @coherent_mask: coherent_dma_mask
 * @limit: bus_dma_limit; 0: none
 * @coherent: its dma_coherent; counts only where the kernel maintains caches
 * @skips_sync: dma_skip_sync: sync calls are not made for it
 * @own_ops: it has dma_map_ops, the IOMMU's on old kernels
 * @group: it is in an IOMMU group
 * @pool: it has bounce buffers
 * @forced: all of its transfers bounce
 */
struct device_facts {
	char name[DEVICE_NAME_SIZE];
	char driver[DEVICE_NAME_SIZE];
	char bus[DEVICE_NAME_SIZE];
	u64 mask;
	u64 coherent_mask;
	u64 limit;
	u8 coherent;
	u8 skips_sync;
	u8 own_ops;
	u8 group;
	u8 pool;
	u8 forced;
	u8 pad[2];
};

#endif
