/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every event needs: its scratch space, the state of its device, stacks,
 * and sending a finding. Part of dmasnoop.bpf.c.
 */
#ifndef DMASNOOP_REPORT_BPF_H
#define DMASNOOP_REPORT_BPF_H

/* --- entering and leaving a hook --- */

/*
 * A task that is preempted in a program leaves a mapping taken, and events of other tasks
 * are dropped until it goes on. So programs disable preemption where the verifier lets them:
 * since Linux 6.15, which also brought this lock, they may then call functions that are
 * verified on their own.
 *
 * The kernel takes a program to be at work until it has returned. preempt_enable() would
 * give way to another task before that, but it does not where interrupts are off
 * (preempt_schedule() in kernel/sched/core.c); the next preempt_enable() of the kernel does.
 */
#define CAN_STAY (&bpf_res_spin_lock)

static __always_inline void stay(void)
{
	if (CAN_STAY)
		bpf_preempt_disable();
}

static __always_inline void stay_no_more(void)
{
	unsigned long flags;

	if (CAN_STAY) {
		bpf_local_irq_save(&flags);
		bpf_preempt_enable();
		bpf_local_irq_restore(&flags);
	}
}

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
	lose_event(LOST_NESTED);
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

#define TASK_STACK 16384 /* for hashes; with KASAN they are larger: task_stack */

/*
 * A pointer argument, or where on the stack an event is, as a number: the verifier lets
 * no program calculate with pointers, but forgets about one that has been through
 * memory. An interrupt in the middle leaves the place as it was.
 */
static __always_inline u64 number_at(volatile u64 *place, u64 pointer)
{
	u64 before = *place, value;

	*place = pointer;
	value = *place;
	*place = before;
	return value;
}

/*
 * The kernel drops an event that arrives while the same program already runs on that
 * CPU: in an interrupt, or because its task was preempted. So every program has a twin,
 * which runs after it on each event and does what its elder did not.
 *
 * The elder leaves a mark. Its upper half tells the context, which lies on the stack of
 * whoever is at it: no two events at work have the same. The lower one is of an argument,
 * should the mark be left behind. Between the two programs a task may change CPUs.
 */
static __always_inline u64 mark_of(struct cpu_state *cpu, u64 *args)
{
	u64 context = number_at(&cpu->number, (u64)args) * 0x9e3779b97f4a7c15;
	u64 argument = number_at(&cpu->number, args[1]) * 0xd6e8feb86659fd93;

	return (context & ~0xffffffffull) | argument >> 32 | 1;
}

/* Where it is, unless another one is there: then in the same line. */
static __always_inline u32 mark_slot(u64 mark, u32 i)
{
	return (mark >> 40 & (MARKS - 1)) ^ i;
}

__noinline int mark_elsewhere(u64 mark)
{
	for (u32 i = 0; i < MARKS_IN_LINE; i++) {
		u64 *place = &marks[mark_slot(mark, i)], was = *place;

		/* What is of this context was left behind. */
		if ((!was || !((was ^ mark) >> 32)) &&
		    __sync_val_compare_and_swap(place, was, mark) == was)
			return 0;
	}
	/* All of them have been left behind, most likely. */
	marks[mark_slot(mark, 0)] = mark;
	return 0;
}

__noinline int unmark_elsewhere(u64 mark)
{
	for (u32 i = 1; i < MARKS_IN_LINE; i++)
		if (marks[mark_slot(mark, i)] == mark) {
			marks[mark_slot(mark, i)] = 0;
			return 1;
		}
	return 0;
}

/* Is this event at work in an interrupt? Or else in the task. */
static __always_inline bool is_nested(struct cpu_state *cpu, u64 *args)
{
	return number_at(&cpu->number, (u64)args) - (u64)bpf_get_current_task_btf()->stack >=
	       task_stack;
}

/* @active: a program's counter of that, 0: not known */
static __always_inline bool is_at_work(struct cpu_state *cpu, u64 active)
{
	if (!cpu->offset)
		cpu->offset = cpu_offsets[bpf_get_smp_processor_id() & (CPUS_MAX - 1)];
	return active && (u32)peek(active + cpu->offset);
}

