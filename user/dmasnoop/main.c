// SPDX-License-Identifier: GPL-2.0
/*
 * dmasnoop: watch the DMA API of a running kernel and report broken rules.
 *
 * Loading and attaching, the event loop, and the run. Options are in options.c,
 * detection is in bpf/, what becomes of findings in findings.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "core/types.h"
#include "attach/attach.h"
#include "beside.h"
#include "devices.h"
#include "dmasnoop.skel.h"
#include "attach/exact.h"
#include "output/explain.h"
#include "output/findings.h"
#include "engine/engine.h"
#include "watch/held.h"
#include "live.h"
#include "engine/logged.h"
#include "options.h"
#include "record/record.h"
#include "symbols.h"
#include "table.h"
#include "watch/watch.h"

#define CONTENTS_MAX (1 << 17) /* with --content=edges or full, of every buffer */

/* How often `live' prints, and looks for leaks in the time a mapping has to age. */
#define LIVE_SECONDS 2
#define LOOKS_AN_AGE 3
/* After so many looks a leak that was there from the first would have been told. */
#define LOOKS_AT_LEAKS (LOOKS_AN_AGE + 1 + LOOKS_TO_LEAK)

static volatile sig_atomic_t interrupted, child_ended;

/* --- findings and other events --- */

/**
 * struct tracer - one run
 * @findings: where findings go
 * @sites: what the last look at the live mappings saw
 * @looked: when that was, seconds
 * @looks: how many there were
 * @missed: events known to be lost
 * @missed_then: the same, when that was
 * @leaks: generations of the devices of which growth was reported
 * @gone: devices that lost their driver
 * @module_loaded: tracepoints may have appeared
 */
static struct tracer {
	struct dmasnoop_bpf *bpf;
	struct findings findings;
	struct sites sites;
	double looked;
	unsigned int looks;
	uint64_t missed;
	uint64_t missed_then;
	uint32_t *leaks;
	size_t nr_leaks;
	struct device_state *gone;
	size_t nr_gone;
	bool module_loaded;
} tracer;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* What is known, to where it is looked for. */
static void publish(void)
{
	if (attach_logged())
		logged_publish(tracer.bpf);
}

static void note_missed(void)
{
	tracer.missed = attach_logged() ? logged_missed(tracer.bpf) : attach_missed(tracer.bpf);
}

static void on_finding(const struct finding *seen)
{
	struct finding finding = *seen;

	table_settle(&finding.map);
	table_settle(&finding.other);
	if (opts.verb == VERB_RECORD)
		record_add(&finding);
	findings_add(&tracer.findings, &finding, 1);
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
		if (!held_keep(data))
			on_finding(data);
		break;
	case EVENT_DEVICE_GONE:
		on_device_gone(&gone->state);
		break;
	case EVENT_MODULE:
		attach_module_came(tracer.bpf, ((const struct module_event *)data)->name);
		symbols_load();
		beside_module_came();
		if (opts.verb == VERB_RECORD)
			record_symbols_changed();
		tracer.module_loaded = true;
		break;
	case EVENT_LOGGED:
		engine_event(data);
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
	char message[256];
	va_list again;

	(void)level;
	va_copy(again, args);
	vsnprintf(message, sizeof(message), format, again);
	va_end(again);
	attach_hear(message);
	if (!opts.verbose)
		return 0;
	return vfprintf(stderr, format, args);
}

/* The BPF object, fitted to the options and to this kernel. Returns an exit status. */
static int prepare(const char *release)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_opts);
	struct timespec tick;
	struct dmasnoop_bpf *bpf;
	const char *problem;

	/* With -v: what each program cost the verifier. */
	open_opts.kernel_log_level = opts.verbose ? 4 : 0;
	bpf = dmasnoop_bpf__open_opts(&open_opts);
	if (!bpf)
		return fail("cannot open the BPF object: %s", strerror(errno));
	tracer.bpf = bpf;
	bpf->rodata->line_size = opts.line_size;
	bpf_map__set_value_size(bpf->maps.neighbours,
				offsetof(struct neighbours, line) + (size_t)2 * opts.line_size);
	bpf->rodata->checks_enabled = opts.checks;
	bpf->rodata->facts.line_mask = opts.line_size - 1;
	for (bpf->rodata->facts.line_shift = 6;
	     1u << bpf->rodata->facts.line_shift < opts.line_size;)
		bpf->rodata->facts.line_shift++;
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	bpf->rodata->facts.tick_ns = tick.tv_nsec;
	bpf->rodata->stacks_always = opts.stacks_always || opts.verb == VERB_LIVE;
	bpf->rodata->min_level = opts.verb == VERB_RECORD  ? LEVEL_NOTE :
				 opts.level < opts.fail_on ? opts.level :
							     opts.fail_on;
	if (opts.device)
		strncpy((char *)bpf->rodata->only_device, opts.device, NAME_SIZE - 1);
	if (opts.driver)
		strncpy((char *)bpf->rodata->only_driver, opts.driver, NAME_SIZE - 1);
	bpf->rodata->content_mode = opts.content;
	if (opts.content > CONTENT_SAMPLE)
		bpf_map__set_max_entries(bpf->maps.contents, CONTENTS_MAX);
	bpf_program__set_autoattach(bpf->progs.watchpoint, false);
	bpf_program__set_autoattach(bpf->progs.watch_probe, false);
	bpf_program__set_autoattach(bpf->progs.learn_memory, false);
	bpf_program__set_autoattach(bpf->progs.learn_layout, false);
	bpf_program__set_autoattach(bpf->progs.count_dropped, false);
	bpf_program__set_autoload(bpf->progs.watchpoint, opts.watch.slots);
	bpf_program__set_autoload(bpf->progs.watch_probe, opts.watch.slots);
	problem = attach_choose(bpf);
	if (!problem)
		problem = attach_memory(bpf, opts.mappings);
	if (!problem && attach_logged())
		logged_prepare(bpf);
	return problem ? fail("kernel %s: %s", release, problem) : 0;
}

