// SPDX-License-Identifier: GPL-2.0
/* One scenario in one configuration: see row.h. `run', `curve' and `matrix' are made of rows. */
#include <json-c/json.h>
#include <string.h>
#include <sys/utsname.h>

#include "json.h"
#include "options.h"
#include "row.h"

/**
 * scenario_place - the placement that a scenario has of its own
 * @info: the scenario
 *
 * Return: of its descriptors if it is about descriptors, else of its buffer.
 */
const char *scenario_place(const struct dmaloop_scenario_info *info)
{
	return info->descriptors[0] ? info->descriptors : info->placement;
}

/**
 * row_settings_default - are the settings those that the predictions hold for?
 * @row: prepared
 *
 * predict() knows the coherency, the architecture and the placement. It assumes the default
 * of every other setting.
 *
 * Return: true if they are.
 */
bool row_settings_default(const struct row *row)
{
	const struct settings *s = &row->settings;

	if (!strcmp(row->place, "offset") && s->offset != DEFAULT_OFFSET)
		return false;
	return !s->line_size && !s->evict && !s->prefetch && !s->neighbours && !s->maintenance &&
	       !s->iommu && !s->cures;
}

static int find_column(const char *coherency, const char *arch)
{
	for (int i = 0; i < NR_PREDICT_COLUMNS; i++) {
		const struct predict_column_info *column = &predict_columns[i];

		if (strcmp(column->coherency, coherency))
			continue;
		if (!column->arch || !strcmp(column->arch, arch ?: DEFAULT_ARCH))
			return i;
	}
	return -1;
}

/**
 * row_prepare - fill in the settings, the placement and the prediction
 * @row: its @info is set
 * @opts: the command line
 * @place: placement, instead of that of @opts; NULL: as in @opts, or else the scenario's own
 * @coherency: instead of that of @opts
 * @arch: instead of that of @opts; NULL: the default. Only "noncoherent" has one
 */
void row_prepare(struct row *row, const struct options *opts, const char *place,
		 const char *coherency, const char *arch)
{
	int column = -1;

	row->settings = opts->settings;
	row->settings.coherency = coherency;
	row->settings.arch = strcmp(coherency, "noncoherent") ? NULL : arch ?: DEFAULT_ARCH;
	if (place && row->info.descriptors[0])
		row->settings.descriptors = place;
	else if (place)
		row->settings.placement = place;
	row->place = row->info.descriptors[0] ? row->settings.descriptors : row->settings.placement;
	row->place = row->place ?: scenario_place(&row->info);
	if (row_settings_default(row))
		column = find_column(coherency, row->settings.arch);
	row->predicted = (struct prediction){};
	if (column >= 0)
		row->predicted = predict(row->info.name, row->place, column);
}

/**
 * row_run - run a row on a device made for it
 * @fd: the control device
 * @row: prepared; its @device and @run are filled in
 * @repeat: number of runs, at least 1; all must agree
 *
 * Return: 0 when it ran; else an exit status, and standard error says why: EXIT_DIFFERENT
 * when the runs disagree, EXIT_NOT_RUN when it could not run or a signal came.
 */
int row_run(int fd, struct row *row, unsigned long repeat)
{
	struct dmaloop_run first = {};
	int status;

	status = device_create(&row->settings, row->device, sizeof(row->device));
	if (status)
		return status;
	for (unsigned long i = 0; i < repeat && !interrupted; i++) {
		struct dmaloop_run *run = &row->run;

		status = device_run(fd, &row->settings, &row->info, run);
		if (status)
			break;
		if (!i)
			first = *run;
		if (run->outcome != first.outcome || run->wrong != first.wrong ||
		    run->faults != first.faults) {
			fail("%s: repeat %lu differs: %s; the first: %s", row->info.name, i + 1,
			     run->text, first.text);
			status = EXIT_DIFFERENT;
			break;
		}
	}
	device_destroy();
	return interrupted ? EXIT_NOT_RUN : status;
}

/**
 * row_as_predicted - did it end as the rules say?
 * @row: it has run
 *
 * Return: true if it did, or if the rules say nothing.
 */
bool row_as_predicted(const struct row *row)
{
	return !row->predicted.outcome ||
	       !strcmp(row->predicted.outcome, outcome_name(row->run.outcome));
}

/**
 * row_json - print a row as a JSON object on one line
 * @row: it has run
 */
void row_json(const struct row *row)
{
	struct json_object *object = json_object_new_object();
	struct utsname uts = {};

	uname(&uts);
	json_add_text(object, "scenario", row->info.name);
	json_add_text(object, "placement", row->place);
	json_add_text(object, "coherency", row->settings.coherency);
	json_add_text(object, "arch", row->settings.arch);
	json_add_text(object, "fault", row->info.fault);
	json_add_text(object, "predicted", row->predicted.outcome);
	json_add_text(object, "observed", outcome_name(row->run.outcome));
	json_add_text(object, "predicted_findings", row->predicted.findings);
	json_add_number(object, "wrong", row->run.wrong);
	json_add_number(object, "faults", row->run.faults);
	json_add_number(object, "spared", row->run.spared);
	json_add_text(object, "device", row->device);
	json_add_text(object, "kernel", uts.release);
	json_print(object);
}
