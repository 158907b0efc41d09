// SPDX-License-Identifier: GPL-2.0
/* Prints the summary of a run: its devices, its totals, and the limits of its view. */
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "needs.h"
#include "output/summary.h"

#define DEVICES_SHOWN 12

/* Tests for a device of which only the neighbour bytes can be judged. */
static bool stands_down(const struct device_state *state)
{
	return state->skips_sync || state->unmatched;
}

static void watch_text(FILE *out, const struct summary *summary)
{
	const struct watch_totals *watch = &summary->watch;
	size_t down = 0, played = 0;

	for (size_t i = 0; i < summary->nr_devices; i++) {
		if (summary->devices[i].software)
			played++;
		else
			down += stands_down(&summary->devices[i]);
	}
	fprintf(out,
		"Watched: %" PRIu64 " buffers in %" PRIu64 " turns; touched %" PRIu64
		" times: %" PRIu64 " allowed, %" PRIu64 " by an\n"
		"         instruction reported already.\n",
		watch->buffers, watch->turns, watch->counts[WATCH_HITS], watch->counts[WATCH_LEGAL],
		watch->counts[WATCH_FOLDED]);
	fprintf(out,
		"Not watched: mappings that are gone within a turn; accesses by user space or through\n"
		"             vmalloc and kmap addresses; pages of user space and of the page cache;\n"
		"             coherent memory; mappings made with DMA_ATTR_SKIP_CPU_SYNC.\n");
	if (down)
		fprintf(out,
			"Not watched: buffers of %zu device%s whose syncs are not seen: only writes beside\n"
			"             them are.\n",
			down, down > 1 ? "s" : "");
	if (played)
		fprintf(out,
			"Not watched: %zu device%s played by a program, whose DMA is done by the CPU.\n",
			played, played > 1 ? "s" : "");
	if (summary->missed || watch->counts[WATCH_UNSURE])
		fprintf(out,
			"Not judged: buffers mapped before the last lost event (touched %" PRIu64
			" times).\n",
			watch->counts[WATCH_UNSURE]);
	if (summary->unsettled)
		fprintf(out,
			"Not judged: %" PRIu64
			" accesses to buffers that the device still has, or that no\n"
			"            more is known of: a sync may have followed.\n",
			summary->unsettled);
	if (watch->refused)
		fprintf(out,
			"Not watched: up to %u debug registers could not be had: %s. A buffer\n"
			"             takes two of each CPU; with one only its writes are caught.\n",
			watch->refused, watch->error ? strerror(watch->error) : "others use them");
}

#define DEVICES_NAMED 4

/* Prints the checks that stood down, with their devices and reasons. */
static void stood_down_text(FILE *out, const struct summary *summary)
{
	uint64_t compared = 0, handovers = 0;
	char text[2048];

	for (size_t reason = 0; reason < nr_reasons; reason++) {
		FILE *words = fmemopen(text, sizeof(text), "w");
		uint32_t checks = 0;
		const char *why = "";
		size_t nr = 0;

		if (!words)
			return;
		for (size_t i = 0; i < summary->nr_devices; i++) {
			uint32_t more = stood_down(&summary->devices[i], reason, &why);

			checks |= more & summary->checks;
			if (more && nr++ < DEVICES_NAMED)
				fprintf(words, "%s%s", nr > 1 ? ", " : "on ",
					summary->devices[i].name);
		}
		if (nr > DEVICES_NAMED)
			fprintf(words, " and %zu more", nr - DEVICES_NAMED);
		fprintf(words, ":");
		for (int check = 0; check < NR_CHECKS; check++)
			if (checks & 1u << check)
				fprintf(words, " %s%s", check_infos[check].name,
					checks >> check == 1 ? "." : ",");
		fprintf(words, " Why: %s.", why);
		fclose(words);
		if (checks)
			print_wrapped(out, "Stood down", text);
	}
	for (size_t i = 0; i < summary->nr_devices; i++) {
		compared += summary->devices[i].compared;
		handovers += summary->devices[i].maps + summary->devices[i].syncs;
	}
	if (summary->sampled && compared && summary->checks & 1u << CHECK_CONTENT_CHANGED)
		fprintf(out,
			"Sampled:   content-changed compared %" PRIu64 " buffers, of %" PRIu64
			" maps and syncs\n"
			"           (--content=edges: all).\n",
			compared, handovers);
}

