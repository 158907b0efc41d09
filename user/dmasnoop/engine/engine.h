/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The judge in user space, for kernels whose BPF programs cannot judge (bpf/event_log.bpf.h). It is
 * compiled from the same headers of bpf/core, so there is one set of rules. It cannot read the
 * kernel's memory at the time of an event, so it does not know contents, neighbour bytes, and
 * owners of memory.
 */
#ifndef DMASNOOP_ENGINE_H
#define DMASNOOP_ENGINE_H

#include <stddef.h>

struct bucket;
struct device_state;
struct logged;
struct range;

/**
 * struct engine_setup - the facts that the engine needs before the first event
 * @send: takes each event that the BPF programs would have sent, see struct finding
 * @look_for_losses: calls engine_lost() if events were lost that the engine does not know of
 * @keep_stack: takes each new stack, and its key
 * @buckets: the table of mappings
 * @nr_buckets: buckets in the table
 * @pages: address of the kernel's array of struct page
 * @page_size: size of a struct page, bytes
 * @direct: address of the kernel's direct map
 * @ram: ranges of memory, the largest first
 * @nr_ram: ranges in @ram
 * @nr_pages: pages in all ranges
 * @line_size, @line_shift: see struct fast_facts
 * @checks, @min_level, @device, @driver: the options
 */
struct engine_setup {
	int (*send)(void *context, void *event, size_t size);
	void (*look_for_losses)(void);
	void (*keep_stack)(unsigned long key, const void *frames);
	struct bucket *buckets;
	unsigned int nr_buckets;
	unsigned long pages;
	unsigned int page_size;
	unsigned long direct;
	const struct range *ram;
	unsigned int nr_ram;
	unsigned long nr_pages;
	unsigned int line_size;
	unsigned int line_shift;
	unsigned int checks;
	unsigned int min_level;
	const char *device;
	const char *driver;
};

/* The engine's results, in the form that the BPF programs keep. */
struct engine_state {
	struct device_state *device;
	const unsigned long *lost;
	const unsigned long *unsent;
};

int engine_start(const struct engine_setup *setup);
void engine_event(const struct logged *logged);
void engine_lost(unsigned long ns);
struct engine_state engine_state(void);

#endif
