// SPDX-License-Identifier: GPL-2.0
/*
 * Two events happen at the same moment: the judge and the fast path of bpf/, compiled natively, run
 * on two CPUs in every order that has a few switches between them. Each run is checked against the
 * promises of bpf/core/table_protocol.h.
 *
 * The compiler marks every access to memory for a race detector (-fsanitize=thread). The detector
 * is not linked: the marks are functions of this file. Each access to a table that CPUs share is a
 * place to switch at. So this file decides the order, and each run can be repeated.
 */
#include <stdio.h>
#include <ucontext.h>

#include "core/fast_path.h"
#include "core/finding.h"
#include "engine/engine.c"

#define QUIET __attribute__((no_sanitize("thread")))

/* The test runs all orders with up to this many switches. Three switches take hours. */
#define SWITCHES 2
/* The test also runs random orders with up to this many switches. */
#define SWITCHES_MAX 6
#define SAMPLES 20000
#define CPUS 2

#define BUCKETS 2
#define PAGES 64
#define RAM_BASE 0x100000ul
#define THREAD_STACK (256 << 10)

/* --- the machine --- */

static struct bucket buckets[BUCKETS];
static unsigned char memory[RAM_BASE + PAGES * 4096] __attribute__((aligned(4096)));

/**
 * struct cpu - one of the two CPUs, with its events
 * @context: context of the current event
 * @done: no event is left
 * @event: stack, time and CPU of its events
 * @state, @scratch: its entries in the per-CPU tables
 */
static struct cpu {
	ucontext_t context;
	bool done;
	struct logged event;
	struct cpu_state state;
	struct scratch scratch[SCRATCHES];
	char stack[THREAD_STACK] __attribute__((aligned(64)));
} cpus[CPUS];

/* The number of accesses so far in this run, and the accesses after which the CPU changes. */
static u32 accesses, switch_after[SWITCHES_MAX], nr_switches, running;
static bool watching;
static u64 *lines; /* page_lines */

static QUIET void use_cpu(u32 cpu)
{
	running = cpu;
	event = &cpus[cpu].event;
	cpu_state = &cpus[cpu].state;
	scratches = cpus[cpu].scratch;
}

static QUIET void switch_cpu(void)
{
	u32 from = running;

	if (cpus[!from].done)
		return;
	watching = false;
	use_cpu(!from);
	watching = true;
	swapcontext(&cpus[from].context, &cpus[!from].context);
}

static QUIET bool is_within(const void *address, const void *start, size_t size)
{
	return (u64)address - (u64)start < size;
}

/*
 * The state of the device that is new in the scene; NULL if there is none. @ready does not count as
 * shared, because the loop that waits for it would make thousands of accesses.
 */
static struct device_state *fresh;

static QUIET bool is_shared(const void *address)
{
	return is_within(address, buckets, sizeof(buckets)) ||
	       is_within(address, lines, PAGES * sizeof(u64)) ||
	       is_within(address, signatures, sizeof(signatures)) ||
	       (fresh && is_within(address, fresh, sizeof(*fresh)) && address != &fresh->ready);
}

static QUIET void touch(const void *address)
{
	if (!watching || !is_shared(address))
		return;
	/* The order of times matters where a device is new. */
	for (u32 i = 0; i < CPUS && fresh; i++)
		cpus[i].event.ns++;
	for (u32 i = 0; i < nr_switches; i++)
		if (switch_after[i] == accesses) {
			accesses++;
			switch_cpu();
			return;
		}
	accesses++;
}

/* The compiler calls these functions: gcc's libsanitizer/tsan/tsan_interface.h. */
#define MARK(name)                \
	void name(void *at);      \
	QUIET void name(void *at) \
	{                         \
		touch(at);        \
	}
