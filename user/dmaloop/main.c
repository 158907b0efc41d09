// SPDX-License-Identifier: GPL-2.0
/*
 * dmaloop: run DMA bugs, and their correct twins, on demand.
 *
 * Makes a device, runs a scenario on it (loopdev.c), compares what was observed
 * with what the rules predict (predict.c), and takes the device away again.
 */
#include <argp.h>
#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "loopdev.h"
#include "predict.h"

const char *argp_program_version = "dmaloop 0.1";

static const char doc[] =
	"Run DMA bugs, and their correct twins, on demand.\v"
	"list            the scenarios\n"
	"run NAME        one of them, on a device made for it\n"
	"isolate NAME    why it fails: the settings that matter, and those that do not\n"
	"curve NAME      how often it fails, against how often the cache evicts\n"
	"matrix          all of them in every configuration (--full: and placement)\n"
	"\n"
	"Exit status: 0 as the rules predict, 1 different, 2 could not run.\n"
	"The module must be loaded: insmod dmaloop.ko.\n";

static struct {
	const char *verb;
	const char *name;
	struct settings settings;
	bool json;
	bool full;
	unsigned long repeat;
} opts = {
	.settings.offset = DEFAULT_OFFSET,
	.settings.seed = 1,
	.repeat = 1,
};

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

enum {
	OPT_EVICT = 256,
	OPT_PREFETCH,
	OPT_NEIGHBOURS,
	OPT_DMA_BITS,
	OPT_OFFSET,
	OPT_JSON,
	OPT_MAINTENANCE,
	OPT_IOMMU,
	OPT_FULL,
	OPT_CURE,
};

static const struct argp_option options[] = {
	{ "coherency", 'c', "MODE", 0,
	  "noncoherent (default), coherent, native, or bounce (guest booted with swiotlb=force); matrix: a comma-separated list",
	  0 },
	{ "arch", 'a', "ARCH", 0, "whose cache maintenance: arm, arm64 (default), mips, riscv", 0 },
	{ "maintenance", OPT_MAINTENANCE, "HOW", 0,
	  "arch (default), none, not-for-device, not-for-cpu, or always: every line flushed around every access",
	  0 },
	{ "line-size", 'l', "BYTES", 0, "cache line: 32 to 256 (default 64)", 0 },
	{ "evict", OPT_EVICT, "HOW", 0, "none (default), eager, random:SEED:PERMILLE", 0 },
	{ "prefetch", OPT_PREFETCH, NULL, 0, "clean lines are re-filled after each device access",
	  0 },
	{ "neighbours", OPT_NEIGHBOURS, "HOW", 0,
	  "safe (default), or unsafe: whole-line effects hit anybody's memory (throw-away guest only)",
	  0 },
	{ "iommu", OPT_IOMMU, "HOW", 0,
	  "exact (default), or page: the rest of a mapped page can be reached", 0 },
	{ "dma-bits", OPT_DMA_BITS, "N", 0, "DMA mask of the device: 24 to 64 (default)", 0 },
	{ "placement", 'p', "WHERE", 0, "of the buffer, in place of the scenario's own", 0 },
	{ "descriptors", 'd', "WHERE", 0, "packed, banked, bank-straddle or padded", 0 },
	{ "cure", OPT_CURE, "WHAT", 0, "own (the device checks an OWN bit), barrier", 0 },
	{ "offset", OPT_OFFSET, "N", 0, "buffer offset for placement `offset' (default 8)", 0 },
	{ "seed", 's', "N", 0, "of the payload, and of adverse orders (default 1)", 0 },
	{ "repeat", 'n', "N", 0, "run N times; all must agree (default 1)", 0 },
	{ "full", OPT_FULL, NULL, 0, "matrix: every placement too", 0 },
	{ "json", OPT_JSON, NULL, 0, "machine-readable output", 0 },
	{}
};

static unsigned long long number(struct argp_state *state, const char *text, const char *what)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-')
		argp_error(state, "%s '%s' is not a number", what, text);
	return value;
}

