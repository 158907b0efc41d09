/* SPDX-License-Identifier: GPL-2.0 */
/* Verdicts. The judge records what is wrong with an event, and sends the findings afterwards. */
#ifndef DMASNOOP_VERDICT_H
#define DMASNOOP_VERDICT_H

#include "core/device_table.h"
#include "core/env.h"
#include "core/finding.h"
#include "core/history.h"
#include "core/losses.h"
#include "core/stacks.h"

/* The flags in the second argument of judge(), above the check and the level. */
#define UNSURE (1 << 16)
#define WITH_MAP (1 << 17) /* the finding is about @s->map */
#define WITH_OTHER (1 << 18) /* the finding is also about @s->other */
#define WITH_LEVEL(check, level) ((check) | (level) << 8)

/* Records a finding, which is sent after the event has been judged. */
__noinline int judge(struct scratch *s, u32 what)
{
	struct verdict *verdict;

	if (!s || !(checks_enabled & CHECK_BIT(what & 31)) || s->nr_verdicts >= VERDICTS)
		return 0;
	verdict = &s->verdicts[s->nr_verdicts++ & (VERDICTS - 1)];
	verdict->check = what & 31;
	verdict->level = what >> 8 & (NR_LEVELS - 1);
	verdict->unsure = !!(what & UNSURE);
	verdict->has_map = !!(what & WITH_MAP);
	verdict->has_other = !!(what & WITH_OTHER);
	verdict->detail = s->detail;
	verdict->watched = s->watched;
	verdict->culprit = s->culprit;
	return 1;
}

struct send_walk {
	void *ctx;
	struct scratch *s;
};

/* Was an event lost since @s->map was made? Then the finding is Unsure. */
static __always_inline bool is_doubtful(struct scratch *s, const struct verdict *verdict,
					const struct device_state *device)
{
	return verdict->has_map && s->op != OP_MAP && s->op != OP_ALLOC &&
	       events_lost(s, device, born_ns(&s->map), s->map.dma);
}

/* Fills in the event of a finding. */
static __always_inline void fill_event(struct finding *finding, const struct scratch *s,
				       const struct verdict *verdict)
{
	finding->type = EVENT_FINDING;
	finding->check = verdict->check;
	finding->level = verdict->level;
	finding->uncertain = verdict->unsure;
	finding->detail = verdict->detail;
	finding->op = s->op;
	finding->dir = s->dir;
	finding->kind = s->kind;
	finding->nents = s->nents;
	finding->attrs = s->attrs;
	finding->ns = env_now();
	finding->cpu = env_cpu();
	finding->pid = env_pid() >> 32;
	env_comm(finding->comm);
	finding->live = 0;
	finding->at = s->at;
	finding->watched = verdict->watched;
	finding->addr = s->dma;
	finding->size = s->size;
}

/* Fills in the device of a finding. */
static __always_inline void fill_device(struct finding *finding, const struct scratch *s,
					const struct verdict *verdict,
					const struct device_state *device)
{
	__builtin_memcpy(finding->device, device->name, sizeof(finding->device));
	__builtin_memcpy(finding->driver, device->driver, sizeof(finding->driver));
	__builtin_memcpy(finding->function_driver, device->function_driver,
			 sizeof(finding->function_driver));
	finding->other_device[0] = '\0';
	if (verdict->detail == DETAIL_OTHER_DEVICE)
		__builtin_memcpy(finding->other_device, device_at(&s->map)->name,
				 sizeof(finding->other_device));
	finding->skips_sync = device->skips_sync;
	finding->has_ops = device->has_ops;
	finding->iommu = device->iommu;
}

/* Fills in the mappings of a finding. */
static __always_inline void fill_mappings(struct finding *finding, struct scratch *s,
					  const struct verdict *verdict)
{
	finding->has_map = verdict->has_map;
	finding->has_other = verdict->has_other;
	finding->object.kind = OBJECT_UNKNOWN;
	finding->map_stack[0] = 0;
	finding->other_stack[0] = 0;
	if (verdict->has_map) {
		__builtin_memcpy(&finding->map, &s->map, sizeof(finding->map));
		copy_stack(finding->map_stack, s->map.stack);
		if (s->map.phys)
			env_find_object(&finding->object, s->map.phys);
		env_name_object(&finding->object);
	}
	if (verdict->has_other) {
		__builtin_memcpy(&finding->other, &s->other, sizeof(finding->other));
		copy_stack(finding->other_stack, s->other.stack);
	}
	if (verdict->check == CHECK_LINE_NEIGHBOUR_WRITE)
		__builtin_memcpy(finding->changed, s->changed, sizeof(finding->changed));
	else
		__builtin_memset(finding->changed, 0, sizeof(finding->changed));
}

/*
 * Sends a finding about the event in @s. Only this function reads the stack, so that an event
 * without a finding does not pay for that.
 */
static long send_one(u32 index, struct send_walk *walk)
{
	struct scratch *s = walk->s;
	struct device_state *device = known_device(s);
	struct verdict *verdict = &s->verdicts[index & (VERDICTS - 1)];
	struct finding *finding;
	long bytes;

	if (!device)
		return 0;
	if (is_doubtful(s, verdict, device)) {
		verdict->unsure = 1;
		if (verdict->level > LEVEL_HAZARD)
			verdict->level = LEVEL_HAZARD;
	}
	__sync_fetch_and_add(&device->findings, 1);
	if (verdict->level < min_level) {
		__sync_fetch_and_add(&unsent[verdict->level & (NR_LEVELS - 1)], 1);
		return 0;
	}
	/* From now on, each of the device's mappings gets a stack of its own. */
	device->reported = 1;
	set_pace(device);
	finding = env_reserve(sizeof(*finding));
	if (!finding) {
		count_lost(LOST_RING);
		return 0;
	}
	fill_event(finding, s, verdict);
	fill_device(finding, s, verdict, device);
	fill_mappings(finding, s, verdict);
	finding->stack[0] = 0;
	if (verdict->culprit) {
		copy_stack(finding->stack, verdict->culprit);
	} else {
		bytes = get_stack(walk->ctx, finding->stack, s->caller);
		if (bytes <= 0)
			finding->stack[0] = 0;
	}
	env_submit(finding);
	return 0;
}

/* Sends the findings that judge() has recorded. */
static __always_inline void send_verdicts(void *ctx, struct scratch *s)
{
	struct send_walk walk = { .ctx = ctx, .s = s };

	if (!s->nr_verdicts)
		return;
	env_loop(s->nr_verdicts, send_one, &walk);
	s->nr_verdicts = 0;
}

#endif
