// SPDX-License-Identifier: GPL-2.0
/*
 * What dmaloop costs, measured from outside: a dmaengine client that times copies, mappings and
 * programmed I/O. scripts/bench loads it in a guest in which each instruction takes one nanosecond
 * (qemu -icount shift=0).
 *
 * Write 1 to debugfs loopbench/attached to take the first channel that dmaengine offers, and 0 to
 * give it back. With a channel, write "OPERATION SIZE COUNT" to loopbench/run and read back the
 * cost of one operation in ns: the median of COUNT, and the mean.
 */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#define COUNT_MAX 1000u
#define SIZE_MAX_BYTES SZ_1M
#define BATCH 32u

typedef void (*pio_copy_t)(struct device *dev, void *dst, const void *src, size_t size);

static struct dentry *dir;
static struct dma_chan *chan;
static struct device *dev;
static u8 *src, *dst;
static dma_addr_t src_bus, dst_bus;
static pio_copy_t pio_copy;
static DECLARE_COMPLETION(done);
static DEFINE_MUTEX(lock);
static char answer[48];

static void on_done(void *data)
{
	complete(&done);
}

static int submit(u32 size, unsigned long flags, dma_cookie_t *cookie)
{
	struct dma_async_tx_descriptor *tx;

	tx = dmaengine_prep_dma_memcpy(chan, dst_bus, src_bus, size, flags | DMA_CTRL_ACK);
	if (!tx)
		return -ENOMEM;
	if (flags & DMA_PREP_INTERRUPT)
		tx->callback = on_done;
	*cookie = dmaengine_submit(tx);
	return 0;
}

static int op_nothing(u32 size)
{
	return 0;
}

/* 2 instructions per round: this shows what a nanosecond is. */
static int op_calibrate(u32 size)
{
	unsigned long rounds = size;

	asm volatile("1: dec %0\n\tjnz 1b" : "+r"(rounds));
	return 0;
}

static int op_memcpy(u32 size)
{
	memcpy(dst, src, size);
	barrier_data(dst);
	return 0;
}

static int op_pio(u32 size)
{
	pio_copy(dev, dst, src, size);
	return 0;
}

static int op_interrupt(u32 size)
{
	dma_cookie_t cookie;
	int err = submit(size, DMA_PREP_INTERRUPT, &cookie);

	if (err)
		return err;
	dma_async_issue_pending(chan);
	wait_for_completion(&done);
	return 0;
}

static int op_polled(u32 size)
{
	dma_cookie_t cookie;
	int err = submit(size, 0, &cookie);

	if (err)
		return err;
	dma_async_issue_pending(chan);
	while (dma_async_is_tx_complete(chan, cookie, NULL, NULL) == DMA_IN_PROGRESS)
		cpu_relax();
	return 0;
}

/* BATCH descriptors that are issued together, each with its own callback. */
static int op_batch(u32 size)
{
	dma_cookie_t cookie;
	u32 i;

	for (i = 0; i < BATCH; i++) {
		int err = submit(size, DMA_PREP_INTERRUPT, &cookie);

		if (err)
			return err;
	}
	dma_async_issue_pending(chan);
	for (i = 0; i < BATCH; i++)
		wait_for_completion(&done);
	return 0;
}

static int op_map_to(u32 size)
{
	dma_addr_t bus = dma_map_single(dev, src, size, DMA_TO_DEVICE);

	if (dma_mapping_error(dev, bus))
		return -ENOMEM;
	dma_unmap_single(dev, bus, size, DMA_TO_DEVICE);
	return 0;
}

static int op_map_from(u32 size)
{
	dma_addr_t bus = dma_map_single(dev, dst, size, DMA_FROM_DEVICE);

	if (dma_mapping_error(dev, bus))
		return -ENOMEM;
	dma_unmap_single(dev, bus, size, DMA_FROM_DEVICE);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(u32 size);
} operations[] = {
	{ "nothing", op_nothing },	 { "calibrate", op_calibrate }, { "memcpy", op_memcpy },
	{ "pio", op_pio },		 { "interrupt", op_interrupt }, { "polled", op_polled },
	{ "batch", op_batch },		 { "map-to", op_map_to },	{ "map-from", op_map_from },
};

static int compare(const void *a, const void *b)
{
	return *(const u64 *)a < *(const u64 *)b ? -1 : *(const u64 *)a > *(const u64 *)b;
}

static int measure(u32 operation, u32 size, u32 count)
{
	u64 *costs __free(kvfree) = kvcalloc(count, sizeof(*costs), GFP_KERNEL);
	u64 sum = 0;
	u32 i;

	if (!costs)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		u64 start = ktime_get_ns();
		int err = operations[operation].run(size);

		if (err)
			return err;
		costs[i] = ktime_get_ns() - start;
		sum += costs[i];
	}
	/* A timer tick in one of the runs does not affect the median. */
	sort(costs, count, sizeof(*costs), compare, NULL);
	snprintf(answer, sizeof(answer), "%llu %llu\n", costs[count / 2], div_u64(sum, count));
	return 0;
}

