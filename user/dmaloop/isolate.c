// SPDX-License-Identifier: GPL-2.0
/*
 * dmaloop isolate: why a configuration fails.
 *
 * It changes one setting at a time, and tells which changes cure the failure. Then it removes
 * the settings that do not matter, and shows the smallest set that fails in the same way.
 *
 * This file knows what it means when a setting matters. It knows no scenario by name.
 */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "loopdev.h"
#include "options.h"
#include "predict.h"
#include "verbs.h"

#define PLACES_MAX 15

/**
 * struct state - one isolation
 * @fd: the control device
 * @info: the scenario
 * @base: the failing configuration
 * @outcome: how it fails
 * @trials: JSON array of the trials; NULL: text is printed
 * @status: exit status of the first trial that could not run; 0: all ran
 */
struct state {
	int fd;
	struct dmaloop_scenario_info info;
	struct settings base;
	unsigned int outcome;
	struct json_object *trials;
	int status;
};

enum verdict { CURED, FAILS, NOT_RUN };

/*
 * Runs the scenario once. @setting and @value describe the change, for JSON. @outcome, unless
 * NULL, receives the outcome if it ran.
 */
static enum verdict try(struct state *state, const struct settings *settings, const char *setting,
			const char *value, unsigned int *outcome)
{
	struct json_object *trial;
	struct dmaloop_run run;
	char device[64];
	int status = device_create(settings, device, sizeof(device));

	if (!status) {
		status = device_run(state->fd, settings, &state->info, &run);
		device_destroy();
	}
	if (status) {
		state->status = state->status ?: status;
		return NOT_RUN;
	}
	if (outcome)
		*outcome = run.outcome;
	if (state->trials) {
		trial = json_object_new_object();
		json_add_text(trial, "setting", setting);
		json_add_text(trial, "value", value);
		json_add_text(trial, "observed", outcome_name(run.outcome));
		json_object_array_add(state->trials, trial);
	}
	return run.outcome == DMALOOP_OK ? CURED : FAILS;
}

/* Prints a paragraph of the report, with @mark in front of its first line. Not for JSON. */
static void say(const struct state *state, const char *mark, const char *text)
{
	const unsigned int width = 66;

	if (state->trials)
		return;
	printf("  %-10s", mark);
	while (strlen(text) > width) {
		int cut = width;

		while (cut && text[cut] != ' ')
			cut--;
		printf("%.*s\n  %-10s", cut, text, "");
		text += cut + 1;
	}
	printf("%s\n", text);
}

