// SPDX-License-Identifier: GPL-2.0
/* Tells the kinds of programs in the BPF object apart by their names and sections. */
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/program.h"
#include "core/types.h"
#include "core/watches.h"
#include "dmasnoop.skel.h"

#define LATE "late_" /* prefix of a program at a tracepoint of a module */

/**
 * is_late - test for a program at a tracepoint of a module
 * @name: name of the program
 */
bool is_late(const char *name)
{
	return !strncmp(name, LATE, strlen(LATE));
}

/**
 * is_tracepoint - test for a program at a tracepoint
 * @program: program of the BPF object
 */
bool is_tracepoint(const struct bpf_program *program)
{
	return !strncmp(bpf_program__section_name(program), "raw_tp/", 7);
}

/**
 * is_tracepoint_fallback - test for the fallback program of a tracepoint
 * @program: program of the BPF object
 */
bool is_tracepoint_fallback(const struct bpf_program *program)
{
	const char *name = bpf_program__name(program);
	size_t length = strlen(name);

	return is_tracepoint(program) && length > strlen(FALLBACK) &&
	       !strcmp(name + length - strlen(FALLBACK), FALLBACK);
}

/**
 * is_kretprobe - test for a program that runs at the return of a function, without fentry
 * @section: section of the program
 */
bool is_kretprobe(const char *section)
{
	return !strncmp(section, "kretprobe/", 10);
}

/**
 * is_probe - test for a program for kernels without fentry
 * @section: section of the program
 */
bool is_probe(const char *section)
{
	return !strncmp(section, "kprobe/", 7) || is_kretprobe(section);
}

/**
 * is_for_probes - test for a program that looks for events that kprobes lose, see bpf/kprobe.bpf.h
 * @name: name of the program
 */
bool is_for_probes(const char *name)
{
	return !strncmp(name, "probe_", 6);
}

/**
 * is_iterator - test for a program that user space runs by reading from it
 * @section: section of the program
 */
bool is_iterator(const char *section)
{
	return !strncmp(section, "iter/", 5);
}

/**
 * is_replaced_by_tracepoint - test for a program at a function that a tracepoint can replace
 * @name: name of the program
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
 * fallback_of - find the fallback program of a primary program
 * @bpf: opened
 * @name: name of the primary program
 *
 * Return: NULL if there is no fallback program.
 */
struct bpf_program *fallback_of(const struct dmasnoop_bpf *bpf, const char *name)
{
	char fallback[96];

	snprintf(fallback, sizeof(fallback), "%s" FALLBACK, name);
	return bpf_object__find_program_by_name(bpf->obj, fallback);
}

/**
 * program_info - get the kernel's information about a program
 * @program: loaded
 *
 * Return: zeros if the kernel gives no information.
 */
struct bpf_prog_info program_info(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
		return (struct bpf_prog_info){};
	return info;
}
