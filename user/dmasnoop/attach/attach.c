// SPDX-License-Identifier: GPL-2.0
/*
 * Fitting the BPF object to the running kernel: which of its hooks exist there,
 * where memory lies, and how many events no program could take.
 */
#define _GNU_SOURCE /* sched_setaffinity() */
#include <errno.h>
#include <inttypes.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "core/types.h"
#include "attach/attach.h"
#include "dmasnoop.skel.h"
#include "engine/logged.h"
#include "attach/memory.h"
#include "attach/returns.h"
#include "symbols.h"
#include "table.h"

#define PAGE 4096
#define USBCORE "usbcore"
#define FALLBACK "_fallback"
#define LATE "late_" /* at a tracepoint of a module */

static bool has_function(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
}

/* The one module whose functions are followed. */
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

static bool is_late(const char *name)
{
	return !strncmp(name, LATE, strlen(LATE));
}

static bool is_tracepoint(const struct bpf_program *program)
{
	return !strncmp(bpf_program__section_name(program), "raw_tp/", 7);
}

static bool is_tracepoint_fallback(const struct bpf_program *program)
{
	const char *name = bpf_program__name(program);
	size_t length = strlen(name);

	return is_tracepoint(program) && length > strlen(FALLBACK) &&
	       !strcmp(name + length - strlen(FALLBACK), FALLBACK);
}

/* Are programs started at functions? A kernel may know how to load them, and no more. */
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
 * Since Linux 6.13, and by and by, tracepoints no longer keep preemption off; there is
 * nothing to tell by which do. Later programs can, themselves: see stay().
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

/* For when a function returns, where there is no fentry. */
static bool is_kretprobe(const char *section)
{
	return !strncmp(section, "kretprobe/", 10);
}

/* For where there is no fentry. */
static bool is_probe(const char *section)
{
	return !strncmp(section, "kprobe/", 7) || is_kretprobe(section);
}

/* They look for what kprobes lose: bpf/kprobe.bpf.h. */
static bool is_for_probes(const char *name)
{
	return !strncmp(name, "probe_", 6);
}

/* One that user space runs by reading from it. */
static bool is_iterator(const char *section)
{
	return !strncmp(section, "iter/", 5);
}

/* Programs named fn_* that a tracepoint makes needless. */
static bool is_replaced_by_tracepoint(const char *name)
{
	static const char *const replaced[] = { "fn_map_", "fn_unmap_", "fn_sync_" };

	for (size_t i = 0; i < sizeof(replaced) / sizeof(replaced[0]); i++)
		if (!strncmp(name, replaced[i], strlen(replaced[i])))
			return true;
	return false;
}

/* The programs that the kernel refused, and where those would have been that it does without. */
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
 * attach_hear - learn which program the kernel refuses
 * @message: of libbpf, which has no other way to say it
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
 * attach_refused_another - is it worth another try?
 *
 * Return: true when a program was refused that was not before: attach_choose() leaves it
 * out if it may, and if not it is refused again.
 */
bool attach_refused_another(void)
{
	bool more = nr_refused > nr_tried;

	nr_tried = nr_refused;
	return more;
}

/**
 * attach_left_out - where programs would be that the kernel refused
 *
 * Return: names of tracepoints, with commas between; empty when nothing is left out.
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
 * attach_module_came - a module was loaded while tracing
 * @bpf: loaded
 * @name: the module's
 *
 * Programs can wait for its tracepoints, see attach_late(), but not for its functions.
 */
void attach_module_came(const struct dmasnoop_bpf *bpf, const char *name)
{
	if (!strcmp(name, USBCORE) && bpf_program__fd(bpf->progs.usb_giveback) < 0 &&
	    bpf_program__fd(bpf->progs.usb_giveback_probe) < 0)
		leave_out("usb_unanchor_urb");
}

/*
 * Without bpf_loop(), of Linux 5.17, no program can judge events: those that send them are
 * enough. They start at functions; there were no tracepoints then.
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
 * attach_logged - are events sent to user space to be judged there?
 *
 * Return: true, after attach_choose(), on a kernel before 5.17.
 */
bool attach_logged(void)
{
	return logged;
}

