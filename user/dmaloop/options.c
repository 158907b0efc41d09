// SPDX-License-Identifier: GPL-2.0
/*
 * The command line: verbs, and the options of each. Most values are passed on as they are; the
 * module refuses those that it does not know.
 */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

const char *argp_program_version = "dmaloop 0.1";

static const struct {
	const char *name;
	const char *arguments;
	const char *doc;
} verbs[NR_VERBS] = {
	[VERB_NONE] = {
		"", "VERB [OPTION...]",
		"Run DMA bugs, and their correct twins, on demand.\v"
		"The verb comes first. Each has options and a --help of its own:\n"
		"  list            the scenarios\n"
		"  run NAME        one of them, on a device made for it\n"
		"  isolate NAME    why it fails: which settings matter, and which do not\n"
		"  curve NAME      how often it fails, against how often the cache evicts\n"
		"  matrix          all of them in every configuration (--full: and placement)\n"
		"\n"
		"Exit status: 0 as the rules predict, 1 different, 2 could not run.\n"
		"The module must be loaded: insmod dmaloop.ko.\n",
	},
	[VERB_LIST] = {
		"list", NULL,
		"Show the scenarios, with the placement of each and what its driver does.",
	},
	[VERB_RUN] = {
		"run", "NAME",
		"Run the scenario NAME on a device made for it.\v"
		"Exit status: 0 as the rules predict, 1 different, 2 could not run.\n"
		"The rules predict nothing for mode native, and nothing with --cure, --evict,\n"
		"--iommu, --line-size, --maintenance, --neighbours, --prefetch, or, for\n"
		"placement offset, an --offset other than 8. The status is then 0.\n",
	},
	[VERB_ISOLATE] = {
		"isolate", "NAME",
		"Find out why the scenario NAME fails: change one setting at a time.\v"
		"Starts from the configuration that the options describe.\n"
		"\n"
		"Exit status: 0 told why, 1 it does not fail, 2 could not run.\n",
	},
	[VERB_CURVE] = {
		"curve", "NAME",
		"Count how often the scenario NAME fails, at eleven rates of eviction.\v"
		"Exit status: 0 counted, 2 could not run.\n",
	},
	[VERB_MATRIX] = {
		"matrix", NULL,
		"Run every scenario in every configuration.\v"
		"An outcome that is not the predicted one is marked `!'.\n"
		"\n"
		"Exit status: 0 all as the rules predict, 1 different, 2 could not run.\n",
	},
};

enum {
	OPT_EVICT = 256,
	OPT_PREFETCH,
	OPT_NEIGHBOURS,
	OPT_DMA_BITS,
	OPT_OFFSET,
	OPT_JSON,
	OPT_MAINTENANCE,
	OPT_IOMMU,
	OPT_FULL,
	OPT_CURE,
};

#define VERB(name) (1u << VERB_##name)
#define ONE_SCENARIO (VERB(RUN) | VERB(ISOLATE) | VERB(CURVE))
#define ANY_SCENARIO (ONE_SCENARIO | VERB(MATRIX))
#define ALL_VERBS (ANY_SCENARIO | VERB(LIST))

