// SPDX-License-Identifier: GPL-2.0
/*
 * Where the hardware watchpoints are: see watch.h. Called by dmasnoop.c.
 *
 * A slot is one debug register, the same on every CPU; a buffer that must not
 * even be read takes two. Every period each slot goes to its next target: the
 * devices take turns, and the buffers of a device from the oldest on, because a
 * short-lived one is gone before a watchpoint is there.
 */
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../bpf/rules.h"
#include "watch.h"
#include "dmasnoop.skel.h"
#include "symbols.h"

#define SAMPLE 1024 /* mappings looked at in one go */
#define REFRESH_NS 500000000ull /* how old what was looked at may be */
#define RETRY_NS 1000000000ull /* before a debug register that was taken is asked for again */
#define SEEN_BITS (1 << 20)

/**
 * struct point - a slot on one CPU
 * @link: the program on its perf event, which it owns; NULL: there is none
 * @fd: of the perf event
 * @retry_ns: when it was refused: not to be tried before
 */
struct point {
	struct bpf_link *link;
	int fd;
	uint64_t retry_ns;
};

/* A mapping that could be watched, as it was when looked at. */
struct candidate {
	struct mapping_key key;
	struct mapping map;
	bool blind; /* only writes beside it can be judged */
};

/**
 * struct target_device - whose turn it is
 * @dev, @generation: which
 * @last_born: of the mapping that was watched last
 * @turn: picks a place in the buffer
 * @candidates: of this device, in the current sample
 */
struct target_device {
	uint64_t dev;
	uint64_t generation;
	uint64_t last_born;
	unsigned int turn;
	size_t candidates;
};

/* Part of memory that a debug register can watch. */
struct place {
	uint64_t phys;
	uint32_t size;
	enum watch_kind kind;
};

static struct {
	struct dmasnoop_bpf *bpf;
	struct watch_options options;
	int nr_cpus;
	bool *online;
	struct point *points; /* of slot 0, then 1, ... */
	struct candidate *sample;
	size_t nr_sample;
	uint32_t cursor; /* where the table is read on */
	struct target_device *devices;
	size_t nr_devices;
	size_t next_device;
	uint64_t refreshed;
	uint64_t turned;
	uint64_t missed;
	bool unmaps_optional; /* drivers may leave them out where syncs are skipped (7.x) */
	struct watch_totals totals;
	uint8_t seen[SEEN_BITS / 8];
} self;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* --- debug registers --- */

static struct point *point_of(unsigned int slot, int cpu)
{
	return &self.points[slot * self.nr_cpus + cpu];
}

static struct perf_event_attr breakpoint(uint64_t address, uint32_t size, uint32_t type)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(struct perf_event_attr),
		.sample_period = 1,
		.bp_addr = address,
		.bp_len = size,
		.bp_type = type,
		.pinned = 1,
		.exclude_user = 1,
		.exclude_hv = 1,
	};
}

