// SPDX-License-Identifier: GPL-2.0
/* Selects the programs of the BPF object whose hooks exist in the running kernel. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "attach/attach.h"
#include "attach/program.h"
#include "core/types.h"
#include "core/watches.h"
#include "dmasnoop.skel.h"
#include "engine/logged.h"
#include "totals.h"

#define USBCORE "usbcore"

static bool has_function(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
}

/* usbcore is the only module with traced functions. */
static bool usbcore_has_function(struct btf *base, const char *name)
{
	struct btf *btf = btf__load_module_btf(USBCORE, base);
	bool has = btf && has_function(btf, name);

	btf__free(btf);
	return has;
}

static bool has_tracepoint(const struct btf *btf, const char *name)
{
	char type[96];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
}

/*
 * Tests whether programs can be attached to functions. A kernel may be able to load such programs,
 * but not to attach them.
 */
static bool has_fentry(const struct btf *btf)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY);
	int program, link;

	opts.attach_btf_id = btf__find_by_name_kind(btf, "dma_free_attrs", BTF_KIND_FUNC);
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "nothing", "GPL", nothing, 2, &opts);
	if (program < 0)
		return false;
	link = bpf_raw_tracepoint_open(NULL, program);
	if (link >= 0)
		close(link);
	close(program);
	return link >= 0;
}

/*
 * Since Linux 6.13 more and more tracepoints leave preemption enabled, and the kernel does not tell
 * which ones do. From 6.15 on, programs can disable preemption themselves: disable_preemption().
 */
static bool is_preempted(const struct btf *btf)
{
	unsigned int major = 0, minor = 0;
	struct utsname uts = {};

	uname(&uts);
	return !has_function(btf, "bpf_res_spin_lock") &&
	       (sscanf(uts.release, "%u.%u", &major, &minor) != 2 || major > 6 ||
		(major == 6 && minor >= 13));
}

/**
 * attach_preempts_entry - test whether a task can be preempted at the start or the end of a program
 *
 * Since Linux 7.0 a tracepoint holds SRCU and leaves preemption enabled
 * (include/linux/tracepoint.h). For the kernel the program is running on that CPU until the task
 * continues. Until then the primary program gets no event of other tasks there.
 *
 * Return: true if the kernel is preemptible, which its version text tells.
 */
bool attach_preempts_entry(void)
{
	struct utsname uts = {};

	uname(&uts);
	return atoi(uts.release) >= 7 && strstr(uts.version, "PREEMPT");
}

/* The programs that the kernel refused, and the hooks that are left out because of that. */
static char refused[16][64];
static size_t nr_refused, nr_tried;
static char left_out[LEFT_OUT_SIZE];
static bool by_kprobes;
static bool logged;

static bool is_refused(const char *name)
{
	for (size_t i = 0; i < nr_refused; i++)
		if (!strcmp(refused[i], name))
			return true;
	return false;
}

/**
 * attach_hear - note a program that the kernel refused
 * @message: message of libbpf, which reports the program in no other way
 */
void attach_hear(const char *message)
{
	char name[sizeof(refused[0])];
	int end = 0;

	sscanf(message, "libbpf: prog '%63[^']': failed to load%n", name, &end);
	if (end && nr_refused < sizeof(refused) / sizeof(refused[0]) && !is_refused(name))
		strcpy(refused[nr_refused++], name);
}

/**
 * attach_refused_another - test whether another try to load makes sense
 *
 * Return: true if the kernel refused a program for the first time. attach_choose() leaves the
 *	program out if possible. If not, the next try refuses the same program.
 */
bool attach_refused_another(void)
{
	bool more = nr_refused > nr_tried;

	nr_tried = nr_refused;
	return more;
}

/**
 * attach_left_out - list the hooks whose programs the kernel refused
 *
 * Return: names of tracepoints and functions, separated by commas; empty: nothing is left out.
 */
const char *attach_left_out(void)
{
	return left_out;
}

static void leave_out(const char *target)
{
	size_t length = strlen(left_out);

	snprintf(left_out + length, sizeof(left_out) - length, "%s%s", length ? ", " : "", target);
}

/**
 * attach_module_came - handle a module that was loaded during the run
 * @bpf: loaded
 * @name: name of the module
 *
 * Programs can be attached to the module's tracepoints later, see attach_late(), but not to its
 * functions.
 */
void attach_module_came(const struct dmasnoop_bpf *bpf, const char *name)
{
	if (!strcmp(name, USBCORE) && bpf_program__fd(bpf->progs.usb_giveback) < 0 &&
	    bpf_program__fd(bpf->progs.usb_giveback_probe) < 0)
		leave_out("usb_unanchor_urb");
}