/**
 * attach_choose - leave out the programs that this kernel has no place for
 * @bpf: opened, not loaded
 *
 * What follows memory beyond the DMA API ("?" in bpf/hooks_handover.bpf.h) is left out where the
 * kernel refused it before.
 *
 * Tracepoints are taken where they exist (since 6.12; dma_map_phys since 6.18),
 * functions where not; these by fentry, or else by kprobes. Modules' tracepoints are
 * attached when the module is there.
 *
 * Return: NULL, or what is missing.
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
			/* 6.10 and 6.11: an inline around the function, and no tracepoint. */
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

/* --- when functions return, where there is no fentry --- */

static struct bpf_link *return_links[64];
static size_t nr_return_links;

/* A kprobe at each of the instructions by which a function returns. False: not all of them. */
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
 * attach_stop - detach what the skeleton does not know of
 */
void attach_stop(void)
{
	while (nr_return_links)
		bpf_link__destroy(return_links[--nr_return_links]);
}

/**
 * attach_returns - see functions return
 * @bpf: loaded, and attached but for this
 *
 * By kprobes, where it is certain that they see every return; else by kretprobes, which
 * lose calls in interrupts.
 *
 * Return: 0, or an error as of errno, negative.
 */
int attach_returns(struct dmasnoop_bpf *bpf)
{
	struct bpf_object_skeleton *skeleton = bpf->skeleton;

	if (!by_kprobes)
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

static bool fallbacks_wanted;

/**
 * attach_late - attach to the tracepoints of modules that have come
 * @bpf: loaded
 *
 * To be called again when a module was loaded. What is attached is kept.
 */
void attach_late(struct dmasnoop_bpf *bpf)
{
	struct bpf_object_skeleton *skeleton = bpf->skeleton;

	for (int i = 0; i < skeleton->prog_cnt; i++) {
		const struct bpf_program *program = *skeleton->progs[i].prog;
		struct bpf_link **link = skeleton->progs[i].link;
		bool twin = is_tracepoint_fallback(program);

		if (*link || bpf_program__fd(program) < 0 ||
		    !(twin ? fallbacks_wanted : is_late(skeleton->progs[i].name)))
			continue;
		*link = bpf_program__attach_raw_tracepoint(
			program, strchr(bpf_program__section_name(program), '/') + 1);
	}
}

/*
 * Until every event that is at work now is over. The kernel's membarrier() is one of RCU's,
 * and an event keeps that off where tracepoints keep preemption off; elsewhere time has to do.
 */
static void wait_for_events(void)
{
	syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	usleep(EVENT_NS / 1000);
}

/*
 * From now on take events that are nested in interrupts. The twins come when the first one
 * was: on a machine where none is, tracing costs a third less. What was nested before is
 * lost; and all that was mapped before they work is in doubt.
 */
static void attach_fallbacks(struct dmasnoop_bpf *bpf)
{
	struct timespec now;

	__atomic_store_n(&bpf->bss->lost_before, UINT64_MAX, __ATOMIC_SEQ_CST);
	fallbacks_wanted = true;
	attach_late(bpf);
	wait_for_events();
	/* Every event from here on has a twin at its end, to take its mark. */
	bpf->bss->armed = ARMED_MARKING;
	wait_for_events();
	/* And here every event that is at work has been marked. */
	bpf->bss->armed = ARMED_FALLBACKS;
	wait_for_events();
	clock_gettime(CLOCK_MONOTONIC, &now);
	__atomic_store_n(&bpf->bss->lost_before, now.tv_sec * 1000000000ull + now.tv_nsec,
			 __ATOMIC_SEQ_CST);
}

struct span {
	uint64_t start;
	uint64_t end;
};

static void add_span(struct span *spans, size_t max, size_t *nr, struct span more)
{
	size_t best = 0;

	if (*nr < max) {
		spans[(*nr)++] = more;
		return;
	}
	/* No room: close the smallest gap. What is in it is only never used. */
	for (size_t i = 1; i + 1 < *nr; i++)
		if (spans[i + 1].start - spans[i].end < spans[best + 1].start - spans[best].end)
			best = i;
	if (more.start - spans[*nr - 1].end <= spans[best + 1].start - spans[best].end) {
		spans[*nr - 1].end = more.end;
		return;
	}
	spans[best].end = spans[best + 1].end;
	memmove(&spans[best + 1], &spans[best + 2], (*nr - best - 2) * sizeof(*spans));
	spans[*nr - 1] = more;
}

/**
 * attach_find_memory - find the direct map and the array of struct page
 * @bpf: loaded
 *
 * x86 keeps both addresses in variables: learn_memory() in bpf/memory.bpf.h. A kernel without
 * CONFIG_DYNAMIC_MEMORY_LAYOUT has none, and one without CONFIG_KALLSYMS_ALL hides them. Then,
 * and on other architectures, /proc/kcore is searched. What is not found stays 0.
 */
void attach_find_memory(struct dmasnoop_bpf *bpf)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	const struct btf_type *page;
	struct memory_map map;
	struct btf *btf;

	bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.learn_memory), &run);
	if (!attach_unreadable(bpf))
		return;
	btf = btf__load_vmlinux_btf();
	if (!btf)
		return;
	page = btf__type_by_id(btf, btf__find_by_name_kind(btf, "page", BTF_KIND_STRUCT));
	if (page && memory_find(&map, page->size)) {
		bpf->bss->direct_map_base = map.direct;
		bpf->bss->page_array = map.pages;
	}
	btf__free(btf);
}

