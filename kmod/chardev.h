/* SPDX-License-Identifier: GPL-2.0 */
/* /dev/dmaloopN: memory behind the device, transferred by DMA from and to user pages. */
#ifndef DMALOOP_CHARDEV_H
#define DMALOOP_CHARDEV_H

#include <linux/types.h>

struct device;

int dmaloop_chardev_attach(struct device *dev, u32 memory);
void dmaloop_chardev_detach(struct device *dev);

#endif
