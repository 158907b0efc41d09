/* SPDX-License-Identifier: GPL-2.0 */
/* The options and the arguments of dmasnoop. */
#ifndef DMASNOOP_OPTIONS_H
#define DMASNOOP_OPTIONS_H

#include "core/types.h"
#include "totals.h"

#define DMASNOOP_VERSION "0.1"

/*
 * EXIT_SIGNALLED is the status for a COMMAND that a signal killed, without findings. The number of
 * the signal is added.
 */
enum exit_status { EXIT_CLEAN = 0, EXIT_FINDINGS = 1, EXIT_NOT_RUN = 2, EXIT_SIGNALLED = 128 };

/* The verb is the first argument. Without a verb dmasnoop traces. */
enum verb { VERB_TRACE, VERB_RECORD, VERB_REPLAY, VERB_LIVE, VERB_DEVICES, VERB_EXPLAIN, NR_VERBS };

/**
 * struct options - the command line
 * @verb: enum verb
 * @device: name of the only device to report; NULL: all
 * @driver: name of the only driver to report; NULL: all
 * @checks: the enabled checks, a bit per enum check
 * @level: the lowest level that is reported
 * @fail_on: the lowest level that makes the exit status 1
 * @fail_on_set: @fail_on was given
 * @line_size: size of a cache line, bytes, a power of two
 * @stacks_always: take the stack of every mapping
 * @mappings: number of live mappings to make room for; 0: by the size of memory
 * @content: how much of a buffer content-changed compares
 * @exact: make the syncs of coherent devices visible
 * @watch: settings of the hardware watchpoints
 * @duration: length of the run, seconds; 0: no end
 * @older: minimum age of the mappings that `live' shows, seconds
 * @leak_age: minimum age of a leaked mapping, seconds
 * @json: standard output is JSON
 * @ktap: standard output is KTAP
 * @json_file: file for JSON beside the text; NULL: none
 * @verbose: print libbpf's messages
 * @file: the recording to write or to read
 * @check: the check to explain; NULL: all
 * @command: the command to run and trace; NULL: none
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

/* Prints an error message. Returns EXIT_NOT_RUN. */
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
