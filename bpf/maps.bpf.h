/* SPDX-License-Identifier: GPL-2.0 */
/* The tables, as BPF maps. core/env.h declares the functions that access them. */
#ifndef DMASNOOP_MAPS_BPF_H
#define DMASNOOP_MAPS_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "core/state.h"

#define CONTENTS_MAX (1 << 13)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct bucket);
} mappings SEC(".maps");

/*
 * Devices that were added, or lost a driver, while tracing. None of their mappings is older than
 * the trace.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u64);
} born SEC(".maps");

/* The stacks by content: the key is a hash of the frames. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct stack);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STARTS_MAX);
	__type(key, struct page_key);
	__type(value, struct page_starts);
} starts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} page_lines SEC(".maps");

/*
 * The index follows from a hash of the mapping's physical address; an entry can be a few places
 * further on. User space shortens the entries to the line size.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NEIGHBOURS_MAX);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct neighbours));
} neighbours SEC(".maps");

/* The content hashes of buffers that the device reads. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CONTENTS_MAX);
	__type(key, u32);
	__type(value, u64);
} contents SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cpu_state);
} cpu_states SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCHES);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

#endif
