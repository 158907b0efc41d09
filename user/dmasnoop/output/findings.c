// SPDX-License-Identifier: GPL-2.0
/*
 * Takes findings from their source, the tracer or a recording: filters them, counts them, and folds
 * repeats. The other files of this directory have the words.
 */
#include <stdlib.h>
#include <string.h>

#include "output/findings.h"
#include "symbols.h"

/**
 * hash_bytes - add bytes to an FNV-1a hash
 * @hash: the hash of the bytes before, or HASH_START
 * @data: the bytes to add
 * @size: size of @data, bytes
 */
uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
	return hash;
}

/* Returns a hash of the check, the level, the doubt, and the call sites. */
static uint64_t call_sites(const struct finding *f)
{
	const uint64_t *event, *map;
	size_t nr_event = symbols_caller(f->stack, STACK_MAX, &event);
	size_t nr_map = symbols_caller(f->map_stack, STACK_MAX, &map);
	uint64_t hash = hash_bytes(HASH_START, &f->check, sizeof(f->check));

	/*
	 * A finding of a higher level, or one that is not Unsure, is reported even after a note or
	 * an Unsure finding.
	 */
	hash = hash_bytes(hash, &f->level, sizeof(f->level));
	hash = hash_bytes(hash, &f->uncertain, sizeof(f->uncertain));
	/* Two frames distinguish the callers of a helper. */
	hash = hash_bytes(hash, event, (nr_event < 2 ? nr_event : 2) * sizeof(*event));
	return hash_bytes(hash, map, (nr_map < 2 ? nr_map : 2) * sizeof(*map));
}

/* Hashes a name, which may lack a terminator. Bytes behind the terminator do not count. */
static uint64_t mix_name(uint64_t hash, const char *name)
{
	return hash_bytes(hash, name, strnlen(name, NAME_SIZE));
}

/* Many drivers share the name of a virtio transport, so the function's driver is hashed, too. */
static uint64_t mix_driver(uint64_t hash, const struct finding *f)
{
	return mix_name(mix_name(hash, f->driver), f->function_driver);
}

/**
 * finding_kind - hash the facts that a finding shares with its repeats
 * @finding: the finding
 *
 * Every filter, level and fold treats two findings of one kind alike.
 */
uint64_t finding_kind(const struct finding *finding)
{
	return mix_driver(mix_name(call_sites(finding), finding->device), finding);
}

/* Returns the place of a key in the index, or the free place for it. */
static uint32_t *fold_place(const struct folds *folds, uint64_t key)
{
	size_t i = key ^ key >> 32;

	for (;; i++) {
		uint32_t *place = &folds->index[i & (2 * folds->room - 1)];

		if (!*place || folds->fold[*place - 1].key == key)
			return place;
	}
}

static bool fold_grow(struct folds *folds)
{
	size_t room = folds->room ? 2 * folds->room : 64;
	struct fold *more = realloc(folds->fold, room * sizeof(*more));
	uint32_t *index = calloc(2 * room, sizeof(*index));

	folds->fold = more ?: folds->fold;
	if (!more || !index) {
		free(index);
		return false;
	}
	free(folds->index);
	folds->index = index;
	folds->room = room;
	for (size_t i = 0; i < folds->nr; i++)
		*fold_place(folds, folds->fold[i].key) = i + 1;
	return true;
}

/**
 * fold_find - find the count of one key, and add it if needed
 * @folds: the counts
 * @key: hash of a kind of finding
 *
 * Return: the entry, whose count is 0 if it is new; valid until the next call. NULL if there is no
 *	memory.
 */
struct fold *fold_find(struct folds *folds, uint64_t key)
{
	uint32_t *place = folds->room ? fold_place(folds, key) : NULL;

	if (place && *place)
		return &folds->fold[*place - 1];
	if (folds->nr == folds->room && !fold_grow(folds))
		return NULL;
	folds->fold[folds->nr] = (struct fold){ .key = key };
	*fold_place(folds, key) = ++folds->nr;
	return &folds->fold[folds->nr - 1];
}

