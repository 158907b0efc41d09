// SPDX-License-Identifier: GPL-2.0
/* The protocol of the descriptor ring: both ends, full, empty, wrap-around, hostile values. */
#include <kunit/test.h>

#include "../kmod/posted.h"
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

/* A ring of four slots holds three descriptors: the free slot tells full from empty. */
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

	KUNIT_EXPECT_FALSE(test, ring_desc_ready(&desc, RING_CHECK_OWN));
	desc.control = DESC_OWN;
	KUNIT_EXPECT_TRUE(test, ring_desc_ready(&desc, RING_CHECK_OWN));
	desc.status = DESC_DONE;
	KUNIT_EXPECT_FALSE(test, ring_desc_ready(&desc, RING_CHECK_OWN));
	KUNIT_EXPECT_EQ(test, sizeof(desc), 40);
}

/* What a device without an OWN bit checks. */
static void ring_checks(struct kunit *test)
{
	struct ring_desc desc = {};

	KUNIT_EXPECT_TRUE(test, ring_desc_ready(&desc, RING_CHECK_DONE));
	KUNIT_EXPECT_TRUE(test, ring_desc_ready(&desc, RING_CHECK_NONE));
	desc.status = DESC_DONE;
	KUNIT_EXPECT_FALSE(test, ring_desc_ready(&desc, RING_CHECK_DONE));
	KUNIT_EXPECT_TRUE(test, ring_desc_ready(&desc, RING_CHECK_NONE));
	desc.control = DESC_OWN | DESC_CYCLIC;
	KUNIT_EXPECT_TRUE(test, ring_desc_ready(&desc, RING_CHECK_OWN));
}

static void ring_layouts(struct kunit *test)
{
	static const struct {
		struct ring_layout layout;
		bool valid;
	} layouts[] = {
		{ { 0, 40, 0 }, true },	    { { 0, 32, 0 }, false },   { { 0, 44, 0 }, false },
		{ { 8, 64, 64 }, true },    { { 4, 64, 64 }, false },  { { 0, 64, 96 }, false },
		{ { 0, 64, 32 }, false },   { { 0, 512, 512 }, true }, { { 0, 520, 0 }, false },
		{ { 0, 64, 1024 }, false }, { { 520, 64, 0 }, false },
	};
	struct ring_layout straddle = { 40, 64, 64 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(layouts); i++)
		KUNIT_EXPECT_EQ_MSG(test, ring_layout_valid(&layouts[i].layout), layouts[i].valid,
				    "layout %u", i);
	KUNIT_EXPECT_EQ(test, ring_bytes(&straddle, 4), 40 + 4 * 64);
}

/* A ring in plain memory, with a count of its reads. */
struct memory {
	u8 bytes[512];
	u32 reads;
};

static int read_memory(void *data, u32 at, void *to, u32 size)
{
	struct memory *memory = data;

	memory->reads++;
	if (at + size > sizeof(memory->bytes))
		return -EFAULT;
	memcpy(to, memory->bytes + at, size);
	return 0;
}

static void set_length(struct memory *memory, u32 at, u32 length)
{
	((struct ring_desc *)(memory->bytes + at))->length = length;
}

/* A bank is read once, as a whole, and its descriptors are as old as that read. */
static void banks_are_fetched_whole(struct kunit *test)
{
	struct memory *memory = kunit_kzalloc(test, sizeof(*memory), GFP_KERNEL);
	struct ring_bank *bank = kunit_kzalloc(test, sizeof(*bank), GFP_KERNEL);
	struct ring_layout layout = { 0, 64, 128 };
	struct ring_desc desc;

	KUNIT_ASSERT_NOT_NULL(test, memory);
	KUNIT_ASSERT_NOT_NULL(test, bank);
	set_length(memory, 0, 1);
	set_length(memory, 64, 2);
	KUNIT_EXPECT_EQ(test, ring_fetch(bank, &layout, 4, 0, &desc, read_memory, memory), 0);
	KUNIT_EXPECT_EQ(test, desc.length, 1);
	set_length(memory, 64, 3);
	set_length(memory, 128, 4);
	KUNIT_EXPECT_EQ(test, ring_fetch(bank, &layout, 4, 1, &desc, read_memory, memory), 0);
	KUNIT_EXPECT_EQ(test, desc.length, 2); /* fetched with slot 0 */
	KUNIT_EXPECT_EQ(test, memory->reads, 1);
	KUNIT_EXPECT_EQ(test, ring_fetch(bank, &layout, 4, 2, &desc, read_memory, memory), 0);
	KUNIT_EXPECT_EQ(test, desc.length, 4); /* its bank was not read before */
	KUNIT_EXPECT_EQ(test, memory->reads, 2);
	/* After a wrap, the first bank is read again. */
	KUNIT_EXPECT_EQ(test, ring_fetch(bank, &layout, 4, 1, &desc, read_memory, memory), 0);
	KUNIT_EXPECT_EQ(test, desc.length, 3);
}

