// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that is not dmaloop: a plain platform device on the kernel's own dma-direct, whose
 * driver breaks one rule of the DMA API at a time, or keeps it. It announces nothing to the tracer.
 * There is no hardware, so nothing is transferred; the test is what the tracer reports. It is for
 * guests only: where buffers bounce or caches are not coherent, faults have victims.
 *
 * Write the name of a case to /sys/kernel/debug/dmabench. The case runs on a device of its own,
 * bench.NAME, which is gone when the write returns. Reading the file lists the cases.
 * scripts/drivers runs them all.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-map-ops.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "bench.h"

static unsigned int seconds = 5;
module_param(seconds, uint, 0644);
MODULE_PARM_DESC(seconds, "how long the cases take that are about time (default 5)");

static const struct bench_case *const tables[] = {
	address_cases,	pairing_cases, list_cases,   sync_cases,  line_cases,
	lifetime_cases, late_cases,    nested_cases, storm_cases,
#ifdef HAVE_HANDOVERS
	handover_cases, usb_cases,
#endif
};

static struct dentry *trigger;
static struct platform_device *oldest;
static DEFINE_MUTEX(one_at_a_time);

/**
 * bench_end - the end of a case that takes time
 *
 * Return: the end, in jiffies.
 */
unsigned long bench_end(void)
{
	return jiffies + seconds * HZ;
}

/**
 * bench_wait - pause for about a millisecond between two rounds of a case
 * @end: end of the case, from bench_end()
 *
 * Context: may sleep.
 * Return: true if there is time for another round and nobody has killed the writer.
 */
bool bench_wait(unsigned long end)
{
	usleep_range(500, 1000);
	return time_before(jiffies, end) && !fatal_signal_pending(current);
}

static const struct bench_case *find(const char *name)
{
	const struct bench_case *c;
	int i;

	for (i = 0; i < ARRAY_SIZE(tables); i++)
		for (c = tables[i]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	return NULL;
}

int (*bench_probed)(struct device *dev);

static int bench_probe(struct platform_device *pdev)
{
	int err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));

	return !err && bench_probed ? bench_probed(&pdev->dev) : err;
}

static struct platform_driver bench_driver = {
	.driver = { .name = "dmabench" },
	.probe = bench_probe,
};

/**
 * bench_bind - bind a device to this driver
 * @dev: a platform device of this module
 *
 * Return: 0, or the error of the probe. Before Linux 5.14, which does not report that error, -EIO.
 */
int bench_bind(struct device *dev)
{
#ifdef HAVE_DEVICE_DRIVER_ATTACH
	return device_driver_attach(&bench_driver.driver, dev);
#else
	struct platform_device *pdev = to_platform_device(dev);

	if (!pdev->driver_override)
		pdev->driver_override = kstrdup(bench_driver.driver.name, GFP_KERNEL);
	return device_attach(dev) == 1 ? 0 : -EIO;
#endif
}

/**
 * bench_make - create a device bound to this driver
 * @case_name: the device is called bench.NAME, which does not match the driver, so it is bound by
 *	hand
 * @parent: its parent, or NULL
 *
 * Return: the device, or an ERR_PTR().
 */
struct platform_device *bench_make(const char *case_name, struct device *parent)
{
	struct platform_device_info info = { .parent = parent, .id = PLATFORM_DEVID_NONE };
	struct platform_device *pdev;
	char name[32];
	int err;

	snprintf(name, sizeof(name), "bench.%s", case_name);
	info.name = name;
	pdev = platform_device_register_full(&info);
	if (IS_ERR(pdev))
		return pdev;
	err = bench_bind(&pdev->dev);
	if (!err)
		return pdev;
	platform_device_unregister(pdev);
	return ERR_PTR(err);
}

static int unregister(struct device *dev, void *unused)
{
	platform_device_unregister(to_platform_device(dev));
	return 0;
}

/* Create the devices that exist for as long as the module, and their parent. */
static int make_older(void)
{
	const struct bench_case *c;
	int i;

	oldest = bench_make("oldest", NULL);
	for (i = 0; !IS_ERR(oldest) && i < ARRAY_SIZE(tables); i++)
		for (c = tables[i]; c->name; c++)
			if (c->older && IS_ERR(bench_make(c->name, &oldest->dev)))
				return -ENOMEM;
	return PTR_ERR_OR_ZERO(oldest);
}

static void remove_older(void)
{
	if (IS_ERR(oldest))
		return;
	device_for_each_child(&oldest->dev, NULL, unregister);
	platform_device_unregister(oldest);
}

static int run_older(const struct bench_case *c)
{
	struct device *dev;
	char name[32];
	int err;

	snprintf(name, sizeof(name), "bench.%s", c->name);
	dev = device_find_child_by_name(&oldest->dev, name);
	if (!dev)
		return -ENODEV;
	err = c->run(dev);
	put_device(dev);
	return err;
}

static int run(const struct bench_case *c)
{
	struct platform_device *pdev;
	int err;

	if (c->older)
		return run_older(c);
	pdev = bench_make(c->name, NULL);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
#ifdef HAVE_DMA_RESET_NEED_SYNC
	if (c->syncs)
		dma_reset_need_sync(&pdev->dev);
#endif
	err = c->run(&pdev->dev);
	platform_device_unregister(pdev);
	return err;
}

static ssize_t trigger_write(struct file *file, const char __user *text, size_t count, loff_t *pos)
{
	const struct bench_case *c;
	char name[32] = {};
	int err;

	if (count >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, text, count))
		return -EFAULT;
	c = find(strim(name));
	if (!c)
		return -EINVAL;

	mutex_lock(&one_at_a_time);
	err = run(c);
	mutex_unlock(&one_at_a_time);
	return err ?: count;
}

static int trigger_show(struct seq_file *out, void *unused)
{
	const struct bench_case *c;
	int i;

	for (i = 0; i < ARRAY_SIZE(tables); i++)
		for (c = tables[i]; c->name; c++)
			seq_printf(out, "%s\n", c->name);
	return 0;
}

static int trigger_open(struct inode *inode, struct file *file)
{
	return single_open(file, trigger_show, NULL);
}

static const struct file_operations trigger_fops = {
	.owner = THIS_MODULE,
	.open = trigger_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
	.write = trigger_write,
};

static int __init bench_init(void)
{
	int err = platform_driver_register(&bench_driver);

	if (err)
		return err;
	err = make_older();
	if (err) {
		remove_older();
		platform_driver_unregister(&bench_driver);
		return err;
	}
	trigger = debugfs_create_file("dmabench", 0600, NULL, NULL, &trigger_fops);
	return 0;
}

static void __exit bench_exit(void)
{
	debugfs_remove(trigger);
	remove_older();
	platform_driver_unregister(&bench_driver);
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("A plain driver that breaks the DMA API's rules one at a time");
MODULE_LICENSE("GPL");
