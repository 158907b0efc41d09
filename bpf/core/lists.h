/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls that are about many mappings. A scatter-gather list is one event for each of its entries. A
 * range of dma_iova_*() is one event for each piece that was linked.
 */
#ifndef DMASNOOP_LISTS_H
#define DMASNOOP_LISTS_H

#include "core/fast_path.h"
#include "core/finding.h"
#include "core/judge_map.h"
#include "core/judge_sync.h"
#include "core/judge_unmap.h"

/* --- scatter-gather lists --- */

#define SG_CHAIN 1
#define SG_END 2
#define SG_MAX (1 << 16)

struct sg_walk {
	void *ctx;
	struct scratch *s;
	struct device_state *device; /* NULL when the fast path does not take the device's events */
	u64 sp;
};

static __always_inline u64 sg_next(u64 entry)
{
	u64 link = env_sg_link_at(entry);

	if (link & SG_END)
		return 0;
	entry += env_sg_size();
	link = env_sg_link_at(entry);
	return link & SG_CHAIN ? link & ~(SG_CHAIN | SG_END) : entry;
}

/* Reads the following entries of a list, as long as they are adjacent in memory. */
static __always_inline void sg_read(struct scratch *s)
{
	u32 size = env_sg_size();

	s->sg.unread = s->sg.left < SG_READ ? s->sg.left : SG_READ;
	s->sg.next = 0;
	/* No memory may follow the last entry. */
	if (env_sg_read(s->sg.raw, s->sg.unread * size & (SG_BYTES - 1), s->sg.entry)) {
		s->sg.unread = 1;
		env_sg_read(s->sg.raw, size & (SG_BYTES - 1), s->sg.entry);
	}
}

/* Finds the part of a merged segment that belongs to an entry. */
static __always_inline void sg_find_segment(struct scratch *s)
{
	u64 dma, size;

	env_sg_segment_at(s->sg.segment, &dma, &size);
	s->dma = dma;
	s->sg.segment_size = size;
	s->sg.merged = s->sg.used;
	s->sg.used += s->size;
	if (s->sg.used >= s->sg.segment_size) {
		s->sg.used = 0;
		s->sg.segment = sg_next(s->sg.segment);
	}
}

/*
 * Loads the next entry into @s, with its DMA address inside the segment into which an IOMMU merged
 * it. Returns false when there is no entry.
 */
static __always_inline bool sg_load(struct scratch *s)
{
	u64 here = s->sg.entry, link, length;
	u8 *entry;

	if (!here || !s->sg.left)
		return false;
	if (!s->sg.unread)
		sg_read(s);
	entry = s->sg.raw + (s->sg.next & (SG_BYTES - 1));
	/* The statement makes clang compute the pointer once, not for each field. */
	asm volatile("" : "+r"(entry));
	link = env_sg_link(entry);
	if (link & SG_CHAIN) {
		here = link & ~(SG_CHAIN | SG_END);
		if (s->sg.segment == s->sg.entry)
			s->sg.segment = here;
		s->sg.entry = here;
		sg_read(s);
		entry = s->sg.raw;
		link = env_sg_link(entry);
	}
	length = env_sg_length(entry);
	s->size = length;
	s->phys = env_page_phys(link & ~(SG_CHAIN | SG_END));
	if (s->phys)
		s->phys += env_sg_offset(entry);
	/* Only the first entry keeps the count. */
	s->nents = here == s->sg.list ? s->sg.left : 0;
	s->sg.left--;
	s->sg.unread--;
	s->sg.next += env_sg_size();
	s->sg.entry = link & SG_END ? 0 : here + env_sg_size();
	if (s->sg.segment == here && env_sg_dma_length(entry) == length) {
		s->dma = env_sg_dma(entry);
		s->sg.segment = s->sg.entry;
		s->sg.segment_size = length;
		s->sg.merged = 0;
		return s->dma != ~0ull;
	}
	if (!s->sg.segment)
		return false;
	sg_find_segment(s);
	if (s->dma == ~0ull || !s->sg.segment_size)
		return false;
	s->dma += s->sg.merged;
	return true;
}

/* Takes an entry that is a segment of its own from the entries already read. */
static __always_inline bool sg_pick(struct scratch *s, const u8 *entry, bool map, u64 *link)
{
	*link = env_sg_link(entry);
	s->size = env_sg_length(entry);
	if (*link & SG_CHAIN || env_sg_dma_length(entry) != s->size)
		return false;
	s->dma = env_sg_dma(entry);
	if (map)
		s->phys = env_page_phys(*link & ~SG_END) + env_sg_offset(entry);
	return true;
}

/*
 * Maps or unmaps entries of a list, as long as each is a segment of its own and the fast path takes
 * it. Returns whether the caller may continue with the fast path.
 */
