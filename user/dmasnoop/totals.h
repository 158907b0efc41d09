/* SPDX-License-Identifier: GPL-2.0 */
/* What parts of a run hand to the summary, and to a recording of it. */
#ifndef DMASNOOP_TOTALS_H
#define DMASNOOP_TOTALS_H

#include <stdint.h>

#include "core/finding.h"
#include "core/types.h"
#include "core/watches.h"

/* Room for the names of what the kernel refused: attach_left_out(). */
#define LEFT_OUT_SIZE 256

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

#endif
