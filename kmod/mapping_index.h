/* SPDX-License-Identifier: GPL-2.0 */
/* The index of mappings, for mapping.c and mapping_access.c. */
#ifndef DMALOOP_MAPPING_INDEX_H
#define DMALOOP_MAPPING_INDEX_H

#include "mapping.h"

int mapping_index_init(struct mapping_space *space, u64 dma_mask);
void mapping_index_destroy(struct mapping_space *space);
dma_addr_t mapping_index_place(struct mapping_space *space, phys_addr_t phys, size_t size);
void mapping_index_add(struct mapping_space *space, struct mapping *map);
void mapping_index_remove(struct mapping_space *space, struct mapping *map);
struct mapping *mapping_index_page(struct mapping_space *space, dma_addr_t bus);
struct mapping *mapping_index_next(struct mapping_space *space, dma_addr_t bus);
struct mapping *mapping_find(struct mapping_space *space, dma_addr_t bus);
struct mapping *mapping_find_start(struct mapping_space *space, dma_addr_t bus, size_t size);

#endif
