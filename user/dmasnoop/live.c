// SPDX-License-Identifier: GPL-2.0
/*
 * Finds live mappings by call site. They are read from the tracer's tables from time to time, for
 * `dmasnoop live' and for leaks while a driver keeps its device.
 */
#define _GNU_SOURCE /* tdestroy() */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "live.h"
#include "output/report.h"
#include "symbols.h"
#include "table.h"

#define SITES_MAX 1024
#define ROWS_SHOWN 15
#define SITE_WIDTH 25
/*
 * The driver's frame in a stack, by the key of the stack. It is kept because the tracer may drop
 * the stack.
 */
struct known_stack {
	u64 key; /* must be first, for tfind() */
	u64 frame;
};

static void *known_stacks;
static size_t nr_known_stacks;

static int compare_key(const void *a, const void *b)
{
	u64 left = *(const u64 *)a, right = *(const u64 *)b;

	return left < right ? -1 : left > right;
}

/*
 * Returns the first frame in a module, because a helper of the kernel does not tell drivers apart.
 * For a built-in driver this is the first frame after the DMA API.
 */
static u64 driver_frame(const u64 *stack)
{
	const u64 *start;
	size_t nr = symbols_caller(stack, STACK_MAX, &start);

	for (size_t i = 0; i < nr; i++)
		if (symbols_find(start[i]).module)
			return start[i];
	return nr ? start[0] : 0;
}

static u64 frame_of(u64 key, int stacks)
{
	struct known_stack **found = tfind(&key, &known_stacks, compare_key), *fresh;
	u64 frames[STACK_MAX];

	if (found)
		return (*found)->frame;
	if (!key || bpf_map_lookup_elem(stacks, &key, frames))
		return 0;
	if (nr_known_stacks > 1 << 16) {
		tdestroy(known_stacks, free);
		known_stacks = NULL;
		nr_known_stacks = 0;
	}
	fresh = malloc(sizeof(*fresh));
	if (!fresh)
		return 0;
	*fresh = (struct known_stack){ key, driver_frame(frames) };
	if (!tsearch(fresh, &known_stacks, compare_key)) {
		free(fresh);
		return 0;
	}
	nr_known_stacks++;
	return fresh->frame;
}

/*
 * Returns the site of a mapping, and adds it if needed; NULL: there is no room, or the device is
 * gone.
 */
static struct site *site_of(struct sites *sites, const struct mapping *map, int stacks)
{
	u64 frame = frame_of(map->stack, stacks);
	struct site *site, *more;

	for (size_t i = 0; i < sites->nr; i++) {
		site = &sites->site[i];
		if (site->frame == frame && site->generation == map->generation)
			return site;
	}
	if (sites->nr == SITES_MAX) {
		sites->others += map->users;
		return NULL;
	}
	more = realloc(sites->site, (sites->nr + 1) * sizeof(*more));
	if (!more)
		return NULL;
	sites->site = more;
	site = &more[sites->nr];
	*site = (struct site){ .generation = map->generation, .frame = frame };
	if (!table_device(map->generation, &site->device))
		return NULL;
	sites->nr++;
	return site;
}

static void count(struct sites *sites, const struct mapping *map, int stacks, double older)
{
	struct site *site;
	u64 born = table_born(map);
	double age = sites->ns > born ? (sites->ns - born) / 1e9 : 0;

	site = site_of(sites, map, stacks);
	if (!site)
		return;
	if (!site->count || born < table_born(&site->oldest))
		site->oldest = *map;
	site->count += map->users;
	if (age < older)
		return;
	site->old += map->users;
	site->bytes += map->size * map->users;
}

/* Drops sites that have no mapping now and had none at the previous look. */
static void drop_empty(struct sites *sites)
{
	size_t kept = 0;

	for (size_t i = 0; i < sites->nr; i++)
		if (sites->site[i].count || sites->site[i].count_before)
			sites->site[kept++] = sites->site[i];
	sites->nr = kept;
}

/**
 * live_look - read the live mappings
 * @sites: the previous look's result; updated
 * @stacks: file descriptor of the tracer's table of stacks
 * @older: minimum age of the mappings in @old, seconds
 */
