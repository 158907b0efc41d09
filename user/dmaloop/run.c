// SPDX-License-Identifier: GPL-2.0
/* dmaloop run: one scenario in one configuration. */
#include <stdio.h>

#include "loopdev.h"
#include "options.h"
#include "row.h"
#include "verbs.h"

static void print_row(const struct row *row)
{
	const char *arch = row->settings.arch;

	printf("%s on %s (%s%s%s): %s, %u wrong bytes, %u faults", row->info.name, row->device,
	       row->settings.coherency, arch ? " " : "", arch ?: "", outcome_name(row->run.outcome),
	       row->run.wrong, row->run.faults);
	if (!row_as_predicted(row))
		printf("; PREDICTED %s", row->predicted.outcome);
	else if (row->predicted.outcome)
		printf("; as predicted");
	printf("\n");
}

/**
 * verb_run - run one scenario, and compare it with what the rules predict
 * @fd: the control device
 * @opts: the command line
 *
 * Return: EXIT_AS_PREDICTED, also where the rules say nothing; EXIT_DIFFERENT when the outcome
 * is another, or the repeats disagree; EXIT_NOT_RUN.
 */
int verb_run(int fd, const struct options *opts)
{
	struct row row = {};
	int status;

	if (find_scenario(fd, opts->scenario, &row.info))
		return EXIT_NOT_RUN;
	row_prepare(&row, opts, NULL, opts->settings.coherency ?: DEFAULT_COHERENCY,
		    opts->settings.arch);
	status = row_run(fd, &row, opts->repeat);
	if (status)
		return status;
	if (opts->json)
		row_json(&row);
	else
		print_row(&row);
	return row_as_predicted(&row) ? EXIT_AS_PREDICTED : EXIT_DIFFERENT;
}