/*
 * What a run needs. CAP_SYS_ADMIN contains CAP_BPF and CAP_PERFMON, and is asked for by
 * /proc/iomem and for the ids of BPF programs; CAP_SYSLOG by /proc/kallsyms.
 */
static const struct {
	int number;
	const char *name;
	bool for_exact;
} capabilities[] = {
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN", false },
	{ CAP_SYSLOG, "CAP_SYSLOG", false },
	{ CAP_SYS_MODULE, "CAP_SYS_MODULE (for --exact)", true },
};

/* Returns an exit status. */
static int check_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
	char missing[128] = "";

	if (syscall(SYS_capget, &header, data))
		return fail("cannot read capabilities: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		int number = capabilities[i].number;
		size_t length = strlen(missing);

		if (!(data[CAP_TO_INDEX(number)].effective & CAP_TO_MASK(number)) &&
		    (!capabilities[i].for_exact || opts.exact))
			snprintf(missing + length, sizeof(missing) - length, "%s%s",
				 length ? ", " : "", capabilities[i].name);
	}
	return missing[0] ? fail("needs root, or at least %s; try sudo", missing) : 0;
}

/* What to do about a refusal of the kernel's. */
static const char *advice(int err)
{
	if (err == -EPERM)
		return ": root of a container, or kernel lockdown? Run it on the host, see "
		       "/sys/kernel/security/lockdown";
	return opts.verbose ? "" : " (-v shows why)";
}

static int load(void)
{
	struct utsname uts = {};
	struct dmasnoop_bpf *bpf;
	const char *problem;
	int err;

	uname(&uts);
	err = check_capabilities();
	if (err)
		return err;
	if (opts.exact)
		err = exact_begin();
	if (!err)
		err = prepare(uts.release);
	if (err)
		return err;
	while ((err = dmasnoop_bpf__load(tracer.bpf)) && attach_refused_another()) {
		dmasnoop_bpf__destroy(tracer.bpf);
		tracer.bpf = NULL;
		err = prepare(uts.release);
		if (err)
			return err;
	}
	bpf = tracer.bpf;
	if (err)
		return fail("kernel %s refused the BPF programs: %s%s", uts.release, strerror(-err),
			    advice(err));
	if (!table_open(bpf, attach_logged()))
		return fail("cannot map the table of mappings: %s", strerror(errno));
	problem = attach_logged() ? logged_start(bpf, on_event) : attach_learn(bpf);
	if (problem)
		return fail("kernel %s: %s", uts.release, problem);
	err = dmasnoop_bpf__attach(bpf);
	if (!err)
		err = attach_returns(bpf);
	if (err)
		return fail("kernel %s refused to attach: %s%s", uts.release, strerror(-err),
			    advice(err));
	attach_late(tracer.bpf);
	if (opts.watch.slots && attach_logged())
		return fail("kernel %s: --watch needs bpf_loop(), of Linux 5.17", uts.release);
	problem = opts.watch.slots ? watch_start(bpf, &opts.watch) : NULL;
	if (problem)
		return fail("--watch: %s", problem);
	bpf->bss->armed = ARMED;
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
	/* Standard output is JSON's, or KTAP's, alone. */
	if (opts.json || opts.ktap)
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
	const struct device_state *devices = tracer.bpf->bss->devices;
	struct device_state *all;
	size_t nr = tracer.nr_gone;

	all = malloc((nr + DEVICES_MAX) * sizeof(*all));
	if (!all)
		return 0;
	if (nr)
		memcpy(all, tracer.gone, nr * sizeof(*all));
	for (size_t i = 0; i < DEVICES_MAX; i++)
		if (devices[i].ready && !devices[i].ignored)
			all[nr++] = devices[i];
	*states = all;
	return nr;
}

