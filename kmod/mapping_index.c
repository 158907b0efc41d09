// SPDX-License-Identifier: GPL-2.0
/*
 * The index of mappings: which mapping is at a DMA address, and which DMA addresses are free.
 *
 * If we choose the addresses, no two mappings share a page, and an array finds the mapping of a
 * page. If the kernel chooses them (bounce, native), mappings may overlap and are kept in an
 * interval tree.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "mapping_index.h"

/*
 * If the mask allows it, DMA addresses start above the memory of any current machine. A physical or
 * virtual address that is used as a DMA address by mistake then hits nothing.
 */
#define BUS_BASE_HIGH BIT_ULL(44)

#define BUS_PAGES_MAX BIT(18)

/**
 * mapping_index_init - initialise an empty index
 * @space: the space; zeroed, except for its coherency
 * @dma_mask: highest DMA address that the device can use
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int mapping_index_init(struct mapping_space *space, u64 dma_mask)
{
	space->tree = RB_ROOT_CACHED;
	if (space->coherency == COHERENCY_BOUNCE || space->coherency == COHERENCY_NATIVE)
		return 0;

	if (dma_mask >= 2 * BUS_BASE_HIGH - 1) {
		space->base = BUS_BASE_HIGH;
		space->nr_pages = BUS_PAGES_MAX;
	} else {
		/* The upper half of what the device can reach. */
		space->base = (dma_mask >> 1) + 1;
		space->nr_pages = min_t(u64, BUS_PAGES_MAX, space->base >> PAGE_SHIFT);
	}
	space->pages = bitmap_zalloc(space->nr_pages, GFP_KERNEL);
	space->by_page = kvcalloc(space->nr_pages, sizeof(*space->by_page), GFP_KERNEL);
	if (space->pages && space->by_page)
		return 0;
	mapping_index_destroy(space);
	return -ENOMEM;
}

/**
 * mapping_index_destroy - undo mapping_index_init()
 * @space: the space, without mappings
 *
 * Context: may sleep.
 */
void mapping_index_destroy(struct mapping_space *space)
{
	kvfree(space->by_page);
	bitmap_free(space->pages);
	space->by_page = NULL;
	space->pages = NULL;
}

/* Index of the page of @bus. It is out of range if @bus is not one of our addresses. */
static unsigned long page_of(const struct mapping_space *space, dma_addr_t bus)
{
	return (bus - space->base) >> PAGE_SHIFT;
}

/* Set the owner of all pages of @map. */
static void index_pages(struct mapping_space *space, const struct mapping *map,
			struct mapping *owner)
{
	unsigned long page;

	for (page = page_of(space, map->node.start); page <= page_of(space, map->node.last); page++)
		space->by_page[page] = owner;
}

/**
 * mapping_index_remove - remove a mapping and free its DMA addresses
 * @space: the space
 * @map: the mapping
 *
 * Context: any, with the space's lock held.
 */
void mapping_index_remove(struct mapping_space *space, struct mapping *map)
{
	lockdep_assert_held(&space->lock);
	space->live--;
	if (!space->pages) {
		interval_tree_remove(&map->node, &space->tree);
		return;
	}
	index_pages(space, map, NULL);
	bitmap_clear(space->pages, page_of(space, map->node.start),
		     page_of(space, map->node.last) - page_of(space, map->node.start) + 1);
}

/**
 * mapping_index_add - add a mapping
 * @space: the space
 * @map: the mapping; its node holds its DMA addresses
 *
 * Context: any, with the space's lock held.
 */
void mapping_index_add(struct mapping_space *space, struct mapping *map)
{
	lockdep_assert_held(&space->lock);
	if (space->pages)
		index_pages(space, map, map);
	else
		interval_tree_insert(&map->node, &space->tree);
	space->live++;
}

/* Take @nr consecutive free pages, next fit. Returns ULONG_MAX if there are none. */
static unsigned long find_pages(struct mapping_space *space, unsigned long nr)
{
	unsigned long page;

	page = bitmap_find_next_zero_area(space->pages, space->nr_pages, space->cursor, nr, 0);
	if (page >= space->nr_pages)
		page = bitmap_find_next_zero_area(space->pages, space->nr_pages, 0, nr, 0);
	if (page >= space->nr_pages)
		return ULONG_MAX;
	bitmap_set(space->pages, page, nr);
	space->cursor = page + nr;
	return page;
}

