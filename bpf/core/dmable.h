/* SPDX-License-Identifier: GPL-2.0 */
/* The check for memory that must not be mapped. */
#ifndef DMASNOOP_DMABLE_H
#define DMASNOOP_DMABLE_H

#include "core/env.h"
#include "core/finding.h"
#include "core/memory.h"
#include "core/rules.h"
#include "core/stacks.h"
#include "core/verdict.h"

static __always_inline u64 stack_tag(u64 base, u64 ticks)
{
	return base ^ ticks >> 8;
}

static __always_inline u64 stack_base(u64 sp)
{
	return sp & ~(u64)(TASK_STACK - 1);
}

static __always_inline struct seen_stack *stack_seen(u64 sp)
{
	return &seen_stacks[sp / (2 * TASK_STACK) & (STACKS_SEEN - 1)];
}

/* Records for the fast path which pages may belong to the running task's stack. */
static __always_inline void see_stack(const struct stack_pages *stack, u64 sp)
{
	struct seen_stack *seen = stack_seen(sp);
	u64 pages = 0;

	for (u32 i = 0; i < STACK_PAGES; i++)
		if (stack->page[i])
			pages |= 1ull << (stack->page[i] & 63);
	__sync_lock_test_and_set(&seen->tag, 0);
	__sync_lock_test_and_set(&seen->pages, pages);
	__sync_lock_test_and_set(&seen->tag, stack_tag(stack_base(sp), env_ticks()));
}

/*
 * Is this page part of the current task's stack? The pages are read once for each task. @sp points
 * into the stack in use, which can be an interrupt's.
 */
__noinline int on_stack(u64 phys, u64 sp)
{
	u64 task = env_task(), pid = env_pid();
	struct cpu_state *cpu = env_cpu_state();
	u64 page = phys >> PAGE_SHIFT;

	if (!cpu)
		return 0;
	if (cpu->stack.task != task || cpu->stack.pid != pid) {
		__builtin_memset(&cpu->stack, 0, sizeof(cpu->stack));
		cpu->stack.task = task;
		env_read_task_stack(&cpu->stack);
		cpu->stack.pid = pid;
	}
	see_stack(&cpu->stack, sp);
	for (u32 i = 0; i < STACK_PAGES; i++)
		if (cpu->stack.page[i] && cpu->stack.page[i] == page)
			return 1;
	return 0;
}

/*
 * Checks a buffer against dma-api-howto.rst, "What memory is DMA'able?". The document forbids
 * static data, which nevertheless works where the kernel image is in the direct map. So static data
 * is only a hazard, and a device that merely reads it (the zero page) gets no finding.
 */
__noinline int check_dmable(struct scratch *s)
{
	u32 level = LEVEL_VIOLATION;

	s = env_own(s);
	if (!s)
		return 0;
	if (s->kind == KIND_RESOURCE) {
		if (page_index(s->phys) == NOT_MEMORY)
			return 0;
		s->detail = DETAIL_RAM;
	} else if ((inside(&kernel_text, s->phys) || inside(&kernel_rodata, s->phys)) &&
		   env_is_reserved(s->phys)) {
		s->detail = DETAIL_TEXT;
	} else if (rule_device_writes(s->dir) &&
		   (inside(&kernel_data, s->phys) || inside(&kernel_bss, s->phys)) &&
		   env_is_reserved(s->phys)) {
		s->detail = DETAIL_DATA;
		level = LEVEL_HAZARD;
	} else if (on_stack(s->phys, s->sp)) {
		s->detail = DETAIL_STACK;
	} else if (env_has_memory() && env_is_free(s->phys)) {
		s->detail = DETAIL_FREE;
	} else {
		return 0;
	}
	return WITH_LEVEL(CHECK_ADDR_NOT_DMABLE, level);
}

#endif
