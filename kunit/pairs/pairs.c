// SPDX-License-Identifier: GPL-2.0
/*
 * What a pair of DMA API calls costs: map and unmap, or sync_for_cpu and sync_for_device, in a loop
 * with interrupts off, on a plain platform device on the kernel's own dma-direct. scripts/bench
 * loads it in guests in which each instruction takes one nanosecond (qemu -icount shift=0).
 *
 * Write "OPERATION COUNT [CPUS]" to debugfs pairs/run and read back the cost of one pair, without
 * that of the loop, in thousandths of a ns. Write a number to pairs/live to keep that many more
 * mappings live, of 2048 bytes each, all at different addresses.
 */
#include <linux/debugfs.h>
#include <linux/dma-map-ops.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#define COUNT_MAX 100000u
#define BATCH 100u /* pairs with interrupts off at a time */
#define RING 256u
#define SEGMENTS 8u
#define LIVE_SIZE 2048u
#define LIVE_MAX SZ_1M
#define CPUS_MAX 8u

static struct platform_device *pdev;
static struct dentry *dir;
static DEFINE_MUTEX(lock);
static char answer[32];

/* The state of one CPU's worker. */
static struct worker {
	u8 *buffer;
	u8 *ring[RING];
	struct scatterlist sg[SEGMENTS];
	dma_addr_t synced;
	unsigned int turn;
	unsigned int operation;
	unsigned int count;
	int err;
	struct completion ready, go, done;
} workers[CPUS_MAX];

static int pair(struct worker *w, void *memory, size_t size, enum dma_data_direction dir)
{
	struct device *dev = &pdev->dev;
	dma_addr_t dma = dma_map_single(dev, memory, size, dir);

	if (dma_mapping_error(dev, dma))
		return -ENOMEM;
	dma_unmap_single(dev, dma, size, dir);
	return 0;
}

static int op_nothing(struct worker *w)
{
	return 0;
}

static int op_to64(struct worker *w)
{
	return pair(w, w->buffer, 64, DMA_TO_DEVICE);
}

static int op_from64(struct worker *w)
{
	return pair(w, w->buffer, 64, DMA_FROM_DEVICE);
}

static int op_to4096(struct worker *w)
{
	return pair(w, w->buffer, 4096, DMA_TO_DEVICE);
}

static int op_from4096(struct worker *w)
{
	return pair(w, w->buffer, 4096, DMA_FROM_DEVICE);
}

/* An odd size at an odd address, like a driver's commands and their answers. */
static int op_from100(struct worker *w)
{
	return pair(w, w->buffer + 16, 100, DMA_FROM_DEVICE);
}

/* A different buffer each time, as in a receive ring. */
static int op_ring2048(struct worker *w)
{
	return pair(w, w->ring[w->turn++ % RING], LIVE_SIZE, DMA_FROM_DEVICE);
}

static int map_list(struct worker *w, enum dma_data_direction dir)
{
	if (!dma_map_sg(&pdev->dev, w->sg, SEGMENTS, dir))
		return -ENOMEM;
	dma_unmap_sg(&pdev->dev, w->sg, SEGMENTS, dir);
	return 0;
}

static int op_sg8(struct worker *w)
{
	return map_list(w, DMA_TO_DEVICE);
}

static int op_sg8_from(struct worker *w)
{
	return map_list(w, DMA_FROM_DEVICE);
}

static int op_sync(struct worker *w)
{
	dma_sync_single_for_cpu(&pdev->dev, w->synced, LIVE_SIZE, DMA_FROM_DEVICE);
	dma_sync_single_for_device(&pdev->dev, w->synced, LIVE_SIZE, DMA_FROM_DEVICE);
	return 0;
}

static int op_alloc(struct worker *w)
{
	dma_addr_t dma;
	void *memory = dma_alloc_coherent(&pdev->dev, 4096, &dma, GFP_ATOMIC);

	if (!memory)
		return -ENOMEM;
	dma_free_coherent(&pdev->dev, 4096, memory, dma);
	return 0;
}

/* 2 instructions per round: this shows what a nanosecond is. */
static int op_calibrate(struct worker *w)
{
	unsigned long rounds = 500;

	asm volatile("1: dec %0\n\tjnz 1b" : "+r"(rounds));
	return 0;
}

static const struct operation {
	const char *name;
	int (*run)(struct worker *w);
	bool interrupts; /* must not be called with interrupts off */
} operations[] = {
	{ "nothing", op_nothing },   { "calibrate", op_calibrate }, { "to64", op_to64 },
	{ "from64", op_from64 },     { "to4096", op_to4096 },	    { "from4096", op_from4096 },
	{ "from100", op_from100 },   { "ring2048", op_ring2048 },   { "sg8", op_sg8 },
	{ "sg8-from", op_sg8_from }, { "sync", op_sync },	    { "alloc", op_alloc, true },
};

