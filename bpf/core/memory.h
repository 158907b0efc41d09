/* SPDX-License-Identifier: GPL-2.0 */
/* The ranges of physical addresses that are memory. */
#ifndef DMASNOOP_CORE_MEMORY_H
#define DMASNOOP_CORE_MEMORY_H

#include "core/env.h"

#define NOT_MEMORY (~0u)

/* Continues page_index() for an address outside the largest range. */
__noinline u32 where_in_ranges(u64 phys)
{
	u64 base = 0;

	for (u32 i = 0; i < RAM_RANGES; i++) {
		if (phys >= ram[i].start && phys < ram[i].end)
			return base + ((phys - ram[i].start) >> PAGE_SHIFT);
		base += (ram[i].end - ram[i].start) >> PAGE_SHIFT;
	}
	return NOT_MEMORY;
}

/* Returns the index of a page in page_lines; NOT_MEMORY when the page is not RAM. */
static __always_inline u32 page_index(u64 phys)
{
	u64 offset = phys - facts.ram_start;

	return offset < facts.ram_size ? offset >> PAGE_SHIFT : where_in_ranges(phys);
}

static __always_inline bool inside(const volatile struct range *range, u64 phys)
{
	return phys >= range->start && phys < range->end;
}

#endif
