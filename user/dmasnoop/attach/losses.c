// SPDX-License-Identifier: GPL-2.0
/* Counts the events that neither a primary program nor its fallback took. */
#define _GNU_SOURCE /* sched_setaffinity() */
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "attach/attach.h"
#include "attach/program.h"
#include "core/types.h"
#include "core/watches.h"
#include "dmasnoop.skel.h"

/* Finds a variable of the BPF object by its name, which the skeleton has only as a field. */
static uint64_t *find_variable(struct dmasnoop_bpf *bpf, const char *name)
{
	struct btf *btf = bpf_object__btf(bpf->obj);
	const struct btf_type *section =
		btf__type_by_id(btf, btf__find_by_name_kind(btf, ".bss", BTF_KIND_DATASEC));
	const struct btf_var_secinfo *variable = btf_var_secinfos(section);

	for (int i = 0; i < btf_vlen(section); i++)
		if (!strcmp(name, btf__name_by_offset(
					  btf, btf__type_by_id(btf, variable[i].type)->name_off)))
			return (uint64_t *)((char *)bpf->bss + variable[i].offset);
	return NULL;
}

/* The names of the primary programs. */
static const char *primary_names[PRIMARIES_MAX];
static size_t nr_primaries;

static void find_primaries(struct dmasnoop_bpf *bpf)
{
	struct bpf_program *first, *second;

	bpf_object__for_each_program(first, bpf->obj) {
		const char *name = bpf_program__name(first);

		second = fallback_of(bpf, name);
		if (nr_primaries == PRIMARIES_MAX || !second || bpf_program__fd(first) < 0)
			continue;
		bpf->bss->primary_ids[nr_primaries] = program_info(first).id;
		bpf->bss->fallback_ids[nr_primaries] = program_info(second).id;
		primary_names[nr_primaries++] = name;
	}
	bpf->bss->nr_primaries = nr_primaries;
}

/*
 * Finds the kernel's counters of the events that primary programs missed, and the flags that tell
 * whether their fallback programs are running: see bpf/losses.bpf.h and mark_done(). Returns false
 * if the kernel does not show them.
 */
static bool learn_programs(struct dmasnoop_bpf *bpf)
{
	struct bpf_link *link = bpf_program__attach_iter(bpf->progs.learn_programs, NULL);
	int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	char nothing[64];

	while (fd >= 0 && read(fd, nothing, sizeof(nothing)) > 0)
		;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	for (size_t i = 0; i < nr_primaries; i++) {
		uint64_t *active;
		char name[96];

		snprintf(name, sizeof(name), "%s" FALLBACK "_active", primary_names[i]);
		active = find_variable(bpf, name);
		if (!active || !bpf->bss->primary_stats[i] || !bpf->bss->fallback_active[i])
			return false;
		*active = bpf->bss->fallback_active[i];
	}
	return nr_primaries;
}

/*
 * Returns the number of CPUs that can be brought online. Firmware may declare hundreds more to be
 * possible.
 */
static uint32_t cpus_present(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/present", "re");
	uint32_t last = libbpf_num_possible_cpus() - 1;
	char separator;

	/* The file has a list such as 0-3,8, whose last number is the highest. */
	while (file && fscanf(file, "%" SCNu32 "%c", &last, &separator) == 2 && separator != '\n')
		;
	if (file)
		fclose(file);
	return last < CPUS_MAX ? last + 1 : CPUS_MAX;
}

/**
 * attach_learn - let the BPF object find the facts that only BPF programs can find
 * @bpf: loaded, not attached
 *
 * Return: NULL, or a text about what is missing.
 */
const char *attach_learn(struct dmasnoop_bpf *bpf)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);

	attach_find_memory(bpf);
	bpf->bss->nr_cpus = libbpf_num_possible_cpus();
	bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.learn_layout), &run);
	bpf->bss->nr_cpus = cpus_present();
	find_primaries(bpf);
	if (!bpf->bss->offsets_known)
		return "it does not show which events it drops: before 5.19 it needs CONFIG_KALLSYMS_ALL=y";
	return learn_programs(bpf) ? NULL : "it does not show which events it drops";
}

/*
 * Counts the events that the kernel dropped on one CPU, or with EVERYWHERE on all CPUs (in
 * @dropped).
 */
static void count_dropped(struct dmasnoop_bpf *bpf, uint32_t where)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);

	bpf->bss->dropped_where = where;
	bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.count_dropped), &run);
}

/*
 * Returns the number of events that the kernel dropped and that no fallback program has taken yet.
 * @taken is the number of events that fallback programs took.
 */
