/* SPDX-License-Identifier: GPL-2.0 */
/* The reports of findings, as text and as JSON. */
#ifndef DMASNOOP_REPORT_H
#define DMASNOOP_REPORT_H

#include <stdio.h>

#include "core/finding.h"
#include "core/types.h"

/**
 * struct check_info - the constant texts of a check
 * @name: the name in options, JSON and documentation
 * @level: the level of a finding that is not Unsure
 * @headline: the mistake, in one line
 * @elsewhere: the effect of the mistake on each platform
 * @fix: how to correct the driver
 */
struct check_info {
	const char *name;
	enum level level;
	const char *headline;
	const char *elsewhere;
	const char *fix;
};

extern const struct check_info check_infos[NR_CHECKS];
extern const char *const level_names[NR_LEVELS];
extern const char *const dir_names[];

/* The size of the buffer for driver_format(), in bytes. */
#define DRIVERS_SIZE (2 * NAME_SIZE)

#define BESIDE_MAX 8

/**
 * struct beside_member - a lock or a reference count on the cache lines of a buffer
 * @offset: bytes from the start of the buffer's object; the member can be in the object before or
 *	after
 * @type: type in C
 * @name: name in C, with the structs around the member
 */
struct beside_member {
	int64_t offset;
	char type[40];
	char name[64];
};

/**
 * struct beside - the locks and reference counts on the cache lines of a buffer
 * @name: name of the struct that has the members
 * @certain: the struct is known; false: it is the only one that fits
 * @nr: number of members, those beyond BESIDE_MAX included
 * @member: the members, ordered by offset within one object
 */
struct beside {
	char name[64];
	bool certain;
	size_t nr;
	struct beside_member member[BESIDE_MAX];
};

/**
 * struct report_context - the settings that a report depends on
 * @line_size: size of a cache line, bytes
 * @colour: the text is coloured; set when the output is a terminal
 * @beside: finds the members beside a buffer, and returns false when none is known; NULL: no member
 *	can be known, as in a replay
 */
struct report_context {
	unsigned int line_size;
	bool colour;
	bool (*beside)(const struct finding *finding, unsigned int line_size,
		       struct beside *beside);
};

/* The schema version in every JSON object that dmasnoop prints. */
#define SCHEMA_VERSION 1

void clean_text(char *text, size_t size);
void driver_format(const char *driver, const char *function_driver, char *text, size_t size);
const char *finding_headline(const struct finding *finding);
const char *finding_detail(const struct finding *finding);
const char *finding_mapped_by(const struct finding *finding);
const char *finding_call(const struct finding *finding);
bool finding_beside(const struct finding *finding, const struct report_context *context,
		    struct beside *beside);
void print_wrapped(FILE *out, const char *label, const char *text);
void report_text(FILE *out, const struct finding *finding, const struct report_context *context);

/* Prints one line of --json, as described in dmasnoop.schema.json. */
void report_json(FILE *out, const struct finding *finding, unsigned int id,
		 const struct report_context *context);

#endif
