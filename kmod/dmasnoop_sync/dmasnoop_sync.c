// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the syncs of coherent devices visible to tracers.
 *
 * Since Linux 6.10 the inline dma_sync_*() functions first test the device's dma_skip_sync flag, so
 * that a sync of a coherent device reaches nothing that can be traced. While this module is loaded,
 * the flag of chosen devices is off. The module does not depend on dmaloop or dmasnoop; dmasnoop
 * only reads its parameters.
 *
 * Turning the flag off is safe at any time, even with requests in flight. The kernel does the same
 * when it first bounces a buffer of a device (swiotlb_tbl_map_single() calls
 * dma_reset_need_sync()), so every driver copes with it. It costs one function call per sync, which
 * does nothing for buffers that are not bounced.
 *
 * Turning the flag on again is not safe. The kernel never does that to a device in use, but only in
 * dma_set_mask(), which drivers call in their probe.
 *
 * - A bounced buffer must be synced. While the flag is off, the kernel's own reset leaves no trace.
 *   The question is therefore not whether the device has bounced a buffer, but whether it can. A
 *   device that reaches all memory, is trusted and is not forced to bounce has no bounced buffer,
 *   now or later.
 * - Since 6.16 drivers call dma_need_unmap(), which depends on the same flag. nvme calls it when it
 *   maps a request and again when it unmaps it. A change from off to on in between would leak the
 *   request's list of mappings, and another change to off would free a list twice. On such kernels
 *   the flag stays off while the driver is bound; the next dma_set_mask() decides.
 *
 * A device that loses its driver is forgotten and its flag is not restored: that is up to the
 * dma_set_mask() of its next driver. A driver that calls dma_set_mask() outside its probe turns the
 * flag on without this module's knowledge; `changed` then leaves that device out.
 *
 * A driver that remembers an earlier result of dma_need_sync() stays unseen until it asks again:
 * virtio_net for its receive pages, sound for its non-contiguous buffers and SMC for its buffers
 * ask once per allocation. Since 6.10 page_pool and AF_XDP pools ask at every sync, so pools made
 * earlier are seen.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-map-ops.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>

static char *devices[64];
static unsigned int nr_devices;
module_param_array(devices, charp, &nr_devices, 0444);
MODULE_PARM_DESC(devices, "these PCI and platform devices, by name (default: all)");

static char *drivers[64];
static unsigned int nr_drivers;
module_param_array(drivers, charp, &nr_drivers, 0444);
MODULE_PARM_DESC(drivers, "devices of these drivers, bound now or later");

#ifdef CONFIG_DMA_NEED_SYNC

/* A table, so that other buses can be added once they export their bus_type. */
static struct {
	const struct bus_type *type;
	struct notifier_block notifier;
} buses[] = {
	{ .type = &pci_bus_type },
	{ .type = &platform_bus_type },
};

/**
 * struct changed_device - a bound device whose flag was on
 * @entry: entry in changed_devices, protected by lock
 * @dev: the device; the reference is dropped when the driver is unbound, so that no device outlives
 *	the module that releases it
 */
struct changed_device {
	struct list_head entry;
	struct device *dev;
};

/* Nests inside device_lock(), which keeps the driver bound. */
static DEFINE_MUTEX(lock);
static LIST_HEAD(changed_devices);
static bool unloading;

static bool skips_syncs(struct device *dev)
{
#ifdef HAVE_DEV_FLAG_DMA_SKIP_SYNC
	return dev_dma_skip_sync(dev);
#else
	return dev->dma_skip_sync;
#endif
}

static bool named(const char *name, char **names, unsigned int nr)
{
	while (nr--)
		if (!strcmp(name, names[nr]))
			return true;
	return false;
}

static bool chosen(struct device *dev)
{
	return (!nr_devices && !nr_drivers) || named(dev_name(dev), devices, nr_devices) ||
	       named(dev->driver->name, drivers, nr_drivers);
}

static struct changed_device *find(struct device *dev)
{
	struct changed_device *changed;

	list_for_each_entry(changed, &changed_devices, entry)
		if (changed->dev == dev)
			return changed;
	return NULL;
}

static void forget(struct changed_device *changed)
{
	list_del(&changed->entry);
	put_device(changed->dev);
	kfree(changed);
}

/* Called with the device locked. */
static int change(struct device *dev)
{
	struct changed_device *changed;

	if (!dev->driver || !chosen(dev) || !skips_syncs(dev))
		return 0;
	guard(mutex)(&lock);
	if (unloading)
		return 0;
	if (!find(dev)) {
		changed = kmalloc(sizeof(*changed), GFP_KERNEL);
		if (!changed)
			return -ENOMEM;
		changed->dev = get_device(dev);
		list_add_tail(&changed->entry, &changed_devices);
	}
	dma_reset_need_sync(dev);
	pr_info("%s: its syncs can be seen\n", dev_name(dev));
	return 0;
}