/**
 * mapping_index_place - allocate DMA addresses
 * @space: the space, whose addresses we choose
 * @phys: physical address of the buffer; its offset in its page is kept
 * @size: bytes
 *
 * Context: any, with the space's lock held.
 * Return: the DMA address, or DMA_MAPPING_ERROR if there is no run of free pages.
 */
dma_addr_t mapping_index_place(struct mapping_space *space, phys_addr_t phys, size_t size)
{
	unsigned long page;

	lockdep_assert_held(&space->lock);
	page = find_pages(space, PFN_UP(offset_in_page(phys) + size));
	if (page == ULONG_MAX)
		return DMA_MAPPING_ERROR;
	return space->base + ((dma_addr_t)page << PAGE_SHIFT) + offset_in_page(phys);
}

/**
 * mapping_index_page - find a mapping in the page of an address
 * @space: the space
 * @bus: DMA address
 *
 * Context: any, with the space's lock held.
 * Return: one of the mappings in that page, or NULL.
 */
struct mapping *mapping_index_page(struct mapping_space *space, dma_addr_t bus)
{
	struct interval_tree_node *node;

	lockdep_assert_held(&space->lock);
	if (space->pages && (bus < space->base || page_of(space, bus) >= space->nr_pages))
		return NULL;
	if (space->pages)
		return space->by_page[page_of(space, bus)];
	node = interval_tree_iter_first(&space->tree, bus & PAGE_MASK, bus | ~PAGE_MASK);
	return node ? container_of(node, struct mapping, node) : NULL;
}

/**
 * mapping_index_next - find the first mapping that covers an address or lies above it
 * @space: the space
 * @bus: DMA address
 *
 * Context: any, with the space's lock held, or without it if nobody else uses the space.
 * Return: the mapping, or NULL.
 */
struct mapping *mapping_index_next(struct mapping_space *space, dma_addr_t bus)
{
	struct interval_tree_node *node;
	/* A page has one mapping, so the first one at or above @bus starts in another page. */
	unsigned long page = bus > space->base ? page_of(space, PAGE_ALIGN(bus)) : 0;

	if (space->pages) {
		page = find_next_bit(space->pages, space->nr_pages, page);
		return page < space->nr_pages ? space->by_page[page] : NULL;
	}
	node = interval_tree_iter_first(&space->tree, bus, ULONG_MAX);
	return node ? container_of(node, struct mapping, node) : NULL;
}

/**
 * mapping_find - find the mapping that covers an address
 * @space: the space
 * @bus: DMA address
 *
 * Context: any, with the space's lock held.
 * Return: the mapping, or NULL.
 */
struct mapping *mapping_find(struct mapping_space *space, dma_addr_t bus)
{
	struct interval_tree_node *node;
	struct mapping *map;

	lockdep_assert_held(&space->lock);
	if (space->pages) {
		map = mapping_index_page(space, bus);
		return map && bus >= map->node.start && bus <= map->node.last ? map : NULL;
	}
	node = interval_tree_iter_first(&space->tree, bus, bus);
	return node ? container_of(node, struct mapping, node) : NULL;
}

/**
 * mapping_find_start - find the mapping that starts at an address
 * @space: the space
 * @bus: DMA address
 * @size: bytes; if the kernel chose the addresses, several mappings may start at @bus, and this
 *	selects the one with the same size
 *
 * Context: any, with the space's lock held.
 * Return: the mapping, or NULL.
 */
struct mapping *mapping_find_start(struct mapping_space *space, dma_addr_t bus, size_t size)
{
	struct interval_tree_node *node;
	struct mapping *found = NULL;

	lockdep_assert_held(&space->lock);
	if (space->pages) {
		found = mapping_find(space, bus);
		return found && found->node.start == bus ? found : NULL;
	}
	for (node = interval_tree_iter_first(&space->tree, bus, bus); node;
	     node = interval_tree_iter_next(node, bus, bus)) {
		struct mapping *map = container_of(node, struct mapping, node);

		if (node->start == bus && (!found || map->size == size))
			found = map;
	}
	return found;
}
