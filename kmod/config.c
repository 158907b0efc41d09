// SPDX-License-Identifier: GPL-2.0
/*
 * configfs: make a directory in /sys/kernel/config/dmaloop, set its attributes,
 * write 1 to `live`, and the device exists; write 0, or remove the directory,
 * and it is gone. Attributes of a live device are read-only (EBUSY).
 *
 * control.c borrows a live device by name for one operation at a time.
 */
#include <linux/configfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "config.h"

/**
 * struct config_dir - one directory
 * @group: configfs's
 * @lock: held while the device is made, used or taken away
 * @config: what the attributes say
 * @pdev: the device while live, else NULL
 */
struct config_dir {
	struct config_group group;
	struct mutex lock;
	struct dmaloop_config config;
	struct platform_device *pdev;
};

static struct config_dir *to_dir(struct config_item *item)
{
	return container_of(to_config_group(item), struct config_dir, group);
}

static const char *const coherency_names[] = {
	[COHERENCY_COHERENT] = "coherent",
	[COHERENCY_NONCOHERENT] = "noncoherent",
	[COHERENCY_BOUNCE] = "bounce",
};

static ssize_t config_coherency_show(struct config_item *item, char *page)
{
	struct config_dir *dir = to_dir(item);

	guard(mutex)(&dir->lock);
	return sysfs_emit(page, "%s\n", coherency_names[dir->config.coherency]);
}

static ssize_t config_coherency_store(struct config_item *item, const char *page, size_t count)
{
	int value = sysfs_match_string(coherency_names, page);
	struct config_dir *dir = to_dir(item);

	guard(mutex)(&dir->lock);
	if (dir->pdev)
		return -EBUSY;
	if (value < 0)
		return value;
	dir->config.coherency = value;
	return count;
}

static ssize_t config_arch_show(struct config_item *item, char *page)
{
	struct config_dir *dir = to_dir(item);

	guard(mutex)(&dir->lock);
	return sysfs_emit(page, "%s\n", dir->config.caches.arch->name);
}

static ssize_t config_arch_store(struct config_item *item, const char *page, size_t count)
{
	struct config_dir *dir = to_dir(item);
	unsigned int i;

	guard(mutex)(&dir->lock);
	if (dir->pdev)
		return -EBUSY;
	for (i = 0; i < nr_handover_archs; i++) {
		if (sysfs_streq(page, handover_archs[i].name)) {
			dir->config.caches.arch = &handover_archs[i];
			return count;
		}
	}
	return -EINVAL;
}

static ssize_t config_line_size_show(struct config_item *item, char *page)
{
	struct config_dir *dir = to_dir(item);

	guard(mutex)(&dir->lock);
	return sysfs_emit(page, "%u\n", dir->config.caches.line_size);
}

static ssize_t config_line_size_store(struct config_item *item, const char *page, size_t count)
{
	struct config_dir *dir = to_dir(item);
	u32 value;
	int err = kstrtou32(page, 0, &value);

	guard(mutex)(&dir->lock);
	if (dir->pdev)
		return -EBUSY;
	if (err)
		return err;
	if (!cache_line_size_valid(value))
		return -EINVAL;
	dir->config.caches.line_size = value;
	return count;
}

/* none | eager | random:SEED:RATE, the rate in permille of lines per access */
static ssize_t config_evict_show(struct config_item *item, char *page)
{
	struct config_dir *dir = to_dir(item);
	struct shadow_config *caches = &dir->config.caches;

	guard(mutex)(&dir->lock);
	switch (caches->evict) {
	case EVICT_NONE:
		return sysfs_emit(page, "none\n");
	case EVICT_EAGER:
		return sysfs_emit(page, "eager\n");
	case EVICT_RANDOM:
		return sysfs_emit(page, "random:%u:%u\n", caches->evict_seed,
				  caches->evict_permille);
	}
	return -EINVAL;
}

static ssize_t config_evict_store(struct config_item *item, const char *page, size_t count)
{
	struct config_dir *dir = to_dir(item);
	struct shadow_config *caches = &dir->config.caches;
	u32 seed, permille;

	guard(mutex)(&dir->lock);
	if (dir->pdev)
		return -EBUSY;
	if (sysfs_streq(page, "none")) {
		caches->evict = EVICT_NONE;
	} else if (sysfs_streq(page, "eager")) {
		caches->evict = EVICT_EAGER;
	} else if (sscanf(page, "random:%u:%u", &seed, &permille) == 2 && permille <= 1000) {
		caches->evict = EVICT_RANDOM;
		caches->evict_seed = seed;
		caches->evict_permille = permille;
	} else {
		return -EINVAL;
	}
	return count;
}

