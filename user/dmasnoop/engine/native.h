/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a BPF program has, for user space: the headers of bpf/ that judge events are compiled
 * with it into engine.c, which is its only user. The event at hand is in @event, and the
 * kernel's memory is not there but for what came with it.
 */
#ifndef DMASNOOP_NATIVE_H
#define DMASNOOP_NATIVE_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* dmasnoop.h leaves the types to kernel.h. */
#define __bpf__
#undef bool
#undef true
#undef false
#include "kernel.h"

#define SEC(name)
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))
#define __ksym
#define __weak __attribute__((weak))
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name

#include "core/log.h"
#include "core/rules.h"
#include "core/table_protocol.h"

static const struct logged *event;

/* --- fields: all that kernel.h has is there --- */

#define bpf_core_field_exists(field) 1
#define bpf_core_field_offset(field) ((u64) & (field))
#define bpf_core_type_size(type) sizeof(type)
#define bpf_core_type_id_kernel(type) 0
#define bpf_core_enum_value_exists(type, value) 0
#define bpf_core_enum_value(type, value) 0

#define READ_2(from, a) ((from) ? (from)->a : (typeof((from)->a))0)
#define READ_3(from, a, b) READ_2(READ_2(from, a), b)
#define READ_4(from, a, b, c) READ_2(READ_3(from, a, b), c)
#define READ_N(_1, _2, _3, _4, name, ...) name
#define BPF_CORE_READ(...) READ_N(__VA_ARGS__, READ_4, READ_3, READ_2)(__VA_ARGS__)
#define BPF_CORE_READ_BITFIELD_PROBED(from, field) ((from)->field)

/* --- helpers --- */

/* Not the kernel's, nor a place in what was not found. */
static bool is_here(const void *address)
{
	return (__s64)address >= 1 << 16;
}

static long bpf_probe_read_kernel(void *to, u32 size, const void *from)
{
	if (!is_here(from))
		return -EFAULT;
	memcpy(to, from, size);
	return 0;
}

static long bpf_probe_read_kernel_str(void *to, u32 size, const void *from)
{
	if (!is_here(from))
		return -EFAULT;
	strncpy(to, from, size - 1);
	((char *)to)[size - 1] = '\0';
	return 0;
}

static u64 bpf_ktime_get_ns(void)
{
	return event->ns;
}

static u64 bpf_jiffies64(void)
{
	return 0;
}

static u32 bpf_get_smp_processor_id(void)
{
	return event->cpu;
}

static u64 bpf_get_current_pid_tgid(void)
{
	return (u64)event->pid << 32;
}

static long bpf_get_current_comm(char *to, u32 size)
{
	memcpy(to, event->comm, size);
	return 0;
}

static struct task_struct *bpf_get_current_task_btf(void)
{
	static struct task_struct nobody;

	return &nobody;
}

static u64 bpf_get_current_task(void)
{
	return (u64)bpf_get_current_task_btf();
}

static long bpf_get_stack(void *ctx, u64 *frames, u32 size, u64 flags)
{
	memcpy(frames, event->stack, size);
	return event->stack[0] ? size : 0;
}

#define bpf_loop(nr, call, context, flags)                        \
	do {                                                      \
		u32 nr_ = (nr);                                   \
                                                                  \
		for (u32 i_ = 0; i_ < nr_ && !call(i_, context);) \
			i_++;                                     \
	} while (0)

/* --- maps: arrays, and tables of keys --- */

struct table_entry {
	struct table_entry *next;
	unsigned char key_and_value[];
};

#define TABLE_HEADS 4096

/**
 * struct table - a map
 * @map: its address in the BPF object
 * @key_size, @value_size: bytes; a @key_size of 0: an array
 * @max: entries
 * @forgets: when it is full, of those whose keys have the same hash the oldest
 * @memory: of an array
 * @added: is told of keys and values, may be NULL
 * @nr: entries
 * @head: of those whose keys have the same hash
 */
struct table {
	const void *map;
	u32 key_size;
	u32 value_size;
	u32 max;
	u32 nr;
	bool forgets;
	unsigned char *memory;
	void (*added)(unsigned long key, const void *value);
	struct table_entry *head[TABLE_HEADS];
};

static struct table tables[16];
static u32 nr_tables;

static struct table *table_of(const void *map)
{
	for (u32 i = 0; i < nr_tables; i++)
		if (tables[i].map == map)
			return &tables[i];
	abort();
}

static u32 hash_of(const struct table *table, const void *key)
{
	const unsigned char *bytes = key;
	u64 hash = 0;

	for (u32 i = 0; i < table->key_size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return (hash ^ hash >> 32) % TABLE_HEADS;
}

static struct table_entry **entry_of(struct table *table, const void *key)
{
	struct table_entry **at = &table->head[hash_of(table, key)];

	while (*at && memcmp((*at)->key_and_value, key, table->key_size))
		at = &(*at)->next;
	return at;
}

static void *bpf_map_lookup_elem(const void *map, const void *key)
{
	struct table *table = table_of(map);
	struct table_entry *entry;
	u32 index;

	if (!table->key_size) {
		memcpy(&index, key, sizeof(index));
		return index < table->max ? table->memory + (u64)index * table->value_size : NULL;
	}
	entry = *entry_of(table, key);
	return entry ? entry->key_and_value + table->key_size : NULL;
}

static long bpf_map_delete_elem(const void *map, const void *key)
{
	struct table *table = table_of(map);
	struct table_entry **at = entry_of(table, key), *entry = *at;

	if (!entry)
		return -ENOENT;
	*at = entry->next;
	table->nr--;
	free(entry);
	return 0;
}

static long bpf_map_update_elem(const void *map, const void *key, const void *value, u64 flags)
{
	struct table *table = table_of(map);
	struct table_entry **at = entry_of(table, key), *entry = *at, *oldest;

	if (entry && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!entry) {
		oldest = table->head[hash_of(table, key)];
		if (table->nr >= table->max && table->forgets && oldest) {
			bpf_map_delete_elem(map, oldest->key_and_value);
			at = entry_of(table, key);
		}
		if (table->nr >= table->max && !table->forgets)
			return -E2BIG;
		entry = calloc(1, sizeof(*entry) + table->key_size + table->value_size);
		if (!entry)
			return -ENOMEM;
		memcpy(entry->key_and_value, key, table->key_size);
		*at = entry;
		table->nr++;
	}
	memcpy(entry->key_and_value + table->key_size, value, table->value_size);
	if (table->added)
		table->added(*(const u64 *)key, value);
	return 0;
}

#endif
