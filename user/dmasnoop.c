// SPDX-License-Identifier: GPL-2.0
/*
 * dmasnoop: watch the DMA API of a running kernel and report broken rules.
 *
 * Options, loading and attaching, the event loop, and folding of repeats.
 * Detection is in bpf/, words are in report.c, json.c and summary.c.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "report.h"
#include "dmasnoop.skel.h"
#include "summary.h"
#include "symbols.h"
#include "watch.h"

enum { EXIT_CLEAN = 0, EXIT_FINDINGS = 1, EXIT_NOT_RUN = 2 };

const char *argp_program_version = "dmasnoop 0.1";

static const char doc[] =
	"Watch the DMA API of the running kernel and report broken ownership rules.\v"
	"Without COMMAND, traces until Ctrl-C or --duration; with it, for its life.\n"
	"\n"
	"Exit status: 0 nothing at or above --fail-on, 1 findings, 2 could not run.\n"
	"\n"
	"  dmasnoop                        everything, live\n"
	"  dmasnoop -D e1000e -t 60        one driver, for a minute\n"
	"  dmasnoop --json -- modprobe x   what loading a driver does\n";

static struct {
	const char *device;
	const char *driver;
	uint32_t checks;
	enum level level;
	enum level fail_on;
	bool fail_on_set;
	unsigned int line_size;
	double duration;
	bool json;
	const char *json_file;
	bool verbose;
	struct watch_options watch;
	char **command;
} opts = {
	.checks = ~0u,
	.level = LEVEL_HAZARD,
	.line_size = 64,
};

static volatile sig_atomic_t interrupted, child_ended;

static int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "dmasnoop: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_NOT_RUN;
}

/* --- options --- */

enum { OPT_CHECK = 256, OPT_LEVEL, OPT_LINE_SIZE, OPT_JSON, OPT_FAIL_ON, OPT_WATCH };

static const struct argp_option options[] = {
	{ "device", 'd', "DEV", 0, "only this device, as `0000:00:02.0'", 0 },
	{ "driver", 'D', "DRIVER", 0, "only devices of this driver", 0 },
	{ "check", OPT_CHECK, "LIST", 0, "only these checks, comma-separated; `help' lists them",
	  0 },
	{ "level", OPT_LEVEL, "L", 0,
	  "report from this level on: note, hazard (default), violation, corruption", 0 },
	{ "fail-on", OPT_FAIL_ON, "L", 0, "exit 1 from this level on (default: as --level)", 0 },
	{ "line-size", OPT_LINE_SIZE, "N", 0,
	  "cache line of the platform one cares about: 32 to 256 (default 64; arm64 promises 128)",
	  0 },
	{ "duration", 't', "S", 0, "stop after S seconds", 0 },
	{ "json", OPT_JSON, "FILE", OPTION_ARG_OPTIONAL,
	  "one JSON object a line; with =FILE beside the text instead of it", 0 },
	{ "watch", OPT_WATCH, "SLOTS[,MS]", OPTION_ARG_OPTIONAL,
	  "catch the instructions that touch what a device owns: hardware watchpoints in SLOTS of "
	  "each CPU's 4 debug registers (default 2), moved on every MS milliseconds (default 100)",
	  0 },
	{ "verbose", 'v', NULL, 0, "libbpf's messages", 0 },
	{}
};

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

