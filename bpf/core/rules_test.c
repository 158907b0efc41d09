// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the ownership rules, as a native program. The expected values come from the documents
 * that rules.h cites, not from its code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/rules.h"

static const struct mapping rx = {
	.phys = 0x10008,
	.size = 48,
	.dir = DIR_FROM_DEVICE,
	.owner = OWNER_DEVICE,
};

static const struct mapping tx = {
	.phys = 0x20000,
	.size = 64,
	.dir = DIR_TO_DEVICE,
	.owner = OWNER_DEVICE,
};

static const struct mapping both = {
	.phys = 0x30000,
	.size = 64,
	.dir = DIR_BIDIRECTIONAL,
	.owner = OWNER_DEVICE,
};

static struct object slab(uint64_t start, uint32_t size, uint32_t room, enum object_kind kind)
{
	return (struct object){ .start = start, .size = size, .room = room, .kind = kind };
}

static uint32_t unmap(const struct mapping *map, uint64_t size, uint8_t dir)
{
	struct call call = { .size = size, .dir = dir };

	return rule_unmap(map, &call);
}

static uint32_t sync_for_cpu(const struct mapping *map, uint8_t dir)
{
	struct call call = { .size = map->size, .dir = dir };

	return rule_sync(map, &call, OP_SYNC_FOR_CPU);
}

static void unmap_identical_is_silent(void **state)
{
	(void)state;
	assert_int_equal(unmap(&rx, 48, DIR_FROM_DEVICE), 0);
	assert_int_equal(unmap(&both, 64, DIR_BIDIRECTIONAL), 0);
}

static void unmap_other_size(void **state)
{
	(void)state;
	assert_int_equal(unmap(&rx, 24, DIR_FROM_DEVICE), CHECK_BIT(CHECK_SIZE_MISMATCH));
	assert_int_equal(unmap(&rx, 49, DIR_FROM_DEVICE), CHECK_BIT(CHECK_SIZE_MISMATCH));
}

static void unmap_other_direction(void **state)
{
	(void)state;
	assert_int_equal(unmap(&rx, 48, DIR_TO_DEVICE), CHECK_BIT(CHECK_DIR_MISMATCH));
	/* Unlike a sync, an unmap of a bidirectional mapping must give that direction. */
	assert_int_equal(unmap(&both, 64, DIR_FROM_DEVICE), CHECK_BIT(CHECK_DIR_MISMATCH));
	assert_int_equal(unmap(&rx, 1, DIR_TO_DEVICE),
			 CHECK_BIT(CHECK_DIR_MISMATCH) | CHECK_BIT(CHECK_SIZE_MISMATCH));
}

static void sync_direction(void **state)
{
	(void)state;
	assert_int_equal(sync_for_cpu(&rx, DIR_FROM_DEVICE), 0);
	assert_int_equal(sync_for_cpu(&rx, DIR_TO_DEVICE), CHECK_BIT(CHECK_DIR_MISMATCH));
	assert_int_equal(sync_for_cpu(&rx, DIR_BIDIRECTIONAL), CHECK_BIT(CHECK_DIR_MISMATCH));
	assert_int_equal(sync_for_cpu(&both, DIR_TO_DEVICE), 0);
	assert_int_equal(sync_for_cpu(&both, DIR_FROM_DEVICE), 0);
}

static void unmap_by_another_function(void **state)
{
	struct mapping list = { .size = 64, .kind = KIND_SG, .nents = 3 };
	struct call call = { .size = 64, .kind = KIND_SG, .nents = 3 };

	(void)state;
	assert_int_equal(rule_unmap(&list, &call), 0);
	call.kind = KIND_SINGLE;
	assert_int_equal(rule_unmap(&list, &call), CHECK_BIT(CHECK_FUNCTION_MISMATCH));
}

static void unmap_with_another_count(void **state)
{
	struct mapping list = { .size = 64, .kind = KIND_SG, .nents = 3 };
	struct call call = { .size = 64, .kind = KIND_SG, .nents = 2 };

	(void)state;
	assert_int_equal(rule_unmap(&list, &call), CHECK_BIT(CHECK_SG_COUNT_MISMATCH));
	/* Only the first entry of a list has the count. */
	call.nents = 0;
	assert_int_equal(rule_unmap(&list, &call), 0);
}

