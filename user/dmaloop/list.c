// SPDX-License-Identifier: GPL-2.0
/* dmaloop list: the scenarios that the module has. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "json.h"
#include "loopdev.h"
#include "options.h"
#include "row.h"
#include "verbs.h"

static void print_scenario(const struct dmaloop_scenario_info *info)
{
	printf("%-27s %-17s %s\n", info->name, scenario_place(info), info->text);
}

static struct json_object *scenario_json(const struct dmaloop_scenario_info *info)
{
	struct json_object *object = json_object_new_object();

	json_add_text(object, "scenario", info->name);
	json_add_text(object, "placement", scenario_place(info));
	json_add_text(object, "fault", info->fault);
	json_add_text(object, "twin", info->twin[0] ? info->twin : NULL);
	json_add_text(object, "text", info->text);
	return object;
}

/**
 * verb_list - show the scenarios
 * @fd: the control device
 * @opts: the command line
 *
 * Return: 0, or EXIT_NOT_RUN when the module did not answer; standard error says why.
 */
int verb_list(int fd, const struct options *opts)
{
	struct json_object *list = json_object_new_array();
	struct dmaloop_scenario_info info;
	int err;

	for (unsigned int i = 0; !(err = get_scenario(fd, i, &info)); i++) {
		if (opts->json) {
			json_object_array_add(list, scenario_json(&info));
			continue;
		}
		if (!i)
			printf("%-27s %-17s %s\n", "SCENARIO", "PLACEMENT", "WHAT THE DRIVER DOES");
		print_scenario(&info);
	}
	if (opts->json && err == -ENOENT)
		json_print(list);
	else
		json_object_put(list);
	return err == -ENOENT ? 0 : EXIT_NOT_RUN;
}
