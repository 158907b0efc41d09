// SPDX-License-Identifier: GPL-2.0
/*
 * The tracer's kernel side: follows every mapping from map to unmap, asks the
 * rules (rules.h) about each event, and sends a finding when one is broken.
 * Nothing goes to user space while nothing is wrong.
 *
 * Hooks: the raw tracepoints of include/trace/events/dma.h (Linux 6.12), driver
 * bind and unbind, and dmaloop's cpu_access, the one place where a CPU's access
 * is announced by itself.
 *
 * Every hook has a twin: the kernel drops an event that arrives, in an
 * interrupt, while the same program already runs on that CPU. The twin runs
 * after it on every event and does the work only when the first one is busy.
 */
#include "kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "dmasnoop.h"
#include "rules.h"

char LICENSE[] SEC("license") = "GPL";

#include "state.bpf.h"
#include "memory.bpf.h"

/* --- entering and leaving a hook --- */

static __always_inline struct scratch *enter(u32 hook, bool twin)
{
	u32 zero = 0, depth;
	struct cpu_state *cpu = bpf_map_lookup_elem(&cpu_states, &zero);

	if (!cpu || !armed || (twin && !cpu->busy[hook]))
		return NULL;
	if (twin)
		__sync_fetch_and_add(&twin_runs, 1);
	depth = cpu->depth;
	if (depth >= DEPTH_MAX) {
		count_lost(LOST_NESTED);
		return NULL;
	}
	if (!twin)
		cpu->busy[hook]++;
	cpu->depth = depth + 1;
	cpu->scratch[depth].hook = hook;
	return &cpu->scratch[depth];
}

static __always_inline void leave(u32 hook, bool twin)
{
	u32 zero = 0;
	struct cpu_state *cpu = bpf_map_lookup_elem(&cpu_states, &zero);

	if (!cpu)
		return;
	cpu->depth--;
	if (!twin)
		cpu->busy[hook]--;
}

/* --- devices --- */

/* Does the text match the filter? An empty filter matches all. */
static __always_inline bool matches(const char *text, const volatile char *filter)
{
	for (int i = 0; i < NAME_SIZE; i++) {
		if (!filter[i])
			return i == 0 || !text[i];
		if (filter[i] != text[i])
			return false;
	}
	return true;
}

static __always_inline bool skips_sync(struct device *dev)
{
	if (!bpf_core_field_exists(dev->dma_skip_sync))
		return false;
	return BPF_CORE_READ_BITFIELD_PROBED(dev, dma_skip_sync);
}

__noinline int make_device(u64 address)
{
	struct device *dev = (void *)address;
	struct device_state fresh = {};
	const char *name;

	name = BPF_CORE_READ(dev, init_name);
	if (!name)
		name = BPF_CORE_READ(dev, kobj.name);
	bpf_probe_read_kernel_str(fresh.name, sizeof(fresh.name), name);
	fresh.bound = (u64)BPF_CORE_READ(dev, driver);
	name = BPF_CORE_READ(dev, driver, name);
	if (name)
		bpf_probe_read_kernel_str(fresh.driver, sizeof(fresh.driver), name);
	fresh.ignored = !matches(fresh.name, only_device) || !matches(fresh.driver, only_driver);
	fresh.generation = bpf_ktime_get_ns();
	fresh.complete = bpf_map_lookup_elem(&born, &address) != NULL;
	fresh.skips_sync = skips_sync(dev);
	if (bpf_core_field_exists(dev->dma_iommu))
		fresh.iommu = BPF_CORE_READ_BITFIELD_PROBED(dev, dma_iommu);
	if (bpf_core_field_exists(dev->dma_ops)) {
		u64 ops = (u64)BPF_CORE_READ(dev, dma_ops);

		fresh.has_ops = ops != 0;
		fresh.software = ops && (ops < (u64)&_stext || ops >= (u64)&_end);
	}
	if (bpf_map_update_elem(&devices, &address, &fresh, BPF_NOEXIST))
		count_lost(LOST_TABLE);
	return 0;
}

static __always_inline struct device_state *get_device(u64 address)
{
	struct device_state *state = bpf_map_lookup_elem(&devices, &address);
	struct device *dev = (void *)address;

	/* A probe that failed left no trace of its end: the next driver starts anew. */
	if (state && state->bound == (u64)BPF_CORE_READ(dev, driver))
		return state;
	if (state)
		bpf_map_delete_elem(&devices, &address);
	make_device(address);
	return bpf_map_lookup_elem(&devices, &address);
}

