/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ownership rules: given what is known of a mapping, what is wrong with an
 * event? Pure C: no BPF helper, no kernel call. Compiled into the BPF object
 * (which brings the state) and into rules_test.c.
 *
 * The rules are those of Documentation/core-api/dma-api.rst and dma-api-howto.rst.
 */
#ifndef DMASNOOP_RULES_H
#define DMASNOOP_RULES_H

#include "core/types.h"

#define RULE static inline __attribute__((always_inline, unused))

#define CHECK_BIT(check) (1u << (check))

/* include/linux/dma-mapping.h; the last five since 6.18 */
#define ATTR_NO_KERNEL_MAPPING (1ul << 4)
#define ATTR_SKIP_CPU_SYNC (1ul << 5)
#define ATTR_FORCE_CONTIGUOUS (1ul << 6)
#define ATTR_PRIVILEGED (1ul << 9)
#define ATTR_MMIO (1ul << 10)
#define ATTR_IGNORE_CACHELINES (1ul << 11)
#define ATTR_REQUIRE_COHERENT (1ul << 12)
#define ATTR_CC_SHARED (1ul << 13)

/*
 * What decides how a mapping is made, and so must be the same at its end:
 * kernel/dma/debug.c, check_unmap(). ATTR_MMIO counts as another function.
 */
#define ATTRS_OF_MAPPING                                                    \
	(ATTR_NO_KERNEL_MAPPING | ATTR_FORCE_CONTIGUOUS | ATTR_PRIVILEGED | \
	 ATTR_REQUIRE_COHERENT | ATTR_CC_SHARED)

/**
 * struct call - what a caller of unmap, free or sync says
 * @size: bytes
 * @attrs: DMA_ATTR_*
 * @offset: from the start of the mapping, for a sync
 * @nents: entries of the list; 0 when there is none, or for all but its first
 * @dir: enum dir
 * @kind: enum kind of the function called
 */
struct call {
	u64 size;
	u64 attrs;
	u64 offset;
	u32 nents;
	u8 dir;
	u8 kind;
};

/**
 * rule_device_writes - may the device write through this mapping?
 * @dir: enum dir
 */
RULE bool rule_device_writes(u8 dir)
{
	return dir == DIR_FROM_DEVICE || dir == DIR_BIDIRECTIONAL;
}

/**
 * rule_is_streaming - is ownership of this kind of mapping handed over?
 * @kind: enum kind
 *
 * Coherent memory has no owner, and what map_resource maps is not memory.
 */
RULE bool rule_is_streaming(u8 kind)
{
	return kind != KIND_COHERENT && kind != KIND_RESOURCE;
}

/**
 * rule_is_allocated - does this kind of streaming mapping begin with the CPU?
 * @kind: enum kind
 *
 * What dma_alloc_pages() and dma_alloc_noncontiguous() give is to be synced for the device
 * before its first use (Documentation/core-api/dma-api.rst, part II).
 */
RULE bool rule_is_allocated(u8 kind)
{
	return kind == KIND_PAGES || kind == KIND_TABLE;
}

/**
 * rule_unmap - dma_unmap_*() or dma_free_*() of a live mapping
 * @map: the mapping
 * @call: as the caller says
 *
 * dma-api.rst: "All the parameters passed in must be identical to those passed
 * to the mapping API." The list's count is the one given to dma_map_sg().
 *
 * Return: CHECK_BIT()s.
 */
RULE u32 rule_unmap(const struct mapping *map, const struct call *call)
{
	u32 found = 0;

	if (call->kind != map->kind)
		found |= CHECK_BIT(CHECK_FUNCTION_MISMATCH);
	else if (call->nents && map->nents && call->nents != map->nents)
		found |= CHECK_BIT(CHECK_SG_COUNT_MISMATCH);
	if (call->size != map->size)
		found |= CHECK_BIT(CHECK_SIZE_MISMATCH);
	if (call->dir != map->dir)
		found |= CHECK_BIT(CHECK_DIR_MISMATCH);
	if ((call->attrs ^ map->attrs) & ATTRS_OF_MAPPING)
		found |= CHECK_BIT(CHECK_ATTRS_MISMATCH);
	return found;
}