/*
 * While a twin is at work, that of an event which interrupts it is dropped. Nobody would
 * take the mark, and it would do for the next event of the same context and argument:
 * virtio_rng unmaps the same buffer in the same interrupt all day. A task that was
 * preempted in the twin may be back before its own is dropped. @active: the twin's
 */
static __noinline void mark_done(u64 *args, u64 active)
{
	struct cpu_state *cpu = this_cpu();
	u64 mark;

	if (!cpu || (is_nested(cpu, args) && is_at_work(cpu, active)))
		return;
	mark = mark_of(cpu, args);
	if (__sync_val_compare_and_swap(&marks[mark_slot(mark, 0)], 0, mark))
		mark_elsewhere(mark);
}

static __always_inline bool was_done(struct cpu_state *cpu, u64 *args)
{
	u64 mark = mark_of(cpu, args);

	if (marks[mark_slot(mark, 0)] != mark)
		return unmark_elsewhere(mark);
	marks[mark_slot(mark, 0)] = 0;
	return true;
}

/* Scratch space for an event, with its optional fields empty. */
static __always_inline struct scratch *take(void)
{
	u32 index = take_scratch();
	struct scratch *s = bpf_map_lookup_elem(&scratches, &index);

	if (!s)
		return NULL;
	s->index = index;
	s->cpu_address = 0;
	s->culprit = 0;
	s->caller = 0;
	s->attrs = 0;
	s->nents = 0;
	s->at = NOWHERE;
	s->detail = DETAIL_NONE;
	s->missing = 0;
	s->met = 0;
	s->leaving = 0;
	s->looked = 0;
	s->watched = 0;
	s->nr_verdicts = 0;
	return s;
}

static __always_inline u64 number(u64 pointer)
{
	return number_at(laundry[bpf_get_smp_processor_id() & (CPUS_MAX - 1)], pointer);
}

static __always_inline void leave(struct scratch *s)
{
	struct cpu_state *cpu = this_cpu();

	if (cpu)
		__sync_fetch_and_and(&cpu->used, ~(1u << (s->index & 31)));
}

