/* SPDX-License-Identifier: GPL-2.0 */
/* Engine devices: creating one from a configuration, and destroying it. */
#ifndef DMALOOP_DEVICE_H
#define DMALOOP_DEVICE_H

#include <linux/platform_device.h>

#include "engine.h"

/**
 * enum dmaloop_client - who drives the channels
 * @CLIENT_SCENARIO: scenarios, through the ioctls of /dev/dmaloop
 * @CLIENT_DMAENGINE: dmaengine clients that request a channel
 * @CLIENT_ASYNC_TX: any user of dmaengine's public channels, such as async_tx
 * @CLIENT_CHARDEV: the character device /dev/dmaloopN
 */
enum dmaloop_client {
	CLIENT_SCENARIO,
	CLIENT_DMAENGINE,
	CLIENT_ASYNC_TX,
	CLIENT_CHARDEV,
	NR_CLIENTS,
};

/**
 * struct dmaloop_config - the configuration of a device
 * @coherency: how the device sees memory
 * @caches: the caches, for COHERENCY_NONCOHERENT
 * @iommu: which accesses outside of the mappings are stopped
 * @dma_bits: width of its DMA mask, 24 to 64
 * @client: who drives the channels
 * @channels: number of channels, 1 to BUS_CHANNELS_MAX
 * @cpu_load: the CPU's demand for the bus, in permille
 * @mode: how the channels share the bus
 * @priorities: the channels' priorities; higher goes first
 * @coalesce_count: completions per interrupt; see engine_channel_coalesce()
 * @coalesce_usecs: longest delay of an interrupt, in microseconds
 * @memory: size of the memory of /dev/dmaloopN, in MiB
 */
struct dmaloop_config {
	enum dmaloop_coherency coherency;
	struct shadow_config caches;
	enum dmaloop_iommu iommu;
	u32 dma_bits;
	enum dmaloop_client client;
	u32 channels;
	u32 cpu_load;
	enum transfer_mode mode;
	u8 priorities[BUS_CHANNELS_MAX];
	u32 coalesce_count;
	u32 coalesce_usecs;
	u32 memory;
};

#define DMALOOP_MEMORY_MAX 512u

extern const struct dmaloop_config dmaloop_config_default;

/* For work that must be done before the module is unloaded. */
extern struct workqueue_struct *dmaloop_queue;

int dmaloop_driver_register(void);
void dmaloop_driver_unregister(void);
struct platform_device *dmaloop_device_create(const struct dmaloop_config *config);
void dmaloop_device_destroy(struct platform_device *pdev);
int dmaloop_device_destroy_idle(struct platform_device *pdev);
bool dmaloop_device_use(struct device *dev);
void dmaloop_device_unuse(struct device *dev);
int dmaloop_device_tune(struct engine *engine, const struct dmaloop_config *config);
struct engine *dmaloop_device_engine(struct platform_device *pdev);

#endif