static int64_t count_pending_losses(struct dmasnoop_bpf *bpf, uint64_t *taken)
{
	*taken = __atomic_load_n(&bpf->bss->taken_by_fallback, __ATOMIC_SEQ_CST);
	count_dropped(bpf, EVERYWHERE);
	return bpf->bss->dropped - *taken;
}

/*
 * Counts the pending losses without the events that a fallback program is about to take. Where a
 * task runs, no event is in progress, as long as tracepoints disable preemption. So each CPU is
 * asked on that CPU. An event of an interrupt in between is both dropped and taken. A CPU on which
 * this process may not run is asked from another one.
 */
static int64_t count_missed(struct dmasnoop_bpf *bpf)
{
	cpu_set_t before[CPUS_MAX / CPU_SETSIZE], only[CPUS_MAX / CPU_SETSIZE];
	bool known = !sched_getaffinity(0, sizeof(before), before);
	uint64_t taken, missed = 0;

	for (uint32_t cpu = 0; cpu < bpf->bss->nr_cpus; cpu++) {
		const uint64_t *there = &bpf->bss->taken_by_fallback_there[cpu];

		memset(only, 0, sizeof(only));
		CPU_SET_S(cpu, sizeof(only), only);
		if (known)
			sched_setaffinity(0, sizeof(only), only);
		do {
			taken = __atomic_load_n(there, __ATOMIC_SEQ_CST);
			count_dropped(bpf, cpu);
		} while (taken != __atomic_load_n(there, __ATOMIC_SEQ_CST));
		missed += bpf->bss->dropped_there - taken;
	}
	if (known)
		sched_setaffinity(0, sizeof(before), before);
	return missed;
}

/* What attach_missed() found before tracing began. */
static int64_t missed_before;

/* What count_missed() found at the last look. */
static int64_t counted;

/*
 * Counts anew, and tells the BPF side. Where tasks are preempted in tracepoints, a task may just be
 * between an event that was dropped and the fallback program that is about to take the event. So
 * two looks have to agree there. Until then everything stays in doubt.
 */
static int64_t settle(struct dmasnoop_bpf *bpf)
{
	int64_t last = counted;

	counted = count_missed(bpf);
	if (!attach_preempts_entry() || counted == last)
		bpf->bss->settled = counted;
	return counted;
}

/**
 * attach_missed - count events that neither a primary program nor its fallback took, or that both
 * took
 * @bpf: loaded
 *
 * The kernel counts the events that a running primary program missed, and fallback programs count
 * the events that they took. A difference of either sign means that events were not seen correctly.
 * The BPF side doubts everything while its counts differ from those that this function passes on in
 * @settled. So @settled must not include an event that a fallback program is about to take, because
 * that would make up for an event that is lost later. The first loss attaches the fallback
 * programs.
 *
 * Return: number of events so far.
 */
uint64_t attach_missed(struct dmasnoop_bpf *bpf)
{
	int64_t settled = bpf->bss->settled, missed;
	uint64_t taken;

	/* CPUs may be added to a running machine. */
	if (bpf->bss->nr_cpus < (uint32_t)libbpf_num_possible_cpus())
		bpf->bss->nr_cpus = cpus_present();
	missed = count_pending_losses(bpf, &taken);
	if (bpf->rodata->preempted) {
		bpf->bss->settled = bpf->bss->dropped + taken;
		if (missed && bpf->bss->armed == ARMED)
			attach_fallbacks(bpf);
		return llabs(missed - missed_before);
	}
	if (missed != settled) {
		if (bpf->bss->armed == ARMED)
			attach_fallbacks(bpf);
		settled = settle(bpf);
	}
	return llabs(settled - missed_before);
}

/**
 * attach_settle - forget the events that were missed before tracing began
 * @bpf: loaded and attached, and not armed yet, or armed with the fallbacks
 */
void attach_settle(struct dmasnoop_bpf *bpf)
{
	attach_missed(bpf);
	if (bpf->rodata->preempted) {
		missed_before = bpf->bss->dropped - bpf->bss->taken_by_fallback;
		return;
	}
	if (attach_preempts_entry()) {
		usleep(EVENT_NS / 1000);
		settle(bpf);
	}
	missed_before = counted;
}

/**
 * attach_overlooked - count the overlooked frees and handovers to other layers
 * @bpf: loaded
 *
 * Their programs have no fallback programs.
 */
uint64_t attach_overlooked(const struct dmasnoop_bpf *bpf)
{
	struct bpf_program *program;
	uint64_t overlooked = 0;

	bpf_object__for_each_program(program, bpf->obj)
		if (is_tracepoint(program) && !is_tracepoint_fallback(program) &&
		    !fallback_of(bpf, bpf_program__name(program)))
			overlooked += program_info(program).recursion_misses;
	return overlooked;
}
