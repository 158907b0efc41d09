/* SPDX-License-Identifier: GPL-2.0 */
/* Live mappings by the call site that made them. */
#ifndef DMASNOOP_LIVE_H
#define DMASNOOP_LIVE_H

#include <stdio.h>

#include "core/finding.h"
#include "core/types.h"

/* So many looks in a row at which it has grown: no ring that fills. */
#define LOOKS_TO_LEAK 4

/**
 * struct site - one call site of one device's driver, and what is live of it
 * @generation: of the device
 * @frame: return address into the call site; 0: not recorded
 * @oldest: its oldest live mapping
 * @count: live mappings
 * @old: how many of them are as old as asked
 * @bytes: of those
 * @count_before, @old_before: at the look before
 * @growing: looks in a row at which @count and @old had grown
 * @reported: was reported as a leak
 * @device: whose; its name, driver and platform
 */
struct site {
	u32 generation;
	u64 frame;
	struct mapping oldest;
	u64 count;
	u64 bytes;
	u64 old;
	u64 count_before;
	u64 old_before;
	unsigned int growing;
	bool reported;
	struct device_state device;
};

/**
 * struct sites - what the last look saw
 * @site: owned
 * @nr: of them
 * @others: live mappings of call sites there was no room for
 * @ns: when it was, CLOCK_MONOTONIC
 */
struct sites {
	struct site *site;
	size_t nr;
	u64 others;
	u64 ns;
};

void live_look(struct sites *sites, int stacks, double older);
bool live_leak(struct site *site, int stacks, struct finding *finding);
void live_forget_growth(struct sites *sites);
void live_text(FILE *out, struct sites *sites);
void live_json(FILE *out, struct sites *sites, int stacks);
void live_free(struct sites *sites);

#endif