/* A descriptor in two banks is put together from two reads at different times. */
static void straddling_descriptor_tears(struct kunit *test)
{
	struct memory *memory = kunit_kzalloc(test, sizeof(*memory), GFP_KERNEL);
	struct ring_bank *bank = kunit_kzalloc(test, sizeof(*bank), GFP_KERNEL);
	/* Slot 1 is at 104: src to control are in one bank, next and status in the other. */
	struct ring_layout layout = { 40, 64, 128 };
	struct ring_desc desc, *second;

	KUNIT_ASSERT_NOT_NULL(test, memory);
	KUNIT_ASSERT_NOT_NULL(test, bank);
	second = (struct ring_desc *)(memory->bytes + 104);
	*second = (struct ring_desc){ .length = 1, .next = 1 };
	KUNIT_EXPECT_EQ(test, ring_fetch(bank, &layout, 4, 0, &desc, read_memory, memory), 0);
	*second = (struct ring_desc){ .length = 2, .next = 2 };
	KUNIT_EXPECT_EQ(test, ring_fetch(bank, &layout, 4, 1, &desc, read_memory, memory), 0);
	KUNIT_EXPECT_EQ(test, desc.length, 1);
	KUNIT_EXPECT_EQ(test, desc.next, 2);
	/* The last bank ends with the ring, and an error is passed on. */
	KUNIT_EXPECT_EQ(test, ring_fetch(bank, &layout, 4, 3, &desc, read_memory, memory), 0);
	KUNIT_EXPECT_EQ(test, ring_fetch(bank, &layout, 16, 15, &desc, read_memory, memory),
			-EFAULT);
	KUNIT_EXPECT_FALSE(test, bank->valid);
}

static void posted_stores_wait(struct kunit *test)
{
	struct posted posted = {};
	u64 wide = 0;
	u32 narrow = 0;

	posted_write(&posted, &wide, 0x1122334455667788ull, sizeof(wide));
	posted_write(&posted, &narrow, 7, sizeof(narrow));
	KUNIT_EXPECT_EQ(test, wide, 0);
	posted_barrier(&posted);
	KUNIT_EXPECT_EQ(test, wide, 0x1122334455667788ull);
	KUNIT_EXPECT_EQ(test, narrow, 7);
	KUNIT_EXPECT_EQ(test, posted.nr, 0);
}

/* Whatever the seed, the last store is visible and one before it is not. */
static void overtaking_is_adverse(struct kunit *test)
{
	u32 seed, patterns = 0;

	for (seed = 0; seed < 1000; seed++) {
		struct posted posted = {};
		u32 field[4] = {}, i, seen = 0;

		for (i = 0; i < 4; i++)
			posted_write(&posted, &field[i], 1, sizeof(u32));
		posted_overtake(&posted, seed);
		for (i = 0; i < 4; i++)
			seen |= field[i] << i;
		KUNIT_ASSERT_EQ(test, field[3], 1);
		KUNIT_ASSERT_NE(test, seen, 0xf);
		KUNIT_ASSERT_EQ(test, posted.nr, 4 - hweight32(seen));
		patterns |= 1 << seen;
		posted_barrier(&posted);
		KUNIT_ASSERT_EQ(test, field[0] + field[1] + field[2] + field[3], 4);
	}
	/* There are seven ways to have not all of the first three visible. All of them occur. */
	KUNIT_EXPECT_EQ(test, hweight32(patterns), 7);
}

/* clang-format off */
static struct kunit_case ring_cases[] = {
	KUNIT_CASE(ring_sizes),
	KUNIT_CASE(ring_full_and_empty),
	KUNIT_CASE(ring_wraps),
	KUNIT_CASE(ring_doorbell_out_of_range),
	KUNIT_CASE(ring_ownership),
	KUNIT_CASE(ring_checks),
	KUNIT_CASE(ring_layouts),
	KUNIT_CASE(banks_are_fetched_whole),
	KUNIT_CASE(straddling_descriptor_tears),
	KUNIT_CASE(posted_stores_wait),
	KUNIT_CASE(overtaking_is_adverse),
	{}
};

/* clang-format on */

static struct kunit_suite ring_suite = {
	.name = "dmaloop-ring",
	.test_cases = ring_cases,
};

kunit_test_suite(ring_suite);