static error_t parse(int key, char *arg, struct argp_state *state)
{
	const char *wrong;
	char *end;
	int level;

	switch (key) {
	case 'd':
		opts.device = arg;
		break;
	case 'D':
		opts.driver = arg;
		break;
	case OPT_CHECK:
		parse_checks(state, arg);
		break;
	case OPT_LEVEL:
	case OPT_FAIL_ON:
		level = find_name(level_names, NR_LEVELS, arg);
		if (level < 0)
			argp_error(state, "level '%s': note, hazard, violation or corruption", arg);
		if (key == OPT_LEVEL) {
			opts.level = level;
		} else {
			opts.fail_on = level;
			opts.fail_on_set = true;
		}
		break;
	case OPT_LINE_SIZE:
		opts.line_size = strtoul(arg, &end, 0);
		if (*end || opts.line_size < 32 || opts.line_size > LINE_SIZE_MAX ||
		    (opts.line_size & (opts.line_size - 1)))
			argp_error(state, "line size '%s': 32, 64, 128 or 256", arg);
		break;
	case 't':
		opts.duration = strtod(arg, &end);
		if (*end || !(opts.duration > 0))
			argp_error(state, "duration '%s': seconds, above 0", arg);
		break;
	case OPT_JSON:
		opts.json = !arg;
		opts.json_file = arg;
		break;
	case OPT_WATCH:
		wrong = watch_parse(arg, &opts.watch);
		if (wrong)
			argp_error(state, "--watch=%s: %s", arg, wrong);
		break;
	case 'v':
		opts.verbose = true;
		break;
	case ARGP_KEY_ARGS:
		opts.command = state->argv + state->next;
		break;
	case ARGP_KEY_END:
		if (!opts.fail_on_set)
			opts.fail_on = opts.level;
		if ((opts.device && strlen(opts.device) >= NAME_SIZE) ||
		    (opts.driver && strlen(opts.driver) >= NAME_SIZE))
			argp_error(state, "names have at most %d characters", NAME_SIZE - 1);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* --- findings: folded, counted, printed --- */

struct folds {
	struct fold *fold;
	size_t nr;
	size_t room;
};

/**
 * struct tracer - one run
 * @text: where text goes; NULL when only JSON is wanted
 * @json: where JSON goes; NULL when it is not
 * @by_driver: what the text has said
 * @by_device: what JSON has said
 * @levels: findings by level
 * @gone: devices that lost their driver
 * @next_id: of a finding in JSON
 * @attach_dmaloop: dmaloop's tracepoint may have appeared
 * @not_taken_before: not_taken() when tracing began
 */
static struct tracer {
	struct dmasnoop_bpf *bpf;
	FILE *text;
	FILE *json;
	struct report_context context;
	struct folds by_driver;
	struct folds by_device;
	uint64_t levels[NR_LEVELS];
	struct device_state *gone;
	size_t nr_gone;
	unsigned int next_id;
	bool attach_dmaloop;
	uint64_t not_taken_before;
} tracer;

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
	return hash;
}

static uint64_t call_sites(const struct finding *f)
{
	const uint64_t *event, *map;
	size_t nr_event = symbols_trim(f->stack, STACK_MAX, &event);
	size_t nr_map = symbols_trim(f->map_stack, STACK_MAX, &map);
	uint64_t hash = mix(0xcbf29ce484222325, &f->check, sizeof(f->check));

	/* Two frames tell a helper's callers apart. */
	hash = mix(hash, event, (nr_event < 2 ? nr_event : 2) * sizeof(*event));
	return mix(hash, map, (nr_map < 2 ? nr_map : 2) * sizeof(*map));
}

/* Counts; true when it is the first of its kind. */
static bool fold(struct folds *folds, uint64_t key, unsigned int id)
{
	for (size_t i = 0; i < folds->nr; i++) {
		if (folds->fold[i].key == key) {
			folds->fold[i].count++;
			return false;
		}
	}
	if (folds->nr == folds->room) {
		size_t room = folds->room ? 2 * folds->room : 64;
		struct fold *more = realloc(folds->fold, room * sizeof(*more));

		if (!more)
			return true;
		folds->fold = more;
		folds->room = room;
	}
	folds->fold[folds->nr++] = (struct fold){ .key = key, .id = id, .count = 1 };
	return true;
}

/* The event a program misses its twin takes, where it sees that the other is busy. */
static bool has_twin(const char *name)
{
	char twin[64];

	snprintf(twin, sizeof(twin), "%s_twin", name);
	return bpf_object__find_program_by_name(tracer.bpf->obj, twin);
}

/* Events that programs with a twin were too busy for. */
static uint64_t not_taken(void)
{
	struct bpf_program *program;
	uint64_t total = 0;

	bpf_object__for_each_program(program, tracer.bpf->obj) {
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);

		if (has_twin(bpf_program__name(program)) &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
			total += info.recursion_misses;
	}
	return total;
}

/* Events that neither a program nor its twin took. */
static uint64_t missed(void)
{
	uint64_t total = not_taken() - tracer.not_taken_before;
	uint64_t by_twins = tracer.bpf->bss->twin_runs;

	return total > by_twins ? total - by_twins : 0;
}

/* What hangs on having seen every map and unmap. */
static bool needs_history(const struct finding *finding)
{
	return finding->check == CHECK_DOUBLE_UNMAP || finding->check == CHECK_ADDR_UNKNOWN ||
	       finding->check == CHECK_LEAK;
}

static void on_finding(const struct finding *seen)
{
	struct finding finding = *seen;
	uint64_t sites;

	if (finding.watched && watch_doubts(&finding, missed()))
		return;
	if (finding.level == LEVEL_VIOLATION && needs_history(&finding) && missed()) {
		finding.level = LEVEL_HAZARD;
		finding.uncertain = 1;
	}
	tracer.levels[finding.level]++;
	if (finding.level < opts.level)
		return;
	sites = call_sites(&finding);
	if (tracer.text && fold(&tracer.by_driver, mix(sites, finding.driver, NAME_SIZE), 0))
		report_text(tracer.text, &finding, &tracer.context);
	if (tracer.json &&
	    fold(&tracer.by_device, mix(sites, finding.device, NAME_SIZE), tracer.next_id + 1))
		report_json(tracer.json, &finding, ++tracer.next_id);
}

static void on_device_gone(const struct device_state *state)
{
	struct device_state *more;

	more = realloc(tracer.gone, (tracer.nr_gone + 1) * sizeof(*more));
	if (!more)
		return;
	tracer.gone = more;
	tracer.gone[tracer.nr_gone++] = *state;
}

static int on_event(void *context, void *data, size_t size)
{
	const struct device_gone *gone = data;

	(void)context;
	(void)size;
	switch (*(uint8_t *)data) {
	case EVENT_FINDING:
		on_finding(data);
		break;
	case EVENT_DEVICE_GONE:
		on_device_gone(&gone->state);
		break;
	case EVENT_MODULE:
		symbols_load();
		tracer.attach_dmaloop = true;
		break;
	case EVENT_WATCH_SPENT:
		watch_spent(((const struct watch_spent *)data)->slot);
		break;
	}
	return 0;
}

/* --- loading and attaching --- */

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	if (!opts.verbose)
		return 0;
	return vfprintf(stderr, format, args);
}

