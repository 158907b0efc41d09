// SPDX-License-Identifier: GPL-2.0
/*
 * The attributes of a directory in /sys/kernel/config/dmaloop. On a live device, only the sharing
 * of the bus and the coalescing of interrupts can be changed. A store to any other attribute fails
 * with EBUSY.
 */
#include <linux/slab.h>

#include "config_dir.h"

/*
 * Each attribute has a show function, which prints one field, and a store function, which parses
 * it. The macros below make the simple ones.
 */
static ssize_t store_u32(struct config_dir *dir, const char *page, size_t count, u32 *field,
			 u32 min, u32 max)
{
	u32 value;
	int err = kstrtou32(page, 0, &value);

	guard(mutex)(&dir->lock);
	if (dir->pdev)
		return -EBUSY;
	if (err)
		return err;
	if (value < min || value > max)
		return -EINVAL;
	*field = value;
	return count;
}

/* clang-format off */
#define CONFIG_U32(name, field, min, max)                                                \
	static ssize_t config_##name##_show(struct config_item *item, char *page)        \
	{                                                                                \
		struct config_dir *dir = to_dir(item);                                   \
											 \
		guard(mutex)(&dir->lock);                                                \
		return sysfs_emit(page, "%u\n", dir->config.field);                      \
	}                                                                                \
	static ssize_t config_##name##_store(struct config_item *item, const char *page, \
					     size_t count)                               \
	{                                                                                \
		struct config_dir *dir = to_dir(item);                                   \
											 \
		return store_u32(dir, page, count, &dir->config.field, min, max);        \
	}                                                                                \
	CONFIGFS_ATTR(config_, name)

#define CONFIG_ENUM(name, field, names)                                                  \
	static ssize_t config_##name##_show(struct config_item *item, char *page)        \
	{                                                                                \
		struct config_dir *dir = to_dir(item);                                   \
											 \
		guard(mutex)(&dir->lock);                                                \
		return sysfs_emit(page, "%s\n", names[dir->config.field]);               \
	}                                                                                \
	static ssize_t config_##name##_store(struct config_item *item, const char *page, \
					     size_t count)                               \
	{                                                                                \
		struct config_dir *dir = to_dir(item);                                   \
		int value = sysfs_match_string(names, page);                             \
											 \
		guard(mutex)(&dir->lock);                                                \
		if (dir->pdev)                                                           \
			return -EBUSY;                                                   \
		if (value < 0)                                                           \
			return value;                                                    \
		dir->config.field = value;                                               \
		return count;                                                            \
	}                                                                                \
	CONFIGFS_ATTR(config_, name)

/* clang-format on */

static const char *const coherency_names[] = {
	[COHERENCY_COHERENT] = "coherent",
	[COHERENCY_NONCOHERENT] = "noncoherent",
	[COHERENCY_BOUNCE] = "bounce",
	[COHERENCY_NATIVE] = "native",
};

static const char *const iommu_names[] = {
	[IOMMU_EXACT] = "exact",
	[IOMMU_PAGE] = "page",
};

static const char *const maintenance_names[] = {
	[MAINTENANCE_ARCH] = "arch",
	[MAINTENANCE_NONE] = "none",
	[MAINTENANCE_NOT_FOR_DEVICE] = "not-for-device",
	[MAINTENANCE_NOT_FOR_CPU] = "not-for-cpu",
	[MAINTENANCE_ALWAYS] = "always",
};

static const char *const neighbours_names[] = { "safe", "unsafe" };

static const char *const prefetch_names[] = { "0", "1" };

static const char *const client_names[] = {
	[CLIENT_SCENARIO] = "scenario",
	[CLIENT_DMAENGINE] = "dmaengine",
	[CLIENT_ASYNC_TX] = "async_tx",
	[CLIENT_CHARDEV] = "chardev",
};

CONFIG_ENUM(coherency, coherency, coherency_names);

CONFIG_ENUM(iommu, iommu, iommu_names);

CONFIG_ENUM(maintenance, caches.maintenance, maintenance_names);

CONFIG_ENUM(neighbours, caches.unsafe, neighbours_names);

CONFIG_ENUM(prefetch, caches.prefetch, prefetch_names);

CONFIG_ENUM(client, client, client_names);

CONFIG_U32(dma_bits, dma_bits, 24, 64);

