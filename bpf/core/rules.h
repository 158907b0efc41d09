/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ownership rules. Given the facts about a mapping, they say what is wrong with an event. They
 * are pure C without a BPF helper or a kernel call. The rules are compiled into the BPF object,
 * which supplies the state, and into rules_test.c.
 *
 * They are those of Documentation/core-api/dma-api.rst and dma-api-howto.rst.
 */
#ifndef DMASNOOP_RULES_H
#define DMASNOOP_RULES_H

#include "core/types.h"

#define RULE static inline __attribute__((always_inline, unused))

#define CHECK_BIT(check) (1u << (check))

/* The values are those of include/linux/dma-mapping.h. The last five exist since 6.18. */
#define ATTR_NO_KERNEL_MAPPING (1ul << 4)
#define ATTR_SKIP_CPU_SYNC (1ul << 5)
#define ATTR_FORCE_CONTIGUOUS (1ul << 6)
#define ATTR_PRIVILEGED (1ul << 9)
#define ATTR_MMIO (1ul << 10)
#define ATTR_IGNORE_CACHELINES (1ul << 11)
#define ATTR_REQUIRE_COHERENT (1ul << 12)
#define ATTR_CC_SHARED (1ul << 13)

/*
 * The attributes that decide how a mapping is made, and so must be the same at its end:
 * kernel/dma/debug.c, check_unmap(). ATTR_MMIO counts as another function.
 */
#define ATTRS_OF_MAPPING                                                    \
	(ATTR_NO_KERNEL_MAPPING | ATTR_FORCE_CONTIGUOUS | ATTR_PRIVILEGED | \
	 ATTR_REQUIRE_COHERENT | ATTR_CC_SHARED)

/**
 * struct call - the arguments of an unmap, a free or a sync
 * @size: number of bytes
 * @attrs: DMA_ATTR_*
 * @offset: offset in bytes from the start of the mapping, for a sync
 * @nents: number of list entries; 0 when there is no list, or for all but its first entry
 * @dir: direction, an enum dir
 * @kind: family of the function called, an enum kind
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
 * rule_device_writes - check whether the device may write through a mapping
 * @dir: direction of the mapping, an enum dir
 */
RULE bool rule_device_writes(u8 dir)
{
	return dir == DIR_FROM_DEVICE || dir == DIR_BIDIRECTIONAL;
}

/**
 * rule_is_streaming - check whether a kind of mapping has an owner
 * @kind: family of the map function, an enum kind
 *
 * Coherent memory has no owner, and dma_map_resource() does not map memory.
 */
RULE bool rule_is_streaming(u8 kind)
{
	return kind != KIND_COHERENT && kind != KIND_RESOURCE;
}

/**
 * rule_is_allocated - check whether the CPU first owns a kind of streaming mapping
 * @kind: family of the map function, an enum kind
 *
 * Buffers from dma_alloc_pages() and dma_alloc_noncontiguous() must be synced for the device before
 * its first use (Documentation/core-api/dma-api.rst, part II).
 */
RULE bool rule_is_allocated(u8 kind)
{
	return kind == KIND_PAGES || kind == KIND_TABLE;
}

/**
 * rule_unmap - check a dma_unmap_*() or dma_free_*() of a live mapping
 * @map: mapping
 * @call: arguments of the call
 *
 * dma-api.rst: "All the parameters passed in must be identical to those passed to the mapping API."
 * The count of a list is the one given to dma_map_sg().
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
 * rule_sync - check a dma_sync_*() that begins inside a live mapping
 * @map: mapping
 * @call: arguments of the call
 * @op: OP_SYNC_FOR_CPU or OP_SYNC_FOR_DEVICE
 *
 * A driver may sync a bidirectional mapping in either direction, as dma-debug allows
 * (kernel/dma/debug.c, check_sync()). It may sync the entries of a list one by one, but must sync a
 * list with the count of the map (dma-api.rst). Handing the device a buffer that it owns already is
 * no error by itself: drivers do so before the first use of a buffer.
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
 * rule_level - get the level of a broken rule, without regard to doubts
 * @check: check that failed, an enum check
 * @map: mapping
 *
 * A sync of coherent memory is useless on most platforms. On those that remap the memory, the sync
 * works on another mapping of the pages. So such a sync is no more than a hazard.
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
 * rule_segment - check a segment against the limits that its device states
 * @dma: DMA address
 * @size: size in bytes
 * @max: dma_get_max_seg_size(), in bytes
 * @boundary: dma_get_seg_boundary(), a mask
 *
 * The rule is that of kernel/dma/debug.c, check_sg_segment().
 */