static bool has_tracepoint(const char *name)
{
	static const char *const roots[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	bool readable = false;
	char path[256];

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		snprintf(path, sizeof(path), "%s/events", roots[i]);
		readable |= !access(path, R_OK);
		snprintf(path, sizeof(path), "%s/events/%s", roots[i], name);
		if (!access(path, F_OK))
			return true;
	}
	/* No tracefs to ask: attaching will tell. */
	return !readable;
}

/* dmaloop's tracepoint exists only while that module is loaded. */
static void attach_dmaloop(void)
{
	struct bpf_program *programs[] = { tracer.bpf->progs.dmaloop_cpu_access,
					   tracer.bpf->progs.dmaloop_cpu_access_twin };
	struct bpf_link **links[] = { &tracer.bpf->links.dmaloop_cpu_access,
				      &tracer.bpf->links.dmaloop_cpu_access_twin };

	tracer.attach_dmaloop = false;
	for (int i = 0; i < 2; i++)
		if (!*links[i])
			*links[i] = bpf_program__attach_raw_tracepoint(programs[i],
								       "dmaloop_cpu_access");
}

static int load(void)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_opts);
	struct utsname uts = {};
	struct dmasnoop_bpf *bpf;
	int err;

	uname(&uts);
	if (geteuid())
		return fail("needs root (CAP_BPF, CAP_PERFMON); try sudo");
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return fail(
			"kernel %s has no BTF (/sys/kernel/btf/vmlinux): it needs CONFIG_DEBUG_INFO_BTF=y",
			uts.release);
	if (!has_tracepoint("dma/dma_map_page"))
		return fail(
			"kernel %s has no tracepoint dma:dma_map_page: dmasnoop needs Linux 6.12 (and, so far, not 7.x)",
			uts.release);

	/* With -v: what each program cost the verifier. */
	open_opts.kernel_log_level = opts.verbose ? 4 : 0;
	bpf = dmasnoop_bpf__open_opts(&open_opts);
	if (!bpf)
		return fail("cannot open the BPF object: %s", strerror(errno));
	tracer.bpf = bpf;
	bpf->rodata->line_size = opts.line_size;
	bpf->rodata->checks_enabled = opts.checks;
	bpf->rodata->min_level = opts.level < opts.fail_on ? opts.level : opts.fail_on;
	if (opts.device)
		strncpy((char *)bpf->rodata->only_device, opts.device, NAME_SIZE - 1);
	if (opts.driver)
		strncpy((char *)bpf->rodata->only_driver, opts.driver, NAME_SIZE - 1);
	bpf_program__set_autoattach(bpf->progs.dmaloop_cpu_access, false);
	bpf_program__set_autoattach(bpf->progs.dmaloop_cpu_access_twin, false);

	bpf_program__set_autoattach(bpf->progs.watchpoint, false);
	bpf_program__set_autoattach(bpf->progs.watch_probe, false);
	bpf_program__set_autoload(bpf->progs.watchpoint, opts.watch.slots);
	bpf_program__set_autoload(bpf->progs.watch_probe, opts.watch.slots);

	err = dmasnoop_bpf__load(bpf);
	if (err)
		return fail("kernel %s refused the BPF programs: %s%s", uts.release, strerror(-err),
			    opts.verbose ? "" : " (-v shows why)");
	err = dmasnoop_bpf__attach(bpf);
	if (err)
		return fail("kernel %s refused to attach: %s%s", uts.release, strerror(-err),
			    opts.verbose ? "" : " (-v shows why)");
	attach_dmaloop();
	if (opts.watch.slots) {
		const char *wrong = watch_start(bpf, &opts.watch);

		if (wrong)
			return fail("--watch: %s", wrong);
	}
	tracer.not_taken_before = not_taken();
	bpf->bss->armed = true;
	return 0;
}

