// SPDX-License-Identifier: GPL-2.0
/*
 * Sets up the engine for events that are judged in user space, and copies its results to the
 * variables of the BPF object.
 */
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "core/types.h"
#include "core/watches.h"
#include "dmasnoop.skel.h"
#include "engine/engine.h"
#include "attach/attach.h"
#include "engine/logged.h"
#include "table.h"

#define RING (64 << 20) /* room for some hundred thousand calls */

static struct {
	struct dmasnoop_bpf *bpf;
	uint64_t pages;
	uint64_t missed;
} self;

/**
 * logged_is - test for a program that sends events
 * @program: program of the BPF object
 */
bool logged_is(const struct bpf_program *program)
{
	return !strncmp(bpf_program__name(program), "log_", 4);
}

/**
 * logged_prepare - make room for events, and none for the tables that the engine keeps
 * @bpf: opened, not loaded; after attach_memory()
 */
void logged_prepare(struct dmasnoop_bpf *bpf)
{
	self.pages = bpf_map__max_entries(bpf->maps.page_lines);
	bpf_map__set_max_entries(bpf->maps.page_lines, 1);
	bpf_map__set_max_entries(bpf->maps.neighbours, 1);
	bpf_map__set_max_entries(bpf->maps.events, RING);
}

static uint32_t size_of_page(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *page =
		btf ? btf__type_by_id(btf, btf__find_by_name_kind(btf, "page", BTF_KIND_STRUCT)) :
		      NULL;
	uint32_t size = page ? page->size : 0;

	btf__free(btf);
	return size;
}

static void keep_stack(uint64_t key, const void *frames)
{
	bpf_map_update_elem(bpf_map__fd(self.bpf->maps.stacks), &key, frames, BPF_ANY);
}

/* The judge asks for losses before it sends a finding that is not Unsure. */
static void look_for_losses(void)
{
	logged_missed(self.bpf);
}

/**
 * logged_start - start the engine
 * @bpf: loaded, not attached
 * @send: takes the findings
 *
 * Return: NULL, or an error text.
 */
const char *logged_start(struct dmasnoop_bpf *bpf,
			 int (*send)(void *context, void *event, size_t size))
{
	struct engine_setup setup = {
		.send = send,
		.keep_stack = keep_stack,
		.look_for_losses = look_for_losses,
		.buckets = table_buckets(),
		.nr_buckets = bpf->rodata->facts.nr_buckets,
		.page_size = size_of_page(),
		.ram = (const struct range *)bpf->rodata->ram,
		.nr_ram = sizeof(bpf->rodata->ram) / sizeof(bpf->rodata->ram[0]),
		.nr_pages = self.pages,
		.line_size = bpf->rodata->line_size,
		.line_shift = bpf->rodata->facts.line_shift,
		.checks = bpf->rodata->checks_enabled,
		.min_level = bpf->rodata->min_level,
		.device = (const char *)bpf->rodata->only_device,
		.driver = (const char *)bpf->rodata->only_driver,
	};

	self.bpf = bpf;
	attach_find_memory(bpf);
	setup.pages = bpf->bss->page_array;
	setup.direct = bpf->bss->direct_map_base;
	if (!setup.pages || !setup.direct || !setup.page_size)
		return "where physical memory is mapped could not be found";
	return engine_start(&setup) ? "out of memory" : NULL;
}

/**
 * logged_publish - copy the engine's results to the BPF object's variables
 * @bpf: loaded
 */
void logged_publish(struct dmasnoop_bpf *bpf)
{
	struct engine_state state = engine_state();

	memcpy(bpf->bss->devices, state.device, sizeof(bpf->bss->devices));
	memcpy(bpf->bss->lost, state.lost, sizeof(bpf->bss->lost));
	memcpy(bpf->bss->unsent, state.unsent, sizeof(bpf->bss->unsent));
}

/**
 * logged_missed - count lost events
 * @bpf: loaded
 *
 * These events found no room in the ring buffer. Since 5.12 an event is also lost if it interrupts
 * the same program on its CPU. The time of these losses is not known, so everything until now is in
 * doubt.
 */
uint64_t logged_missed(struct dmasnoop_bpf *bpf)
{
	struct bpf_program *program;
	struct timespec now;
	uint64_t missed = 0;

	bpf_object__for_each_program(program, bpf->obj) {
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);

		if (logged_is(program) && bpf_program__fd(program) >= 0 &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
			missed += info.recursion_misses;
	}
	if (missed != self.missed) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		engine_lost(now.tv_sec * 1000000000ull + now.tv_nsec);
		self.missed = missed;
	}
	return missed + bpf->bss->log_lost;
}
