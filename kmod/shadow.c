// SPDX-License-Identifier: GPL-2.0
/*
 * DRAM for the cache model; see shadow.h.
 *
 * One shadow page stands for one page of memory. All mappings of the page share it, on every
 * dmaloop device, because there is only one DRAM. It lives as long as the page has a mapping. A new
 * shadow page is filled with poison, so that every line counts as dirty until a handover cleans it:
 * a driver must not rely on a line being clean by luck.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "shadow.h"

/**
 * struct shadow_page - the DRAM of one page
 * @dram: PAGE_SIZE bytes that devices see
 * @ref: PAGE_SIZE bytes; see struct cache_page
 * @users: number of mappings of the page, protected by the xarray's lock
 */
struct shadow_page {
	u8 *dram;
	u8 *ref;
	unsigned int users;
};

/* Shadow pages by page frame number. The lock also serialises operations on the pages. */
static DEFINE_XARRAY_FLAGS(shadow_pages, XA_FLAGS_LOCK_IRQ);

static LIST_HEAD(playgrounds);
static DEFINE_SPINLOCK(playgrounds_lock); /* nests inside the xarray's lock */

#define MAX_PERMITS 8

/**
 * playground_add - accept whole-line effects on an object
 * @pg: storage for the registration; in use until playground_remove()
 * @start: the object, in directly mapped kernel memory
 * @size: bytes
 *
 * Context: any.
 */
void playground_add(struct playground *pg, void *start, size_t size)
{
	unsigned long flags;

	pg->start = start;
	pg->size = size;
	spin_lock_irqsave(&playgrounds_lock, flags);
	list_add(&pg->node, &playgrounds);
	spin_unlock_irqrestore(&playgrounds_lock, flags);
}

/**
 * playground_remove - undo playground_add()
 * @pg: the registration
 *
 * Context: any.
 */
void playground_remove(struct playground *pg)
{
	unsigned long flags;

	spin_lock_irqsave(&playgrounds_lock, flags);
	list_del(&pg->node);
	spin_unlock_irqrestore(&playgrounds_lock, flags);
}

/**
 * playground_covers - has the owner of this memory agreed to lose it?
 * @start: first byte
 * @size: bytes
 *
 * Context: any.
 * Return: true if one playground covers the whole range.
 */
bool playground_covers(const void *start, size_t size)
{
	struct playground *pg;

	guard(spinlock_irqsave)(&playgrounds_lock);
	list_for_each_entry(pg, &playgrounds, node)
		if (start >= pg->start && start + size <= pg->start + pg->size)
			return true;
	return false;
}

/* Find what may change in the lines that @own touches in the page at @cpu: @own and playgrounds. */
static unsigned int find_permits(u8 *cpu, struct cache_range own, bool unsafe,
				 struct cache_range *permit)
{
	u8 *first = cpu + round_down(own.start, CACHE_LINE_MAX);
	u8 *last = cpu + round_up(own.end, CACHE_LINE_MAX);
	unsigned int nr = 0;
	struct playground *pg;
	unsigned long flags;

	if (unsafe) {
		permit[nr++] = (struct cache_range){ 0, PAGE_SIZE };
		return nr;
	}
	permit[nr++] = own;
	spin_lock_irqsave(&playgrounds_lock, flags);
	list_for_each_entry(pg, &playgrounds, node) {
		u8 *start = max_t(u8 *, pg->start, first);
		u8 *end = min_t(u8 *, pg->start + pg->size, last);

		if (start >= end)
			continue;
		if (nr == MAX_PERMITS)
			break;
		permit[nr++] = (struct cache_range){ start - cpu, end - cpu };
	}
	spin_unlock_irqrestore(&playgrounds_lock, flags);
	return nr;
}

static struct shadow_page *shadow_alloc(void)
{
	struct shadow_page *shadow = kzalloc(sizeof(*shadow), GFP_ATOMIC);

