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
	const char *text;
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
		 u64 seed, u32 offset, struct scenario_result *result);

#endif