static void unmap_with_other_attributes(void **state)
{
	struct mapping map = { .size = 64, .attrs = ATTR_PRIVILEGED };
	struct call call = { .size = 64, .attrs = ATTR_PRIVILEGED | ATTR_SKIP_CPU_SYNC };

	(void)state;
	assert_int_equal(rule_unmap(&map, &call), 0);
	call.attrs = 0;
	assert_int_equal(rule_unmap(&map, &call), CHECK_BIT(CHECK_ATTRS_MISMATCH));
}

static void sync_stays_inside(void **state)
{
	struct call call = { .size = 16, .offset = 32, .dir = DIR_FROM_DEVICE };

	(void)state;
	assert_int_equal(rule_sync(&rx, &call, OP_SYNC_FOR_CPU), 0);
	call.offset = 33;
	assert_int_equal(rule_sync(&rx, &call, OP_SYNC_FOR_CPU),
			 CHECK_BIT(CHECK_SYNC_OUTSIDE_MAPPING));
	call.offset = 49;
	call.size = 0;
	assert_int_equal(rule_sync(&rx, &call, OP_SYNC_FOR_CPU),
			 CHECK_BIT(CHECK_SYNC_OUTSIDE_MAPPING));
	/* The size is the largest possible one and must not wrap. */
	call.offset = 8;
	call.size = ~0ull;
	assert_int_equal(rule_sync(&rx, &call, OP_SYNC_FOR_CPU),
			 CHECK_BIT(CHECK_SYNC_OUTSIDE_MAPPING));
}

static void sync_for_device_twice(void **state)
{
	struct call call = { .size = 48, .dir = DIR_FROM_DEVICE };
	struct mapping map = rx;

	(void)state;
	assert_int_equal(rule_sync(&map, &call, OP_SYNC_FOR_DEVICE),
			 CHECK_BIT(CHECK_SYNC_WRONG_OWNER));
	map.owner = OWNER_CPU;
	assert_int_equal(rule_sync(&map, &call, OP_SYNC_FOR_DEVICE), 0);
	/* The first sync hands such a mapping over. */
	map.owner = OWNER_DEVICE;
	map.attrs = ATTR_SKIP_CPU_SYNC;
	assert_int_equal(rule_sync(&map, &call, OP_SYNC_FOR_DEVICE), 0);
}

static void coherent_memory_is_not_synced(void **state)
{
	struct mapping map = { .size = 64, .kind = KIND_COHERENT, .dir = DIR_BIDIRECTIONAL };
	struct call call = { .size = 64, .dir = DIR_BIDIRECTIONAL };

	(void)state;
	assert_int_equal(rule_sync(&map, &call, OP_SYNC_FOR_CPU),
			 CHECK_BIT(CHECK_FUNCTION_MISMATCH));
	assert_int_equal(rule_level(CHECK_FUNCTION_MISMATCH, &map), LEVEL_HAZARD);
	assert_int_equal(rule_level(CHECK_FUNCTION_MISMATCH, &rx), LEVEL_VIOLATION);
}

static void segments_keep_limits(void **state)
{
	(void)state;
	assert_true(rule_segment(0x10000, 0x10000, 0x10000, 0xffffffff));
	assert_false(rule_segment(0x10000, 0x10001, 0x10000, 0xffffffff));
	/* With a boundary of 64 KiB, a segment may end at the boundary, but not one byte beyond. */
	assert_true(rule_segment(0x1ff00, 0x100, 0x10000, 0xffff));
	assert_false(rule_segment(0x1ff00, 0x101, 0x10000, 0xffff));
	/* A segment may end at the top of the address space. */
	assert_true(rule_segment(0xffffffffffff0000, 0x10000, 0x10000, 0xffffffff));
}

static void meetings(void **state)
{
	(void)state;
	assert_int_equal(rule_meet(0x1000, 64, 0x1040, 64, 64), MEET_NOT);
	assert_int_equal(rule_meet(0x1040, 64, 0x1000, 64, 64), MEET_NOT);
	assert_int_equal(rule_meet(0x1000, 16, 0x1010, 16, 64), MEET_LINE);
	assert_int_equal(rule_meet(0x1010, 16, 0x1000, 16, 64), MEET_LINE);
	assert_int_equal(rule_meet(0x1000, 64, 0x1040, 64, 128), MEET_LINE);
	assert_int_equal(rule_meet(0x1000, 17, 0x1010, 16, 64), MEET_BYTES);
	/* One range is inside the other. */
	assert_int_equal(rule_meet(0x1000, 0x4000, 0x2200, 512, 64), MEET_BYTES);
	assert_int_equal(rule_meet(0x2200, 512, 0x1000, 0x4000, 64), MEET_BYTES);
}

