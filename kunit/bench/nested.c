// SPDX-License-Identifier: GPL-2.0
/*
 * DMA in interrupts that come in the middle of a task's. The kernel drops the events
 * of such an interrupt when the tracer's program for them is just at work; the tracer
 * has to see them all the same.
 */
#include <linux/completion.h>
#include <linux/preempt.h>
#include <linux/timer.h>

#include "bench.h"

/* In each interrupt; one a tick. */
#define ROUNDS 20

/**
 * struct nested - a timer that does DMA while a task does
 * @timer: comes at each tick, on the CPU that started it
 * @end: when it comes no more, jiffies
 * @done: it has come for the last time
 * @dev: the device of both
 * @memory: two pages: the task's, the timer's
 * @wrong: the timer's last buffer is unmapped twice
 * @err: why the timer gave up
 */
struct nested {
	struct timer_list timer;
	unsigned long end;
	struct completion done;
	struct device *dev;
	u8 *memory[2];
	bool wrong;
	int err;
};

static int round_of(struct device *dev, u8 *memory)
{
	struct buffer b = { .cpu = memory };
	int err = buffer_map(dev, &b, SIZE, DMA_FROM_DEVICE);

	if (!err)
		buffer_unmap(dev, &b);
	return err;
}

static void nested_tick(struct timer_list *timer)
{
	struct nested *n = container_of(timer, struct nested, timer);
	struct buffer b = { .cpu = n->memory[1] };
	int i;

	for (i = 0; !n->err && i < ROUNDS; i++)
		n->err = round_of(n->dev, n->memory[1]);
	if (!n->err && time_before(jiffies, n->end)) {
		mod_timer(timer, jiffies + 1);
		return;
	}
	if (!n->err && n->wrong) {
		n->err = buffer_map(n->dev, &b, SIZE, DMA_FROM_DEVICE);
		if (!n->err) {
			buffer_unmap(n->dev, &b);
			buffer_unmap(n->dev, &b);
		}
	}
	complete(&n->done);
}

static int nested(struct device *dev, bool wrong)
{
	struct nested *n = kzalloc(sizeof(*n), GFP_KERNEL);
	int i, err = n ? 0 : -ENOMEM;

	for (i = 0; !err && i < 2; i++) {
		n->memory[i] = (u8 *)get_zeroed_page(GFP_KERNEL);
		err = n->memory[i] ? 0 : -ENOMEM;
	}
	if (!err) {
		n->dev = dev;
		n->wrong = wrong;
		n->end = jiffies + HZ;
		init_completion(&n->done);
		timer_setup(&n->timer, nested_tick, 0);
		/* The timer stays where it is started. */
		migrate_disable();
		mod_timer(&n->timer, jiffies + 1);
		while (!err && !completion_done(&n->done)) {
			err = round_of(dev, n->memory[0]);
			cond_resched();
		}
		migrate_enable();
		wait_for_completion(&n->done);
		err = err ?: n->err;
	}
	for (i = 0; n && i < 2; i++)
		free_page((unsigned long)n->memory[i]);
	kfree(n);
	return err;
}

static int nested_right(struct device *dev)
{
	return nested(dev, false);
}

static int nested_unmap_twice(struct device *dev)
{
	return nested(dev, true);
}

/* The tracer may have to get ready at the first such event, and lose that. */
const struct bench_case nested_cases[] = {
	{ "nested-first", nested_right },
	{ "nested", nested_right },
	{ "nested-unmap-twice", nested_unmap_twice },
	{},
};
