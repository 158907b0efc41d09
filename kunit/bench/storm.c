// SPDX-License-Identifier: GPL-2.0
/*
 * Several CPUs at once on one page or one line. The tracer must report nothing about correct calls,
 * and it must find the planted faults. The module parameter seconds sets the duration; planted
 * gives the number of faults.
 */
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/platform_device.h>

#include "bench.h"

#define THREADS 4
#define PLANT_EVERY 500

static unsigned int planted;
module_param(planted, uint, 0444);
MODULE_PARM_DESC(planted, "how many buffers storm-planted has unmapped twice");

/**
 * struct storm - what the threads share
 * @dev: two devices; every second thread uses the same one
 * @memory: one page
 * @round: what a thread does repeatedly; returns 0 or an error
 * @end: when the threads stop, in jiffies
 */
struct storm {
	struct device *dev[2];
	u8 *memory;
	int (*round)(struct storm *storm, unsigned int thread, unsigned int nr);
	unsigned long end;
};

struct storm_thread {
	struct storm *storm;
	struct task_struct *task;
	unsigned int number;
	int err;
};

static int storm_thread(void *data)
{
	struct storm_thread *thread = data;
	struct storm *storm = thread->storm;
	unsigned int nr = 0;

	while (!thread->err && time_before(jiffies, storm->end)) {
		thread->err = storm->round(storm, thread->number, nr++);
		cond_resched();
	}
	/* The thread must exist until kthread_stop(). */
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static int map_once(struct device *dev, u8 *cpu, size_t size, enum dma_data_direction dir)
{
	struct buffer b = { .cpu = cpu };
	int err = buffer_map(dev, &b, size, dir);

	if (!err)
		buffer_unmap(dev, &b);
	return err;
}

static int blow(struct device *dev, const char *other_name,
		int (*round)(struct storm *storm, unsigned int thread, unsigned int nr))
{
	struct storm_thread threads[THREADS] = {};
	struct platform_device *other = bench_make(other_name, NULL);
	struct storm storm = { .round = round, .end = bench_end() };
	int i, err = 0;

	if (IS_ERR(other))
		return PTR_ERR(other);
	storm.dev[0] = dev;
	storm.dev[1] = &other->dev;
	storm.memory = (u8 *)get_zeroed_page(GFP_KERNEL);
	if (!storm.memory)
		err = -ENOMEM;
	for (i = 0; !err && i < THREADS; i++) {
		threads[i].storm = &storm;
		threads[i].number = i;
		threads[i].task = kthread_run(storm_thread, &threads[i], "dmabench/%d", i);
		if (IS_ERR(threads[i].task)) {
			err = PTR_ERR(threads[i].task);
			threads[i].task = NULL;
		}
	}
	while (!err && time_before(jiffies, storm.end) && bench_wait(storm.end))
		;
	storm.end = jiffies;
	for (i = 0; i < THREADS; i++) {
		if (threads[i].task)
			kthread_stop(threads[i].task);
		err = err ?: threads[i].err;
	}
	free_page((unsigned long)storm.memory);
	platform_device_unregister(other);
	return err;
}

/* Like RAID-1, which writes one page to two disks, and like the zero page. */
static int read_page(struct storm *storm, unsigned int thread, unsigned int nr)
{
	return map_once(storm->dev[thread % 2], storm->memory, PAGE_SIZE, DMA_TO_DEVICE);
}

static int storm_page(struct device *dev)
{
	return blow(dev, "storm-page-2", read_page);
}

/* One line per thread, side by side. */
static int write_line(struct storm *storm, unsigned int thread, unsigned int nr)
{
	return map_once(storm->dev[thread % 2], storm->memory + thread * 256, 256, DMA_FROM_DEVICE);
}

static int storm_lines(struct device *dev)
{
	return blow(dev, "storm-lines-2", write_line);
}

/* Two threads use the two halves of one line. */
static int write_half(struct storm *storm, unsigned int thread, unsigned int nr)
{
	if (thread > 1)
		return 0;
	return map_once(storm->dev[thread % 2], storm->memory + thread * 32, 32, DMA_FROM_DEVICE);
}

static int storm_halves(struct device *dev)
{
	return blow(dev, "storm-halves-2", write_half);
}

/* Read the page. Now and then the first thread unmaps a buffer of its own twice. */
static int read_and_plant(struct storm *storm, unsigned int thread, unsigned int nr)
{
	struct buffer b;
	int err;

	if (thread || nr % PLANT_EVERY)
		return read_page(storm, thread, nr);
	err = buffer_get(storm->dev[0], &b, SIZE, DMA_TO_DEVICE);
	if (err)
		return err;
	buffer_unmap(storm->dev[0], &b);
	buffer_put(storm->dev[0], &b);
	planted++;
	return 0;
}

static int storm_planted(struct device *dev)
{
	return blow(dev, "storm-planted-2", read_and_plant);
}

const struct bench_case storm_cases[] = {
	{ "storm-page", storm_page },
	{ "storm-lines", storm_lines },
	{ "storm-halves", storm_halves },
	{ "storm-planted", storm_planted },
	{},
};