MARK(__tsan_read1)
MARK(__tsan_read2)
MARK(__tsan_read4)
MARK(__tsan_read8)
MARK(__tsan_read16)
MARK(__tsan_write1)
MARK(__tsan_write2)
MARK(__tsan_write4)
MARK(__tsan_write8)
MARK(__tsan_write16)
MARK(__tsan_unaligned_read1)
MARK(__tsan_unaligned_read2)
MARK(__tsan_unaligned_read4)
MARK(__tsan_unaligned_read8)
MARK(__tsan_unaligned_read16)
MARK(__tsan_unaligned_write1)
MARK(__tsan_unaligned_write2)
MARK(__tsan_unaligned_write4)
MARK(__tsan_unaligned_write8)
MARK(__tsan_unaligned_write16)
MARK(__tsan_volatile_read1)
MARK(__tsan_volatile_read2)
MARK(__tsan_volatile_read4)
MARK(__tsan_volatile_read8)
MARK(__tsan_volatile_read16)
MARK(__tsan_volatile_write1)
MARK(__tsan_volatile_write2)
MARK(__tsan_volatile_write4)
MARK(__tsan_volatile_write8)
MARK(__tsan_volatile_write16)
void __tsan_func_entry(void *at);
QUIET void __tsan_func_entry(void *at)
{
	(void)at;
}
void __tsan_init(void);
QUIET void __tsan_init(void)
{
}
void __tsan_func_exit(void *at);
QUIET void __tsan_func_exit(void *at)
{
	(void)at;
}
void __tsan_read_range(void *at, unsigned long size);
QUIET void __tsan_read_range(void *at, unsigned long size)
{
	(void)size;
	touch(at);
}
void __tsan_write_range(void *at, unsigned long size);
QUIET void __tsan_write_range(void *at, unsigned long size)
{
	(void)size;
	touch(at);
}

#define ATOMIC(type, bits, name, builtin)                                                 \
	type __tsan_atomic##bits##_##name(volatile void *at, type value, int order);      \
	QUIET type __tsan_atomic##bits##_##name(volatile void *at, type value, int order) \
	{                                                                                 \
		(void)order;                                                              \
		touch((void *)at);                                                        \
		return builtin((type *)at, value);                                        \
	}
#define ATOMICS(type, bits)                                                                       \
	ATOMIC(type, bits, fetch_add, __sync_fetch_and_add)                                       \
	ATOMIC(type, bits, fetch_sub, __sync_fetch_and_sub)                                       \
	ATOMIC(type, bits, fetch_or, __sync_fetch_and_or)                                         \
	ATOMIC(type, bits, fetch_and, __sync_fetch_and_and)                                       \
	ATOMIC(type, bits, exchange, __sync_lock_test_and_set)                                    \
	bool __tsan_atomic##bits##_compare_exchange_strong(volatile void *at, void *was,          \
							   type value, int order, int fail);      \
	QUIET bool __tsan_atomic##bits##_compare_exchange_strong(volatile void *at, void *was,    \
								 type value, int order, int fail) \
	{                                                                                         \
		type before = *(type *)was;                                                       \
                                                                                                  \
		(void)order;                                                                      \
		(void)fail;                                                                       \
		touch((void *)at);                                                                \
		*(type *)was = __sync_val_compare_and_swap((type *)at, before, value);            \
		return *(type *)was == before;                                                    \
	}
ATOMICS(u32, 32)
ATOMICS(u64, 64)

/* --- events --- */

enum what { NOTHING, MAP, UNMAP };

struct act {
	enum what what;
	u64 dev;
	u64 phys;
	u64 size;
	u32 dir;
};

#define ACTS 4

static struct finding found[16];
static u32 nr_found;
static const char *wrong;

static QUIET int keep_finding(void *context, void *sent, size_t size)
{
	(void)context;
	(void)size;
	if (*(u8 *)sent == EVENT_FINDING && nr_found < sizeof(found) / sizeof(found[0]))
		memcpy(&found[nr_found++], sent, sizeof(found[0]));
	return 0;
}