/* --- stacks --- */

static __noinline u64 take_stack(void *ctx, struct stack *stack)
{
	u64 hash = 0xcbf29ce484222325;
	long bytes = bpf_get_stack(ctx, stack->frames, sizeof(stack->frames), 0);
	u32 nr = bytes > 0 ? (u32)bytes / 8 : 0;

	for (u32 i = 0; i < STACK_MAX; i++) {
		if (i >= nr)
			stack->frames[i] = 0;
		hash = (hash ^ stack->frames[i]) * 0x100000001b3;
	}
	return nr ? hash | 1 : 0;
}

static __noinline u64 keep_stack(void *ctx, struct stack *stack)
{
	u64 key = take_stack(ctx, stack);

	if (key && !bpf_map_lookup_elem(&stacks, &key))
		bpf_map_update_elem(&stacks, &key, stack, BPF_ANY);
	return key;
}

/* --- history --- */

static __always_inline void add_step(struct mapping *map, u8 op)
{
	u32 slot = map->nr_steps & (STEPS - 1);

	map->steps[slot].ns = bpf_ktime_get_ns();
	map->steps[slot].cpu = bpf_get_smp_processor_id();
	map->steps[slot].op = op;
	map->nr_steps++;
}

/* --- findings --- */

static __always_inline void copy_stack(u64 *to, u64 key)
{
	struct stack *stack = key ? bpf_map_lookup_elem(&stacks, &key) : NULL;

	if (stack)
		__builtin_memcpy(to, stack->frames, sizeof(stack->frames));
	else
		to[0] = 0;
}

/*
 * Send a finding about the event in @s. @map and @other may be NULL. The stack
 * of the event is taken here, so that only findings pay for it.
 */
static __noinline int report(void *ctx, struct scratch *s, u32 check_and_level,
			     const struct mapping *map, const struct mapping *other)
{
	struct device_state *device = bpf_map_lookup_elem(&devices, &s->dev);
	u32 check = check_and_level & 0xff;
	struct finding *finding;
	long bytes;

	if (!(checks_enabled & CHECK_BIT(check)) || !device)
		return 0;
	__sync_fetch_and_add(&device->findings, 1);
	if ((check_and_level >> 8 & 0xff) < min_level) {
		__sync_fetch_and_add(&unsent[check_and_level >> 8 & (NR_LEVELS - 1)], 1);
		return 0;
	}
	finding = bpf_ringbuf_reserve(&events, sizeof(*finding), 0);
	if (!finding) {
		count_lost(LOST_RING);
		return 0;
	}
	finding->type = EVENT_FINDING;
	finding->check = check;
	finding->level = check_and_level >> 8 & 0xff;
	finding->uncertain = check_and_level >> 16 & 1;
	finding->op = s->op;
	finding->dir = s->dir;
	finding->ns = bpf_ktime_get_ns();
	finding->cpu = bpf_get_smp_processor_id();
	finding->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(finding->comm, sizeof(finding->comm));
	__builtin_memcpy(finding->device, device->name, sizeof(finding->device));
	__builtin_memcpy(finding->driver, device->driver, sizeof(finding->driver));
	finding->skips_sync = device->skips_sync;
	finding->has_ops = device->has_ops;
	finding->iommu = device->iommu;
	finding->watched = s->hook == HOOK_WATCH;
	finding->addr = s->dma;
	finding->size = s->size;
	finding->has_map = map != NULL;
	finding->has_other = other != NULL;
	finding->object.kind = OBJECT_UNKNOWN;
	finding->map_stack[0] = 0;
	finding->other_stack[0] = 0;
	if (map) {
		__builtin_memcpy(&finding->map, map, sizeof(finding->map));
		copy_stack(finding->map_stack, map->stack);
		if (map->phys)
			find_object(&finding->object, map->phys);
	}
	if (other) {
		__builtin_memcpy(&finding->other, other, sizeof(finding->other));
		copy_stack(finding->other_stack, other->stack);
	}
	if (check == CHECK_LINE_NEIGHBOUR_WRITE)
		__builtin_memcpy(finding->changed, s->changed, sizeof(finding->changed));
	else
		__builtin_memset(finding->changed, 0, sizeof(finding->changed));
	bytes = bpf_get_stack(ctx, finding->stack, sizeof(finding->stack), 0);
	if (bytes <= 0)
		finding->stack[0] = 0;
	bpf_ringbuf_submit(finding, 0);
	return 0;
}

#define WITH_LEVEL(check, level) ((check) | (level) << 8)
#define UNCERTAIN (1 << 16)

