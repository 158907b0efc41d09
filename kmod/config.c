// SPDX-License-Identifier: GPL-2.0
/*
 * configfs: a directory in /sys/kernel/config/dmaloop is a device to be. Write 1 to its `live`, and
 * the device exists. Write 0, or remove the directory, and it is gone. A device that a dmaengine
 * client or a file has open cannot be switched off; after rmdir it goes with its last user.
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

/* rmdir: whoever borrowed the device has to finish first. */
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
 * @name: of its configfs directory
 * @use: called with the device, which stays alive and is nobody else's meanwhile
 * @data: for @use
 *
 * Context: may sleep.
 * Return: what @use returned; -ENOENT: no such directory; -ENODEV: not live;
 * -EBUSY: another client has it.
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
 * dmaloop_configfs_register - at module load
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
 * dmaloop_configfs_unregister - at module unload; no directory exists by then
 */
void dmaloop_configfs_unregister(void)
{
	configfs_unregister_subsystem(&config_subsystem);
	mutex_destroy(&config_subsystem.su_mutex);
}
