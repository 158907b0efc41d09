/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entering and leaving a program. Every program at a hook has a fallback, which takes the
 * events that come while the first is at work.
 */
#ifndef DMASNOOP_PROGRAM_BPF_H
#define DMASNOOP_PROGRAM_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "core/env.h"
#include "helpers.bpf.h"
#include "memory.bpf.h"

/* Events that a twin handled because the first program was busy; and on each CPU. */
u64 taken_by_fallback;
u64 taken_by_fallback_there[CPUS_MAX];

/* Events that a twin is still to see: mark_done(). A few to a line. */
#define MARKS 2048 /* a power of two */
#define MARKS_IN_LINE 8

u64 marks[MARKS];

/* Where each CPU's part of per-CPU memory is, as the kernel's __per_cpu_offset: learn_layout(). */
u64 cpu_offsets[CPUS_MAX];
bool offsets_known;

/* Bytes of a task's stack; what lies elsewhere is an interrupt's. */
u64 task_stack;

/* Programs at tracepoints are preempted, and cannot keep that off. */
const volatile bool preempted;

/*
 * A task that is preempted in a program leaves a mapping taken, and events of other tasks
 * are dropped until it goes on. So programs disable preemption where the verifier lets them:
 * since Linux 6.15, which also brought this lock, they may then call functions that are
 * verified on their own.
 *
 * The kernel takes a program to be at work until it has returned. preempt_enable() would
 * give way to another task before that, but it does not where interrupts are off
 * (preempt_schedule() in kernel/sched/core.c); the next preempt_enable() of the kernel does.
 */
#define CAN_DISABLE_PREEMPTION (&bpf_res_spin_lock)

static __always_inline void disable_preemption(void)
{
	if (CAN_DISABLE_PREEMPTION)
		bpf_preempt_disable();
}

static __always_inline void enable_preemption(void)
{
	unsigned long flags;

	if (CAN_DISABLE_PREEMPTION) {
		bpf_local_irq_save(&flags);
		bpf_preempt_enable();
		bpf_local_irq_restore(&flags);
	}
}

/*
 * The kernel drops an event that arrives while the same program already runs on that
 * CPU: in an interrupt, or because its task was preempted. So every program has a twin,
 * which runs after it on each event and does what its elder did not.
 *
 * The elder leaves a mark. Its upper half tells the context, which lies on the stack of
 * whoever is at it: no two events at work have the same. The lower one is of an argument,
 * should the mark be left behind. Between the two programs a task may change CPUs.
 */
static __always_inline u64 mark_of(struct cpu_state *cpu, u64 *args)
{
	u64 context = launder(&cpu->number, (u64)args) * 0x9e3779b97f4a7c15;
	u64 argument = launder(&cpu->number, args[1]) * 0xd6e8feb86659fd93;

	return (context & ~0xffffffffull) | argument >> 32 | 1;
}

/* Where it is, unless another one is there: then in the same line. */
static __always_inline u32 mark_slot(u64 mark, u32 i)
{
	return (mark >> 40 & (MARKS - 1)) ^ i;
}

__noinline int mark_other_slot(u64 mark)
{
	for (u32 i = 0; i < MARKS_IN_LINE; i++) {
		u64 *place = &marks[mark_slot(mark, i)], was = *place;

		/* What is of this context was left behind. */
		if ((!was || !((was ^ mark) >> 32)) &&
		    __sync_val_compare_and_swap(place, was, mark) == was)
			return 0;
	}
	/* All of them have been left behind, most likely. */
	marks[mark_slot(mark, 0)] = mark;
	return 0;
}

__noinline int unmark_other_slot(u64 mark)
{
	for (u32 i = 1; i < MARKS_IN_LINE; i++)
		if (marks[mark_slot(mark, i)] == mark) {
			marks[mark_slot(mark, i)] = 0;
			return 1;
		}
	return 0;
}

/* Is this event at work in an interrupt? Or else in the task. */
static __always_inline bool is_nested(struct cpu_state *cpu, u64 *args)
{
	return launder(&cpu->number, (u64)args) - (u64)bpf_get_current_task_btf()->stack >=
	       task_stack;
}

/* @active: a program's counter of that, 0: not known */
static __always_inline bool is_running(struct cpu_state *cpu, u64 active)
{
	if (!cpu->offset)
		cpu->offset = cpu_offsets[bpf_get_smp_processor_id() & (CPUS_MAX - 1)];
	return active && (u32)peek(active + cpu->offset);
}

/*
 * While a twin is at work, that of an event which interrupts it is dropped. Nobody would
 * take the mark, and it would do for the next event of the same context and argument:
 * virtio_rng unmaps the same buffer in the same interrupt all day. A task that was
 * preempted in the twin may be back before its own is dropped. @active: the twin's
 */
static __noinline void mark_done(u64 *args, u64 active)
{
	struct cpu_state *cpu = env_cpu_state();
	u64 mark;

	if (!cpu || (is_nested(cpu, args) && is_running(cpu, active)))
		return;
	mark = mark_of(cpu, args);
	if (__sync_val_compare_and_swap(&marks[mark_slot(mark, 0)], 0, mark))
		mark_other_slot(mark);
}

static __always_inline bool was_done(struct cpu_state *cpu, u64 *args)
{
	u64 mark = mark_of(cpu, args);

	if (marks[mark_slot(mark, 0)] != mark)
		return unmark_other_slot(mark);
	marks[mark_slot(mark, 0)] = 0;
	return true;
}

/* Has its elder not done it? @arms: what it needs to work; just before it takes marks */
static __always_inline bool is_left_to_fallback(u64 *args, u32 arms)
{
	struct cpu_state *cpu = env_cpu_state();
	u32 is = *(volatile u32 *)&armed;

	if (!cpu || is + 1 < arms || was_done(cpu, args) || is < arms)
		return false;
	__sync_fetch_and_add(&taken_by_fallback_there[bpf_get_smp_processor_id() & (CPUS_MAX - 1)],
			     1);
	__sync_fetch_and_add(&taken_by_fallback, 1);
	return true;
}

#endif
