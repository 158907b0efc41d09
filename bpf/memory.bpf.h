/* SPDX-License-Identifier: GPL-2.0 */
/* Access to the kernel's memory: the direct map, and the allocation at a physical address. */
#ifndef DMASNOOP_MEMORY_BPF_H
#define DMASNOOP_MEMORY_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "core/memory.h"
#include "helpers.bpf.h"

/* The addresses of the direct map and of the page array: see learn_memory(). */
u64 direct_map_base;
u64 page_array;

/*
 * The address of KFENCE's pages, and that of its array of facts about each object; 0 when not
 * known, or without KFENCE.
 */
u64 guarded;
u64 guarded_infos;

/*
 * A cache of slab caches by address. An entry holds the address, and the kind of the objects in its
 * lowest bits.
 */
#define CACHE_KINDS 1024

u64 cache_kinds[CACHE_KINDS];

/* The places that env_number() uses, a cache line for each CPU. */
u64 laundering[CPUS_MAX][8];

/*
 * Turns a pointer argument or a stack address into a number. The verifier allows no arithmetic on
 * pointers, but it forgets that a value is a pointer when the value has been through memory. An
 * interrupt in between restores the memory.
 */
static __always_inline u64 launder(volatile u64 *place, u64 pointer)
{
	u64 before = *place, value;

	*place = pointer;
	value = *place;
	*place = before;
	return value;
}

static __always_inline u64 read_u64(const void *where)
{
	u64 value = 0;

	if (where)
		bpf_probe_read_kernel(&value, sizeof(value), where);
	return value;
}

/*
 * Reads 8 bytes of the kernel's memory; 0 when they cannot be read. Where the kernel allows plain
 * loads, which cost a tenth, this is one. It loads the bytes as a field that is a number in every
 * kernel, because the verifier allows no arithmetic on a field that is a pointer.
 */
static __always_inline u64 peek(u64 address)
{
	struct timespec64 *words;

	if (!CAN_CAST)
		return read_u64((void *)address);
	words = bpf_rdonly_cast((void *)address, bpf_core_type_id_kernel(struct timespec64));
	return words->tv_sec;
}

static __always_inline u64 env_word(u64 address)
{
	return peek(address);
}

/* Reads a field of at most 8 bytes of the object at an address. */
#define PEEK(address, type, field) \
	((typeof(((type *)0)->field))peek((address) + bpf_core_field_offset(((type *)0)->field)))

/*
 * This program is not attached. User space runs it once. On kernels where these are not variables,
 * user space looks for the addresses itself.
 */
SEC("raw_tp")
int learn_memory(void *ctx)
{
	if (!direct_map_base)
		direct_map_base = read_u64(&page_offset_base);
	if (!page_array)
		page_array = read_u64(&vmemmap_base);
	guarded = read_u64(&__kfence_pool);
	guarded_infos = (u64)&kfence_metadata;
	return 0;
}

static __always_inline u64 env_number(u64 pointer)
{
	return launder(laundering[bpf_get_smp_processor_id() & (CPUS_MAX - 1)], pointer);
}

static __always_inline bool env_has_memory(void)
{
	return page_array != 0;
}

static __always_inline u64 env_virtual(u64 phys)
{
	return direct_map_base ? direct_map_base + phys : 0;
}

static __always_inline void env_read(void *to, u32 bytes, u64 phys)
{
	bpf_probe_read_kernel(to, bytes, (void *)env_virtual(phys));
}

/* Returns the physical address; 0 when the address is not in the direct map. */
static __always_inline u64 virt_to_phys(u64 virt)
{
	u64 base = direct_map_base;

	if (!base || virt < base || page_index(virt - base) == NOT_MEMORY)
		return 0;
	return virt - base;
}

/* In most kernels struct page has 64 bytes, so no division is needed. */
static __always_inline u64 env_page_phys(u64 page)
{
	u64 first = page_array;
	u32 size = bpf_core_type_size(struct page);

	if (!first || page < first)
		return 0;
	return (size == 64 ? (page - first) >> 6 : (page - first) / size) << PAGE_SHIFT;
}

/* Returns the address of the struct page of a physical address. It needs page_array. */
static __always_inline u64 phys_to_page(u64 phys)
{
	return page_array + (phys >> PAGE_SHIFT) * bpf_core_type_size(struct page);
}

/* Returns the word that marks a tail page and leads to the head page. */
static __always_inline u64 compound_info(u64 page)
{
	struct page *was = NULL;

	return bpf_core_field_exists(was->compound_head) ?
		       PEEK(page, struct page, compound_head) :
		       PEEK(page, struct page___info, compound_info);
}

