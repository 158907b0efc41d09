// SPDX-License-Identifier: GPL-2.0
/* Judges the events that bpf/event_log.bpf.h sends, see engine.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/finding.h"
#include "core/judge_unbind.h"
#include "core/lists.h"
#include "core/log.h"
#include "engine/engine.h"
#include "engine/env.h"

/* --- calls --- */

static void one(struct scratch *s, u8 op, u8 kind, u64 dma, u64 size, u32 dir, u64 attrs)
{
	s->dma = dma;
	s->size = size;
	s->dir = dir;
	s->attrs = attrs;
	s->op = op;
	s->kind = kind;
}

/* Copies the entries that came with a list. Returns true if these are all entries of the list. */
static bool list(struct scratch *s, struct logged_entry *entries, u32 dir, u64 attrs)
{
	const struct logged_entry *from = ((const struct logged_list *)event)->entry;
	u32 nr = 0, i = 0;

	memset(entries, 0, (LOGGED_ENTRIES + SG_READ) * sizeof(*entries));
	for (; i < event->nents; i++)
		if (!(from[i].page_link & SG_CHAIN))
			entries[nr++] = from[i];
	/* This entry is the last one of the copy. */
	if (nr)
		entries[nr - 1].page_link |= SG_END;
	s->sg.list = (u64)entries;
	s->nents = event->args[2];
	s->dir = dir;
	s->attrs = attrs;
	return s->nents <= nr || (i && from[i - 1].page_link & SG_END);
}

/*
 * Handles a logged call as bpf/hooks_dma.bpf.h handles an event. The entries of a long list that
 * were not sent count as lost.
 */
static void judge_call(struct scratch *s)
{
	static struct logged_entry entries[LOGGED_ENTRIES + SG_READ];
	const u64 *args = event->args;
	void *ctx = (void *)event->sp;
	bool whole = true;

	switch (event->call) {
	case LOGGED_MAP_PAGE:
		one(s, OP_MAP, KIND_SINGLE, event->result, args[3], args[4], args[5]);
		s->phys = ((const struct logged_map *)event)->phys;
		keep_object(s->phys, &((const struct logged_map *)event)->object);
		on_map(ctx, s);
		break;
	case LOGGED_UNMAP_PAGE:
		one(s, OP_UNMAP, KIND_SINGLE, args[1], args[2], args[3], args[4]);
		on_unmap(ctx, s);
		break;
	case LOGGED_MAP_RESOURCE:
		one(s, OP_MAP, KIND_RESOURCE, event->result, args[2], args[3], args[4]);
		s->phys = args[1];
		on_map(ctx, s);
		break;
	case LOGGED_UNMAP_RESOURCE:
		one(s, OP_UNMAP, KIND_RESOURCE, args[1], args[2], args[3], args[4]);
		on_unmap(ctx, s);
		break;
	case LOGGED_MAP_SG:
		whole = list(s, entries, args[3], args[4]);
		on_map_sg(ctx, s);
		break;
	case LOGGED_UNMAP_SG:
		whole = list(s, entries, args[3], args[4]);
		on_unmap_sg(ctx, s);
		break;
	case LOGGED_SYNC_CPU:
	case LOGGED_SYNC_DEVICE:
		one(s, event->call == LOGGED_SYNC_CPU ? OP_SYNC_FOR_CPU : OP_SYNC_FOR_DEVICE,
		    KIND_SINGLE, args[1], args[2], args[3], 0);
		on_sync(ctx, s);
		break;
	case LOGGED_SYNC_SG_CPU:
	case LOGGED_SYNC_SG_DEVICE:
		whole = list(s, entries, args[3], 0);
		on_sync_sg(ctx, s,
			   event->call == LOGGED_SYNC_SG_CPU ? OP_SYNC_FOR_CPU :
							       OP_SYNC_FOR_DEVICE);
		break;
	case LOGGED_ALLOC:
		if (!event->result)
			break;
		one(s, OP_ALLOC, KIND_COHERENT, args[2], args[1], DIR_BIDIRECTIONAL, args[4]);
		s->phys = direct_phys(event->result);
		on_map(ctx, s);
		break;
	case LOGGED_FREE:
		if (!args[2])
			break;
		one(s, OP_FREE, KIND_COHERENT, args[3], args[1], DIR_BIDIRECTIONAL, args[4]);
		s->cpu_address = direct_phys(args[2]);
		on_unmap(ctx, s);
		break;
	case LOGGED_ALLOC_PAGES:
		if (!event->result)
			break;
		one(s, OP_ALLOC, KIND_PAGES, args[2], args[1], args[3], 0);
		s->phys = env_page_phys(event->result);
		on_map(ctx, s);
		break;
	case LOGGED_FREE_PAGES:
		one(s, OP_FREE, KIND_PAGES, args[3], args[1], args[4], 0);
		s->cpu_address = env_page_phys(args[2]);
		on_unmap(ctx, s);
		break;
	}
	if (!whole)
		lose_event(LOST_TABLE);
}

