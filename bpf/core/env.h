/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The environment that the judge needs. There are two implementations: bpf/env.bpf.h with its
 * includes for BPF, and user/dmasnoop/engine/env.h for user space, which judges logged events.
 *
 * A source file includes the parts of core/ that it needs and one implementation. So all functions
 * are declared here and defined there. In BPF they are inlined, because each call of a function
 * costs there.
 */
#ifndef DMASNOOP_ENV_H
#define DMASNOOP_ENV_H

#include "core/state.h"
#include "core/types.h"

/* --- the event at hand --- */

/**
 * env_now - read CLOCK_MONOTONIC
 *
 * Return: the time in nanoseconds.
 */
static __always_inline u64 env_now(void);

/**
 * env_ticks - read jiffies, which costs much less than the clock
 *
 * Return: the time in jiffies.
 */
static __always_inline u64 env_ticks(void);

/**
 * env_cpu - get the number of the CPU on which the event happens
 */
static __always_inline u32 env_cpu(void);

/**
 * env_task - get the address of the task in which the event happens
 *
 * The address serves only for comparison.
 */
static __always_inline u64 env_task(void);

/**
 * env_pid - get the IDs of the task in which the event happens
 *
 * Return: the process ID in the upper 32 bits, the thread ID in the lower.
 */
static __always_inline u64 env_pid(void);

/**
 * env_comm - get the name of the task in which the event happens
 * @comm: buffer for the name
 */
static __always_inline void env_comm(char comm[16]);

/**
 * env_stack - read the return addresses on the stack of the event
 * @ctx: context of the event
 * @frames: array for the addresses, innermost first
 * @bytes: size of @frames in bytes
 *
 * Return: the number of bytes written to @frames; 0 or less when there is no stack.
 */
static __always_inline long env_stack(void *ctx, u64 *frames, u32 bytes);

/**
 * env_number - convert a pointer to a number
 * @pointer: pointer, on which the verifier may allow no arithmetic
 */
static __always_inline u64 env_number(u64 pointer);

/**
 * env_loop - call a function repeatedly
 * @nr: maximum number of calls
 * @call: function, long call(u32 index, void *context); a result other than 0 ends the loop
 * @context: second argument of each call
 */
static __always_inline void env_loop(u32 nr, void *call, void *context);

/**
 * env_own - turn a scratch that is an argument into one that the verifier knows as map memory
 * @s: NULL or a pointer from env_scratch()
 *
 * The verifier checks a global function on its own and takes @s for plain memory. Before Linux 6.2
 * it accepts no map key in such memory.
 */
static __always_inline struct scratch *env_own(struct scratch *s);

/**
 * env_look_for_losses - call lose_until() if the kernel dropped events since the last look
 */
__noinline int env_look_for_losses(void);

/* --- findings --- */

/**
 * env_reserve - reserve room for an event to user space
 * @size: size of the event in bytes, a constant
 *
 * Return: a pointer to the room; NULL when there is none.
 */
static __always_inline void *env_reserve(u64 size);

/**
 * env_submit - send an event to user space
 * @event: event from env_reserve(), filled in
 */
static __always_inline void env_submit(void *event);

/* --- tables; a lookup returns NULL when it finds nothing --- */

static __always_inline struct cpu_state *env_cpu_state(void);
static __always_inline struct scratch *env_scratch(u32 index);
static __always_inline struct bucket *env_bucket(u32 index);

/**
 * env_each_bucket - call a function for each bucket of the mapping table
 * @call: function, long call(void *table, u32 *index, struct bucket *bucket, void *context); a
 *	result other than 0 ends the walk
 * @context: last argument of each call
 */
static __always_inline void env_each_bucket(void *call, void *context);

/**
 * env_page_lines - look up the word of line bits of a page
 * @page: index of the page, from page_index()
 */
static __always_inline u64 *env_page_lines(u32 page);
static __always_inline struct neighbours *env_neighbours(u32 slot);

/**
 * env_was_added - check whether a device was added, or lost a driver, while tracing
 * @dev: address of the struct device
 */
static __always_inline bool env_was_added(u64 dev);
static __always_inline void env_set_added(u64 dev);

static __always_inline struct stack *env_find_stack(u64 key);
static __always_inline void env_keep_stack(u64 key, const struct stack *stack);
static __always_inline struct page_starts *env_find_starts(const struct page_key *key);
static __always_inline void env_keep_starts(const struct page_key *key,
					    const struct page_starts *starts);
static __always_inline u64 *env_find_content(u32 at);
/* Returns nonzero when the table is full. */
static __always_inline long env_keep_content(u32 at, u64 hash);
static __always_inline void env_drop_content(u32 at);