static void no_stack(unsigned long key, const void *frames)
{
	(void)key;
	(void)frames;
}

static void map(const struct act *act)
{
	u64 args[] = { act->dev, act->phys, act->phys, act->size, act->dir, 0 };
	struct scratch *s;

	if (fast_map(args, 0))
		return;
	s = take_scratch();
	s->dev = act->dev;
	s->phys = act->phys;
	one(s, OP_MAP, KIND_SINGLE, act->phys, act->size, act->dir, 0);
	on_map(NULL, s);
	release_scratch(s);
}

static void unmap(const struct act *act)
{
	u64 args[] = { act->dev, act->phys, act->size, act->dir, 0 };
	struct scratch *s;

	if (fast_unmap(args))
		return;
	s = take_scratch();
	s->dev = act->dev;
	one(s, OP_UNMAP, KIND_SINGLE, act->phys, act->size, act->dir, 0);
	on_unmap(NULL, s);
	release_scratch(s);
}

/* All line bits of a mapping that the device writes are set while the mapping is live. */
static QUIET void check_lines(const struct act *act)
{
	const u64 *word = lines + page_index(act->phys);
	u64 mask = lines_of(act->phys, act->size);

	if (act->dir != DIR_TO_DEVICE && (*word & mask) != mask)
		wrong = "a live mapping has lost its line bits";
}

/* The stack of a mapping is that of the call that made the mapping. */
static QUIET void check_stack(const struct act *act)
{
	for (u32 i = 0; i < BUCKETS * BUCKET; i++) {
		const struct mapping *map = &buckets[i / BUCKET].map[i % BUCKET];
		struct stack own = {};

		if (map->dma != act->phys || map->size != act->size || !is_live(map))
			continue;
		own.frames[0] = act->size;
		if (map->stack && map->stack != hash_stack(&own))
			wrong = "a mapping has another's stack";
	}
}

static void run_acts(const struct act *acts)
{
	for (u32 i = 0; i < ACTS && acts[i].what; i++) {
		cpus[running].event.stack[0] = acts[i].size;
		if (acts[i].what == MAP)
			map(&acts[i]);
		watching = false;
		check_lines(&acts[i]);
		check_stack(&acts[i]);
		watching = true;
		if (acts[i].what == UNMAP)
			unmap(&acts[i]);
	}
}

static const char *const check_names[] = {
#define CHECK_NAME(id, name, ...) name,
	CHECKS(CHECK_NAME)
#undef CHECK_NAME
};

/* --- scenes --- */

/**
 * struct scene - two events at the same moment
 * @name: subject of the scene
 * @before: events before, on one CPU
 * @stale: after @before, other devices took the place of those devices
 * @fresh: the state of device A is forgotten then, so that the device is new
 * @lost: after @before, an event was lost, so every finding has to be Unsure
 * @acts: events of each CPU
 * @may: allowed findings, a bit per enum check; any other one is a false alarm
 * @must: findings of which one has to come, whatever the order
 * @beside: the finding is not Unsure, although an event for another buffer may have been given up
 * @live: number of live mappings at the end
 */
struct scene {
	const char *name;
	struct act before[ACTS];
	bool stale;
	bool fresh;
	bool lost;
	struct act acts[CPUS][ACTS];
	u32 may;
	u32 must;
	bool beside;
	u32 live;
};

#define NOW 1000000000ul /* time of all events, ns */
#define PAGE_A (RAM_BASE + 0x3000)
#define LINE_A (RAM_BASE + 0x5100)
#define BIT(check) (1u << CHECK_##check)
#define HALVES BIT(LINE_SHARED_MAPPINGS)

#define A 0xffff888000000100ul
#define B 0xffff888000000900ul
#define READS(w, d, size)                         \
	{                                         \
		w, d, PAGE_A, size, DIR_TO_DEVICE \
	}