/* Has its elder not done it? @arms: what it needs to work; just before it takes marks */
static __always_inline bool is_left_to_twin(u64 *args, u32 arms)
{
	struct cpu_state *cpu = this_cpu();
	u32 is = *(volatile u32 *)&armed;

	if (!cpu || is + 1 < arms || was_done(cpu, args) || is < arms)
		return false;
	__sync_fetch_and_add(&rescued_there[bpf_get_smp_processor_id() & (CPUS_MAX - 1)], 1);
	__sync_fetch_and_add(&rescued, 1);
	return true;
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

static __always_inline u32 device_home(u64 address)
{
	return address * 0x9e3779b97f4a7c15 >> 54 & (DEVICES_MAX - 1);
}

#define DEVICE_REACH 16

/* Which of devices this is; NOWHERE when it is not known. */
__noinline u32 find_device(u64 address)
{
	u32 home = device_home(address);

	for (u32 i = 0; i < DEVICE_REACH; i++)
		if (devices[(home + i) & (DEVICES_MAX - 1)].dev == address)
			return (home + i) & (DEVICES_MAX - 1);
	return NOWHERE;
}

/* A place for a device, by CPUs that meet it at the same time the same one. */
static __always_inline u32 claim_device(u64 address)
{
	u32 home = device_home(address);

	for (u32 i = 0; i < DEVICE_REACH; i++) {
		u32 at = (home + i) & (DEVICES_MAX - 1);
		u64 was = __sync_val_compare_and_swap(&devices[at].dev, 0, address);

		if (!was || was == address)
			return at;
	}
	return NOWHERE;
}

/* What is known of a device is forgotten; nothing of it is valid any more. */
__noinline int forget_device(u32 at)
{
	struct device_state *device = &devices[at & (DEVICES_MAX - 1)];

	__builtin_memset((void *)device + sizeof(device->dev), 0,
			 sizeof(*device) - sizeof(device->dev));
	__sync_lock_test_and_set(&device->dev, 0);
	return 0;
}

static long wait_ready(u32 index, u32 *at)
{
	return devices[*at & (DEVICES_MAX - 1)].ready ? 1 : 0;
}

/* What may change, now and then. */
__noinline int look_at_device(u32 at);

#define MAPS_TO_KNOW 16 /* before a device is an ordinary one */

/* How much is to be asked of its events, by what is known of a device. */
static __always_inline void set_pace(struct device_state *device)
{
	if (device->ignored || device->iommu || device->has_ops || !page_array ||
	    device->maps + device->syncs < MAPS_TO_KNOW)
		device->pace = PACE_SLOW;
	else if (device->lazy)
		device->pace = PACE_LAZY;
	else
		device->pace = device->told || stacks_always ? PACE_TOLD : PACE_FAST;
}

/* Fills in the place of a new device. */
__noinline int make_device(u64 address)
{
	u32 at = claim_device(address);
	struct device_state *device = &devices[at & (DEVICES_MAX - 1)];
	struct device *dev = (void *)address;
	const char *name;
	u32 was;

	if (at == NOWHERE) {
		lose_event(LOST_DEVICE);
		return 0;
	}
	was = __sync_val_compare_and_swap(
		&device->generation, 0,
		(__sync_fetch_and_add(&generations, 1) + 1) * DEVICES_MAX | at);
	if (was) {
		/* Another CPU is at it, or what this one interrupted. */
		bpf_loop(4096, wait_ready, &at, 0);
		if (!device->ready)
			lose_event(LOST_NESTED);
		return 0;
	}
	name = BPF_CORE_READ(dev, init_name);
	if (!name)
		name = BPF_CORE_READ(dev, kobj.name);
	bpf_probe_read_kernel_str(device->name, sizeof(device->name), name);
	device->bound = (u64)BPF_CORE_READ(dev, driver);
	name = BPF_CORE_READ(dev, driver, name);
	if (name)
		bpf_probe_read_kernel_str(device->driver, sizeof(device->driver), name);
	read_function_driver(device->function_driver, dev);
	device->ignored = !matches(device->name, only_device) ||
			  (!matches(device->driver, only_driver) &&
			   !matches(device->function_driver, only_driver));
	device->since = bpf_ktime_get_ns();
	device->complete = bpf_map_lookup_elem(&born, &address) != NULL;
	device->iommu = uses_iommu(dev);
	if (bpf_core_field_exists(dev->dma_ops)) {
		u64 ops = (u64)BPF_CORE_READ(dev, dma_ops);

		device->has_ops = ops != 0;
		device->software = ops && (ops < (u64)&_stext || ops >= (u64)&_end);
	}
	look_at_device(at);
	__sync_lock_test_and_set(&device->ready, 1);
	return 0;
}

/* Which of devices, made when it is new; NOWHERE when there is no place. */
__noinline u32 get_device(u64 address)
{
	u32 at = find_device(address);
	struct device_state *device = &devices[at & (DEVICES_MAX - 1)];
	struct device *dev = (void *)address;

	/* Its driver came after it was seen: that is not the driver's doing. */
	if (at != NOWHERE && !device->bound && device->ready && BPF_CORE_READ(dev, driver)) {
		forget_device(at);
		at = NOWHERE;
	}
	if (at == NOWHERE || !device->ready) {
		make_device(address);
		at = find_device(address);
		device = &devices[at & (DEVICES_MAX - 1)];
	}
	return at != NOWHERE && device->ready ? at : NOWHERE;
}

/* The device of @s, which is watched; NULL when it is not. */
static __always_inline struct device_state *device_of(struct scratch *s)
{
	struct device_state *device;

	/* Read back: it may be a pointer that was just stored. */
	s->device = get_device(*(volatile u64 *)&s->dev);
	if (s->device == NOWHERE)
		return NULL;
	device = &devices[s->device & (DEVICES_MAX - 1)];
	return device->ignored ? NULL : device;
}

static __always_inline struct device_state *known_device(struct scratch *s)
{
	return s->device == NOWHERE ? NULL : &devices[s->device & (DEVICES_MAX - 1)];
}

/* The device of a mapping; or, when that is gone, the one that has its place now. */
static __always_inline struct device_state *device_at(const struct mapping *map)
{
	return &devices[place_of_generation(map->generation)];
}

/* --- what was lost; user space asks the kernel in another way: engine.c --- */

#ifndef DMASNOOP_NATIVE_H

/*
 * Fills in one of cpu_offsets. A kernel without CONFIG_KALLSYMS_ALL hides __per_cpu_offset. The
 * same offset lies between a value of a per-CPU map and the address that the map keeps.
 */
static long learn_offset(u32 cpu, const u64 *base)
{
	u32 zero = 0;
	void *there;

	if (&__per_cpu_offset) {
		cpu_offsets[cpu & (CPUS_MAX - 1)] =
			peek((u64)&__per_cpu_offset + cpu * sizeof(u64));
		return 0;
	}
	there = bpf_map_lookup_percpu_elem(&cpu_states, &zero, cpu);
	if (there)
		cpu_offsets[cpu & (CPUS_MAX - 1)] = number_at(&laundry[0][0], (u64)there) - *base;
	return 0;
}

/* User space's registers are at the end of a task's stack, whose size is a power of two. */
static __always_inline void learn_stack_size(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 used = number_at(&laundry[0][0], bpf_task_pt_regs(task)) - (u64)task->stack;

	for (task_stack = 4096; task_stack < used && task_stack < 1 << 20;)
		task_stack *= 2;
}

/* Not attached: user space runs it once. */
SEC("raw_tp")
int learn_layout(void *ctx)
{
	u64 map = number_at(&laundry[0][0], (u64)&cpu_states), base;

	learn_stack_size();
	/* Linux 5.19 */
	if (!&__per_cpu_offset &&
	    !bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_map_lookup_percpu_elem))
		return 0;
	base = read_u64((void *)(map + bpf_core_field_offset(((struct bpf_array *)0)->pptrs)));
	bpf_loop(nr_cpus < CPUS_MAX ? nr_cpus : CPUS_MAX, learn_offset, &base, 0);
	offsets_known = &__per_cpu_offset || base;
	return 0;
}

