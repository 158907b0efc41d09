/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --watch: hardware watchpoints on buffers that a device owns. watch.c owns the perf events,
 * targets.c chooses the targets, and bpf/watchpoint.bpf.h judges the hits.
 */
#ifndef DMASNOOP_WATCH_H
#define DMASNOOP_WATCH_H

#include "totals.h"

struct dmasnoop_bpf;

const char *watch_start(struct dmasnoop_bpf *bpf, const struct watch_options *options);
int watch_turn(void);
void watch_spent(unsigned int slot);
void watch_stop(void);
struct watch_totals watch_totals(void);

#endif