static struct json_object *stood_down_json(const struct summary *summary,
					   const struct device_state *device)
{
	struct json_object *all = json_object_new_array();

	for (size_t reason = 0; reason < nr_reasons; reason++) {
		const char *why;
		uint32_t checks = stood_down(device, reason, &why) & summary->checks;
		struct json_object *o, *names;

		if (!checks)
			continue;
		names = json_object_new_array();
		for (int check = 0; check < NR_CHECKS; check++)
			if (checks & 1u << check)
				json_object_array_add(
					names, json_object_new_string(check_infos[check].name));
		o = json_object_new_object();
		json_object_object_add(o, "checks", names);
		json_object_object_add(o, "why", json_object_new_string(why));
		json_object_array_add(all, o);
	}
	return all;
}

static void devices_text(FILE *out, const struct summary *summary)
{
	const struct device_state *states = summary->devices;
	size_t nr = summary->nr_devices, shown = nr < DEVICES_SHOWN ? nr : DEVICES_SHOWN;

	if (summary->damaged)
		fprintf(out, "The recording is damaged: its totals are not known.\n");
	else if (!nr)
		fprintf(out, "No DMA was seen%s.\n",
			summary->filtered ? " on what -d and -D select" : "");
	else
		fprintf(out, "%-16s %-22s %8s %8s %7s %5s %8s\n", "DEVICE", "DRIVER", "MAPS",
			"UNMAPS", "SYNCS", "LIVE", "FINDINGS");
	for (size_t i = 0; i < shown; i++) {
		const struct device_state *s = &states[i];
		char syncs[24] = "unseen", driver[DRIVERS_SIZE] = "";

		if (!s->skips_sync)
			snprintf(syncs, sizeof(syncs), "%" PRIu64, (uint64_t)s->syncs);
		if (s->driver[0])
			driver_format(s->driver, s->function_driver, driver, sizeof(driver));
		fprintf(out,
			"%-16s %-22s %8" PRIu64 " %8" PRIu64 " %7s %5" PRIu64 " %8" PRIu64 "\n",
			s->name, driver, (uint64_t)s->maps, (uint64_t)s->unmaps, syncs,
			(uint64_t)live_of(s), (uint64_t)s->findings);
	}
	if (nr > shown)
		fprintf(out, "... and %zu devices more.\n", nr - shown);
}

/* Prints the limits of the view of this kernel or this run. */
static void unseen_text(FILE *out, const struct summary *summary)
{
	if (summary->unreadable == UNREADABLE_LATER)
		fprintf(out,
			"Not seen: what buffers hold, and what lies beside them; memory that must not be\n"
			"          mapped, is freed, or passed on to other layers: before Linux 5.17 calls\n"
			"          are judged in user space, when they are over.\n");
	else if (summary->unreadable)
		fprintf(out,
			"Not seen: what buffers hold and which allocations they lie in: the kernel's\n"
			"          memory was not found (is /proc/kcore readable?).\n");
	if (summary->left_out[0])
		fprintf(out,
			"Not seen: memory that is freed, or passed on to other layers, at\n"
			"          %s:\n"
			"          their programs could not be loaded (-v shows why), or their module\n"
			"          came after the start.\n",
			summary->left_out);
	if (summary->blind_interrupts)
		fprintf(out,
			"Not seen: calls in %" PRIu64
			" interrupts: this kernel has no fentry, and kprobes\n"
			"          lose some. Findings they explain are marked Unsure.\n",
			summary->blind_interrupts);
	if (summary->overlooked)
		fprintf(out,
			"Not seen: %" PRIu64
			" frees or handovers that came in the midst of another.\n",
			summary->overlooked);
	fprintf(out, "Not seen: CPU accesses, but for those that dmaloop announces%s.\n",
		summary->watch.options.slots ? " or --watch samples" : "");
	if (summary->watch.options.slots)
		watch_text(out, summary);
}