RULE bool rule_segment(u64 dma, u64 size, u64 max, u64 boundary)
{
	return size <= max && !((dma ^ (dma + size - 1)) & ~boundary);
}

/**
 * rule_owner_after_sync - get the owner of a mapping after a sync of part of it
 * @map: mapping
 * @size: number of bytes synced
 * @op: OP_SYNC_FOR_CPU or OP_SYNC_FOR_DEVICE
 *
 * A mapping has one owner for all its bytes. A sync of any part for the CPU makes the CPU the
 * owner; only a sync of the whole makes the device the owner again. So in doubt the CPU is the
 * owner, which leads to no finding.
 *
 * Return: an enum owner.
 */
RULE u8 rule_owner_after_sync(const struct mapping *map, u64 size, u8 op)
{
	if (op == OP_SYNC_FOR_CPU)
		return OWNER_CPU;
	return size >= map->size ? OWNER_DEVICE : map->owner;
}

/**
 * rule_cpu_access - check a CPU access to mapped bytes
 * @map: mapping
 * @write: true for a write
 *
 * While the device owns a buffer, the CPU must not write the buffer, and must not read it if the
 * device may write it. To read a buffer that the device only reads is harmless.
 *
 * Return: an enum check; CHECK_NONE when the access is allowed.
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
 * rule_contains - check whether a mapping covers a range of physical addresses
 * @map: mapping
 * @phys: address of the first byte
 * @size: number of bytes
 */
RULE bool rule_contains(const struct mapping *map, u64 phys, u64 size)
{
	return map->phys && phys >= map->phys && phys - map->phys < map->size &&
	       size <= map->size - (phys - map->phys);
}

/**
 * rule_bytes_before - count the bytes before the buffer on its first line
 * @phys: address of the first byte of the buffer
 * @line: line size in bytes, a power of two
 */
RULE u32 rule_bytes_before(u64 phys, u32 line)
{
	return phys & (line - 1);
}

/**
 * rule_bytes_after - count the bytes after the buffer on its last line
 * @phys: address of the first byte of the buffer
 * @size: size of the buffer in bytes
 * @line: line size in bytes, a power of two
 */
RULE u32 rule_bytes_after(u64 phys, u64 size, u32 line)
{
	return -(phys + size) & (line - 1);
}

/**
 * rule_shared_object - judge the neighbour bytes of a buffer that the device writes
 * @object: allocation that contains the buffer
 * @phys: address of the first byte of the buffer
 * @size: size of the buffer in bytes
 * @line: line size in bytes, a power of two
 *
 * kmalloc() keeps objects on lines of their own wherever that matters (ARCH_DMA_MINALIGN), so only
 * the buffer's own object can be on its lines. The bytes after a buffer that starts a kmalloc
 * object are usually just padding. Other slab caches promise nothing, but no object uses the
 * padding between theirs.
 *
 * Return: LEVEL_HAZARD for another object; LEVEL_NOTE for other fields of the same object;
 * NR_LEVELS for no neighbour, or when nothing is known.
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

/* The parts that two mappings share: none, a line, or bytes. */
enum meeting { MEET_NOT, MEET_LINE, MEET_BYTES };

/**
 * rule_meet - find out whether two ranges of physical addresses share bytes or a line
 * @a: address of the first byte of one range
 * @a_size: size of that range in bytes
 * @b: address of the first byte of the other range
 * @b_size: size of the other range in bytes
 * @line: line size in bytes, a power of two
 *
 * Return: an enum meeting.
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
 * rule_same_line_apart - check whether two objects on one line are on different lines elsewhere
 * @a: allocation of one object
 * @b: allocation of the other object
 *
 * Two kmalloc objects that share a line here do not do so where lines matter.
 */
RULE bool rule_same_line_apart(const struct object *a, const struct object *b)
{
	return a->kind == OBJECT_KMALLOC && b->kind == OBJECT_KMALLOC && a->start != b->start;
}

/**
 * rule_clip_neighbours - limit the neighbour bytes to those that can be in use
 * @object: allocation that contains the buffer
 * @phys: address of the first byte of the buffer
 * @size: size of the buffer in bytes
 * @head: input, rule_bytes_before(); result, the number of bytes in use next to the buffer
 * @tail: input, rule_bytes_after(); result, likewise
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
