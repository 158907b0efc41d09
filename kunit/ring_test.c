// SPDX-License-Identifier: GPL-2.0
/* The descriptor ring's protocol: both ends, full, empty, wrap, hostile values. */
#include <kunit/test.h>

#include "../kmod/ring.h"

static void ring_sizes(struct kunit *test)
{
	struct ring ring;

	KUNIT_EXPECT_FALSE(test, ring_init(&ring, 0));
	KUNIT_EXPECT_FALSE(test, ring_init(&ring, 1));
	KUNIT_EXPECT_FALSE(test, ring_init(&ring, 3));
	KUNIT_EXPECT_FALSE(test, ring_init(&ring, 2 * RING_MAX));
	KUNIT_EXPECT_TRUE(test, ring_init(&ring, 2));
	KUNIT_EXPECT_TRUE(test, ring_init(&ring, RING_MAX));
}

/* A ring of four holds three: one slot tells full from empty. */
static void ring_full_and_empty(struct kunit *test)
{
	struct ring ring;
	u32 i;

	KUNIT_ASSERT_TRUE(test, ring_init(&ring, 4));
	KUNIT_EXPECT_TRUE(test, ring_empty(&ring));
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_FALSE(test, ring_full(&ring));
		KUNIT_EXPECT_EQ(test, ring_produce(&ring), i);
	}
	KUNIT_EXPECT_TRUE(test, ring_full(&ring));
	KUNIT_EXPECT_EQ(test, ring_used(&ring), 3);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, ring_consume(&ring), i);
	KUNIT_EXPECT_TRUE(test, ring_empty(&ring));
}

/* The device's end follows the driver's through many wraps. */
static void ring_wraps(struct kunit *test)
{
	struct ring driver, device;
	u32 i;

	KUNIT_ASSERT_TRUE(test, ring_init(&driver, 4));
	KUNIT_ASSERT_TRUE(test, ring_init(&device, 4));
	for (i = 0; i < 1000; i++) {
		KUNIT_ASSERT_EQ(test, ring_produce(&driver), i % 4);
		KUNIT_ASSERT_TRUE(test, ring_doorbell(&device, driver.tail));
		KUNIT_ASSERT_FALSE(test, ring_empty(&device));
		KUNIT_ASSERT_EQ(test, ring_consume(&device), i % 4);
		KUNIT_ASSERT_TRUE(test, ring_empty(&device));
		KUNIT_ASSERT_EQ(test, ring_consume(&driver), i % 4);
	}
}

static void ring_doorbell_out_of_range(struct kunit *test)
{
	struct ring ring;

	KUNIT_ASSERT_TRUE(test, ring_init(&ring, 8));
	KUNIT_EXPECT_FALSE(test, ring_doorbell(&ring, 8));
	KUNIT_EXPECT_FALSE(test, ring_doorbell(&ring, U32_MAX));
	KUNIT_EXPECT_TRUE(test, ring_empty(&ring));
	KUNIT_EXPECT_TRUE(test, ring_doorbell(&ring, 7));
	KUNIT_EXPECT_EQ(test, ring_used(&ring), 7);
}

static void ring_ownership(struct kunit *test)
{
	struct ring_desc desc = {};

	KUNIT_EXPECT_FALSE(test, ring_desc_ready(&desc));
	desc.control = DESC_OWN;
	KUNIT_EXPECT_TRUE(test, ring_desc_ready(&desc));
	desc.status = DESC_DONE;
	KUNIT_EXPECT_FALSE(test, ring_desc_ready(&desc));
	KUNIT_EXPECT_EQ(test, sizeof(desc), 40);
}

/* clang-format off */
static struct kunit_case ring_cases[] = {
	KUNIT_CASE(ring_sizes),
	KUNIT_CASE(ring_full_and_empty),
	KUNIT_CASE(ring_wraps),
	KUNIT_CASE(ring_doorbell_out_of_range),
	KUNIT_CASE(ring_ownership),
	{}
};

/* clang-format on */

static struct kunit_suite ring_suite = {
	.name = "dmaloop-ring",
	.test_cases = ring_cases,
};

kunit_test_suite(ring_suite);
