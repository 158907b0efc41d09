/* SPDX-License-Identifier: GPL-2.0 */
/* The output of a run as KTAP, with one test for each check. */
#ifndef DMASNOOP_KTAP_H
#define DMASNOOP_KTAP_H

#include "output/summary.h"

/**
 * struct ktap_finding - one kind of finding
 * @check: the check, whose test fails
 * @fold: index of the finding's count
 * @text: the lines that describe the finding; owned
 */
struct ktap_finding {
	enum check check;
	size_t fold;
	char *text;
};

/**
 * struct ktap - the KTAP output, printed at the end of a run
 * @out: output stream
 * @fail_on: the lowest level that makes a test fail
 * @finding: the kinds of findings, in the order in which they came
 * @nr: entries in @finding
 */
struct ktap {
	FILE *out;
	enum level fail_on;
	struct ktap_finding *finding;
	size_t nr;
};

void ktap_add(struct ktap *ktap, const struct finding *finding, size_t fold);
void ktap_print(const struct ktap *ktap, const struct summary *summary, const struct fold *folds);
void ktap_free(struct ktap *ktap);

#endif
