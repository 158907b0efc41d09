/* SPDX-License-Identifier: GPL-2.0 */
/* What a run of dmasnoop amounts to. */
#ifndef DMASNOOP_SUMMARY_H
#define DMASNOOP_SUMMARY_H

#include "output/report.h"
#include "totals.h"

/**
 * struct fold - findings that are the same but for when
 * @key: of check, level, device or driver, and call sites
 * @id: as in JSON; 0: only counted
 * @count: how many
 */
struct fold {
	uint64_t key;
	unsigned int id;
	uint64_t count;
};

enum unreadable {
	READABLE,
	UNREADABLE, /* the kernel's memory was not found */
	UNREADABLE_LATER, /* events are judged in user space, when they are over: engine.h */
};

/**
 * struct summary - the numbers of a run
 * @devices: every device that was seen, most findings first
 * @nr_devices: entries in @devices
 * @levels: findings by level, repeats included
 * @lost: events not kept, by enum lost_reason
 * @missed: events that neither a primary nor its fallback saw
 * @overlooked: frees and handovers that were not looked at
 * @left_out: where the kernel refused programs, see attach_left_out()
 * @repeats: findings in JSON
 * @nr_repeats: entries in @repeats
 * @different: findings in text
 * @checks: that were looked for, bit per enum check
 * @leaks_judged: a driver left its device, or mappings were watched growing old
 * @blind_interrupts: in which the kernel dropped kprobes
 * @unreadable: why contents and allocations are not known, enum unreadable
 * @level: what was reported from
 * @line_size: what was judged by, bytes
 * @sampled: contents of some buffers only were compared
 * @filtered: by device or driver
 * @watch: what --watch did
 * @unsettled: accesses that --watch saw, of which what followed is not known
 * @damaged: of a recording, whose totals are not intact
 * @kernel: its release
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
