/* SPDX-License-Identifier: GPL-2.0 */
/*
 * core/env.h for user space. Its only user is engine.c, which judges logged events. The kernel's
 * memory is not available, except for the parts that came with the event.
 */
#ifndef DMASNOOP_ENGINE_ENV_H
#define DMASNOOP_ENGINE_ENV_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/env.h"
#include "core/finding.h"
#include "core/lists.h"
#include "core/log.h"
#include "engine/engine.h"
#include "engine/keyed.h"

static struct engine_setup setup;

/* The event that is judged now. */
static const struct logged *event;

/* The address at which physical memory is mapped; 0: it is not mapped. Only a test maps memory. */
static u64 memory_base;

static __always_inline u64 env_now(void)
{
	return event->ns;
}

static __always_inline u64 env_ticks(void)
{
	return 0;
}

static __always_inline u32 env_cpu(void)
{
	return event->cpu;
}

static __always_inline u64 env_task(void)
{
	return 0;
}

static __always_inline u64 env_pid(void)
{
	return (u64)event->pid << 32;
}

static __always_inline void env_comm(char comm[16])
{
	memcpy(comm, event->comm, sizeof(event->comm));
}

static __always_inline long env_stack(void *ctx, u64 *frames, u32 bytes)
{
	(void)ctx;
	memcpy(frames, event->stack, bytes);
	return event->stack[0] ? bytes : 0;
}

static __always_inline u64 env_number(u64 pointer)
{
	return pointer;
}

static __always_inline void env_loop(u32 nr, void *call, void *context)
{
	long (*one)(u32, void *) = call;

	for (u32 i = 0; i < nr; i++)
		if (one(i, context))
			break;
}

static __always_inline struct scratch *env_own(struct scratch *s)
{
	return s;
}

__noinline int env_look_for_losses(void)
{
	if (setup.look_for_losses)
		setup.look_for_losses();
	return 0;
}

/* --- findings --- */

static unsigned char reserved[sizeof(struct finding) > sizeof(struct device_gone) ?
				      sizeof(struct finding) :
				      sizeof(struct device_gone)] __attribute__((aligned(8)));
static u64 reserved_size;

static __always_inline void *env_reserve(u64 size)
{
	reserved_size = size;
	return reserved;
}

static __always_inline void env_submit(void *sent)
{
	setup.send(NULL, sent, reserved_size);
}

/* --- tables: arrays --- */

/* The judge runs on one CPU. */
static struct cpu_state *cpu_state;
static struct scratch *scratches;
static u64 *page_lines;

static __always_inline struct cpu_state *env_cpu_state(void)
{
	return cpu_state;
}

static __always_inline struct scratch *env_scratch(u32 index)
{
	return index < SCRATCHES ? &scratches[index] : NULL;
}

static __always_inline struct bucket *env_bucket(u32 index)
{
	return index < setup.nr_buckets ? &setup.buckets[index] : NULL;
}

static __always_inline void env_each_bucket(void *call, void *context)
{
	long (*one)(void *, u32 *, struct bucket *, void *) = call;

	for (u32 i = 0; i < setup.nr_buckets; i++)
		if (one(NULL, &i, &setup.buckets[i], context))
			break;
}

static __always_inline u64 *env_page_lines(u32 page)
{
	return page < setup.nr_pages ? &page_lines[page] : NULL;
}

static __always_inline struct neighbours *env_neighbours(u32 slot)
{
	static struct neighbours neighbours[NEIGHBOURS_MAX];

	return &neighbours[slot];
}

/* --- tables with keys --- */

static struct table added_devices = { sizeof(u64), sizeof(u64), 4096, 0, {} };
static struct table stacks = { sizeof(u64), sizeof(struct stack), 16384, 0, {} };
static struct table starts = { sizeof(struct page_key),
			       sizeof(struct page_starts),
			       STARTS_MAX,
			       0,
			       {} };

static __always_inline bool env_was_added(u64 dev)
{
	return table_find(&added_devices, &dev);
}

static __always_inline void env_set_added(u64 dev)
{
	table_keep(&added_devices, &dev, &event->ns);
}

static __always_inline struct stack *env_find_stack(u64 key)
{
	return table_find(&stacks, &key);
}

static __always_inline void env_keep_stack(u64 key, const struct stack *stack)
{
	table_keep(&stacks, &key, stack);
	setup.keep_stack(key, stack);
}

static __always_inline struct page_starts *env_find_starts(const struct page_key *key)
{
	return table_find(&starts, key);
}

static __always_inline void env_keep_starts(const struct page_key *key,
					    const struct page_starts *fresh)
{
	table_keep(&starts, key, fresh);
}

/* Contents are not compared here (CONTENT_OFF). */
static __always_inline u64 *env_find_content(u32 at)
{
	(void)at;
	return NULL;
}

static __always_inline long env_keep_content(u32 at, u64 hash)
{
	(void)at;
	(void)hash;
	return -ENOMEM;
}

static __always_inline void env_drop_content(u32 at)
{
	(void)at;
}

/* --- memory --- */

static __always_inline bool env_has_memory(void)
{
	return memory_base;
}

static __always_inline u64 env_virtual(u64 phys)
{
	return memory_base ? memory_base + phys : 0;
}

static __always_inline u64 env_word(u64 address)
{
	u64 word = 0;

	if (memory_base)
		memcpy(&word, (void *)address, sizeof(word));
	return word;
}