/* --- finding mappings by address --- */

static __always_inline void index_add(u64 dev, u64 space, u64 address, u64 dma)
{
	struct page_key key = { .dev = dev, .page = address >> 12, .space = space };
	struct page_starts *page = bpf_map_lookup_elem(&starts, &key);

	if (page) {
		for (u32 i = 0; i < STARTS; i++)
			if (page->dma[i] == dma)
				return;
		page->dma[page->next++ & (STARTS - 1)] = dma;
	} else {
		struct page_starts fresh = { .dma = { dma }, .next = 1 };

		bpf_map_update_elem(&starts, &key, &fresh, BPF_ANY);
	}
}

static __always_inline struct mapping *live_mapping(const struct mapping_key *key, u64 generation)
{
	struct mapping *map = bpf_map_lookup_elem(&mappings, key);

	return map && map->generation == generation ? map : NULL;
}

static __always_inline bool covers(const struct mapping *map, u64 space, u64 address)
{
	u64 start = space == SPACE_DMA ? map->dma : map->phys;

	return address >= start && address - start < map->size;
}

/* How far back a mapping may start for an address in it to be found, in pages. */
#define LADDER 16

/*
 * The mapping that an address lies in: its key goes to @s->key. Only as good as
 * the index; a mapping longer than LADDER pages may be missed.
 */
__noinline int search_containing(struct scratch *s, u64 space, u64 address)
{
	struct page_key key = { .space = space };

	if (!s)
		return 0;
	key.dev = s->dev;
	for (u32 back = 0; back < LADDER; back++) {
		struct page_starts *page;

		key.page = (address >> 12) - back;
		page = bpf_map_lookup_elem(&starts, &key);
		if (!page)
			continue;
		for (u32 i = 0; i < STARTS; i++) {
			struct mapping *map;

			s->key.dev = s->dev;
			s->key.dma = page->dma[i];
			s->key.slot = 0;
			map = live_mapping(&s->key, s->generation);
			if (map && covers(map, space, address))
				return 1;
		}
	}
	return 0;
}

static __always_inline struct mapping *find_containing(struct scratch *s, u64 space, u64 address)
{
	return search_containing(s, space, address) ? live_mapping(&s->key, s->generation) : NULL;
}

/* The live mapping at exactly this address that fits best; its key in @s->key. */
__noinline int search_exact(struct scratch *s)
{
	u64 best = SLOTS;

	if (!s)
		return 0;
	s->key.dev = s->dev;
	s->key.dma = s->dma;
	for (u32 slot = 0; slot < SLOTS; slot++) {
		struct mapping *map;

		s->key.slot = slot;
		map = live_mapping(&s->key, s->generation);
		if (!map || !map->users)
			continue;
		if (map->size == s->size && map->dir == s->dir)
			return 1;
		if (best == SLOTS)
			best = slot;
	}
	s->key.slot = best;
	return best < SLOTS;
}

static __always_inline struct mapping *find_exact(struct scratch *s)
{
	return search_exact(s) ? live_mapping(&s->key, s->generation) : NULL;
}

#include "lines.bpf.h"

/* --- the events --- */

/*
 * @s->key was live already when it was mapped. Its first mapping may be gone, only
 * the news of it not here yet: from now on what counts is this handover.
 */
static __always_inline void handed_over_again(struct scratch *s)
{
	struct mapping *map = bpf_map_lookup_elem(&mappings, &s->key);

	if (!map)
		return;
	map->owner = OWNER_DEVICE;
	add_step(map, OP_MAP);
	if (!s->phys || !rule_device_writes(s->dir) || !partial_lines(s->phys, s->size))
		return;
	find_object(&s->object, s->phys);
	slack_remember(s, s->phys, s->size);
}

/*
 * One more user of a live mapping; false when its last one has just gone and it
 * is being removed, which must not be undone.
 */
static __always_inline bool join(struct mapping *map)
{
	for (int i = 0; i < 8; i++) {
		u32 users = map->users;

		if (!users)
			return false;
		if (__sync_val_compare_and_swap(&map->users, users, users + 1) == users)
			return true;
	}
	return false;
}

enum inserted { INSERTED, MAPPED_AGAIN, NO_ROOM };

/*
 * Make @s->map live, in the first slot of its address that is free. The same
 * buffer mapped again (the zero page, by every writer of zeroes) is counted.
 */
