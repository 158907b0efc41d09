// SPDX-License-Identifier: GPL-2.0
/*
 * The configfs interface. A directory in /sys/kernel/config/dmaloop configures one device. Writing
 * 1 to its `live` attribute creates the device; writing 0 or removing the directory destroys it. A
 * device that a dmaengine client or a file has open cannot be switched off. After rmdir such a
 * device goes with its last user.
 *
 * control.c borrows a live device by name for one operation at a time.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "config.h"
#include "config_dir.h"

static void config_release(struct config_item *item)
{
	struct config_dir *dir = to_dir(item);

	mutex_destroy(&dir->lock);
	kfree(dir);
}

static struct configfs_item_operations config_item_ops = {
	.release = config_release,
};

static const struct config_item_type config_dir_type = {
	.ct_item_ops = &config_item_ops,
	.ct_attrs = config_attrs,
	.ct_owner = THIS_MODULE,
};

static struct config_group *config_make_group(struct config_group *parent, const char *name)
{
	struct config_dir *dir = kzalloc(sizeof(*dir), GFP_KERNEL);

	if (!dir)
		return ERR_PTR(-ENOMEM);
	mutex_init(&dir->lock);
	dir->config = dmaloop_config_default;
	config_group_init_type_name(&dir->group, name, &config_dir_type);
	return &dir->group;
}

static void stop_device(struct config_dir *dir)
{
	lockdep_assert_held(&dir->lock);
	if (dir->pdev)
		dmaloop_device_destroy(dir->pdev);
	dir->pdev = NULL;
}

/* rmdir: the lock waits for a borrower of the device to finish. */
static void config_drop_item(struct config_group *parent, struct config_item *item)
{
	struct config_dir *dir = to_dir(item);

	scoped_guard(mutex, &dir->lock) stop_device(dir);
	config_item_put(item);
}

static struct configfs_group_operations config_group_ops = {
	.make_group = config_make_group,
	.drop_item = config_drop_item,
};

static const struct config_item_type config_root_type = {
	.ct_group_ops = &config_group_ops,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem config_subsystem = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = "dmaloop",
			.ci_type = &config_root_type,
		},
	},
};

/**
 * dmaloop_with_device - borrow a live device
 * @name: name of its configfs directory
 * @use: called with the device, which stays alive and has no other user during the call
 * @data: argument for @use
 *
 * Context: may sleep.
 * Return: the result of @use, -ENOENT if there is no such directory, -ENODEV if the device is not
 * live, or -EBUSY if another client has the device.
 */
int dmaloop_with_device(const char *name, int (*use)(struct platform_device *pdev, void *data),
			void *data)
{
	struct config_item *item;
	struct config_dir *dir;
	int err;

	mutex_lock(&config_subsystem.su_mutex);
	item = config_group_find_item(&config_subsystem.su_group, name);
	mutex_unlock(&config_subsystem.su_mutex);
	if (!item)
		return -ENOENT;

	dir = to_dir(item);
	scoped_guard(mutex, &dir->lock)
	{
		err = -ENODEV;
		if (dir->pdev)
			err = dir->config.client == CLIENT_SCENARIO ? use(dir->pdev, data) : -EBUSY;
	}
	config_item_put(item);
	return err;
}

/**
 * dmaloop_configfs_register - register the configfs subsystem, at module load
 *
 * Return: 0 or a negative errno.
 */
int dmaloop_configfs_register(void)
{
	config_group_init(&config_subsystem.su_group);
	mutex_init(&config_subsystem.su_mutex);
	return configfs_register_subsystem(&config_subsystem);
}

/**
 * dmaloop_configfs_unregister - undo dmaloop_configfs_register(), at module unload
 *
 * No directory exists by then.
 */
void dmaloop_configfs_unregister(void)
{
	configfs_unregister_subsystem(&config_subsystem);
	mutex_destroy(&config_subsystem.su_mutex);
}