#define ELSEWHERE(w, d, size)                            \
	{                                                \
		w, d, PAGE_A + 4096, size, DIR_TO_DEVICE \
	}
#define LOWER(w, d)                               \
	{                                         \
		w, d, LINE_A, 32, DIR_FROM_DEVICE \
	}
#define UPPER(w, d)                                    \
	{                                              \
		w, d, LINE_A + 32, 32, DIR_FROM_DEVICE \
	}
#define WHOLE(w, d, size)                           \
	{                                           \
		w, d, LINE_A, size, DIR_FROM_DEVICE \
	}

static const struct scene scenes[] = {
	{ .name = "two devices read one page",
	  .acts = { { READS(MAP, A, 4096), READS(UNMAP, A, 4096) },
		    { READS(MAP, B, 4096), READS(UNMAP, B, 4096) } } },
	{ .name = "two devices stop reading one page",
	  .before = { READS(MAP, A, 4096), READS(MAP, B, 4096) },
	  .acts = { { READS(UNMAP, A, 4096) }, { READS(UNMAP, B, 4096) } } },
	{ .name = "two CPUs map one buffer for one device",
	  .acts = { { READS(MAP, A, 4096), READS(UNMAP, A, 4096) },
		    { READS(MAP, A, 4096), READS(UNMAP, A, 4096) } } },
	{ .name = "one CPU unmaps a buffer that another maps and unmaps",
	  .before = { READS(MAP, A, 4096) },
	  .acts = { { READS(UNMAP, A, 4096) },
		    { READS(MAP, A, 4096), READS(UNMAP, A, 4096), READS(MAP, A, 4096),
		      READS(UNMAP, A, 4096) } } },
	{ .name = "a buffer is mapped again, and goes to the other device",
	  .before = { READS(MAP, A, 4096) },
	  .acts = { { READS(MAP, A, 4096), READS(UNMAP, A, 4096) },
		    { READS(UNMAP, A, 4096), READS(MAP, B, 4096), READS(UNMAP, B, 4096) } } },
	{ .name = "two lengths of one buffer",
	  .before = { READS(MAP, A, 4096), READS(MAP, A, 512) },
	  .acts = { { READS(UNMAP, A, 4096) }, { READS(UNMAP, A, 512) } } },
	{ .name = "one mapping is unmapped twice",
	  .before = { READS(MAP, A, 4096) },
	  .acts = { { READS(UNMAP, A, 4096) }, { READS(UNMAP, A, 4096) } },
	  .may = BIT(DOUBLE_UNMAP),
	  .must = BIT(DOUBLE_UNMAP) },
	{ .name = "one buffer is unmapped by two CPUs, another one twice",
	  .before = { READS(MAP, A, 4096), READS(MAP, A, 4096), ELSEWHERE(MAP, A, 512) },
	  .acts = { { READS(UNMAP, A, 4096) },
		    { READS(UNMAP, A, 4096), ELSEWHERE(UNMAP, A, 512), ELSEWHERE(UNMAP, A, 512) } },
	  .may = BIT(DOUBLE_UNMAP),
	  .must = BIT(DOUBLE_UNMAP),
	  .beside = true },
	{ .name = "both halves of a line are mapped",
	  .acts = { { LOWER(MAP, A) }, { UPPER(MAP, B) } },
	  .may = HALVES,
	  .must = HALVES,
	  .live = 2 },
	{ .name = "one half of a line comes, the other goes",
	  .before = { LOWER(MAP, A) },
	  .acts = { { LOWER(UNMAP, A) }, { UPPER(MAP, B), UPPER(UNMAP, B) } },
	  .may = HALVES },
	{ .name = "both halves of a line come and go",
	  .acts = { { LOWER(MAP, A), LOWER(UNMAP, A) }, { UPPER(MAP, B), UPPER(UNMAP, B) } },
	  .may = HALVES },
	{ .name = "a buffer goes from one device to the other",
	  .before = { WHOLE(MAP, A, 64) },
	  .acts = { { WHOLE(UNMAP, A, 64) }, { WHOLE(MAP, B, 64), WHOLE(UNMAP, B, 64) } },
	  .may = BIT(DOUBLE_MAP) },
	{ .name = "a buffer was a gone device's",
	  .before = { READS(MAP, A, 4096) },
	  .stale = true,
	  .acts = { { READS(MAP, A, 4096), READS(UNMAP, A, 4096) },
		    { READS(MAP, A, 512), READS(UNMAP, A, 512) } } },
	{ .name = "two CPUs meet a device that is new",
	  .fresh = true,
	  .acts = { { READS(MAP, A, 4096), READS(UNMAP, A, 4096) },
		    { ELSEWHERE(MAP, A, 512), ELSEWHERE(UNMAP, A, 512) } } },
	{ .name = "a buffer whose unmap seemed lost is mapped again, and the unmap comes",
	  .before = { WHOLE(MAP, A, 64) },
	  .lost = true,
	  .acts = { { WHOLE(MAP, A, 64), WHOLE(UNMAP, A, 64) },
		    { WHOLE(UNMAP, A, 64), WHOLE(MAP, B, 64) } },
	  .may = BIT(DOUBLE_MAP) | BIT(DOUBLE_UNMAP) | BIT(ADDR_UNKNOWN),
	  .live = 1 },
	/*
	 * The mapping of 4096 bytes is at an unused place. The other length has a signature with
	 * the same place.
	 */
	{ .name = "two signatures in one place",
	  .acts = { { ELSEWHERE(MAP, A, 4096), ELSEWHERE(UNMAP, A, 4096) }, {} } },
};