/*
 * Without bpf_loop(), of Linux 5.17, no program can judge events, so only the programs that send
 * events are loaded. They are attached to functions, because those kernels have no DMA tracepoints.
 */
static const char *choose_logged(struct dmasnoop_bpf *bpf, const struct btf *btf)
{
	struct bpf_program *program;
	bool mapping = false;

	if (!has_fentry(btf))
		return "it is too old: it needs bpf_loop(), of Linux 5.17, or fentry";
	bpf_object__for_each_program(program, bpf->obj) {
		const char *name = bpf_program__name(program);
		const char *target = strchr(bpf_program__section_name(program), '/');
		bool wanted = logged_is(program) && target && has_function(btf, target + 1);

		mapping |= wanted && !strcmp(name, "log_map_page");
		bpf_program__set_autoload(program, wanted || !strcmp(name, "module_load") ||
							   !strcmp(name, "learn_memory"));
	}
	return mapping ? NULL : "its functions of the DMA API are not known";
}

/**
 * attach_logged - test whether events are sent to user space to be judged there
 *
 * Return: true on a kernel before 5.17, after attach_choose().
 */
bool attach_logged(void)
{
	return logged;
}

/**
 * attach_by_kprobes - test whether functions are traced by kprobes
 *
 * Return: true on a kernel without fentry, after attach_choose().
 */
bool attach_by_kprobes(void)
{
	return by_kprobes;
}

/**
 * attach_choose - leave out the programs whose hooks this kernel does not have
 * @bpf: opened, not loaded
 *
 * Programs that follow memory beyond the DMA API ("?" in bpf/hooks_handover.bpf.h) are left out if
 * the kernel refused them before.
 *
 * Tracepoints are preferred (since 6.12; dma_map_phys since 6.18). Functions replace missing
 * tracepoints, by fentry or else by kprobes. Programs at modules' tracepoints are attached when the
 * module is loaded.
 *
 * Return: NULL, or a text about what is missing.
 */
const char *attach_choose(struct dmasnoop_bpf *bpf)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct bpf_program *program;
	bool tracepoints, fentry, mapping = false;
	const char *problem;

	if (!btf)
		return "it has no BTF (/sys/kernel/btf/vmlinux): it needs CONFIG_DEBUG_INFO_BTF=y";
	logged = !libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_loop, NULL);
	if (logged) {
		problem = choose_logged(bpf, btf);
		btf__free(btf);
		return problem;
	}
	fentry = has_fentry(btf);
	tracepoints = has_tracepoint(btf, "dma_map_page") || has_tracepoint(btf, "dma_map_phys");
	bpf->rodata->preempted = is_preempted(btf);
	by_kprobes = !fentry;
	if (fentry)
		bpf_map__set_max_entries(bpf->maps.calls, 1);
	left_out[0] = '\0';
	bpf_object__for_each_program(program, bpf->obj) {
		const char *name = bpf_program__name(program);
		const char *section = bpf_program__section_name(program);
		const char *target = strchr(section, '/');
		bool optional = !bpf_program__autoload(program);
		char renamed[96];
		bool wanted;

		if (!target)
			continue;
		target++;
		if (logged_is(program)) {
			bpf_program__set_autoload(program, false);
			continue;
		}
		if (optional && is_refused(name)) {
			leave_out(target);
			continue;
		}
		if (is_late(name))
			bpf_program__set_autoload(program, true);
		if (is_late(name) || is_iterator(section) || is_tracepoint_fallback(program) ||
		    is_kretprobe(section))
			bpf_program__set_autoattach(program, false);
		if (is_late(name) || is_iterator(section))
			continue;
		if (is_tracepoint(program)) {
			wanted = has_tracepoint(btf, target) && (!is_for_probes(name) || !fentry);
		} else {
			wanted = (has_function(btf, target) ||
				  (optional && usbcore_has_function(btf, target))) &&
				 is_probe(section) != fentry;
			/*
			 * On 6.10 and 6.11 an inline function wraps this one, and there is no
			 * tracepoint.
			 */
			snprintf(renamed, sizeof(renamed), "__%s", target);
			if (!wanted && fentry && !is_probe(section) &&
			    !strncmp(name, "fn_sync_", 8) && has_function(btf, renamed)) {
				bpf_program__set_attach_target(program, 0, renamed);
				wanted = true;
			}
			if (tracepoints && is_replaced_by_tracepoint(name))
				wanted = false;
		}
		bpf_program__set_autoload(program, wanted);
		if (wanted &&
		    (!strcmp(name, "tp_map_page") || !strcmp(name, "tp_map_phys") ||
		     !strcmp(name, "fn_map_page") || !strcmp(name, "fn_map_page_probe_return")))
			mapping = true;
	}
	btf__free(btf);
	return mapping ? NULL :
			 "neither its tracepoints nor its functions of the DMA API are known";
}