/* The largest range first: it is asked for first. */
static int by_size(const void *left, const void *right)
{
	const struct span *a = left, *b = right;
	uint64_t size = a->end - a->start, other = b->end - b->start;

	return size < other ? 1 : size > other ? -1 : 0;
}

/* Its parts lie in rising order. */
static void note_image(struct fast_facts *facts, uint64_t start, uint64_t end)
{
	if (!facts->image_size)
		facts->image_start = start;
	facts->image_size = end - facts->image_start;
}

/**
 * attach_memory - tell the BPF object where memory and the kernel lie
 * @bpf: opened, not loaded
 * @mappings: live ones to make room for, see table_size()
 *
 * /proc/iomem has both. A word for each page of memory is allocated: 2 MiB a GiB.
 *
 * Return: NULL, or what is wrong.
 */
const char *attach_memory(struct dmasnoop_bpf *bpf, uint64_t mappings)
{
	struct span ram[sizeof(bpf->rodata->ram) / sizeof(bpf->rodata->ram[0])];
	uint64_t start, end, pages = 0;
	FILE *file;
	size_t nr = 0;
	char line[256];

	if (sysconf(_SC_PAGESIZE) != PAGE)
		return "its pages are not of 4096 bytes, the only size dmasnoop can follow";
	file = fopen("/proc/iomem", "re");
	if (!file)
		return "cannot read /proc/iomem";
	while (fgets(line, sizeof(line), file)) {
		const char *name = strstr(line, " : ");

		if (!name || sscanf(line, " %" SCNx64 "-%" SCNx64, &start, &end) != 2 || !end)
			continue;
		end++;
		name += 3;
		if (!strncmp(name, "Kernel ", 7))
			note_image(&bpf->rodata->facts, start, end);
		if (!strcmp(name, "System RAM\n") && line[0] != ' ') {
			start = start / PAGE * PAGE;
			end = (end + PAGE - 1) / PAGE * PAGE;
			add_span(ram, sizeof(ram) / sizeof(ram[0]), &nr,
				 (struct span){ start, end });
		} else if (!strcmp(name, "Kernel code\n")) {
			bpf->rodata->kernel_text.start = start;
			bpf->rodata->kernel_text.end = end;
		} else if (!strcmp(name, "Kernel rodata\n")) {
			bpf->rodata->kernel_rodata.start = start;
			bpf->rodata->kernel_rodata.end = end;
		} else if (!strcmp(name, "Kernel data\n")) {
			bpf->rodata->kernel_data.start = start;
			bpf->rodata->kernel_data.end = end;
		} else if (!strcmp(name, "Kernel bss\n")) {
			bpf->rodata->kernel_bss.start = start;
			bpf->rodata->kernel_bss.end = end;
		}
	}
	fclose(file);
	if (!nr)
		return "/proc/iomem hides where memory is, as from the root of a container; run dmasnoop on the host";
	qsort(ram, nr, sizeof(*ram), by_size);
	bpf->rodata->facts.ram_start = ram[0].start;
	bpf->rodata->facts.ram_size = ram[0].end - ram[0].start;
	for (size_t i = 0; i < nr; i++) {
		bpf->rodata->ram[i].start = ram[i].start;
		bpf->rodata->ram[i].end = ram[i].end;
		pages += (ram[i].end - ram[i].start) / PAGE;
	}
	/* The map counts in 32 bits: 16 TiB. */
	if (pages > UINT32_MAX || bpf_map__set_max_entries(bpf->maps.page_lines, pages))
		return "memory is too large for the table of its lines";
	table_size(bpf, pages, mappings);
	return NULL;
}