/* Not attached: user space reads it once, to have elder_stats and twin_active filled in. */
SEC("iter/bpf_prog")
int learn_programs(struct bpf_iter__bpf_prog *ctx)
{
	struct bpf_prog *program = ctx->prog;
	u32 id;

	if (!program)
		return 0;
	id = BPF_CORE_READ(program, aux, id);
	for (u32 i = 0; i < ELDERS_MAX && i < nr_elders; i++) {
		if (elder_ids[i] == id)
			elder_stats[i] = (u64)BPF_CORE_READ(program, stats);
		if (twin_ids[i] == id)
			twin_active[i] = (u64)BPF_CORE_READ(program, active);
	}
	return 0;
}

struct miss_walk {
	u64 misses;
	u32 first; /* CPU */
	u32 pad;
};

static long add_misses(u32 index, struct miss_walk *walk)
{
	u64 stats = elder_stats[index % nr_elders & (ELDERS_MAX - 1)];
	u32 cpu = walk->first + index / nr_elders;

	if (!stats)
		return 0;
	stats += cpu_offsets[cpu & (CPUS_MAX - 1)];
	walk->misses += peek(stats + bpf_core_field_offset(((struct bpf_prog_stats *)0)->misses));
	return 0;
}

/* How many events the kernel dropped so far on some CPUs, whoever took them then. */
__noinline u64 count_misses(u32 first, u32 cpus)
{
	struct miss_walk walk = { .first = first };

	bpf_loop(cpus * nr_elders, add_misses, &walk, 0);
	return walk.misses;
}

/*
 * Has the kernel dropped an event that no twin took, and user space does not know of it?
 * One that a twin is just about to take counts, too: only user space can tell them apart
 * (attach_missed()). Until it has, everything is in doubt. What the twins took is read
 * first, so that nothing can be taken for it that was dropped later.
 *
 * Where programs are preempted a twin can take what was done, too: there whatever was
 * dropped counts, and whatever a twin took.
 */