static __always_inline u64 compound_head(u64 page)
{
	u64 info = compound_info(page);

	if (!(info & 1))
		return page;
	/*
	 * The word is the head page's address plus one, or, in the topmost 4 GiB, a mask that leads
	 * to it.
	 */
	return info > 0xffffffff00000000 ? page & info : info - 1;
}

static __always_inline bool is_slab(u64 page)
{
	if (bpf_core_enum_value_exists(enum pagetype, PGTY_slab))
		return (u32)PEEK(page, struct page, page_type) >> 24 ==
		       bpf_core_enum_value(enum pagetype, PGTY_slab);
	return PEEK(page, struct page, flags) >> bpf_core_enum_value(enum pageflags, PG_slab) & 1;
}

/* Before 6.11 a page type was a cleared bit in a word of ones. */
static __always_inline bool is_buddy(u64 page)
{
	u32 type = PEEK(page, struct page, page_type);

	if (bpf_core_enum_value_exists(enum pagetype, PGTY_buddy))
		return type >> 24 == bpf_core_enum_value(enum pagetype, PGTY_buddy);
	return (type & 0xf0000080) == 0xf0000000;
}

/* Is the page owned by no allocator, as in the kernel's image, except for freed parts of it? */
__noinline int env_is_reserved(u64 phys)
{
	u64 page = phys_to_page(phys), flags;
	struct page___typed *typed = NULL;

	if (!page_array)
		return 0;
	if (bpf_core_field_exists(typed->flags.f))
		flags = PEEK(page, struct page___typed, flags.f);
	else
		flags = PEEK(page, struct page, flags);
	return flags >> bpf_core_enum_value(enum pageflags, PG_reserved) & 1;
}

/*
 * Does the type of a page show that it is allocated? Since 6.14 the pages of slabs and of large
 * kmalloc()s have no reference count. 0xff is the type of pages without one.
 */
static __always_inline bool has_type(u64 page)
{
	u8 type = (u32)PEEK(page, struct page, page_type) >> 24;

	if (!bpf_core_enum_value_exists(enum pagetype, PGTY_slab))
		return is_slab(page);
	return type > bpf_core_enum_value(enum pagetype, PGTY_buddy) && type < 0xff;
}

#define ORDERS 11

/* Is this page, which has no references, inside a block of the page allocator's free lists? */
__noinline int in_free_block(u64 phys)
{
	for (u32 order = 0; order < ORDERS; order++) {
		u64 head = phys_to_page(phys >> (PAGE_SHIFT + order) << (PAGE_SHIFT + order));
		u64 block = PEEK(head, struct page, private);

		if (is_buddy(head) && block >= order && block < ORDERS)
			return 1;
	}
	return 0;
}

/*
 * Does the page allocator own this page? A page on a per-CPU free list looks like a tail page of
 * an allocation.
 */
static __always_inline bool env_is_free(u64 phys)
{
	u64 page = phys_to_page(phys);

	return !PEEK(page, struct page, _refcount.counter) && !(compound_info(page) & 1) &&
	       !has_type(page) && in_free_block(phys);
}

static __always_inline void env_read_task_stack(struct stack_pages *stack)
{
	struct task_struct *task = (void *)stack->task;
	struct page **pages;
	u32 nr;

	if (!bpf_core_field_exists(task->stack_vm_area))
		return;
	pages = BPF_CORE_READ(task, stack_vm_area, pages);
	nr = BPF_CORE_READ(task, stack_vm_area, nr_pages);
	for (u32 i = 0; i < STACK_PAGES && i < nr; i++)
		stack->page[i] = env_page_phys(read_u64(&pages[i])) >> PAGE_SHIFT;
}

/*
 * Do the pages belong to a file or to user space? The answer is valid only for pages that are not a
 * slab.
 */
static __always_inline bool env_has_owner(u64 phys)
{
	u64 page = phys_to_page(phys);

	return !page_array || PEEK(compound_head(page), struct page, mapping);
}

/* Does kmalloc() return these objects? The name of the cache shows it. */
static __always_inline bool is_kmalloc(const char *name)
{
	/* kmalloc-64, kmalloc-rnd-07-64, kmalloc-cg-64, dma-kmalloc-64 */
	return *(u32 *)name == 0x6c616d6b /* kmal */ ||
	       (*(u32 *)name == 0x2d616d64 /* dma- */ && *(u32 *)(name + 4) == 0x6c616d6b) ||
	       /* kmem_buckets: memdup_user-64, msg_msg-64 */
	       *(u32 *)name == 0x646d656d /* memd */ ||
	       *(u64 *)name == 0x2d67736d5f67736d /* msg_msg- */;
}

