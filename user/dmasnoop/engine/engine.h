/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The judge in user space, for kernels whose BPF programs cannot judge (bpf/event_log.bpf.h). It
 * is compiled from the same headers of bpf/core, so there is one set of rules. What is in the
 * kernel's memory at the time of an event is not available: contents, the bytes beside a buffer,
 * and who owns its memory.
 */
#ifndef DMASNOOP_ENGINE_H
#define DMASNOOP_ENGINE_H

#include <stddef.h>

struct bucket;
struct device_state;
struct logged;
struct range;

/**
 * struct engine_setup - what has to be known before the first event
 * @send: takes what the BPF programs would have sent, see struct finding
 * @look_for_losses: calls engine_lost() if events were lost of which it does not know
 * @keep_stack: takes each new stack, and its key
 * @buckets: the table of mappings
 * @nr_buckets: in it
 * @pages: where the kernel has its struct pages
 * @page_size: of one of these
 * @direct: where it has physical memory
 * @ram: memory, the largest range first
 * @nr_ram: ranges
 * @nr_pages: in all of them
 * @line_size, @line_shift: see struct fast_facts
 * @checks, @min_level, @device, @driver: as of the options
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

/* The result, in the form in which the BPF programs keep it. */
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
