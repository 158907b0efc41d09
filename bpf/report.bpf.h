/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every event needs: its scratch space, the state of its device, stacks,
 * and sending a finding. Part of dmasnoop.bpf.c.
 */
#ifndef DMASNOOP_REPORT_BPF_H
#define DMASNOOP_REPORT_BPF_H

/* --- entering and leaving a hook --- */

static __always_inline struct cpu_state *this_cpu(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&cpu_states, &zero);
}

/*
 * Programs may be preempted by others on the same CPU, not only interrupted, so
 * scratches are not a stack: each is taken and given back for itself.
 */
__noinline u32 take_scratch(void)
{
	struct cpu_state *cpu = this_cpu();

	for (u32 i = 0; cpu && i < SCRATCHES; i++)
		if (!(__sync_fetch_and_or(&cpu->used, 1u << i) & 1u << i))
			return i;
	count_lost(LOST_NESTED);
	return SCRATCHES;
}

/*
 * A function that is verified for itself gets @s as plain memory; before 6.2 no
 * map's key may lie in that, so it takes the map's value once more.
 */
static __always_inline struct scratch *own(struct scratch *s)
{
	u32 index = s ? s->index : SCRATCHES;

	return bpf_map_lookup_elem(&scratches, &index);
}

#define TASK_STACK 16384 /* bytes; what lies elsewhere is an interrupt's stack */

/*
 * The kernel drops an event that arrives, in an interrupt, while the same program
 * already runs on that CPU. So every program has a twin, which runs after it on
 * each event. Both get the same context for the same event, and another event at
 * work at that time has another one: the twin does what its elder did not.
 */
static __always_inline void mark_done(struct cpu_state *cpu, u64 event, u64 argument)
{
	u32 slot = DONE_MAX;

	for (u32 i = 0; i < DONE_MAX; i++) {
		if (cpu->done[i].event == event) {
			slot = i;
			break;
		}
		if (!cpu->done[i].event)
			slot = i;
	}
	if (slot == DONE_MAX)
		slot = cpu->victim++;
	slot &= DONE_MAX - 1;
	cpu->done[slot].event = event;
	cpu->done[slot].argument = argument;
	/* Read back, as no pointer may be calculated with. */
	cpu->done[slot].nested =
		*(volatile u64 *)&cpu->done[slot].event - (u64)bpf_get_current_task_btf()->stack >=
		TASK_STACK;
	cpu->done[slot].order = __sync_fetch_and_add(&cpu->order, 1) + 1;
}

/* Returns the event's order, 0 when it was not done. */
static __always_inline u64 was_done(struct cpu_state *cpu, u64 event, u64 argument)
{
	for (u32 i = 0; i < DONE_MAX; i++) {
		if (cpu->done[i].event == event && cpu->done[i].argument == argument) {
			cpu->done[i].event = 0;
			return cpu->done[i].order;
		}
	}
	return 0;
}

/*
 * The twins of events nested in a twin are dropped. Left alone, what these events
 * have marked would be taken for the next one of the same context and argument:
 * virtio_rng unmaps the same buffer in the same interrupt all day. Interrupts are
 * over when the twin goes on; a task that was preempted is not.
 */
static __always_inline void forget_nested(struct cpu_state *cpu, u64 order)
{
	for (u32 i = 0; i < DONE_MAX; i++)
		if (cpu->done[i].nested && cpu->done[i].order > order)
			cpu->done[i].event = 0;
}

struct done_walk {
	u64 event;
	u64 argument;
	bool found;
};

static long was_done_on(u32 cpu, struct done_walk *walk)
{
	u32 zero = 0;
	struct cpu_state *state = bpf_map_lookup_percpu_elem(&cpu_states, &zero, cpu);

	walk->found = state && was_done(state, walk->event, walk->argument);
	return walk->found ? 1 : 0;
}

