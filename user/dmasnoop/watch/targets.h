/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The choice of the next watchpoint for --watch: a mapping, and a place in it. watch.c calls this
 * code.
 */
#ifndef DMASNOOP_TARGETS_H
#define DMASNOOP_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/types.h"
#include "core/watches.h"

struct dmasnoop_bpf;

/**
 * struct target - a part of a mapping that a debug register can watch
 * @map: the mapping, as it was when it was chosen
 * @at: index of the mapping's slot
 * @phys: physical address of the first byte, aligned to @size
 * @size: size in bytes: 1, 2, 4 or 8
 * @kind: WATCH_ACCESS if reading is wrong, too
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
