/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --watch: hardware watchpoints on buffers that a device owns. Owns the perf
 * events; targets.c chooses what is watched, bpf/watchpoint.bpf.h judges the hits.
 */
#ifndef DMASNOOP_WATCH_H
#define DMASNOOP_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/types.h"

struct dmasnoop_bpf;

/**
 * struct watch_options - what --watch asks for
 * @slots: debug registers of each CPU to use; 0: none, not asked for
 * @period_ms: how long each stays on a target
 */
struct watch_options {
	unsigned int slots;
	unsigned int period_ms;
};

/**
 * struct watch_totals - what came of it
 * @options: as asked for
 * @turns: how often a watch was placed
 * @buffers: on how many mappings
 * @counts: of hits, by enum watch_count
 * @refused: the most debug registers that could not be had at one time
 * @error: why, where it is not that others have them: an errno, 0
 */
struct watch_totals {
	struct watch_options options;
	uint64_t turns;
	uint64_t buffers;
	uint64_t counts[NR_WATCH_COUNTS];
	unsigned int refused;
	int error;
};

const char *watch_start(struct dmasnoop_bpf *bpf, const struct watch_options *options);
int watch_turn(void);
void watch_spent(unsigned int slot);
void watch_stop(void);
struct watch_totals watch_totals(void);

#endif