__noinline int insert(struct scratch *s)
{
	if (!s)
		return NO_ROOM;
	s->key.dev = s->dev;
	s->key.dma = s->dma;
	for (u32 slot = 0; slot < SLOTS; slot++) {
		struct mapping *live;
		long err;

		s->key.slot = slot;
		live = bpf_map_lookup_elem(&mappings, &s->key);
		if (live && live->generation != s->map.generation) {
			/* Of a device that was at this address before. */
			if (!bpf_map_update_elem(&mappings, &s->key, &s->map, BPF_ANY))
				return INSERTED;
			continue;
		}
		if (live) {
			if (live->phys == s->phys && live->size == s->size && live->dir == s->dir &&
			    join(live))
				return MAPPED_AGAIN;
			continue;
		}
		err = bpf_map_update_elem(&mappings, &s->key, &s->map, BPF_NOEXIST);
		if (!err)
			return INSERTED;
		if (err != -17 /* EEXIST */) {
			count_lost(LOST_TABLE);
			return NO_ROOM;
		}
	}
	count_lost(LOST_SLOTS);
	return NO_ROOM;
}

static __noinline int on_map(void *ctx, struct scratch *s)
{
	struct device_state *device = get_device(s->dev);
	struct mapping *map = &s->map;
	u32 partial;
	u8 level;

	if (!device || device->ignored)
		return 0;
	if (s->dma == ~0ull || !s->size) {
		__sync_fetch_and_add(&device->failed, 1);
		return 0;
	}
	__sync_fetch_and_add(&device->maps, 1);
	/* The first bounce makes a device's syncs real (dma_reset_need_sync()). */
	if (device->skips_sync)
		device->skips_sync = skips_sync((void *)s->dev);
	s->op = OP_MAP;
	__builtin_memset(map, 0, sizeof(*map));
	map->dev = s->dev;
	map->generation = device->generation;
	map->dma = s->dma;
	map->phys = s->phys;
	map->size = s->size;
	map->attrs = s->attrs;
	map->dir = s->dir;
	map->owner = OWNER_DEVICE;
	map->users = 1;
	map->blind = device->skips_sync;
	map->born = bpf_ktime_get_ns();
	map->stack = keep_stack(ctx, &s->stack);
	add_step(map, OP_MAP);

	switch (insert(s)) {
	case INSERTED:
		break;
	case MAPPED_AGAIN:
		__sync_fetch_and_add(&device->live, 1);
		handed_over_again(s);
		return 0;
	default:
		__sync_fetch_and_add(&device->lost, 1);
		return 0;
	}
	__sync_fetch_and_add(&device->live, 1);
	index_add(s->dev, SPACE_DMA, s->dma, s->dma);
	if (!s->phys)
		return 0;
	index_add(s->dev, SPACE_PHYS, s->phys, s->dma);

	if (!rule_device_writes(s->dir) || s->attrs & ATTR_SKIP_CPU_SYNC)
		return 0;
	partial = partial_lines(s->phys, s->size);
	if (!partial)
		return 0;
	find_object(&s->object, s->phys);
	level = rule_shared_object(&s->object, s->phys, s->size, line_size);
	if (level < NR_LEVELS)
		report(ctx, s, WITH_LEVEL(CHECK_LINE_SHARED_OBJECT, level), map, NULL);
	if (partial & 1)
		line_join(ctx, s, s->phys);
	if (partial & 2)
		line_join(ctx, s, s->phys + s->size - 1);
	slack_remember(s, s->phys, s->size);
	return 0;
}

static __always_inline void forget(struct scratch *s, struct mapping *map)
{
	u32 partial =
		map->phys && rule_device_writes(map->dir) ? partial_lines(map->phys, map->size) : 0;

	if (partial & 1)
		line_leave(s, map->phys);
	if (partial & 2)
		line_leave(s, map->phys + map->size - 1);
	if (partial)
		bpf_map_delete_elem(&slacks, &s->key);
}

/* Can a map or unmap of this device have gone unseen? */
static __always_inline bool events_lost(const struct device_state *device)
{
	return device->lost || lost[LOST_NESTED];
}

/*
 * Unmap of something that is not live. Only for a device that was born while
 * tracing, and of which nothing was lost, is every mapping known.
 */
