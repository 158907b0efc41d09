/* SPDX-License-Identifier: GPL-2.0 */
/* What --watch watches next: which mapping, and where in it. Called by watch.c. */
#ifndef DMASNOOP_TARGETS_H
#define DMASNOOP_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/types.h"
#include "core/watches.h"

struct dmasnoop_bpf;

/**
 * struct target - what a debug register can watch of a mapping
 * @map: the mapping, as it was when it was chosen
 * @at: its place in the table
 * @phys: first byte, aligned to @size
 * @size: 1, 2, 4 or 8
 * @kind: WATCH_ACCESS: reading it is wrong too
 */
struct target {
	struct mapping map;
	uint32_t at;
	uint64_t phys;
	uint32_t size;
	enum watch_kind kind;
};

bool targets_start(struct dmasnoop_bpf *bpf, unsigned int period_ms);
void targets_stop(void);
void targets_refresh(void);
bool targets_next(struct target *target);

#endif