void live_look(struct sites *sites, int stacks, double older)
{
	struct mapping map;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sites->ns = now.tv_sec * 1000000000ull + now.tv_nsec;
	sites->others = 0;
	for (size_t i = 0; i < sites->nr; i++) {
		struct site *site = &sites->site[i];

		site->count_before = site->count;
		site->old_before = site->old;
		site->count = 0;
		site->bytes = 0;
		site->old = 0;
	}
	for (u32 at = 0; at < table_slots(); at++)
		if (table_read(at, &map))
			count(sites, &map, stacks, older);
	drop_empty(sites);
	for (size_t i = 0; i < sites->nr; i++) {
		struct site *site = &sites->site[i];
		bool grew = site->count > site->count_before && site->old > site->old_before;

		site->growing = grew ? site->growing + 1 : 0;
	}
}

/**
 * live_forget_growth - count the growing looks from 0 again
 * @sites: the result of the last look
 *
 * This is called when an event was lost, because that may have been an unmap.
 */
void live_forget_growth(struct sites *sites)
{
	for (size_t i = 0; i < sites->nr; i++)
		sites->site[i].growing = 0;
}

/**
 * live_leak - test whether a site has grown for so long that it is a leak
 * @site: a site of the last look
 * @stacks: file descriptor of the tracer's table of stacks
 * @finding: out; the finding to report
 *
 * If dma_need_unmap() returned false, the driver need not unmap, so live mappings are no sign of a
 * leak.
 *
 * Return: true, once for each site.
 */
bool live_leak(struct site *site, int stacks, struct finding *finding)
{
	struct device_state *device = &site->device;
	struct timespec now;

	if (site->reported || site->growing < LOOKS_TO_LEAK ||
	    !table_device(site->generation, device) || device->lazy)
		return false;
	site->reported = true;
	clock_gettime(CLOCK_MONOTONIC, &now);
	*finding = (struct finding){
		.type = EVENT_FINDING,
		.check = CHECK_LEAK,
		.level = LEVEL_HAZARD,
		.uncertain = 1,
		.op = OP_MAP,
		.dir = site->oldest.dir,
		.has_map = 1,
		.ns = now.tv_sec * 1000000000ull + now.tv_nsec,
		.skips_sync = device->skips_sync,
		.has_ops = device->has_ops,
		.iommu = device->iommu,
		.live = site->count,
		.addr = site->oldest.dma,
		.size = site->oldest.size,
		.map = site->oldest,
	};
	memcpy(finding->device, device->name, sizeof(finding->device));
	memcpy(finding->driver, device->driver, sizeof(finding->driver));
	memcpy(finding->function_driver, device->function_driver, sizeof(finding->function_driver));
	if (bpf_map_lookup_elem(stacks, &site->oldest.stack, finding->stack))
		finding->stack[0] = 0;
	return true;
}

/* Orders sites by growth, then by number. */
static int compare_sites(const void *a, const void *b)
{
	const struct site *left = a, *right = b;
	int64_t change_left = left->old - left->old_before;
	int64_t change_right = right->old - right->old_before;

	if (change_left != change_right)
		return change_left < change_right ? 1 : -1;
	return left->old < right->old ? 1 : left->old > right->old ? -1 : 0;
}

static void print_bytes(FILE *out, u64 bytes)
{
	static const char units[] = "KMGT";
	double value = bytes / 1024.0;
	int unit = 0;

	if (bytes < 10000) {
		fprintf(out, " %5" PRIu64, bytes);
		return;
	}
	for (; value >= 1000 && units[unit + 1]; unit++)
		value /= 1024;
	fprintf(out, value < 10 ? " %4.1f%c" : " %4.0f%c", value, units[unit]);
}

static void print_site(FILE *out, u64 frame)
{
	struct symbol symbol = symbols_find(frame);
	char text[64];

	if (!symbol.name) {
		fprintf(out, " %s\n", frame ? "(unknown)" : "(not recorded)");
		return;
	}
	if (snprintf(text, sizeof(text), "%s+0x%" PRIx64, symbol.name, symbol.offset) > SITE_WIDTH)
		snprintf(text, sizeof(text), "%.*s", SITE_WIDTH, symbol.name);
	fprintf(out, " %s\n", text);
}

/**
 * live_text - print the last look for a person
 * @out: output stream
 * @sites: the result of the last look; this function sorts it
 */
