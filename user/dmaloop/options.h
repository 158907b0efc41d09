/* SPDX-License-Identifier: GPL-2.0 */
/* What dmaloop was asked to do. */
#ifndef DMALOOP_OPTIONS_H
#define DMALOOP_OPTIONS_H

#include <stdbool.h>

#include "loopdev.h"

/* The verb is the first argument. VERB_NONE stands for the program without one: it only helps. */
enum verb { VERB_NONE, VERB_LIST, VERB_RUN, VERB_ISOLATE, VERB_CURVE, VERB_MATRIX, NR_VERBS };

/**
 * struct options - the command line
 * @verb: what to do
 * @scenario: NAME of run, isolate and curve; NULL for the others
 * @settings: the device and the run. For matrix, @settings.coherency is a list and
 *	@settings.arch selects columns
 * @repeat: runs of each row, at least 1; all must agree
 * @full: matrix: run every placement
 * @json: print JSON instead of text
 */
struct options {
	enum verb verb;
	const char *scenario;
	struct settings settings;
	unsigned long repeat;
	bool full;
	bool json;
};

void options_parse(struct options *opts, int argc, char **argv);

#endif
