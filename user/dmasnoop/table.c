// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the BPF side's table of mappings and its devices. Both are shared memory, which may change
 * during the read, so each entry is copied and then checked again.
 */
#include <glob.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "core/table_protocol.h"
#include "core/watches.h"
#include "table.h"
#include "dmasnoop.skel.h"

/* A default table has a mapping for each PAGES_A_MAPPING pages of memory, within these limits. */
#define PAGES_A_MAPPING 16
#define MAPPINGS_MIN (1u << 16)
#define MAPPINGS_MAX (1u << 21)

static struct {
	struct dmasnoop_bpf *bpf;
	struct bucket *buckets;
	uint32_t nr;
} self;

/* An IOMMU gives every mapping two addresses. */
static bool has_iommu(void)
{
	glob_t found;
	bool any = !glob("/sys/class/iommu/*", 0, NULL, &found);

	if (any)
		globfree(&found);
	return any;
}

/**
 * table_size - make room for mappings
 * @bpf: opened, not loaded
 * @pages: pages of memory
 * @mappings: number of mappings that can be live at once; 0: an estimate by the size of memory
 *
 * The table is a third larger, because full buckets take time. A mapping takes 98 bytes.
 */
void table_size(struct dmasnoop_bpf *bpf, uint64_t pages, uint64_t mappings)
{
	if (!mappings)
		mappings = pages / PAGES_A_MAPPING < MAPPINGS_MIN ? MAPPINGS_MIN :
			   pages / PAGES_A_MAPPING > MAPPINGS_MAX ? MAPPINGS_MAX :
								    pages / PAGES_A_MAPPING;
	self.nr = mappings * 4 / 3 / BUCKET + 1;
	bpf->rodata->facts.nr_buckets = self.nr;
	bpf_map__set_max_entries(bpf->maps.mappings, self.nr);
	if (has_iommu())
		bpf_map__set_max_entries(bpf->maps.starts, STARTS_MAX_IOMMU);
}

/**
 * table_open - map the table into this process
 * @bpf: loaded, after table_size()
 * @fill: this process fills the table, not the BPF side
 *
 * Return: false with errno set.
 */
bool table_open(struct dmasnoop_bpf *bpf, bool fill)
{
	void *memory = mmap(NULL, self.nr * sizeof(struct bucket),
			    PROT_READ | (fill ? PROT_WRITE : 0), MAP_SHARED,
			    bpf_map__fd(bpf->maps.mappings), 0);

	if (memory == MAP_FAILED)
		return false;
	self.bpf = bpf;
	self.buckets = memory;
	return true;
}

/**
 * table_close - unmap the table
 */
void table_close(void)
{
	if (self.buckets)
		munmap(self.buckets, self.nr * sizeof(struct bucket));
	memset(&self, 0, sizeof(self));
}

/**
 * table_buckets - return the table itself, for the engine to fill
 */
struct bucket *table_buckets(void)
{
	return self.buckets;
}

/**
 * table_slots - return the number of slots in the table
 */
uint32_t table_slots(void)
{
	return self.nr * BUCKET;
}

/**
 * table_read - read a slot
 * @at: index of the slot
 * @map: out; the mapping
 *
 * Return: true if the mapping is live. Otherwise @map is the last mapping of the slot.
 */
bool table_read(uint32_t at, struct mapping *map)
{
	const struct bucket *bucket = &self.buckets[at / BUCKET];
	const struct mapping *from = &bucket->map[at % BUCKET];
	uint32_t users = __atomic_load_n(&from->users, __ATOMIC_ACQUIRE);
	uint16_t turn = from->turn;

	*map = *from;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	map->users = users & SLOT_USERS;
	return slot_is_live(users) && slot_is_live(from->users) && from->turn == turn &&
	       bucket->tags >> at % BUCKET * 8 & 0xff;
}

/**
 * table_born - return the time at which a mapping was made, CLOCK_MONOTONIC, ns
 * @map: the mapping as in the table
 */
uint64_t table_born(const struct mapping *map)
{
	return map->flags & MAP_COARSE ?
		       map->born * self.bpf->rodata->facts.tick_ns + self.bpf->bss->jiffies_offset :
		       map->born;
}

/**
 * table_settle - convert the times in a copy of a mapping to CLOCK_MONOTONIC
 * @map: copy of a slot; it can no longer be compared with the slot
 */
void table_settle(struct mapping *map)
{
	map->born = table_born(map);
	for (int i = 0; i < STEPS; i++)
		if (map->steps[i].coarse == STEP_TICKS)
			map->steps[i].after =
				map->steps[i].after * self.bpf->rodata->facts.tick_ns / STEP_NS;
}

/**
 * table_device - read a device
 * @generation: generation of the device
 * @device: out; the device
 *
 * Return: true if the device still exists.
 */
bool table_device(uint32_t generation, struct device_state *device)
{
	*device = self.bpf->bss->devices[device_slot(generation)];
	return device->ready && device->generation == generation;
}