/* Returns the enum object_kind of a cache's objects. The name is read once. */
static __always_inline u32 kind_of_cache(u64 cache)
{
	volatile u64 *known = &cache_kinds[cache * 0x9e3779b97f4a7c15 >> 54 & (CACHE_KINDS - 1)];
	u64 found = *known;
	char name[NAME_SIZE] = {};

	if (found >> 3 != cache >> 3) {
		bpf_probe_read_kernel_str(
			name, sizeof(name),
			(void *)peek(cache +
				     bpf_core_field_offset(((struct kmem_cache *)0)->name)));
		found = (cache & ~7ull) | (is_kmalloc(name) ? OBJECT_KMALLOC : OBJECT_SLAB);
		*known = found;
	}
	return found & 7;
}

/* Before 5.17 the fields of struct slab were in the first struct page of a slab. */
static __always_inline u64 cache_of(u64 page)
{
	struct slab *slab = NULL;

	return bpf_core_field_exists(slab->slab_cache) ?
		       (u64)PEEK(page, struct slab, slab_cache) :
		       (u64)PEEK(page, struct page___slab, slab_cache);
}

#define GUARDED_MAX 65535 /* maximum number of objects: lib/Kconfig.kfence */

/*
 * Fills in the object from KFENCE's metadata, if the page belongs to the object: mm/kfence/core.c.
 */
static __always_inline bool is_guarded(struct object *object, u64 info, u64 phys)
{
	u64 inside = (1 << PAGE_SHIFT) - 1;
	u64 address = read_u64(
		(void *)(info + bpf_core_field_offset(((struct kfence_metadata *)0)->addr)));

	if ((address ^ env_virtual(phys)) & ~inside)
		return false;
	object->start = (phys & ~inside) | (address & inside);
	object->size = read_u64(
		(void *)(info + bpf_core_field_offset(((struct kfence_metadata *)0)->size)));
	object->room = inside + 1 - (address & inside);
	/* Nothing else is in the object's page. */
	object->kind = OBJECT_KMALLOC;
	return true;
}

/*
 * KFENCE serves some allocations of a cache, and puts each object at one end of a page of its own.
 * Every second page is such a page. The metadata was an array; since 6.6 a pointer leads to it.
 */
static __always_inline bool find_guarded(struct object *object, u64 phys)
{
	u64 page = env_virtual(phys), nr = (page - guarded) >> (PAGE_SHIFT + 1);
	u64 infos = guarded_infos;

	if (!bpf_core_field_exists(((struct kfence_metadata *)0)->addr))
		return false;
	if (!guarded || page < guarded || !nr || nr > GUARDED_MAX)
		return false;
	nr = (nr - 1) * bpf_core_type_size(struct kfence_metadata);
	return is_guarded(object, infos + nr, phys) ||
	       is_guarded(object, read_u64((void *)infos) + nr, phys);
}

static __always_inline void look_for_object(struct object *object, u64 phys)
{
	u64 page, first, cache, pad = 0;
	struct kmem_cache *fields = NULL;

	object->kind = OBJECT_UNKNOWN;
	object->start = 0;
	object->size = 0;
	object->room = 0;
	object->cache[0] = '\0';
	if (!page_array)
		return;
	page = compound_head(phys_to_page(phys));
	first = env_page_phys(page);
	if (!is_slab(page)) {
		object->kind = OBJECT_PAGE;
		object->start = first;
		return;
	}
	if (find_guarded(object, phys))
		return;
	cache = cache_of(page);
	object->size = PEEK(cache, struct kmem_cache, object_size);
	object->room = PEEK(cache, struct kmem_cache, size);
	if (bpf_core_field_exists(fields->red_left_pad))
		pad = PEEK(cache, struct kmem_cache, red_left_pad);
	if (!object->room || !object->size || phys < first || pad >= object->room)
		return;
	object->start = first + (u32)(phys - first) / object->room * object->room + pad;
	object->room -= pad;
	object->kind = kind_of_cache(cache);
}

/*
 * Finds the allocation at a physical address, a slab object or pages. env_name_object() adds the
 * name.
 */
__noinline int env_find_object(struct object *object, u64 phys)
{
	if (object)
		look_for_object(object, phys);
	return 0;
}

/* Fills in the cache's name and the number of caches merged into it, for a report. */
static __always_inline void env_name_object(struct object *object)
{
	u64 page = phys_to_page(object->start), cache;

	if (object->kind != OBJECT_SLAB && object->kind != OBJECT_KMALLOC)
		return;
	cache = cache_of(compound_head(page));
	object->users = PEEK(cache, struct kmem_cache, refcount);
	bpf_probe_read_kernel_str(object->cache, sizeof(object->cache),
				  (void *)(u64)PEEK(cache, struct kmem_cache, name));
}

#endif
