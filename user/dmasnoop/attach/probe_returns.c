// SPDX-License-Identifier: GPL-2.0
/*
 * Traces the returns of functions on kernels without fentry. Kprobes are placed at the instructions
 * by which a function returns. If that is not possible, kretprobes are used.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/attach.h"
#include "attach/program.h"
#include "attach/returns.h"
#include "core/types.h"
#include "core/watches.h"
#include "dmasnoop.skel.h"
#include "symbols.h"

static struct bpf_link *return_links[64];
static size_t nr_return_links;

/*
 * Puts a kprobe on each instruction by which a function returns. Returns false if some were not
 * found.
 */
static bool probe_returns(struct dmasnoop_bpf *bpf, const struct bpf_program *program)
{
	const char *name = strchr(bpf_program__section_name(program), '/') + 1;
	LIBBPF_OPTS(bpf_test_run_opts, run);
	size_t returns[RETURNS_MAX], nr;
	struct range function;

	if (!symbols_function(name, &function) ||
	    function.end - function.start > sizeof(bpf->bss->text))
		return false;
	bpf->bss->text_address = function.start;
	if (bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.read_text), &run) || run.retval)
		return false;
	nr = returns_arm64(bpf->bss->text, (function.end - function.start) / sizeof(uint32_t),
			   returns);
	for (size_t i = 0; i < nr; i++) {
		LIBBPF_OPTS(bpf_kprobe_opts, opts, .offset = returns[i] * sizeof(uint32_t));
		struct bpf_link *link;

		if (nr_return_links == sizeof(return_links) / sizeof(return_links[0]))
			return false;
		link = bpf_program__attach_kprobe_opts(program, name, &opts);
		if (!link)
			return false;
		return_links[nr_return_links++] = link;
	}
	return nr;
}

static bool probe_all_returns(struct dmasnoop_bpf *bpf)
{
	struct bpf_program *program;

#ifndef __aarch64__
	return false;
#endif
	bpf_object__for_each_program(program, bpf->obj)
		if (is_kretprobe(bpf_program__section_name(program)) &&
		    bpf_program__fd(program) >= 0 && !probe_returns(bpf, program))
			return false;
	return true;
}

/**
 * attach_stop - detach the links that are not in the skeleton
 */
void attach_stop(void)
{
	while (nr_return_links)
		bpf_link__destroy(return_links[--nr_return_links]);
}

/**
 * attach_returns - trace the returns of functions
 * @bpf: loaded, and otherwise attached
 *
 * Kprobes are used if they are known to see every return. Otherwise kretprobes are used, which lose
 * calls in interrupts.
 *
 * Return: 0, or a negative errno.
 */
int attach_returns(struct dmasnoop_bpf *bpf)
{
	struct bpf_object_skeleton *skeleton = bpf->skeleton;

	if (!attach_by_kprobes())
		return 0;
	bpf->bss->returns_probed = probe_all_returns(bpf);
	if (bpf->bss->returns_probed)
		return 0;
	attach_stop();
	for (int i = 0; i < skeleton->prog_cnt; i++) {
		const struct bpf_program *program = *skeleton->progs[i].prog;

		if (bpf_program__fd(program) < 0 ||
		    !is_kretprobe(bpf_program__section_name(program)))
			continue;
		*skeleton->progs[i].link = bpf_program__attach(program);
		if (!*skeleton->progs[i].link)
			return -errno;
	}
	return 0;
}
