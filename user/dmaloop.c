// SPDX-License-Identifier: GPL-2.0
/*
 * dmaloop: run DMA bugs, and their correct twins, on demand.
 *
 * Makes a device through configfs, runs a scenario on it through the ioctl of
 * kmod/dmaloop_uapi.h, compares what was observed with what the rules predict
 * (predict.c), and takes the device away again.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../kmod/dmaloop_uapi.h"
#include "predict.h"

#define DEFAULT_OFFSET 8
#define CONFIGFS "/sys/kernel/config/dmaloop"

enum { EXIT_AS_PREDICTED = 0, EXIT_DIFFERENT = 1, EXIT_NOT_RUN = 2 };

const char *argp_program_version = "dmaloop 0.1";

static const char doc[] = "Run DMA bugs, and their correct twins, on demand.\v"
			  "list            the scenarios\n"
			  "run NAME        one of them, on a device made for it\n"
			  "matrix          all of them in every configuration\n"
			  "\n"
			  "Exit status: 0 as the rules predict, 1 different, 2 could not run.\n"
			  "The module must be loaded: insmod dmaloop.ko.\n";

static struct {
	const char *verb;
	const char *name;
	const char *coherency;
	const char *arch;
	const char *line_size;
	const char *evict;
	const char *neighbours;
	const char *dma_bits;
	bool prefetch;
	bool json;
	unsigned long offset;
	unsigned long long seed;
	unsigned long repeat;
} opts = {
	.coherency = NULL,
	.offset = DEFAULT_OFFSET,
	.seed = 1,
	.repeat = 1,
};

static const char *const outcome_names[] = { DMALOOP_OUTCOME_NAMES };
static volatile sig_atomic_t interrupted;

static int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "dmaloop: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_NOT_RUN;
}

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

enum { OPT_EVICT = 256, OPT_PREFETCH, OPT_NEIGHBOURS, OPT_DMA_BITS, OPT_OFFSET, OPT_JSON };

static const struct argp_option options[] = {
	{ "coherency", 'c', "MODE", 0,
	  "noncoherent (default), coherent, or bounce (guest booted with swiotlb=force); matrix: a comma-separated list",
	  0 },
	{ "arch", 'a', "ARCH", 0, "whose cache maintenance: arm, arm64 (default), mips, riscv", 0 },
	{ "line-size", 'l', "BYTES", 0, "cache line: 32 to 256 (default 64)", 0 },
	{ "evict", OPT_EVICT, "HOW", 0, "none (default), eager, random:SEED:PERMILLE", 0 },
	{ "prefetch", OPT_PREFETCH, NULL, 0, "clean lines are re-filled after each device access",
	  0 },
	{ "neighbours", OPT_NEIGHBOURS, "HOW", 0,
	  "safe (default), or unsafe: whole-line effects hit anybody's memory (throw-away guest only)",
	  0 },
	{ "dma-bits", OPT_DMA_BITS, "N", 0, "DMA mask of the device: 24 to 64 (default)", 0 },
	{ "offset", OPT_OFFSET, "N", 0, "buffer offset for placement `offset' (default 8)", 0 },
	{ "seed", 's', "N", 0, "payload seed (default 1)", 0 },
	{ "repeat", 'n', "N", 0, "run N times; all must agree (default 1)", 0 },
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

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'c':
		opts.coherency = arg;
		break;
	case 'a':
		opts.arch = arg;
		break;
	case 'l':
		opts.line_size = arg;
		break;
	case OPT_EVICT:
		opts.evict = arg;
		break;
	case OPT_PREFETCH:
		opts.prefetch = true;
		break;
	case OPT_NEIGHBOURS:
		opts.neighbours = arg;
		break;
	case OPT_DMA_BITS:
		opts.dma_bits = arg;
		break;
	case OPT_OFFSET:
		opts.offset = number(state, arg, "offset");
		break;
	case 's':
		opts.seed = number(state, arg, "seed");
		break;
	case 'n':
		opts.repeat = number(state, arg, "repeat");
		if (!opts.repeat)
			argp_error(state, "repeat: at least 1");
		break;
	case OPT_JSON:
		opts.json = true;
		break;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			opts.verb = arg;
		else if (state->arg_num == 1 && !strcmp(opts.verb, "run"))
			opts.name = arg;
		else
			argp_usage(state);
		break;
	case ARGP_KEY_END:
		if (!opts.verb || (!strcmp(opts.verb, "run") && !opts.name))
			argp_usage(state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Returns the descriptor, or says what to do and returns -1. */
