/* SPDX-License-Identifier: GPL-2.0 */
/* The summary of a run of dmasnoop. */
#ifndef DMASNOOP_SUMMARY_H
#define DMASNOOP_SUMMARY_H

#include "output/report.h"
#include "totals.h"

/**
 * struct fold - the count of findings that differ only in time
 * @key: hash of the check, level, device or driver, and call sites
 * @id: id of the finding in JSON; 0: the finding is only counted
 * @count: number of findings
 */
struct fold {
	uint64_t key;
	unsigned int id;
	uint64_t count;
};

enum unreadable {
	READABLE,
	UNREADABLE, /* the kernel's memory was not found */
	UNREADABLE_LATER, /* events are judged in user space, after they are over: engine.h */
};

/**
 * struct summary - the numbers of a run
 * @devices: all devices seen, those with most findings first
 * @nr_devices: entries in @devices
 * @levels: number of findings by level, repeats included
 * @lost: number of events not kept, by enum lost_reason
 * @missed: number of events that neither a primary program nor its fallback took
 * @overlooked: number of frees and handovers to other layers that were overlooked
 * @left_out: the hooks whose programs the kernel refused, see attach_left_out()
 * @repeats: counts of the findings in JSON
 * @nr_repeats: entries in @repeats
 * @different: number of different findings in text
 * @checks: the checks that were enabled, a bit per enum check
 * @leaks_judged: a driver left its device, or the age of mappings was watched
 * @blind_interrupts: number of interrupts in which the kernel dropped kprobes
 * @unreadable: why contents and allocations are not known, enum unreadable
 * @level: the lowest level that was reported
 * @line_size: size of a cache line that the run assumed, bytes
 * @sampled: the contents of only some buffers were compared
 * @filtered: findings were filtered by device or driver
 * @watch: the totals of --watch
 * @unsettled: number of accesses that --watch saw, but whose next handover is not known
 * @damaged: the totals of the recording are not intact
 * @kernel: release of the kernel
 */
struct summary {
	struct device_state *devices;
	size_t nr_devices;
	uint64_t levels[NR_LEVELS];
	uint64_t lost[NR_LOST];
	uint64_t missed;
	uint64_t overlooked;
	const char *left_out;
	const struct fold *repeats;
	size_t nr_repeats;
	size_t different;
	uint32_t checks;
	bool leaks_judged;
	uint32_t unreadable;
	u64 blind_interrupts;
	enum level level;
	unsigned int line_size;
	bool sampled;
	bool filtered;
	struct watch_totals watch;
	uint64_t unsettled;
	bool damaged;
	const char *kernel;
};

void summary_text(FILE *out, const struct summary *summary);
void summary_json(FILE *out, const struct summary *summary);

#endif