static ssize_t run_write(struct file *file, const char __user *user, size_t length, loff_t *pos)
{
	char text[64] = {}, name[16];
	u32 i, size, count;
	int err;

	if (length >= sizeof(text) || copy_from_user(text, user, length))
		return -EINVAL;
	if (sscanf(text, "%15s %u %u", name, &size, &count) != 3 || !size ||
	    size > SIZE_MAX_BYTES || !count || count > COUNT_MAX)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		if (strcmp(operations[i].name, name))
			continue;
		guard(mutex)(&lock);
		if (!chan)
			return -ENODEV;
		err = measure(i, size, count);
		return err ?: length;
	}
	return -EINVAL;
}

static ssize_t run_read(struct file *file, char __user *user, size_t length, loff_t *pos)
{
	guard(mutex)(&lock);
	return simple_read_from_buffer(user, length, pos, answer, strlen(answer));
}

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.write = run_write,
	.read = run_read,
};

/* Mappings that stay, to see whether they make the others more expensive. */
static u32 live;
static dma_addr_t *live_bus;

static void unmap_live(void)
{
	while (live)
		dma_unmap_single(dev, live_bus[--live], 64, DMA_TO_DEVICE);
	kvfree(live_bus);
	live_bus = NULL;
}

static int set_live(void *data, u64 value)
{
	if (value > SZ_1M)
		return -EINVAL;
	guard(mutex)(&lock);
	unmap_live();
	if (!chan)
		return -ENODEV;
	live_bus = kvcalloc(value ?: 1, sizeof(*live_bus), GFP_KERNEL);
	if (!live_bus)
		return -ENOMEM;
	while (live < value) {
		live_bus[live] = dma_map_single(dev, src + live % 16 * 4096, 64, DMA_TO_DEVICE);
		if (dma_mapping_error(dev, live_bus[live])) {
			unmap_live();
			return -ENOMEM;
		}
		live++;
	}
	return 0;
}

static int get_live(void *data, u64 *value)
{
	*value = live;
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(live_fops, get_live, set_live, "%llu\n");

static void detach(void)
{
	unmap_live();
	if (chan) {
		dmaengine_terminate_sync(chan);
		if (src_bus)
			dma_unmap_single(dev, src_bus, SIZE_MAX_BYTES, DMA_TO_DEVICE);
		if (dst_bus)
			dma_unmap_single(dev, dst_bus, SIZE_MAX_BYTES, DMA_FROM_DEVICE);
		dma_release_channel(chan);
	}
	if (pio_copy)
		__symbol_put("dmaloop_pio_copy");
	chan = NULL;
	pio_copy = NULL;
	src_bus = 0;
	dst_bus = 0;
}

static int attach(void)
{
	dma_cap_mask_t mask;

	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
	chan = dma_request_channel(mask, NULL, NULL);
	pio_copy = __symbol_get("dmaloop_pio_copy");
	if (!chan || !pio_copy)
		return -ENODEV;
	dev = chan->device->dev;
	src_bus = dma_map_single(dev, src, SIZE_MAX_BYTES, DMA_TO_DEVICE);
	if (dma_mapping_error(dev, src_bus))
		src_bus = 0;
	dst_bus = dma_map_single(dev, dst, SIZE_MAX_BYTES, DMA_FROM_DEVICE);
	if (dma_mapping_error(dev, dst_bus))
		dst_bus = 0;
	return src_bus && dst_bus ? 0 : -ENOMEM;
}

/* 1 takes a channel, 0 gives it back. */
static int set_attached(void *data, u64 value)
{
	int err = 0;

	guard(mutex)(&lock);
	detach();
	if (value)
		err = attach();
	if (err)
		detach();
	return err;
}

static int get_attached(void *data, u64 *value)
{
	*value = chan ? 1 : 0;
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(attached_fops, get_attached, set_attached, "%llu\n");

static int __init loopbench_init(void)
{
	src = kzalloc(SIZE_MAX_BYTES, GFP_KERNEL);
	dst = kzalloc(SIZE_MAX_BYTES, GFP_KERNEL);
	if (!src || !dst) {
		kfree(src);
		kfree(dst);
		return -ENOMEM;
	}
	dir = debugfs_create_dir("loopbench", NULL);
	debugfs_create_file("run", 0600, dir, NULL, &run_fops);
	debugfs_create_file_unsafe("live", 0600, dir, NULL, &live_fops);
	debugfs_create_file_unsafe("attached", 0600, dir, NULL, &attached_fops);
	return 0;
}

static void __exit loopbench_exit(void)
{
	debugfs_remove_recursive(dir);
	detach();
	kfree(src);
	kfree(dst);
}

module_init(loopbench_init);
module_exit(loopbench_exit);

MODULE_DESCRIPTION("What dmaloop costs: a dmaengine client with a stopwatch");
MODULE_LICENSE("GPL");
