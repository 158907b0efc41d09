/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The entry and exit of a program. Every program at a hook is a primary program. Its fallback
 * program takes the events that the kernel drops while the primary program is running.
 */
#ifndef DMASNOOP_PROGRAM_BPF_H
#define DMASNOOP_PROGRAM_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "core/env.h"
#include "helpers.bpf.h"
#include "memory.bpf.h"

/*
 * The number of events that a fallback program took because the primary program was running, in all
 * and on each CPU.
 */
u64 taken_by_fallback;
u64 taken_by_fallback_there[CPUS_MAX];

/*
 * The marks of events that a primary program has handled and a fallback program has yet to see:
 * mark_done(). Neighbouring marks share a cache line.
 */
#define MARKS 2048 /* a power of two */
#define MARKS_IN_LINE 8

u64 marks[MARKS];

/* The offset of each CPU's per-CPU memory, as in the kernel's __per_cpu_offset: learn_layout(). */
u64 cpu_offsets[CPUS_MAX];
bool offsets_known;

/* The size of a task's stack. A stack pointer outside the task's stack belongs to an interrupt. */
u64 task_stack;

/* Programs at tracepoints can be preempted and cannot disable preemption. */
const volatile bool preempted;

/*
 * A task that is preempted in a program leaves a slot locked, and events of other tasks are dropped
 * until the task continues. So programs disable preemption where the verifier allows it. Since
 * Linux 6.15, which also brought this lock, they may then call global functions.
 *
 * The kernel considers a program to be running until it has returned. preempt_enable() would
 * reschedule before that, but not while interrupts are off (preempt_schedule() in
 * kernel/sched/core.c). The kernel's next preempt_enable() reschedules instead.
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
 * Computes the mark of an event. The kernel drops an event if the same program is already running
 * on that CPU, because the event comes in an interrupt, or because the task was preempted. So every
 * primary program has a fallback program, which runs after it on each event and does the work that
 * is left.
 *
 * The primary program leaves a mark. The upper half of the mark identifies the context, which lies
 * on the stack of the event: no two events in progress have the same. The lower half comes from an
 * argument, in case a mark is left behind. A task may change CPUs between the two programs.
 */
static __always_inline u64 mark_of(struct cpu_state *cpu, u64 *args)
{
	u64 context = launder(&cpu->number, (u64)args) * 0x9e3779b97f4a7c15;
	u64 argument = launder(&cpu->number, args[1]) * 0xd6e8feb86659fd93;

	return (context & ~0xffffffffull) | argument >> 32 | 1;
}

/* Returns the slot of a mark; for @i > 0, an alternative in the same cache line. */
static __always_inline u32 mark_slot(u64 mark, u32 i)
{
	return (mark >> 40 & (MARKS - 1)) ^ i;
}

__noinline int mark_other_slot(u64 mark)
{
	for (u32 i = 0; i < MARKS_IN_LINE; i++) {
		u64 *place = &marks[mark_slot(mark, i)], was = *place;

		/* A mark with the same context was left behind. */
		if ((!was || !((was ^ mark) >> 32)) &&
		    __sync_val_compare_and_swap(place, was, mark) == was)
			return 0;
	}
	/* Most likely all marks in this cache line were left behind. */
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

/* Does this event happen in an interrupt? */
static __always_inline bool is_nested(struct cpu_state *cpu, u64 *args)
{
	return launder(&cpu->number, (u64)args) - (u64)bpf_get_current_task_btf()->stack >=
	       task_stack;
}

/*
 * Is a program running? @active is the address of its count of running instances; 0 when not known.
 */
static __always_inline bool is_running(struct cpu_state *cpu, u64 active)
{
	if (!cpu->offset)
		cpu->offset = cpu_offsets[bpf_get_smp_processor_id() & (CPUS_MAX - 1)];
	return active && (u32)peek(active + cpu->offset);
}

/*
 * Marks an event as done. An event that interrupts the fallback program gets no mark. The kernel
 * drops that turn of the fallback program, so nothing would remove the mark, and the next event
 * with the same context and argument would seem to be done. virtio_rng, for example, unmaps the
 * same buffer in the same interrupt all day. A task that was preempted in the fallback program may
 * continue before the turn is dropped. @active is the count of the fallback program.
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

/*
 * Did the primary program leave this event to its fallback program? @arms is the state in which the
 * fallback program works; one state before, the fallback program only removes marks.
 */
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