static __always_inline void compare_losses(u64 taken, u64 misses)
{
	if ((preempted ? misses + taken : misses - taken) != settled)
		lose_until(bpf_ktime_get_ns());
}

__noinline int look_for_losses(void)
{
	u64 taken = *(volatile u64 *)&rescued;

	compare_losses(taken, count_misses(0, nr_cpus));
	return 0;
}

/*
 * Not attached: user space runs it, to know @dropped, or of one CPU @dropped_there. With the
 * former, what is not settled is in doubt.
 */
SEC("raw_tp")
int count_dropped(void *ctx)
{
	u64 taken = *(volatile u64 *)&rescued;

	if (dropped_where != EVERYWHERE) {
		dropped_there = count_misses(dropped_where, 1);
		return 0;
	}
	dropped = count_misses(0, nr_cpus);
	compare_losses(taken, dropped);
	return 0;
}

#endif

/*
 * Can an event of this device have gone unseen since @since, ns, that matters to what is at
 * @dma? What was lost before this event matters, so one look is enough for all that is judged
 * of it: it asks each program about each CPU.
 */
static __always_inline bool events_lost(struct scratch *s, const struct device_state *device,
					u64 since, u64 dma)
{
	if (!s->looked) {
		s->looked = 1;
		look_for_losses();
	}
	return lost_before >= since || device->lost_before >= since || device->surplus == dma + 1;
}

/*
 * An unmap of this device could not be carried out: one mapping of a buffer that is mapped more
 * than once stays too many. Which one it is changes with every map and unmap of the buffer, so
 * whatever is said of this buffer from now on is in doubt. Only one buffer is remembered: with a
 * second one that is true of the whole device.
 */
static __always_inline void lose_unmap_of(struct device_state *device, u64 dma)
{
	u64 was = __sync_val_compare_and_swap(&device->surplus, 0, dma + 1);

	__sync_fetch_and_add(&device->lost, 1);
	if (was && was != dma + 1)
		set_later(&device->lost_before, ~0ull);
}

static __always_inline void lose_event_of(struct device_state *device)
{
	__sync_fetch_and_add(&device->lost, 1);
	set_later(&device->lost_before, bpf_ktime_get_ns());
}

/* --- stacks --- */

__noinline u64 hash_stack(const struct stack *stack)
{
	u64 hash = 0xcbf29ce484222325;

	for (u32 i = 0; stack && i < STACK_MAX; i++)
		hash = (hash ^ stack->frames[i]) * 0x100000001b3;
	return hash | 1;
}

/*
 * The stack of an event. At the start of a function on arm64, and at its end, only a register
 * knows its @caller, and the kernel leaves that out. 0: it does not.
 */
static __always_inline long get_stack(void *ctx, u64 *frames, u64 caller)
{
	long bytes;

	if (!caller)
		return bpf_get_stack(ctx, frames, STACK_MAX * sizeof(*frames), 0);
	bytes = bpf_get_stack(ctx, frames + 1, (STACK_MAX - 1) * sizeof(*frames), 0);
	frames[0] = frames[1];
	frames[1] = caller;
	return bytes;
}

/* Keeps the stack in @s->stack under the key that is returned. */
static __always_inline u64 store_stack(struct scratch *s)
{
	u64 key = hash_stack(&s->stack);

	if (!bpf_map_lookup_elem(&stacks, &key))
		bpf_map_update_elem(&stacks, &key, &s->stack, BPF_ANY);
	return key;
}

/* Takes the stack of this event, and keeps it under the key that is returned. */
static __noinline u64 keep_stack(void *ctx, struct scratch *s)
{
	__builtin_memset(&s->stack, 0, sizeof(s->stack));
	if (get_stack(ctx, s->stack.frames, s->caller) <= 0)
		return 0;
	return store_stack(s);
}

/*
 * What mappings from the same call site have in common. @depth, of the stack at the
 * event, nearly always tells one way to the call from another.
 */
