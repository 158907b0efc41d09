// SPDX-License-Identifier: GPL-2.0
/* Finds out where the memory of this machine lies, and where the kernel maps it. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "attach/attach.h"
#include "attach/memory.h"
#include "core/types.h"
#include "core/watches.h"
#include "dmasnoop.skel.h"
#include "table.h"

#define PAGE 4096

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
	/* There is no room, so the smallest gap is closed. The pages in the gap are never used. */
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
 * x86 keeps both addresses in variables, see learn_memory() in bpf/memory.bpf.h. A kernel without
 * CONFIG_DYNAMIC_MEMORY_LAYOUT has no such variables, and one without CONFIG_KALLSYMS_ALL hides
 * them. Then, and on other architectures, /proc/kcore is searched. An address that is not found
 * stays 0.
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

/* The largest range comes first, because ranges are searched in order. */
static int by_size(const void *left, const void *right)
{
	const struct span *a = left, *b = right;
	uint64_t size = a->end - a->start, other = b->end - b->start;

	return size < other ? 1 : size > other ? -1 : 0;
}

/* The parts of the kernel image come in rising order. */
static void note_image(struct fast_facts *facts, uint64_t start, uint64_t end)
{
	if (!facts->image_size)
		facts->image_start = start;
	facts->image_size = end - facts->image_start;
}

/**
 * attach_memory - tell the BPF object where memory and the kernel lie
 * @bpf: opened, not loaded
 * @mappings: number of live mappings to make room for, see table_size()
 *
 * Both come from /proc/iomem. Each page of memory takes a word in a table: 2 MiB for each GiB.
 *
 * Return: NULL, or an error text.
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
	/* A map has at most 2^32 entries, which is enough for 16 TiB. */
	if (pages > UINT32_MAX || bpf_map__set_max_entries(bpf->maps.page_lines, pages))
		return "memory is too large for the table of its lines";
	table_size(bpf, pages, mappings);
	return NULL;
}

/**
 * attach_unreadable - test whether the BPF object cannot read memory
 * @bpf: loaded, after attach_learn()
 *
 * Return: true when contents and allocations cannot be judged.
 */
bool attach_unreadable(const struct dmasnoop_bpf *bpf)
{
	return !bpf->bss->direct_map_base || !bpf->bss->page_array;
}
