/* SPDX-License-Identifier: GPL-2.0 */
/* A run as KTAP: one test for each check. */
#ifndef DMASNOOP_KTAP_H
#define DMASNOOP_KTAP_H

#include "output/summary.h"

/**
 * struct ktap_finding - one kind of finding
 * @check: which test it fails
 * @fold: index of its count
 * @text: lines for the reader; owned
 */
struct ktap_finding {
	enum check check;
	size_t fold;
	char *text;
};

/**
 * struct ktap - what will be printed at the end
 * @out: where
 * @fail_on: a finding below it fails nothing
 * @finding: in the order they came
 * @nr: of them
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
