// SPDX-License-Identifier: GPL-2.0
/*
 * The BPF side's table of mappings, and its devices. Both are shared memory: what is
 * read may change meanwhile, so it is copied, and looked at once more.
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

/* One page in so many may be mapped at a time; or so many at least, and at most. */
#define PAGES_A_MAPPING 16
#define MAPPINGS_MIN (1u << 16)
#define MAPPINGS_MAX (1u << 21)

static struct {
	struct dmasnoop_bpf *bpf;
	struct bucket *buckets;
	uint32_t nr;
} self;

/* Then every mapping has two addresses. */
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
 * @pages: of memory
 * @mappings: that can be live at once; 0: as many as is likely of so much memory
 *
 * A third more than that: full buckets take time. A mapping takes 98 bytes.
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
 * table_open - see the table
 * @bpf: loaded, after table_size()
 * @fill: it is filled here, not by the BPF side
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
 * table_close - see it no more
 */
void table_close(void)
{
	if (self.buckets)
		munmap(self.buckets, self.nr * sizeof(struct bucket));
	memset(&self, 0, sizeof(self));
}

/**
 * table_buckets - the table itself, for who is to fill it
 */
struct bucket *table_buckets(void)
{
	return self.buckets;
}

/**
 * table_slots - how many places there are for mappings
 */
uint32_t table_slots(void)
{
	return self.nr * BUCKET;
}

/**
 * table_read - the mapping at a place
 * @at: place
 * @map: out
 *
 * Return: it is live. If not, @map is what was there last.
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
 * table_born - when a mapping was made, CLOCK_MONOTONIC, ns
 * @map: as it is in the table
 */
uint64_t table_born(const struct mapping *map)
{
	return map->flags & MAP_COARSE ?
		       map->born * self.bpf->rodata->facts.tick_ns + self.bpf->bss->jiffies_offset :
		       map->born;
}

/**
 * table_settle - make the times in a copy of a mapping those of the clock
 * @map: as it was in the table; not to be compared with what is there any more
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
 * table_device - a device
 * @generation: which
 * @device: out
 *
 * Return: it is there still.
 */
bool table_device(uint32_t generation, struct device_state *device)
{
	*device = self.bpf->bss->devices[device_slot(generation)];
	return device->ready && device->generation == generation;
}
