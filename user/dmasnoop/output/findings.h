/* SPDX-License-Identifier: GPL-2.0 */
/* Findings on their way to the reader: filtered, counted, folded, printed. */
#ifndef DMASNOOP_FINDINGS_H
#define DMASNOOP_FINDINGS_H

#include "output/ktap.h"
#include "output/report.h"
#include "output/summary.h"

/**
 * struct folds - counts by key
 * @fold: in the order of their first
 * @index: hash table of twice the @room, of places in @fold, from 1 on
 */
struct folds {
	struct fold *fold;
	uint32_t *index;
	size_t nr;
	size_t room;
};

/**
 * struct findings - the findings of one run, live or replayed
 * @text: where text goes; NULL when it is not wanted
 * @json: where JSON goes; NULL when it is not
 * @ktap: what KTAP will say at the end; NULL when it is not wanted
 * @context: how the text is printed
 * @level: printed from here on
 * @fail_on: KTAP's `not ok' from here on
 * @checks: the others are passed over, bit per enum check
 * @device: the others are passed over; NULL: all
 * @driver: likewise
 * @by_driver: what the text, or KTAP, has said
 * @by_device: what JSON has said
 * @levels: all of them by level, repeats included
 * @next_id: of a finding in JSON
 */
struct findings {
	FILE *text;
	FILE *json;
	struct ktap *ktap;
	struct report_context context;
	enum level level;
	enum level fail_on;
	uint32_t checks;
	const char *device;
	const char *driver;
	struct folds by_driver;
	struct folds by_device;
	uint64_t levels[NR_LEVELS];
	unsigned int next_id;
};

void findings_add(struct findings *findings, const struct finding *found, uint64_t count);
bool findings_selects(const struct findings *findings, const char *device, const char *driver,
		      const char *function_driver);
bool findings_failed(const struct findings *findings);
void findings_end(struct findings *findings, struct summary *summary);
void findings_free(struct findings *findings);

/* Of hash_bytes(). */
#define HASH_START 0xcbf29ce484222325

uint64_t hash_bytes(uint64_t hash, const void *data, size_t size);
uint64_t finding_kind(const struct finding *finding);
struct fold *fold_find(struct folds *folds, uint64_t key);

#endif
