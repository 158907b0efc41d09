// SPDX-License-Identifier: GPL-2.0
/*
 * Tests the judge of bpf/, compiled natively so that the sanitizers see it, with calls as
 * bpf/event_log.bpf.h could have sent them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/finding.h"
#include "core/log.h"
#include "core/rules.h"
#include "engine/engine.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define PAGES 0xffffea0000000000ul
#define DIRECT 0xffff888000000000ul
#define RAM_END 0x40000000ul
#define BUCKETS 4096

static struct finding found[16];
static size_t nr_found, nr_gone;
static uint64_t clock_ns = 1000000000, devices = 0xffff888012340000ul;

static int send(void *context, void *event, size_t size)
{
	(void)context;
	if (*(uint8_t *)event == EVENT_DEVICE_GONE) {
		nr_gone++;
		return 0;
	}
	assert_int_equal(size, sizeof(struct finding));
	assert_true(nr_found < LENGTH(found));
	memcpy(&found[nr_found++], event, size);
	return 0;
}

static void keep_stack(unsigned long key, const void *frames)
{
	(void)key;
	(void)frames;
}

/* The test's answer to the judge's question for losses. */
static void (*losses)(void);

static void look_for_losses(void)
{
	if (losses)
		losses();
}

static int start(void **state)
{
	static const struct range ram[] = { { 0, RAM_END } };
	struct engine_setup setup = {
		.send = send,
		.keep_stack = keep_stack,
		.look_for_losses = look_for_losses,
		.nr_buckets = BUCKETS,
		.pages = PAGES,
		.page_size = 64,
		.direct = DIRECT,
		.ram = ram,
		.nr_ram = 1,
		.nr_pages = RAM_END / 4096,
		.line_size = 64,
		.line_shift = 6,
		.checks = ~(1u << CHECK_LINE_SHARED_OBJECT), /* one finding at a time */
		.min_level = LEVEL_NOTE,
		.device = "",
		.driver = "",
	};

	setup.buckets = calloc(BUCKETS, sizeof(struct bucket));
	*state = setup.buckets;
	return !setup.buckets || engine_start(&setup);
}

static int stop(void **state)
{
	free(*state);
	return 0;
}

static void fill(struct logged *event, uint64_t dev, uint8_t call)
{
	clock_ns += 1000;
	event->type = EVENT_LOGGED;
	event->call = call;
	event->ns = clock_ns;
	event->dev = dev;
	event->sp = 0xffffc90000003f00ul;
	event->stack[0] = 0xffffffffc0001000ul + call;
}

static void device_event(uint64_t dev, uint8_t call)
{
	struct logged_device event = { .driver = 1, .name = "dev", .driver_name = "driver" };

	fill(&event.head, dev, call);
	engine_event(&event.head);
}

/* Adds a device that is known from the start, and bound. */
static uint64_t device(void)
{
	struct logged added = {};

	devices += 4096;
	fill(&added, devices, LOGGED_ADDED);
	engine_event(&added);
	device_event(devices, LOGGED_DEVICE);
	nr_found = 0;
	nr_gone = 0;
	return devices;
}

/* The difference between DMA addresses and physical addresses. */
static uint64_t bounced;

static void map_as(uint64_t dev, uint64_t phys, uint64_t size, int dir, uint32_t kind,
		   uint64_t attrs)
{
	struct logged_map event = { .phys = phys,
				    .object = { .start = phys & ~127ul,
						.size = 96,
						.room = 128,
						.kind = kind,
						.cache = "cache" } };

	fill(&event.head, dev, LOGGED_MAP_PAGE);
	event.head.args[1] = PAGES + phys / 4096 * 64;
	event.head.args[2] = phys % 4096;
	event.head.args[3] = size;
	event.head.args[4] = dir;
	event.head.args[5] = attrs;
	event.head.result = phys + bounced;
	engine_event(&event.head);
}

static void map(uint64_t dev, uint64_t phys, uint64_t size, int dir, uint32_t kind)
{
	map_as(dev, phys, size, dir, kind, 0);
}