static __always_inline bool sg_fast(struct sg_walk *walk, struct scratch *s, bool map)
{
	u32 size = env_sg_size(), unread = s->sg.left, done;
	u32 nents = s->sg.entry == s->sg.list ? s->sg.left : 0;
	u64 link, address = s->sg.entry;
	bool ended = false;
	u8 *entry;

	if (!walk->device || s->sg.segment != s->sg.entry || nents > 0xffff)
		return false;
	if (!env_sg_can_peek()) {
		if (!s->sg.unread)
			sg_read(s);
		unread = s->sg.unread;
	}
	entry = s->sg.raw + (s->sg.next & (SG_BYTES - 1));
	asm volatile("" : "+r"(entry));
	for (done = 0; done < SG_READ && done < unread && !ended; done++) {
		if (!(env_sg_can_peek() ? env_sg_peek(s, address, map, &link) :
					  sg_pick(s, entry, map, &link)))
			break;
		if (map) {
			if (s->size > s->sg.max ||
			    !rule_segment(s->dma, s->size, ~0ull, s->sg.boundary) ||
			    !fast_map_of(walk->device, &s->dev, walk->sp, KIND_SG, nents))
				break;
		} else if (!fast_unmap_of(walk->device, &s->dma, KIND_SG, nents)) {
			break;
		}
		nents = 0;
		ended = link & SG_END;
		address += size;
		entry += size;
	}
	s->sg.left -= done;
	if (env_sg_can_peek()) {
		s->sg.unread = 0;
	} else {
		s->sg.unread -= done;
		s->sg.next += done * size;
	}
	s->sg.entry = ended ? 0 : address;
	s->sg.segment = s->sg.entry;
	return ended || done == SG_READ || done == unread;
}

/* Processes some entries: all that the fast path takes, or one on the slow path. */
static __always_inline long sg_some(struct sg_walk *walk, bool map)
{
	struct scratch *s = walk->s;

	if (!s->sg.entry || !s->sg.left)
		return 1;
	if (sg_fast(walk, s, map))
		return 0;
	if (!sg_load(s))
		return 1;
	if (map)
		on_map(walk->ctx, s);
	else
		on_unmap(walk->ctx, s);
	return 0;
}

static long sg_map_some(u32 index, struct sg_walk *walk)
{
	(void)index;
	return sg_some(walk, true);
}

static long sg_unmap_some(u32 index, struct sg_walk *walk)
{
	(void)index;
	return sg_some(walk, false);
}

static long sg_sync_one(u32 index, struct sg_walk *walk)
{
	(void)index;
	if (!sg_load(walk->s))
		return 1;
	on_sync(walk->ctx, walk->s);
	return 0;
}

/* Starts a walk. sg.list of @s holds the start of the list, and nents the number of entries. */
static __always_inline u32 sg_begin(struct scratch *s)
{
	s->kind = KIND_SG;
	s->sg.entry = s->sg.list;
	s->sg.segment = s->sg.list;
	s->sg.used = 0;
	s->sg.left = s->nents;
	s->sg.unread = 0;
	if (s->nents <= SG_MAX)
		return s->nents;
	count_lost(LOST_TABLE);
	return SG_MAX;
}

static __always_inline int on_map_sg(void *ctx, struct scratch *s)
{
	struct sg_walk walk = { .ctx = ctx, .s = s, .sp = env_number((u64)ctx) };
	u32 nents = sg_begin(s);
	struct device_state *device;
	bool done;

	s->op = OP_MAP;
	device = fast_begin(*(volatile u64 *)&s->dev, PACE_FAST, &done);
	walk.device = device;
	if (!device)
		device = device_of(s);
	if (!device)
		return 0;
	s->sg.max = device->max_segment;
	s->sg.boundary = device->boundary;
	env_loop(nents, sg_map_some, &walk);
	return 0;
}

static __always_inline int on_unmap_sg(void *ctx, struct scratch *s)
{
	struct sg_walk walk = { .ctx = ctx, .s = s };
	u32 nents = sg_begin(s);
	bool done;

	s->op = OP_UNMAP;
	walk.device = fast_begin(*(volatile u64 *)&s->dev, PACE_REPORTED, &done);
	if (!walk.device && done)
		return 0;
	env_loop(nents, sg_unmap_some, &walk);
	return 0;
}

static __always_inline int on_sync_sg(void *ctx, struct scratch *s, u8 op)
{
	struct sg_walk walk = { .ctx = ctx, .s = s };
	u32 nents = sg_begin(s);

	s->op = op;
	env_loop(nents, sg_sync_one, &walk);
	return 0;
}

/* --- dma_iova_*(): one address range, linked piece by piece, undone at once --- */

/* Loads the next piece of the range into @s. Returns 0 when none is known. */
__noinline int iova_load(struct scratch *s)
{
	struct mapping *map;

	s = env_own(s);
	if (!s)
		return 0;
	s->dma = s->sg.segment;
	s->size = 0;
	map = s->sg.segment_size ? find_exact(s) : NULL;
	if (!map || map->size > s->sg.segment_size)
		return 0;
	s->size = map->size;
	s->sg.segment += map->size;
	s->sg.segment_size -= map->size;
	return 1;
}

static long iova_unlink_one(u32 index, struct sg_walk *walk)
{
	(void)index;
	if (!iova_load(walk->s))
		return 1;
	on_unmap(walk->ctx, walk->s);
	return 0;
}

static __always_inline int on_iova_unlink(void *ctx, struct scratch *s)
{
	struct sg_walk walk = { .ctx = ctx, .s = s };

	if (!device_of(s))
		return 0;
	s->kind = KIND_IOVA;
	s->op = OP_UNMAP;
	s->sg.segment = s->dma;
	s->sg.segment_size = s->size;
	env_loop(SG_MAX, iova_unlink_one, &walk);
	return 0;
}

#endif
