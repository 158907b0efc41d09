// SPDX-License-Identifier: GPL-2.0
/* Prints a finding as one line of JSON, in the format of dmasnoop.schema.json. */
#include <json-c/json.h>
#include <string.h>

#include "output/report.h"
#include "symbols.h"

static struct json_object *stack(const uint64_t *frames)
{
	struct json_object *array = json_object_new_array();
	const uint64_t *start;
	size_t nr = symbols_trim(frames, STACK_MAX, &start);
	char text[512];

	for (size_t i = 0; i < nr; i++) {
		symbols_format(start[i], text, sizeof(text));
		json_object_array_add(array, json_object_new_string(text));
	}
	return array;
}

static struct json_object *string(const char *text)
{
	return text ? json_object_new_string(text) : NULL;
}

static struct json_object *object(const struct finding *f)
{
	struct json_object *o;

	if (!f->has_map || f->object.kind == OBJECT_UNKNOWN)
		return NULL;
	o = json_object_new_object();
	json_object_object_add(
		o, "cache",
		f->object.kind == OBJECT_PAGE ? NULL : json_object_new_string(f->object.cache));
	json_object_object_add(o, "size", json_object_new_int64(f->object.size));
	json_object_object_add(o, "offset", json_object_new_int64(f->map.phys - f->object.start));
	return o;
}

/* Returns the offsets of the neighbour bytes that were written, from the start of the buffer. */
static struct json_object *changed(const struct finding *f, unsigned int line_size)
{
	struct json_object *array = json_object_new_array();
	uint64_t first = f->map.phys / line_size * line_size;
	uint64_t last = (f->map.phys + f->map.size - 1) / line_size * line_size;

	for (uint64_t line = first;; line = last) {
		for (unsigned int i = 0; i < line_size; i++) {
			uint64_t bits = line == first ? f->changed[0][i / 64] : 0;

			if (line == last)
				bits |= f->changed[1][i / 64];
			if (bits >> (i % 64) & 1)
				json_object_array_add(
					array, json_object_new_int64(line + i - f->map.phys));
		}
		if (line == last)
			return array;
	}
}

static struct json_object *beside(const struct beside *b)
{
	struct json_object *o = json_object_new_object(), *members = json_object_new_array();

	for (size_t i = 0; i < b->nr && i < BESIDE_MAX; i++) {
		struct json_object *member = json_object_new_object();

		json_object_object_add(member, "type", string(b->member[i].type));
		json_object_object_add(member, "name", string(b->member[i].name));
		json_object_object_add(member, "offset",
				       json_object_new_int64(b->member[i].offset));
		json_object_array_add(members, member);
	}
	json_object_object_add(o, "struct", string(b->name));
	json_object_object_add(o, "certain", json_object_new_boolean(b->certain));
	json_object_object_add(o, "members", members);
	return o;
}

/**
 * report_json - print a finding for a program
 * @out: output stream
 * @f: the finding
 * @id: number of the finding, from 1 on; the summary's `repeats' refers to it
 * @context: the settings of the report
 */
void report_json(FILE *out, const struct finding *f, unsigned int id,
		 const struct report_context *context)
{
	const struct check_info *info = &check_infos[f->check];
	const struct mapping *m = &f->map;
	struct json_object *o = json_object_new_object();
	struct beside neighbours;

#define ADD(key, value) json_object_object_add(o, key, value)
	ADD("type", json_object_new_string("finding"));
	ADD("id", json_object_new_int64(id));
	ADD("check", json_object_new_string(info->name));
	ADD("level", json_object_new_string(level_names[f->level]));
	ADD("uncertain", json_object_new_boolean(f->uncertain));
	ADD("headline", json_object_new_string(finding_headline(f)));
	ADD("detail", string(finding_detail(f)));
	ADD("mapped_by", string(finding_mapped_by(f)));
	ADD("call", string(finding_call(f)));
	ADD("device", json_object_new_string(f->device));
	ADD("driver", json_object_new_string(f->driver));
	if (f->function_driver[0])
		ADD("function_driver", json_object_new_string(f->function_driver));
	if (f->other_device[0])
		ADD("other_device", json_object_new_string(f->other_device));
	ADD("size", json_object_new_int64(f->has_map ? m->size : f->size));
	ADD("direction", json_object_new_string(dir_names[(f->has_map ? m->dir : f->dir) & 3]));
	ADD("dma", json_object_new_uint64(f->has_map ? m->dma : f->addr));
	ADD("phys", f->has_map ? json_object_new_uint64(m->phys) : NULL);
	ADD("call_size", json_object_new_int64(f->size));
	ADD("call_direction", json_object_new_string(dir_names[f->dir & 3]));
	ADD("cpu", json_object_new_int64(f->cpu));
	ADD("pid", json_object_new_int64(f->pid));
	ADD("comm", json_object_new_string_len(f->comm, strnlen(f->comm, sizeof(f->comm))));
	ADD("time_ns", json_object_new_uint64(f->ns));
	ADD("age_ns", f->has_map ? json_object_new_uint64(f->ns - m->born) : NULL);
	ADD("watched", json_object_new_boolean(f->watched));
	ADD("syncs_observable", json_object_new_boolean(!f->skips_sync));
	ADD("object", object(f));
	if (f->check == CHECK_LINE_NEIGHBOUR_WRITE)
		ADD("changed", changed(f, context->line_size));
	if (finding_beside(f, context, &neighbours))
		ADD("beside", beside(&neighbours));
	if (f->live)
		ADD("live", json_object_new_int64(f->live));
	ADD("count", json_object_new_int64(1));
	ADD("stack", stack(f->stack));
	ADD("map_stack", stack(f->op == OP_MAP ? f->stack : f->map_stack));
	if (f->has_map)
		ADD("map_stack_own",
		    json_object_new_boolean(f->op == OP_MAP || !(m->flags & MAP_ALIKE)));
	ADD("other_stack", f->has_other ? stack(f->other_stack) : NULL);
#undef ADD
	fprintf(out, "%s\n",
		json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							  JSON_C_TO_STRING_NOSLASHESCAPE));
	fflush(out);
	json_object_put(o);
}
