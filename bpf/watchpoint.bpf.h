/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The judge of hits of a hardware watchpoint: may the CPU access those bytes now? User space places
 * the watchpoints (user/dmasnoop/watch/).
 *
 * One program serves all watchpoints and gets the index as its cookie. It runs in the debug
 * exception, right after the access: as in an NMI, with interrupts off, and with the watchpoints of
 * its CPU disabled.
 */
#ifndef DMASNOOP_WATCH_BPF_H
#define DMASNOOP_WATCH_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "core/find.h"
#include "core/finding.h"
#include "core/judge_access.h"
#include "core/scratch.h"
#include "core/watches.h"
#include "env.bpf.h"
#include "losses.bpf.h"

/* The maximum number of frames between the access and a function of the DMA API. */
#define LEGAL_DEPTH 8

struct watch watches[WATCHES];
u64 watch_counts[NR_WATCH_COUNTS];

/* The code of the DMA API, and code that reads all memory by design. */
struct range legal_text[LEGAL_TEXT_MAX];
u32 nr_legal_text;

/* Functions that read whole words, so that a read may extend into the next object. */
struct range overreading_text[OVERREADING_MAX];
u32 nr_overreading_text;

/* The word that watch_probe() writes, and its address. */
u64 watch_target;
u64 watch_target_address;

/*
 * The last write that a watchpoint on this CPU saw. Processors watch writes, or any access, but not
 * reads alone. So a buffer that must not be read either takes two watchpoints: the first watches
 * writes, the second any access, and an access that the first saw is a write. The first is served
 * first, because it has the lower debug register.
 */
struct caught_write {
	u64 address;
	u64 ip;
	u64 ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct caught_write);
} caught_writes SEC(".maps");

/* Both watchpoints of an access are served in one exception, far within this time. */
#define SAME_ACCESS_NS 1000000

/*
 * Has the write watchpoint seen this very access? A write watchpoint records its own access here.
 */
static __always_inline bool caught_already(const struct watch *watch, u64 ip)
{
	u32 zero = 0;
	struct caught_write *last = bpf_map_lookup_elem(&caught_writes, &zero);
	u64 now = bpf_ktime_get_ns();

	if (!last)
		return false;
	if (watch->kind == WATCH_ACCESS)
		return last->address == watch->address && last->ip == ip &&
		       now - last->ns < SAME_ACCESS_NS;
	last->address = watch->address;
	last->ip = ip;
	last->ns = now;
	return false;
}

struct legal_walk {
	const struct stack *stack;
	u32 found;
};

static long legal_frame(u32 index, struct legal_walk *walk)
{
	u64 frame = walk->stack->frames[index & (LEGAL_DEPTH - 1)];

	for (u32 i = 0; i < LEGAL_TEXT_MAX; i++) {
		if (i >= nr_legal_text)
			break;
		if (frame >= legal_text[i].start && frame < legal_text[i].end) {
			walk->found = 1;
			return 1;
		}
	}
	return 0;
}

static long overread(u32 index, struct legal_walk *walk)
{
	const struct range *text = &overreading_text[index & (OVERREADING_MAX - 1)];

	walk->found = inside(text, walk->stack->frames[0]);
	return walk->found;
}

/*
 * Did the DMA API itself access the buffer? Bouncing copies into a buffer that the device still
 * owns, because the events of unmap and sync come after the copy.
 */
static __noinline bool is_legal_code(const struct stack *stack)
{
	struct legal_walk walk = { .stack = stack };

	bpf_loop(LEGAL_DEPTH, legal_frame, &walk, 0);
	if (!walk.found)
		bpf_loop(nr_overreading_text, overread, &walk, 0);
	return walk.found;
}

/* Returns true when the instruction is new to this watchpoint and there is room to record it. */
static __always_inline bool first_time(struct watch *watch, u64 ip)
{
	for (u32 i = 0; i < WATCH_IPS; i++) {
		if (watch->reported[i] == ip)
			return false;
		if (!watch->reported[i]) {
			watch->reported[i] = ip;
			return true;
		}
	}
	return false;
}

static __always_inline int count_watch(u32 what)
{
	__sync_fetch_and_add(&watch_counts[what], 1);
	return 0;
}

/*
 * Records a write to a buffer that the CPU owns. The record is kept until the next sync of these
 * bytes.
 */
static __always_inline void note_own_write(struct scratch *s, struct mapping *map)
{
	struct own_write *write = &own_writes[s->watch & (WATCHES - 1)];

	write->stack = 0;
	write->born = map->born;
	write->phys = s->phys;
	write->at = s->at;
	write->turn = map->turn;
	write->generation = map->generation;
	write->stack = store_stack(s);
	__sync_fetch_and_or(&map->flags, MAP_WRITTEN);
}