static __noinline int on_unknown(void *ctx, struct scratch *s, struct device_state *device)
{
	struct mapping_key key = { .dev = s->dev, .dma = s->dma };
	struct mapping *was = bpf_map_lookup_elem(&recent, &key);
	bool sure = device->complete && !events_lost(device);

	if (was && was->generation != device->generation)
		was = NULL;
	if (sure && was)
		report(ctx, s, WITH_LEVEL(CHECK_DOUBLE_UNMAP, LEVEL_VIOLATION), was, NULL);
	else if (sure)
		report(ctx, s, WITH_LEVEL(CHECK_ADDR_UNKNOWN, LEVEL_VIOLATION), NULL, NULL);
	else if (was && !events_lost(device) && was->size == s->size && was->dir == s->dir)
		/* Or a mapping of the same buffer that is older than the trace. */
		report(ctx, s, WITH_LEVEL(CHECK_DOUBLE_UNMAP, LEVEL_HAZARD) | UNCERTAIN, was, NULL);
	else
		__sync_fetch_and_add(&device->older, 1);
	return 0;
}

static __noinline int on_unmap(void *ctx, struct scratch *s)
{
	struct device_state *device = get_device(s->dev);
	struct mapping_key key = {};
	struct mapping *map;
	u32 found;

	if (!device || device->ignored)
		return 0;
	__sync_fetch_and_add(&device->unmaps, 1);
	s->op = OP_UNMAP;
	s->generation = device->generation;
	s->missing = device->skips_sync || device->unmatched;
	map = find_exact(s);
	if (!map)
		return on_unknown(ctx, s, device);

	found = rule_unmap(map, s->size, s->dir);
	if (found & CHECK_BIT(CHECK_SIZE_MISMATCH))
		report(ctx, s, WITH_LEVEL(CHECK_SIZE_MISMATCH, LEVEL_VIOLATION), map, NULL);
	if (found & CHECK_BIT(CHECK_DIR_MISMATCH))
		report(ctx, s, WITH_LEVEL(CHECK_DIR_MISMATCH, LEVEL_VIOLATION), map, NULL);
	__sync_fetch_and_sub(&device->live, 1);
	/* Somebody else still has it mapped. */
	if (__sync_fetch_and_sub(&map->users, 1) > 1)
		return 0;
	slack_compare(ctx, s, map);
	forget(s, map);

	add_step(map, OP_UNMAP);
	map->owner = OWNER_CPU;
	key.dev = s->dev;
	key.dma = s->dma;
	bpf_map_update_elem(&recent, &key, map, BPF_ANY);
	bpf_map_delete_elem(&mappings, &s->key);
	return 0;
}

/*
 * Sync of an address that no known mapping covers. It may lie in a mapping that
 * the index cannot find, so only an address that was a mapping's own, and is not
 * any more, is worth a word; and that with a doubt.
 */
static __noinline int on_unknown_sync(void *ctx, struct scratch *s, struct device_state *device)
{
	struct mapping_key key = { .dev = s->dev, .dma = s->dma };
	struct mapping *was = bpf_map_lookup_elem(&recent, &key);

	if (was && was->generation == device->generation && device->complete &&
	    !events_lost(device) && s->size <= was->size)
		report(ctx, s, WITH_LEVEL(CHECK_ADDR_UNKNOWN, LEVEL_HAZARD) | UNCERTAIN, was, NULL);
	else
		__sync_fetch_and_add(&device->unmatched, 1);
	return 0;
}

static __noinline int on_sync(void *ctx, struct scratch *s)
{
	struct device_state *device = get_device(s->dev);
	struct mapping *map;
	u8 owner;

	if (!device || device->ignored)
		return 0;
	__sync_fetch_and_add(&device->syncs, 1);
	/* Whoever syncs visibly is not skipped: a first bounce can change that. */
	device->skips_sync = 0;
	s->generation = device->generation;
	/* A sync that was not matched gave some line to somebody. */
	s->missing = device->unmatched != 0;
	map = find_exact(s);
	if (!map)
		map = find_containing(s, SPACE_DMA, s->dma);
	if (!map)
		return on_unknown_sync(ctx, s, device);
	if (rule_sync(map, s->dir))
		report(ctx, s, WITH_LEVEL(CHECK_DIR_MISMATCH, LEVEL_VIOLATION), map, NULL);

	if (s->op == OP_SYNC_FOR_CPU)
		slack_compare(ctx, s, map);
	owner = rule_owner_after_sync(map, s->size, s->op);
	if (owner == OWNER_DEVICE && map->owner == OWNER_CPU && map->phys &&
	    rule_device_writes(map->dir) && partial_lines(map->phys, map->size)) {
		find_object(&s->object, map->phys);
		slack_remember(s, map->phys, map->size);
	}
	map->owner = owner;
	add_step(map, s->op);
	return 0;
}

