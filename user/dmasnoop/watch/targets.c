// SPDX-License-Identifier: GPL-2.0
/*
 * Chooses the targets of watchpoints, see targets.h.
 *
 * The devices take turns. The buffers of a device take turns, from the oldest on, because a
 * short-lived one is gone before a watchpoint is set. The start, the end and other parts of a
 * buffer take turns. A target may be gone a moment later, so the BPF side compares the mapping.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "core/rules.h"
#include "core/watches.h"
#include "watch/targets.h"
#include "dmasnoop.skel.h"
#include "symbols.h"
#include "table.h"

#define SAMPLE 1024 /* maximum number of mappings to choose from */
#define PLACES (1 << 16) /* slots that are read together */

/* A mapping that can be watched, as it was when it was read. */
struct candidate {
	uint32_t at;
	struct mapping map;
	bool blind; /* only writes to neighbour bytes can be judged */
};

/**
 * struct target_device - a device that takes its turn
 * @generation: generation of the device
 * @last_born: time at which the mapping watched last was made
 * @rounds: number of rounds through the device's buffers
 * @turn: counter that selects another place in the buffer in each round
 * @candidates: number of the device's mappings in the current sample
 */
struct target_device {
	uint32_t generation;
	uint64_t last_born;
	unsigned int rounds;
	unsigned int turn;
	size_t candidates;
};

static struct {
	struct dmasnoop_bpf *bpf;
	uint64_t period;
	struct candidate *sample;
	size_t nr_sample;
	uint32_t cursor; /* next slot to read */
	struct target_device *devices;
	size_t nr_devices;
	size_t next_device;
	bool unmaps_optional; /* drivers may leave out unmaps if syncs are skipped (7.x) */
} self;

/* --- mappings that can be watched --- */

static struct target_device *find_device(uint32_t generation)
{
	struct target_device *more;

	for (size_t i = 0; i < self.nr_devices; i++)
		if (self.devices[i].generation == generation)
			return &self.devices[i];
	more = realloc(self.devices, (self.nr_devices + 1) * sizeof(*more));
	if (!more)
		return NULL;
	self.devices = more;
	more += self.nr_devices++;
	*more = (struct target_device){ .generation = generation };
	return more;
}

/*
 * Tests whether a mapping can be watched, and fills in @candidate. The present owner does not
 * matter: a buffer is watched across its handovers, and its owner is judged at the hit.
 */
static bool is_candidate(uint32_t at, const struct mapping *map, struct candidate *candidate)
{
	struct target_device *target;
	struct device_state device;

	/*
	 * With DMA_ATTR_SKIP_CPU_SYNC the driver syncs only the parts that it needs, and the CPU
	 * owns the rest.
	 */
	if (!map->phys || !map->size || !rule_is_streaming(map->kind) ||
	    map->attrs & ATTR_SKIP_CPU_SYNC || table_born(map) <= self.bpf->bss->lost_before)
		return false;
	if (!table_device(map->generation, &device) || device.ignored)
		return false;
	/* The device is a module (dmaloop), so its accesses are CPU accesses as well. */
	if (device.software)
		return false;
	candidate->at = at;
	candidate->map = *map;
	candidate->blind = map->flags & MAP_BLIND || device.skips_sync || device.unmatched;
	if (candidate->blind && map->dir == DIR_TO_DEVICE)
		return false;
	/* The end of a mapping cannot be seen if the driver never unmaps it. */
	if (candidate->blind && self.unmaps_optional && !device.unmaps)
		return false;
	target = find_device(map->generation);
	if (!target)
		return false;
	target->candidates++;
	return true;
}

/**
 * targets_refresh - read the next part of the table
 */
void targets_refresh(void)
{
	struct mapping map;

	self.nr_sample = 0;
	for (size_t i = 0; i < self.nr_devices; i++)
		self.devices[i].candidates = 0;
	for (uint32_t i = 0; i < PLACES && i < table_slots() && self.nr_sample < SAMPLE; i++) {
		uint32_t at = self.cursor++ % table_slots();

		if (table_read(at, &map) && is_candidate(at, &map, &self.sample[self.nr_sample]))
			self.nr_sample++;
	}
	for (size_t i = 0; i < self.nr_devices;) {
		if (self.devices[i].candidates)
			i++;
		else
			self.devices[i] = self.devices[--self.nr_devices];
	}
}

/* Tests whether the mapping has not changed. */
static bool is_live(const struct candidate *candidate)
{
	struct mapping map;

	return table_read(candidate->at, &map) && map.dma == candidate->map.dma &&
	       map.generation == candidate->map.generation && map.born == candidate->map.born &&
	       map.turn == candidate->map.turn;
}

static void drop(struct candidate *candidate, struct target_device *device)
{
	device->candidates--;
	candidate->map.generation = 0;
}

/*
 * Returns the next mapping of a device. Mappings older than a period take turns, in the order of
 * their age. If no mapping is that old, any mapping is returned.
 */
