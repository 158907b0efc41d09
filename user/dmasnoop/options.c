// SPDX-License-Identifier: GPL-2.0
/* Parses the command line, which has a verb and the verb's options. */
#include <argp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "output/report.h"

const char *argp_program_version = "dmasnoop " DMASNOOP_VERSION;

struct options opts = {
	.checks = ~0u,
	.level = LEVEL_HAZARD,
	.line_size = 64,
	.content = CONTENT_SAMPLE,
	.leak_age = 30,
};

int fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "dmasnoop: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_NOT_RUN;
}

enum {
	OPT_CHECK = 256,
	OPT_LEVEL,
	OPT_LINE_SIZE,
	OPT_JSON,
	OPT_JSON_ALONE,
	OPT_FAIL_ON,
	OPT_KTAP,
	OPT_OLDER,
	OPT_LEAK_AGE,
	OPT_CONTENT,
	OPT_EXACT,
	OPT_STACKS,
	OPT_MAPPINGS,
	OPT_WATCH,
};

/* clang-format off: one option a row */
#define FILTER_OPTIONS                                                         \
	{ "device", 'd', "DEV", 0, "only this device, as `0000:00:02.0'", 0 }, \
	{                                                                      \
		"driver", 'D', "DRIVER", 0, "only devices of this driver", 0   \
	}

#define REPORT_OPTIONS                                                                               \
	{                                                                                            \
		"check",                                                                             \
		OPT_CHECK,                                                                           \
		"LIST",                                                                              \
		0,                                                                                   \
		"only these checks, comma-separated; `help' lists them",                             \
		0                                                                                    \
	},                                                                                           \
		{ "level",                                                                           \
		  OPT_LEVEL,                                                                         \
		  "L",                                                                               \
		  0,                                                                                 \
		  "report from this level on: note, hazard (default), violation, corruption",        \
		  0 },                                                                               \
		{ "fail-on", OPT_FAIL_ON, "L", 0, "exit 1 from this level on (default: as --level)", \
		  0 },                                                                               \
		{ "json",                                                                            \
		  OPT_JSON,                                                                          \
		  "FILE",                                                                            \
		  OPTION_ARG_OPTIONAL,                                                               \
		  "one JSON object a line; with =FILE beside the text instead of it",                \
		  0 },                                                                               \
	{                                                                                            \
		"ktap", OPT_KTAP, NULL, 0, "KTAP, one test a check, instead of the text", 0          \
	}

#define RUN_OPTIONS                                             \
	{ "duration", 't', "S", 0, "stop after S seconds", 0 }, \
	{                                                       \
		"verbose", 'v', NULL, 0, "libbpf's messages", 0 \
	}

#define TRACE_OPTIONS                                                                                       \
	{ "line-size",                                                                                      \
	  OPT_LINE_SIZE,                                                                                    \
	  "N",                                                                                              \
	  0,                                                                                                \
	  "cache line of the platform one cares about: 32 to 256 (default 64; arm64 promises 128)",         \
	  0 },                                                                                              \
		{ "content",                                                                                \
		  OPT_CONTENT,                                                                              \
		  "MODE",                                                                                   \
		  0,                                                                                        \
		  "content-changed looks at: off, sample (default: both ends of one in some 1,000), edges " \
		  "(of every one), full (all bytes)",                                                       \
		  0 },                                                                                      \
		{ "exact",                                                                                  \
		  OPT_EXACT,                                                                                \
		  NULL,                                                                                     \
		  0,                                                                                        \
		  "load dmasnoop_sync.ko, so that syncs of coherent devices are seen",                      \
		  0 },                                                                                      \
		{ "watch",                                                                                  \
		  OPT_WATCH,                                                                                \
		  "SLOTS[,MS]",                                                                             \
		  OPTION_ARG_OPTIONAL,                                                                      \
		  "catch instructions that touch what a device owns: watchpoints in SLOTS of each "         \
		  "CPU's 4 debug registers (default 2), moved on every MS milliseconds (default 100)",      \
		  0 },                                                                                      \
		{ "stacks",                                                                                 \
		  OPT_STACKS,                                                                               \
		  "MODE",                                                                                   \
		  0,                                                                                        \
		  "stacks that mapped: always (each mapping's own), or first (default: where many are "     \
		  "alike, that of the first)",                                                              \
		  0 },                                                                                      \
		{ "mappings",                                                                               \
		  OPT_MAPPINGS,                                                                             \
		  "N",                                                                                      \
		  0,                                                                                        \
		  "make room for N live mappings (default: one for 16 pages of memory, 65536 at least)",    \
		  0 },                                                                                      \
	{                                                                                                   \
		"leak-age", OPT_LEAK_AGE, "S", 0,                                                           \
			"a mapping of this age may have leaked (default 30)", 0                             \
	}

