/* SPDX-License-Identifier: GPL-2.0 */
/* The line bits: one bit for each cache line of memory says whether a device may write the line. */
#ifndef DMASNOOP_LINE_BITS_H
#define DMASNOOP_LINE_BITS_H

#include "core/env.h"
#include "core/memory.h"
#include "core/rules.h"
#include "core/table_protocol.h"

/* Returns the end of a buffer as an offset from the start of its first page. */
static __always_inline u64 end_in_page(u64 phys, u64 size)
{
	return (phys & ((1 << PAGE_SHIFT) - 1)) + size;
}

/* Returns the bits of a buffer in the word of its page. */
static __always_inline u64 lines_of(u64 phys, u64 size)
{
	u32 shift = facts.line_shift;
	u32 first = (phys & ((1 << PAGE_SHIFT) - 1)) >> shift;
	u32 last = (end_in_page(phys, size) - 1) >> shift;

	return ~0ull << (first & (LINES_IN_WORD - 1)) &
	       ~0ull >> ((LINES_IN_WORD - 1 - last) & (LINES_IN_WORD - 1));
}

/* Returns the word of line bits of a page; NULL when the page is not memory. */
static __always_inline u64 *lines_in_page(u64 phys)
{
	return env_page_lines(page_index(phys));
}

enum line_action { LINES_MARK, LINES_CLEAR, LINES_LOOK };

struct line_walk {
	u64 phys;
	u64 end;
	u8 what; /* enum line_action */
	u64 met; /* nonzero if a bit was set already */
};

/* Sets, clears or tests the line bits of a buffer in one of its pages. */
static long mark_page(u32 index, struct line_walk *walk)
{
	u64 page = walk->phys >> PAGE_SHIFT << PAGE_SHIFT, from, to, mask;
	u64 *word;

	page += (u64)index << PAGE_SHIFT;
	from = index ? page : walk->phys;
	to = page + (1u << PAGE_SHIFT);
	mask = lines_of(from, (walk->end < to ? walk->end : to) - from);
	word = lines_in_page(page);
	if (!word)
		return 0;
	if (walk->what == LINES_LOOK) {
		walk->met |= *word & mask;
		return walk->met != 0;
	}
	if (walk->what == LINES_CLEAR)
		__sync_fetch_and_and(word, ~mask);
	else if (__sync_fetch_and_or(word, mask) & mask)
		walk->met = 1;
	return 0;
}

#define PAGES_MAX (1 << 16)

static __always_inline u32 pages_of(u64 phys, u64 size)
{
	u64 pages = (end_in_page(phys, size) + (1 << PAGE_SHIFT) - 1) >> PAGE_SHIFT;

	return pages < PAGES_MAX ? pages : PAGES_MAX;
}

/* Does the same in all pages of a buffer. Was any of the bits set before? */
__noinline int in_pages(u64 phys, u64 size, u32 what)
{
	struct line_walk walk = { .phys = phys, .end = phys + size, .what = what };

	env_loop(pages_of(phys, size), mark_page, &walk);
	return walk.met != 0;
}

/* Sets the line bits of a buffer. Was any of them set before? */
static __always_inline bool lines_claim(u64 phys, u64 size)
{
	u64 *word, mask;

	if (end_in_page(phys, size) > 1 << PAGE_SHIFT)
		return in_pages(phys, size, LINES_MARK);
	word = lines_in_page(phys);
	if (!word)
		return false;
	mask = lines_of(phys, size);
	return __sync_fetch_and_or(word, mask) & mask;
}

static __always_inline void lines_release(u64 phys, u64 size)
{
	u64 *word;

	if (end_in_page(phys, size) > 1 << PAGE_SHIFT) {
		in_pages(phys, size, LINES_CLEAR);
		return;
	}
	word = lines_in_page(phys);
	if (word)
		__sync_fetch_and_and(word, ~lines_of(phys, size));
}

/*
 * Frees the slot of a mapping that is over. If the event cleared (@released) the line bits, a
 * mapping that met this one at that moment may have lost its bits. Then they are set again.
 */
static __always_inline void end_slot(struct mapping *map, bool released)
{
	u64 phys = map->phys, size = map->size;

	if (__sync_lock_test_and_set(&map->users, 0) & SLOT_MET && released)
		lines_claim(phys, size);
}

/* May a device write any of a buffer's lines? */
static __always_inline bool lines_claimed(u64 phys, u64 size)
{
	u64 *word;

	if (end_in_page(phys, size) > 1 << PAGE_SHIFT)
		return in_pages(phys, size, LINES_LOOK);
	word = lines_in_page(phys);
	return word && *word & lines_of(phys, size);
}

/* May a device write anything in the page of this address? One word shows that none may. */
static __always_inline bool page_is_claimed(u64 phys)
{
	u64 *word = lines_in_page(phys);

	return word && *word;
}

/* Does this mapping have line bits? */
static __always_inline bool claims_lines(const struct mapping *map)
{
	return map->phys && rule_device_writes(map->dir) && rule_is_streaming(map->kind);
}

#endif