CONFIG_U32(channels, channels, 1, BUS_CHANNELS_MAX);

CONFIG_U32(memory, memory, 1, DMALOOP_MEMORY_MAX);

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

	if (err)
		return err;
	if (!cache_line_size_valid(value))
		return -EINVAL;
	return store_u32(dir, page, count, &dir->config.caches.line_size, 0, U32_MAX);
}

/* none | eager | random:SEED:RATE, with the rate in permille of lines per access */
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

/*
 * Change attributes that a live device can change: apply a changed copy to the device, and keep it
 * if the device accepted it.
 */
static int tune(struct config_dir *dir, const struct dmaloop_config *config)
{
	int err;

	lockdep_assert_held(&dir->lock);
	err = dir->pdev ? dmaloop_device_tune(dmaloop_device_engine(dir->pdev), config) : 0;
	if (!err)
		dir->config = *config;
	return err;
}

static const char *const mode_names[] = {
	[TRANSFER_BURST] = "burst",
	[TRANSFER_CYCLE_STEALING] = "cycle-stealing",
	[TRANSFER_TRANSPARENT] = "transparent",
};

static ssize_t config_transfer_mode_show(struct config_item *item, char *page)
{
	struct config_dir *dir = to_dir(item);

	guard(mutex)(&dir->lock);
	return sysfs_emit(page, "%s\n", mode_names[dir->config.mode]);
}

static ssize_t config_transfer_mode_store(struct config_item *item, const char *page, size_t count)
{
	struct config_dir *dir = to_dir(item);
	int value = sysfs_match_string(mode_names, page);
	struct dmaloop_config config;

	if (value < 0)
		return value;
	guard(mutex)(&dir->lock);
	config = dir->config;
	config.mode = value;
	return tune(dir, &config) ?: count;
}

static ssize_t config_cpu_load_show(struct config_item *item, char *page)
{
	struct config_dir *dir = to_dir(item);

	guard(mutex)(&dir->lock);
	return sysfs_emit(page, "%u\n", dir->config.cpu_load);
}

static ssize_t config_cpu_load_store(struct config_item *item, const char *page, size_t count)
{
	struct config_dir *dir = to_dir(item);
	struct dmaloop_config config;
	u32 value;
	int err = kstrtou32(page, 0, &value);

	if (err)
		return err;
	if (value > 1000)
		return -EINVAL;
	guard(mutex)(&dir->lock);
	config = dir->config;
	config.cpu_load = value;
	return tune(dir, &config) ?: count;
}

/* COUNT or COUNT:USECS */
static ssize_t config_coalesce_show(struct config_item *item, char *page)
{
	struct config_dir *dir = to_dir(item);

	guard(mutex)(&dir->lock);
	return sysfs_emit(page, "%u:%u\n", dir->config.coalesce_count, dir->config.coalesce_usecs);
}

static ssize_t config_coalesce_store(struct config_item *item, const char *page, size_t count)
{
	struct config_dir *dir = to_dir(item);
	struct dmaloop_config config;
	u32 completions, usecs = 0;

	if (sscanf(page, "%u:%u", &completions, &usecs) < 1 ||
	    !engine_coalesce_valid(completions, usecs))
		return -EINVAL;
	guard(mutex)(&dir->lock);
	config = dir->config;
	config.coalesce_count = completions;
	config.coalesce_usecs = usecs;
	return tune(dir, &config) ?: count;
}

/* One number per channel, separated by commas. The priorities of channels without one are 0. */
static ssize_t config_priorities_show(struct config_item *item, char *page)
{
	struct config_dir *dir = to_dir(item);
	ssize_t length = 0;
	u32 i;

	guard(mutex)(&dir->lock);
	for (i = 0; i < dir->config.channels; i++)
		length += sysfs_emit_at(page, length, "%s%u", i ? "," : "",
					dir->config.priorities[i]);
	return length + sysfs_emit_at(page, length, "\n");
}