/* Marks @size bytes from @from on of the first (0) or last (1) line. */
__noinline int mark_bytes(struct scratch *s, u32 which, u32 from, u64 size)
{
	u64 to = from + size < line_size ? from + size : line_size;

	if (!s)
		return 0;
	for (u32 word = 0; word < LINE_SIZE_MAX / 64; word++) {
		u64 low = from > word * 64 ? from - word * 64 : 0;
		u64 high = to > word * 64 ? to - word * 64 : 0;

		if (low >= 64 || high <= low)
			continue;
		if (high >= 64)
			s->changed[which & 1][word] |= ~0ull << low;
		else
			s->changed[which & 1][word] |= (1ull << high) - (1ull << low);
	}
	return 0;
}

/* The CPU wrote [s->phys, + s->size), which lies on a line of @map, beside its bytes. */
static __noinline int neighbour_written(void *ctx, struct scratch *s, struct mapping *map,
					u32 uncertain)
{
	if (map->owner != OWNER_DEVICE || map->told)
		return 0;
	find_object(&s->object, map->phys);
	find_object(&s->other_object, s->phys);
	if (rule_same_line_apart(&s->object, &s->other_object))
		return 0;
	map->told = 1;
	add_step(map, s->op);
	__builtin_memset(s->changed, 0, sizeof(s->changed));
	mark_bytes(s, map->phys / line_size != s->phys / line_size, s->phys % line_size, s->size);
	report(ctx, s, WITH_LEVEL(CHECK_LINE_NEIGHBOUR_WRITE, LEVEL_HAZARD) | uncertain, map, NULL);
	return 0;
}

/* A CPU access to [phys, phys + size) that the driver itself announced. */
static __noinline int on_access(void *ctx, struct scratch *s)
{
	struct device_state *device = get_device(s->dev);
	u64 line = s->phys / line_size;
	struct line_users *users;
	struct mapping *map;
	u8 check;

	if (!device || device->ignored)
		return 0;
	s->generation = device->generation;
	map = find_containing(s, SPACE_PHYS, s->phys);
	if (map && rule_contains(map, s->phys, s->size)) {
		check = rule_cpu_access(map, s->op == OP_CPU_WRITE);
		/* Without syncs the CPU may own it by now. */
		if (check == CHECK_NONE || device->skips_sync)
			return 0;
		add_step(map, s->op);
		report(ctx, s, WITH_LEVEL(check, LEVEL_VIOLATION), map, NULL);
		return 0;
	}
	if (s->op != OP_CPU_WRITE)
		return 0;

	users = bpf_map_lookup_elem(&lines, &line);
	if (!users)
		return 0;
	for (u32 i = 0; i < 2; i++) {
		s->key = users->user[i];
		map = live_mapping(&s->key, s->generation);
		if (map)
			neighbour_written(ctx, s, map, 0);
	}
	return 0;
}

#include "watch.bpf.h"

/* --- scatter-gather lists: one event each entry --- */

#define SG_CHAIN 1
#define SG_END 2
#define SG_MAX 2048

struct sg_walk {
	void *ctx;
	struct scratch *s;
	u32 total;
	u32 entries;
};

static __always_inline u64 sg_phys(struct scatterlist *sg)
{
	u64 vmemmap = read_u64(&vmemmap_base);
	u64 page = BPF_CORE_READ(sg, page_link) & ~(SG_CHAIN | SG_END);
	u32 page_size = bpf_core_type_size(struct page);

	if (!vmemmap || !page_size || page < vmemmap)
		return 0;
	return (page - vmemmap) / page_size * 4096 + BPF_CORE_READ(sg, offset);
}

/* Loads one entry into @s and steps @s->sg to the next. */
static __always_inline void sg_next(struct scratch *s, bool merged)
{
	struct scatterlist *sg = (void *)s->sg;
	unsigned long link;

	s->dma = BPF_CORE_READ(sg, dma_address);
	s->size = BPF_CORE_READ(sg, length);
	if (bpf_core_field_exists(sg->dma_length))
		s->size = BPF_CORE_READ(sg, dma_length);
	/* Merged by an IOMMU: DMA segments are not the list's own any more. */
	s->phys = merged ? 0 : sg_phys(sg);
	link = BPF_CORE_READ(sg, page_link);
	if (link & SG_END) {
		s->sg = 0;
		return;
	}
	s->sg += bpf_core_type_size(struct scatterlist);
	sg = (void *)s->sg;
	link = BPF_CORE_READ(sg, page_link);
	if (link & SG_CHAIN)
		s->sg = link & ~(SG_CHAIN | SG_END);
}

