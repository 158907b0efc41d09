/* SPDX-License-Identifier: GPL-2.0 */
/* Engine devices: making one from a configuration, and taking it away. */
#ifndef DMALOOP_DEVICE_H
#define DMALOOP_DEVICE_H

#include <linux/platform_device.h>

#include "engine.h"

/**
 * struct dmaloop_config - how a device is built
 * @coherency: how it sees memory
 * @caches: for COHERENCY_NONCOHERENT
 * @dma_bits: width of its DMA mask, 24 to 64
 */
struct dmaloop_config {
	enum dmaloop_coherency coherency;
	struct shadow_config caches;
	unsigned int dma_bits;
};

extern const struct dmaloop_config dmaloop_config_default;

int dmaloop_driver_register(void);
void dmaloop_driver_unregister(void);
struct platform_device *dmaloop_device_create(const struct dmaloop_config *config);
void dmaloop_device_destroy(struct platform_device *pdev);
struct engine *dmaloop_device_engine(struct platform_device *pdev);

#endif