/* --- the command --- */

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static void on_child(int sig)
{
	(void)sig;
	child_ended = 1;
}

/* Starts COMMAND held back until release_command(). Returns its pid or -1. */
static pid_t start_command(int *release)
{
	int gate[2];
	pid_t pid;
	char go;

	if (pipe(gate))
		return -1;
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid) {
		close(gate[0]);
		*release = gate[1];
		return pid;
	}
	close(gate[1]);
	if (read(gate[0], &go, 1) != 1)
		_exit(127);
	close(gate[0]);
	/* Standard output is JSON's alone. */
	if (opts.json)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	execvp(opts.command[0], opts.command);
	fprintf(stderr, "dmasnoop: %s: %s\n", opts.command[0], strerror(errno));
	_exit(127);
}

/* Ends COMMAND; one that will not is killed. */
static void end_command(pid_t child)
{
	kill(child, SIGTERM);
	for (int i = 0; i < 20; i++) {
		if (waitpid(child, NULL, WNOHANG) == child)
			return;
		usleep(100000);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* --- the summary --- */

static size_t collect_devices(struct device_state **states)
{
	int fd = bpf_map__fd(tracer.bpf->maps.devices);
	struct device_state *all = NULL, *more, one;
	size_t nr = tracer.nr_gone;
	uint64_t key, *from = NULL;

	all = malloc((nr + 1) * sizeof(*all));
	if (!all)
		return 0;
	if (nr)
		memcpy(all, tracer.gone, nr * sizeof(*all));
	while (!bpf_map_get_next_key(fd, from, &key)) {
		from = &key;
		if (bpf_map_lookup_elem(fd, &key, &one) || one.ignored)
			continue;
		more = realloc(all, (nr + 1) * sizeof(*all));
		if (!more)
			break;
		all = more;
		all[nr++] = one;
	}
	*states = all;
	return nr;
}

static int by_findings(const void *a, const void *b)
{
	const struct device_state *left = a, *right = b;

	if (left->findings != right->findings)
		return left->findings < right->findings ? 1 : -1;
	return left->maps < right->maps ? 1 : left->maps > right->maps ? -1 : 0;
}

static void summarise(void)
{
	struct summary summary = {
		.missed = missed(),
		.repeats = tracer.by_device.fold,
		.nr_repeats = tracer.by_device.nr,
		.different = tracer.by_driver.nr,
		.level = opts.level,
		.line_size = opts.line_size,
		.filtered = opts.device || opts.driver,
		.watch = watch_totals(),
	};

	for (int i = 0; i < NR_LEVELS; i++)
		summary.levels[i] = tracer.levels[i] + tracer.bpf->bss->unsent[i];
	for (int i = 0; i < NR_LOST; i++)
		summary.lost[i] = tracer.bpf->bss->lost[i];
	summary.nr_devices = collect_devices(&summary.devices);
	if (summary.nr_devices)
		qsort(summary.devices, summary.nr_devices, sizeof(*summary.devices), by_findings);
	if (tracer.text)
		summary_text(tracer.text, &summary);
	if (tracer.json)
		summary_json(tracer.json, &summary);
	free(summary.devices);
}

/* --- the run --- */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* Until Ctrl-C, the end of COMMAND, or of --duration. Returns an exit status. */
static int follow(struct ring_buffer *ring, pid_t child)
{
	double end = opts.duration > 0 ? now() + opts.duration : 0;
	int status = 0;

	while (!interrupted) {
		int err, timeout = 200;

		if (child > 0 && child_ended && waitpid(child, &status, WNOHANG) == child)
			break;
		if (end && now() >= end)
			break;
		if (end && end - now() < 0.2)
			timeout = (end - now()) * 1000 + 1;
		if (opts.watch.slots) {
			int turn = watch_turn(missed());

			timeout = turn < timeout ? turn : timeout;
		}
		err = ring_buffer__poll(ring, timeout);
		if (err < 0 && err != -EINTR)
			return fail("reading events: %s", strerror(-err));
		if (tracer.attach_dmaloop)
			attach_dmaloop();
	}
	ring_buffer__consume(ring);
	if (child > 0 && !WIFEXITED(status))
		return 0;
	if (child > 0 && WEXITSTATUS(status) == 127)
		return fail("the command could not be run");
	if (child > 0 && WEXITSTATUS(status))
		fprintf(stderr, "dmasnoop: the command exited with status %d\n",
			WEXITSTATUS(status));
	return 0;
}

static int run(void)
{
	struct ring_buffer *ring;
	uint64_t lost_findings;
	int status, release = -1;
	pid_t child = 0;

	status = load();
	if (status)
		return status;
	ring = ring_buffer__new(bpf_map__fd(tracer.bpf->maps.events), on_event, NULL, NULL);
	if (!ring)
		return fail("ring buffer: %s", strerror(errno));
	symbols_load();
	if (opts.command) {
		child = start_command(&release);
		if (child < 0)
			return fail("cannot start %s: %s", opts.command[0], strerror(errno));
		if (write(release, "g", 1) != 1)
			return fail("cannot start %s: %s", opts.command[0], strerror(errno));
		close(release);
	} else if (tracer.text) {
		fprintf(tracer.text, "Tracing DMA, %u-byte lines. Ctrl-C ends it.\n",
			opts.line_size);
		fflush(tracer.text);
	}
	status = follow(ring, child);
	if (child > 0 && !child_ended) {
		/* Ctrl-C reaches the command too; --duration does not. */
		end_command(child);
		ring_buffer__consume(ring);
	}
	summarise();
	lost_findings = tracer.bpf->bss->lost[LOST_RING];
	ring_buffer__free(ring);
	if (status)
		return status;
	for (int i = opts.fail_on; i < NR_LEVELS; i++)
		if (tracer.levels[i])
			return EXIT_FINDINGS;
	if (lost_findings) {
		fail("%" PRIu64 " findings were lost, so this is not a clean run", lost_findings);
		return EXIT_FINDINGS;
	}
	return EXIT_CLEAN;
}

static bool close_outputs(void)
{
	bool good = true;

	if (tracer.json && (ferror(tracer.json) || fflush(tracer.json)))
		good = false;
	if (tracer.text && (ferror(tracer.text) || fflush(tracer.text)))
		good = false;
	return good;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "[-- COMMAND [ARG]...]", doc, NULL,
					  NULL,	   NULL };
	struct sigaction stop = { .sa_handler = on_signal };
	struct sigaction ended = { .sa_handler = on_child };
	const char *terminal = getenv("TERM");
	int status;

	/* From the first: Ctrl-C while loading ends it too, with what there is. */
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGCHLD, &ended, NULL);
	argp_err_exit_status = EXIT_NOT_RUN;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, NULL);
	libbpf_set_print(print_libbpf);
	tracer.context.line_size = opts.line_size;
	tracer.context.colour = isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb");
	tracer.text = opts.json ? NULL : stdout;
	tracer.json = opts.json ? stdout : NULL;
	if (opts.json_file) {
		tracer.json = fopen(opts.json_file, "we");
		if (!tracer.json)
			return fail("%s: %s", opts.json_file, strerror(errno));
	}
	status = run();
	watch_stop();
	dmasnoop_bpf__destroy(tracer.bpf);
	symbols_forget();
	if (!close_outputs())
		return fail("output could not be written: %s", strerror(errno));
	return status;
}