/**
 * engine_event - judge an event
 * @logged: the event; events come in the order of the calls
 *
 * Findings are passed to the send function of struct engine_setup.
 */
void engine_event(const struct logged *logged)
{
	static u64 lost_then;
	struct known_device *known = known_at(logged->dev);
	struct scratch *s;

	event = logged;
	if (logged->lost != lost_then) {
		lose_until(logged->ns);
		lost_then = logged->lost;
	}
	if (!known) {
		lose_event(LOST_DEVICE);
		return;
	}
	switch (logged->call) {
	case LOGGED_DEVICE:
		known->logged = *(const struct logged_device *)logged;
		return;
	case LOGGED_ADDED:
		on_device_add(known->address);
		return;
	case LOGGED_UNBOUND:
		known->logged = *(const struct logged_device *)logged;
		on_device_unbound((void *)logged->sp, known->address, 0);
		return;
	default:
		s = take_scratch();
		if (!s)
			return;
		s->dev = known->address;
		judge_call(s);
		release_scratch(s);
	}
}

/**
 * engine_lost - note that events were lost
 * @ns: time at which the loss was found, CLOCK_MONOTONIC
 */
void engine_lost(unsigned long ns)
{
	lose_until(ns);
}

/**
 * engine_state - return the devices and the counts of lost events
 */
struct engine_state engine_state(void)
{
	return (struct engine_state){ .device = devices,
				      .lost = (unsigned long *)lost,
				      .unsent = (unsigned long *)unsent };
}

/**
 * engine_start - prepare the engine
 * @wanted: the facts that the engine needs
 *
 * Return: 0 or -ENOMEM.
 */
int engine_start(const struct engine_setup *wanted)
{
	setup = *wanted;
	line_size = setup.line_size;
	checks_enabled = setup.checks;
	min_level = setup.min_level;
	content_mode = CONTENT_OFF;
	stacks_always = true;
	if (setup.device)
		strncpy((char *)only_device, setup.device, NAME_SIZE - 1);
	if (setup.driver)
		strncpy((char *)only_driver, setup.driver, NAME_SIZE - 1);
	for (u32 i = 0; i < RAM_RANGES && i < setup.nr_ram; i++) {
		ram[i].start = setup.ram[i].start;
		ram[i].end = setup.ram[i].end;
	}
	facts.ram_start = ram[0].start;
	facts.ram_size = ram[0].end - ram[0].start;
	facts.nr_buckets = setup.nr_buckets;
	facts.line_mask = setup.line_size - 1;
	facts.line_shift = setup.line_shift;
	armed = ARMED;
	page_lines = calloc(setup.nr_pages, sizeof(*page_lines));
	scratches = calloc(SCRATCHES, sizeof(*scratches));
	cpu_state = calloc(1, sizeof(*cpu_state));
	return page_lines && scratches && cpu_state ? 0 : -ENOMEM;
}