static void map_attrs(uint64_t dev, uint64_t phys, uint64_t size, int dir, uint64_t attrs)
{
	map_as(dev, phys, size, dir, OBJECT_KMALLOC, attrs);
}

static void unmap_attrs(uint64_t dev, uint64_t dma, uint64_t size, int dir, uint64_t attrs)
{
	struct logged event = { .args = { 0, dma, size, dir, attrs } };

	fill(&event, dev, LOGGED_UNMAP_PAGE);
	engine_event(&event);
}

/* The live mappings of a device, by its counters. */
static uint64_t live(uint64_t dev)
{
	const struct device_state *state = engine_state().device;

	for (size_t i = 0; i < DEVICES_MAX; i++)
		if (state[i].dev == dev)
			return live_of(&state[i]);
	return UINT64_MAX;
}

static void call(uint64_t dev, uint8_t what, uint64_t dma, uint64_t size, int dir)
{
	struct logged event = { .args = { 0, dma, size, dir } };

	fill(&event, dev, what);
	engine_event(&event);
}

/*
 * Sends a list of @entries of 256 bytes each from @phys on. Every 4th entry is a link to the next
 * part.
 */
static void list(uint64_t dev, uint8_t what, uint64_t phys, unsigned int entries, unsigned int says)
{
	static struct logged_list event;
	unsigned int nr = 0;

	memset(&event, 0, sizeof(event));
	fill(&event.head, dev, what);
	event.head.args[2] = says;
	event.head.args[3] = DIR_FROM_DEVICE;
	for (unsigned int i = 0; i < entries && nr < LOGGED_ENTRIES; i++, phys += 256) {
		if (nr % 4 == 3)
			event.entry[nr++].page_link = 1;
		if (nr == LOGGED_ENTRIES)
			break;
		event.entry[nr++] = (struct logged_entry){
			.page_link = (PAGES + phys / 4096 * 64) | (i + 1 == entries ? 2 : 0),
			.offset = phys % 4096,
			.length = 256,
			.dma_address = phys,
			.dma_length = 256,
		};
	}
	event.head.nents = nr;
	engine_event(&event.head);
}

static void assert_found(size_t nr, enum check check, bool uncertain)
{
	assert_int_equal(nr_found, nr);
	assert_int_equal(found[nr - 1].check, check);
	assert_int_equal(found[nr - 1].uncertain, uncertain);
	assert_string_equal(found[nr - 1].driver, "driver");
}

static void test_pair(void **state)
{
	uint64_t dev = device();

	(void)state;
	for (int i = 0; i < 100; i++) {
		map(dev, 0x100000, 512, DIR_FROM_DEVICE, OBJECT_KMALLOC);
		call(dev, LOGGED_SYNC_CPU, 0x100000, 512, DIR_FROM_DEVICE);
		call(dev, LOGGED_SYNC_DEVICE, 0x100000, 512, DIR_FROM_DEVICE);
		call(dev, LOGGED_UNMAP_PAGE, 0x100000, 512, DIR_FROM_DEVICE);
	}
	assert_int_equal(nr_found, 0);
	call(dev, LOGGED_UNMAP_PAGE, 0x100000, 512, DIR_FROM_DEVICE);
	assert_found(1, CHECK_DOUBLE_UNMAP, false);
	assert_int_equal(found[0].stack[0], 0xffffffffc0001000ul + LOGGED_UNMAP_PAGE);
	assert_int_equal(found[0].map_stack[0], 0xffffffffc0001000ul + LOGGED_MAP_PAGE);
}