static ssize_t config_priorities_store(struct config_item *item, const char *page, size_t count)
{
	char *copy __free(kfree) = kstrndup(page, count, GFP_KERNEL);
	struct config_dir *dir = to_dir(item);
	struct dmaloop_config config;
	char *rest = copy, *word;
	u32 i = 0;

	if (!copy)
		return -ENOMEM;
	guard(mutex)(&dir->lock);
	config = dir->config;
	memset(config.priorities, 0, sizeof(config.priorities));
	while ((word = strsep(&rest, ","))) {
		int err;

		if (i == config.channels)
			return -EINVAL;
		err = kstrtou8(strim(word), 0, &config.priorities[i++]);
		if (err)
			return err;
	}
	return tune(dir, &config) ?: count;
}

/* The statistics of a live device. */
static ssize_t config_statistics_show(struct config_item *item, char *page)
{
	struct config_dir *dir = to_dir(item);
	struct engine *engine;
	ssize_t length;
	u32 i;

	guard(mutex)(&dir->lock);
	if (!dir->pdev)
		return -ENODEV;
	engine = dmaloop_device_engine(dir->pdev);
	guard(spinlock_irq)(&engine->lock);
	length = sysfs_emit(page, "bus cycles=%llu cpu=%llu cpu_waited=%llu idle=%llu\n",
			    engine->bus.cycle, engine->bus.cpu_cycles, engine->bus.cpu_waited,
			    engine->bus.idle);
	for (i = 0; i < engine->nr_channels; i++) {
		struct engine_channel *channel = &engine->channels[i];
		struct bus_port *port = &engine->bus.ports[i];

		length += sysfs_emit_at(
			page, length,
			"channel %u descriptors=%llu bytes=%llu irqs=%llu cycles=%llu waited=%llu longest=%llu\n",
			i, channel->descriptors, channel->bytes, channel->irqs, port->cycles,
			port->waited, port->longest);
	}
	return length;
}

/* The last recorded faults, and how many bytes the device could reach without a mapping. */
static ssize_t config_faults_show(struct config_item *item, char *page)
{
	struct config_dir *dir = to_dir(item);
	struct mapping_space *space;
	ssize_t length;
	u32 i, nr;

	guard(mutex)(&dir->lock);
	if (!dir->pdev)
		return -ENODEV;
	space = &dmaloop_device_engine(dir->pdev)->space;
	length = sysfs_emit(page, "mappings=%u exposed_now=%llu exposed_accesses=%llu faults=%u\n",
			    space->live, mapping_exposure(space), space->exposed, space->faults);
	guard(spinlock_irq)(&space->lock);
	nr = min(space->nr_records, FAULT_RECORDS);
	for (i = 0; i < nr; i++) {
		struct fault_record *record =
			&space->records[(space->nr_records - nr + i) % FAULT_RECORDS];

		length += sysfs_emit_at(page, length, "%llu %s %s dma_addr=%#llx size=%llu: %s\n",
					record->time, dev_name(space->dev),
					record->write ? "write" : "read", record->bus, record->size,
					fault_reason_names[record->reason]);
	}
	return length;
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
		err = dir->pdev ? dmaloop_device_destroy_idle(dir->pdev) : 0;
		if (err)
			return err;
		dir->pdev = NULL;
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

CONFIGFS_ATTR(config_, arch);

CONFIGFS_ATTR(config_, line_size);

CONFIGFS_ATTR(config_, evict);

CONFIGFS_ATTR(config_, transfer_mode);

CONFIGFS_ATTR(config_, cpu_load);

CONFIGFS_ATTR(config_, coalesce);

CONFIGFS_ATTR(config_, priorities);

CONFIGFS_ATTR_RO(config_, statistics);

CONFIGFS_ATTR_RO(config_, faults);

CONFIGFS_ATTR_RO(config_, device);

CONFIGFS_ATTR(config_, live);

/* clang-format off */
struct configfs_attribute *config_attrs[] = {
	&config_attr_coherency,
	&config_attr_arch,
	&config_attr_maintenance,
	&config_attr_line_size,
	&config_attr_evict,
	&config_attr_prefetch,
	&config_attr_neighbours,
	&config_attr_iommu,
	&config_attr_dma_bits,
	&config_attr_client,
	&config_attr_channels,
	&config_attr_memory,
	&config_attr_transfer_mode,
	&config_attr_cpu_load,
	&config_attr_coalesce,
	&config_attr_priorities,
	&config_attr_statistics,
	&config_attr_faults,
	&config_attr_device,
	&config_attr_live,
	NULL
};

/* clang-format on */