static __always_inline void env_read(void *to, u32 bytes, u64 phys)
{
	if (memory_base)
		memcpy(to, (void *)env_virtual(phys), bytes);
}

static __always_inline u64 env_page_phys(u64 page)
{
	return page < setup.pages ? 0 : (page - setup.pages) / setup.page_size << PAGE_SHIFT;
}

/*
 * Returns the physical address of an address in the kernel's direct map; 0 for any other address.
 */
static __always_inline u64 direct_phys(u64 virtual)
{
	u64 phys = virtual - setup.direct;

	return virtual < setup.direct || page_index(phys) == NOT_MEMORY ? 0 : phys;
}

static __always_inline bool env_is_free(u64 phys)
{
	(void)phys;
	return false;
}

__noinline int env_is_reserved(u64 phys)
{
	(void)phys;
	return 0;
}

static __always_inline bool env_has_owner(u64 phys)
{
	(void)phys;
	return true;
}

static __always_inline void env_read_task_stack(struct stack_pages *stack)
{
	(void)stack;
}

/*
 * The allocations of mapped buffers, by a hash of the address. Each hash keeps the last allocation.
 */
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

/* The allocation came with the map event. Scatter-gather lists come without allocations. */
__noinline int env_find_object(struct object *object, u64 phys)
{
	u32 slot = object_slot(phys);

	*object = (struct object){ .kind = OBJECT_UNKNOWN };
	if (objects[slot].phys == phys)
		*object = objects[slot].object;
	return 0;
}

/* The object already has its name. */
static __always_inline void env_name_object(struct object *object)
{
	(void)object;
}

/* --- devices --- */

/**
 * struct known_device - the logged facts of a device
 * @next: next device with the same hash
 * @address: kernel address of the struct device
 * @logged: the facts that were logged last
 */
struct known_device {
	struct known_device *next;
	u64 address;
	struct logged_device logged;
};

#define KNOWN_HEADS 1024

static struct known_device *known_heads[KNOWN_HEADS];

/*
 * Returns the device at a kernel address, and adds it if needed; NULL: no memory. Devices are never
 * removed.
 */
static struct known_device *known_at(u64 address)
{
	struct known_device **at = &known_heads[address * 0x9e3779b97f4a7c15 >> 54];

	while (*at && (*at)->address != address)
		at = &(*at)->next;
	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (*at)
			(*at)->address = address;
	}
	return *at;
}

static const struct logged_device *logged_at(u64 dev)
{
	static const struct logged_device nothing;
	const struct known_device *known = known_at(dev);

	return known ? &known->logged : &nothing;
}

static __always_inline void env_read_device(struct device_state *device, u64 dev)
{
	const struct logged_device *logged = logged_at(dev);

	memcpy(device->name, logged->name, sizeof(device->name));
	memcpy(device->driver, logged->driver_name, sizeof(device->driver));
	memcpy(device->function_driver, logged->function_driver, sizeof(device->function_driver));
	device->bound = logged->driver;
	device->has_ops = logged->ops != 0;
	device->software = logged->is_module;
}

static __always_inline u64 env_driver_of(u64 dev)
{
	return logged_at(dev)->driver;
}

static __always_inline u64 env_parent_of(u64 dev)
{
	return logged_at(dev)->parent;
}

static __always_inline bool env_is_function(u64 dev)
{
	return !strncmp(logged_at(dev)->bus, "virtio", sizeof(logged_at(dev)->bus));
}

static __always_inline bool env_skips_sync(u64 dev)
{
	(void)dev;
	return false;
}

static __always_inline void env_read_limits(u64 dev, u64 *max, u64 *boundary)
{
	*max = logged_at(dev)->max_segment;
	*boundary = logged_at(dev)->boundary;
}

/* --- scatter-gather lists: the logged entries --- */

static __always_inline u32 env_sg_size(void)
{
	return sizeof(struct logged_entry);
}

static __always_inline const struct logged_entry *entry_at(const void *address)
{
	return address;
}

static __always_inline long env_sg_read(void *to, u32 bytes, u64 from)
{
	memcpy(to, (void *)from, bytes);
	return 0;
}

static __always_inline u64 env_sg_link(const u8 *entry)
{
	return entry_at(entry)->page_link;
}

static __always_inline u64 env_sg_offset(const u8 *entry)
{
	return entry_at(entry)->offset;
}

static __always_inline u64 env_sg_length(const u8 *entry)
{
	return entry_at(entry)->length;
}

static __always_inline u64 env_sg_dma(const u8 *entry)
{
	return entry_at(entry)->dma_address;
}

static __always_inline u64 env_sg_dma_length(const u8 *entry)
{
	return entry_at(entry)->dma_length;
}

static __always_inline u64 env_sg_link_at(u64 address)
{
	return entry_at((void *)address)->page_link;
}

static __always_inline void env_sg_segment_at(u64 address, u64 *dma, u64 *size)
{
	*dma = entry_at((void *)address)->dma_address;
	*size = entry_at((void *)address)->dma_length;
}

static __always_inline bool env_sg_can_peek(void)
{
	return false;
}

static __always_inline bool env_sg_peek(struct scratch *s, u64 address, bool map, u64 *link)
{
	(void)s;
	(void)address;
	(void)map;
	(void)link;
	return false;
}

#endif
