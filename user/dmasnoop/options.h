/* SPDX-License-Identifier: GPL-2.0 */
/* What dmasnoop was asked to do. */
#ifndef DMASNOOP_OPTIONS_H
#define DMASNOOP_OPTIONS_H

#include "core/types.h"
#include "totals.h"

#define DMASNOOP_VERSION "0.1"

/*
 * EXIT_SIGNALLED plus the number of the signal that killed COMMAND, when there were no findings.
 */
enum exit_status { EXIT_CLEAN = 0, EXIT_FINDINGS = 1, EXIT_NOT_RUN = 2, EXIT_SIGNALLED = 128 };

/* The verb, which is the first argument. Without one dmasnoop traces. */
enum verb { VERB_TRACE, VERB_RECORD, VERB_REPLAY, VERB_LIVE, VERB_DEVICES, VERB_EXPLAIN, NR_VERBS };

/**
 * struct options - the command line
 * @verb: enum verb
 * @device: only this one; NULL: all
 * @driver: only this one's devices; NULL: all
 * @checks: bit per enum check
 * @level: reported from here on
 * @fail_on: exit status 1 from here on
 * @line_size: bytes, a power of two
 * @stacks_always: take the stack of every mapping
 * @mappings: live ones to make room for; 0: by the size of memory
 * @content: how much of a buffer content-changed looks at
 * @exact: make the syncs of coherent devices visible
 * @watch: hardware watchpoints
 * @duration: seconds; 0: no end
 * @older: live: only mappings of this age, seconds
 * @leak_age: a mapping that old may have leaked, seconds
 * @json: standard output is JSON
 * @ktap: standard output is KTAP
 * @json_file: where JSON goes beside the text; NULL: nowhere
 * @verbose: libbpf's messages
 * @file: recording to write or to read
 * @check: explain: this one; NULL: all
 * @command: to run and trace; NULL: none
 */
struct options {
	enum verb verb;
	const char *device;
	const char *driver;
	uint32_t checks;
	enum level level;
	enum level fail_on;
	bool fail_on_set;
	unsigned int line_size;
	bool stacks_always;
	unsigned long mappings;
	enum content_mode content;
	bool exact;
	struct watch_options watch;
	double duration;
	double older;
	double leak_age;
	bool json;
	bool ktap;
	const char *json_file;
	bool verbose;
	const char *file;
	const char *check;
	char **command;
};

extern struct options opts;

void options_parse(int argc, char **argv);

/* Prints what went wrong. Returns EXIT_NOT_RUN. */
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