/* Runs the failing configuration with another value of one setting. */
static enum verdict try_one(struct state *state, const char *setting, const char *value)
{
	struct settings settings = state->base;
	const struct {
		const char *name;
		const char **field;
	} fields[] = {
		{ "coherency", &settings.coherency },
		{ "arch", &settings.arch },
		{ "maintenance", &settings.maintenance },
		{ "line_size", &settings.line_size },
		{ "evict", &settings.evict },
		{ "prefetch", &settings.prefetch },
		{ "iommu", &settings.iommu },
		{ "dma_bits", &settings.dma_bits },
		{ "placement", &settings.placement },
		{ "descriptors", &settings.descriptors },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (!strcmp(fields[i].name, setting))
			*fields[i].field = value;
	return try(state, &settings, setting, value, NULL);
}

/* Appends @word to a comma-separated list. */
static void list_add(char *list, size_t size, const char *word)
{
	size_t length = strlen(list);

	snprintf(list + length, size - length, "%s%s", length ? ", " : "", word);
}

/* Asks whether the cache, the bounce buffer, or neither matters. */
static void isolate_coherency(struct state *state)
{
	bool cached = !strcmp(state->base.coherency, "noncoherent");
	enum verdict verdict;

	if (strcmp(state->base.coherency, "coherent")) {
		verdict = try_one(state, "coherency", "coherent");
		if (verdict == CURED)
			say(state, "matters",
			    cached ? "the cache: a coherent device does not fail" :
				     "bouncing: a coherent device does not fail");
		else if (verdict == FAILS)
			say(state, "ruled out",
			    cached ? "not the cache: fails on a coherent device too" :
				     "not bouncing: fails on a coherent device too");
	}
	if (!cached)
		return;
	verdict = try_one(state, "maintenance", "always");
	if (verdict == CURED)
		say(state, "cured by",
		    "flushing every line around every access: some clean or invalidate is missing, "
		    "or reaches too far");
	else if (verdict == FAILS)
		say(state, "ruled out", "not the cache: still fails with every line flushed");
}

/* Tries every value of a setting except @own, and tells which of them cure the failure. */
static void isolate_values(struct state *state, const char *setting, const char *what,
			   const char *const *values, const char *own)
{
	char cured[256] = "", fails[256] = "", text[640];
	unsigned int nr_cured = 0, nr_fails = 0;

	for (; *values; values++) {
		enum verdict verdict;

		if (own && !strcmp(*values, own))
			continue;
		verdict = try_one(state, setting, *values);
		if (verdict == NOT_RUN)
			continue;
		if (verdict == CURED) {
			nr_cured++;
			list_add(cured, sizeof(cured), *values);
		} else {
			nr_fails++;
			list_add(fails, sizeof(fails), *values);
		}
	}
	if (nr_fails && !nr_cured) {
		snprintf(text, sizeof(text), "not the %s: still fails with %s", what, fails);
		say(state, "ruled out", text);
	} else if (nr_cured) {
		snprintf(text, sizeof(text), "the %s: does not fail with %s%s%s", what, cured,
			 nr_fails ? "; still does with " : "", fails);
		say(state, "matters", text);
	}
}

/* Tries every placement of the buffer for which the rules have a prediction. */
static void isolate_placement(struct state *state)
{
	const char *places[PLACES_MAX + 1] = {};

	for (unsigned int i = 0; i < PLACES_MAX; i++) {
		places[i] = predict_place(state->info.name, i);
		if (!places[i])
			break;
	}
	isolate_values(state, "placement", "buffer's placement", places,
		       state->base.placement ?: state->info.placement);
}

/* Tries what helps against faults of the order of descriptors. */
static void isolate_cures(struct state *state)
{
	static const struct {
		unsigned int cure;
		const char *name;
		const char *cures;
		const char *does_not;
	} cures[] = {
		{ DMALOOP_CURE_OWN, "own",
		  "the ownership flag: a device that checks the OWN bit reads a stale descriptor "
		  "again",
		  "not the ownership flag: still fails when the device checks the OWN bit" },
		{ DMALOOP_CURE_BARRIER, "barrier",
		  "the barrier: the descriptor is visible before the doorbell",
		  "not the barrier: still fails when all stores are visible in time" },
	};

	for (size_t i = 0; i < sizeof(cures) / sizeof(cures[0]); i++) {
		struct settings settings = state->base;
		enum verdict verdict;

		settings.cures |= cures[i].cure;
		verdict = try(state, &settings, "cure", cures[i].name, NULL);
		if (verdict == CURED)
			say(state, "cured by", cures[i].cures);
		else if (verdict == FAILS)
			say(state, "ruled out", cures[i].does_not);
	}
}

/* Asks whether it matters where the descriptors lie. */
static void isolate_descriptors(struct state *state)
{
	const char *own = state->base.descriptors ?: state->info.descriptors;
	enum verdict in_padded, in_banked;
	bool padded, banked;

	in_padded = try_one(state, "descriptors", "padded");
	in_banked = try_one(state, "descriptors", "banked");
	if (in_padded == NOT_RUN || in_banked == NOT_RUN)
		return;
	padded = in_padded == CURED;
	banked = in_banked == CURED;
	if (!strcmp(own, "bank-straddle") && padded && banked) {
		say(state, "matters",
		    "fails only when the descriptor crosses a bank while it is being updated: "
		    "whole descriptors in banks do not fail");
		say(state, "cured by", "padding: each descriptor in a bank of its own");
	} else if (!padded && !banked) {
		say(state, "ruled out",
		    "not where the descriptors lie: still fails banked and padded");
	} else {
		say(state, "matters",
		    padded ? "cured by padding, not by whole banks" :
			     "cured by whole banks, not by padding");
	}
}

/* Runs the correct driver in the failing configuration. */
static void isolate_twin(struct state *state)
{
	struct dmaloop_scenario_info faulty = state->info;
	char text[256];

	if (!faulty.twin[0] || find_scenario(state->fd, faulty.twin, &state->info))
		return;
	if (try(state, &state->base, "scenario", faulty.twin, NULL) == CURED) {
		const char *how = state->info.text;

		if (!strncmp(how, "cure: ", 6))
			how += 6;
		snprintf(text, sizeof(text), "the correct driver, %s: %s", faulty.twin, how);
		say(state, "cured by", text);
	}
	state->info = faulty;
}

static void print_minimal(const struct state *state, const char *text)
{
	struct json_object *object;

	if (!state->trials) {
		printf("\nSmallest set that still ends so: %s\n",
		       text[0] ? text : "none; the driver alone is enough, on any machine");
		return;
	}
	object = json_object_new_object();
	json_add_text(object, "scenario", state->info.name);
	json_add_text(object, "observed", outcome_name(state->outcome));
	json_add_text(object, "minimal", text);
	json_object_object_add(object, "trials", json_object_get(state->trials));
	json_print(object);
}

/*
 * Removes one setting after another. A setting without which the scenario no longer ends in
 * the same outcome is put back.
 */
static void minimise(struct state *state)
{
	struct settings left = state->base;
	char text[512] = "";
	const struct {
		const char *name;
		const char **field;
		const char *harmless;
	} steps[] = {
		{ "coherency", &left.coherency, "coherent" },
		{ "arch", &left.arch, NULL },
		{ "line_size", &left.line_size, NULL },
		{ "evict", &left.evict, NULL },
		{ "prefetch", &left.prefetch, NULL },
		{ "neighbours", &left.neighbours, NULL },
		{ "maintenance", &left.maintenance, NULL },
		{ "iommu", &left.iommu, NULL },
		{ "dma_bits", &left.dma_bits, NULL },
		{ "placement", &left.placement, "separate" },
		{ "descriptors", &left.descriptors, "packed" },
	};

	if (!left.placement)
		left.placement = state->info.placement;
	if (!left.descriptors && state->info.descriptors[0])
		left.descriptors = state->info.descriptors;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const char *value = *steps[i].field;
		const char *harmless = steps[i].harmless;
		unsigned int outcome;
		char word[128];

		if (!value || (harmless && !strcmp(value, harmless)))
			continue;
		*steps[i].field = harmless;
		if (try(state, &left, steps[i].name, harmless ?: "default", &outcome) == FAILS &&
		    outcome == state->outcome)
			continue;
		*steps[i].field = value;
		snprintf(word, sizeof(word), "%s=%s", steps[i].name, value);
		list_add(text, sizeof(text), word);
	}
	print_minimal(state, text);
}