static int open_control(void)
{
	int fd = open("/dev/dmaloop", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		fail("/dev/dmaloop is not there: load the module (insmod dmaloop.ko)");
	else if (errno == EACCES || errno == EPERM)
		fail("/dev/dmaloop: %s: run as root", strerror(errno));
	else
		fail("/dev/dmaloop: %s", strerror(errno));
	return -1;
}

static int get_scenario(int fd, unsigned int index, struct dmaloop_scenario_info *info)
{
	memset(info, 0, sizeof(*info));
	info->version = DMALOOP_ABI_VERSION;
	info->index = index;
	if (!ioctl(fd, DMALOOP_IOC_SCENARIO, info))
		return 0;
	if (errno == EPROTO)
		fail("the loaded module speaks version %u, this program version %u: build both from one tree",
		     info->version, DMALOOP_ABI_VERSION);
	else if (errno != ENOENT)
		fail("listing scenarios: %s", strerror(errno));
	return -errno;
}

static int find_scenario(int fd, const char *name, struct dmaloop_scenario_info *info)
{
	for (unsigned int i = 0;; i++) {
		int err = get_scenario(fd, i, info);

		if (err == -ENOENT)
			fail("no scenario '%s'; `dmaloop list' shows them", name);
		if (err)
			return err;
		if (!strcmp(info->name, name))
			return 0;
	}
}

/* --- the device, through configfs --- */

static char config_name[DMALOOP_NAME_MAX];

static int config_write(const char *attribute, const char *value)
{
	char path[256];
	size_t length = strlen(value);
	ssize_t written;
	int fd, err;

	snprintf(path, sizeof(path), CONFIGFS "/%s/%s", config_name, attribute);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fail("%s: %s", path, strerror(errno));
	written = write(fd, value, length);
	err = errno;
	close(fd);
	if (written == (ssize_t)length)
		return 0;
	if (!strcmp(attribute, "live") && err == EOPNOTSUPP)
		return fail(
			"this kernel or device cannot do it; dmesg says why (bounce needs swiotlb=force, Linux 6.12 and 32 DMA bits)");
	return fail("%s: '%s' refused: %s", attribute, value, strerror(err));
}

static int config_read(const char *attribute, char *value, size_t size)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), CONFIGFS "/%s/%s", config_name, attribute);
	file = fopen(path, "re");
	if (!file || !fgets(value, size, file)) {
		int err = errno;

		if (file)
			fclose(file);
		return fail("%s: %s", path, strerror(err));
	}
	fclose(file);
	value[strcspn(value, "\n")] = '\0';
	return 0;
}

static void device_destroy(void)
{
	char path[256];

	if (!config_name[0])
		return;
	snprintf(path, sizeof(path), CONFIGFS "/%s", config_name);
	rmdir(path);
	config_name[0] = '\0';
}

static int device_create(const char *coherency, const char *arch, char *device, size_t size)
{
	static unsigned int serial;
	char path[256];

	snprintf(config_name, sizeof(config_name), "run-%d-%u", getpid(), serial++);
	snprintf(path, sizeof(path), CONFIGFS "/%s", config_name);
	if (mkdir(path, 0700)) {
		config_name[0] = '\0';
		if (errno == ENOENT)
			return fail("%s is not there: mount -t configfs config /sys/kernel/config",
				    CONFIGFS);
		return fail("%s: %s", path, strerror(errno));
	}
	if (config_write("coherency", coherency) || (arch && config_write("arch", arch)) ||
	    (opts.line_size && config_write("line_size", opts.line_size)) ||
	    (opts.evict && config_write("evict", opts.evict)) ||
	    (opts.prefetch && config_write("prefetch", "1")) ||
	    (opts.neighbours && config_write("neighbours", opts.neighbours)) ||
	    (opts.dma_bits && config_write("dma_bits", opts.dma_bits)) ||
	    config_write("live", "1") || config_read("device", device, size)) {
		device_destroy();
		return EXIT_NOT_RUN;
	}
	return 0;
}

