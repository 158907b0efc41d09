/* SPDX-License-Identifier: GPL-2.0 */
/* Where the kernel keeps its direct map of memory, and its array of struct page. */
#ifndef DMASNOOP_MEMORY_H
#define DMASNOOP_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct memory_map - bases; additions to them wrap as the kernel's do
 * @direct: virtual address of physical address 0, memory there or not
 * @pages: virtual address of that page's struct page
 */
struct memory_map {
	uint64_t direct;
	uint64_t pages;
};

bool memory_find(struct memory_map *map, size_t page_struct);

#endif