/* A count from a recording can be any number. */
static void add(uint64_t *sum, uint64_t count)
{
	if (__builtin_add_overflow(*sum, count, sum))
		*sum = UINT64_MAX;
}

/* Counts a finding. Returns true if it is the first one of its kind. */
static bool count_one(struct folds *folds, uint64_t key, unsigned int id, uint64_t count)
{
	struct fold *fold = fold_find(folds, key);
	bool first;

	if (!fold)
		return true;
	first = !fold->count;
	add(&fold->count, count);
	if (first)
		fold->id = id;
	return first;
}

/**
 * findings_selects - test whether the filters select a device
 * @findings: the run
 * @device: name of the device, not necessarily terminated
 * @driver: name of its driver, not necessarily terminated
 * @function_driver: see struct device_state
 */
bool findings_selects(const struct findings *findings, const char *device, const char *driver,
		      const char *function_driver)
{
	return (!findings->device || !strncmp(findings->device, device, NAME_SIZE)) &&
	       (!findings->driver || !strncmp(findings->driver, driver, NAME_SIZE) ||
		!strncmp(findings->driver, function_driver, NAME_SIZE));
}

/**
 * findings_add - filter, count and print a finding
 * @findings: the run
 * @found: the finding
 * @count: number of findings of this kind
 */
void findings_add(struct findings *findings, const struct finding *found, uint64_t count)
{
	struct finding copy = *found, *finding = &copy;
	uint8_t from = findings->ktap ? findings->fail_on : findings->level;
	uint64_t sites;

	/*
	 * A task chooses its own name, so control characters are removed before root's terminal
	 * sees it.
	 */
	clean_text(copy.comm, sizeof(copy.comm));
	clean_text(copy.device, sizeof(copy.device));
	clean_text(copy.driver, sizeof(copy.driver));
	clean_text(copy.function_driver, sizeof(copy.function_driver));
	clean_text(copy.other_device, sizeof(copy.other_device));
	clean_text(copy.object.cache, sizeof(copy.object.cache));
	if (!(findings->checks & 1u << finding->check) ||
	    !findings_selects(findings, finding->device, finding->driver, finding->function_driver))
		return;
	add(&findings->levels[finding->level], count);
	if (finding->level < from && finding->level < findings->level)
		return;
	sites = call_sites(finding);
	if ((findings->text || findings->ktap) && finding->level >= from &&
	    count_one(&findings->by_driver, mix_driver(sites, finding), findings->by_driver.nr,
		      count)) {
		if (findings->ktap)
			ktap_add(findings->ktap, finding, findings->by_driver.nr - 1);
		else
			report_text(findings->text, finding, &findings->context);
	}
	if (findings->json && finding->level >= findings->level &&
	    count_one(&findings->by_device, mix_name(sites, finding->device), findings->next_id + 1,
		      count))
		report_json(findings->json, finding, ++findings->next_id, &findings->context);
}

/**
 * findings_failed - test for findings at or above --fail-on
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
 * findings_end - end the run, and print its summary
 * @findings: the run
 * @summary: devices, losses and line size; this function fills in the rest
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
		add(&summary->levels[i], findings->levels[i]);
	for (size_t i = 0; i < summary->nr_devices; i++) {
		struct device_state *device = &summary->devices[i];

		clean_text(device->name, sizeof(device->name));
		clean_text(device->driver, sizeof(device->driver));
		clean_text(device->function_driver, sizeof(device->function_driver));
	}
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
 * findings_free - free the findings
 * @findings: the run
 */
void findings_free(struct findings *findings)
{
	free(findings->by_driver.fold);
	free(findings->by_driver.index);
	free(findings->by_device.fold);
	free(findings->by_device.index);
	memset(&findings->by_driver, 0, sizeof(findings->by_driver));
	memset(&findings->by_device, 0, sizeof(findings->by_device));
}