/**
 * rule_sync - dma_sync_*() that begins inside a live mapping
 * @map: the mapping
 * @call: as the caller says
 * @op: OP_SYNC_FOR_CPU or OP_SYNC_FOR_DEVICE
 *
 * A bidirectional mapping may be synced in either direction, as dma-debug has
 * it (kernel/dma/debug.c, check_sync()). Entries of a list may be synced one by
 * one; a list must be synced with the count it was mapped with (dma-api.rst).
 * To hand over what the device owns already is no error by itself: drivers do so
 * before the first use of a buffer.
 *
 * Return: CHECK_BIT()s.
 */
RULE u32 rule_sync(const struct mapping *map, const struct call *call, u8 op)
{
	u32 found = 0;

	if (!rule_is_streaming(map->kind))
		return CHECK_BIT(CHECK_FUNCTION_MISMATCH);
	if (map->dir != DIR_BIDIRECTIONAL && call->dir != map->dir)
		found |= CHECK_BIT(CHECK_DIR_MISMATCH);
	if (call->offset > map->size || call->size > map->size - call->offset)
		found |= CHECK_BIT(CHECK_SYNC_OUTSIDE_MAPPING);
	if (call->kind == KIND_SG && map->kind == KIND_SG && call->nents && map->nents &&
	    call->nents != map->nents)
		found |= CHECK_BIT(CHECK_SG_COUNT_MISMATCH);
	if (op == OP_SYNC_FOR_DEVICE && map->owner == OWNER_DEVICE &&
	    !(map->attrs & ATTR_SKIP_CPU_SYNC))
		found |= CHECK_BIT(CHECK_SYNC_WRONG_OWNER);
	return found;
}

/**
 * rule_level - of a broken rule, when nothing is in doubt
 * @check: enum check
 * @map: the mapping
 *
 * To sync coherent memory is useless on most platforms, and on those that remap
 * it works on another mapping of the pages; no more than a hazard.
 */
RULE u8 rule_level(u8 check, const struct mapping *map)
{
	switch (check) {
	case CHECK_FUNCTION_MISMATCH:
		return map->kind == KIND_COHERENT ? LEVEL_HAZARD : LEVEL_VIOLATION;
	case CHECK_SYNC_WRONG_OWNER:
		return LEVEL_NOTE;
	default:
		return LEVEL_VIOLATION;
	}
}

/**
 * rule_segment - does a segment keep the limits that its device states?
 * @dma: DMA address
 * @size: bytes
 * @max: dma_get_max_seg_size()
 * @boundary: dma_get_seg_boundary(), a mask
 *
 * kernel/dma/debug.c, check_sg_segment().
 */
RULE bool rule_segment(u64 dma, u64 size, u64 max, u64 boundary)
{
	return size <= max && !((dma ^ (dma + size - 1)) & ~boundary);
}

/**
 * rule_owner_after_sync - who owns a mapping after a sync of part of it
 * @map: the mapping
 * @size: bytes synced
 * @op: OP_SYNC_FOR_CPU or OP_SYNC_FOR_DEVICE
 *
 * Ownership is kept for the mapping as a whole. A sync for the CPU of any part
 * gives it to the CPU; only a sync of the whole gives it to the device again.
 * So a doubt is the CPU's, and makes no finding.
 *
 * Return: enum owner.
 */
RULE u8 rule_owner_after_sync(const struct mapping *map, u64 size, u8 op)
{
	if (op == OP_SYNC_FOR_CPU)
		return OWNER_CPU;
	return size >= map->size ? OWNER_DEVICE : map->owner;
}

/**
 * rule_cpu_access - the CPU touched the mapped bytes
 * @map: the mapping
 * @write: it wrote
 *
 * While the device owns a buffer the CPU must not write it; and must not read
 * it if the device may write it. Reading what the device only reads is harmless.
 *
 * Return: enum check, CHECK_NONE when it is allowed.
 */
RULE u8 rule_cpu_access(const struct mapping *map, bool write)
{
	if (map->owner != OWNER_DEVICE)
		return CHECK_NONE;
	if (write)
		return CHECK_CPU_WRITE_DEVICE_OWNED;
	return rule_device_writes(map->dir) ? CHECK_CPU_READ_DEVICE_OWNED : CHECK_NONE;
}

/**
 * rule_contains - does a mapping cover a range of physical addresses?
 * @map: the mapping
 * @phys: first byte
 * @size: bytes
 */
