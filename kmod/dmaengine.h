/* SPDX-License-Identifier: GPL-2.0 */
/* The dmaengine provider offers a device's channels to clients of dmaengine. */
#ifndef DMALOOP_DMAENGINE_H
#define DMALOOP_DMAENGINE_H

#include <linux/types.h>

struct device;

int dmaloop_dmaengine_attach(struct device *dev, bool public);
void dmaloop_dmaengine_detach(struct device *dev);

#endif
