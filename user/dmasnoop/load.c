// SPDX-License-Identifier: GPL-2.0
/* Loads the BPF object, fits it to the options and to this kernel, and attaches its programs. */
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/attach.h"
#include "attach/exact.h"
#include "core/types.h"
#include "core/watches.h"
#include "dmasnoop.skel.h"
#include "engine/logged.h"
#include "load.h"
#include "options.h"
#include "table.h"
#include "watch/watch.h"

#define CONTENTS_MAX (1 << 17) /* --content=edges and --content=full compare every buffer */

/**
 * print_libbpf - handle a message of libbpf
 * @level: severity of the message
 * @format, @args: arguments of vprintf()
 *
 * Return: bytes printed.
 */
int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
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

/* Opens the BPF object and fits it to the options and to this kernel. Returns an exit status. */
static int prepare(const char *release, struct dmasnoop_bpf **loaded)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_opts);
	struct timespec tick;
	struct dmasnoop_bpf *bpf;
	const char *problem;

	/* With -v the verifier prints the cost of each program. */
	open_opts.kernel_log_level = opts.verbose ? 4 : 0;
	bpf = dmasnoop_bpf__open_opts(&open_opts);
	if (!bpf)
		return fail("cannot open the BPF object: %s", strerror(errno));
	*loaded = bpf;
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
 * The capabilities that a run needs. CAP_SYS_ADMIN includes CAP_BPF and CAP_PERFMON. /proc/iomem
 * and the IDs of BPF programs need it. /proc/kallsyms needs CAP_SYSLOG.
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

/* Returns EXIT_CLEAN if the process has the capabilities. */
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

/* Returns a hint for the user whom the kernel refused. */
static const char *advice(int err)
{
	if (err == -EPERM)
		return ": root of a container, or kernel lockdown? Run it on the host, see "
		       "/sys/kernel/security/lockdown";
	return opts.verbose ? "" : " (-v shows why)";
}

/**
 * load - load the BPF object, attach its programs, and start
 * @bpf: out; the BPF object, which also on failure is the caller's to destroy; NULL: there is none
 * @on_event: takes events on kernels where user space judges
 *
 * Return: an exit status. An error has been printed.
 */
int load(struct dmasnoop_bpf **bpf, int (*on_event)(void *context, void *event, size_t size))
{
	struct utsname uts = {};
	const char *problem;
	int err;

	*bpf = NULL;
	uname(&uts);
	err = check_capabilities();
	if (err)
		return err;
	if (opts.exact)
		err = exact_begin();
	if (!err)
		err = prepare(uts.release, bpf);
	if (err)
		return err;
	while ((err = dmasnoop_bpf__load(*bpf)) && attach_refused_another()) {
		dmasnoop_bpf__destroy(*bpf);
		*bpf = NULL;
		err = prepare(uts.release, bpf);
		if (err)
			return err;
	}
	if (err)
		return fail("kernel %s refused the BPF programs: %s%s", uts.release, strerror(-err),
			    advice(err));
	if (!table_open(*bpf, attach_logged()))
		return fail("cannot map the table of mappings: %s", strerror(errno));
	problem = attach_logged() ? logged_start(*bpf, on_event) : attach_learn(*bpf);
	if (problem)
		return fail("kernel %s: %s", uts.release, problem);
	err = dmasnoop_bpf__attach(*bpf);
	if (!err)
		err = attach_returns(*bpf);
	if (err)
		return fail("kernel %s refused to attach: %s%s", uts.release, strerror(-err),
			    advice(err));
	attach_late(*bpf);
	if (opts.watch.slots && attach_logged())
		return fail("kernel %s: --watch needs bpf_loop(), of Linux 5.17", uts.release);
	problem = opts.watch.slots ? watch_start(*bpf, &opts.watch) : NULL;
	if (problem)
		return fail("--watch: %s", problem);
	if (!attach_logged()) {
		if (attach_preempts_entry())
			attach_fallbacks(*bpf);
		attach_settle(*bpf);
	}
	if (!(*bpf)->bss->armed)
		(*bpf)->bss->armed = ARMED;
	return 0;
}
