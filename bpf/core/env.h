/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the judge needs of the place it runs in. There are two implementations: for BPF
 * (bpf/env.bpf.h and what that includes), and for user space
 * (user/dmasnoop/engine/env.h), which judges events that were logged.
 *
 * A source file includes the parts of core/ that it needs and one implementation. So all
 * of these are declared here and defined there. They are inlined in BPF, where each call
 * of a function costs.
 */
#ifndef DMASNOOP_ENV_H
#define DMASNOOP_ENV_H

#include "core/state.h"
#include "core/types.h"

/* --- the event at hand --- */

/**
 * env_now - CLOCK_MONOTONIC
 *
 * Return: nanoseconds.
 */
static __always_inline u64 env_now(void);

/**
 * env_ticks - jiffies, which cost much less than the clock
 */
static __always_inline u64 env_ticks(void);

/**
 * env_cpu - the CPU on which the event happens
 */
static __always_inline u32 env_cpu(void);

/**
 * env_task - the task in which the event happens
 *
 * Return: its address, to be compared only.
 */
static __always_inline u64 env_task(void);

/**
 * env_pid - its process in the upper half, its thread in the lower
 */
static __always_inline u64 env_pid(void);

/**
 * env_comm - its name
 * @comm: out
 */
static __always_inline void env_comm(char comm[16]);

/**
 * env_stack - the return addresses of the event
 * @ctx: context of the event
 * @frames: out, innermost first
 * @bytes: room in @frames
 *
 * Return: bytes filled in; 0 or less when there are none.
 */
static __always_inline long env_stack(void *ctx, u64 *frames, u32 bytes);

/**
 * env_number - a pointer as a number
 * @pointer: may be one that the verifier lets nobody calculate with
 */
static __always_inline u64 env_number(u64 pointer);

/**
 * env_loop - call a function again and again
 * @nr: times at most
 * @call: long call(u32 index, void *context); other than 0 ends the loop
 * @context: passed on
 */
static __always_inline void env_loop(u32 nr, void *call, void *context);

/**
 * env_own - a scratch that came as an argument, as memory of a table
 * @s: NULL, or from env_scratch()
 *
 * A function that is verified on its own gets @s as plain memory. Before Linux 6.2 no key
 * of a map may lie in that.
 */
static __always_inline struct scratch *env_own(struct scratch *s);

/**
 * env_look_for_losses - call lose_until() if the kernel dropped events since the last look
 */
__noinline int env_look_for_losses(void);

/* --- findings --- */

/**
 * env_reserve - room for an event to user space
 * @size: bytes, a constant
 *
 * Return: NULL when there is none.
 */
static __always_inline void *env_reserve(u64 size);

/**
 * env_submit - send what was written there
 * @event: from env_reserve()
 */
static __always_inline void env_submit(void *event);

/* --- tables; a function that looks up returns NULL when nothing is there --- */

static __always_inline struct cpu_state *env_cpu_state(void);
static __always_inline struct scratch *env_scratch(u32 index);
static __always_inline struct bucket *env_bucket(u32 index);

/**
 * env_each_bucket - call a function for each bucket of the mapping table
 * @call: long call(void *table, u32 *index, struct bucket *bucket, void *context); other
 *	than 0 ends the walk
 * @context: passed on
 */
static __always_inline void env_each_bucket(void *call, void *context);

/**
 * env_page_lines - the word of a page in the table of line bits
 * @page: from page_index()
 */
static __always_inline u64 *env_page_lines(u32 page);
static __always_inline struct neighbours *env_neighbours(u32 slot);

/**
 * env_was_added - was this device added, or lost a driver, while tracing?
 * @dev: address of its struct device
 */
static __always_inline bool env_was_added(u64 dev);
static __always_inline void env_set_added(u64 dev);

static __always_inline struct stack *env_find_stack(u64 key);
static __always_inline void env_keep_stack(u64 key, const struct stack *stack);
static __always_inline struct page_starts *env_find_starts(const struct page_key *key);
static __always_inline void env_keep_starts(const struct page_key *key,
					    const struct page_starts *starts);
static __always_inline u64 *env_find_content(u32 at);
/* Returns other than 0 when there is no room. */
static __always_inline long env_keep_content(u32 at, u64 hash);
static __always_inline void env_drop_content(u32 at);