static const struct scene *playing;

static QUIET struct device_state *device(u64 dev)
{
	return &devices[find_device(dev)];
}

static struct {
	struct bucket buckets[BUCKETS];
	struct device_state a, b;
	u64 lines[PAGES];
	struct signature signatures[SIGNATURES];
} saved;

static QUIET void save(void)
{
	memcpy(saved.buckets, buckets, sizeof(buckets));
	memcpy(saved.lines, lines, sizeof(saved.lines));
	memcpy(saved.signatures, signatures, sizeof(signatures));
	saved.a = *device(A);
	saved.b = *device(B);
}

static QUIET void restore(void)
{
	memcpy(buckets, saved.buckets, sizeof(buckets));
	memcpy(lines, saved.lines, sizeof(saved.lines));
	memcpy(signatures, saved.signatures, sizeof(signatures));
	*device(A) = saved.a;
	*device(B) = saved.b;
	lost_before = playing->lost ? NOW : 0;
	if (fresh)
		memset(fresh, 0, sizeof(*fresh));
	for (u32 i = 0; i < CPUS; i++)
		cpus[i].event.ns = NOW;
}

/* --- one run, and all of them --- */

static ucontext_t director;

static QUIET void play_cpu(int cpu)
{
	run_acts(playing->acts[cpu]);
	watching = false;
	cpus[cpu].done = true;
	if (cpus[!cpu].done)
		setcontext(&director);
	use_cpu(!cpu);
	watching = true;
	setcontext(&cpus[!cpu].context);
}

static u64 runs, given_up;

static QUIET bool is_in_doubt(const struct device_state *device)
{
	return device->lost_before || device->surplus;
}

