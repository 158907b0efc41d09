// SPDX-License-Identifier: GPL-2.0
/*
 * Sets the hardware watchpoints, see watch.h.
 *
 * A watch slot is one debug register, the same on every CPU. A buffer that must not even be read
 * takes two of them. Every period each one moves to its next target (targets.c).
 */
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "watch/watch.h"
#include "core/finding.h"
#include "core/watches.h"
#include "dmasnoop.skel.h"
#include "symbols.h"
#include "watch/targets.h"

#define REFRESH_NS 500000000ull /* maximum age of the sample of mappings */
#define RETRY_NS 1000000000ull /* pause after a debug register was refused */
#define SEEN_BITS (1 << 20)

/* The type that catches reads. On x86 writes always trigger it as well. */
#ifdef __aarch64__
#define READS HW_BREAKPOINT_R
#else
#define READS HW_BREAKPOINT_RW
#endif

/**
 * struct point - a watch slot on one CPU
 * @link: link of the program, which owns the perf event; NULL: none
 * @fd: file descriptor of the perf event
 * @retry_ns: time before which a refused register is not asked for again
 */
struct point {
	struct bpf_link *link;
	int fd;
	uint64_t retry_ns;
};

static struct {
	struct dmasnoop_bpf *bpf;
	struct watch_options options;
	int nr_cpus;
	bool *online;
	struct point *points; /* those of watch slot 0, then of 1, ... */
	uint64_t refreshed;
	uint64_t turned;
	struct watch_totals totals;
	uint8_t seen[SEEN_BITS / 8];
} self;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* --- debug registers --- */

static struct point *point_of(unsigned int slot, int cpu)
{
	return &self.points[slot * self.nr_cpus + cpu];
}

static struct perf_event_attr breakpoint(uint64_t address, uint32_t size, uint32_t type)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(struct perf_event_attr),
		.sample_period = 1,
		.bp_addr = address,
		.bp_len = size,
		.bp_type = type,
		.pinned = 1,
		.exclude_user = 1,
		.exclude_hv = 1,
	};
}

