// SPDX-License-Identifier: GPL-2.0
/*
 * dmasnoop watches the DMA API of a running kernel and reports broken rules.
 *
 * Options are in options.c, a run is in session.c, detection is in bpf/, and findings are printed
 * by output/.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "command.h"
#include "devices.h"
#include "load.h"
#include "options.h"
#include "output/explain.h"
#include "output/findings.h"
#include "record/record.h"
#include "session.h"
#include "symbols.h"

/* Opens the outputs for findings, which may be live or recorded. */
static int open_outputs(struct findings *findings, struct ktap *ktap)
{
	const char *terminal = getenv("TERM");

	findings->level = opts.level;
	findings->fail_on = opts.fail_on;
	findings->checks = opts.checks;
	findings->device = opts.device;
	findings->driver = opts.driver;
	findings->context.line_size = opts.line_size;
	findings->context.colour = isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb");
	findings->text = opts.json || opts.ktap ? NULL : stdout;
	findings->json = opts.json ? stdout : NULL;
	if (opts.ktap) {
		ktap->out = stdout;
		ktap->fail_on = opts.fail_on;
		findings->ktap = ktap;
	}
	if (!opts.json_file)
		return 0;
	findings->json = fopen(opts.json_file, "we");
	if (!findings->json)
		return fail("%s: %s", opts.json_file, strerror(errno));
	return 0;
}

static bool close_outputs(struct findings *findings)
{
	bool good = !ferror(stdout) && !fflush(stdout);

	if (findings->json && findings->json != stdout)
		good = !ferror(findings->json) && !fclose(findings->json) && good;
	return good;
}

int main(int argc, char **argv)
{
	struct findings findings = {};
	struct ktap ktap = {};
	int status;

	command_signals();
	options_parse(argc, argv);
	if (opts.verb == VERB_EXPLAIN)
		return explain(opts.check);
	libbpf_set_print(print_libbpf);
	if (opts.verb == VERB_DEVICES)
		return list_devices();
	status = open_outputs(&findings, &ktap);
	if (status)
		return status;
	if (opts.verb == VERB_REPLAY)
		status = replay(opts.file, &findings, &interrupted);
	else
		status = session_run(&findings);
	symbols_forget();
	findings_free(&findings);
	ktap_free(&ktap);
	if (!close_outputs(&findings))
		return fail("output could not be written: %s", strerror(errno));
	return status;
}
