/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scenarios: drivers that are wrong in one way, and their correct twins. A scenario is a placement,
 * a fault, and the few DMA API calls in which the fault shows. The coherency is that of the device
 * it is run on.
 */
#ifndef DMALOOP_SCENARIO_H
#define DMALOOP_SCENARIO_H

#include "client.h"
#include "dmaloop_uapi.h"
#include "placement.h"

struct scenario_run;

/**
 * enum desc_placement - where a scenario's descriptors lie and how they are fetched
 * @DESC_NONE: the scenario is not about descriptors
 * @DESC_PACKED: one after the other, each fetched alone
 * @DESC_BANKED: two in each bank, which is fetched as a whole
 * @DESC_BANK_STRADDLE: like DESC_BANKED, but shifted, so that every second one lies in two banks
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
 * @name: its name on the command line
 * @where: placement of the buffer
 * @faulty: the driver is wrong
 * @fault: what is wrong; "none" when nothing is
 * @twin: name of the correct scenario; NULL if this is a correct one
 * @body: the code of the driver
 * @size: bytes of payload
 * @evict: the cache evicts dirty lines eagerly, whatever the device's configuration says
 * @quiet: the driver does not touch the neighbour bytes during the transfer
 * @desc: placement of the descriptors
 * @cures: DMALOOP_CURE_* that the driver or its device has
 * @handled: number of device faults that a correct driver meets and handles
 * @text: one-line description
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
 * @seed: determines the payloads; the same seed gives the same result
 * @where: placement of the buffer; NR_PLACEMENTS for the scenario's own
 * @offset: for PLACE_OFFSET: offset of the buffer in bytes
 * @user: for PLACE_USER: address of a page of the caller
 * @desc: placement of the descriptors; DESC_NONE for the scenario's own
 * @cures: additional DMALOOP_CURE_* flags
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
 * struct scenario_result - what was observed in a run
 * @outcome: enum dmaloop_outcome
 * @wrong: number of bytes that were not as expected
 * @faults: number of device faults during the run
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