static int change_existing(struct device *dev, void *unused)
{
	int err;

	device_lock(dev);
	err = change(dev);
	device_unlock(dev);
	return err;
}

/* The driver core calls this with the device locked, both after binding and after unbinding. */
static int notify(struct notifier_block *notifier, unsigned long event, void *data)
{
	struct device *dev = data;
	struct changed_device *changed;

	if (event == BUS_NOTIFY_BOUND_DRIVER && change(dev))
		pr_warn("%s: out of memory, its syncs stay unseen\n", dev_name(dev));
	if (event == BUS_NOTIFY_UNBOUND_DRIVER) {
		guard(mutex)(&lock);
		changed = find(dev);
		if (changed)
			forget(changed);
	}
	return NOTIFY_DONE;
}

/* Called with the device locked. The comment at the top of this file gives the reasons. */
static const char *turn_on(struct device *dev)
{
#ifdef HAVE_DMA_NEED_UNMAP
	return "its driver may have asked dma_need_unmap()";
#else
	if (is_swiotlb_force_bounce(dev) || dma_addressing_limited(dev) ||
	    (dev_is_pci(dev) && to_pci_dev(dev)->untrusted))
		return "its buffers may bounce";
	dev->dma_skip_sync = true;
	return NULL;
#endif
}

static void put_back(struct device *dev)
{
	struct changed_device *changed;
	const char *why_not;

	guard(mutex)(&lock);
	changed = find(dev);
	if (!changed)
		return; /* unbound in the meantime */
	why_not = skips_syncs(dev) ? NULL : turn_on(dev);
	if (why_not)
		pr_info("%s: syncs stay on until it is bound anew: %s\n", dev_name(dev), why_not);
	forget(changed);
}

static struct device *first_changed(void)
{
	struct changed_device *changed;

	guard(mutex)(&lock);
	unloading = true;
	changed = list_first_entry_or_null(&changed_devices, struct changed_device, entry);
	return changed ? get_device(changed->dev) : NULL;
}

/* The notifiers go last: until then they remove devices that lose their driver from the list. */
static void stop(void)
{
	struct device *dev;
	int i;

	while ((dev = first_changed())) {
		device_lock(dev);
		put_back(dev);
		device_unlock(dev);
		put_device(dev);
	}
	for (i = 0; i < ARRAY_SIZE(buses); i++)
		bus_unregister_notifier(buses[i].type, &buses[i].notifier);
}

static int changed_get(char *buffer, const struct kernel_param *param)
{
	struct changed_device *changed;
	int length = 0;

	guard(mutex)(&lock);
	list_for_each_entry(changed, &changed_devices, entry) {
		if (skips_syncs(changed->dev))
			continue;
		if (length + strlen(dev_name(changed->dev)) + sizeof("\n...\n") > PAGE_SIZE)
			return length + sysfs_emit_at(buffer, length, "...\n");
		length += sysfs_emit_at(buffer, length, "%s\n", dev_name(changed->dev));
	}
	return length;
}

static const struct kernel_param_ops changed_ops = { .get = changed_get };
module_param_cb(changed, &changed_ops, NULL, 0444);
MODULE_PARM_DESC(changed, "devices whose syncs this module makes visible, one a line");

static bool exists(const char *name)
{
	struct device *dev = NULL;
	int i;

	for (i = 0; i < ARRAY_SIZE(buses) && !dev; i++)
		dev = bus_find_device_by_name(buses[i].type, NULL, name);
	put_device(dev);
	return dev;
}

static int __init dmasnoop_sync_init(void)
{
	int err, i;

	for (i = 0; i < nr_devices; i++) {
		if (!exists(devices[i])) {
			pr_err("devices: '%s' is not in /sys/bus/pci/devices or /sys/bus/platform/devices\n",
			       devices[i]);
			return -ENODEV;
		}
	}
	for (i = 0; i < ARRAY_SIZE(buses); i++) {
		buses[i].notifier.notifier_call = notify;
		err = bus_register_notifier(buses[i].type, &buses[i].notifier);
		if (!err)
			err = bus_for_each_dev(buses[i].type, NULL, NULL, change_existing);
		if (err) {
			stop();
			return err;
		}
	}
	return 0;
}

static void __exit dmasnoop_sync_exit(void)
{
	stop();
}

#else

static int __init dmasnoop_sync_init(void)
{
	pr_info("this kernel's devices have no dma_skip_sync: nothing to change\n");
	return 0;
}

static void __exit dmasnoop_sync_exit(void)
{
}

#endif

module_init(dmasnoop_sync_init);
module_exit(dmasnoop_sync_exit);
MODULE_DESCRIPTION("Makes the DMA syncs of coherent devices visible to tracers");
MODULE_LICENSE("GPL");
