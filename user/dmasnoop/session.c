// SPDX-License-Identifier: GPL-2.0
/* A run reads and reports events until it ends, and then prints the summary. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/attach.h"
#include "attach/exact.h"
#include "beside.h"
#include "command.h"
#include "core/finding.h"
#include "core/types.h"
#include "core/watches.h"
#include "dmasnoop.skel.h"
#include "engine/engine.h"
#include "engine/logged.h"
#include "live.h"
#include "load.h"
#include "options.h"
#include "output/findings.h"
#include "record/record.h"
#include "session.h"
#include "symbols.h"
#include "table.h"
#include "watch/held.h"
#include "watch/watch.h"

/* The period of `live' in seconds, and the number of looks for leaks within --leak-age. */
#define LIVE_SECONDS 2
#define LOOKS_AN_AGE 3
/* After this many looks a leak that existed from the start would have been reported. */
#define LOOKS_AT_LEAKS (LOOKS_AN_AGE + 1 + LOOKS_TO_LEAK)

/* --- findings and other events --- */

/**
 * struct tracer - the state of the run
 * @findings: the filters and outputs that findings go to
 * @sites: the result of the last look at the live mappings
 * @looked: time of the last look, seconds
 * @looks: number of looks
 * @missed: number of events known to be lost
 * @missed_then: value of @missed at the last look
 * @leaks: generations of the devices whose growth was reported
 * @gone: devices that lost their driver
 * @module_loaded: tracepoints may have appeared
 */
static struct tracer {
	struct dmasnoop_bpf *bpf;
	struct findings *findings;
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

/*
 * The engine in user space keeps its own state, which is copied to the BPF object's variables here.
 */
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
	findings_add(tracer.findings, &finding, 1);
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

/* Collects the numbers of the run so far. The caller frees the devices. */
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
	findings_end(tracer.findings, &summary);
	free(summary.devices);
}

/* --- the run --- */

static void print_live(void)
{
	int stacks = bpf_map__fd(tracer.bpf->maps.stacks);

	publish();
	live_look(&tracer.sites, stacks, opts.older);
	if (tracer.findings->json)
		live_json(tracer.findings->json, &tracer.sites, stacks);
	else
		live_text(tracer.findings->text, &tracer.sites);
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

/* Prints the live mappings or looks for leaks, once a period. */
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

/* Reads events until Ctrl-C, the end of COMMAND or of --duration. Returns an exit status. */
static int follow(struct ring_buffer *ring, pid_t child)
{
	double end = opts.duration > 0 ? now() + opts.duration : 0;
	int status = 0, failed = 0;
	bool ended = false;

	tracer.looked = now();
	while (!interrupted) {
		/*
		 * Until the fallback programs are attached, nested events are lost, so losses are
		 * polled often.
		 */
		int err, timeout = tracer.bpf->bss->armed == ARMED ? 5 : 200;

		ended = command_ended(child, &status);
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
		command_end(child);
	ring_buffer__consume(ring);
	if (failed)
		return failed;
	/* Ctrl-C also reaches COMMAND, so its exit status says nothing then. */
	return ended && !interrupted ? command_status(status) : 0;
}

static int run(void)
{
	struct ring_buffer *ring;
	uint64_t lost_findings;
	int status, release = -1;
	pid_t child = 0;

	status = load(&tracer.bpf, on_event);
	if (status)
		return status;
	ring = ring_buffer__new(bpf_map__fd(tracer.bpf->maps.events), on_event, NULL, NULL);
	if (!ring)
		return fail("ring buffer: %s", strerror(errno));
	if (opts.command) {
		/* COMMAND may unload a module, so the symbols are read first. */
		symbols_load();
		child = command_start(&release);
		if (child < 0)
			return fail("cannot start %s: %s", opts.command[0], strerror(errno));
		if (write(release, "g", 1) != 1)
			return fail("cannot start %s: %s", opts.command[0], strerror(errno));
		close(release);
	} else if (tracer.findings->text) {
		if (opts.verb == VERB_LIVE)
			fprintf(tracer.findings->text,
				"Live mappings by call site; those made before now are not seen.\n");
		else
			fprintf(tracer.findings->text,
				"Tracing DMA, %u-byte lines. Ctrl-C ends it.\n", opts.line_size);
		fflush(tracer.findings->text);
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
	if (findings_failed(tracer.findings))
		return EXIT_FINDINGS;
	if (lost_findings) {
		fail("%" PRIu64 " findings were lost, so this is not a clean run", lost_findings);
		return EXIT_FINDINGS;
	}
	return status;
}

/**
 * session_run - trace until the end, and report
 * @findings: the filters and outputs that findings go to
 *
 * Return: an exit status.
 */
int session_run(struct findings *findings)
{
	struct record_header header = { .checks = opts.checks, .line_size = opts.line_size };
	int status;

	if (opts.verb == VERB_RECORD) {
		snprintf(header.device, sizeof(header.device), "%s", opts.device ?: "");
		snprintf(header.driver, sizeof(header.driver), "%s", opts.driver ?: "");
		if (record_open(opts.file, &header))
			return fail("%s: %s", opts.file, strerror(errno));
	}
	tracer.findings = findings;
	findings->context.beside = beside_find;
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
