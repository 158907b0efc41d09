/* SPDX-License-Identifier: GPL-2.0 */
/* Finding a live mapping by an address. Part of dmasnoop.bpf.c. */
#ifndef DMASNOOP_FIND_BPF_H
#define DMASNOOP_FIND_BPF_H

/* How far back a mapping may start for an address in it to be found, in pages. */
#define LADDER 16

struct index_walk {
	u64 dev;
	u64 dma;
	u64 space;
	u64 first_page;
};

/* A mapping is in the index at its first page and at every LADDERth after it. */
static long index_one(u32 index, struct index_walk *walk)
{
	struct page_key key = { .page = walk->first_page + index * LADDER, .space = walk->space };
	struct page_starts *page;

	if (walk->space == SPACE_DMA)
		key.dev = walk->dev;
	page = bpf_map_lookup_elem(&starts, &key);
	if (page) {
		u32 next = STARTS;

		for (u32 i = 0; i < STARTS; i++) {
			struct mapping_key old = { .dev = page->at[i].dev, .dma = page->at[i].dma };

			if (old.dma == walk->dma && old.dev == walk->dev)
				return 0;
			if (next == STARTS && !bpf_map_lookup_elem(&mappings, &old))
				next = i;
		}
		/* More than STARTS live ones: one of them will not be found. */
		if (next == STARTS)
			next = page->next++;
		next &= STARTS - 1;
		page->at[next].dev = walk->dev;
		page->at[next].dma = walk->dma;
	} else {
		struct page_starts fresh = { .at = { { walk->dev, walk->dma } }, .next = 1 };

		bpf_map_update_elem(&starts, &key, &fresh, BPF_ANY);
	}
	return 0;
}

/* Makes @s->map findable by its DMA or its physical addresses. */
__noinline int index_add(struct scratch *s, u64 space)
{
	struct index_walk walk = { .space = space };
	u64 address, pages;

	s = own(s);
	if (!s)
		return 0;
	address = space == SPACE_DMA ? s->map.dma : s->map.phys;
	pages = ((address + s->map.size - 1) >> PAGE_SHIFT) - (address >> PAGE_SHIFT) + 1;
	walk.dev = s->map.dev;
	walk.dma = s->map.dma;
	walk.first_page = address >> PAGE_SHIFT;
	if (pages <= LADDER)
		index_one(0, &walk);
	else
		bpf_loop((pages + LADDER - 1) / LADDER, index_one, &walk, 0);
	return 0;
}

static __always_inline bool same_key(const struct mapping_key *a, const struct mapping_key *b)
{
	return a->dev == b->dev && a->dma == b->dma && a->slot == b->slot;
}

static __always_inline struct mapping *live_mapping(const struct mapping_key *key, u64 generation)
{
	struct mapping *map = bpf_map_lookup_elem(&mappings, key);

	return map && map->generation == generation ? map : NULL;
}

/* The same, of any device. */
static __always_inline struct mapping *live_any(const struct mapping_key *key)
{
	struct mapping *map = bpf_map_lookup_elem(&mappings, key);
	struct device_state *device = map ? bpf_map_lookup_elem(&devices, &map->dev) : NULL;

	return device && device->generation == map->generation && map->users ? map : NULL;
}

/* A mapping may be over without our knowing: never unmapped, or the event lost. */
static __noinline bool is_unsure_of(const struct mapping *map)
{
	u64 dev = map->dev;
	struct device_state *device = bpf_map_lookup_elem(&devices, &dev);

	return !device || device->lazy || events_lost(device);
}

static __always_inline bool covers(const struct mapping *map, u64 space, u64 address)
{
	u64 start = space == SPACE_DMA ? map->dma : map->phys;

	return address >= start && address - start < map->size;
}

/* A walk over the live mappings that start in some pages. */
struct starts_walk {
	struct scratch *s;
	u64 space;
	u64 address;
	u64 page;
	u64 mode;
	u64 found;
};

static long covers_one(u32 index, struct starts_walk *walk)
{
	struct page_key key = { .page = walk->page, .space = walk->space };
	struct page_starts *page;
	struct mapping *map;
	struct scratch *s = walk->s;

	if (walk->space == SPACE_DMA)
		key.dev = s->dev;
	page = bpf_map_lookup_elem(&starts, &key);
	if (!page)
		return 1;
	s->key.dev = page->at[index / SLOTS & (STARTS - 1)].dev;
	s->key.dma = page->at[index / SLOTS & (STARTS - 1)].dma;
	s->key.slot = index % SLOTS;
	if (!s->key.dev)
		return 1;
	map = live_any(&s->key);
	if (!map || !covers(map, walk->space, walk->address))
		return 0;
	walk->found = 1;
	return 1;
}

static long covers_page(u32 back, struct starts_walk *walk)
{
	walk->page = (walk->address >> PAGE_SHIFT) - back;
	bpf_loop(STARTS * SLOTS, covers_one, walk, 0);
	return walk->found;
}

/*
 * The mapping that an address lies in: its key goes to @s->key. A DMA address is
 * looked for in @s->dev only. Only as good as the index, which may have forgotten.
 */
__noinline int search_containing(struct scratch *s, u64 space, u64 address)
{
	struct starts_walk walk = { .space = space, .address = address };

	s = own(s);
	if (!s)
		return 0;
	walk.s = s;
	bpf_loop(LADDER, covers_page, &walk, 0);
	return walk.found;
}

static __always_inline struct mapping *find_containing(struct scratch *s, u64 space, u64 address)
{
	return search_containing(s, space, address) ? live_any(&s->key) : NULL;
}

/*
 * The live mapping at exactly this address that fits best; its key in @s->key.
 * For a sync it fits when the synced range lies in it.
 */
__noinline int search_exact(struct scratch *s)
{
	u64 best = SLOTS;
	bool sync;

	s = own(s);
	if (!s)
		return 0;
	sync = s->op == OP_SYNC_FOR_CPU || s->op == OP_SYNC_FOR_DEVICE;
	s->key.dev = s->dev;
	s->key.dma = s->dma;
	for (u32 slot = 0; slot < SLOTS; slot++) {
		struct mapping *map;

		s->key.slot = slot;
		map = live_mapping(&s->key, s->generation);
		if (!map || !map->users)
			continue;
		if (map->dir == s->dir &&
		    (sync ? s->size <= map->size : map->size == s->size && map->kind == s->kind))
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

#endif
