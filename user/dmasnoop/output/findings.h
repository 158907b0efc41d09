/* SPDX-License-Identifier: GPL-2.0 */
/* Findings on their way to the reader: they are filtered, counted, folded and printed. */
#ifndef DMASNOOP_FINDINGS_H
#define DMASNOOP_FINDINGS_H

#include "output/ktap.h"
#include "output/report.h"
#include "output/summary.h"

/**
 * struct folds - the counts of findings, found by key
 * @fold: the counts, in the order of their first findings
 * @index: hash table of twice @room entries: indexes into @fold plus 1; 0: free
 * @nr: counts in @fold
 * @room: counts for which @fold has room
 */
struct folds {
	struct fold *fold;
	uint32_t *index;
	size_t nr;
	size_t room;
};

/**
 * struct findings - the findings of one run, live or replayed
 * @text: stream for text; NULL: no text
 * @json: stream for JSON; NULL: no JSON
 * @ktap: the KTAP output, printed at the end; NULL: no KTAP
 * @context: how the text is printed
 * @level: the lowest level that is printed
 * @fail_on: the lowest level that makes a KTAP test `not ok'
 * @checks: the checks to report, a bit per enum check
 * @device: the device to report; NULL: all
 * @driver: the driver to report; NULL: all
 * @by_driver: counts of the findings in text or KTAP, folded by driver
 * @by_device: counts of the findings in JSON, folded by device
 * @levels: number of findings by level, repeats included
 * @next_id: id of the next finding in JSON
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

/* The start value for hash_bytes(). */
#define HASH_START 0xcbf29ce484222325

uint64_t hash_bytes(uint64_t hash, const void *data, size_t size);
uint64_t finding_kind(const struct finding *finding);
struct fold *fold_find(struct folds *folds, uint64_t key);

#endif