static int open_breakpoint(struct perf_event_attr *attr, int cpu)
{
	return syscall(__NR_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static void give_back(struct point *point)
{
	if (!point->link)
		return;
	/* Closes the perf event too. */
	bpf_link__destroy(point->link);
	point->link = NULL;
}

/* Watch a place on one CPU; false when its debug registers are all taken. */
static bool take(struct point *point, unsigned int slot, int cpu, const struct perf_event_attr *how)
{
	LIBBPF_OPTS(bpf_perf_event_opts, opts, .bpf_cookie = slot);
	struct perf_event_attr attr = *how;

	if (point->link) {
		if (!ioctl(point->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr))
			return true;
		give_back(point);
	}
	if (now() < point->retry_ns)
		return false;
	point->fd = open_breakpoint(&attr, cpu);
	if (point->fd >= 0) {
		point->link = bpf_program__attach_perf_event_opts(self.bpf->progs.watchpoint,
								  point->fd, &opts);
		if (point->link) {
			point->retry_ns = 0;
			return true;
		}
		close(point->fd);
	}
	point->retry_ns = now() + RETRY_NS;
	return false;
}

static void count_refused(void)
{
	unsigned int refused = 0;

	for (unsigned int slot = 0; slot < self.options.slots; slot++)
		for (int cpu = 0; cpu < self.nr_cpus; cpu++)
			refused += self.online[cpu] && point_of(slot, cpu)->retry_ns;
	if (refused > self.totals.refused)
		self.totals.refused = refused;
}

/* Which CPUs there are now; those that left took their perf events along. */
static void read_online(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/online", "re");
	int from, to;
	char end = ',';

	if (!file)
		return;
	memset(self.online, 0, self.nr_cpus * sizeof(*self.online));
	while (end == ',' && fscanf(file, "%d", &from) == 1) {
		to = from;
		end = fgetc(file);
		if (end == '-' && (fscanf(file, "%d", &to) != 1 || (end = fgetc(file)) == EOF))
			break;
		for (int cpu = from; cpu <= to && cpu < self.nr_cpus; cpu++)
			self.online[cpu] = true;
	}
	fclose(file);
	for (unsigned int slot = 0; slot < self.options.slots; slot++)
		for (int cpu = 0; cpu < self.nr_cpus; cpu++)
			if (!self.online[cpu])
				give_back(point_of(slot, cpu));
}

/* --- what can be watched --- */

static struct target_device *find_device(uint64_t dev, uint64_t generation)
{
	struct target_device *more;

	for (size_t i = 0; i < self.nr_devices; i++) {
		if (self.devices[i].dev != dev)
			continue;
		if (self.devices[i].generation != generation)
			self.devices[i] =
				(struct target_device){ .dev = dev, .generation = generation };
		return &self.devices[i];
	}
	more = realloc(self.devices, (self.nr_devices + 1) * sizeof(*more));
	if (!more)
		return NULL;
	self.devices = more;
	more += self.nr_devices++;
	*more = (struct target_device){ .dev = dev, .generation = generation };
	return more;
}

/**
 * watch_shuns - is this device played by a program?
 * @device: the device
 *
 * What it does to the buffers are CPU accesses too, and no violation (dmaloop).
 */
bool watch_shuns(const struct device_state *device)
{
	return device->software;
}

/* Whether it can be watched, and how: fills @candidate. */
static bool is_candidate(const struct mapping_key *key, const struct mapping *map,
			 struct candidate *candidate)
{
	int devices = bpf_map__fd(self.bpf->maps.devices);
	struct target_device *target;
	struct device_state device;

	/* With SKIP_CPU_SYNC the driver syncs parts as it goes: the rest is the CPU's. */
	if (key->slot || !map->phys || !map->size || map->owner != OWNER_DEVICE ||
	    map->attrs & ATTR_SKIP_CPU_SYNC || map->born <= self.bpf->bss->watch_doubt)
		return false;
	if (bpf_map_lookup_elem(devices, &key->dev, &device) || device.ignored ||
	    device.generation != map->generation || watch_shuns(&device))
		return false;
	candidate->key = *key;
	candidate->map = *map;
	candidate->blind = map->blind || device.skips_sync || device.unmatched;
	if (candidate->blind && map->dir == DIR_TO_DEVICE)
		return false;
	/* What is never unmapped is not known to be mapped still. */
	if (candidate->blind && self.unmaps_optional && !device.unmaps)
		return false;
	target = find_device(key->dev, map->generation);
	if (!target)
		return false;
	target->candidates++;
	return true;
}

/* Look at the next SAMPLE mappings of the table. */
static void refresh(void)
{
	static struct mapping_key keys[SAMPLE];
	static struct mapping maps[SAMPLE];
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t next, nr = SAMPLE;
	int err;

	read_online();
	err = bpf_map_lookup_batch(bpf_map__fd(self.bpf->maps.mappings),
				   self.cursor ? &self.cursor : NULL, &next, keys, maps, &nr,
				   &opts);
	if (err && err != -ENOENT)
		nr = 0;
	self.cursor = err ? 0 : next;
	self.nr_sample = 0;
	for (size_t i = 0; i < self.nr_devices; i++)
		self.devices[i].candidates = 0;
	for (uint32_t i = 0; i < nr; i++)
		if (is_candidate(&keys[i], &maps[i], &self.sample[self.nr_sample]))
			self.nr_sample++;
	for (size_t i = 0; i < self.nr_devices;) {
		if (self.devices[i].candidates)
			i++;
		else
			self.devices[i] = self.devices[--self.nr_devices];
	}
}

/* Is it still as it was? */
static bool is_live(const struct candidate *candidate)
{
	int fd = bpf_map__fd(self.bpf->maps.mappings);
	struct mapping map;

	return !bpf_map_lookup_elem(fd, &candidate->key, &map) &&
	       map.generation == candidate->map.generation && map.born == candidate->map.born &&
	       map.owner == OWNER_DEVICE;
}

static void drop(struct candidate *candidate, struct target_device *device)
{
	device->candidates--;
	candidate->key.dev = 0;
}

/*
 * The next mapping of a device: the one after the last, by age, among those older
 * than a period; then from the oldest again. When none is that old, any.
 */
static struct candidate *next_mapping(struct target_device *device)
{
	uint64_t old = now() - self.options.period_ms * 1000000ull;

	while (device->candidates) {
		struct candidate *after = NULL, *oldest = NULL, *chosen;
		size_t skip = rand() % device->candidates;
		struct candidate *any = NULL;

		for (size_t i = 0; i < self.nr_sample; i++) {
			struct candidate *c = &self.sample[i];

			if (c->key.dev != device->dev)
				continue;
			if (!skip--)
				any = c;
			if (c->map.born > old)
				continue;
			if (!oldest || c->map.born < oldest->map.born)
				oldest = c;
			if (c->map.born > device->last_born &&
			    (!after || c->map.born < after->map.born))
				after = c;
		}
		chosen = after ? after : oldest ? oldest : any;
		if (!chosen)
			return NULL;
		if (!is_live(chosen)) {
			drop(chosen, device);
			continue;
		}
		/* Another place than in the round before. */
		if (!after)
			device->turn++;
		device->last_born = chosen->map.born;
		return chosen;
	}
	return NULL;
}

/* --- where in a buffer --- */

/* The largest aligned part of [from, to) with this byte. */
static struct place around(uint64_t byte, uint64_t from, uint64_t to)
{
	uint32_t size;

	for (size = 8; size > 1; size /= 2) {
		uint64_t start = byte & ~(uint64_t)(size - 1);

		if (start >= from && start + size <= to)
			break;
	}
	return (struct place){ .phys = byte & ~(uint64_t)(size - 1), .size = size };
}

/* Beside the buffer, on its first or last line. */
static bool slack_place(const struct candidate *c, struct place *place)
{
	int fd = bpf_map__fd(self.bpf->maps.slacks);
	uint64_t start = c->map.phys, end = start + c->map.size;
	/* struct slack of state.bpf.h: what is needed are its first two words. */
	uint32_t slack[(8 + 2 * LINE_SIZE_MAX) / 4], head, tail;
	uint64_t byte;

	if (c->map.told || bpf_map_lookup_elem(fd, &c->key, slack))
		return false;
	head = slack[0];
	tail = slack[1];
	if (!head && !tail)
		return false;
	byte = rand() % (head + tail);
	if (byte < head)
		*place = around(start - head + byte, start - head, start);
	else
		*place = around(end + byte - head, end, end + tail);
	place->kind = WATCH_SLACK;
	return true;
}

/* Status words are at the start or at the end, most of all. */
static bool choose_place(const struct candidate *c, unsigned int turn, struct place *place)
{
	uint64_t start = c->map.phys, end = start + c->map.size;

	if (c->blind)
		return slack_place(c, place);
	switch (turn % 4) {
	case 0:
		*place = around(start, start, end);
		break;
	case 1:
		*place = around(end - 1, start, end);
		break;
	case 2:
		if (slack_place(c, place))
			return true;
		/* fallthrough */
	default:
		*place = around(start + rand() % c->map.size, start, end);
		break;
	}
	place->kind = c->map.dir == DIR_TO_DEVICE ? WATCH_WRITE : WATCH_ACCESS;
	return true;
}

/* --- turns --- */

static void count_buffer(const struct candidate *c)
{
	uint64_t hash = (c->map.born ^ c->map.dma ^ c->map.dev) * 0x9e3779b97f4a7c15;
	uint32_t bit = hash >> 44;

	self.totals.turns++;
	if (self.seen[bit / 8] & 1 << bit % 8)
		return;
	self.seen[bit / 8] |= 1 << bit % 8;
	self.totals.buffers++;
}

/*
 * Tell the BPF side what a slot watches. Its old address was cleared, and every CPU
 * has since been asked to move: nobody still looks at the old contents.
 */
static void publish(unsigned int slot, const struct candidate *c, const struct place *place,
		    enum watch_kind kind)
{
	struct watch *watch = &self.bpf->bss->watches[slot];
	uint64_t address = self.bpf->bss->watch_direct_map + place->phys;

	*watch = (struct watch){
		.key = c->key,
		.generation = c->map.generation,
		.born = c->map.born,
		.phys = place->phys,
		.size = place->size,
		.kind = kind,
	};
	__atomic_store_n(&watch->address, address, __ATOMIC_RELEASE);
}

/* The last first: without its twin, a watch on any access takes writes for reads. */
static void retract(unsigned int first, unsigned int nr)
{
	for (unsigned int slot = first + nr; slot-- > first;)
		__atomic_store_n(&self.bpf->bss->watches[slot].address, 0, __ATOMIC_SEQ_CST);
}

/* Watch writes with one slot, and any access with the next when that is wanted too. */
static void place_watch(unsigned int slot, const struct candidate *c, const struct place *place,
			bool reads)
{
	uint64_t address = self.bpf->bss->watch_direct_map + place->phys;
	struct perf_event_attr write = breakpoint(address, place->size, HW_BREAKPOINT_W);
	struct perf_event_attr access = breakpoint(address, place->size, HW_BREAKPOINT_RW);

	for (int cpu = 0; cpu < self.nr_cpus; cpu++) {
		struct point *first = point_of(slot, cpu);
		struct point *second = reads ? point_of(slot + 1, cpu) : NULL;

		if (!self.online[cpu])
			continue;
		/* Out of the way: the first to be enabled gets the lower register. */
		if (second && second->link)
			ioctl(second->fd, PERF_EVENT_IOC_DISABLE, 0);
		/* The second means nothing without the first. */
		if (!take(first, slot, cpu, &write)) {
			if (second)
				give_back(second);
			continue;
		}
		if (second)
			take(second, slot + 1, cpu, &access);
	}
	count_refused();
	count_buffer(c);
	publish(slot, c, place, place->kind == WATCH_ACCESS ? WATCH_WRITE : place->kind);
	if (reads)
		publish(slot + 1, c, place, WATCH_ACCESS);
}

static void rest(unsigned int slot)
{
	for (int cpu = 0; cpu < self.nr_cpus; cpu++)
		give_back(point_of(slot, cpu));
}

/* A target for the slots from @slot on. Returns how many it takes, 0: there is none. */
static unsigned int next_target(unsigned int slot)
{
	for (size_t i = 0; i < self.nr_devices; i++) {
		struct target_device *device = &self.devices[self.next_device++ % self.nr_devices];
		struct candidate *c = next_mapping(device);
		struct place place;
		bool reads;

		if (!c || !choose_place(c, device->turn++, &place))
			continue;
		reads = place.kind == WATCH_ACCESS && slot + 1 < self.options.slots;
		place_watch(slot, c, &place, reads);
		return reads ? 2 : 1;
	}
	return 0;
}

/* Mappings older than an event that was lost are not judged from now on. */
static void note_missed(uint64_t missed)
{
	if (missed == self.missed)
		return;
	self.missed = missed;
	self.bpf->bss->watch_doubt = now();
}

/**
 * watch_doubts - was an event lost since the mapping was made?
 * @finding: of a watch
 * @missed: events lost so far
 */
bool watch_doubts(const struct finding *finding, uint64_t missed)
{
	note_missed(missed);
	return finding->map.born <= self.bpf->bss->watch_doubt;
}

/**
 * watch_turn - move the watches on when it is time to
 * @missed: events lost so far
 *
 * Return: milliseconds until it is time again.
 */
int watch_turn(uint64_t missed)
{
	uint64_t time = now(), period = self.options.period_ms * 1000000ull;
	unsigned int slot = 0, taken;

	if (time - self.turned < period)
		return (period - (time - self.turned)) / 1000000 + 1;
	self.turned = time;
	note_missed(missed);
	if (time - self.refreshed >= REFRESH_NS) {
		refresh();
		self.refreshed = time;
	}
	retract(0, self.options.slots);
	while (slot < self.options.slots) {
		taken = next_target(slot);
		if (!taken)
			break;
		slot += taken;
	}
	/* Nothing to watch: others may have the use of them. */
	for (; slot < self.options.slots; slot++)
		rest(slot);
	return self.options.period_ms;
}

/**
 * watch_spent - a slot has seen enough where it is
 * @slot: which
 *
 * It and its twin rest until the next turn, so that a target which is touched all the
 * time costs little.
 */
void watch_spent(unsigned int slot)
{
	const struct watch *watches = self.bpf->bss->watches;
	unsigned int first = slot, nr = 1;

	/* News of where it was before is late. */
	if (slot >= self.options.slots || watches[slot].hits < WATCH_HITS_MAX)
		return;
	if (watches[slot].kind == WATCH_ACCESS)
		first--;
	if (first + 1 < self.options.slots && watches[first + 1].kind == WATCH_ACCESS)
		nr = 2;
	retract(first, nr);
	for (slot = first; slot < first + nr; slot++)
		for (int cpu = 0; cpu < self.nr_cpus; cpu++)
			if (point_of(slot, cpu)->link)
				ioctl(point_of(slot, cpu)->fd, PERF_EVENT_IOC_DISABLE, 0);
}

/**
 * watch_totals - what came of it so far
 */
struct watch_totals watch_totals(void)
{
	struct watch_totals totals = self.totals;

	totals.options = self.options;
	if (self.bpf)
		for (int i = 0; i < NR_WATCH_COUNTS; i++)
			totals.counts[i] = self.bpf->bss->watch_counts[i];
	return totals;
}

/* --- start and stop --- */

/**
 * watch_parse - the argument of --watch
 * @text: SLOTS[,MS], or NULL for the defaults
 * @options: out
 *
 * Return: NULL, or what is wrong with it.
 */
const char *watch_parse(const char *text, struct watch_options *options)
{
	char *end;

	options->slots = 2;
	options->period_ms = 100;
	if (!text)
		return NULL;
	options->slots = strtoul(text, &end, 10);
	if (end == text || !options->slots || options->slots > WATCHES)
		return "1 to 4 debug registers of each CPU";
	if (!*end)
		return NULL;
	text = end + 1;
	options->period_ms = strtoul(text, &end, 10);
	if (text[-1] != ',' || end == text || *end || options->period_ms < 1 ||
	    options->period_ms > 60000)
		return "SLOTS[,MS], with 1 to 60000 milliseconds";
	return NULL;
}

/* The DMA API's own code, and readers of all memory. */
static bool find_legal_text(void)
{
	static const char *const prefixes[] = {
		"dma_map_",
		"__dma_map_",
		"dma_unmap_",
		"dma_sync_",
		"__dma_sync_",
		"dma_direct_",
		"swiotlb_",
		"iommu_dma_",
		"__iommu_dma_",
		/* Other tracers, kmemleak, /proc/kcore. */
		"copy_from_kernel_nofault",
		"scan_block",
		"read_kcore",
		NULL,
	};
	struct text_range *ranges = self.bpf->bss->legal_text;
	size_t nr = symbols_ranges(prefixes, ranges, LEGAL_TEXT_MAX);
	static const char *const optional[] = { "__dma_need_unmap", NULL };
	struct text_range range;

	self.unmaps_optional = symbols_ranges(optional, &range, 1);
	self.bpf->bss->nr_legal_text = nr;
	return nr && nr <= LEGAL_TEXT_MAX;
}

/* Does a watchpoint that was accepted fire? Some hypervisors accept and ignore it. */
static const char *try_one(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	int program = bpf_program__fd(self.bpf->progs.watch_probe);
	struct perf_event_attr attr;
	uint64_t hits = 0;
	int fd, cpu = 0;

	while (cpu < self.nr_cpus - 1 && !self.online[cpu])
		cpu++;
	run.flags = BPF_F_TEST_RUN_ON_CPU;
	run.cpu = cpu;
	if (bpf_prog_test_run_opts(program, &run))
		return "the kernel did not run its probe";
	if (!self.bpf->bss->watch_direct_map)
		return "where physical memory is mapped could not be found";
	attr = breakpoint(self.bpf->bss->watch_target_address, 8, HW_BREAKPOINT_W);
	fd = open_breakpoint(&attr, cpu);
	if (fd < 0) {
		switch (errno) {
		case ENOSPC:
			/* All are taken just now: it is tried again. */
			return NULL;
		case EACCES:
		case EPERM:
			return "the kernel does not allow it (lockdown, or a security module): "
			       "needs CAP_SYS_ADMIN and perf events";
		default:
			return "this machine has no hardware watchpoints (some hypervisors hide "
			       "them); run without --watch";
		}
	}
	bpf_prog_test_run_opts(program, &run);
	if (read(fd, &hits, sizeof(hits)) != sizeof(hits))
		hits = 0;
	close(fd);
	return hits ? NULL :
		      "hardware watchpoints are accepted, but do not fire (a hypervisor "
		      "ignores them); run without --watch";
}

/**
 * watch_start - get ready
 * @bpf: loaded
 * @options: what is wanted
 *
 * Return: NULL, or why not and what to do.
 */
const char *watch_start(struct dmasnoop_bpf *bpf, const struct watch_options *options)
{
	self.bpf = bpf;
	self.options = *options;
	self.nr_cpus = libbpf_num_possible_cpus();
	if (self.nr_cpus < 1)
		return "the CPUs could not be counted (/sys/devices/system/cpu/possible)";
	self.points = calloc(options->slots * self.nr_cpus, sizeof(*self.points));
	self.online = calloc(self.nr_cpus, sizeof(*self.online));
	self.sample = calloc(SAMPLE, sizeof(*self.sample));
	if (!self.points || !self.online || !self.sample)
		return "out of memory";
	read_online();
	if (!find_legal_text())
		return "the DMA API's functions were not found in /proc/kallsyms; "
		       "is /proc/sys/kernel/kptr_restrict 2?";
	return try_one();
}

/**
 * watch_stop - give everything back
 */
void watch_stop(void)
{
	if (self.points) {
		retract(0, self.options.slots);
		for (unsigned int slot = 0; slot < self.options.slots; slot++)
			rest(slot);
	}
	free(self.points);
	free(self.online);
	free(self.sample);
	free(self.devices);
	self.points = NULL;
}
