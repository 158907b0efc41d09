/* SPDX-License-Identifier: GPL-2.0 */
/* The time of a mapping's map, and the events since. */
#ifndef DMASNOOP_HISTORY_H
#define DMASNOOP_HISTORY_H

#include "core/env.h"

/* Returns the time of the map in ns. Jiffies advance with CLOCK_MONOTONIC. */
static __always_inline u64 born_ns(const struct mapping *map)
{
	return map->flags & MAP_COARSE ? map->born * facts.tick_ns + jiffies_offset : map->born;
}

static __always_inline void add_step(struct mapping *map, u8 op)
{
	struct step *step = &map->steps[map->nr_steps & (STEPS - 1)];
	u64 now = env_now(), born = born_ns(map);

	step->after = now > born ? (now - born) / STEP_NS : 0;
	step->cpu = env_cpu();
	step->op = op;
	step->coarse = 0;
	map->nr_steps++;
}

#endif
