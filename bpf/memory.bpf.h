/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading the kernel's memory: the direct map, and the allocation a physical
 * address lies in. Part of dmasnoop.bpf.c.
 */
#ifndef DMASNOOP_MEMORY_BPF_H
#define DMASNOOP_MEMORY_BPF_H

static __always_inline u64 read_u64(const void *where)
{
	u64 value = 0;

	if (where)
		bpf_probe_read_kernel(&value, sizeof(value), where);
	return value;
}

static __always_inline u64 direct_map(void)
{
	return read_u64(&page_offset_base);
}

static __always_inline u64 phys_to_virt(u64 phys)
{
	u64 base = direct_map();

	return base ? base + phys : 0;
}

/* The allocation at a physical address: slab object, or pages. */
__noinline int find_object(struct object *object, u64 phys)
{
	u64 vmemmap = read_u64(&vmemmap_base), head, first_phys;
	u32 page_size = bpf_core_type_size(struct page), type;
	struct kmem_cache *cache;
	struct slab *slab;
	struct page *page;
	const char *name;

	if (!object)
		return 0;
	object->kind = OBJECT_UNKNOWN;
	object->start = 0;
	object->size = 0;
	object->room = 0;
	object->cache[0] = '\0';
	if (!vmemmap || !page_size)
		return 0;
	page = (void *)(vmemmap + (phys >> 12) * page_size);
	head = BPF_CORE_READ(page, compound_head);
	if (head & 1)
		page = (void *)(head - 1);
	first_phys = ((u64)page - vmemmap) / page_size << 12;

	if (bpf_core_enum_value_exists(enum pagetype, PGTY_slab)) {
		type = BPF_CORE_READ(page, page_type);
		if (type >> 24 != bpf_core_enum_value(enum pagetype, PGTY_slab))
			goto pages;
	} else if (!(BPF_CORE_READ(page, flags) >> bpf_core_enum_value(enum pageflags, PG_slab) &
		     1)) {
		goto pages;
	}
	slab = (void *)page;
	cache = BPF_CORE_READ(slab, slab_cache);
	object->size = BPF_CORE_READ(cache, object_size);
	object->room = BPF_CORE_READ(cache, size);
	if (!object->room || !object->size || phys < first_phys)
		return 0;
	object->start = first_phys + (phys - first_phys) / object->room * object->room;
	name = BPF_CORE_READ(cache, name);
	bpf_probe_read_kernel_str(object->cache, sizeof(object->cache), name);
	object->kind = OBJECT_SLAB;
	/* kmalloc-64, kmalloc-rnd-07-64, kmalloc-cg-64, dma-kmalloc-64 */
	if (*(u32 *)object->cache == 0x6c616d6b /* kmal */ ||
	    (*(u32 *)object->cache == 0x2d616d64 /* dma- */ &&
	     *(u32 *)(object->cache + 4) == 0x6c616d6b) ||
	    /* kmem_buckets: memdup_user-64, msg_msg-64 */
	    *(u32 *)object->cache == 0x646d656d /* memd */ ||
	    *(u64 *)object->cache == 0x2d67736d5f67736d /* msg_msg- */)
		object->kind = OBJECT_KMALLOC;
	return 0;
pages:
	object->kind = OBJECT_PAGE;
	object->start = first_phys;
	return 0;
}

#endif