static QUIET void check_end(void)
{
	u32 seen = 0, live = 0;

	/*
	 * A CPU that waits for a stopped CPU gives up at last, and counts a lost event. All later
	 * events about the same buffer are in doubt then.
	 */
	if (is_in_doubt(device(A)) || is_in_doubt(device(B)) || (fresh && lost_before)) {
		for (u32 i = 0; i < nr_found; i++)
			if (!found[i].uncertain && !(playing->may & 1u << found[i].check))
				wrong = check_names[found[i].check];
			else if (!found[i].uncertain)
				seen |= 1u << found[i].check;
		if (playing->beside && !(seen & playing->must))
			wrong = "another buffer is in doubt, too";
		given_up++;
		return;
	}
	for (u32 i = 0; i < nr_found; i++)
		if (!(playing->may & 1u << found[i].check) ||
		    (playing->lost && !found[i].uncertain))
			wrong = check_names[found[i].check];
		else
			seen |= 1u << found[i].check;
	if ((seen & playing->must) != playing->must)
		wrong = "nothing was found";
	for (u32 i = 0; i < BUCKETS * BUCKET; i++) {
		u32 users = buckets[i / BUCKET].map[i % BUCKET].users;

		live += users != 0;
		if (users & SLOT_STATE)
			wrong = "a slot was left in the middle";
	}
	if (live != playing->live)
		wrong = "not all that was unmapped is over";
	if (lost_before > NOW * playing->lost)
		wrong = "an event was lost";
}

/* Plays a scene once. Returns the number of accesses. */
static QUIET u32 play(void)
{
	restore();
	nr_found = 0;
	accesses = 0;
	wrong = NULL;
	for (u32 i = 0; i < CPUS; i++) {
		cpus[i].done = false;
		cpus[i].state.used = 0;
		getcontext(&cpus[i].context);
		cpus[i].context.uc_stack.ss_sp = cpus[i].stack;
		cpus[i].context.uc_stack.ss_size = THREAD_STACK;
		cpus[i].context.uc_link = NULL;
		makecontext(&cpus[i].context, (void (*)(void))play_cpu, 1, i);
	}
	use_cpu(0);
	watching = true;
	swapcontext(&director, &cpus[0].context);
	watching = false;
	check_end();
	return accesses;
}

/* Explores every order with @left more switches after access @from. Returns false on failure. */
static QUIET bool explore(u32 from, u32 left)
{
	u32 total = play();

	runs++;
	if (wrong)
		return false;
	if (!left)
		return true;
	for (u32 at = from; at < total; at++) {
		bool good;

		switch_after[nr_switches++] = at;
		good = explore(at + 1, left - 1);
		if (!good)
			return false;
		nr_switches--;
	}
	return true;
}

/* Returns the same random numbers in every run. */
static QUIET u32 chance(u32 below)
{
	static u64 state = 0x9e3779b97f4a7c15;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 32) % below;
}

static QUIET bool sample(void)
{
	u32 total;

	nr_switches = 0;
	total = play();
	for (u32 i = 0; i < SAMPLES; i++) {
		nr_switches = SWITCHES + 1 + chance(SWITCHES_MAX - SWITCHES);
		for (u32 j = 0; j < nr_switches; j++)
			switch_after[j] = chance(total);
		play();
		runs++;
		if (wrong)
			return false;
	}
	return true;
}

/* Returns another length, whose signature has the same place as that of 4096 bytes. */
static QUIET u64 same_place(void)
{
	const struct signature *place =
		signature_at(signature_of(device(A), 0, 4096, DIR_TO_DEVICE, KIND_SINGLE, 0));
	u64 size = 16;

	while (size == 4096 || signature_at(signature_of(device(A), 0, size, DIR_TO_DEVICE,
							 KIND_SINGLE, 0)) != place)
		size++;
	return size;
}

static QUIET void calm(u64 dev, bool slow)
{
	struct device_state *state = device(dev);

	state->maps = state->unmaps = 100;
	state->odd = 0;
	state->complete = 1;
	state->reported = 0;
	state->lost_before = state->surplus = 0;
	state->iommu = slow;
	set_pace(state);
}