/* A task may have been moved to this CPU between the two. */
static __noinline bool was_done_elsewhere(u64 event, u64 argument)
{
	struct done_walk walk = { .event = event, .argument = argument };

	bpf_loop(nr_cpus, was_done_on, &walk, 0);
	return walk.found;
}

/* Scratch space for an event, with its optional fields empty. */
static __always_inline struct scratch *take(void)
{
	u32 index = take_scratch();
	struct scratch *s = bpf_map_lookup_elem(&scratches, &index);

	if (!s)
		return NULL;
	s->index = index;
	s->order = 0;
	s->cpu_address = 0;
	s->culprit = 0;
	s->attrs = 0;
	s->nents = 0;
	s->detail = DETAIL_NONE;
	s->missing = 0;
	s->met = 0;
	s->watched = 0;
	s->nr_verdicts = 0;
	return s;
}

static __always_inline struct scratch *enter(u64 *args, bool twin)
{
	struct cpu_state *cpu = this_cpu();
	u64 argument = args[1], order = 0;
	struct scratch *s;

	if (!cpu || !armed)
		return NULL;
	if (!twin) {
		mark_done(cpu, (u64)args, argument);
	} else {
		order = was_done(cpu, (u64)args, argument);
		if (order) {
			forget_nested(cpu, order);
			return NULL;
		}
		if (was_done_elsewhere((u64)args, argument))
			return NULL;
		__sync_fetch_and_add(&rescued, 1);
		order = cpu->order;
	}
	s = take();
	if (s)
		s->order = order;
	return s;
}