/* --- memory --- */

/**
 * env_has_memory - can the memory that is mapped be read, and what it belongs to?
 */
static __always_inline bool env_has_memory(void);

/**
 * env_virtual - where the CPU sees a physical address
 * @phys: of memory
 *
 * Return: for env_word(); 0 when that is not known.
 */
static __always_inline u64 env_virtual(u64 phys);

/**
 * env_word - 8 bytes of memory
 * @address: from env_virtual(), plus an offset; a multiple of 8
 *
 * Return: 0 when it cannot be read.
 */
static __always_inline u64 env_word(u64 address);

/**
 * env_read - bytes of memory
 * @to: out
 * @bytes: how many
 * @phys: from where
 */
static __always_inline void env_read(void *to, u32 bytes, u64 phys);

/**
 * env_page_phys - the physical address of a struct page
 * @page: its address
 *
 * Return: 0 when it is not known.
 */
static __always_inline u64 env_page_phys(u64 page);

/* Is it a page that the page allocator owns? Only with env_has_memory(). */
static __always_inline bool env_is_free(u64 phys);
/* Is it a page of the kernel's image? */
__noinline int env_is_reserved(u64 phys);
/* May user space write the page, as it is one of its own or of the page cache? */
static __always_inline bool env_has_owner(u64 phys);

/**
 * env_find_object - the allocation at a physical address
 * @object: out; the name is left out, see env_name_object()
 * @phys: where
 */
__noinline int env_find_object(struct object *object, u64 phys);
static __always_inline void env_name_object(struct object *object);

/**
 * env_read_task_stack - the pages of a task's stack
 * @stack: @task is set; @page is filled in
 */
static __always_inline void env_read_task_stack(struct stack_pages *stack);

/* --- devices; @dev is the address of a struct device --- */

/**
 * env_read_device - what does not change while the device has its driver
 * @device: out: @name, @bound, @driver, @function_driver, @iommu, @has_ops, @software
 * @dev: which
 */
static __always_inline void env_read_device(struct device_state *device, u64 dev);

/* The address of its driver; 0: it has none. */
static __always_inline u64 env_driver_of(u64 dev);
static __always_inline u64 env_parent_of(u64 dev);
/* Is it on the virtio bus, so that its parent does its DMA? */
static __always_inline bool env_is_function(u64 dev);
/* Are its syncs left out? */
static __always_inline bool env_skips_sync(u64 dev);

/**
 * env_read_limits - what it states of the segments that it takes
 * @dev: which
 * @max: out, bytes; 0: nothing is stated
 * @boundary: out, a mask; 0: nothing is stated
 */
static __always_inline void env_read_limits(u64 dev, u64 *max, u64 *boundary);

/* --- scatter-gather lists; @entry is what was read of one entry --- */

/* Bytes of an entry. */
static __always_inline u32 env_sg_size(void);
/* Reads entries; other than 0 when that is not possible. */
static __always_inline long env_sg_read(void *to, u32 bytes, u64 from);
static __always_inline u64 env_sg_link(const u8 *entry);
static __always_inline u64 env_sg_offset(const u8 *entry);
static __always_inline u64 env_sg_length(const u8 *entry);
static __always_inline u64 env_sg_dma(const u8 *entry);
/* The length of the segment that begins here; that of the entry where there is no such field. */
static __always_inline u64 env_sg_dma_length(const u8 *entry);
/* The link of the entry at an address. */
static __always_inline u64 env_sg_link_at(u64 address);
/* The segment of the entry at an address. */
static __always_inline void env_sg_segment_at(u64 address, u64 *dma, u64 *size);

/**
 * env_sg_can_peek - are plain loads of entries possible?
 *
 * Then there is env_sg_peek(), which saves a copy.
 */
static __always_inline bool env_sg_can_peek(void);

/**
 * env_sg_peek - an entry that is a segment of its own
 * @s: out: @size, @dma, and @phys for a map
 * @address: of the entry
 * @map: whether it is a map
 * @link: out
 *
 * Return: false when it is none.
 */
static __always_inline bool env_sg_peek(struct scratch *s, u64 address, bool map, u64 *link);

#endif
