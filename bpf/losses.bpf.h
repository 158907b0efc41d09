/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The count of events that the kernel dropped because their program was already running on the CPU.
 */
#ifndef DMASNOOP_LOSSES_BPF_H
#define DMASNOOP_LOSSES_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "core/losses.h"
#include "maps.bpf.h"
#include "memory.bpf.h"
#include "program.bpf.h"

u32 nr_cpus; /* number of CPUs that can be brought online */

/*
 * The IDs of the primary and fallback programs, and two per-CPU addresses for each pair: the
 * kernel's count of events that the primary program missed, and its count of running fallback
 * programs. learn_programs() fills them in; 0 means not known.
 */
u32 primary_ids[PRIMARIES_MAX];
u32 fallback_ids[PRIMARIES_MAX];
u64 primary_stats[PRIMARIES_MAX];
u64 fallback_active[PRIMARIES_MAX];
u32 nr_primaries;

/*
 * The number of events that the kernel has dropped, even if a fallback program took them: on all
 * CPUs, and on one CPU (@dropped_where). count_dropped() fills them in.
 */
u64 dropped;
u64 dropped_there;
u32 dropped_where;

/* The number of events that user space has accounted for; env_look_for_losses() compares it. */
u64 settled;

/*
 * Fills in an entry of cpu_offsets. A kernel without CONFIG_KALLSYMS_ALL hides __per_cpu_offset.
 * The same offset is the difference between the address of a value in a per-CPU map and the address
 * that the map holds.
 */
static long learn_offset(u32 cpu, const u64 *base)
{
	u32 zero = 0;
	void *there;

	if (&__per_cpu_offset) {
		cpu_offsets[cpu & (CPUS_MAX - 1)] =
			peek((u64)&__per_cpu_offset + cpu * sizeof(u64));
		return 0;
	}
	there = bpf_map_lookup_percpu_elem(&cpu_states, &zero, cpu);
	if (there)
		cpu_offsets[cpu & (CPUS_MAX - 1)] = launder(&laundering[0][0], (u64)there) - *base;
	return 0;
}

/* User space's registers are at the end of a task's stack, whose size is a power of two. */
static __always_inline void learn_stack_size(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 used = launder(&laundering[0][0], bpf_task_pt_regs(task)) - (u64)task->stack;

	for (task_stack = 4096; task_stack < used && task_stack < 1 << 20;)
		task_stack *= 2;
}

/* This program is not attached. User space runs it once. */
SEC("raw_tp")
int learn_layout(void *ctx)
{
	u64 map = launder(&laundering[0][0], (u64)&cpu_states), base;

	learn_stack_size();
	/* The helper exists since Linux 5.19. */
	if (!&__per_cpu_offset &&
	    !bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_map_lookup_percpu_elem))
		return 0;
	base = read_u64((void *)(map + bpf_core_field_offset(((struct bpf_array *)0)->pptrs)));
	bpf_loop(nr_cpus < CPUS_MAX ? nr_cpus : CPUS_MAX, learn_offset, &base, 0);
	offsets_known = &__per_cpu_offset || base;
	return 0;
}

/*
 * This program is not attached. User space reads it once, to fill in primary_stats and
 * fallback_active.
 */
SEC("iter/bpf_prog")
int learn_programs(struct bpf_iter__bpf_prog *ctx)
{
	struct bpf_prog *program = ctx->prog;
	u32 id;

	if (!program)
		return 0;
	id = BPF_CORE_READ(program, aux, id);
	for (u32 i = 0; i < PRIMARIES_MAX && i < nr_primaries; i++) {
		if (primary_ids[i] == id)
			primary_stats[i] = (u64)BPF_CORE_READ(program, stats);
		if (fallback_ids[i] == id)
			fallback_active[i] = (u64)BPF_CORE_READ(program, active);
	}
	return 0;
}

struct miss_walk {
	u64 misses;
	u32 first; /* number of the first CPU */
	u32 pad;
};

static long add_misses(u32 index, struct miss_walk *walk)
{
	u64 stats = primary_stats[index % nr_primaries & (PRIMARIES_MAX - 1)];
	u32 cpu = walk->first + index / nr_primaries;

	if (!stats)
		return 0;
	stats += cpu_offsets[cpu & (CPUS_MAX - 1)];
	walk->misses += peek(stats + bpf_core_field_offset(((struct bpf_prog_stats *)0)->misses));
	return 0;
}

/*
 * Counts the events that the kernel has dropped so far on some CPUs, even if a fallback program
 * took them.
 */
__noinline u64 count_misses(u32 first, u32 cpus)
{
	struct miss_walk walk = { .first = first };

	bpf_loop(cpus * nr_primaries, add_misses, &walk, 0);
	return walk.misses;
}

/*
 * Checks whether the kernel dropped an event that no fallback program took and that user space does
 * not know. This includes an event that a fallback program is about to take, because only user
 * space can tell those apart (attach_missed()). Until user space has done so, every finding is
 * Unsure. The count of events taken by fallback programs is read first, so that it cannot stand for
 * an event that is dropped later.
 *
 * Where programs can be preempted, a fallback program may also take an event that was done. There
 * every dropped event counts, and every event that a fallback program took.
 */
static __always_inline void compare_losses(u64 taken, u64 misses)
{
	if ((preempted ? misses + taken : misses - taken) != settled)
		lose_until(bpf_ktime_get_ns());
}

__noinline int env_look_for_losses(void)
{
	u64 taken = *(volatile u64 *)&taken_by_fallback;

	compare_losses(taken, count_misses(0, nr_cpus));
	return 0;
}

/*
 * This program is not attached. User space runs it to get @dropped, or for one CPU @dropped_there.
 * After the former, findings are Unsure if there are dropped events that are not settled.
 */
SEC("raw_tp")
int count_dropped(void *ctx)
{
	u64 taken = *(volatile u64 *)&taken_by_fallback;

	if (dropped_where != EVERYWHERE) {
		dropped_there = count_misses(dropped_where, 1);
		return 0;
	}
	dropped = count_misses(0, nr_cpus);
	compare_losses(taken, dropped);
	return 0;
}

#endif