/* What was seen up to now. The caller frees its devices. */
static void collect(struct summary *summary)
{
	static struct utsname uts;

	note_missed();
	publish();
	uname(&uts);
	*summary = (struct summary){
		.missed = tracer.missed,
		.overlooked = attach_overlooked(tracer.bpf),
		.left_out = attach_left_out(),
		.checks = opts.checks & ((1u << NR_CHECKS) - 1),
		.leaks_judged = tracer.nr_gone > 0 || tracer.looks >= LOOKS_AT_LEAKS,
		.unreadable = attach_logged()		    ? UNREADABLE_LATER :
			      attach_unreadable(tracer.bpf) ? UNREADABLE :
							      READABLE,
		.blind_interrupts = tracer.bpf->bss->blind_interrupts,
		.sampled = opts.content == CONTENT_SAMPLE,
		.line_size = opts.line_size,
		.watch = watch_totals(),
		.unsettled = held_unsettled(),
		.kernel = uts.release,
	};
	for (int i = 0; i < NR_LEVELS; i++)
		summary->levels[i] = tracer.bpf->bss->unsent[i];
	for (int i = 0; i < NR_LOST; i++)
		summary->lost[i] = tracer.bpf->bss->lost[i];
	summary->nr_devices = collect_devices(&summary->devices);
	for (size_t i = 0; i < summary->nr_devices; i++)
		for (size_t j = 0; j < tracer.nr_leaks; j++)
			summary->devices[i].findings += summary->devices[i].generation ==
							tracer.leaks[j];
}

static void flush_recording(void)
{
	struct summary summary;

	collect(&summary);
	record_flush(&summary, false);
	free(summary.devices);
}

static void summarise(void)
{
	struct summary summary;

	collect(&summary);
	if (opts.verb == VERB_RECORD)
		record_flush(&summary, true);
	findings_end(&tracer.findings, &summary);
	free(summary.devices);
}

/* --- the run --- */

static void print_live(void)
{
	int stacks = bpf_map__fd(tracer.bpf->maps.stacks);

	publish();
	live_look(&tracer.sites, stacks, opts.older);
	if (tracer.findings.json)
		live_json(tracer.findings.json, &tracer.sites, stacks);
	else
		live_text(tracer.findings.text, &tracer.sites);
}

static void look_for_leaks(void)
{
	int stacks = bpf_map__fd(tracer.bpf->maps.stacks);
	struct finding finding;
	uint32_t *leaks;

	publish();
	live_look(&tracer.sites, stacks, opts.leak_age);
	tracer.looks++;
	if (tracer.missed != tracer.missed_then)
		live_forget_growth(&tracer.sites);
	tracer.missed_then = tracer.missed;
	for (size_t i = 0; i < tracer.sites.nr; i++) {
		if (!live_leak(&tracer.sites.site[i], stacks, &finding))
			continue;
		on_finding(&finding);
		leaks = realloc(tracer.leaks, (tracer.nr_leaks + 1) * sizeof(*leaks));
		if (!leaks)
			return;
		tracer.leaks = leaks;
		leaks[tracer.nr_leaks++] = tracer.sites.site[i].generation;
	}
}

/* What is done every few seconds. */
static void look(void)
{
	double every = opts.verb == VERB_LIVE ? LIVE_SECONDS : opts.leak_age / LOOKS_AN_AGE;

	if (now() - tracer.looked < every)
		return;
	tracer.looked = now();
	if (opts.verb != VERB_LIVE)
		look_for_leaks();
	else if (!opts.duration)
		print_live();
}