RULE bool rule_contains(const struct mapping *map, u64 phys, u64 size)
{
	return map->phys && phys >= map->phys && phys - map->phys < map->size &&
	       size <= map->size - (phys - map->phys);
}

/**
 * rule_bytes_before - bytes before the buffer on its first line
 * @phys: first byte of the buffer
 * @line: line size, a power of two
 */
RULE u32 rule_bytes_before(u64 phys, u32 line)
{
	return phys & (line - 1);
}

/**
 * rule_bytes_after - bytes after the buffer on its last line
 * @phys: first byte of the buffer
 * @size: bytes
 * @line: line size, a power of two
 */
RULE u32 rule_bytes_after(u64 phys, u64 size, u32 line)
{
	return -(phys + size) & (line - 1);
}

/**
 * rule_shared_object - who else can be on the lines of a device-written buffer?
 * @object: the allocation it lies in
 * @phys: first byte of the buffer
 * @size: bytes
 * @line: line size, a power of two
 *
 * kmalloc() keeps objects on lines of their own wherever that matters
 * (ARCH_DMA_MINALIGN), so only the buffer's own object can be on its lines; and
 * what follows a buffer that starts a kmalloc object is usually just padding.
 * Another slab cache promises nothing; but padding between objects is nobody's.
 *
 * Return: LEVEL_HAZARD: another object; LEVEL_NOTE: other fields of the same
 * object; NR_LEVELS: nobody, or nothing is known.
 */
RULE u8 rule_shared_object(const struct object *object, u64 phys, u64 size, u32 line)
{
	u64 first = phys - rule_bytes_before(phys, line);
	u64 end = phys + size + rule_bytes_after(phys, size, line);

	if (object->kind != OBJECT_SLAB && object->kind != OBJECT_KMALLOC)
		return NR_LEVELS;
	if (object->kind == OBJECT_SLAB &&
	    (first < object->start || end > object->start + object->room))
		return LEVEL_HAZARD;
	if (phys > object->start && rule_bytes_before(phys, line))
		return LEVEL_NOTE;
	if (object->kind == OBJECT_SLAB && phys + size < object->start + object->size &&
	    rule_bytes_after(phys, size, line))
		return LEVEL_NOTE;
	return NR_LEVELS;
}

/* How two mappings meet. */
enum meeting { MEET_NOT, MEET_LINE, MEET_BYTES };

/**
 * rule_meet - do two ranges of physical addresses share bytes, or a line?
 * @a: first byte of the one
 * @a_size: its bytes
 * @b: first byte of the other
 * @b_size: its bytes
 * @line: line size, a power of two
 *
 * Return: enum meeting.
 */
RULE u8 rule_meet(u64 a, u64 a_size, u64 b, u64 b_size, u32 line)
{
	u64 mask = ~(u64)(line - 1);

	if (a < b + b_size && b < a + a_size)
		return MEET_BYTES;
	if ((a & mask) <= ((b + b_size - 1) & mask) && (b & mask) <= ((a + a_size - 1) & mask))
		return MEET_LINE;
	return MEET_NOT;
}

/**
 * rule_same_line_apart - are two places on one line kept apart elsewhere?
 * @a: allocation of the one
 * @b: allocation of the other
 *
 * Two kmalloc objects that share a line here do not where lines matter.
 */
RULE bool rule_same_line_apart(const struct object *a, const struct object *b)
{
	return a->kind == OBJECT_KMALLOC && b->kind == OBJECT_KMALLOC && a->start != b->start;
}

/**
 * rule_clip_neighbours - how much of the slack can belong to a neighbour?
 * @object: the buffer's allocation
 * @phys: first byte of the buffer
 * @size: bytes
 * @head: in: rule_bytes_before(); out: the part that counts, next to the buffer
 * @tail: likewise
 */
RULE void rule_clip_neighbours(const struct object *object, u64 phys, u64 size, u32 *head,
			       u32 *tail)
{
	u64 end = object->start + object->room;

	if (object->kind != OBJECT_KMALLOC)
		return;
	if (phys - *head < object->start)
		*head = phys > object->start ? phys - object->start : 0;
	if (phys + size + *tail > end)
		*tail = end > phys + size ? end - (phys + size) : 0;
}

#endif