static const char *const content_modes[NR_CONTENT_MODES] = { "off", "sample", "edges", "full" };

static const struct argp_option trace_options[] = { FILTER_OPTIONS,
						    REPORT_OPTIONS,
						    TRACE_OPTIONS,
						    RUN_OPTIONS,
						    {} };

static const struct argp_option record_options[] = {
	{ "output", 'o', "FILE", 0, "write the recording to FILE (required)", 0 },
	FILTER_OPTIONS,
	REPORT_OPTIONS,
	TRACE_OPTIONS,
	RUN_OPTIONS,
	{}
};

static const struct argp_option replay_options[] = { FILTER_OPTIONS, REPORT_OPTIONS, {} };

#define JSON_ALONE                                                              \
	{                                                                       \
		"json", OPT_JSON_ALONE, NULL, 0, "JSON instead of the table", 0 \
	}

static const struct argp_option live_options[] = {
	{ "older", OPT_OLDER, "S", 0, "count only mappings older than S seconds", 0 },
	FILTER_OPTIONS,
	JSON_ALONE,
	RUN_OPTIONS,
	{}
};

static const struct argp_option devices_options[] = { FILTER_OPTIONS,
						      JSON_ALONE,
						      { "verbose", 'v', NULL, 0,
							"libbpf's messages", 0 },
						      {} };

static const struct argp_option explain_options[] = { {} };
/* clang-format on */