/**
 * attach_unreadable - does the BPF object not know how to read memory?
 * @bpf: after attach_learn()
 *
 * Return: true when contents and allocations cannot be judged.
 */
bool attach_unreadable(const struct dmasnoop_bpf *bpf)
{
	return !bpf->bss->direct_map_base || !bpf->bss->page_array;
}

/* Its number, and how often it was passed over; zeros when that is not known. */
static struct bpf_prog_info program_info(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
		return (struct bpf_prog_info){};
	return info;
}

static struct bpf_program *fallback_of(const struct dmasnoop_bpf *bpf, const char *name)
{
	char twin[96];

	snprintf(twin, sizeof(twin), "%s" FALLBACK, name);
	return bpf_object__find_program_by_name(bpf->obj, twin);
}

/* A variable of the BPF object, by name: the skeleton has it only as a field. */
static uint64_t *find_variable(struct dmasnoop_bpf *bpf, const char *name)
{
	struct btf *btf = bpf_object__btf(bpf->obj);
	const struct btf_type *section =
		btf__type_by_id(btf, btf__find_by_name_kind(btf, ".bss", BTF_KIND_DATASEC));
	const struct btf_var_secinfo *variable = btf_var_secinfos(section);

	for (int i = 0; i < btf_vlen(section); i++)
		if (!strcmp(name, btf__name_by_offset(
					  btf, btf__type_by_id(btf, variable[i].type)->name_off)))
			return (uint64_t *)((char *)bpf->bss + variable[i].offset);
	return NULL;
}

/* The programs that have twins. */
static const char *primary_names[PRIMARIES_MAX];
static size_t nr_primaries;

static void find_primaries(struct dmasnoop_bpf *bpf)
{
	struct bpf_program *first, *second;

	bpf_object__for_each_program(first, bpf->obj) {
		const char *name = bpf_program__name(first);

		second = fallback_of(bpf, name);
		if (nr_primaries == PRIMARIES_MAX || !second || bpf_program__fd(first) < 0)
			continue;
		bpf->bss->primary_ids[nr_primaries] = program_info(first).id;
		bpf->bss->fallback_ids[nr_primaries] = program_info(second).id;
		primary_names[nr_primaries++] = name;
	}
	bpf->bss->nr_primaries = nr_primaries;
}

/*
 * Where the kernel counts what they miss, and whether their twins are at work:
 * bpf/report.bpf.h, look_for_losses() and mark_done(). False when it does not show.
 */
static bool learn_programs(struct dmasnoop_bpf *bpf)
{
	struct bpf_link *link = bpf_program__attach_iter(bpf->progs.learn_programs, NULL);
	int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	char nothing[64];

	while (fd >= 0 && read(fd, nothing, sizeof(nothing)) > 0)
		;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	for (size_t i = 0; i < nr_primaries; i++) {
		uint64_t *active;
		char name[96];

		snprintf(name, sizeof(name), "%s" FALLBACK "_active", primary_names[i]);
		active = find_variable(bpf, name);
		if (!active || !bpf->bss->primary_stats[i] || !bpf->bss->fallback_active[i])
			return false;
		*active = bpf->bss->fallback_active[i];
	}
	return nr_primaries;
}

/* CPUs that can be brought online. Firmware may declare hundreds more to be possible. */
static uint32_t cpus_present(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/present", "re");
	uint32_t last = libbpf_num_possible_cpus() - 1;
	char separator;

	/* A list such as 0-3,8: the last number is the highest. */
	while (file && fscanf(file, "%" SCNu32 "%c", &last, &separator) == 2 && separator != '\n')
		;
	if (file)
		fclose(file);
	return last < CPUS_MAX ? last + 1 : CPUS_MAX;
}

/**
 * attach_learn - have the BPF object find what only it can
 * @bpf: loaded, not attached
 *
 * Return: NULL, or what is missing.
 */