	if (!shadow)
		return NULL;
	shadow->dram = (u8 *)__get_free_page(GFP_ATOMIC);
	shadow->ref = (u8 *)__get_free_page(GFP_ATOMIC);
	if (!shadow->dram || !shadow->ref) {
		free_page((unsigned long)shadow->dram);
		free_page((unsigned long)shadow->ref);
		kfree(shadow);
		return NULL;
	}
	memset(shadow->dram, SHADOW_POISON, PAGE_SIZE);
	memset(shadow->ref, SHADOW_POISON, PAGE_SIZE);
	return shadow;
}

static void shadow_free(struct shadow_page *shadow)
{
	free_page((unsigned long)shadow->dram);
	free_page((unsigned long)shadow->ref);
	kfree(shadow);
}

static int shadow_get_page(unsigned long pfn)
{
	struct shadow_page *shadow, *fresh = NULL;
	unsigned long flags;
	int err = 0;

	xa_lock_irqsave(&shadow_pages, flags);
	shadow = xa_load(&shadow_pages, pfn);
	if (!shadow) {
		fresh = shadow_alloc();
		err = fresh ? xa_err(__xa_store(&shadow_pages, pfn, fresh, GFP_ATOMIC)) : -ENOMEM;
		shadow = fresh;
	}
	if (!err)
		shadow->users++;
	xa_unlock_irqrestore(&shadow_pages, flags);
	if (err && fresh)
		shadow_free(fresh);
	return err;
}

static void shadow_put_page(unsigned long pfn)
{
	struct shadow_page *shadow;
	unsigned long flags;

	xa_lock_irqsave(&shadow_pages, flags);
	shadow = xa_load(&shadow_pages, pfn);
	if (shadow && --shadow->users == 0)
		__xa_erase(&shadow_pages, pfn);
	else
		shadow = NULL;
	xa_unlock_irqrestore(&shadow_pages, flags);
	if (shadow)
		shadow_free(shadow);
}

/**
 * shadow_get - provide the DRAM behind a buffer
 * @phys: physical address of RAM with a struct page
 * @size: bytes, not 0
 *
 * Context: any.
 * Return: 0 or -ENOMEM; on error nothing is held.
 */
int shadow_get(phys_addr_t phys, size_t size)
{
	unsigned long first = PHYS_PFN(phys), last = PHYS_PFN(phys + size - 1), pfn;

	for (pfn = first; pfn <= last; pfn++) {
		int err = shadow_get_page(pfn);

		if (err) {
			while (pfn-- > first)
				shadow_put_page(pfn);
			return err;
		}
	}
	return 0;
}

/**
 * shadow_put - undo shadow_get()
 * @phys: physical address, as given to shadow_get()
 * @size: bytes, as given to shadow_get()
 *
 * Context: any.
 */
void shadow_put(phys_addr_t phys, size_t size)
{
	unsigned long pfn;

	for (pfn = PHYS_PFN(phys); pfn <= PHYS_PFN(phys + size - 1); pfn++)
		shadow_put_page(pfn);
}

/* The part of a physical range that lies in one page. */
struct span {
	unsigned long pfn;
	u32 start;
	u32 end;
	size_t done;
};

static struct span span_first(phys_addr_t phys, size_t size)
{
	u32 start = offset_in_page(phys);

	return (struct span){ PHYS_PFN(phys), start, min_t(size_t, PAGE_SIZE, start + size), 0 };
}

static struct span span_next(struct span span, size_t size)
{
	span.done += span.end - span.start;
	span.pfn++;
	span.start = 0;
	span.end = min_t(size_t, PAGE_SIZE, size - span.done);
	return span;
}

#define for_each_span(span, phys, size) \
	for ((span) = span_first(phys, size); (span).done < (size); (span) = span_next(span, size))

static struct cache_page shadow_page_of(const struct shadow_page *shadow, unsigned long pfn)
{
	return (struct cache_page){
		.cpu = page_address(pfn_to_page(pfn)),
		.dram = shadow->dram,
		.ref = shadow->ref,
		.size = PAGE_SIZE,
	};
}

