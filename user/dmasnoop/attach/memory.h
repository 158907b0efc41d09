/* SPDX-License-Identifier: GPL-2.0 */
/* The addresses of the kernel's direct map of memory and of its array of struct page. */
#ifndef DMASNOOP_MEMORY_H
#define DMASNOOP_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct memory_map - base addresses; sums with them wrap around, as in the kernel
 * @direct: virtual address of physical address 0, even if no memory is there
 * @pages: virtual address of the struct page of physical address 0
 */
struct memory_map {
	uint64_t direct;
	uint64_t pages;
};

bool memory_find(struct memory_map *map, size_t page_struct);

#endif