static __always_inline void leave(struct scratch *s)
{
	struct cpu_state *cpu = this_cpu();

	if (!cpu)
		return;
	if (s->order)
		forget_nested(cpu, s->order);
	__sync_fetch_and_and(&cpu->used, ~(1u << (s->index & 31)));
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
	read_function_driver(fresh.function_driver, dev);
	fresh.ignored = !matches(fresh.name, only_device) ||
			(!matches(fresh.driver, only_driver) &&
			 !matches(fresh.function_driver, only_driver));
	fresh.generation = bpf_ktime_get_ns();
	fresh.complete = bpf_map_lookup_elem(&born, &address) != NULL;
	fresh.skips_sync = skips_sync(dev);
	fresh.iommu = uses_iommu(dev);
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

/* Can a map or unmap of this device have gone unseen? */
static __always_inline bool events_lost(const struct device_state *device)
{
	return device->lost || lost[LOST_NESTED];
}

/* --- stacks --- */

__noinline u64 hash_stack(const struct stack *stack)
{
	u64 hash = 0xcbf29ce484222325;

	for (u32 i = 0; stack && i < STACK_MAX; i++)
		hash = (hash ^ stack->frames[i]) * 0x100000001b3;
	return hash | 1;
}

/* Takes the stack of this event, and keeps it under the key that is returned. */
static __noinline u64 keep_stack(void *ctx, struct scratch *s)
{
	u64 key;

	__builtin_memset(&s->stack, 0, sizeof(s->stack));
	if (bpf_get_stack(ctx, s->stack.frames, sizeof(s->stack.frames), 0) <= 0)
		return 0;
	key = hash_stack(&s->stack);
	if (!bpf_map_lookup_elem(&stacks, &key))
		bpf_map_update_elem(&stacks, &key, &s->stack, BPF_ANY);
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

/* Bits beside the check and the level, for judge(). */
#define UNSURE (1 << 16)
#define WITH_MAP (1 << 17) /* it is about @s->map */
#define WITH_OTHER (1 << 18) /* and @s->other */
#define WITH_LEVEL(check, level) ((check) | (level) << 8)

/* Notes something to report when the event has been judged. */
__noinline int judge(struct scratch *s, u32 what)
{
	struct verdict *verdict;

	if (!s || !(checks_enabled & CHECK_BIT(what & 31)) || s->nr_verdicts >= VERDICTS)
		return 0;
	verdict = &s->verdicts[s->nr_verdicts++ & (VERDICTS - 1)];
	verdict->check = what & 31;
	verdict->level = what >> 8 & (NR_LEVELS - 1);
	verdict->unsure = !!(what & UNSURE);
	verdict->has_map = !!(what & WITH_MAP);
	verdict->has_other = !!(what & WITH_OTHER);
	verdict->detail = s->detail;
	return 1;
}

/*
 * Sends a finding about the event in @s. Its stack is taken here, so that only
 * findings pay for it.
 */
struct send_walk {
	void *ctx;
	struct scratch *s;
};

static long send_one(u32 index, struct send_walk *walk)
{
	struct scratch *s = walk->s;
	struct device_state *device = bpf_map_lookup_elem(&devices, &s->dev);
	const struct verdict *verdict = &s->verdicts[index & (VERDICTS - 1)];
	struct finding *finding;
	long bytes;

	if (!device)
		return 0;
	__sync_fetch_and_add(&device->findings, 1);
	if (verdict->level < min_level) {
		__sync_fetch_and_add(&unsent[verdict->level & (NR_LEVELS - 1)], 1);
		return 0;
	}
	finding = bpf_ringbuf_reserve(&events, sizeof(*finding), 0);
	if (!finding) {
		count_lost(LOST_RING);
		return 0;
	}
	finding->type = EVENT_FINDING;
	finding->check = verdict->check;
	finding->level = verdict->level;
	finding->uncertain = verdict->unsure;
	finding->detail = verdict->detail;
	finding->op = s->op;
	finding->dir = s->dir;
	finding->kind = s->kind;
	finding->nents = s->nents;
	finding->attrs = s->attrs;
	finding->ns = bpf_ktime_get_ns();
	finding->cpu = bpf_get_smp_processor_id();
	finding->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(finding->comm, sizeof(finding->comm));
	__builtin_memcpy(finding->device, device->name, sizeof(finding->device));
	__builtin_memcpy(finding->driver, device->driver, sizeof(finding->driver));
	__builtin_memcpy(finding->function_driver, device->function_driver,
			 sizeof(finding->function_driver));
	finding->skips_sync = device->skips_sync;
	finding->has_ops = device->has_ops;
	finding->iommu = device->iommu;
	finding->live = 0;
	finding->watched = s->watched;
	finding->addr = s->dma;
	finding->size = s->size;
	finding->has_map = verdict->has_map;
	finding->has_other = verdict->has_other;
	finding->object.kind = OBJECT_UNKNOWN;
	finding->map_stack[0] = 0;
	finding->other_stack[0] = 0;
	if (verdict->has_map) {
		__builtin_memcpy(&finding->map, &s->map, sizeof(finding->map));
		copy_stack(finding->map_stack, s->map.stack);
		if (s->map.phys)
			find_object(&finding->object, s->map.phys);
	}
	if (verdict->has_other) {
		__builtin_memcpy(&finding->other, &s->other, sizeof(finding->other));
		copy_stack(finding->other_stack, s->other.stack);
	}
	if (verdict->check == CHECK_LINE_NEIGHBOUR_WRITE)
		__builtin_memcpy(finding->changed, s->changed, sizeof(finding->changed));
	else
		__builtin_memset(finding->changed, 0, sizeof(finding->changed));
	finding->stack[0] = 0;
	if (s->culprit) {
		copy_stack(finding->stack, s->culprit);
	} else {
		bytes = bpf_get_stack(walk->ctx, finding->stack, sizeof(finding->stack), 0);
		if (bytes <= 0)
			finding->stack[0] = 0;
	}
	bpf_ringbuf_submit(finding, 0);
	return 0;
}

/* Sends what judge() noted. */
static __always_inline void send_verdicts(void *ctx, struct scratch *s)
{
	struct send_walk walk = { .ctx = ctx, .s = s };

	if (!s->nr_verdicts)
		return;
	bpf_loop(s->nr_verdicts, send_one, &walk, 0);
	s->nr_verdicts = 0;
}

#endif
