// SPDX-License-Identifier: GPL-2.0
/*
 * What kind of program one of the BPF object is, by its name and its section.
 */
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/program.h"
#include "core/types.h"
#include "core/watches.h"
#include "dmasnoop.skel.h"

#define LATE "late_" /* at a tracepoint of a module */

/**
 * is_late - is it at a tracepoint of a module?
 * @name: of the program
 */
bool is_late(const char *name)
{
	return !strncmp(name, LATE, strlen(LATE));
}

/**
 * is_tracepoint - is it at a tracepoint?
 * @program: of the BPF object
 */
bool is_tracepoint(const struct bpf_program *program)
{
	return !strncmp(bpf_program__section_name(program), "raw_tp/", 7);
}

/**
 * is_tracepoint_fallback - is it the fallback of one at a tracepoint?
 * @program: of the BPF object
 */
bool is_tracepoint_fallback(const struct bpf_program *program)
{
	const char *name = bpf_program__name(program);
	size_t length = strlen(name);

	return is_tracepoint(program) && length > strlen(FALLBACK) &&
	       !strcmp(name + length - strlen(FALLBACK), FALLBACK);
}

/**
 * is_kretprobe - does it run when a function has returned, where there is no fentry?
 * @section: of the program
 */
bool is_kretprobe(const char *section)
{
	return !strncmp(section, "kretprobe/", 10);
}

/**
 * is_probe - is it for kernels without fentry?
 * @section: of the program
 */
bool is_probe(const char *section)
{
	return !strncmp(section, "kprobe/", 7) || is_kretprobe(section);
}

/**
 * is_for_probes - does it look for events that kprobes lose? See bpf/kprobe.bpf.h
 * @name: of the program
 */
bool is_for_probes(const char *name)
{
	return !strncmp(name, "probe_", 6);
}

/**
 * is_iterator - does user space run it, by reading from it?
 * @section: of the program
 */
bool is_iterator(const char *section)
{
	return !strncmp(section, "iter/", 5);
}

/**
 * is_replaced_by_tracepoint - does a tracepoint make this program at a function needless?
 * @name: of the program
 */
bool is_replaced_by_tracepoint(const char *name)
{
	static const char *const replaced[] = { "fn_map_", "fn_unmap_", "fn_sync_" };

	for (size_t i = 0; i < sizeof(replaced) / sizeof(replaced[0]); i++)
		if (!strncmp(name, replaced[i], strlen(replaced[i])))
			return true;
	return false;
}

/**
 * fallback_of - the fallback of a program
 * @bpf: opened
 * @name: of the primary
 *
 * Return: NULL: it has none.
 */
struct bpf_program *fallback_of(const struct dmasnoop_bpf *bpf, const char *name)
{
	char fallback[96];

	snprintf(fallback, sizeof(fallback), "%s" FALLBACK, name);
	return bpf_object__find_program_by_name(bpf->obj, fallback);
}

/**
 * program_info - what the kernel says of a program
 * @program: loaded
 *
 * Return: zeros when the kernel does not say.
 */
struct bpf_prog_info program_info(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
		return (struct bpf_prog_info){};
	return info;
}