static void sync_moves_ownership(void **state)
{
	struct mapping map = rx;

	(void)state;
	assert_int_equal(rule_owner_after_sync(&map, 48, OP_SYNC_FOR_CPU), OWNER_CPU);
	map.owner = OWNER_CPU;
	assert_int_equal(rule_owner_after_sync(&map, 48, OP_SYNC_FOR_DEVICE), OWNER_DEVICE);
}

/* In doubt the CPU is the owner: a driver that syncs only a header may read the rest. */
static void sync_of_a_part(void **state)
{
	struct mapping map = rx;

	(void)state;
	assert_int_equal(rule_owner_after_sync(&map, 8, OP_SYNC_FOR_CPU), OWNER_CPU);
	map.owner = OWNER_CPU;
	assert_int_equal(rule_owner_after_sync(&map, 8, OP_SYNC_FOR_DEVICE), OWNER_CPU);
}

static void cpu_access_while_device_owns(void **state)
{
	(void)state;
	assert_int_equal(rule_cpu_access(&rx, false), CHECK_CPU_READ_DEVICE_OWNED);
	assert_int_equal(rule_cpu_access(&rx, true), CHECK_CPU_WRITE_DEVICE_OWNED);
	assert_int_equal(rule_cpu_access(&both, false), CHECK_CPU_READ_DEVICE_OWNED);
	assert_int_equal(rule_cpu_access(&tx, true), CHECK_CPU_WRITE_DEVICE_OWNED);
	/* The device only reads the buffer, so a read by the CPU is harmless. */
	assert_int_equal(rule_cpu_access(&tx, false), CHECK_NONE);
}

static void cpu_access_while_cpu_owns(void **state)
{
	struct mapping map = rx;

	(void)state;
	map.owner = OWNER_CPU;
	assert_int_equal(rule_cpu_access(&map, false), CHECK_NONE);
	assert_int_equal(rule_cpu_access(&map, true), CHECK_NONE);
}

static void contains_edges(void **state)
{
	struct mapping unknown = rx;

	(void)state;
	assert_true(rule_contains(&rx, 0x10008, 48));
	assert_true(rule_contains(&rx, 0x10037, 1));
	assert_false(rule_contains(&rx, 0x10007, 1));
	assert_false(rule_contains(&rx, 0x10038, 1));
	assert_false(rule_contains(&rx, 0x10030, 16));
	assert_false(rule_contains(&rx, 0x10008, UINT64_MAX));
	unknown.phys = 0;
	assert_false(rule_contains(&unknown, 0, 1));
}

static void bytes_beside_a_buffer(void **state)
{
	(void)state;
	assert_int_equal(rule_bytes_before(0x10008, 64), 8);
	assert_int_equal(rule_bytes_before(0x10000, 64), 0);
	assert_int_equal(rule_bytes_before(0x10040, 128), 64);
	assert_int_equal(rule_bytes_after(0x10008, 48, 64), 8);
	assert_int_equal(rule_bytes_after(0x10000, 64, 64), 0);
	assert_int_equal(rule_bytes_after(0x10000, 65, 64), 63);
	assert_int_equal(rule_bytes_after(0x10000, 64, 128), 64);
}

/*
 * struct { int ifield; char dma_buffer[]; }: the neighbour is in the same object, so this is a
 * note.
 */
static void embedded_is_a_note(void **state)
{
	struct object o = slab(0x10000, 256, 256, OBJECT_KMALLOC);

	(void)state;
	assert_int_equal(rule_shared_object(&o, 0x10008, 48, 64), LEVEL_NOTE);
}

/* kmalloc(48): the bytes after the buffer, up to the end of the object, are padding. */
static void whole_kmalloc_is_silent(void **state)
{
	struct object o = slab(0x10040, 64, 64, OBJECT_KMALLOC);

	(void)state;
	assert_int_equal(rule_shared_object(&o, 0x10040, 48, 64), NR_LEVELS);
}

