/* SPDX-License-Identifier: GPL-2.0 */
/* A device's view of memory: our own dma_map_ops, or the kernel's. */
#ifndef DMALOOP_DMA_OPS_H
#define DMALOOP_DMA_OPS_H

#include "mapping.h"

int dmaloop_dma_install(struct device *dev, struct mapping_space *space, u64 mask);
void dmaloop_dma_uninstall(struct device *dev);

int dmaloop_plain_install(struct mapping_space *space);
void dmaloop_plain_uninstall(struct mapping_space *space);

#endif
