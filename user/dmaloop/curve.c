// SPDX-License-Identifier: GPL-2.0
/*
 * dmaloop curve: how often a scenario fails, against how often the cache evicts a dirty line.
 *
 * It shows why a log line makes a bug go away. The more the CPU does, the likelier it is that
 * the cache evicts the dirty line before the device reads memory.
 */
#include <json-c/json.h>
#include <stdio.h>

#include "json.h"
#include "loopdev.h"
#include "options.h"
#include "row.h"
#include "verbs.h"

#define CURVE_STEP 100 /* permille */
#define CURVE_RUNS 200 /* for each point, each with another seed */
#define CURVE_BAR "##################################################"

static int point_run(int fd, const struct options *opts, struct row *row, int permille, int *failed)
{
	char evict[32];
	int status;

	snprintf(evict, sizeof(evict), "random:1:%d", permille);
	row_prepare(row, opts, NULL, opts->settings.coherency ?: DEFAULT_COHERENCY,
		    opts->settings.arch);
	row->settings.evict = evict;
	status = device_create(&row->settings, row->device, sizeof(row->device));
	*failed = 0;
	for (int run = 0; !status && run < CURVE_RUNS; run++) {
		row->settings.seed = opts->settings.seed + run;
		status = device_run(fd, &row->settings, &row->info, &row->run);
		*failed += row->run.outcome != DMALOOP_OK;
	}
	device_destroy();
	row->settings.evict = NULL;
	return status;
}

static void print_point(int permille, int failed)
{
	int bar = failed * (int)(sizeof(CURVE_BAR) - 1) / CURVE_RUNS;

	printf("%5d.%d%%  %5.1f%%  %.*s\n", permille / 10, permille % 10,
	       100.0 * failed / CURVE_RUNS, bar, CURVE_BAR);
}

static void point_json(const struct row *row, int permille, int failed)
{
	struct json_object *object = json_object_new_object();

	json_add_text(object, "scenario", row->info.name);
	json_add_number(object, "evict_permille", permille);
	json_add_number(object, "runs", CURVE_RUNS);
	json_add_number(object, "failed", failed);
	json_print(object);
}

/**
 * verb_curve - run a scenario many times at each of several eviction rates
 * @fd: the control device
 * @opts: the command line
 *
 * Return: 0, whatever the outcomes are; EXIT_NOT_RUN.
 */
int verb_curve(int fd, const struct options *opts)
{
	struct row row = {};

	if (find_scenario(fd, opts->scenario, &row.info))
		return EXIT_NOT_RUN;
	if (!opts->json)
		printf("%s: failed runs of %d, against the chance that a dirty line is evicted\n"
		       "EVICTED  FAILED\n",
		       opts->scenario, CURVE_RUNS);
	for (int permille = 0; permille <= 1000 && !interrupted; permille += CURVE_STEP) {
		int failed, status;

		status = point_run(fd, opts, &row, permille, &failed);
		if (status)
			return status;
		if (opts->json)
			point_json(&row, permille, failed);
		else
			print_point(permille, failed);
	}
	return interrupted ? EXIT_NOT_RUN : 0;
}