/* Maps and unmaps often enough to make the devices ordinary ones, which use the fast path. */
static QUIET void warm_up(const struct scene *scene, bool slow)
{
	struct act acts[] = { LOWER(MAP, A),	   UPPER(MAP, B),      READS(MAP, A, 4096),
			      READS(MAP, B, 4096), READS(MAP, A, 512), WHOLE(MAP, A, 64),
			      WHOLE(MAP, B, 64) };

	memset(buckets, 0, sizeof(buckets));
	memset(lines, 0, PAGES * sizeof(u64));
	memset(signatures, 0, sizeof(signatures));
	use_cpu(0);
	for (u32 round = 0; round < 2; round++)
		for (u32 i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
			acts[i].what = MAP;
			cpus[0].event.stack[0] = acts[i].size;
			map(&acts[i]);
			calm(acts[i].dev, false);
			acts[i].what = UNMAP;
			unmap(&acts[i]);
			calm(acts[i].dev, slow);
		}
	for (u32 i = 0; i < ACTS && scene->before[i].what; i++) {
		cpus[0].event.stack[0] = scene->before[i].size;
		map(&scene->before[i]);
	}
	for (u32 i = 0; i < BUCKETS * BUCKET && scene->stale; i++)
		buckets[i / BUCKET].map[i % BUCKET].generation += DEVICES_MAX;
	if (slow) {
		device(A)->pace = PACE_SLOW;
		device(B)->pace = PACE_SLOW;
	}
	save();
}

static QUIET bool show(const struct scene *scene, bool slow)
{
	struct scene copy = *scene;

	if (!copy.acts[1][0].what) {
		u64 size = same_place();

		copy.acts[1][0] = (struct act){ MAP, A, PAGE_A + 1024, size, DIR_TO_DEVICE };
		copy.acts[1][1] = (struct act){ UNMAP, A, PAGE_A + 1024, size, DIR_TO_DEVICE };
	}
	playing = &copy;
	fresh = NULL;
	warm_up(&copy, slow);
	if (copy.fresh)
		fresh = device(A);
	runs = 0;
	nr_switches = 0;
	given_up = 0;
	if (explore(0, SWITCHES) && sample() && given_up * 4 < runs) {
		printf("ok - %s, %s path: %lu orders, %lu given up\n", scene->name,
		       slow ? "slow" : "fast", runs, given_up);
		return true;
	}
	printf("not ok - %s, %s path\n# %s, with switches after accesses", scene->name,
	       slow ? "slow" : "fast", wrong ?: "too many events given up");
	for (u32 i = 0; i < nr_switches; i++)
		printf(" %u", switch_after[i]);
	printf("; order %lu\n", runs);
	return false;
}

QUIET int main(void)
{
	static const struct range ram[] = { { RAM_BASE, RAM_BASE + PAGES * 4096 } };
	struct engine_setup wanted = {
		.send = keep_finding,
		.keep_stack = no_stack,
		.buckets = buckets,
		.nr_buckets = BUCKETS,
		.page_size = 64,
		.direct = (u64)memory,
		.ram = ram,
		.nr_ram = 1,
		.nr_pages = PAGES,
		.line_size = 64,
		.line_shift = 6,
		.checks = ~(BIT(LINE_SHARED_OBJECT) | BIT(PAGE_EXPOSED)),
		.min_level = LEVEL_NOTE,
	};
	static const struct object object = {
		.start = LINE_A, .size = 64, .room = 64, .kind = OBJECT_SLAB
	};
	bool good = true;

	if (engine_start(&wanted))
		return 2;
	lines = page_lines;
	stacks_always = false;
	memory_base = (u64)memory;
	keep_object(LINE_A, &object);
	keep_object(LINE_A + 32, &object);
	for (u32 i = 0; i < CPUS; i++) {
		cpus[i].event.cpu = i;
		cpus[i].event.ns = NOW;
	}
	use_cpu(0);
	env_set_added(A);
	for (u32 i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		for (u32 slow = 0; slow < 2; slow++)
			good &= show(&scenes[i], slow);
	return !good;
}