static void test_mismatches(void **state)
{
	uint64_t dev = device();

	(void)state;
	map(dev, 0x110000, 512, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	call(dev, LOGGED_SYNC_CPU, 0x110100, 512, DIR_FROM_DEVICE);
	assert_found(1, CHECK_SYNC_OUTSIDE_MAPPING, false);
	call(dev, LOGGED_UNMAP_PAGE, 0x110000, 256, DIR_FROM_DEVICE);
	assert_found(2, CHECK_SIZE_MISMATCH, false);
}

static void test_lines(void **state)
{
	uint64_t dev = device();

	(void)state;
	/* kmalloc() keeps these buffers apart where that matters. Another cache does not. */
	map(dev, 0x120000, 16, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	map(dev, 0x120080, 16, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	assert_int_equal(nr_found, 0);
	map(dev, 0x120090, 16, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	assert_found(1, CHECK_LINE_SHARED_MAPPINGS, false);
	assert_int_equal(found[0].level, LEVEL_HAZARD);
}

static void test_unknown_objects(void **state)
{
	uint64_t dev = device();

	(void)state;
	map(dev, 0x130000, 16, DIR_FROM_DEVICE, OBJECT_UNKNOWN);
	map(dev, 0x130010, 16, DIR_FROM_DEVICE, OBJECT_UNKNOWN);
	assert_found(1, CHECK_LINE_SHARED_MAPPINGS, true);
	assert_int_equal(found[0].level, LEVEL_NOTE);
}

static void test_lists(void **state)
{
	uint64_t dev = device();

	(void)state;
	list(dev, LOGGED_MAP_SG, 0x200000, 200, 200);
	list(dev, LOGGED_UNMAP_SG, 0x200000, 200, 200);
	assert_int_equal(nr_found, 0);
	list(dev, LOGGED_MAP_SG, 0x200000, 8, 8);
	list(dev, LOGGED_UNMAP_SG, 0x200000, 8, 7);
	assert_true(nr_found > 0);
	assert_int_equal(found[0].check, CHECK_SG_COUNT_MISMATCH);
}

/* The unsent entries of a list are lost, and the events that follow are in doubt. */
static void test_long_list(void **state)
{
	uint64_t dev = device(), other = device();
	unsigned long before = engine_state().lost[LOST_TABLE];

	(void)state;
	map(other, 0x300000, 512, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	list(dev, LOGGED_MAP_SG, 0x400000, 1000, 1000);
	assert_int_equal(engine_state().lost[LOST_TABLE], before + 1);
	call(other, LOGGED_UNMAP_PAGE, 0x300000, 256, DIR_FROM_DEVICE);
	assert_found(1, CHECK_SIZE_MISMATCH, true);
}

/* An event that did not fit into the ring may explain the finding. */
static void test_lost(void **state)
{
	uint64_t dev = device();
	struct logged event = { .args = { 0, 0x140000, 256, DIR_FROM_DEVICE }, .lost = 1 };

	(void)state;
	map(dev, 0x140000, 512, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	fill(&event, dev, LOGGED_UNMAP_PAGE);
	engine_event(&event);
	assert_found(1, CHECK_SIZE_MISMATCH, true);
}

/* A mapping whose unmap was lost causes one finding, not one at every later map of its buffer. */
static void test_lost_unmap(void **state)
{
	struct logged event = { .args = { 0, 0x149000, 512, DIR_FROM_DEVICE }, .lost = 1 };
	uint64_t dev = device();

	(void)state;
	map(dev, 0x148000, 512, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	/* The unmap does not come. Another event tells that events were lost. */
	map(dev, 0x149000, 512, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	fill(&event, dev, LOGGED_UNMAP_PAGE);
	engine_event(&event);
	nr_found = 0;
	map(dev, 0x148000, 512, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	assert_found(1, CHECK_DOUBLE_MAP, true);
	for (int i = 0; i < 10; i++) {
		call(dev, LOGGED_UNMAP_PAGE, 0x148000, 512, DIR_FROM_DEVICE);
		map(dev, 0x148000, 512, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	}
	assert_int_equal(nr_found, 1);
	/* The mappings that are doubled now were made after that loss. */
	map(dev, 0x148000, 512, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	assert_found(2, CHECK_DOUBLE_MAP, false);
	map(dev, 0x148000, 512, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	assert_found(3, CHECK_DOUBLE_MAP, false);
	assert_int_equal(live(dev), 3);
}

/* Where the driver declares the overlap, both mappings may be right, and both are unmapped. */
static void test_lost_beside_declared(void **state)
{
	struct logged event = { .args = { 0, 0x149000, 512, DIR_FROM_DEVICE }, .lost = 2 };
	uint64_t dev = device();

	(void)state;
	map_attrs(dev, 0x14a000, 4096, DIR_BIDIRECTIONAL, ATTR_REQUIRE_COHERENT);
	map(dev, 0x149000, 512, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	fill(&event, dev, LOGGED_UNMAP_PAGE);
	engine_event(&event);
	/* The count of lost events is 0 again, which counts as a loss, too. */
	map(dev, 0x149000, 512, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	nr_found = 0;
	map_attrs(dev, 0x14a000, 4096, DIR_BIDIRECTIONAL, ATTR_REQUIRE_COHERENT);
	assert_int_equal(nr_found, 1);
	assert_int_equal(found[0].level, LEVEL_NOTE);
	unmap_attrs(dev, 0x14a000, 4096, DIR_BIDIRECTIONAL, ATTR_REQUIRE_COHERENT);
	unmap_attrs(dev, 0x14a000, 4096, DIR_BIDIRECTIONAL, ATTR_REQUIRE_COHERENT);
	assert_int_equal(nr_found, 1);
}

static void test_leak(void **state)
{
	uint64_t dev = device();

	(void)state;
	map(dev, 0x150000, 512, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	map(dev, 0x151000, 512, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	call(dev, LOGGED_UNMAP_PAGE, 0x150000, 512, DIR_FROM_DEVICE);
	device_event(dev, LOGGED_UNBOUND);
	assert_found(1, CHECK_LEAK, false);
	assert_int_equal(found[0].map.phys, 0x151000);
	assert_int_equal(nr_gone, 1);
}

/* If there are more pages than room, the last ones are kept. */
static void test_many_pages(void **state)
{
	uint64_t dev = device(), phys = 0x1000000;

	(void)state;
	bounced = 0x100000000;
	for (int i = 0; i < 3 * STARTS_MAX; i++, phys += 4096) {
		map(dev, phys, 512, DIR_FROM_DEVICE, OBJECT_PAGE);
		call(dev, LOGGED_UNMAP_PAGE, phys + bounced, 512, DIR_FROM_DEVICE);
	}
	map(dev, phys, 512, DIR_FROM_DEVICE, OBJECT_PAGE);
	assert_int_equal(nr_found, 0);
	bounced *= 2;
	map(dev, phys, 512, DIR_FROM_DEVICE, OBJECT_PAGE);
	bounced = 0;
	assert_found(1, CHECK_DOUBLE_MAP, false);
}

static void test_allocations(void **state)
{
	uint64_t dev = device();
	struct logged event = { .args = { 0, 4096, 0x160000 }, .result = DIRECT + 0x160000 };

	(void)state;
	fill(&event, dev, LOGGED_ALLOC);
	engine_event(&event);
	fill(&event, dev, LOGGED_FREE);
	event.args[2] = DIRECT + 0x161000;
	event.args[3] = 0x160000;
	engine_event(&event);
	assert_found(1, CHECK_ADDR_UNKNOWN, false);
	assert_int_equal(found[0].detail, DETAIL_CPU_ADDRESS);
}

static void lose_now(void)
{
	engine_lost(clock_ns);
}

/* A finding is Unsure if a lost event was not reported yet, so the judge has to ask for losses. */
static void test_asks_for_losses(void **state)
{
	uint64_t dev = device();

	(void)state;
	map(dev, 0x170000, 512, DIR_FROM_DEVICE, OBJECT_KMALLOC);
	losses = lose_now;
	call(dev, LOGGED_UNMAP_PAGE, 0x170000, 256, DIR_FROM_DEVICE);
	losses = NULL;
	assert_found(1, CHECK_SIZE_MISMATCH, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pair),
		cmocka_unit_test(test_mismatches),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_unknown_objects),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_long_list),
		cmocka_unit_test(test_leak),
		cmocka_unit_test(test_allocations),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_lost_unmap),
		cmocka_unit_test(test_lost_beside_declared),
		cmocka_unit_test(test_many_pages),
		cmocka_unit_test(test_asks_for_losses),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