const char *attach_learn(struct dmasnoop_bpf *bpf)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);

	attach_find_memory(bpf);
	bpf->bss->nr_cpus = libbpf_num_possible_cpus();
	bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.learn_layout), &run);
	bpf->bss->nr_cpus = cpus_present();
	find_primaries(bpf);
	if (!bpf->bss->offsets_known)
		return "it does not show which events it drops: before 5.19 it needs CONFIG_KALLSYMS_ALL=y";
	return learn_programs(bpf) ? NULL : "it does not show which events it drops";
}

/* What the kernel dropped, on one CPU or, into @dropped, EVERYWHERE. */
static void count_dropped(struct dmasnoop_bpf *bpf, uint32_t where)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);

	bpf->bss->dropped_where = where;
	bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.count_dropped), &run);
}

/* Events that the kernel dropped and no twin took, or is yet to take; what twins took is @taken. */
static int64_t count_pending_losses(struct dmasnoop_bpf *bpf, uint64_t *taken)
{
	*taken = __atomic_load_n(&bpf->bss->taken_by_fallback, __ATOMIC_SEQ_CST);
	count_dropped(bpf, EVERYWHERE);
	return bpf->bss->dropped - *taken;
}

/*
 * The same, without what a twin is yet to take: where a task runs no event is at work, as
 * long as tracepoints keep preemption off, so each CPU is asked on itself. What comes in
 * between, in an interrupt, is both dropped and taken. A CPU that is not for us is asked
 * from another.
 */
static int64_t count_missed(struct dmasnoop_bpf *bpf)
{
	cpu_set_t before[CPUS_MAX / CPU_SETSIZE], only[CPUS_MAX / CPU_SETSIZE];
	bool known = !sched_getaffinity(0, sizeof(before), before);
	uint64_t taken, missed = 0;

	for (uint32_t cpu = 0; cpu < bpf->bss->nr_cpus; cpu++) {
		const uint64_t *there = &bpf->bss->taken_by_fallback_there[cpu];

		memset(only, 0, sizeof(only));
		CPU_SET_S(cpu, sizeof(only), only);
		if (known)
			sched_setaffinity(0, sizeof(only), only);
		do {
			taken = __atomic_load_n(there, __ATOMIC_SEQ_CST);
			count_dropped(bpf, cpu);
		} while (taken != __atomic_load_n(there, __ATOMIC_SEQ_CST));
		missed += bpf->bss->dropped_there - taken;
	}
	if (known)
		sched_setaffinity(0, sizeof(before), before);
	return missed;
}

/**
 * attach_missed - events that neither a program nor its twin took, or both did
 * @bpf: loaded
 *
 * The kernel counts what a busy program missed; its twin counts what it took. The
 * difference, either way, was not seen as it was. The BPF side takes everything for
 * doubtful while the difference is not the one that it has been told here: so one that a
 * twin is still to take must not be in it, or it would make up for one that is lost later.
 * At the first one the twins come.
 *
 * Return: how many so far.
 */
uint64_t attach_missed(struct dmasnoop_bpf *bpf)
{
	int64_t settled = bpf->bss->settled, missed;
	uint64_t taken;

	/* CPUs may be added to a running machine. */
	if (bpf->bss->nr_cpus < (uint32_t)libbpf_num_possible_cpus())
		bpf->bss->nr_cpus = cpus_present();
	missed = count_pending_losses(bpf, &taken);
	if (bpf->rodata->preempted) {
		bpf->bss->settled = bpf->bss->dropped + taken;
		if (missed && bpf->bss->armed == ARMED)
			attach_fallbacks(bpf);
		return llabs(missed);
	}
	if (missed != settled) {
		if (bpf->bss->armed == ARMED)
			attach_fallbacks(bpf);
		settled = count_missed(bpf);
		bpf->bss->settled = settled;
	}
	return llabs(settled);
}

/**
 * attach_overlooked - frees and handovers that came while another was looked at
 * @bpf: loaded
 *
 * Their programs have no twins.
 */
uint64_t attach_overlooked(const struct dmasnoop_bpf *bpf)
{
	struct bpf_program *program;
	uint64_t overlooked = 0;

	bpf_object__for_each_program(program, bpf->obj)
		if (is_tracepoint(program) && !is_tracepoint_fallback(program) &&
		    !fallback_of(bpf, bpf_program__name(program)))
			overlooked += program_info(program).recursion_misses;
	return overlooked;
}
