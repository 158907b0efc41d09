// SPDX-License-Identifier: GPL-2.0
/*
 * dmaloop matrix: every scenario in every configuration that the rules speak of, one line a
 * scenario, or with --full one line for each of its placements.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "loopdev.h"
#include "options.h"
#include "predict.h"
#include "row.h"
#include "verbs.h"

static bool column_wanted(const struct options *opts, const struct predict_column_info *column)
{
	const char *list = opts->settings.coherency ?: "coherent,noncoherent";
	const char *arch = opts->settings.arch;
	size_t length = strlen(column->coherency);

	if (arch && column->arch && strcmp(arch, column->arch))
		return false;
	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (!strncmp(at, column->coherency, length) && (!at[length] || at[length] == ','))
			return true;
	return false;
}

/* Is every mode of --coherency in a column, and is --arch? */
static bool columns_exist(const struct options *opts)
{
	const char *at = opts->settings.coherency, *arch = opts->settings.arch;
	bool known = true;

	for (; at && known; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		size_t length = strcspn(at, ",");

		known = false;
		for (int c = 0; c < NR_PREDICT_COLUMNS; c++)
			known |= strlen(predict_columns[c].coherency) == length &&
				 !strncmp(at, predict_columns[c].coherency, length);
	}
	if (!known || !arch)
		return known;
	for (int c = 0; c < NR_PREDICT_COLUMNS; c++)
		if (predict_columns[c].arch && !strcmp(arch, predict_columns[c].arch))
			return true;
	return false;
}

static void print_heading(const struct options *opts)
{
	printf("%-27s", "SCENARIO");
	if (opts->full)
		printf("%-17s", "PLACEMENT");
	for (int c = 0; c < NR_PREDICT_COLUMNS; c++)
		if (column_wanted(opts, &predict_columns[c]))
			printf(" %-15s", predict_columns[c].title);
	printf("\n");
}

static void print_line_start(const struct options *opts, const struct row *row)
{
	printf("%-27s", row->info.name);
	if (opts->full)
		printf("%-17s", row->place);
}

static void print_cell(const struct row *row)
{
	const char *outcome = outcome_name(row->run.outcome);

	printf(" %s%-*s", outcome, 15 - (int)strlen(outcome), row_as_predicted(row) ? "" : "!");
}

/*
 * Runs all columns of one scenario in one placement (NULL: its own), and adds to @different
 * those that are not as predicted. Returns 0 or an exit status.
 */
static int run_line(int fd, const struct options *opts, struct row *row, const char *place,
		    int *different)
{
	bool started = false;

	for (int c = 0; c < NR_PREDICT_COLUMNS; c++) {
		const struct predict_column_info *column = &predict_columns[c];
		int status;

		if (!column_wanted(opts, column))
			continue;
		row_prepare(row, opts, place, column->coherency, column->arch);
		/* The rules have no prediction where a scenario makes no sense in a placement. */
		if (place && row_settings_default(row) && !row->predicted.outcome)
			return 0;
		if (!started && !opts->json)
			print_line_start(opts, row);
		started = true;
		status = row_run(fd, row, opts->repeat);
		if (status)
			return status;
		*different += !row_as_predicted(row);
		if (opts->json)
			row_json(row);
		else
			print_cell(row);
	}
	if (started && !opts->json)
		printf("\n");
	return 0;
}

/* Runs all lines of one scenario. Returns 0 or an exit status. */
static int run_scenario(int fd, const struct options *opts, struct row *row, int *different)
{
	const char *place = opts->full ? predict_place(row->info.name, 0) : NULL;
	int status = 0;

	if (!place)
		return run_line(fd, opts, row, NULL, different);
	for (unsigned int p = 1; !status && place; p++) {
		status = run_line(fd, opts, row, place, different);
		place = predict_place(row->info.name, p);
	}
	return status;
}

/**
 * verb_matrix - run all scenarios in all configurations, and compare with the predictions
 * @fd: the control device
 * @opts: the command line
 *
 * Return: EXIT_AS_PREDICTED; EXIT_DIFFERENT when an outcome is not as predicted or the repeats
 * of a row disagree; EXIT_NOT_RUN.
 */
int verb_matrix(int fd, const struct options *opts)
{
	int err, status = 0, different = 0;
	struct row row = {};

	if (!columns_exist(opts))
		return fail("no column for --coherency '%s'%s%s; see dmaloop matrix --help",
			    opts->settings.coherency ?: "coherent,noncoherent",
			    opts->settings.arch ? " --arch " : "", opts->settings.arch ?: "");
	if (!opts->json)
		print_heading(opts);
	for (unsigned int i = 0; !status && !(err = get_scenario(fd, i, &row.info)); i++)
		status = run_scenario(fd, opts, &row, &different);
	if (status || err != -ENOENT)
		return status ?: EXIT_NOT_RUN;
	if (different && !opts->json)
		printf("%d outcomes, marked !, are not what the rules predict.\n", different);
	return different ? EXIT_DIFFERENT : EXIT_AS_PREDICTED;
}
