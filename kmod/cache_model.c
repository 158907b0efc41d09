// SPDX-License-Identifier: GPL-2.0
/*
 * The cache model's operations; see cache_model.h for the machine.
 * Called by shadow.c with the page's lock held, and by KUnit.
 */
#include <linux/string.h>

#include "cache_model.h"

/**
 * cache_line_size_valid - may a model have lines of this size?
 * @line_size: bytes
 *
 * Return: true for a power of two from CACHE_LINE_MIN to CACHE_LINE_MAX.
 */
bool cache_line_size_valid(u32 line_size)
{
	return line_size >= CACHE_LINE_MIN && line_size <= CACHE_LINE_MAX &&
	       !(line_size & (line_size - 1));
}

/**
 * cache_line_dirty - does the CPU hold newer bytes than the last clean or fill?
 * @page: the page
 * @line: byte offset of the line's start in the page
 * @line_size: bytes
 *
 * Return: true when the line would be written back by a clean.
 */
bool cache_line_dirty(const struct cache_page *page, u32 line, u32 line_size)
{
	return memcmp(page->cpu + line, page->ref + line, line_size) != 0;
}

static bool permitted(const struct cache_range *permit, unsigned int nr, u32 byte)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (byte >= permit[i].start && byte < permit[i].end)
			return true;
	return false;
}

static bool covers(const struct cache_range *permit, unsigned int nr, u32 start, u32 end)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (start >= permit[i].start && end <= permit[i].end)
			return true;
	return false;
}

static void clean_line(const struct cache_page *page, u32 line, u32 line_size,
		       struct cache_effect *effect)
{
	if (!cache_line_dirty(page, line, line_size))
		return;
	memcpy(page->dram + line, page->cpu + line, line_size);
	memcpy(page->ref + line, page->cpu + line, line_size);
	effect->cleaned++;
}

static void fill_line(const struct cache_page *page, u32 line, u32 line_size,
		      const struct cache_range *permit, unsigned int nr_permit,
		      struct cache_effect *effect)
{
	bool whole = covers(permit, nr_permit, line, line + line_size);
	u32 i;

	for (i = line; i < line + line_size; i++) {
		if (page->cpu[i] == page->dram[i])
			continue;
		if (!whole && !permitted(permit, nr_permit, i)) {
			/* As if this byte alone had been cleaned. */
			page->dram[i] = page->cpu[i];
			effect->spared++;
			continue;
		}
		if (page->cpu[i] != page->ref[i])
			effect->dropped++;
		page->cpu[i] = page->dram[i];
	}
	memcpy(page->ref + line, page->cpu + line, line_size);
}

/**
 * cache_apply - do one maintenance operation on every line a range touches
 * @page: the page
 * @op: what to do
 * @line_size: bytes, see cache_line_size_valid()
 * @start: first byte of the range, as an offset into the page
 * @end: one past its last byte; at most @page->size
 * @permit: what the operation may change for the CPU, see struct cache_range
 * @nr_permit: entries in @permit
 * @effect: counters, added to
 *
 * The range is widened to whole lines: that is the point of the model.
 *
 * Context: any; the caller serialises operations on one page.
 */
void cache_apply(const struct cache_page *page, enum cache_op op, u32 line_size, u32 start, u32 end,
		 const struct cache_range *permit, unsigned int nr_permit,
		 struct cache_effect *effect)
{
	u32 line;

	if (op == CACHE_NONE || start >= end || end > page->size)
		return;

	for (line = start & ~(line_size - 1); line < end; line += line_size) {
		effect->lines++;
		if (op == CACHE_CLEAN || op == CACHE_EVICT || op == CACHE_FLUSH)
			clean_line(page, line, line_size, effect);
		if (op == CACHE_PREFETCH && cache_line_dirty(page, line, line_size))
			continue;
		if (op == CACHE_INVALIDATE || op == CACHE_FLUSH || op == CACHE_PREFETCH)
			fill_line(page, line, line_size, permit, nr_permit, effect);
	}
}