static __always_inline u64 signature_of(const struct device_state *device, u64 depth, u64 size,
					u8 dir, u8 kind, u64 attrs)
{
	u64 tag = device->generation * 0x9e3779b97f4a7c15 ^ size << 24 ^ attrs << 18 ^
		  (u64)kind << 16 ^ (u64)dir << 14;

	return (tag ^ (depth & (TASK_STACK - 1))) * 0x9e3779b97f4a7c15;
}

static __always_inline struct signature *signature_at(u64 tag)
{
	return &signatures[tag >> 52 & (SIGNATURES - 1)];
}

/* No signature has this tag: one is being written. */
#define SIGNATURE_BUSY 1

/*
 * The stack of a signature goes to @stack when it is there. The tag is read before and
 * after: in between another CPU may write another signature in this place.
 */
static __always_inline bool read_signature(u64 tag, u64 *stack)
{
	volatile struct signature *signature = signature_at(tag);

	if (signature->tag != tag)
		return false;
	*stack = signature->stack;
	return signature->tag == tag;
}

/* Who comes while another writes leaves it undone: it is only a cache. */
static __always_inline void write_signature(u64 tag, u64 stack)
{
	struct signature *signature = signature_at(tag);
	u64 was = *(volatile u64 *)&signature->tag;

	if (was == SIGNATURE_BUSY ||
	    __sync_val_compare_and_swap(&signature->tag, was, SIGNATURE_BUSY) != was)
		return;
	__sync_lock_test_and_set(&signature->stack, stack);
	__sync_lock_test_and_set(&signature->tag, tag);
}

/* --- history --- */

/* When it was mapped, ns; jiffies go with CLOCK_MONOTONIC. */
static __always_inline u64 born_ns(const struct mapping *map)
{
	return map->flags & MAP_COARSE ? map->born * facts.tick_ns + jiffies_offset : map->born;
}

static __always_inline void add_step(struct mapping *map, u8 op)
{
	struct step *step = &map->steps[map->nr_steps & (STEPS - 1)];
	u64 now = bpf_ktime_get_ns(), born = born_ns(map);

	step->after = now > born ? (now - born) / STEP_NS : 0;
	step->cpu = bpf_get_smp_processor_id();
	step->op = op;
	step->coarse = 0;
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

struct send_walk {
	void *ctx;
	struct scratch *s;
};

/* Was an event lost since @s->map was made? Then what is said of it may not be so. */
static __always_inline bool is_doubtful(struct scratch *s, const struct verdict *verdict,
					const struct device_state *device)
{
	return verdict->has_map && s->op != OP_MAP && s->op != OP_ALLOC &&
	       events_lost(s, device, born_ns(&s->map), s->map.dma);
}

/*
 * Sends a finding about the event in @s. Its stack is taken here, so that only
 * findings pay for it.
 */
static long send_one(u32 index, struct send_walk *walk)
{
	struct scratch *s = walk->s;
	struct device_state *device = known_device(s);
	struct verdict *verdict = &s->verdicts[index & (VERDICTS - 1)];
	struct finding *finding;
	long bytes;

	if (!device)
		return 0;
	if (is_doubtful(s, verdict, device)) {
		verdict->unsure = 1;
		if (verdict->level > LEVEL_HAZARD)
			verdict->level = LEVEL_HAZARD;
	}
	__sync_fetch_and_add(&device->findings, 1);
	if (verdict->level < min_level) {
		__sync_fetch_and_add(&unsent[verdict->level & (NR_LEVELS - 1)], 1);
		return 0;
	}
	/* From now on each of its mappings has a stack of its own. */
	device->told = 1;
	set_pace(device);
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
	finding->other_device[0] = '\0';
	if (verdict->detail == DETAIL_OTHER_DEVICE)
		__builtin_memcpy(finding->other_device, device_at(&s->map)->name,
				 sizeof(finding->other_device));
	finding->skips_sync = device->skips_sync;
	finding->has_ops = device->has_ops;
	finding->iommu = device->iommu;
	finding->live = 0;
	finding->at = s->at;
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
		name_object(&finding->object);
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
		bytes = get_stack(walk->ctx, finding->stack, s->caller);
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