/* Judges an access inside the buffer of the mapping in @s->at. */
static __always_inline int judge_inside(struct scratch *s, struct watch *watch, struct mapping *map,
					const struct device_state *device)
{
	u8 check = rule_cpu_access(map, s->op == OP_CPU_WRITE);

	/*
	 * A sync that was skipped, or for which no mapping was found, may have given the buffer to
	 * the CPU.
	 */
	if (map->flags & MAP_BLIND || device->skips_sync || device->unmatched)
		return count_watch(WATCH_LEGAL);
	/*
	 * Writes to the page cache are allowed during writeback (Documentation/filesystems/vfs.rst;
	 * stable pages are the exception). User space may write its own pages at any time, and the
	 * kernel may do so for it.
	 */
	env_find_object(&s->object, map->phys);
	if (s->object.kind == OBJECT_UNKNOWN ||
	    (s->object.kind == OBJECT_PAGE && env_has_owner(s->phys)))
		return count_watch(WATCH_LEGAL);
	if (check == CHECK_NONE) {
		if (map->owner == OWNER_CPU && s->op == OP_CPU_WRITE)
			note_own_write(s, map);
		return count_watch(WATCH_LEGAL);
	}
	if (!first_time(watch, s->stack.frames[0]))
		return count_watch(WATCH_FOLDED);
	__builtin_memcpy(&s->map, map, sizeof(s->map));
	add_step(&s->map, s->op);
	return judge(s, WITH_LEVEL(check, LEVEL_VIOLATION) | WITH_MAP);
}

/*
 * Is the mapping the only live one at its address? swiotlb or an IOMMU can give the address to
 * another CPU's map before the event of its unmap comes. Which of the two mappings the event ends
 * is a guess then.
 */
__noinline int is_alone(struct scratch *s)
{
	struct exact_walk walk = { .best = NOWHERE, .mode = EXACT_LIVE };

	s = env_own(s);
	if (!s)
		return 0;
	/* No mapping fits this direction, so all mappings are counted. */
	s->dir = DIR_NONE;
	walk.s = s;
	walk.home = home_of(hash_address(s->dma));
	bpf_loop(slots_of(walk.home), match_exact_slot, &walk, 0);
	return walk.nr == 1;
}

/* Judges a hit of @s->watch by the stack in @s->stack. */
__noinline int judge_hit(struct scratch *s)
{
	struct device_state *device;
	struct watch *watch;
	struct mapping *map;

	s = env_own(s);
	if (!s)
		return 0;
	watch = &watches[s->watch & (WATCHES - 1)];
	if (caught_already(watch, s->stack.frames[0]))
		return 0;
	count_watch(WATCH_HITS);
	s->at = watch->at;
	s->kind = KIND_SINGLE;
	s->op = watch->kind == WATCH_ACCESS ? OP_CPU_READ : OP_CPU_WRITE;
	s->watched = 1;
	map = live_any(s->at);
	if (!map || map->generation != watch->generation || map->dma != watch->dma ||
	    map->born != watch->born || map->turn != watch->turn ||
	    (map->owner != OWNER_DEVICE && watch->kind != WATCH_WRITE) || is_legal_code(&s->stack))
		return count_watch(WATCH_LEGAL);
	set_device(s, map);
	device = known_device(s);
	s->dma = map->dma;
	if (!device || events_lost(s, device, born_ns(map), map->dma) || !is_alone(s))
		return count_watch(map->owner == OWNER_DEVICE ? WATCH_UNSURE : WATCH_LEGAL);
	s->phys = watch->phys;
	s->dma = watch->phys;
	s->size = watch->size;
	if (watch->kind != WATCH_NEIGHBOURS)
		return judge_inside(s, watch, map, device);
	if (map->flags & MAP_REPORTED)
		return count_watch(WATCH_FOLDED);
	return judge_neighbour_write(s, map,
				     map->flags & MAP_BLIND || device->unmatched ? UNSURE : 0);
}

/*
 * Tells user space that a watchpoint has had enough hits. When there is no room, the watchpoint is
 * changed at its regular turn.
 */
static __always_inline void watch_spent(u32 slot)
{
	struct watch_spent *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return;
	event->type = EVENT_WATCH_SPENT;
	event->slot = slot;
	bpf_ringbuf_submit(event, 0);
}

SEC("perf_event")
int watchpoint(struct bpf_perf_event_data *ctx)
{
	u64 slot = bpf_get_attach_cookie(ctx);
	struct cpu_state *cpu = env_cpu_state();
	struct watch *watch;
	struct scratch *s;

	if (slot >= WATCHES || !cpu || !armed)
		return 0;
	watch = &watches[slot];
	/* User space is changing the watchpoint. */
	if (!watch->address || watch->address != ctx->addr)
		return 0;
	/* The tracer itself reads buffers and neighbour bytes. */
	if (cpu->used)
		return 0;
	if (__sync_fetch_and_add(&watch->hits, 1) == WATCH_HITS_MAX - 1)
		watch_spent(slot);
	s = take_scratch();
	if (!s)
		return 0;
	s->watch = slot;
	__builtin_memset(&s->stack, 0, sizeof(s->stack));
	if (bpf_get_stack(ctx, s->stack.frames, sizeof(s->stack.frames), 0) > 0) {
		judge_hit(s);
		send_verdicts(ctx, s);
	}
	release_scratch(s);
	return 0;
}

/*
 * This program is not attached. User space runs it once to learn the address of watch_target, and
 * once more to see whether a watchpoint there fires.
 */
SEC("raw_tp")
int watch_probe(void *ctx)
{
	watch_target_address = (u64)&watch_target;
	*(volatile u64 *)&watch_target = 1;
	return 0;
}

#endif