/* --- one row --- */

/**
 * struct row - one scenario in one configuration
 * @info: the scenario
 * @column: where its prediction stands; -1 for settings the table is not about
 * @predicted: the outcome the rules give; NULL when not known
 * @device: it ran on
 * @run: what was observed
 */
struct row {
	struct dmaloop_scenario_info info;
	int column;
	const char *predicted;
	char device[64];
	struct dmaloop_run run;
};

static bool as_predicted(const struct row *row)
{
	return !row->predicted || !strcmp(row->predicted, outcome_names[row->run.outcome]);
}

static void print_row_json(const struct row *row, const char *coherency, const char *arch)
{
	struct json_object *object = json_object_new_object();
	const char *findings = predict_findings(row->info.name);
	struct utsname uts = {};

	uname(&uts);
#define ADD(key, value) json_object_object_add(object, key, value)
#define STRING(text) ((text) ? json_object_new_string(text) : NULL)
	ADD("scenario", STRING(row->info.name));
	ADD("placement", STRING(row->info.placement));
	ADD("coherency", STRING(coherency));
	ADD("arch", STRING(arch));
	ADD("fault", STRING(row->info.fault));
	ADD("predicted", STRING(row->predicted));
	ADD("observed", STRING(outcome_names[row->run.outcome]));
	ADD("predicted_findings", STRING(findings));
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
static int run_row(int fd, struct row *row, const char *coherency, const char *arch)
{
	struct dmaloop_run first = {};
	int status;

	status = device_create(coherency, arch, row->device, sizeof(row->device));
	if (status)
		return status;
	for (unsigned long i = 0; i < opts.repeat && !interrupted; i++) {
		struct dmaloop_run *run = &row->run;

		memset(run, 0, sizeof(*run));
		run->version = DMALOOP_ABI_VERSION;
		run->seed = opts.seed;
		run->offset = strcmp(row->info.placement, "offset") ? 0 : opts.offset;
		snprintf(run->config, sizeof(run->config), "%s", config_name);
		snprintf(run->scenario, sizeof(run->scenario), "%s", row->info.name);
		if (ioctl(fd, DMALOOP_IOC_RUN, run)) {
			int err = errno;

			device_destroy();
			if (err == EINVAL)
				return fail("%s: refused; --offset is at most 255", row->info.name);
			return fail("%s on %s: %s", row->info.name, row->device, strerror(err));
		}
		if (!i)
			first = *run;
		if (run->outcome != first.outcome || run->wrong != first.wrong ||
		    run->faults != first.faults) {
			device_destroy();
			fail("%s: repeat %lu differs: %s; the first: %s", row->info.name, i + 1,
			     run->text, first.text);
			return EXIT_DIFFERENT;
		}
	}
	device_destroy();
	return interrupted ? EXIT_NOT_RUN : 0;
}

/* The table speaks of the default settings only. */
static bool default_settings(const struct row *row)
{
	if (!strcmp(row->info.placement, "offset") && opts.offset != DEFAULT_OFFSET)
		return false;
	return !opts.line_size && !opts.evict && !opts.prefetch && !opts.neighbours;
}

static int find_column(const char *coherency, const char *arch)
{
	for (int i = 0; i < NR_PREDICT_COLUMNS; i++) {
		const struct predict_column_info *column = &predict_columns[i];

		if (strcmp(column->coherency, coherency))
			continue;
		if (!column->arch || !strcmp(column->arch, arch ?: "arm64"))
			return i;
	}
	return -1;
}

static int cmd_list(int fd)
{
	struct json_object *list = json_object_new_array();
	struct dmaloop_scenario_info info;
	int err;

	for (unsigned int i = 0; !(err = get_scenario(fd, i, &info)); i++) {
		struct json_object *object;

		if (!opts.json) {
			if (!i)
				printf("%-27s %-17s %s\n", "SCENARIO", "PLACEMENT",
				       "WHAT THE DRIVER DOES");
			printf("%-27s %-17s %s\n", info.name, info.placement, info.text);
			continue;
		}
		object = json_object_new_object();
		ADD("scenario", STRING(info.name));
		ADD("placement", STRING(info.placement));
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
	const char *coherency = opts.coherency ?: "noncoherent";
	const char *arch = strcmp(coherency, "noncoherent") ? NULL : opts.arch ?: "arm64";
	struct row row = {};
	int status;

	if (find_scenario(fd, opts.name, &row.info))
		return EXIT_NOT_RUN;
	row.column = default_settings(&row) ? find_column(coherency, arch) : -1;
	if (row.column >= 0)
		row.predicted = predict_outcome(row.info.name, row.column);
	status = run_row(fd, &row, coherency, arch);
	if (status)
		return status;
	if (opts.json) {
		print_row_json(&row, coherency, arch);
	} else {
		printf("%s on %s (%s%s%s): %s, %u wrong bytes, %u faults", row.info.name,
		       row.device, coherency, arch ? " " : "", arch ?: "",
		       outcome_names[row.run.outcome], row.run.wrong, row.run.faults);
		if (row.predicted)
			printf("; %s", as_predicted(&row) ? "as predicted" : "PREDICTED ");
		if (!as_predicted(&row))
			printf("%s", row.predicted);
		printf("\n");
	}
	return as_predicted(&row) ? EXIT_AS_PREDICTED : EXIT_DIFFERENT;
}

static bool column_wanted(int column)
{
	const char *list = opts.coherency ?: "coherent,noncoherent";
	const struct predict_column_info *info = &predict_columns[column];
	size_t length = strlen(info->coherency);

	if (opts.arch && info->arch && strcmp(opts.arch, info->arch))
		return false;
	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (!strncmp(at, info->coherency, length) && (!at[length] || at[length] == ','))
			return true;
	return false;
}

static int cmd_matrix(int fd)
{
	struct row row = {};
	int err, different = 0, wanted = 0;

	for (int c = 0; c < NR_PREDICT_COLUMNS; c++)
		wanted += column_wanted(c);
	if (!wanted)
		return fail("--coherency '%s': nothing of coherent, noncoherent, bounce",
			    opts.coherency);
	if (!opts.json) {
		printf("%-27s", "SCENARIO");
		for (int c = 0; c < NR_PREDICT_COLUMNS; c++)
			if (column_wanted(c))
				printf(" %-15s", predict_columns[c].title);
		printf("\n");
	}
	for (unsigned int i = 0; !(err = get_scenario(fd, i, &row.info)); i++) {
		if (!opts.json)
			printf("%-27s", row.info.name);
		for (int c = 0; c < NR_PREDICT_COLUMNS; c++) {
			const struct predict_column_info *column = &predict_columns[c];
			int status;

			if (!column_wanted(c))
				continue;
			row.column = c;
			row.predicted = default_settings(&row) ? predict_outcome(row.info.name, c) :
								 NULL;
			status = run_row(fd, &row, column->coherency, column->arch);
			if (status)
				return status;
			different += !as_predicted(&row);
			if (opts.json)
				print_row_json(&row, column->coherency, column->arch);
			else
				printf(" %s%-*s", outcome_names[row.run.outcome],
				       15 - (int)strlen(outcome_names[row.run.outcome]),
				       as_predicted(&row) ? "" : "!");
		}
		if (!opts.json)
			printf("\n");
	}
	if (err != -ENOENT)
		return EXIT_NOT_RUN;
	if (different && !opts.json)
		printf("%d outcomes, marked !, are not what the rules predict.\n", different);
	return different ? EXIT_DIFFERENT : EXIT_AS_PREDICTED;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "list | run NAME | matrix", doc, NULL,
					  NULL,	   NULL };
	static const struct {
		const char *verb;
		int (*run)(int fd);
	} commands[] = {
		{ "list", cmd_list },
		{ "run", cmd_run },
		{ "matrix", cmd_matrix },
	};
	struct sigaction action = { .sa_handler = on_signal };
	int fd, status = -1;

	argp_err_exit_status = EXIT_NOT_RUN;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
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