/*
 * Measure @count pairs, in ns. Interrupts come between batches and are not counted. If interrupts
 * cannot be off, the fastest batch was not interrupted and stands for all.
 */
static s64 measure(struct worker *w, u32 operation, u32 count)
{
	const struct operation *op = &operations[operation];
	u64 sum = 0, least = U64_MAX;

	for (u32 done = 0; done < count; done += BATCH) {
		unsigned long flags;
		u64 start, spent;
		int err = 0;

		if (!op->interrupts)
			local_irq_save(flags);
		start = ktime_get_ns();
		for (u32 i = 0; i < BATCH && !err; i++)
			err = op->run(w);
		spent = ktime_get_ns() - start;
		if (!op->interrupts)
			local_irq_restore(flags);
		if (err)
			return err;
		sum += spent;
		least = min(least, spent);
		cond_resched();
	}
	return op->interrupts ? least * (count / BATCH) : sum;
}

static int work(void *data)
{
	struct worker *w = data;

	complete(&w->ready);
	wait_for_completion(&w->go);
	for (u32 done = 0; done < w->count && !w->err; done++) {
		w->err = operations[w->operation].run(w);
		if (done % BATCH == 0)
			cond_resched();
	}
	complete(&w->done);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/*
 * Measure @count pairs on each of @cpus CPUs at once. Returns the time from start to end. A guest
 * that counts instructions runs its CPUs in turn, so this gives the mean cost.
 */
static s64 measure_parallel(u32 operation, u32 count, u32 cpus)
{
	struct task_struct *tasks[CPUS_MAX] = {};
	s64 result = 0;
	u64 start;
	u32 i;

	for (i = 0; i < cpus; i++) {
		struct worker *w = &workers[i];

		w->operation = operation;
		w->count = count;
		w->err = 0;
		init_completion(&w->ready);
		init_completion(&w->go);
		init_completion(&w->done);
		tasks[i] = kthread_create_on_cpu(work, w, i, "pairs/%u");
		if (IS_ERR(tasks[i])) {
			result = PTR_ERR(tasks[i]);
			break;
		}
		wake_up_process(tasks[i]);
		wait_for_completion(&w->ready);
	}
	cpus = i;
	start = ktime_get_ns();
	for (i = 0; i < cpus; i++)
		complete(&workers[i].go);
	for (i = 0; i < cpus; i++)
		wait_for_completion(&workers[i].done);
	start = ktime_get_ns() - start;
	for (i = 0; i < cpus; i++) {
		kthread_stop(tasks[i]);
		result = result ?: workers[i].err;
	}
	return result ?: (s64)start;
}

static ssize_t run_write(struct file *file, const char __user *user, size_t length, loff_t *pos)
{
	char text[64] = {}, name[16];
	u32 i, worker, count, cpus = 0;
	s64 spent, loop = 0;

	if (length >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, user, length))
		return -EFAULT;
	if (sscanf(text, "%15s %u %u", name, &count, &cpus) < 2 || count % BATCH || !count ||
	    count > COUNT_MAX || cpus > CPUS_MAX || cpus > num_online_cpus())
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(operations); i++)
		if (!strcmp(operations[i].name, name))
			break;
	if (i == ARRAY_SIZE(operations))
		return -EINVAL;

	mutex_lock(&lock);
	/* Map now, so that a tracer that has just started sees these mappings. */
	for (worker = 0; worker < CPUS_MAX; worker++) {
		struct worker *w = &workers[worker];

		w->synced =
			dma_map_single(&pdev->dev, w->buffer + SZ_4K, LIVE_SIZE, DMA_FROM_DEVICE);
		if (dma_mapping_error(&pdev->dev, w->synced))
			break;
	}
	if (worker < CPUS_MAX) {
		spent = -ENOMEM;
	} else if (cpus) {
		loop = measure_parallel(0, count, cpus);
		spent = measure_parallel(i, count, cpus);
		count *= cpus;
	} else {
		measure(&workers[0], i, BATCH); /* warm up */
		loop = measure(&workers[0], 0, count);
		spent = measure(&workers[0], i, count);
	}
	while (worker--)
		dma_unmap_single(&pdev->dev, workers[worker].synced, LIVE_SIZE, DMA_FROM_DEVICE);
	if (spent > 0)
		snprintf(answer, sizeof(answer), "%lld\n", div_s64((spent - loop) * 1000, count));
	mutex_unlock(&lock);
	return spent < 0 ? spent : length;
}

static ssize_t run_read(struct file *file, char __user *user, size_t length, loff_t *pos)
{
	ssize_t read;

	mutex_lock(&lock);
	read = simple_read_from_buffer(user, length, pos, answer, strlen(answer));
	mutex_unlock(&lock);
	return read;
}

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.write = run_write,
	.read = run_read,
};