/* Prints the mappings that could not be judged, and the lost events. */
static void lost_text(FILE *out, const struct summary *summary)
{
	const struct device_state *states = summary->devices;
	size_t nr = summary->nr_devices;
	uint64_t lost = summary->missed;

	for (size_t i = 0; i < nr; i++) {
		if (states[i].older)
			fprintf(out,
				"Not judged: %s unmapped %" PRIu64
				" mappings older than the trace%s.\n",
				states[i].name, (uint64_t)states[i].older,
				states[i].lost ? ", or lost" : "");
		if (states[i].unmatched)
			fprintf(out,
				"Not judged: %s synced %" PRIu64
				" ranges whose mapping was not found.\n",
				states[i].name, (uint64_t)states[i].unmatched);
	}
	for (size_t i = 0; i < nr; i++)
		if (states[i].lost)
			fprintf(out,
				"Lost: %" PRIu64 " events of %s, for which there was no room.\n",
				(uint64_t)states[i].lost, states[i].name);
	for (int i = 0; i < NR_LOST; i++)
		lost += summary->lost[i];
	if (lost)
		fprintf(out,
			"Lost: %" PRIu64
			" events; findings they could explain are marked Unsure.\n",
			lost);
}

/**
 * summary_text - print a summary for a person
 * @out: output stream
 * @summary: the numbers of the run
 */
void summary_text(FILE *out, const struct summary *summary)
{
	fprintf(out, "---- summary\n");
	devices_text(out, summary);
	fprintf(out,
		"Findings: %" PRIu64 " corruption, %" PRIu64 " violation, %" PRIu64
		" hazard, %" PRIu64 " note%s; %zu different.\n",
		summary->levels[LEVEL_CORRUPTION], summary->levels[LEVEL_VIOLATION],
		summary->levels[LEVEL_HAZARD], summary->levels[LEVEL_NOTE],
		summary->level > LEVEL_NOTE && summary->levels[LEVEL_NOTE] ?
			" (--level note shows them)" :
			"",
		summary->different);
	stood_down_text(out, summary);
	unseen_text(out, summary);
	lost_text(out, summary);
	fflush(out);
}

static struct json_object *watch_json(const struct summary *summary)
{
	const struct watch_totals *watch = &summary->watch;
	struct json_object *o = json_object_new_object();
	struct json_object *down = json_object_new_array();
	struct json_object *shunned = json_object_new_array();

	for (size_t i = 0; i < summary->nr_devices; i++) {
		const struct device_state *state = &summary->devices[i];

		if (state->software)
			json_object_array_add(shunned, json_object_new_string(state->name));
		else if (stands_down(state))
			json_object_array_add(down, json_object_new_string(state->name));
	}
	json_object_object_add(o, "slots", json_object_new_int(watch->options.slots));
	json_object_object_add(o, "period_ms", json_object_new_int(watch->options.period_ms));
	json_object_object_add(o, "buffers", json_object_new_uint64(watch->buffers));
	json_object_object_add(o, "turns", json_object_new_uint64(watch->turns));
	json_object_object_add(o, "hits", json_object_new_uint64(watch->counts[WATCH_HITS]));
	json_object_object_add(o, "allowed", json_object_new_uint64(watch->counts[WATCH_LEGAL]));
	json_object_object_add(o, "folded", json_object_new_uint64(watch->counts[WATCH_FOLDED]));
	json_object_object_add(o, "unsure", json_object_new_uint64(watch->counts[WATCH_UNSURE]));
	json_object_object_add(o, "unsettled", json_object_new_uint64(summary->unsettled));
	json_object_object_add(o, "refused", json_object_new_int(watch->refused));
	json_object_object_add(o, "stood_down", down);
	json_object_object_add(o, "shunned", shunned);
	return o;
}

static struct json_object *device_json(const struct summary *summary,
				       const struct device_state *state)
{
	struct json_object *d = json_object_new_object();

	json_object_object_add(d, "device", json_object_new_string(state->name));
	json_object_object_add(d, "driver", json_object_new_string(state->driver));
	if (state->function_driver[0])
		json_object_object_add(d, "function_driver",
				       json_object_new_string(state->function_driver));
	json_object_object_add(d, "maps", json_object_new_uint64(state->maps));
	json_object_object_add(d, "unmaps", json_object_new_uint64(state->unmaps));
	json_object_object_add(d, "syncs", json_object_new_uint64(state->syncs));
	json_object_object_add(d, "failed", json_object_new_uint64(state->failed));
	json_object_object_add(d, "live", json_object_new_uint64(live_of(state)));
	json_object_object_add(d, "findings", json_object_new_uint64(state->findings));
	json_object_object_add(d, "lost", json_object_new_uint64(state->lost));
	json_object_object_add(d, "older", json_object_new_uint64(state->older));
	json_object_object_add(d, "unmatched", json_object_new_uint64(state->unmatched));
	json_object_object_add(d, "syncs_observable", json_object_new_boolean(!state->skips_sync));
	json_object_object_add(d, "compared", json_object_new_uint64(state->compared));
	json_object_object_add(d, "stood_down", stood_down_json(summary, state));
	return d;
}