static bool takes_name(const char *verb)
{
	return !strcmp(verb, "run") || !strcmp(verb, "isolate") || !strcmp(verb, "curve");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct settings *settings = &opts.settings;

	switch (key) {
	case 'c':
		settings->coherency = arg;
		break;
	case 'a':
		settings->arch = arg;
		break;
	case OPT_MAINTENANCE:
		settings->maintenance = arg;
		break;
	case 'l':
		settings->line_size = arg;
		break;
	case OPT_EVICT:
		settings->evict = arg;
		break;
	case OPT_PREFETCH:
		settings->prefetch = "1";
		break;
	case OPT_NEIGHBOURS:
		settings->neighbours = arg;
		break;
	case OPT_IOMMU:
		settings->iommu = arg;
		break;
	case OPT_DMA_BITS:
		settings->dma_bits = arg;
		break;
	case 'p':
		settings->placement = arg;
		break;
	case 'd':
		settings->descriptors = arg;
		break;
	case OPT_CURE:
		if (!strcmp(arg, "own"))
			settings->cures |= DMALOOP_CURE_OWN;
		else if (!strcmp(arg, "barrier"))
			settings->cures |= DMALOOP_CURE_BARRIER;
		else
			argp_error(state, "cure '%s': own or barrier", arg);
		break;
	case OPT_OFFSET:
		settings->offset = number(state, arg, "offset");
		break;
	case 's':
		settings->seed = number(state, arg, "seed");
		break;
	case 'n':
		opts.repeat = number(state, arg, "repeat");
		if (!opts.repeat)
			argp_error(state, "repeat: at least 1");
		break;
	case OPT_FULL:
		opts.full = true;
		break;
	case OPT_JSON:
		opts.json = true;
		break;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			opts.verb = arg;
		else if (state->arg_num == 1 && takes_name(opts.verb))
			opts.name = arg;
		else
			argp_usage(state);
		break;
	case ARGP_KEY_END:
		if (!opts.verb || (!opts.name && takes_name(opts.verb)))
			argp_usage(state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/**
 * struct row - one scenario in one configuration
 * @info: the scenario
 * @settings: the configuration
 * @place: placement of its buffer, or of its descriptors
 * @predicted: what the rules give; NULLs when not known
 * @device: it ran on
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

static bool as_predicted(const struct row *row)
{
	return !row->predicted.outcome ||
	       !strcmp(row->predicted.outcome, outcome_name(row->run.outcome));
}

static void print_row_json(const struct row *row)
{
	struct json_object *object = json_object_new_object();
	struct utsname uts = {};

	uname(&uts);
#define ADD(key, value) json_object_object_add(object, key, value)
#define STRING(text) ((text) ? json_object_new_string(text) : NULL)
	ADD("scenario", STRING(row->info.name));
	ADD("placement", STRING(row->place));
	ADD("coherency", STRING(row->settings.coherency));
	ADD("arch", STRING(row->settings.arch));
	ADD("fault", STRING(row->info.fault));
	ADD("predicted", STRING(row->predicted.outcome));
	ADD("observed", STRING(outcome_name(row->run.outcome)));
	ADD("predicted_findings", STRING(row->predicted.findings));
	ADD("wrong", json_object_new_int64(row->run.wrong));
	ADD("faults", json_object_new_int64(row->run.faults));
	ADD("spared", json_object_new_int64(row->run.spared));
	ADD("device", STRING(row->device));
	ADD("kernel", STRING(uts.release));
	printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	fflush(stdout);
	json_object_put(object);
}

/* All repeats, on one device. Returns an exit status; 0 when it ran. */
static int run_row(int fd, struct row *row)
{
	struct dmaloop_run first = {};
	int status;

	status = device_create(&row->settings, row->device, sizeof(row->device));
	if (status)
		return status;
	for (unsigned long i = 0; i < opts.repeat && !interrupted; i++) {
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

/* The predictions speak of the default settings only. */
static bool default_settings(const struct row *row)
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

/* Fills in what follows from the scenario, the placement and the configuration. */
static void prepare_row(struct row *row, const char *place, const char *coherency, const char *arch)
{
	const char *own = row->info.descriptors[0] ? row->info.descriptors : row->info.placement;
	int column;

	row->settings = opts.settings;
	row->settings.coherency = coherency;
	row->settings.arch = strcmp(coherency, "noncoherent") ? NULL : arch ?: DEFAULT_ARCH;
	if (place && row->info.descriptors[0])
		row->settings.descriptors = place;
	else if (place)
		row->settings.placement = place;
	row->place = row->info.descriptors[0] ? row->settings.descriptors : row->settings.placement;
	row->place = row->place ?: own;
	column = default_settings(row) ? find_column(coherency, row->settings.arch) : -1;
	row->predicted = (struct prediction){};
	if (column >= 0)
		row->predicted = predict(row->info.name, row->place, column);
}

static int cmd_list(int fd)
{
	struct json_object *list = json_object_new_array();
	struct dmaloop_scenario_info info;
	int err;

	for (unsigned int i = 0; !(err = get_scenario(fd, i, &info)); i++) {
		const char *place = info.descriptors[0] ? info.descriptors : info.placement;
		struct json_object *object;

		if (!opts.json) {
			if (!i)
				printf("%-27s %-17s %s\n", "SCENARIO", "PLACEMENT",
				       "WHAT THE DRIVER DOES");
			printf("%-27s %-17s %s\n", info.name, place, info.text);
			continue;
		}
		object = json_object_new_object();
		ADD("scenario", STRING(info.name));
		ADD("placement", STRING(place));
		ADD("fault", STRING(info.fault));
		ADD("twin", info.twin[0] ? STRING(info.twin) : NULL);
		ADD("text", STRING(info.text));
		json_object_array_add(list, object);
	}
	if (opts.json && err == -ENOENT)
		printf("%s\n", json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN));
	json_object_put(list);
	return err == -ENOENT ? 0 : EXIT_NOT_RUN;
}

static int cmd_run(int fd)
{
	struct row row = {};
	const char *arch;
	int status;

	if (find_scenario(fd, opts.name, &row.info))
		return EXIT_NOT_RUN;
	prepare_row(&row, NULL, opts.settings.coherency ?: "noncoherent", opts.settings.arch);
	arch = row.settings.arch;
	status = run_row(fd, &row);
	if (status)
		return status;
	if (opts.json) {
		print_row_json(&row);
	} else {
		printf("%s on %s (%s%s%s): %s, %u wrong bytes, %u faults", row.info.name,
		       row.device, row.settings.coherency, arch ? " " : "", arch ?: "",
		       outcome_name(row.run.outcome), row.run.wrong, row.run.faults);
		if (row.predicted.outcome)
			printf("; %s", as_predicted(&row) ? "as predicted" : "PREDICTED ");
		if (!as_predicted(&row))
			printf("%s", row.predicted.outcome);
		printf("\n");
	}
	return as_predicted(&row) ? EXIT_AS_PREDICTED : EXIT_DIFFERENT;
}

static int cmd_isolate(int fd)
{
	return isolate(fd, &opts.settings, opts.name, opts.json);
}

#define CURVE_STEP 100
#define CURVE_RUNS 200

/*
 * "Adding a log line makes it go away": the more the CPU does, the likelier a
 * dirty line is evicted in time. Each point is CURVE_RUNS runs with other seeds.
 */
static int cmd_curve(int fd)
{
	struct row row = {};

	if (find_scenario(fd, opts.name, &row.info))
		return EXIT_NOT_RUN;
	if (!opts.json)
		printf("%s: failed runs of %d, against the chance that a dirty line is evicted\n"
		       "EVICTED  FAILED\n",
		       opts.name, CURVE_RUNS);
	for (int permille = 0; permille <= 1000 && !interrupted; permille += CURVE_STEP) {
		int failed = 0, status;
		char evict[32];

		snprintf(evict, sizeof(evict), "random:1:%d", permille);
		prepare_row(&row, NULL, opts.settings.coherency ?: "noncoherent",
			    opts.settings.arch);
		row.settings.evict = evict;
		status = device_create(&row.settings, row.device, sizeof(row.device));
		for (int run = 0; !status && run < CURVE_RUNS; run++) {
			row.settings.seed = opts.settings.seed + run;
			status = device_run(fd, &row.settings, &row.info, &row.run);
			failed += row.run.outcome != DMALOOP_OK;
		}
		device_destroy();
		if (status)
			return status;
		if (opts.json)
			printf("{\"scenario\":\"%s\",\"evict_permille\":%d,\"runs\":%d,\"failed\":%d}\n",
			       row.info.name, permille, CURVE_RUNS, failed);
		else
			printf("%5d.%d%%  %5.1f%%  %.*s\n", permille / 10, permille % 10,
			       100.0 * failed / CURVE_RUNS, failed * 50 / CURVE_RUNS,
			       "##################################################");
	}
	return interrupted ? EXIT_NOT_RUN : 0;
}

static bool column_wanted(int column)
{
	const char *list = opts.settings.coherency ?: "coherent,noncoherent";
	const struct predict_column_info *info = &predict_columns[column];
	size_t length = strlen(info->coherency);

	if (opts.settings.arch && info->arch && strcmp(opts.settings.arch, info->arch))
		return false;
	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (!strncmp(at, info->coherency, length) && (!at[length] || at[length] == ','))
			return true;
	return false;
}

/* One line of the matrix: all columns of one scenario in one placement. */
static int matrix_line(int fd, struct row *row, const char *place, int *different)
{
	bool started = false;

	for (int c = 0; c < NR_PREDICT_COLUMNS; c++) {
		const struct predict_column_info *column = &predict_columns[c];
		const char *outcome;
		int status;

		if (!column_wanted(c))
			continue;
		prepare_row(row, place, column->coherency, column->arch);
		/* The rules say when a scenario makes no sense in a placement. */
		if (place && default_settings(row) && !row->predicted.outcome)
			return 0;
		if (!started && !opts.json && opts.full)
			printf("%-27s%-17s", row->info.name, row->place);
		else if (!started && !opts.json)
			printf("%-27s", row->info.name);
		started = true;
		status = run_row(fd, row);
		if (status)
			return status;
		outcome = outcome_name(row->run.outcome);
		*different += !as_predicted(row);
		if (opts.json)
			print_row_json(row);
		else
			printf(" %s%-*s", outcome, 15 - (int)strlen(outcome),
			       as_predicted(row) ? "" : "!");
	}
	if (!opts.json && started)
		printf("\n");
	return 0;
}

static int cmd_matrix(int fd)
{
	int err, status = 0, different = 0, wanted = 0;
	struct row row = {};

	for (int c = 0; c < NR_PREDICT_COLUMNS; c++)
		wanted += column_wanted(c);
	if (!wanted)
		return fail("--coherency '%s': nothing of coherent, noncoherent, bounce",
			    opts.settings.coherency);
	if (!opts.json) {
		printf(opts.full ? "%-27s%-17s" : "%-27s", "SCENARIO", "PLACEMENT");
		for (int c = 0; c < NR_PREDICT_COLUMNS; c++)
			if (column_wanted(c))
				printf(" %-15s", predict_columns[c].title);
		printf("\n");
	}
	for (unsigned int i = 0; !status && !(err = get_scenario(fd, i, &row.info)); i++) {
		const char *place = opts.full ? predict_place(row.info.name, 0) : NULL;

		if (!place)
			status = matrix_line(fd, &row, NULL, &different);
		for (unsigned int p = 1; !status && place; p++) {
			status = matrix_line(fd, &row, place, &different);
			place = predict_place(row.info.name, p);
		}
	}
	if (status || err != -ENOENT)
		return status ?: EXIT_NOT_RUN;
	if (different && !opts.json)
		printf("%d outcomes, marked !, are not what the rules predict.\n", different);
	return different ? EXIT_DIFFERENT : EXIT_AS_PREDICTED;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, "list | run NAME | isolate NAME | curve NAME | matrix", doc, NULL,
		NULL,	 NULL
	};
	static const struct {
		const char *verb;
		int (*run)(int fd);
	} commands[] = {
		{ "list", cmd_list },	{ "run", cmd_run },	  { "isolate", cmd_isolate },
		{ "curve", cmd_curve }, { "matrix", cmd_matrix },
	};
	struct sigaction action = { .sa_handler = on_signal };
	const int stops[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	int fd, status = -1;

	argp_err_exit_status = EXIT_NOT_RUN;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
		sigaction(stops[i], &action, NULL);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].verb, opts.verb))
			continue;
		fd = open_control();
		if (fd < 0)
			return EXIT_NOT_RUN;
		status = commands[i].run(fd);
		device_destroy();
		close(fd);
	}
	if (status < 0)
		return fail("unknown command '%s'; see dmaloop --help", opts.verb);
	return status;
}
