/* SPDX-License-Identifier: GPL-2.0 */
/* One directory in /sys/kernel/config/dmaloop. */
#ifndef DMALOOP_CONFIG_DIR_H
#define DMALOOP_CONFIG_DIR_H

#include <linux/configfs.h>
#include <linux/mutex.h>

#include "device.h"

/**
 * struct config_dir - one directory
 * @group: the configfs group
 * @lock: held while the device is created, used or destroyed
 * @config: the configuration that the attributes describe
 * @pdev: the device while it is live, otherwise NULL
 */
struct config_dir {
	struct config_group group;
	struct mutex lock;
	struct dmaloop_config config;
	struct platform_device *pdev;
};

static inline struct config_dir *to_dir(struct config_item *item)
{
	return container_of(to_config_group(item), struct config_dir, group);
}

extern struct configfs_attribute *config_attrs[];

#endif
