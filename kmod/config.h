/* SPDX-License-Identifier: GPL-2.0 */
/* The configfs interface: each directory /sys/kernel/config/dmaloop/NAME is one device. */
#ifndef DMALOOP_CONFIG_H
#define DMALOOP_CONFIG_H

#include "device.h"

int dmaloop_configfs_register(void);
void dmaloop_configfs_unregister(void);
int dmaloop_with_device(const char *name, int (*use)(struct platform_device *pdev, void *data),
			void *data);

#endif
