/* SPDX-License-Identifier: GPL-2.0 */
/* What a person, or a program, reads about a finding. */
#ifndef DMASNOOP_REPORT_H
#define DMASNOOP_REPORT_H

#include <stdio.h>

#include "core/finding.h"
#include "core/types.h"

/**
 * struct check_info - what is fixed about a check
 * @name: as in options, JSON and documentation
 * @level: of a certain finding
 * @headline: what happened
 * @elsewhere: what it does on which platform
 * @fix: what to do about it
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

/* Room for driver_format(). */
#define DRIVERS_SIZE (2 * NAME_SIZE)

#define BESIDE_MAX 8

/**
 * struct beside_member - a lock or a reference count beside a buffer, on its cache lines
 * @offset: bytes from the start of the buffer's object; it can be in the one before or after
 * @type: as in C
 * @name: as in C, with the structs that it is nested in
 */
struct beside_member {
	int64_t offset;
	char type[40];
	char name[64];
};

/**
 * struct beside - such members, and how they are known
 * @name: of the struct that they are members of
 * @certain: it is known to be that; otherwise it is the only one that fits
 * @nr: of members; those beyond BESIDE_MAX are counted
 * @member: ordered by offset within one object
 */
struct beside {
	char name[64];
	bool certain;
	size_t nr;
	struct beside_member member[BESIDE_MAX];
};

/**
 * struct report_context - what a report needs besides the finding
 * @line_size: bytes
 * @colour: the output is a terminal
 * @beside: fills in what lies beside a buffer; false when nothing is known. NULL: cannot be
 *	known, as in a replay
 */
struct report_context {
	unsigned int line_size;
	bool colour;
	bool (*beside)(const struct finding *finding, unsigned int line_size,
		       struct beside *beside);
};

/* Of every JSON object that dmasnoop prints. */
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

/* One line of --json; see dmasnoop.schema.json. */
void report_json(FILE *out, const struct finding *finding, unsigned int id,
		 const struct report_context *context);

#endif