/* Each option, and the verbs that have it. An option that differs between verbs has two rows. */
static const struct {
	unsigned int verbs;
	struct argp_option option;
} options[] = {
	{ ONE_SCENARIO,
	  { "coherency", 'c', "MODE", 0,
	    "noncoherent (default), coherent, native, or bounce (guest booted with "
	    "swiotlb=force)",
	    0 } },
	{ VERB(MATRIX),
	  { "coherency", 'c', "LIST", 0,
	    "only these modes, comma-separated: coherent, noncoherent, bounce (guest booted with "
	    "swiotlb=force); default: coherent,noncoherent",
	    0 } },
	{ ONE_SCENARIO,
	  { "arch", 'a', "ARCH", 0, "whose cache maintenance: arm, arm64 (default), mips, riscv",
	    0 } },
	{ VERB(MATRIX),
	  { "arch", 'a', "ARCH", 0,
	    "of noncoherent, only this architecture: arm, arm64, mips, riscv", 0 } },
	{ ANY_SCENARIO,
	  { "maintenance", OPT_MAINTENANCE, "HOW", 0,
	    "arch (default), none, not-for-device, not-for-cpu, or always: every line flushed "
	    "around every access",
	    0 } },
	{ ANY_SCENARIO, { "line-size", 'l', "BYTES", 0, "cache line: 32 to 256 (default 64)", 0 } },
	/* The horizontal axis of the curve. */
	{ ANY_SCENARIO & ~VERB(CURVE),
	  { "evict", OPT_EVICT, "HOW", 0, "none (default), eager, random:SEED:PERMILLE", 0 } },
	{ ANY_SCENARIO,
	  { "prefetch", OPT_PREFETCH, NULL, 0,
	    "clean lines are filled again after each device access", 0 } },
	{ ANY_SCENARIO,
	  { "neighbours", OPT_NEIGHBOURS, "HOW", 0,
	    "safe (default), or unsafe: whole-line effects hit anybody's memory (throw-away guest "
	    "only)",
	    0 } },
	{ ANY_SCENARIO,
	  { "iommu", OPT_IOMMU, "HOW", 0,
	    "exact (default), or page: the rest of a mapped page can be reached", 0 } },
	{ ANY_SCENARIO,
	  { "dma-bits", OPT_DMA_BITS, "N", 0, "DMA mask of the device: 24 to 64 (default)", 0 } },
	{ ANY_SCENARIO,
	  { "placement", 'p', "WHERE", 0, "of the buffer, in place of the scenario's own", 0 } },
	{ ANY_SCENARIO,
	  { "descriptors", 'd', "WHERE", 0, "packed, banked, bank-straddle or padded", 0 } },
	{ ANY_SCENARIO,
	  { "cure", OPT_CURE, "WHAT", 0, "own (the device checks an OWN bit), barrier", 0 } },
	{ ANY_SCENARIO,
	  { "offset", OPT_OFFSET, "N", 0, "buffer offset for placement `offset' (default 8)", 0 } },
	{ ANY_SCENARIO,
	  { "seed", 's', "N", 0, "of the payload, and of adverse orders (default 1)", 0 } },
	{ VERB(RUN) | VERB(MATRIX),
	  { "repeat", 'n', "N", 0, "run N times; all must agree (default 1)", 0 } },
	{ VERB(MATRIX), { "full", OPT_FULL, NULL, 0, "every placement too", 0 } },
	{ ALL_VERBS, { "json", OPT_JSON, NULL, 0, "machine-readable output", 0 } },
};

#define NR_OPTIONS (sizeof(options) / sizeof(options[0]))

static unsigned long long parse_number(struct argp_state *state, const char *what, const char *arg,
				       unsigned long long max)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(arg, &end, 0);
	if (errno || end == arg || *end || strchr(arg, '-'))
		argp_error(state, "%s '%s' is not a number", what, arg);
	if (value > max)
		argp_error(state, "%s '%s' is above %llu", what, arg, max);
	return value;
}

static unsigned int parse_cure(struct argp_state *state, const char *arg)
{
	if (!strcmp(arg, "own"))
		return DMALOOP_CURE_OWN;
	if (!strcmp(arg, "barrier"))
		return DMALOOP_CURE_BARRIER;
	argp_error(state, "cure '%s': own or barrier", arg);
	return 0;
}

