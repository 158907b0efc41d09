/* SPDX-License-Identifier: GPL-2.0 */
/* The scratch space of an event. An event claims one at its start and releases it at its end. */
#ifndef DMASNOOP_SCRATCH_H
#define DMASNOOP_SCRATCH_H

#include "core/env.h"
#include "core/finding.h"
#include "core/losses.h"

/*
 * Another program on the same CPU can not only interrupt a program, but also preempt it. The second
 * program need not end before the first, so the scratches are not a stack.
 */
__noinline u32 claim_scratch(void)
{
	struct cpu_state *cpu = env_cpu_state();

	for (u32 i = 0; cpu && i < SCRATCHES; i++)
		if (!(__sync_fetch_and_or(&cpu->used, 1u << i) & 1u << i))
			return i;
	lose_event(LOST_NESTED);
	return SCRATCHES;
}

/* Takes a scratch and clears its optional fields. */
static __always_inline struct scratch *take_scratch(void)
{
	u32 index = claim_scratch();
	struct scratch *s = env_scratch(index);

	if (!s)
		return NULL;
	s->index = index;
	s->cpu_address = 0;
	s->culprit = 0;
	s->caller = 0;
	s->attrs = 0;
	s->nents = 0;
	s->at = NOWHERE;
	s->detail = DETAIL_NONE;
	s->missing = 0;
	s->met = 0;
	s->leaving = 0;
	s->looked = 0;
	s->watched = 0;
	s->nr_verdicts = 0;
	return s;
}

static __always_inline void release_scratch(struct scratch *s)
{
	struct cpu_state *cpu = env_cpu_state();

	if (cpu)
		__sync_fetch_and_and(&cpu->used, ~(1u << (s->index & 31)));
}

#endif
