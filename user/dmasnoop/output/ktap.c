// SPDX-License-Identifier: GPL-2.0
/*
 * Prints a run as KTAP, version 1 (Documentation/dev-tools/ktap.rst), for a kernel's CI. Each check
 * is a test. A check whose mistakes could not have been seen is skipped, never `ok'. findings.c
 * calls this code.
 */
#define _GNU_SOURCE /* asprintf() */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "output/ktap.h"
#include "needs.h"
#include "symbols.h"

/**
 * ktap_add - keep a finding for the end of the run
 * @ktap: the KTAP output
 * @finding: the first finding of its kind
 * @fold: index of the finding's count
 */
void ktap_add(struct ktap *ktap, const struct finding *finding, size_t fold)
{
	const uint64_t *event = finding->stack, *map = finding->map_stack;
	struct ktap_finding *more;
	char at[256] = "", driver[DRIVERS_SIZE], *text;

	more = realloc(ktap->finding, (ktap->nr + 1) * sizeof(*more));
	if (!more)
		return;
	ktap->finding = more;
	if (symbols_caller(finding->stack, STACK_MAX, &event))
		symbols_format(*event, at, sizeof(at));
	driver_format(finding->driver, finding->function_driver, driver, sizeof(driver));
	if (asprintf(&text, "%s: %s, %s (driver %s)%s\n#   at %s", level_names[finding->level],
		     finding_headline(finding), finding->device, driver,
		     finding->uncertain ? ", unsure" : "", at[0] ? at : "(not recorded)") < 0)
		return;
	ktap->finding[ktap->nr++] = (struct ktap_finding){ finding->check, fold, text };
	if (finding->op == OP_MAP || !symbols_caller(finding->map_stack, STACK_MAX, &map))
		return;
	symbols_format(*map, at, sizeof(at));
	if (asprintf(&text, "%s\n#   mapped at %s", ktap->finding[ktap->nr - 1].text, at) < 0)
		return;
	free(ktap->finding[ktap->nr - 1].text);
	ktap->finding[ktap->nr - 1].text = text;
}

/* Returns the reason why a check could not be judged; NULL if it could. */
static const char *unseen(const struct summary *summary, enum check check, enum level fail_on)
{
	uint32_t needed = needs_of(check), missing, fewest = ~0u;

	if (check_infos[check].level < fail_on)
		return "its findings are below --fail-on";
	if (summary->damaged)
		return "the recording is damaged";
	for (size_t i = 0; i < summary->nr_devices && fewest; i++) {
		missing = needed & ~needs_met(summary, &summary->devices[i]);
		if (__builtin_popcount(missing) < __builtin_popcount(fewest))
			fewest = missing;
	}
	if (!summary->nr_devices)
		return "no DMA was seen";
	return fewest ? needs_unmet[__builtin_ctz(fewest)] : NULL;
}

/**
 * ktap_print - print the whole document
 * @ktap: the KTAP output
 * @summary: the numbers of the run
 * @folds: the counts that @ktap->finding refers to
 */
void ktap_print(const struct ktap *ktap, const struct summary *summary, const struct fold *folds)
{
	int nr = 0;

	fprintf(ktap->out, "KTAP version 1\n1..%d\n", __builtin_popcount(summary->checks));
	for (int check = 0; check < NR_CHECKS; check++) {
		const char *why = unseen(summary, check, ktap->fail_on);
		bool found = false;

		if (!(summary->checks & 1u << check))
			continue;
		for (size_t i = 0; i < ktap->nr; i++) {
			if (ktap->finding[i].check != (enum check)check)
				continue;
			fprintf(ktap->out, "# %" PRIu64 " x %s\n",
				folds[ktap->finding[i].fold].count, ktap->finding[i].text);
			found = true;
		}
		if (!why && !found && summary->lost[LOST_RING])
			why = "findings were lost";
		fprintf(ktap->out, "%s %d - %s", found ? "not ok" : "ok", ++nr,
			check_infos[check].name);
		fprintf(ktap->out, !found && why ? " # SKIP %s\n" : "\n", why);
	}
	fflush(ktap->out);
}

/**
 * ktap_free - free the findings
 * @ktap: the KTAP output
 */
void ktap_free(struct ktap *ktap)
{
	for (size_t i = 0; i < ktap->nr; i++)
		free(ktap->finding[i].text);
	free(ktap->finding);
	ktap->finding = NULL;
	ktap->nr = 0;
}