static int find_name(const char *const *names, int nr, const char *name)
{
	for (int i = 0; i < nr; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

static void list_checks(void)
{
	for (int i = 0; i < NR_CHECKS; i++)
		printf("%-24s %-10s %s\n", check_infos[i].name, level_names[check_infos[i].level],
		       check_infos[i].headline);
}

static void parse_checks(struct argp_state *state, char *list)
{
	char *save, *name;

	if (!strcmp(list, "help")) {
		list_checks();
		exit(EXIT_CLEAN);
	}
	opts.checks = 0;
	for (name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		int i;

		for (i = 0; i < NR_CHECKS && strcmp(check_infos[i].name, name); i++)
			;
		if (i == NR_CHECKS)
			argp_error(state, "no check '%s'; --check help lists them", name);
		opts.checks |= 1u << i;
	}
	if (!opts.checks)
		argp_error(state, "--check: an empty list");
}

static double parse_seconds(struct argp_state *state, const char *what, const char *arg)
{
	char *end;
	double seconds = strtod(arg, &end);

	if (*end || !(seconds > 0))
		argp_error(state, "%s '%s': seconds, above 0", what, arg);
	return seconds;
}

/* Parses SLOTS[,MS]. */
static void parse_watch(struct argp_state *state, const char *arg)
{
	char *end = (char *)arg;

	opts.watch = (struct watch_options){ .slots = 2, .period_ms = 100 };
	if (!arg)
		return;
	opts.watch.slots = strtoul(arg, &end, 10);
	if (end != arg && *end == ',')
		opts.watch.period_ms = strtoul(end + 1, &end, 10);
	if (*end || opts.watch.slots < 1 || opts.watch.slots > WATCHES ||
	    opts.watch.period_ms < 1 || opts.watch.period_ms > 60000)
		argp_error(state, "--watch=%s: SLOTS[,MS], 1 to 4 and 1 to 60000", arg);
}

/* Checks options against each other. */
static void check_options(struct argp_state *state)
{
	if (!opts.fail_on_set)
		opts.fail_on = opts.level;
	if ((opts.device && strlen(opts.device) >= NAME_SIZE) ||
	    (opts.driver && strlen(opts.driver) >= NAME_SIZE))
		argp_error(state, "names have at most %d characters", NAME_SIZE - 1);
	/* `live' shows mappings only, so no findings are wanted. */
	if (opts.verb == VERB_LIVE)
		opts.checks = 0;
	if (opts.json && opts.ktap)
		argp_error(state, "--json and --ktap both want standard output; --json=FILE");
	if (opts.verb == VERB_RECORD && !opts.file)
		argp_error(state, "-o FILE says where the recording goes");
	if (opts.verb == VERB_REPLAY && !opts.file)
		argp_error(state, "which recording? give the FILE that `record -o' wrote");
}

/* Parses the argument FILE of replay and CHECK of explain. */
static error_t parse_argument(struct argp_state *state, const char *arg)
{
	const char **wanted = opts.verb == VERB_REPLAY	? &opts.file :
			      opts.verb == VERB_EXPLAIN ? &opts.check :
							  NULL;

	if (opts.verb == VERB_TRACE || opts.verb == VERB_RECORD || opts.verb == VERB_LIVE)
		return ARGP_ERR_UNKNOWN; /* this is COMMAND with all its arguments */
	if (!wanted || *wanted)
		argp_error(state, "'%s' is one argument too many", arg);
	else
		*wanted = arg;
	return 0;
}

static int parse_level(struct argp_state *state, const char *arg)
{
	int level = find_name(level_names, NR_LEVELS, arg);

	if (level < 0)
		argp_error(state, "level '%s': note, hazard, violation or corruption", arg);
	return level;
}

static unsigned int parse_line_size(struct argp_state *state, const char *arg)
{
	char *end;
	unsigned long size = strtoul(arg, &end, 0);

	if (*end || size < 32 || size > LINE_SIZE_MAX || (size & (size - 1)))
		argp_error(state, "line size '%s': 32, 64, 128 or 256", arg);
	return size;
}

static enum content_mode parse_content(struct argp_state *state, const char *arg)
{
	int mode = find_name(content_modes, NR_CONTENT_MODES, arg);

	if (mode < 0)
		argp_error(state, "content '%s': off, sample, edges or full", arg);
	return mode;
}

static unsigned long parse_mappings(struct argp_state *state, const char *arg)
{
	char *end;
	unsigned long nr = strtoul(arg, &end, 10);

	if (*end || nr < 1 || nr > 1 << 24)
		argp_error(state, "mappings '%s': 1 to %u", arg, 1 << 24);
	return nr;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'd':
		opts.device = arg;
		break;
	case 'D':
		opts.driver = arg;
		break;
	case 'o':
		opts.file = arg;
		break;
	case OPT_CHECK:
		parse_checks(state, arg);
		break;
	case OPT_LEVEL:
		opts.level = parse_level(state, arg);
		break;
	case OPT_FAIL_ON:
		opts.fail_on = parse_level(state, arg);
		opts.fail_on_set = true;
		break;
	case OPT_LINE_SIZE:
		opts.line_size = parse_line_size(state, arg);
		break;
	case 't':
		opts.duration = parse_seconds(state, "duration", arg);
		break;
	case OPT_CONTENT:
		opts.content = parse_content(state, arg);
		break;
	case OPT_EXACT:
		opts.exact = true;
		break;
	case OPT_STACKS:
		opts.stacks_always = !strcmp(arg, "always");
		if (!opts.stacks_always && strcmp(arg, "first"))
			argp_error(state, "stacks '%s': always or first", arg);
		break;
	case OPT_MAPPINGS:
		opts.mappings = parse_mappings(state, arg);
		break;
	case OPT_WATCH:
		parse_watch(state, arg);
		break;
	case OPT_OLDER:
		opts.older = parse_seconds(state, "age", arg);
		break;
	case OPT_LEAK_AGE:
		opts.leak_age = parse_seconds(state, "leak age", arg);
		break;
	case OPT_JSON:
		opts.json = !arg;
		opts.json_file = arg;
		break;
	case OPT_JSON_ALONE:
		opts.json = true;
		break;
	case OPT_KTAP:
		opts.ktap = true;
		break;
	case 'v':
		opts.verbose = true;
		break;
	case ARGP_KEY_ARG:
		return parse_argument(state, arg);
	case ARGP_KEY_ARGS:
		opts.command = state->argv + state->next;
		break;
	case ARGP_KEY_END:
		check_options(state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct {
	const char *name;
	struct argp argp;
} verbs[NR_VERBS] = {
	[VERB_TRACE] = {
		"",
		{ trace_options, parse, "[-- COMMAND [ARG]...]\nVERB [OPTION...]",
		  "Watch the DMA API of the running kernel and report broken ownership rules.\v"
		  "Without COMMAND, traces until Ctrl-C or --duration; with it, for its life.\n"
		  "\n"
		  "Exit status: 0 nothing at or above --fail-on, 1 findings, 2 could not run.\n"
		  "\n"
		  "  dmasnoop                        everything, live\n"
		  "  dmasnoop -D e1000e -t 60        one driver, for a minute\n"
		  "  dmasnoop --json -- modprobe x   what loading a driver does\n"
		  "\n"
		  "Verbs, each with a --help of its own:\n"
		  "  explain [CHECK]           what a check means, and how to cure it\n"
		  "  record -o FILE [-- CMD]   trace, and keep what was seen\n"
		  "  replay FILE               report it again, on any machine\n"
		  "  live                      mappings by call site, oldest and growth\n"
		  "  devices                   coherent, IOMMU, mask, bounce: each device\n",
		  NULL, NULL, NULL },
	},
	[VERB_RECORD] = {
		"record",
		{ record_options, parse, "-o FILE [-- COMMAND [ARG]...]",
		  "Trace as without a verb, and keep every finding, from level note on, in FILE.",
		  NULL, NULL, NULL },
	},
	[VERB_REPLAY] = {
		"replay",
		{ replay_options, parse, "FILE",
		  "Report what `dmasnoop record' kept in FILE.\v"
		  "Filters, levels and folding are applied again; the detectors do not run again.\n",
		  NULL, NULL, NULL },
	},
	[VERB_LIVE] = {
		"live",
		{ live_options, parse, "[-- COMMAND [ARG]...]",
		  "Show the live mappings by the call site that made them, every two seconds.\v"
		  "With --duration once, at its end. What was mapped before it started is not\n"
		  "seen.\n",
		  NULL, NULL, NULL },
	},
	[VERB_DEVICES] = {
		"devices",
		{ devices_options, parse, NULL,
		  "Show how each device with a driver does DMA on this machine.", NULL, NULL,
		  NULL },
	},
	[VERB_EXPLAIN] = {
		"explain",
		{ explain_options, parse, "[CHECK]",
		  "Explain a check: what it means, what it does where, and the cure.", NULL, NULL,
		  NULL },
	},
};

/**
 * options_parse - parse the command line into @opts, or exit with an error message
 * @argc: number of arguments in @argv
 * @argv: arguments of main()
 */
void options_parse(int argc, char **argv)
{
	static char name[32];

	for (int verb = 1; argc > 1 && verb < NR_VERBS; verb++) {
		if (strcmp(argv[1], verbs[verb].name))
			continue;
		opts.verb = verb;
		snprintf(name, sizeof(name), "dmasnoop %s", verbs[verb].name);
		argv[1] = name;
		argc--;
		argv++;
		break;
	}
	argp_err_exit_status = EXIT_NOT_RUN;
	argp_parse(&verbs[opts.verb].argp, argc, argv, ARGP_IN_ORDER, NULL, NULL);
}
