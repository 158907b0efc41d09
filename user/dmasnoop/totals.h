/* SPDX-License-Identifier: GPL-2.0 */
/* The totals that parts of a run hand to the summary and to a recording. */
#ifndef DMASNOOP_TOTALS_H
#define DMASNOOP_TOTALS_H

#include <stdint.h>

#include "core/finding.h"
#include "core/types.h"
#include "core/watches.h"

/* The size of the buffer for the result of attach_left_out(), in bytes. */
#define LEFT_OUT_SIZE 256

/**
 * struct watch_options - the options of --watch
 * @slots: debug registers to use on each CPU; 0: --watch is off
 * @period_ms: time that a watchpoint stays on one target, ms
 */
struct watch_options {
	unsigned int slots;
	unsigned int period_ms;
};

/**
 * struct watch_totals - the totals of --watch
 * @options: the options of --watch
 * @turns: number of watchpoints placed
 * @buffers: number of mappings watched
 * @counts: number of hits, by enum watch_count
 * @refused: the largest number of debug registers that were refused at one time
 * @error: errno of the refusal; 0: others use the registers
 */
struct watch_totals {
	struct watch_options options;
	uint64_t turns;
	uint64_t buffers;
	uint64_t counts[NR_WATCH_COUNTS];
	unsigned int refused;
	int error;
};

#endif