/* --- memory --- */

/**
 * env_has_memory - check whether mapped memory and the facts about its pages can be read
 */
static __always_inline bool env_has_memory(void);

/**
 * env_virtual - convert a physical address to the CPU's virtual address
 * @phys: physical address of memory
 *
 * Return: the address for env_word(); 0 when the conversion is not known.
 */
static __always_inline u64 env_virtual(u64 phys);

/**
 * env_word - read 8 bytes of memory
 * @address: address from env_virtual() plus an offset, a multiple of 8
 *
 * Return: the 8 bytes; 0 when they cannot be read.
 */
static __always_inline u64 env_word(u64 address);

/**
 * env_read - copy bytes from physical memory
 * @to: buffer for the bytes
 * @bytes: number of bytes to copy
 * @phys: physical address of the first byte
 */
static __always_inline void env_read(void *to, u32 bytes, u64 phys);

/**
 * env_page_phys - get the physical address of a page
 * @page: address of the struct page
 *
 * Return: the physical address; 0 when it is not known.
 */
static __always_inline u64 env_page_phys(u64 page);

/* Is the page owned by the page allocator? Valid only with env_has_memory(). */
static __always_inline bool env_is_free(u64 phys);
/* Does the page belong to the kernel's image? */
__noinline int env_is_reserved(u64 phys);
/* May user space write the page, because it is a user page or in the page cache? */
static __always_inline bool env_has_owner(u64 phys);

/**
 * env_find_object - find the allocation at a physical address
 * @object: result, without the name, which env_name_object() reads
 * @phys: physical address
 */
__noinline int env_find_object(struct object *object, u64 phys);
static __always_inline void env_name_object(struct object *object);

/**
 * env_read_task_stack - find the pages of a task's stack
 * @stack: input in @task, result in @page
 */
static __always_inline void env_read_task_stack(struct stack_pages *stack);

/* --- devices; @dev is the address of a struct device --- */

/**
 * env_read_device - read the facts that do not change while the device has its driver
 * @device: result in @name, @bound, @driver, @function_driver, @iommu, @has_ops, @software
 * @dev: address of the struct device
 */
static __always_inline void env_read_device(struct device_state *device, u64 dev);

/* Returns the address of the device's driver; 0 when it has none. */
static __always_inline u64 env_driver_of(u64 dev);
static __always_inline u64 env_parent_of(u64 dev);
/* Is the device on the virtio bus, so that its parent does its DMA? */
static __always_inline bool env_is_function(u64 dev);
/* Does the kernel skip the device's syncs? */
static __always_inline bool env_skips_sync(u64 dev);

/**
 * env_read_limits - read the limits that a device states for the segments it takes
 * @dev: address of the struct device
 * @max: result, maximum segment size in bytes; 0 when none is stated
 * @boundary: result, segment boundary mask; 0 when none is stated
 */
static __always_inline void env_read_limits(u64 dev, u64 *max, u64 *boundary);

/* --- scatter-gather lists; @entry is a copy of one entry --- */

/* Returns the size of a list entry in bytes. */
static __always_inline u32 env_sg_size(void);
/* Copies list entries; returns nonzero when they cannot be read. */
static __always_inline long env_sg_read(void *to, u32 bytes, u64 from);
static __always_inline u64 env_sg_link(const u8 *entry);
static __always_inline u64 env_sg_offset(const u8 *entry);
static __always_inline u64 env_sg_length(const u8 *entry);
static __always_inline u64 env_sg_dma(const u8 *entry);
/*
 * Returns the length of the segment that begins at the entry. A kernel without that field has the
 * entry's own length there.
 */
static __always_inline u64 env_sg_dma_length(const u8 *entry);
/* Reads the link of the entry at an address. */
static __always_inline u64 env_sg_link_at(u64 address);
/* Reads the segment of the entry at an address. */
static __always_inline void env_sg_segment_at(u64 address, u64 *dma, u64 *size);

/**
 * env_sg_can_peek - check whether plain loads of list entries are possible
 *
 * If they are, env_sg_peek() exists, which saves a copy.
 */
static __always_inline bool env_sg_can_peek(void);

/**
 * env_sg_peek - read an entry that is a segment of its own
 * @s: result in @size, @dma, and for a map in @phys
 * @address: address of the entry
 * @map: true for a map event
 * @link: result, the link of the entry
 *
 * Return: false when the entry is not a segment of its own.
 */
static __always_inline bool env_sg_peek(struct scratch *s, u64 address, bool map, u64 *link);

#endif
