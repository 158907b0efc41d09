/* SPDX-License-Identifier: GPL-2.0 */
/* One scenario in one configuration: what was asked for, predicted and observed. */
#ifndef DMALOOP_ROW_H
#define DMALOOP_ROW_H

#include <stdbool.h>

#include "../../kmod/dmaloop_uapi.h"
#include "loopdev.h"
#include "predict.h"

struct options;

/**
 * struct row - one scenario in one configuration
 * @info: the scenario, filled in by the caller; the other fields are row_prepare()'s and
 *	row_run()'s
 * @settings: the configuration
 * @place: placement of its buffer, or of its descriptors where it is about those
 * @predicted: what the rules say; NULLs where they say nothing
 * @device: name of the device that it ran on
 * @run: what was observed
 */
struct row {
	struct dmaloop_scenario_info info;
	struct settings settings;
	const char *place;
	struct prediction predicted;
	char device[64];
	struct dmaloop_run run;
};

const char *scenario_place(const struct dmaloop_scenario_info *info);
void row_prepare(struct row *row, const struct options *opts, const char *place,
		 const char *coherency, const char *arch);
bool row_settings_default(const struct row *row);
int row_run(int fd, struct row *row, unsigned long repeat);
bool row_as_predicted(const struct row *row);
void row_json(const struct row *row);

#endif
