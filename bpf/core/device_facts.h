/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The facts that `dmasnoop devices' reads about each device. They are plain structs without code.
 */
#ifndef DEVICES_H
#define DEVICES_H

#include "core/types.h"

#define LIST_MAX 2048
#define DEVICE_NAME_SIZE 64

/**
 * struct device_facts - the facts about one device with a driver and a DMA mask
 * @name: dev_name()
 * @driver: name of the driver
 * @bus: name of the bus; empty when there is none
 * @mask: *dma_mask
 * @coherent_mask: coherent_dma_mask
 * @limit: bus_dma_limit; 0 when there is none
 * @coherent: dma_coherent, which counts only where the kernel maintains caches
 * @skips_sync: dma_skip_sync: the kernel skips the device's syncs
 * @own_ops: true if the device has dma_map_ops, on old kernels also those of the IOMMU
 * @group: true if the device is in an IOMMU group
 * @pool: true if the device has bounce buffers
 * @forced: true if all transfers of the device bounce
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
