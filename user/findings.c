// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of a finding between its source (the tracer, or a recording) and
 * its reader: filters, counts, and folding of repeats. Words are in report.c,
 * json.c, ktap.c and summary.c.
 */
#include <stdlib.h>
#include <string.h>

#include "findings.h"
#include "symbols.h"

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
	return hash;
}

static uint64_t call_sites(const struct finding *f)
{
	const uint64_t *event, *map;
	size_t nr_event = symbols_trim(f->stack, STACK_MAX, &event);
	size_t nr_map = symbols_trim(f->map_stack, STACK_MAX, &map);
	uint64_t hash = mix(0xcbf29ce484222325, &f->check, sizeof(f->check));

	/* Two frames tell a helper's callers apart. */
	hash = mix(hash, event, (nr_event < 2 ? nr_event : 2) * sizeof(*event));
	return mix(hash, map, (nr_map < 2 ? nr_map : 2) * sizeof(*map));
}

/* Bytes of a name, which need not be terminated; what follows it is not part of it. */
static uint64_t mix_name(uint64_t hash, const char *name)
{
	return mix(hash, name, strnlen(name, NAME_SIZE));
}

/**
 * finding_kind - what a finding has in common with its repeats
 * @finding: any
 *
 * Two findings of one kind are treated alike by every filter, level and fold.
 */
uint64_t finding_kind(const struct finding *finding)
{
	uint64_t hash = mix_name(call_sites(finding), finding->device);

	hash = mix(hash, &finding->level, sizeof(finding->level));
	return mix_name(hash, finding->driver);
}

/**
 * fold_find - the count of one key
 * @folds: where
 * @key: of what
 *
 * Return: the entry, new with a count of 0 when there was none; valid until the
 * next call. NULL without memory.
 */
struct fold *fold_find(struct folds *folds, uint64_t key)
{
	for (size_t i = 0; i < folds->nr; i++)
		if (folds->fold[i].key == key)
			return &folds->fold[i];
	if (folds->nr == folds->room) {
		size_t room = folds->room ? 2 * folds->room : 64;
		struct fold *more = realloc(folds->fold, room * sizeof(*more));

		if (!more)
			return NULL;
		folds->fold = more;
		folds->room = room;
	}
	folds->fold[folds->nr] = (struct fold){ .key = key };
	return &folds->fold[folds->nr++];
}

/* Counts; true when it is the first of its kind. */
static bool count_one(struct folds *folds, uint64_t key, unsigned int id, uint64_t count)
{
	struct fold *fold = fold_find(folds, key);

	if (!fold)
		return true;
	fold->count += count;
	if (fold->count > count)
		return false;
	fold->id = id;
	return true;
}

/**
 * findings_selects - do the filters let a device through?
 * @findings: the run
 * @device: its name, not necessarily terminated
 * @driver: its driver's, likewise
 */
bool findings_selects(const struct findings *findings, const char *device, const char *driver)
{
	return (!findings->device || !strncmp(findings->device, device, NAME_SIZE)) &&
	       (!findings->driver || !strncmp(findings->driver, driver, NAME_SIZE));
}

/**
 * findings_add - a finding arrives
 * @findings: the run
 * @finding: what was found
 * @count: how often, all of one kind
 */
void findings_add(struct findings *findings, const struct finding *finding, uint64_t count)
{
	uint8_t from = findings->ktap ? findings->fail_on : findings->level;
	uint64_t sites;

	if (!(findings->checks & 1u << finding->check) ||
	    !findings_selects(findings, finding->device, finding->driver))
		return;
	findings->levels[finding->level] += count;
	if (finding->level < from && finding->level < findings->level)
		return;
	sites = call_sites(finding);
	if ((findings->text || findings->ktap) && finding->level >= from &&
	    count_one(&findings->by_driver, mix_name(sites, finding->driver),
		      findings->by_driver.nr, count)) {
		if (findings->ktap)
			ktap_add(findings->ktap, finding, findings->by_driver.nr - 1);
		else
			report_text(findings->text, finding, &findings->context);
	}
	if (findings->json && finding->level >= findings->level &&
	    count_one(&findings->by_device, mix_name(sites, finding->device), findings->next_id + 1,
		      count))
		report_json(findings->json, finding, ++findings->next_id);
}

/**
 * findings_failed - is there one at or above --fail-on?
 * @findings: the run
 */
bool findings_failed(const struct findings *findings)
{
	for (int i = findings->fail_on; i < NR_LEVELS; i++)
		if (findings->levels[i])
			return true;
	return false;
}

static int by_findings(const void *a, const void *b)
{
	const struct device_state *left = a, *right = b;

	if (left->findings != right->findings)
		return left->findings < right->findings ? 1 : -1;
	return left->maps < right->maps ? 1 : left->maps > right->maps ? -1 : 0;
}

/**
 * findings_end - the run is over: print what it amounts to
 * @findings: the run
 * @summary: devices, losses and line size; the rest is filled in here
 */
void findings_end(struct findings *findings, struct summary *summary)
{
	summary->repeats = findings->by_device.fold;
	summary->nr_repeats = findings->by_device.nr;
	summary->different = findings->by_driver.nr;
	summary->level = findings->level;
	summary->checks &= findings->checks;
	summary->filtered |= findings->device || findings->driver;
	for (int i = 0; i < NR_LEVELS; i++)
		summary->levels[i] += findings->levels[i];
	if (summary->nr_devices)
		qsort(summary->devices, summary->nr_devices, sizeof(*summary->devices),
		      by_findings);
	if (findings->text)
		summary_text(findings->text, summary);
	if (findings->ktap)
		ktap_print(findings->ktap, summary, findings->by_driver.fold);
	if (findings->json)
		summary_json(findings->json, summary);
}

/**
 * findings_free - forget them
 * @findings: the run
 */
void findings_free(struct findings *findings)
{
	free(findings->by_driver.fold);
	free(findings->by_device.fold);
	memset(&findings->by_driver, 0, sizeof(findings->by_driver));
	memset(&findings->by_device, 0, sizeof(findings->by_device));
}
