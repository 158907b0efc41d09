// SPDX-License-Identifier: GPL-2.0
/*
 * The operations of the cache model; see cache_model.h for its rules. Called by shadow.c with the
 * page's lock held, and by KUnit.
 */
#include <linux/compiler.h>
#include <linux/string.h>

#include "cache_model.h"

/**
 * cache_line_size_valid - check a cache line size
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
 * cache_line_dirty - has the CPU written the line since its last clean or fill?
 * @page: the page
 * @line: offset of the line in the page, in bytes; the page is aligned to lines
 * @line_size: bytes
 *
 * Return: true if a clean would write the line back.
 */
bool cache_line_dirty(const struct cache_page *page, u32 line, u32 line_size)
{
	const u64 *cpu = (const u64 *)(page->cpu + line), *ref = (const u64 *)(page->ref + line);
	u32 i;

	/* Not memcmp(): KASAN checks its arguments, and half a line may be a redzone. */
	for (i = 0; i < line_size / sizeof(u64); i++)
		if (READ_ONCE(cpu[i]) != ref[i])
			return true;
	return false;
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

/*
 * Write a dirty line back. Hardware writes the whole line; this writes only the bytes that may
 * change. A dirty byte that belongs to somebody else is written alone, and the loss that it would
 * have caused on the rest of the line is counted.
 */
static void clean_line(const struct cache_page *page, u32 line, u32 line_size,
		       const struct cache_range *permit, unsigned int nr_permit,
		       struct cache_effect *effect)
{
	bool whole = covers(permit, nr_permit, line, line + line_size);
	bool own_dirty = false;
	u32 i;

	if (!cache_line_dirty(page, line, line_size))
		return;
	for (i = line; i < line + line_size && !own_dirty; i++)
		own_dirty = page->cpu[i] != page->ref[i] &&
			    (whole || permitted(permit, nr_permit, i));

	for (i = line; i < line + line_size; i++) {
		/* Read once: the byte's owner may be writing it now. */
		u8 cpu = READ_ONCE(page->cpu[i]);
		bool mine = whole || permitted(permit, nr_permit, i);

		if (mine && !own_dirty) {
			effect->spared += cpu != page->dram[i];
			continue;
		}
		if (!mine && cpu == page->ref[i])
			continue;
		page->dram[i] = cpu;
		page->ref[i] = cpu;
	}
	effect->cleaned++;
}

/*
 * Replace the bytes of a line by DRAM. A byte that belongs to somebody else stays. If it is dirty,
 * it alone is written to DRAM, and the loss that it was spared is counted. If it is clean, DRAM may
 * hold what the device wrote for the byte's owner, and keeps that.
 */
static void fill_line(const struct cache_page *page, u32 line, u32 line_size,
		      const struct cache_range *permit, unsigned int nr_permit,
		      struct cache_effect *effect)
{
	bool whole = covers(permit, nr_permit, line, line + line_size);
	u32 i;

	if (whole && !cache_line_dirty(page, line, line_size)) {
		u64 *to = (u64 *)(page->cpu + line), *ref = (u64 *)(page->ref + line);
		const u64 *from = (const u64 *)(page->dram + line);

		for (i = 0; i < line_size / sizeof(u64); i++) {
			to[i] = from[i];
			ref[i] = from[i];
		}
		return;
	}
	for (i = line; i < line + line_size; i++) {
		u8 cpu = READ_ONCE(page->cpu[i]);
		bool dirty = cpu != page->ref[i];

		if (whole || permitted(permit, nr_permit, i)) {
			effect->dropped += dirty && cpu != page->dram[i];
			page->cpu[i] = page->dram[i];
			page->ref[i] = page->dram[i];
		} else if (dirty) {
			effect->spared += cpu != page->dram[i];
			page->dram[i] = cpu;
			page->ref[i] = cpu;
		}
	}
}

/**
 * cache_apply - do one maintenance operation on every line that a range touches
 * @page: the page
 * @op: what to do
 * @line_size: bytes; see cache_line_size_valid()
 * @start: first byte of the range, as an offset into the page
 * @end: one past the last byte of the range; at most @page->size
 * @permit: bytes that the operation may change for the CPU; see struct cache_range
 * @nr_permit: number of entries in @permit
 * @effect: counters to add to
 *
 * The range is widened to whole lines, as in hardware.
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
			clean_line(page, line, line_size, permit, nr_permit, effect);
		if (op == CACHE_PREFETCH && cache_line_dirty(page, line, line_size))
			continue;
		if (op == CACHE_INVALIDATE || op == CACHE_FLUSH || op == CACHE_PREFETCH)
			fill_line(page, line, line_size, permit, nr_permit, effect);
	}
}

/**
 * cache_distrust - treat the CPU's copy as dirty wherever it differs from DRAM
 * @page: the page
 * @start: first byte, as an offset into the page
 * @end: one past the last byte; at most @page->size
 *
 * For a handover that skipped its maintenance. After such a handover, a store of the same value
 * cannot be distinguished from no store. Every byte in which the CPU and DRAM differ is therefore
 * made dirty.
 *
 * Context: any; the caller serialises operations on one page.
 */
void cache_distrust(const struct cache_page *page, u32 start, u32 end)
{
	if (start < end && end <= page->size)
		memcpy(page->ref + start, page->dram + start, end - start);
}