/* Changes one setting at a time. The order is that of the report. */
static void isolate_settings(struct state *state)
{
	static const char *const lines[] = { "32", "64", "128", "256", NULL };
	static const char *const arches[] = { "arm", "arm64", "mips", "riscv", NULL };
	static const char *const none[] = { "none", NULL };
	static const char *const exact[] = { "exact", NULL };
	const struct settings *base = &state->base;
	bool cached = !strcmp(base->coherency, "noncoherent");

	isolate_coherency(state);
	if (cached && try_one(state, "maintenance", "always") == CURED) {
		isolate_values(state, "line_size", "line size", lines, base->line_size ?: "64");
		isolate_values(state, "arch", "architecture's maintenance", arches, base->arch);
	}
	if (base->evict)
		isolate_values(state, "evict", "eviction", none, NULL);
	if (base->iommu)
		isolate_values(state, "iommu", "IOMMU's granularity", exact, NULL);
	if (state->info.descriptors[0]) {
		isolate_descriptors(state);
		isolate_cures(state);
	} else if (predict_place(state->info.name, 0)) {
		isolate_placement(state);
	}
	isolate_twin(state);
}

/**
 * verb_isolate - tell why a configuration fails
 * @fd: the control device
 * @opts: the command line
 *
 * A trial that cannot run is left out of the report; standard error says why.
 *
 * Return: 0 when it was told; EXIT_DIFFERENT when the configuration does not fail;
 * EXIT_NOT_RUN.
 */
int verb_isolate(int fd, const struct options *opts)
{
	struct state state = { .fd = fd, .base = opts->settings };
	struct settings *base = &state.base;
	enum verdict verdict;
	bool cached;

	if (find_scenario(fd, opts->scenario, &state.info))
		return EXIT_NOT_RUN;
	base->coherency = base->coherency ?: DEFAULT_COHERENCY;
	cached = !strcmp(base->coherency, "noncoherent");
	if (cached)
		base->arch = base->arch ?: DEFAULT_ARCH;
	verdict = try(&state, base, "none", "as given", &state.outcome);
	if (verdict == NOT_RUN)
		return state.status;
	if (verdict == CURED) {
		printf("%s does not fail in this configuration (%s%s%s); nothing to isolate.\n",
		       opts->scenario, base->coherency, cached ? " " : "",
		       cached ? base->arch : "");
		return EXIT_DIFFERENT;
	}
	if (opts->json)
		state.trials = json_object_new_array();
	else
		printf("%s (%s%s%s): %s. One change at a time:\n\n", opts->scenario,
		       base->coherency, cached ? " " : "", cached ? base->arch : "",
		       outcome_name(state.outcome));
	isolate_settings(&state);
	if (!interrupted)
		minimise(&state);
	json_object_put(state.trials);
	return interrupted ? EXIT_NOT_RUN : 0;
}