static long map_one_sg(u32 index, struct sg_walk *walk)
{
	if (!walk->s->sg)
		return 1;
	sg_next(walk->s, walk->entries != walk->total);
	on_map(walk->ctx, walk->s);
	return 0;
}

static long unmap_one_sg(u32 index, struct sg_walk *walk)
{
	if (!walk->s->sg)
		return 1;
	sg_next(walk->s, false);
	/* Past the mapped segments of a merged list. */
	if (!walk->s->size || walk->s->dma == ~0ull)
		return 1;
	on_unmap(walk->ctx, walk->s);
	return 0;
}

static long sync_one_sg(u32 index, struct sg_walk *walk)
{
	if (!walk->s->sg)
		return 1;
	sg_next(walk->s, false);
	if (!walk->s->size || walk->s->dma == ~0ull)
		return 1;
	on_sync(walk->ctx, walk->s);
	return 0;
}

/* --- the hooks --- */

static __noinline int hook_map(struct bpf_raw_tracepoint_args *ctx, struct scratch *s)
{
	s->dev = ctx->args[0];
	s->phys = ctx->args[1];
	s->dma = ctx->args[2];
	s->size = ctx->args[3];
	s->dir = ctx->args[4];
	s->attrs = ctx->args[5];
	return on_map(ctx, s);
}

static __noinline int hook_unmap(struct bpf_raw_tracepoint_args *ctx, struct scratch *s)
{
	s->dev = ctx->args[0];
	s->dma = ctx->args[1];
	s->size = ctx->args[2];
	s->dir = ctx->args[3];
	s->attrs = ctx->args[4];
	return on_unmap(ctx, s);
}

static __noinline int hook_map_sg(struct bpf_raw_tracepoint_args *ctx, struct scratch *s)
{
	struct sg_walk walk = { .ctx = ctx, .s = s, .total = ctx->args[2], .entries = ctx->args[3] };

	s->dev = ctx->args[0];
	s->sg = ctx->args[1];
	s->dir = ctx->args[4];
	s->attrs = ctx->args[5];
	if (walk.entries > SG_MAX)
		count_lost(LOST_TABLE);
	bpf_loop(walk.entries < SG_MAX ? walk.entries : SG_MAX, map_one_sg, &walk, 0);
	return 0;
}

static __noinline int hook_unmap_sg(struct bpf_raw_tracepoint_args *ctx, struct scratch *s)
{
	struct sg_walk walk = { .ctx = ctx, .s = s, .total = ctx->args[2] };

	s->dev = ctx->args[0];
	s->sg = ctx->args[1];
	s->dir = ctx->args[3];
	s->attrs = ctx->args[4];
	bpf_loop(walk.total < SG_MAX ? walk.total : SG_MAX, unmap_one_sg, &walk, 0);
	return 0;
}

static __noinline int hook_sync(struct bpf_raw_tracepoint_args *ctx, struct scratch *s)
{
	s->dev = ctx->args[0];
	s->dma = ctx->args[1];
	s->size = ctx->args[2];
	s->dir = ctx->args[3];
	s->op = s->hook == HOOK_SYNC_CPU ? OP_SYNC_FOR_CPU : OP_SYNC_FOR_DEVICE;
	return on_sync(ctx, s);
}

static __noinline int hook_sync_sg(struct bpf_raw_tracepoint_args *ctx, struct scratch *s)
{
	struct sg_walk walk = { .ctx = ctx, .s = s, .total = ctx->args[2] };

	s->dev = ctx->args[0];
	s->sg = ctx->args[1];
	s->dir = ctx->args[3];
	s->op = s->hook == HOOK_SYNC_SG_CPU ? OP_SYNC_FOR_CPU : OP_SYNC_FOR_DEVICE;
	bpf_loop(walk.total < SG_MAX ? walk.total : SG_MAX, sync_one_sg, &walk, 0);
	return 0;
}

static __noinline int hook_cpu_access(struct bpf_raw_tracepoint_args *ctx, struct scratch *s)
{
	u64 base = direct_map();

	s->dev = ctx->args[0];
	s->phys = ctx->args[1] - base;
	s->dma = s->phys;
	s->size = ctx->args[2];
	s->dir = DIR_NONE;
	s->op = ctx->args[3] & 1 ? OP_CPU_WRITE : OP_CPU_READ;
	if (!base || ctx->args[1] < base)
		return 0;
	return on_access(ctx, s);
}