/* The exit status of a run without findings, from how COMMAND ended. */
static int command_status(int status)
{
	if (WIFSIGNALED(status)) {
		fprintf(stderr, "dmasnoop: the command was killed by signal %d (%s)\n",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
		return EXIT_SIGNALLED + WTERMSIG(status);
	}
	if (WEXITSTATUS(status) == 127)
		return fail("the command could not be run");
	if (WEXITSTATUS(status))
		fprintf(stderr, "dmasnoop: the command exited with status %d\n",
			WEXITSTATUS(status));
	return 0;
}

/* Until Ctrl-C, the end of COMMAND, or of --duration. Returns an exit status. */
static int follow(struct ring_buffer *ring, pid_t child)
{
	double end = opts.duration > 0 ? now() + opts.duration : 0;
	int status = 0, failed = 0;
	bool ended = false;

	tracer.looked = now();
	while (!interrupted) {
		/* Until the twins are there, what is nested is lost: it is looked at often. */
		int err, timeout = tracer.bpf->bss->armed == ARMED ? 5 : 200;

		ended = child > 0 && child_ended && waitpid(child, &status, WNOHANG) == child;
		if (ended)
			break;
		if (end && now() >= end)
			break;
		if (end && end - now() < 0.2)
			timeout = (end - now()) * 1000 + 1;
		if (opts.watch.slots) {
			int turn = watch_turn();

			held_look(on_finding);
			timeout = turn < timeout ? turn : timeout;
		}
		err = ring_buffer__poll(ring, timeout);
		if (err < 0 && err != -EINTR) {
			failed = fail("reading events: %s", strerror(-err));
			break;
		}
		if (tracer.module_loaded)
			attach_late(tracer.bpf);
		tracer.module_loaded = false;
		if (record_due())
			flush_recording();
		note_missed();
		look();
	}
	ring_buffer__consume(ring);
	if (child > 0 && !ended)
		end_command(child);
	ring_buffer__consume(ring);
	if (failed)
		return failed;
	/* Ctrl-C reaches COMMAND too: how that ends then says nothing about it. */
	return ended && !interrupted ? command_status(status) : 0;
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
	if (opts.command) {
		/* Before it can unload a module. */
		symbols_load();
		child = start_command(&release);
		if (child < 0)
			return fail("cannot start %s: %s", opts.command[0], strerror(errno));
		if (write(release, "g", 1) != 1)
			return fail("cannot start %s: %s", opts.command[0], strerror(errno));
		close(release);
	} else if (tracer.findings.text) {
		if (opts.verb == VERB_LIVE)
			fprintf(tracer.findings.text,
				"Live mappings by call site; those made before now are not seen.\n");
		else
			fprintf(tracer.findings.text,
				"Tracing DMA, %u-byte lines. Ctrl-C ends it.\n", opts.line_size);
		fflush(tracer.findings.text);
	}
	if (!opts.command)
		symbols_load();
	status = follow(ring, child);
	held_look(on_finding);
	if (opts.verb == VERB_LIVE && status != EXIT_NOT_RUN)
		print_live();
	else
		summarise();
	lost_findings = tracer.bpf->bss->lost[LOST_RING];
	ring_buffer__free(ring);
	if (status == EXIT_NOT_RUN)
		return status;
	if (findings_failed(&tracer.findings))
		return EXIT_FINDINGS;
	if (lost_findings) {
		fail("%" PRIu64 " findings were lost, so this is not a clean run", lost_findings);
		return EXIT_FINDINGS;
	}
	return status;
}

/* Live or recorded: where the findings go. */
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

static int trace(void)
{
	struct record_header header = { .checks = opts.checks, .line_size = opts.line_size };
	int status;

	if (opts.verb == VERB_RECORD) {
		snprintf(header.device, sizeof(header.device), "%s", opts.device ?: "");
		snprintf(header.driver, sizeof(header.driver), "%s", opts.driver ?: "");
		if (record_open(opts.file, &header))
			return fail("%s: %s", opts.file, strerror(errno));
	}
	tracer.findings.context.beside = beside_find;
	status = run();
	beside_free();
	watch_stop();
	held_free();
	table_close();
	attach_stop();
	dmasnoop_bpf__destroy(tracer.bpf);
	exact_end();
	live_free(&tracer.sites);
	free(tracer.gone);
	free(tracer.leaks);
	if (record_close())
		return EXIT_NOT_RUN;
	return status;
}

int main(int argc, char **argv)
{
	struct sigaction stop = { .sa_handler = on_signal };
	struct sigaction ended = { .sa_handler = on_child, .sa_flags = SA_NOCLDSTOP };
	const int stops[] = { SIGINT, SIGTERM, SIGPIPE };
	struct sigaction hangup;
	struct ktap ktap = {};
	int status;

	/*
	 * Set before anything is loaded: Ctrl-C then ends the run with what was seen so far.
	 * A terminal that hangs up and a reader that leaves end it the same way, so that
	 * dmasnoop_sync is always unloaded.
	 */
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
		sigaction(stops[i], &stop, NULL);
	/* But nohup is heeded. */
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &stop, NULL);
	sigaction(SIGCHLD, &ended, NULL);
	options_parse(argc, argv);
	if (opts.verb == VERB_EXPLAIN)
		return explain(opts.check);
	libbpf_set_print(print_libbpf);
	if (opts.verb == VERB_DEVICES)
		return list_devices();
	status = open_outputs(&tracer.findings, &ktap);
	if (status)
		return status;
	if (opts.verb == VERB_REPLAY)
		status = replay(opts.file, &tracer.findings, &interrupted);
	else
		status = trace();
	symbols_forget();
	findings_free(&tracer.findings);
	ktap_free(&ktap);
	if (!close_outputs(&tracer.findings))
		return fail("output could not be written: %s", strerror(errno));
	return status;
}
