// SPDX-License-Identifier: GPL-2.0
/*
 * Judges what bpf/event_log.bpf.h sends: see engine.h. Called by logged.c.
 */
#include "engine/native.h"

#include "engine/engine.h"

#pragma GCC diagnostic ignored "-Wdiscarded-qualifiers"
#pragma GCC diagnostic ignored "-Wparentheses"

static struct engine_setup setup;

/* --- what the headers of bpf/ need that depends on the event --- */

static unsigned char reserved[sizeof(struct finding) > sizeof(struct device_gone) ?
				      sizeof(struct finding) :
				      sizeof(struct device_gone)];
static u32 reserved_size;

static void *bpf_ringbuf_reserve(const void *map, u64 size, u64 flags)
{
	reserved_size = size;
	return reserved;
}

static void bpf_ringbuf_submit(void *sent, u64 flags)
{
	setup.send(NULL, sent, reserved_size);
}

#define bpf_for_each_map_elem(map, call, context, flags)                           \
	do {                                                                       \
		for (u32 i_ = 0; i_ < setup.nr_buckets; i_++)                      \
			if (call((void *)(map), &i_, &setup.buckets[i_], context)) \
				break;                                             \
	} while (0)

/* What is known of a device, as the headers of bpf/ look for it. */
struct known_device {
	struct device dev;
	struct device_driver driver;
	struct bus_type bus;
	struct device_dma_parameters stated;
	struct known_device *next;
	u64 address;
	char name[NAME_SIZE];
	char driver_name[NAME_SIZE];
	char function_driver[NAME_SIZE];
	char bus_name[8];
};

/* bpf/virtio.bpf.h, of what came with the event. */
#define FUNCTION_BPF_H

static bool is_on_virtio_bus(struct device *dev)
{
	return !strcmp(((struct known_device *)dev)->bus_name, "virtio");
}

static void read_function_driver(char name[NAME_SIZE], struct device *dev)
{
	memcpy(name, ((struct known_device *)dev)->function_driver, NAME_SIZE);
}

#define devices engine_devices /* devices.c has one, too */
#define const volatile /* options are set once, here as there */
#include "core/state.h"
#undef const
/* Without page_array and direct_map_base nothing is looked for in the kernel's memory. */
#define find_object find_object_in_kernel
#define name_object name_object_in_kernel
#include "memory.bpf.h"
#undef find_object
#undef name_object

static u64 page_to_phys_here(u64 page)
{
	return page < setup.pages ? 0 : (page - setup.pages) / setup.page_size << PAGE_SHIFT;
}

static u64 virt_to_phys_here(u64 virt)
{
	u64 phys = virt - setup.direct;

	return virt < setup.direct || page_index(phys) == NOT_MEMORY ? 0 : phys;
}

#define page_to_phys page_to_phys_here

/* The allocations of what was mapped, by a hash of the address; the last one there stays. */
#define OBJECTS (1 << 16)

static struct {
	u64 phys;
	struct object object;
} objects[OBJECTS];

static u32 object_slot(u64 phys)
{
	return phys * 0x9e3779b97f4a7c15 >> 48 & (OBJECTS - 1);
}

static void keep_object(u64 phys, const struct object *object)
{
	objects[object_slot(phys)].phys = phys;
	objects[object_slot(phys)].object = *object;
}

/* What came when it was mapped. Of lists it does not. */
static int find_object(struct object *object, u64 phys)
{
	u32 slot = object_slot(phys);

	*object = (struct object){ .kind = OBJECT_UNKNOWN };
	if (objects[slot].phys == phys)
		*object = objects[slot].object;
	return 0;
}

/* It came with its name. */
static void name_object(struct object *object)
{
}

static int look_for_losses(void)
{
	if (setup.look_for_losses)
		setup.look_for_losses();
	return 0;
}

#include "device_flags.bpf.h"
#include "report.bpf.h"
#include "core/table.h"
#include "core/lines.h"
#include "core/content.h"
#include "core/judge.h"

/* --- devices --- */

#define KNOWN_HEADS 1024

static struct known_device *known_heads[KNOWN_HEADS];

/* The device at an address of the kernel's; it stays. NULL: no memory. */
static struct known_device *known_at(u64 address)
{
	struct known_device **at = &known_heads[address * 0x9e3779b97f4a7c15 >> 54];
	struct known_device *known;

	while (*at && (*at)->address != address)
		at = &(*at)->next;
	if (*at)
		return *at;
	known = calloc(1, sizeof(*known));
	if (!known)
		return NULL;
	known->address = address;
	known->dev.kobj.name = known->name;
	known->driver.name = known->driver_name;
	known->bus.name = known->bus_name;
	known->dev.bus = &known->bus;
	*at = known;
	return known;
}

static void learn(struct known_device *known, const struct logged_device *device)
{
	struct known_device *parent = device->parent ? known_at(device->parent) : NULL;

	known->dev.driver = device->driver ? &known->driver : NULL;
	known->dev.parent = parent ? &parent->dev : NULL;
	/* Which one it is, is only asked for whether it is a module's. */
	known->dev.dma_ops = !device->ops ? NULL : device->is_module ? (void *)~0ul : &_stext;
	known->stated.max_segment_size = device->max_segment;
	known->stated.segment_boundary_mask = device->boundary;
	known->dev.dma_parms = &known->stated;
	memcpy(known->name, device->name, sizeof(known->name));
	memcpy(known->driver_name, device->driver_name, sizeof(known->driver_name));
	memcpy(known->function_driver, device->function_driver, sizeof(known->function_driver));
	memcpy(known->bus_name, device->bus, sizeof(known->bus_name));
}

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

