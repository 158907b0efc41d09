/* SPDX-License-Identifier: GPL-2.0 */
/* The live mappings, by the call site that made them. */
#ifndef DMASNOOP_LIVE_H
#define DMASNOOP_LIVE_H

#include <stdio.h>

#include "core/finding.h"
#include "core/types.h"

/*
 * The number of growing looks in a row that makes a leak. A ring that fills does not grow so long.
 */
#define LOOKS_TO_LEAK 4

/**
 * struct site - the live mappings of one call site of one device's driver
 * @generation: generation of the device
 * @frame: return address into the call site; 0: not recorded
 * @oldest: the oldest live mapping
 * @count: number of live mappings
 * @bytes: size of the mappings in @old
 * @old: number of live mappings of at least the given age
 * @count_before, @old_before: @count and @old at the previous look
 * @growing: looks in a row at which both @count and @old had grown
 * @reported: the site was reported as a leak
 * @device: the device, with its name, driver and platform
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
 * struct sites - the result of the last look at the live mappings
 * @site: the call sites; owned
 * @nr: entries in @site
 * @others: number of live mappings of call sites that found no room
 * @ns: time of the look, CLOCK_MONOTONIC
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