/* Returns the limits of the view in words. */
static struct json_object *unseen_json(const struct summary *summary)
{
	struct json_object *unseen = json_object_new_array();
	const struct device_state *states = summary->devices;

	for (size_t i = 0; i < summary->nr_devices; i++) {
		if (states[i].skips_sync) {
			char text[96];

			snprintf(text, sizeof(text), "syncs of %s", states[i].name);
			json_object_array_add(unseen, json_object_new_string(text));
		}
	}
	if (summary->unreadable)
		json_object_array_add(
			unseen, json_object_new_string(summary->unreadable == UNREADABLE_LATER ?
							       "contents, frees and handovers" :
							       "contents and allocations"));
	if (summary->blind_interrupts) {
		char text[64];

		snprintf(text, sizeof(text), "calls in %" PRIu64 " interrupts",
			 summary->blind_interrupts);
		json_object_array_add(unseen, json_object_new_string(text));
	}
	if (summary->left_out[0]) {
		char text[LEFT_OUT_SIZE + 16];

		snprintf(text, sizeof(text), "programs at %s", summary->left_out);
		json_object_array_add(unseen, json_object_new_string(text));
	}
	json_object_array_add(unseen,
			      json_object_new_string("CPU accesses not announced by dmaloop"));
	return unseen;
}

/**
 * summary_json - print a summary for a program
 * @out: output stream
 * @summary: the numbers of the run
 */
void summary_json(FILE *out, const struct summary *summary)
{
	static const char *const reasons[NR_LOST] = {
		[LOST_RING] = "ring",
		[LOST_TABLE] = "table",
		[LOST_NESTED] = "nested",
		[LOST_DEVICE] = "device",
	};
	struct json_object *o = json_object_new_object();
	struct json_object *devices = json_object_new_array();
	struct json_object *levels = json_object_new_object();
	struct json_object *lost = json_object_new_object();
	struct json_object *repeats = json_object_new_object();
	const struct device_state *states = summary->devices;
	char key[24];

	for (size_t i = 0; i < summary->nr_devices; i++)
		json_object_array_add(devices, device_json(summary, &states[i]));
	for (int i = 0; i < NR_LEVELS; i++)
		json_object_object_add(levels, level_names[i],
				       json_object_new_uint64(summary->levels[i]));
	for (int i = 0; i < NR_LOST; i++)
		json_object_object_add(lost, reasons[i], json_object_new_uint64(summary->lost[i]));
	json_object_object_add(lost, "missed", json_object_new_uint64(summary->missed));
	for (size_t i = 0; i < summary->nr_repeats; i++) {
		if (summary->repeats[i].count < 2)
			continue;
		snprintf(key, sizeof(key), "%u", summary->repeats[i].id);
		json_object_object_add(repeats, key,
				       json_object_new_uint64(summary->repeats[i].count));
	}
	json_object_object_add(o, "type", json_object_new_string("summary"));
	json_object_object_add(o, "schema", json_object_new_int(SCHEMA_VERSION));
	json_object_object_add(o, "kernel", json_object_new_string(summary->kernel));
	json_object_object_add(o, "line_size", json_object_new_int(summary->line_size));
	json_object_object_add(o, "findings", levels);
	json_object_object_add(o, "repeats", repeats);
	json_object_object_add(o, "devices", devices);
	json_object_object_add(o, "lost", lost);
	json_object_object_add(o, "overlooked", json_object_new_uint64(summary->overlooked));
	json_object_object_add(o, "unseen", unseen_json(summary));
	if (summary->watch.options.slots)
		json_object_object_add(o, "watch", watch_json(summary));
	fprintf(out, "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	fflush(out);
	json_object_put(o);
}