#define HOOK(tracepoint, id, body)                                 \
	SEC("raw_tp/" #tracepoint)                                 \
	int tracepoint(struct bpf_raw_tracepoint_args *ctx)        \
	{                                                          \
		struct scratch *s = enter(id, false);              \
                                                                   \
		if (!s)                                            \
			return 0;                                  \
		body(ctx, s);                                      \
		leave(id, false);                                  \
		return 0;                                          \
	}                                                          \
	SEC("raw_tp/" #tracepoint)                                 \
	int tracepoint##_twin(struct bpf_raw_tracepoint_args *ctx) \
	{                                                          \
		struct scratch *s = enter(id, true);               \
                                                                   \
		if (!s)                                            \
			return 0;                                  \
		body(ctx, s);                                      \
		leave(id, true);                                   \
		return 0;                                          \
	}

HOOK(dma_map_page, HOOK_MAP, hook_map)
HOOK(dma_unmap_page, HOOK_UNMAP, hook_unmap)
HOOK(dma_map_sg, HOOK_MAP_SG, hook_map_sg)
HOOK(dma_unmap_sg, HOOK_UNMAP_SG, hook_unmap_sg)
HOOK(dma_sync_single_for_cpu, HOOK_SYNC_CPU, hook_sync)
HOOK(dma_sync_single_for_device, HOOK_SYNC_DEVICE, hook_sync)
HOOK(dma_sync_sg_for_cpu, HOOK_SYNC_SG_CPU, hook_sync_sg)
HOOK(dma_sync_sg_for_device, HOOK_SYNC_SG_DEVICE, hook_sync_sg)
HOOK(dmaloop_cpu_access, HOOK_CPU_ACCESS, hook_cpu_access)

/* --- devices coming and going --- */

SEC("fentry/device_add")
int BPF_PROG(device_add, struct device *dev)
{
	u64 address = (u64)dev, now = bpf_ktime_get_ns();

	if (armed)
		bpf_map_update_elem(&born, &address, &now, BPF_ANY);
	return 0;
}

struct leak_walk {
	void *ctx;
	struct scratch *s;
	u32 check_and_level;
};

static long leak_one(void *table, struct mapping_key *key, struct mapping *map,
		     struct leak_walk *walk)
{
	struct scratch *s = walk->s;

	if (key->dev != s->dev || map->generation != s->generation)
		return 0;
	s->key = *key;
	s->dma = map->dma;
	s->size = map->size;
	s->dir = map->dir;
	report(walk->ctx, s, walk->check_and_level, map, NULL);
	forget(s, map);
	bpf_map_delete_elem(&mappings, key);
	return 0;
}

/* After the driver's remove and every devm release: what is still mapped leaked. */
SEC("fexit/device_release_driver_internal")
int BPF_PROG(device_unbound, struct device *dev)
{
	u64 address = (u64)dev, now = bpf_ktime_get_ns();
	struct device_state *device = bpf_map_lookup_elem(&devices, &address);
	struct device_gone *gone;
	struct scratch *s;

	if (armed)
		bpf_map_update_elem(&born, &address, &now, BPF_ANY);
	if (!device)
		return 0;
	s = enter(HOOK_UNBIND, false);
	if (!s)
		return 0;
	if (!device->ignored) {
		struct leak_walk walk = {
			.ctx = ctx,
			.s = s,
			/* A lost unmap looks the same. */
			.check_and_level = events_lost(device) ?
						   WITH_LEVEL(CHECK_LEAK, LEVEL_HAZARD) |
							   UNCERTAIN :
						   WITH_LEVEL(CHECK_LEAK, LEVEL_VIOLATION),
		};

		s->dev = address;
		s->generation = device->generation;
		s->op = OP_UNBIND;
		if (device->live)
			bpf_for_each_map_elem(&mappings, leak_one, &walk, 0);
		gone = bpf_ringbuf_reserve(&events, sizeof(*gone), 0);
		if (gone) {
			gone->type = EVENT_DEVICE_GONE;
			__builtin_memcpy(&gone->state, device, sizeof(gone->state));
			bpf_ringbuf_submit(gone, 0);
		} else {
			count_lost(LOST_RING);
		}
	}
	bpf_map_delete_elem(&devices, &address);
	leave(HOOK_UNBIND, false);
	return 0;
}

SEC("raw_tp/module_load")
int module_load(struct bpf_raw_tracepoint_args *ctx)
{
	struct module *module = (void *)ctx->args[0];
	struct module_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
	event->type = EVENT_MODULE;
	bpf_probe_read_kernel_str(event->name, sizeof(event->name), &module->name);
	bpf_ringbuf_submit(event, 0);
	return 0;
}