static struct candidate *next_mapping(struct target_device *device)
{
	struct timespec time;
	uint64_t old;

	clock_gettime(CLOCK_MONOTONIC, &time);
	old = time.tv_sec * 1000000000ull + time.tv_nsec - self.period;

	while (device->candidates) {
		struct candidate *after = NULL, *oldest = NULL, *chosen;
		size_t skip = rand() % device->candidates;
		struct candidate *any = NULL;

		for (size_t i = 0; i < self.nr_sample; i++) {
			struct candidate *c = &self.sample[i];

			if (c->map.generation != device->generation)
				continue;
			if (!skip--)
				any = c;
			if (table_born(&c->map) > old)
				continue;
			if (!oldest || table_born(&c->map) < table_born(&oldest->map))
				oldest = c;
			if (table_born(&c->map) > device->last_born &&
			    (!after || table_born(&c->map) < table_born(&after->map)))
				after = c;
		}
		chosen = after ? after : oldest ? oldest : any;
		if (!chosen)
			return NULL;
		if (!is_live(chosen)) {
			drop(chosen, device);
			continue;
		}
		if (!after)
			device->turn = ++device->rounds;
		device->last_born = table_born(&chosen->map);
		return chosen;
	}
	return NULL;
}

/* --- places in a buffer --- */

/* Chooses the largest aligned part of [from, to) that contains a byte. */
static void around(struct target *target, uint64_t byte, uint64_t from, uint64_t to)
{
	for (target->size = 8; target->size > 1; target->size /= 2) {
		target->phys = byte & ~(uint64_t)(target->size - 1);
		if (target->phys >= from && target->phys + target->size <= to)
			return;
	}
	target->phys = byte;
}

/* Reads the neighbour bytes kept for the mapping at an address, see bpf/core/neighbours.h. */
static bool find_neighbours(uint64_t phys, struct neighbours *beside)
{
	int fd = bpf_map__fd(self.bpf->maps.neighbours);

	for (uint32_t i = 0; i < NEIGHBOURS_REACH; i++) {
		uint32_t slot = (neighbours_home(phys) + i) & (NEIGHBOURS_MAX - 1);

		if (!bpf_map_lookup_elem(fd, &slot, beside) && beside->owner == phys + 1)
			return true;
	}
	return false;
}

/* Chooses neighbour bytes on the buffer's first or last cache line. */
static bool choose_neighbours(const struct candidate *c, struct target *target)
{
	uint64_t start = c->map.phys, end = start + c->map.size, byte;
	uint32_t head, tail;
	struct neighbours beside;

	if (c->map.flags & MAP_REPORTED || !find_neighbours(c->map.phys, &beside))
		return false;
	head = beside.head;
	tail = beside.tail;
	if (!head && !tail)
		return false;
	byte = rand() % (head + tail);
	if (byte < head)
		around(target, start - head + byte, start - head, start);
	else
		around(target, end + byte - head, end, end + tail);
	target->kind = WATCH_NEIGHBOURS;
	return true;
}

/* Chooses a part of the buffer. Status words are mostly at the start or the end. */
static bool choose_place(const struct candidate *c, unsigned int turn, struct target *target)
{
	uint64_t start = c->map.phys, end = start + c->map.size;

	if (c->blind)
		return choose_neighbours(c, target);
	target->kind = c->map.dir == DIR_TO_DEVICE ? WATCH_WRITE : WATCH_ACCESS;
	switch (turn % 4) {
	case 0:
		around(target, start, start, end);
		return true;
	case 1:
		around(target, end - 1, start, end);
		return true;
	case 2:
		if (choose_neighbours(c, target))
			return true;
		break;
	}
	around(target, start + rand() % c->map.size, start, end);
	return true;
}

/**
 * targets_next - choose the next target
 * @target: out; the target
 *
 * Return: false when there is nothing to watch.
 */
bool targets_next(struct target *target)
{
	for (size_t i = 0; i < self.nr_devices; i++) {
		struct target_device *device = &self.devices[self.next_device++ % self.nr_devices];
		struct candidate *c = next_mapping(device);

		if (!c || !choose_place(c, device->turn++, target))
			continue;
		target->map = c->map;
		target->at = c->at;
		return true;
	}
	return false;
}

/**
 * targets_start - prepare the choice of targets
 * @bpf: loaded
 * @period_ms: time that a watchpoint stays on one target, ms
 *
 * Return: false when there is no memory.
 */
bool targets_start(struct dmasnoop_bpf *bpf, unsigned int period_ms)
{
	static const char *const optional[] = { "__dma_need_unmap", NULL };
	struct range range;

	self.bpf = bpf;
	self.period = period_ms * 1000000ull;
	self.unmaps_optional = symbols_ranges(optional, &range, 1);
	self.sample = calloc(SAMPLE, sizeof(*self.sample));
	return self.sample;
}

/**
 * targets_stop - free the sample and the devices
 */
void targets_stop(void)
{
	free(self.sample);
	free(self.devices);
}