static ssize_t config_prefetch_show(struct config_item *item, char *page)
{
	struct config_dir *dir = to_dir(item);

	guard(mutex)(&dir->lock);
	return sysfs_emit(page, "%d\n", dir->config.caches.prefetch);
}

static ssize_t config_prefetch_store(struct config_item *item, const char *page, size_t count)
{
	struct config_dir *dir = to_dir(item);
	bool value;
	int err = kstrtobool(page, &value);

	guard(mutex)(&dir->lock);
	if (dir->pdev)
		return -EBUSY;
	if (err)
		return err;
	dir->config.caches.prefetch = value;
	return count;
}

static ssize_t config_neighbours_show(struct config_item *item, char *page)
{
	struct config_dir *dir = to_dir(item);

	guard(mutex)(&dir->lock);
	return sysfs_emit(page, "%s\n", dir->config.caches.unsafe ? "unsafe" : "safe");
}

static ssize_t config_neighbours_store(struct config_item *item, const char *page, size_t count)
{
	struct config_dir *dir = to_dir(item);
	bool unsafe = sysfs_streq(page, "unsafe");

	guard(mutex)(&dir->lock);
	if (dir->pdev)
		return -EBUSY;
	if (!unsafe && !sysfs_streq(page, "safe"))
		return -EINVAL;
	dir->config.caches.unsafe = unsafe;
	return count;
}

static ssize_t config_dma_bits_show(struct config_item *item, char *page)
{
	struct config_dir *dir = to_dir(item);

	guard(mutex)(&dir->lock);
	return sysfs_emit(page, "%u\n", dir->config.dma_bits);
}

static ssize_t config_dma_bits_store(struct config_item *item, const char *page, size_t count)
{
	struct config_dir *dir = to_dir(item);
	u32 value;
	int err = kstrtou32(page, 0, &value);

	guard(mutex)(&dir->lock);
	if (dir->pdev)
		return -EBUSY;
	if (err)
		return err;
	if (value < 24 || value > 64)
		return -EINVAL;
	dir->config.dma_bits = value;
	return count;
}

static ssize_t config_device_show(struct config_item *item, char *page)
{
	struct config_dir *dir = to_dir(item);

	guard(mutex)(&dir->lock);
	return sysfs_emit(page, "%s\n", dir->pdev ? dev_name(&dir->pdev->dev) : "");
}

static ssize_t config_live_show(struct config_item *item, char *page)
{
	struct config_dir *dir = to_dir(item);

	guard(mutex)(&dir->lock);
	return sysfs_emit(page, "%d\n", dir->pdev ? 1 : 0);
}

static void stop_device(struct config_dir *dir)
{
	lockdep_assert_held(&dir->lock);
	if (dir->pdev)
		dmaloop_device_destroy(dir->pdev);
	dir->pdev = NULL;
}

static ssize_t config_live_store(struct config_item *item, const char *page, size_t count)
{
	struct config_dir *dir = to_dir(item);
	struct platform_device *pdev;
	bool live;
	int err = kstrtobool(page, &live);

	if (err)
		return err;
	guard(mutex)(&dir->lock);
	if (!live) {
		stop_device(dir);
		return count;
	}
	if (dir->pdev)
		return count;
	pdev = dmaloop_device_create(&dir->config);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	dir->pdev = pdev;
	return count;
}

CONFIGFS_ATTR(config_, coherency);
CONFIGFS_ATTR(config_, arch);
CONFIGFS_ATTR(config_, line_size);
CONFIGFS_ATTR(config_, evict);
CONFIGFS_ATTR(config_, prefetch);
CONFIGFS_ATTR(config_, neighbours);
CONFIGFS_ATTR(config_, dma_bits);
CONFIGFS_ATTR_RO(config_, device);
CONFIGFS_ATTR(config_, live);

static struct configfs_attribute *config_attrs[] = {
	&config_attr_coherency, &config_attr_arch,
	&config_attr_line_size, &config_attr_evict,
	&config_attr_prefetch,	&config_attr_neighbours,
	&config_attr_dma_bits,	&config_attr_device,
	&config_attr_live,	NULL
};

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
 * Return: what @use returned; -ENOENT: no such directory; -ENODEV: not live.
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
	scoped_guard(mutex, &dir->lock) err = dir->pdev ? use(dir->pdev, data) : -ENODEV;
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
