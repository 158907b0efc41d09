// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that is not dmaloop: a plain platform device on the kernel's own
 * dma-direct, whose driver breaks one rule of the DMA API at a time, or keeps
 * it. Nothing is announced to the tracer. There is no hardware behind it, so
 * nothing can be corrupted; what the tracer says is what is tested.
 *
 * Write a case's name to /sys/kernel/debug/dmabench: it runs on a device made
 * for it, dmabench.N for the Nth case, which is gone when the write returns.
 * scripts/drivers does.
 */
#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define SIZE 512

struct embedded {
	u32 state;
	u32 field;
	u8 buffer[48];
	u8 rest[200];
};

struct embedded_aligned {
	u32 state;
	u32 field;
	u8 buffer[48] __aligned(256);
	u8 rest[208];
};

static struct dentry *trigger;
static DEFINE_MUTEX(one_at_a_time);

static int unmap_as(struct device *dev, size_t size, enum dma_data_direction dir)
{
	void *buffer = kzalloc(SIZE, GFP_KERNEL);
	dma_addr_t dma;

	if (!buffer)
		return -ENOMEM;
	dma = dma_map_single(dev, buffer, SIZE, DMA_FROM_DEVICE);
	if (!dma_mapping_error(dev, dma))
		dma_unmap_single(dev, dma, size, dir);
	kfree(buffer);
	return 0;
}

static int right(struct device *dev)
{
	return unmap_as(dev, SIZE, DMA_FROM_DEVICE);
}

static int size_wrong(struct device *dev)
{
	return unmap_as(dev, SIZE / 2, DMA_FROM_DEVICE);
}

static int direction_wrong(struct device *dev)
{
	return unmap_as(dev, SIZE, DMA_TO_DEVICE);
}

static int unmap_twice(struct device *dev)
{
	void *buffer = kzalloc(SIZE, GFP_KERNEL);
	dma_addr_t dma;

	if (!buffer)
		return -ENOMEM;
	dma = dma_map_single(dev, buffer, SIZE, DMA_TO_DEVICE);
	if (!dma_mapping_error(dev, dma)) {
		dma_unmap_single(dev, dma, SIZE, DMA_TO_DEVICE);
		dma_unmap_single(dev, dma, SIZE, DMA_TO_DEVICE);
	}
	kfree(buffer);
	return 0;
}

/* The same buffer again and again, as a driver with a fixed ring does. */
static int map_again(struct device *dev)
{
	void *buffer = kzalloc(SIZE, GFP_KERNEL);
	dma_addr_t dma;
	int i;

	if (!buffer)
		return -ENOMEM;
	for (i = 0; i < 10; i++) {
		dma = dma_map_single(dev, buffer, SIZE, DMA_BIDIRECTIONAL);
		if (!dma_mapping_error(dev, dma))
			dma_unmap_single(dev, dma, SIZE, DMA_BIDIRECTIONAL);
	}
	kfree(buffer);
	return 0;
}

/* One page for two transmissions at once: legitimate, and the same address twice. */
static int map_twice_to_device(struct device *dev)
{
	void *buffer = kzalloc(SIZE, GFP_KERNEL);
	dma_addr_t a, b;

	if (!buffer)
		return -ENOMEM;
	a = dma_map_single(dev, buffer, SIZE, DMA_TO_DEVICE);
	b = dma_map_single(dev, buffer, SIZE / 2, DMA_TO_DEVICE);
	if (!dma_mapping_error(dev, a))
		dma_unmap_single(dev, a, SIZE, DMA_TO_DEVICE);
	if (!dma_mapping_error(dev, b))
		dma_unmap_single(dev, b, SIZE / 2, DMA_TO_DEVICE);
	kfree(buffer);
	return 0;
}

static int address_unknown(struct device *dev)
{
	void *buffer = kzalloc(SIZE, GFP_KERNEL);

	if (!buffer)
		return -ENOMEM;
	dma_unmap_single(dev, virt_to_phys(buffer), SIZE, DMA_TO_DEVICE);
	kfree(buffer);
	return 0;
}

static int leak(struct device *dev)
{
	static u8 *kept; /* the buffer outlives the driver, so that only the mapping is lost */

	if (!kept)
		kept = kzalloc(SIZE, GFP_KERNEL);
	if (!kept || dma_mapping_error(dev, dma_map_single(dev, kept, SIZE, DMA_TO_DEVICE)))
		return -ENOMEM;
	return 0;
}

static int write_beside(struct device *dev, u8 *buffer, u32 *field)
{
	dma_addr_t dma = dma_map_single(dev, buffer, 48, DMA_FROM_DEVICE);

	if (dma_mapping_error(dev, dma))
		return -ENOMEM;
	WRITE_ONCE(*field, *field + 0x01020304);
	dma_unmap_single(dev, dma, 48, DMA_FROM_DEVICE);
	return 0;
}

static int neighbour_write(struct device *dev)
{
	struct embedded *e = kzalloc(sizeof(*e), GFP_KERNEL);
	int err = e ? write_beside(dev, e->buffer, &e->field) : -ENOMEM;

	kfree(e);
	return err;
}

