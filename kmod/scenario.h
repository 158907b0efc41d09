/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scenarios: drivers that are wrong in one way, and their correct twins. A
 * scenario is a placement, a fault, and the handful of DMA API calls in which
 * the fault shows; the coherency comes from the device it is run on.
 */
#ifndef DMALOOP_SCENARIO_H
#define DMALOOP_SCENARIO_H

#include "client.h"
#include "dmaloop_uapi.h"
#include "placement.h"

struct scenario_run;

/**
 * enum desc_placement - where a scenario's descriptors lie, and how they are fetched
 * @DESC_NONE: not what the scenario is about
 * @DESC_PACKED: one after the other; each fetched alone
 * @DESC_BANKED: two to a bank, which is fetched whole
 * @DESC_BANK_STRADDLE: the same, shifted: every other one lies in two banks
 * @DESC_PADDED: each in a bank of its own
 */
enum desc_placement {
	DESC_NONE,
	DESC_PACKED,
	DESC_BANKED,
	DESC_BANK_STRADDLE,
	DESC_PADDED,
	NR_DESC_PLACEMENTS,
};

extern const char *const desc_placement_names[NR_DESC_PLACEMENTS];

/**
 * struct scenario - one row of the table in scenario.c
 * @name: as the command line spells it
 * @where: placement of the buffer
 * @faulty: the driver is wrong
 * @fault: what is wrong; "none" when nothing is
 * @twin: name of the correct scenario; NULL for a correct one
 * @body: the driver
 * @size: bytes of payload
 * @evict: the cache evicts dirty lines eagerly, whatever the device says
 * @quiet: the driver does not touch the neighbour during the transfer
 * @desc: placement of its descriptors
 * @cures: DMALOOP_CURE_* that the driver or its device has
 * @handled: device faults that a correct driver meets and handles
 * @text: one line for people
 */
struct scenario {
	const char *name;
	enum placement where;
	bool faulty;
	const char *fault;
	const char *twin;
	int (*body)(struct scenario_run *run);
	u32 size;
	bool evict;
	bool quiet;
	enum desc_placement desc;
	u32 cures;
	u32 handled;
	const char *text;
};

/**
 * struct scenario_options - how a scenario is run
 * @seed: payloads are made from it; same seed, same result
 * @where: placement of the buffer; NR_PLACEMENTS: the scenario's own
 * @offset: for PLACE_OFFSET
 * @user: for PLACE_USER: address of a page of the caller's
 * @desc: placement of the descriptors; DESC_NONE: the scenario's own
 * @cures: more DMALOOP_CURE_*
 */
struct scenario_options {
	u64 seed;
	enum placement where;
	u32 offset;
	u64 user;
	enum desc_placement desc;
	u32 cures;
};

/**
 * struct scenario_result - what a run's client saw
 * @outcome: enum dmaloop_outcome
 * @wrong: bytes that were not as expected
 * @faults: device faults during the run
 * @spared: see struct cache_effect
 */
struct scenario_result {
	enum dmaloop_outcome outcome;
	u32 wrong;
	u32 faults;
	u32 spared;
};

extern const struct scenario scenarios[];
extern const unsigned int nr_scenarios;

const struct scenario *scenario_find(const char *name);
int scenario_run(const struct scenario *scenario, struct device *dev, struct engine *engine,
		 const struct scenario_options *options, struct scenario_result *result);

#endif