/* True when that is all of the list, as far as the caller says. */
static bool list(struct scratch *s, struct scatterlist *entries, u32 dir, u64 attrs)
{
	const struct logged_entry *from = ((const struct logged_list *)event)->entry;
	u32 nr = 0, i = 0;

	memset(entries, 0, (LOGGED_ENTRIES + SG_READ) * sizeof(*entries));
	for (; i < event->nents; i++)
		if (!(from[i].page_link & SG_CHAIN))
			entries[nr++] = (struct scatterlist){
				.page_link = from[i].page_link,
				.offset = from[i].offset,
				.length = from[i].length,
				.dma_address = from[i].dma_address,
				.dma_length = from[i].dma_length,
			};
	/* Beyond that there is nothing here. */
	if (nr)
		entries[nr - 1].page_link |= SG_END;
	s->sg.list = (u64)entries;
	s->nents = event->args[2];
	s->dir = dir;
	s->attrs = attrs;
	return s->nents <= nr || (i && from[i - 1].page_link & SG_END);
}

/*
 * As bpf/hooks_dma.bpf.h does it. What was not sent of a long list is lost.
 */
static void judge_call(struct scratch *s)
{
	static struct scatterlist entries[LOGGED_ENTRIES + SG_READ];
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
		s->phys = virt_to_phys_here(event->result);
		on_map(ctx, s);
		break;
	case LOGGED_FREE:
		if (!args[2])
			break;
		one(s, OP_FREE, KIND_COHERENT, args[3], args[1], DIR_BIDIRECTIONAL, args[4]);
		s->cpu_address = virt_to_phys_here(args[2]);
		on_unmap(ctx, s);
		break;
	case LOGGED_ALLOC_PAGES:
		if (!event->result)
			break;
		one(s, OP_ALLOC, KIND_PAGES, args[2], args[1], args[3], 0);
		s->phys = page_to_phys(event->result);
		on_map(ctx, s);
		break;
	case LOGGED_FREE_PAGES:
		one(s, OP_FREE, KIND_PAGES, args[3], args[1], args[4], 0);
		s->cpu_address = page_to_phys(args[2]);
		on_unmap(ctx, s);
		break;
	}
	if (!whole)
		lose_event(LOST_TABLE);
}

/**
 * engine_event - judge what was sent
 * @logged: in the order of the calls
 *
 * What is wrong is sent on.
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
		learn(known, (const struct logged_device *)logged);
		return;
	case LOGGED_ADDED:
		on_device_add((u64)&known->dev);
		return;
	case LOGGED_UNBOUND:
		learn(known, (const struct logged_device *)logged);
		on_device_unbound((void *)logged->sp, (u64)&known->dev, 0);
		return;
	default:
		s = take();
		if (!s)
			return;
		s->dev = (u64)&known->dev;
		judge_call(s);
		leave(s);
	}
}

/**
 * engine_lost - events were dropped
 * @ns: when that was found, CLOCK_MONOTONIC
 */
void engine_lost(unsigned long ns)
{
	lose_until(ns);
}

/**
 * engine_state - what came of it
 */
struct engine_state engine_state(void)
{
	return (struct engine_state){ .device = devices,
				      .lost = (unsigned long *)lost,
				      .unsent = (unsigned long *)unsent };
}

static int make_table(const void *map, u32 type, u32 key_size, u32 value_size, u64 max)
{
	struct table *table = &tables[nr_tables++];
	bool array = type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;

	*table = (struct table){ .map = map,
				 .key_size = array ? 0 : key_size,
				 .value_size = value_size,
				 .max = max,
				 .forgets = type == BPF_MAP_TYPE_LRU_HASH };
	if (!array)
		return 0;
	table->memory = calloc(max, value_size);
	return table->memory ? 0 : -ENOMEM;
}

/* What stands for a number in __uint(). */
#define NUMBER(field) (sizeof(*(field)) / sizeof(int))
#define ARRAY(map, max) \
	make_table(&(map), NUMBER((map).type), sizeof(*(map).key), sizeof(*(map).value), max)
#define TABLE(map) ARRAY(map, NUMBER((map).max_entries))

/**
 * engine_start - get ready
 * @wanted: see struct engine_setup
 *
 * Return: 0 or -ENOMEM.
 */
int engine_start(const struct engine_setup *wanted)
{
	int err;

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
	err = TABLE(born) ?: TABLE(stacks) ?: TABLE(starts) ?: TABLE(contents);
	table_of(&stacks)->added = setup.keep_stack;
	err = err ?: ARRAY(page_lines, setup.nr_pages) ?: ARRAY(scratches, SCRATCHES);
	err = err ?: ARRAY(cpu_states, 1);
	err = err ?: make_table(&slacks, BPF_MAP_TYPE_ARRAY, 0, sizeof(struct slack), SLACKS_MAX);
	tables[nr_tables++] = (struct table){ .map = &mappings,
					      .value_size = sizeof(struct bucket),
					      .max = setup.nr_buckets,
					      .memory = (unsigned char *)setup.buckets };
	return err;
}