/* The setting whose value is passed on as it was written; NULL: another kind of option. */
static const char **find_text(struct settings *settings, int key)
{
	switch (key) {
	case 'c':
		return &settings->coherency;
	case 'a':
		return &settings->arch;
	case OPT_MAINTENANCE:
		return &settings->maintenance;
	case 'l':
		return &settings->line_size;
	case OPT_EVICT:
		return &settings->evict;
	case OPT_NEIGHBOURS:
		return &settings->neighbours;
	case OPT_IOMMU:
		return &settings->iommu;
	case OPT_DMA_BITS:
		return &settings->dma_bits;
	case 'p':
		return &settings->placement;
	case 'd':
		return &settings->descriptors;
	default:
		return NULL;
	}
}

static void parse_argument(struct argp_state *state, struct options *opts, const char *arg)
{
	if (opts->verb == VERB_NONE)
		argp_error(state, "unknown command '%s'", arg);
	if (!verbs[opts->verb].arguments || opts->scenario)
		argp_error(state, "'%s' is one argument too many", arg);
	opts->scenario = arg;
}

static void check_arguments(struct argp_state *state, const struct options *opts)
{
	if (opts->verb == VERB_NONE)
		argp_usage(state);
	if (verbs[opts->verb].arguments && !opts->scenario)
		argp_error(state, "which scenario? `dmaloop list' shows their NAMEs");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *opts = state->input;
	struct settings *settings = &opts->settings;
	const char **text = find_text(settings, key);

	if (text) {
		*text = arg;
		return 0;
	}
	switch (key) {
	case OPT_PREFETCH:
		settings->prefetch = "1";
		break;
	case OPT_CURE:
		settings->cures |= parse_cure(state, arg);
		break;
	case OPT_OFFSET:
		settings->offset = parse_number(state, "offset", arg, UINT_MAX);
		break;
	case 's':
		settings->seed = parse_number(state, "seed", arg, ULLONG_MAX);
		break;
	case 'n':
		opts->repeat = parse_number(state, "repeat", arg, ULONG_MAX);
		if (!opts->repeat)
			argp_error(state, "repeat: at least 1");
		break;
	case OPT_FULL:
		opts->full = true;
		break;
	case OPT_JSON:
		opts->json = true;
		break;
	case ARGP_KEY_ARG:
		parse_argument(state, opts, arg);
		break;
	case ARGP_KEY_END:
		check_arguments(state, opts);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static enum verb find_verb(const char *name)
{
	for (int verb = VERB_NONE + 1; verb < NR_VERBS; verb++)
		if (!strcmp(verbs[verb].name, name))
			return verb;
	return VERB_NONE;
}

/**
 * options_parse - read the command line, or exit with what is wrong
 * @opts: filled in; its texts are those of @argv
 * @argc: of main()
 * @argv: of main(); the verb in it is replaced
 *
 * Only the options of the verb are known to its parser, so that all others are refused.
 * Bad usage exits with EXIT_NOT_RUN.
 */
void options_parse(struct options *opts, int argc, char **argv)
{
	static char name[32];
	struct argp_option known[NR_OPTIONS + 1] = {};
	struct argp argp = { .options = known, .parser = parse };
	size_t nr = 0;

	*opts = (struct options){
		.settings.offset = DEFAULT_OFFSET,
		.settings.seed = 1,
		.repeat = 1,
	};
	if (argc > 1)
		opts->verb = find_verb(argv[1]);
	if (opts->verb != VERB_NONE) {
		snprintf(name, sizeof(name), "dmaloop %s", verbs[opts->verb].name);
		argv[1] = name;
		argc--;
		argv++;
	}
	for (size_t i = 0; i < NR_OPTIONS; i++)
		if (options[i].verbs & 1u << opts->verb)
			known[nr++] = options[i].option;
	argp.args_doc = verbs[opts->verb].arguments;
	argp.doc = verbs[opts->verb].doc;
	argp_err_exit_status = EXIT_NOT_RUN;
	/* What follows an unknown verb is not looked at. */
	argp_parse(&argp, argc, argv, opts->verb == VERB_NONE ? ARGP_IN_ORDER : 0, NULL, opts);
}