static void shadow_handover(const struct shadow_config *config, const struct handover_ops *ops,
			    phys_addr_t phys, size_t size, struct cache_effect *effect)
{
	struct cache_range permit[MAX_PERMITS];
	struct span span;

	for_each_span(span, phys, size) {
		struct shadow_page *shadow;
		unsigned long flags;

		xa_lock_irqsave(&shadow_pages, flags);
		shadow = xa_load(&shadow_pages, span.pfn);
		if (shadow) {
			struct cache_page page = shadow_page_of(shadow, span.pfn);
			struct cache_range own = { span.start, span.end };
			unsigned int nr = find_permits(page.cpu, own, config->unsafe, permit);

			handover_apply(ops, &page, config->line_size, span.start, span.end,
				       span.done == 0, span.done + span.end - span.start == size,
				       permit, nr, effect);
		}
		xa_unlock_irqrestore(&shadow_pages, flags);
	}
}

/**
 * shadow_skip - hand over to the CPU without the maintenance
 * @phys: physical address of the buffer; shadow_get() has succeeded for it
 * @size: bytes
 *
 * Context: any.
 */
void shadow_skip(phys_addr_t phys, size_t size)
{
	struct span span;

	for_each_span(span, phys, size) {
		struct shadow_page *shadow;
		unsigned long flags;

		xa_lock_irqsave(&shadow_pages, flags);
		shadow = xa_load(&shadow_pages, span.pfn);
		if (shadow) {
			struct cache_page page = shadow_page_of(shadow, span.pfn);

			cache_distrust(&page, span.start, span.end);
		}
		xa_unlock_irqrestore(&shadow_pages, flags);
	}
}

/**
 * shadow_for_device - do the maintenance of map and sync_for_device
 * @config: the device's caches
 * @phys: physical address of the buffer; shadow_get() has succeeded for it
 * @size: bytes
 * @dir: direction, as given by the caller of the DMA API
 * @effect: counters to add to
 *
 * Context: any.
 */
void shadow_for_device(const struct shadow_config *config, phys_addr_t phys, size_t size,
		       enum dma_data_direction dir, struct cache_effect *effect)
{
	if (config->maintenance == MAINTENANCE_NONE ||
	    config->maintenance == MAINTENANCE_NOT_FOR_DEVICE)
		return;
	if ((unsigned int)dir < NR_HANDOVER_DIRS)
		shadow_handover(config, &config->arch->for_device[dir], phys, size, effect);
}

/**
 * shadow_for_cpu - do the maintenance of unmap and sync_for_cpu
 * @config: the device's caches
 * @phys: physical address of the buffer; shadow_get() has succeeded for it
 * @size: bytes
 * @dir: direction, as given by the caller of the DMA API
 * @effect: counters to add to
 *
 * Context: any.
 */
void shadow_for_cpu(const struct shadow_config *config, phys_addr_t phys, size_t size,
		    enum dma_data_direction dir, struct cache_effect *effect)
{
	if (config->maintenance == MAINTENANCE_NONE ||
	    config->maintenance == MAINTENANCE_NOT_FOR_CPU)
		shadow_skip(phys, size);
	else if ((unsigned int)dir < NR_HANDOVER_DIRS)
		shadow_handover(config, &config->arch->for_cpu[dir], phys, size, effect);
}

static void shadow_copy(phys_addr_t phys, void *to, const void *from, size_t size)
{
	struct span span;

	for_each_span(span, phys, size) {
		struct shadow_page *shadow;
		unsigned long flags;
		u32 bytes = span.end - span.start;

		xa_lock_irqsave(&shadow_pages, flags);
		shadow = xa_load(&shadow_pages, span.pfn);
		if (shadow && to)
			memcpy(to + span.done, shadow->dram + span.start, bytes);
		else if (shadow)
			memcpy(shadow->dram + span.start, from + span.done, bytes);
		xa_unlock_irqrestore(&shadow_pages, flags);
	}
}

/**
 * shadow_read - the device reads DRAM
 * @phys: physical address; shadow_get() has succeeded for it
 * @to: where the bytes go
 * @size: bytes
 *
 * Context: any.
 */