/* Two kmalloc-32 objects are on different lines wherever that matters (ARCH_DMA_MINALIGN). */
static void small_kmalloc_is_silent(void **state)
{
	struct object a = slab(0x10020, 32, 32, OBJECT_KMALLOC);
	struct object b = slab(0x10000, 32, 32, OBJECT_KMALLOC);

	(void)state;
	assert_int_equal(rule_shared_object(&a, 0x10020, 32, 64), NR_LEVELS);
	assert_true(rule_same_line_apart(&a, &b));
	assert_false(rule_same_line_apart(&a, &a));
}

static void packed_cache_is_a_hazard(void **state)
{
	struct object o = slab(0x10028, 40, 40, OBJECT_SLAB);

	(void)state;
	assert_int_equal(rule_shared_object(&o, 0x10028, 40, 64), LEVEL_HAZARD);
	assert_false(rule_same_line_apart(&o, &o));
}

static void aligned_cache_is_silent(void **state)
{
	struct object o = slab(0x10040, 40, 64, OBJECT_SLAB);

	(void)state;
	assert_int_equal(rule_shared_object(&o, 0x10040, 40, 64), NR_LEVELS);
	/* The buffer is not aligned to the 128 bytes of arm64. */
	assert_int_equal(rule_shared_object(&o, 0x10040, 40, 128), LEVEL_HAZARD);
}

static void pages_say_nothing(void **state)
{
	struct object o = slab(0x10000, 0, 0, OBJECT_PAGE);

	(void)state;
	assert_int_equal(rule_shared_object(&o, 0x10042, 1500, 64), NR_LEVELS);
}

static void bytes_beside_are_clipped_to_kmalloc(void **state)
{
	struct object small = slab(0x10020, 32, 32, OBJECT_KMALLOC);
	struct object other = slab(0x10028, 40, 40, OBJECT_SLAB);
	uint32_t head, tail;

	(void)state;
	head = rule_bytes_before(0x10020, 64);
	tail = rule_bytes_after(0x10020, 16, 64);
	assert_int_equal(head, 32);
	assert_int_equal(tail, 16);
	rule_clip_neighbours(&small, 0x10020, 16, &head, &tail);
	assert_int_equal(head, 0);
	assert_int_equal(tail, 16);

	head = 40;
	tail = 48;
	rule_clip_neighbours(&other, 0x10028, 40, &head, &tail);
	assert_int_equal(head, 40);
	assert_int_equal(tail, 48);
}

static void every_check_is_described(void **state)
{
#define DESCRIBED(id, name, level, headline, elsewhere, fix)                               \
	assert_true(sizeof(name) > 4 && sizeof(headline) > 10 && sizeof(elsewhere) > 10 && \
		    sizeof(fix) > 10 && LEVEL_##level < NR_LEVELS);
	(void)state;
	CHECKS(DESCRIBED)
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unmap_identical_is_silent),
		cmocka_unit_test(unmap_other_size),
		cmocka_unit_test(unmap_other_direction),
		cmocka_unit_test(sync_direction),
		cmocka_unit_test(unmap_by_another_function),
		cmocka_unit_test(unmap_with_another_count),
		cmocka_unit_test(unmap_with_other_attributes),
		cmocka_unit_test(sync_stays_inside),
		cmocka_unit_test(sync_for_device_twice),
		cmocka_unit_test(coherent_memory_is_not_synced),
		cmocka_unit_test(segments_keep_limits),
		cmocka_unit_test(meetings),
		cmocka_unit_test(sync_moves_ownership),
		cmocka_unit_test(sync_of_a_part),
		cmocka_unit_test(cpu_access_while_device_owns),
		cmocka_unit_test(cpu_access_while_cpu_owns),
		cmocka_unit_test(contains_edges),
		cmocka_unit_test(bytes_beside_a_buffer),
		cmocka_unit_test(embedded_is_a_note),
		cmocka_unit_test(whole_kmalloc_is_silent),
		cmocka_unit_test(small_kmalloc_is_silent),
		cmocka_unit_test(packed_cache_is_a_hazard),
		cmocka_unit_test(aligned_cache_is_silent),
		cmocka_unit_test(pages_say_nothing),
		cmocka_unit_test(bytes_beside_are_clipped_to_kmalloc),
		cmocka_unit_test(every_check_is_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