void live_text(FILE *out, struct sites *sites)
{
	size_t shown = sites->nr < ROWS_SHOWN ? sites->nr : ROWS_SHOWN;
	u64 mappings = sites->others, bytes = 0;

	if (sites->nr)
		qsort(sites->site, sites->nr, sizeof(*sites->site), compare_sites);
	for (size_t i = 0; i < sites->nr; i++) {
		mappings += sites->site[i].old;
		bytes += sites->site[i].bytes;
	}
	fprintf(out, "---- %" PRIu64 " mappings are live, %" PRIu64 " KiB\n", mappings,
		(bytes + 1023) / 1024);
	if (shown)
		fprintf(out, "%7s %7s %5s %6s %-16s %-9s %s\n", "COUNT", "CHANGE", "BYTES",
			"OLDEST", "DEVICE", "DRIVER", "MAPPED AT");
	for (size_t i = 0; i < shown; i++) {
		const struct site *site = &sites->site[i];
		double age = site->old && sites->ns > site->oldest.born ?
				     (sites->ns - site->oldest.born) / 1e9 :
				     0;

		fprintf(out, "%7" PRIu64 " %+7" PRId64, site->old,
			(int64_t)(site->old - site->old_before));
		print_bytes(out, site->bytes);
		fprintf(out, age < 1000 ? " %5.1fs" : " %5.0fs", age);
		fprintf(out, " %-16.16s %-9.9s", site->device.name, site->device.driver);
		print_site(out, site->frame);
	}
	if (sites->nr > shown)
		fprintf(out, "... and %zu call sites more.\n", sites->nr - shown);
	fflush(out);
}

static struct json_object *stack_json(u64 key, int stacks)
{
	struct json_object *array = json_object_new_array();
	u64 frames[STACK_MAX];
	const u64 *start;
	char text[512];
	size_t nr;

	if (bpf_map_lookup_elem(stacks, &key, frames))
		return array;
	nr = symbols_trim(frames, STACK_MAX, &start);
	for (size_t i = 0; i < nr; i++) {
		symbols_format(start[i], text, sizeof(text));
		json_object_array_add(array, json_object_new_string(text));
	}
	return array;
}

/**
 * live_json - print the last look for a program, as one line
 * @out: output stream
 * @sites: the result of the last look; this function sorts it
 * @stacks: file descriptor of the tracer's table of stacks
 */
void live_json(FILE *out, struct sites *sites, int stacks)
{
	struct json_object *o = json_object_new_object();
	struct json_object *array = json_object_new_array();

	if (sites->nr)
		qsort(sites->site, sites->nr, sizeof(*sites->site), compare_sites);
	for (size_t i = 0; i < sites->nr; i++) {
		const struct site *site = &sites->site[i];
		struct json_object *s = json_object_new_object();
		char text[512];

		symbols_format(site->frame, text, sizeof(text));
#define ADD(key, value) json_object_object_add(s, key, value)
		ADD("count", json_object_new_uint64(site->old));
		ADD("change", json_object_new_int64(site->old - site->old_before));
		ADD("bytes", json_object_new_uint64(site->bytes));
		ADD("oldest_ns",
		    json_object_new_uint64(site->old ? sites->ns - site->oldest.born : 0));
		ADD("device", json_object_new_string(site->device.name));
		ADD("driver", json_object_new_string(site->device.driver));
		if (site->device.function_driver[0])
			ADD("function_driver",
			    json_object_new_string(site->device.function_driver));
		ADD("site", json_object_new_string(text));
		ADD("map_stack", stack_json(site->oldest.stack, stacks));
#undef ADD
		json_object_array_add(array, s);
	}
	json_object_object_add(o, "type", json_object_new_string("live"));
	json_object_object_add(o, "schema", json_object_new_int(SCHEMA_VERSION));
	json_object_object_add(o, "time_ns", json_object_new_uint64(sites->ns));
	json_object_object_add(o, "not_shown", json_object_new_uint64(sites->others));
	json_object_object_add(o, "sites", array);
	fprintf(out, "%s\n",
		json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							  JSON_C_TO_STRING_NOSLASHESCAPE));
	fflush(out);
	json_object_put(o);
}

/**
 * live_free - free the result of the last look
 * @sites: the result of the last look
 */
void live_free(struct sites *sites)
{
	tdestroy(known_stacks, free);
	known_stacks = NULL;
	nr_known_stacks = 0;
	free(sites->site);
	*sites = (struct sites){};
}