void shadow_read(phys_addr_t phys, void *to, size_t size)
{
	shadow_copy(phys, to, NULL, size);
}

/**
 * shadow_write - the device writes DRAM
 * @phys: physical address; shadow_get() has succeeded for it
 * @from: the bytes
 * @size: bytes
 *
 * Context: any.
 */
void shadow_write(phys_addr_t phys, const void *from, size_t size)
{
	shadow_copy(phys, NULL, from, size);
}

static const struct handover_ops flush_all = { CACHE_FLUSH, CACHE_FLUSH };

/* What the cache does by itself to the lines of an access, line by line. */
static void act_on_lines(const struct shadow_config *config, struct rnd_state *rnd,
			 phys_addr_t phys, size_t size, bool after, struct cache_effect *effect)
{
	struct cache_range permit[MAX_PERMITS];
	struct span span;

	for_each_span(span, phys, size) {
		struct shadow_page *shadow;
		unsigned long flags;
		u32 line;

		xa_lock_irqsave(&shadow_pages, flags);
		shadow = xa_load(&shadow_pages, span.pfn);
		for (line = round_down(span.start, config->line_size); shadow && line < span.end;
		     line += config->line_size) {
			struct cache_page page = shadow_page_of(shadow, span.pfn);
			struct cache_range own = { span.start, span.end };
			unsigned int nr = find_permits(page.cpu, own, config->unsafe, permit);
			bool evict = (config->evict == EVICT_EAGER && after) ||
				     (config->evict == EVICT_RANDOM &&
				      prandom_u32_state(rnd) % 1000 < config->evict_permille);

			if (evict)
				cache_apply(&page, CACHE_EVICT, config->line_size, line, line + 1,
					    permit, nr, effect);
			if (config->prefetch && after)
				cache_apply(&page, CACHE_PREFETCH, config->line_size, line,
					    line + 1, permit, nr, effect);
		}
		xa_unlock_irqrestore(&shadow_pages, flags);
	}
}

/**
 * shadow_before_access - do what happens to the lines just before a device access
 * @config: the device's caches
 * @rnd: the device's random state, seeded from @config
 * @phys: physical address of the bytes to be accessed
 * @size: bytes
 * @effect: counters to add to
 *
 * The hardware may evict a dirty line at any time, and the more the CPU has to do, the likelier
 * that is. EVICT_RANDOM may evict before each access and after it. MAINTENANCE_ALWAYS flushes every
 * line.
 *
 * Context: any; the caller serialises uses of @rnd.
 */
void shadow_before_access(const struct shadow_config *config, struct rnd_state *rnd,
			  phys_addr_t phys, size_t size, struct cache_effect *effect)
{
	if (config->maintenance == MAINTENANCE_ALWAYS)
		shadow_handover(config, &flush_all, phys, size, effect);
	if (config->evict == EVICT_RANDOM)
		act_on_lines(config, rnd, phys, size, false, effect);
}

/**
 * shadow_after_access - do what happens to the lines just after a device access
 * @config: the device's caches
 * @rnd: the device's random state, seeded from @config
 * @phys: physical address of the accessed bytes
 * @size: bytes
 * @effect: counters to add to
 *
 * The same as before the access. In addition, EVICT_EAGER evicts at the worst moment, over what the
 * device has just written, and a clean line may be prefetched.
 *
 * Context: any; the caller serialises uses of @rnd.
 */
void shadow_after_access(const struct shadow_config *config, struct rnd_state *rnd,
			 phys_addr_t phys, size_t size, struct cache_effect *effect)
{
	if (config->maintenance == MAINTENANCE_ALWAYS)
		shadow_handover(config, &flush_all, phys, size, effect);
	if (config->evict != EVICT_NONE || config->prefetch)
		act_on_lines(config, rnd, phys, size, true, effect);
}

/**
 * shadow_empty - are there no shadow pages?
 *
 * Context: any.
 * Return: true if every shadow_get() was undone with shadow_put().
 */
bool shadow_empty(void)
{
	return xa_empty(&shadow_pages);
}