static int open_breakpoint(struct perf_event_attr *attr, int cpu)
{
	return syscall(__NR_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static void give_back(struct point *point)
{
	if (!point->link)
		return;
	/* This closes the perf event, too. */
	bpf_link__destroy(point->link);
	point->link = NULL;
}

/* Sets a watchpoint on one CPU. Returns false if all of the CPU's debug registers are in use. */
static bool take(struct point *point, unsigned int slot, int cpu, const struct perf_event_attr *how)
{
	LIBBPF_OPTS(bpf_perf_event_opts, opts, .bpf_cookie = slot);
	struct perf_event_attr attr = *how;

	if (point->link) {
		if (!ioctl(point->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr))
			return true;
		give_back(point);
	}
	if (now() < point->retry_ns)
		return false;
	point->fd = open_breakpoint(&attr, cpu);
	if (point->fd >= 0) {
		point->link = bpf_program__attach_perf_event_opts(self.bpf->progs.watchpoint,
								  point->fd, &opts);
		if (point->link) {
			point->retry_ns = 0;
			return true;
		}
		self.totals.error = errno;
		close(point->fd);
	} else if (errno != ENOSPC && errno != ENODEV /* the CPU has just gone offline */) {
		self.totals.error = errno;
	}
	point->retry_ns = now() + RETRY_NS;
	return false;
}

static void count_refused(void)
{
	unsigned int refused = 0;

	for (unsigned int slot = 0; slot < self.options.slots; slot++)
		for (int cpu = 0; cpu < self.nr_cpus; cpu++)
			refused += self.online[cpu] && point_of(slot, cpu)->retry_ns;
	if (refused > self.totals.refused)
		self.totals.refused = refused;
}

/* Reads the CPUs that are online. A CPU that went offline has lost its perf events. */
static void read_online(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/online", "re");
	int from, to, end = ',';

	if (!file)
		return;
	memset(self.online, 0, self.nr_cpus * sizeof(*self.online));
	while (end == ',' && fscanf(file, "%d", &from) == 1) {
		to = from;
		end = fgetc(file);
		if (end == '-' && (fscanf(file, "%d", &to) != 1 || (end = fgetc(file)) == EOF))
			break;
		for (int cpu = from; cpu <= to && cpu < self.nr_cpus; cpu++)
			self.online[cpu] = true;
	}
	fclose(file);
	for (unsigned int slot = 0; slot < self.options.slots; slot++)
		for (int cpu = 0; cpu < self.nr_cpus; cpu++)
			if (!self.online[cpu])
				give_back(point_of(slot, cpu));
}

/* --- turns --- */

static void count_buffer(const struct target *target)
{
	uint64_t hash =
		(target->map.born ^ target->map.dma ^ target->map.generation) * 0x9e3779b97f4a7c15;
	uint32_t bit = hash >> 44;

	self.totals.turns++;
	if (self.seen[bit / 8] & 1 << bit % 8)
		return;
	self.seen[bit / 8] |= 1 << bit % 8;
	self.totals.buffers++;
}

/*
 * Tells the BPF side the target of a watch slot. The old address was cleared before, and every CPU
 * has changed its watchpoint since, so nobody reads the old contents any more.
 */
static void publish(unsigned int slot, const struct target *target, enum watch_kind kind)
{
	struct watch *watch = &self.bpf->bss->watches[slot];

	*watch = (struct watch){
		.dma = target->map.dma,
		.born = target->map.born,
		.at = target->at,
		.turn = target->map.turn,
		.generation = target->map.generation,
		.phys = target->phys,
		.size = target->size,
		.kind = kind,
	};
	__atomic_store_n(&watch->address, self.bpf->bss->direct_map_base + target->phys,
			 __ATOMIC_RELEASE);
}

/*
 * The last watch slot is retracted first: without the write watch before it, a watch on any access
 * would take writes for reads.
 */
static void retract(unsigned int first, unsigned int nr)
{
	for (unsigned int slot = first + nr; slot-- > first;)
		__atomic_store_n(&self.bpf->bss->watches[slot].address, 0, __ATOMIC_SEQ_CST);
}

/* Watches writes with one watch slot, and if @reads is set, reads with the next one. */
static void place_watch(unsigned int slot, const struct target *target, bool reads)
{
	uint64_t address = self.bpf->bss->direct_map_base + target->phys;
	struct perf_event_attr write = breakpoint(address, target->size, HW_BREAKPOINT_W);
	struct perf_event_attr access = breakpoint(address, target->size, READS);

	for (int cpu = 0; cpu < self.nr_cpus; cpu++) {
		struct point *first = point_of(slot, cpu);
		struct point *second = reads ? point_of(slot + 1, cpu) : NULL;

		if (!self.online[cpu])
			continue;
		/*
		 * The second one is disabled first, because the watchpoint enabled first gets the
		 * lower register.
		 */
		if (second && second->link)
			ioctl(second->fd, PERF_EVENT_IOC_DISABLE, 0);
		/* The second one is of no use without the first. */
		if (!take(first, slot, cpu, &write)) {
			if (second)
				give_back(second);
			continue;
		}
		if (second)
			take(second, slot + 1, cpu, &access);
	}
	count_refused();
	count_buffer(target);
	publish(slot, target, target->kind == WATCH_ACCESS ? WATCH_WRITE : target->kind);
	if (reads)
		publish(slot + 1, target, WATCH_ACCESS);
}

static void rest(unsigned int slot)
{
	for (int cpu = 0; cpu < self.nr_cpus; cpu++)
		give_back(point_of(slot, cpu));
}

/**
 * watch_turn - move the watchpoints to their next targets when it is time
 *
 * Return: time until the next turn, ms.
 */
int watch_turn(void)
{
	uint64_t time = now(), period = self.options.period_ms * 1000000ull;
	unsigned int slot = 0;
	struct target target;

	if (time - self.turned < period)
		return (period - (time - self.turned)) / 1000000 + 1;
	self.turned = time;
	if (time - self.refreshed >= REFRESH_NS) {
		read_online();
		targets_refresh();
		self.refreshed = time;
	}
	retract(0, self.options.slots);
	while (slot < self.options.slots && targets_next(&target)) {
		bool reads = target.kind == WATCH_ACCESS && slot + 1 < self.options.slots;

		place_watch(slot, &target, reads);
		slot += reads ? 2 : 1;
	}
	/* There is nothing to watch, so others may use the debug registers. */
	for (; slot < self.options.slots; slot++)
		rest(slot);
	return self.options.period_ms;
}

/**
 * watch_spent - stop a watchpoint that was hit often enough
 * @slot: index of the watch slot
 *
 * The watchpoint is off until the next turn, like the other one on the same target. So a target
 * that is touched all the time costs little.
 */
void watch_spent(unsigned int slot)
{
	const struct watch *watches = self.bpf->bss->watches;
	unsigned int first = slot, nr = 1;

	/* The event is about the previous target. */
	if (slot >= self.options.slots || watches[slot].hits < WATCH_HITS_MAX)
		return;
	if (watches[slot].kind == WATCH_ACCESS)
		first--;
	if (first + 1 < self.options.slots && watches[first + 1].kind == WATCH_ACCESS)
		nr = 2;
	retract(first, nr);
	for (slot = first; slot < first + nr; slot++)
		for (int cpu = 0; cpu < self.nr_cpus; cpu++)
			if (point_of(slot, cpu)->link)
				ioctl(point_of(slot, cpu)->fd, PERF_EVENT_IOC_DISABLE, 0);
}

/**
 * watch_totals - return the totals so far
 */
struct watch_totals watch_totals(void)
{
	struct watch_totals totals = self.totals;

	totals.options = self.options;
	if (self.bpf)
		for (int i = 0; i < NR_WATCH_COUNTS; i++)
			totals.counts[i] = self.bpf->bss->watch_counts[i];
	return totals;
}

/* --- start and stop --- */

/* Finds the code that may touch memory that a device owns. */
static bool find_legal_text(void)
{
	static const char *const legal[] = {
		/* These are functions of the DMA API. */
		"dma_map_",
		"__dma_map_",
		"dma_unmap_",
		"dma_sync_",
		"__dma_sync_",
		"dma_iova_",
		"__dma_iova_",
		"dma_direct_",
		"swiotlb_",
		"xen_swiotlb_",
		"iommu_dma_",
		"__iommu_dma_",
		/* These are other tracers, kmemleak, /proc/kcore, /dev/mem, and hibernation. */
		"copy_from_kernel_nofault",
		"scan_block",
		"read_kcore",
		"read_mem",
		"copy_data_page",
		"safe_copy_page",
		NULL,
	};
	/* This code reads strings, names and checksums word by word: include/linux/rwonce.h. */
	static const char *const overreading[] = {
		"strscpy",
		"sized_strscpy",
		"full_name_hash",
		"hashlen_string",
		"link_path_walk",
		"__d_lookup",
		"d_same_name",
		"d_alloc_parallel",
		"csum_partial",
		"do_csum",
		NULL,
	};
	struct dmasnoop_bpf__bss *bss = self.bpf->bss;
	size_t nr = symbols_ranges(legal, bss->legal_text, LEGAL_TEXT_MAX);
	size_t more = symbols_ranges(overreading, bss->overreading_text, OVERREADING_MAX);

	bss->nr_legal_text = nr;
	bss->nr_overreading_text = more;
	return nr && nr <= LEGAL_TEXT_MAX && more <= OVERREADING_MAX;
}

/* Tests whether a watchpoint fires. Some hypervisors accept watchpoints and ignore them. */
static const char *try_one(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	int program = bpf_program__fd(self.bpf->progs.watch_probe);
	struct perf_event_attr attr;
	uint64_t hits = 0;
	int fd, cpu = 0;

	while (cpu < self.nr_cpus - 1 && !self.online[cpu])
		cpu++;
	run.flags = BPF_F_TEST_RUN_ON_CPU;
	run.cpu = cpu;
	if (bpf_prog_test_run_opts(program, &run))
		return "the kernel did not run its probe";
	if (!self.bpf->bss->direct_map_base)
		return "where physical memory is mapped could not be found";
	attr = breakpoint(self.bpf->bss->watch_target_address, 8, HW_BREAKPOINT_W);
	fd = open_breakpoint(&attr, cpu);
	if (fd < 0) {
		switch (errno) {
		case ENOSPC:
			/* All debug registers are in use now. They are asked for again later. */
			return NULL;
		case EACCES:
		case EPERM:
			return "the kernel does not allow it (lockdown, or a security module): "
			       "needs CAP_SYS_ADMIN and perf events";
		default:
			return "this machine has no hardware watchpoints (some hypervisors hide "
			       "them); run without --watch";
		}
	}
	bpf_prog_test_run_opts(program, &run);
	if (read(fd, &hits, sizeof(hits)) != sizeof(hits))
		hits = 0;
	close(fd);
	return hits ? NULL :
		      "hardware watchpoints are accepted, but do not fire (a hypervisor "
		      "ignores them); run without --watch";
}

/**
 * watch_start - prepare the watchpoints
 * @bpf: loaded
 * @options: the options of --watch
 *
 * Return: NULL, or an error text with advice.
 */
const char *watch_start(struct dmasnoop_bpf *bpf, const struct watch_options *options)
{
	struct rlimit files;
	rlim_t needed;

	self.bpf = bpf;
	self.options = *options;
	self.nr_cpus = libbpf_num_possible_cpus();
	if (self.nr_cpus < 1)
		return "the CPUs could not be counted (/sys/devices/system/cpu/possible)";
	/* Each debug register of each CPU needs two files, and the tracer needs some. */
	needed = 2 * options->slots * self.nr_cpus + 256;
	if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < needed) {
		files.rlim_cur = needed < files.rlim_max ? needed : files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	self.points = calloc(options->slots * self.nr_cpus, sizeof(*self.points));
	self.online = calloc(self.nr_cpus, sizeof(*self.online));
	if (!self.points || !self.online || !targets_start(bpf, options->period_ms))
		return "out of memory";
	read_online();
	if (!find_legal_text())
		return "the DMA API's functions were not found in /proc/kallsyms; "
		       "is /proc/sys/kernel/kptr_restrict 2?";
	return try_one();
}

/**
 * watch_stop - remove all watchpoints
 */
void watch_stop(void)
{
	if (self.points) {
		retract(0, self.options.slots);
		for (unsigned int slot = 0; slot < self.options.slots; slot++)
			rest(slot);
	}
	free(self.points);
	free(self.online);
	targets_stop();
	self.points = NULL;
}