static int neighbour_write_aligned(struct device *dev)
{
	struct embedded_aligned *e = kzalloc(sizeof(*e), GFP_KERNEL);
	int err = e ? write_beside(dev, e->buffer, &e->field) : -ENOMEM;

	kfree(e);
	return err;
}

static int map_two(struct device *dev, size_t distance)
{
	u8 *buffer = kzalloc(SIZE, GFP_KERNEL);
	dma_addr_t a, b;

	if (!buffer)
		return -ENOMEM;
	a = dma_map_single(dev, buffer, 16, DMA_FROM_DEVICE);
	b = dma_map_single(dev, buffer + distance, 16, DMA_FROM_DEVICE);
	if (!dma_mapping_error(dev, a))
		dma_unmap_single(dev, a, 16, DMA_FROM_DEVICE);
	if (!dma_mapping_error(dev, b))
		dma_unmap_single(dev, b, 16, DMA_FROM_DEVICE);
	kfree(buffer);
	return 0;
}

static int two_on_one_line(struct device *dev)
{
	return map_two(dev, 16);
}

static int two_on_two_lines(struct device *dev)
{
	return map_two(dev, 256);
}

static int map_from_cache(struct device *dev, const char *name, unsigned int align)
{
	struct kmem_cache *cache = kmem_cache_create(name, 40, align, SLAB_NO_MERGE, NULL);
	void *objects[4] = {};
	dma_addr_t dma;
	int i;

	if (!cache)
		return -ENOMEM;
	for (i = 0; i < 4; i++) {
		objects[i] = kmem_cache_zalloc(cache, GFP_KERNEL);
		if (!objects[i])
			continue;
		dma = dma_map_single(dev, objects[i], 40, DMA_FROM_DEVICE);
		if (!dma_mapping_error(dev, dma))
			dma_unmap_single(dev, dma, 40, DMA_FROM_DEVICE);
	}
	while (i--)
		if (objects[i])
			kmem_cache_free(cache, objects[i]);
	kmem_cache_destroy(cache);
	return 0;
}

static int packed_cache(struct device *dev)
{
	return map_from_cache(dev, "dmabench-packed", 0);
}

static int aligned_cache(struct device *dev)
{
	return map_from_cache(dev, "dmabench-aligned", 256);
}

/* kmalloc(32)s next to each other: apart wherever it matters. */
static int small_kmallocs(struct device *dev)
{
	dma_addr_t dma[8];
	u8 *buffer[8];
	int i;

	for (i = 0; i < 8; i++) {
		buffer[i] = kzalloc(32, GFP_KERNEL);
		dma[i] = buffer[i] ? dma_map_single(dev, buffer[i], 32, DMA_FROM_DEVICE) :
				     DMA_MAPPING_ERROR;
	}
	for (i = 0; i < 8; i++) {
		if (!dma_mapping_error(dev, dma[i])) {
			dma_unmap_single(dev, dma[i], 32, DMA_FROM_DEVICE);
			/* It is ours again, whoever else still is on the line. */
			memset(buffer[i], i, 32);
		}
	}
	for (i = 0; i < 8; i++)
		kfree(buffer[i]);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct device *dev);
} cases[] = {
	{ "right", right },
	{ "size-wrong", size_wrong },
	{ "direction-wrong", direction_wrong },
	{ "unmap-twice", unmap_twice },
	{ "map-again", map_again },
	{ "map-twice-to-device", map_twice_to_device },
	{ "address-unknown", address_unknown },
	{ "leak", leak },
	{ "neighbour-write", neighbour_write },
	{ "neighbour-write-aligned", neighbour_write_aligned },
	{ "two-on-one-line", two_on_one_line },
	{ "two-on-two-lines", two_on_two_lines },
	{ "packed-cache", packed_cache },
	{ "aligned-cache", aligned_cache },
	{ "small-kmallocs", small_kmallocs },
};

static int bench_probe(struct platform_device *pdev)
{
	return dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
}

static struct platform_driver bench_driver = {
	.driver = { .name = "dmabench" },
	.probe = bench_probe,
};

static ssize_t trigger_write(struct file *file, const char __user *text, size_t count, loff_t *pos)
{
	struct platform_device *pdev;
	char name[32] = {};
	int i, err;

	if (count >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, text, count))
		return -EFAULT;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (!strcmp(cases[i].name, strim(name)))
			break;
	if (i == ARRAY_SIZE(cases))
		return -EINVAL;

	guard(mutex)(&one_at_a_time);
	pdev = platform_device_register_simple("dmabench", i, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	err = cases[i].run(&pdev->dev);
	platform_device_unregister(pdev);
	return err ?: count;
}

static const struct file_operations trigger_fops = {
	.owner = THIS_MODULE,
	.write = trigger_write,
};

static int __init bench_init(void)
{
	int err = platform_driver_register(&bench_driver);

	if (!err)
		trigger = debugfs_create_file("dmabench", 0200, NULL, NULL, &trigger_fops);
	return err;
}

static void __exit bench_exit(void)
{
	debugfs_remove(trigger);
	platform_driver_unregister(&bench_driver);
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("A plain driver that breaks the DMA API's rules one at a time");
MODULE_LICENSE("GPL");