/* --- mappings that stay --- */

static u32 live;
static struct live_mapping {
	struct page *page;
	dma_addr_t dma;
};

static struct live_mapping *live_mappings;

/* Two mappings share a page, as in a receive ring. */
static void unmap_live(void)
{
	while (live) {
		struct live_mapping *map = &live_mappings[--live];

		dma_unmap_page(&pdev->dev, map->dma, LIVE_SIZE, DMA_FROM_DEVICE);
		if (live % 2 == 0)
			__free_page(map->page);
		if (live % 4096 == 0)
			cond_resched();
	}
	vfree(live_mappings);
	live_mappings = NULL;
}

static int map_live(void)
{
	struct live_mapping *map = &live_mappings[live];

	map->page = live % 2 ? live_mappings[live - 1].page : alloc_page(GFP_KERNEL);
	if (!map->page)
		return -ENOMEM;
	map->dma = dma_map_page(&pdev->dev, map->page, live % 2 * LIVE_SIZE, LIVE_SIZE,
				DMA_FROM_DEVICE);
	if (!dma_mapping_error(&pdev->dev, map->dma))
		return 0;
	if (live % 2 == 0)
		__free_page(map->page);
	return -ENOMEM;
}

static int set_live(void *data, u64 value)
{
	int err = 0;

	if (value > LIVE_MAX || value % 2)
		return -EINVAL;
	mutex_lock(&lock);
	unmap_live();
	live_mappings = vcalloc(value ?: 1, sizeof(*live_mappings));
	if (!live_mappings)
		err = -ENOMEM;
	while (!err && live < value) {
		err = map_live();
		if (!err)
			live++;
		if (live % 4096 == 0)
			cond_resched();
	}
	/* If the number is odd, the last mapping has its page to itself. */
	if (err && live % 2) {
		live--;
		dma_unmap_page(&pdev->dev, live_mappings[live].dma, LIVE_SIZE, DMA_FROM_DEVICE);
		__free_page(live_mappings[live].page);
	}
	if (err)
		unmap_live();
	mutex_unlock(&lock);
	return err;
}

static int get_live(void *data, u64 *value)
{
	*value = live;
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(live_fops, get_live, set_live, "%llu\n");

/* --- setup and teardown --- */

static void free_worker(struct worker *w)
{
	for (u32 i = 0; i < RING; i++)
		kfree(w->ring[i]);
	kfree(w->buffer);
}

/* Each worker has its own buffers, so that no two workers share a line. */
static int make_worker(struct worker *w)
{
	w->buffer = kmalloc(SZ_64K, GFP_KERNEL);
	if (!w->buffer)
		return -ENOMEM;
	for (u32 i = 0; i < RING; i++) {
		w->ring[i] = kmalloc(LIVE_SIZE, GFP_KERNEL);
		if (!w->ring[i])
			return -ENOMEM;
	}
	sg_init_table(w->sg, SEGMENTS);
	for (u32 i = 0; i < SEGMENTS; i++)
		sg_set_buf(&w->sg[i], w->buffer + SZ_8K * i, SZ_4K);
	return 0;
}

static int pairs_probe(struct platform_device *pdev)
{
	int err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));

#ifdef HAVE_DMA_RESET_NEED_SYNC
	/* Otherwise a coherent device's syncs are skipped: they cost nothing and are not seen. */
	if (!err)
		dma_reset_need_sync(&pdev->dev);
#endif
	return err;
}

static struct platform_driver pairs_driver = {
	.driver = { .name = "pairs" },
	.probe = pairs_probe,
};

static void clean_up(void)
{
	debugfs_remove_recursive(dir);
	unmap_live();
	for (u32 i = 0; i < CPUS_MAX; i++)
		free_worker(&workers[i]);
	platform_device_unregister(pdev);
	platform_driver_unregister(&pairs_driver);
}

static int __init pairs_init(void)
{
	int err = platform_driver_register(&pairs_driver);

	if (err)
		return err;
	pdev = platform_device_register_simple("pairs", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(pdev)) {
		platform_driver_unregister(&pairs_driver);
		return PTR_ERR(pdev);
	}
	for (u32 i = 0; i < CPUS_MAX && !err; i++)
		err = make_worker(&workers[i]);
	if (err) {
		clean_up();
		return err;
	}
	dir = debugfs_create_dir("pairs", NULL);
	debugfs_create_file("run", 0600, dir, NULL, &run_fops);
	debugfs_create_file("live", 0600, dir, NULL, &live_fops);
	return 0;
}

static void __exit pairs_exit(void)
{
	clean_up();
}

module_init(pairs_init);
module_exit(pairs_exit);

MODULE_DESCRIPTION("What a pair of DMA API calls costs");
MODULE_LICENSE("GPL");
