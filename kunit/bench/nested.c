// SPDX-License-Identifier: GPL-2.0
/*
 * DMA in interrupts that arrive during the DMA of a task. The kernel drops the events of such an
 * interrupt if the tracer's program for them is just running. The tracer has to see these events
 * all the same.
 */
#include <linux/completion.h>
#include <linux/preempt.h>
#include <linux/timer.h>

#include "bench.h"

/* Rounds in each interrupt; there is one interrupt per tick. */
#define ROUNDS 20

/**
 * struct nested - a timer that does DMA while a task does
 * @timer: fires at each tick, on the CPU that started it
 * @end: when it stops, in jiffies
 * @done: completed when the timer has fired for the last time
 * @dev: the device that both use
 * @memory: two pages: one for the task, one for the timer
 * @wrong: unmap the timer's last buffer twice
 * @err: error that stopped the timer
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
		/* The timer fires on the CPU that starts it. */
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

/* At the first such event, the tracer may have to set itself up and lose the event. */
const struct bench_case nested_cases[] = {
	{ "nested-first", nested_right },
	{ "nested", nested_right },
	{ "nested-unmap-twice", nested_unmap_twice },
	{},
};
