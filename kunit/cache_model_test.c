// SPDX-License-Identifier: GPL-2.0
/*
 * The operations of the cache model, table-driven: every operation on a clean line, a dirty line, a
 * line that the device wrote and a line that both wrote, at every line size. The expected values
 * are the rules of cache_model.h, written out for each case.
 */
#include <kunit/test.h>

#include "../kmod/cache_model.h"

#define PAGE 1024u /* four lines of the largest size */

enum { OLD = 0x10, CPU_NEW = 0x20, DEVICE_NEW = 0x30 };

struct model {
	u8 cpu[PAGE];
	u8 dram[PAGE];
	u8 ref[PAGE];
	struct cache_page page;
	struct cache_effect effect;
};

static int model_init(struct kunit *test)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	if (!m)
		return -ENOMEM;
	memset(m->cpu, OLD, PAGE);
	memset(m->dram, OLD, PAGE);
	memset(m->ref, OLD, PAGE);
	m->page = (struct cache_page){ m->cpu, m->dram, m->ref, PAGE };
	test->priv = m;
	return 0;
}

static const struct cache_range everything = { 0, PAGE };

struct op_case {
	const char *name;
	enum cache_op op;
	bool cpu_writes; /* byte 0 of the line, before the operation */
	bool device_writes; /* byte 1 of the line, before the operation */
	u8 cpu[2]; /* expected afterwards, bytes 0 and 1 */
	u8 dram[2];
	bool dirty;
};

/* clang-format off */
static const struct op_case op_cases[] = {
	/* A line in which nothing happened stays as it is, whatever the operation. */
	{ "clean of a clean line", CACHE_CLEAN, false, false, { OLD, OLD }, { OLD, OLD }, false },
	{ "invalidate of a clean line", CACHE_INVALIDATE, false, false, { OLD, OLD },
	  { OLD, OLD }, false },
	{ "flush of a clean line", CACHE_FLUSH, false, false, { OLD, OLD }, { OLD, OLD }, false },
	{ "evict of a clean line", CACHE_EVICT, false, false, { OLD, OLD }, { OLD, OLD }, false },
	{ "prefetch of a clean line", CACHE_PREFETCH, false, false, { OLD, OLD }, { OLD, OLD },
	  false },

	/* The CPU wrote: a clean writes it back, an invalidate drops it. */
	{ "nothing done to a dirty line", CACHE_NONE, true, false, { CPU_NEW, OLD },
	  { OLD, OLD }, true },
	{ "clean of a dirty line", CACHE_CLEAN, true, false, { CPU_NEW, OLD }, { CPU_NEW, OLD },
	  false },
	{ "invalidate of a dirty line", CACHE_INVALIDATE, true, false, { OLD, OLD },
	  { OLD, OLD }, false },
	{ "flush of a dirty line", CACHE_FLUSH, true, false, { CPU_NEW, OLD }, { CPU_NEW, OLD },
	  false },
	{ "evict of a dirty line", CACHE_EVICT, true, false, { CPU_NEW, OLD }, { CPU_NEW, OLD },
	  false },
	{ "prefetch of a dirty line", CACHE_PREFETCH, true, false, { CPU_NEW, OLD },
	  { OLD, OLD }, true },

	/* The device wrote: cleaning a clean line must not undo it. */
	{ "nothing done, device wrote", CACHE_NONE, false, true, { OLD, OLD },
	  { OLD, DEVICE_NEW }, false },
	{ "clean, device wrote", CACHE_CLEAN, false, true, { OLD, OLD }, { OLD, DEVICE_NEW },
	  false },
	{ "invalidate, device wrote", CACHE_INVALIDATE, false, true, { OLD, DEVICE_NEW },
	  { OLD, DEVICE_NEW }, false },
	{ "flush, device wrote", CACHE_FLUSH, false, true, { OLD, DEVICE_NEW },
	  { OLD, DEVICE_NEW }, false },
	{ "evict, device wrote", CACHE_EVICT, false, true, { OLD, OLD }, { OLD, DEVICE_NEW },
	  false },
	{ "prefetch, device wrote", CACHE_PREFETCH, false, true, { OLD, DEVICE_NEW },
	  { OLD, DEVICE_NEW }, false },

	/* Both wrote: one of them loses, and the operation decides which. */
	{ "clean, both wrote", CACHE_CLEAN, true, true, { CPU_NEW, OLD }, { CPU_NEW, OLD },
	  false },
	{ "invalidate, both wrote", CACHE_INVALIDATE, true, true, { OLD, DEVICE_NEW },
	  { OLD, DEVICE_NEW }, false },
	{ "flush, both wrote", CACHE_FLUSH, true, true, { CPU_NEW, OLD }, { CPU_NEW, OLD },
	  false },
	{ "evict, both wrote", CACHE_EVICT, true, true, { CPU_NEW, OLD }, { CPU_NEW, OLD },
	  false },
	{ "prefetch, both wrote", CACHE_PREFETCH, true, true, { CPU_NEW, OLD },
	  { OLD, DEVICE_NEW }, true },
};

/* clang-format on */

static void op_desc(const struct op_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(op, op_cases, op_desc);

static void cache_operation(struct kunit *test)
{
	const struct op_case *c = test->param_value;
	struct model *m = test->priv;
	u32 size, line;

	for (size = CACHE_LINE_MIN; size <= CACHE_LINE_MAX; size *= 2) {
		for (line = 0; line < PAGE; line += size) {
			memset(m->cpu, OLD, PAGE);
			memset(m->dram, OLD, PAGE);
			memset(m->ref, OLD, PAGE);
			if (c->cpu_writes)
				m->cpu[line] = CPU_NEW;
			if (c->device_writes)
				m->dram[line + 1] = DEVICE_NEW;
			/* A range of one byte stands for its whole line. */
			cache_apply(&m->page, c->op, size, line + size - 1, line + size,
				    &everything, 1, &m->effect);
			KUNIT_ASSERT_EQ(test, m->cpu[line], c->cpu[0]);
			KUNIT_ASSERT_EQ(test, m->cpu[line + 1], c->cpu[1]);
			KUNIT_ASSERT_EQ(test, m->dram[line], c->dram[0]);
			KUNIT_ASSERT_EQ(test, m->dram[line + 1], c->dram[1]);
			KUNIT_ASSERT_EQ(test, cache_line_dirty(&m->page, line, size), c->dirty);
		}
	}
}

static void cache_line_sizes(struct kunit *test)
{
	u32 size;

	for (size = 0; size <= 1024; size++)
		KUNIT_EXPECT_EQ(test, cache_line_size_valid(size),
				size == 32 || size == 64 || size == 128 || size == 256);
}

/* An operation on [60, 70) touches two lines of 64 bytes, and no third. */
static void cache_whole_lines_only(struct kunit *test)
{
	struct model *m = test->priv;

	memset(m->cpu, CPU_NEW, PAGE);
	cache_apply(&m->page, CACHE_CLEAN, 64, 60, 70, &everything, 1, &m->effect);
	KUNIT_EXPECT_EQ(test, m->effect.lines, 2);
	KUNIT_EXPECT_EQ(test, m->effect.cleaned, 2);
	KUNIT_EXPECT_EQ(test, m->dram[0], CPU_NEW);
	KUNIT_EXPECT_EQ(test, m->dram[127], CPU_NEW);
	KUNIT_EXPECT_EQ(test, m->dram[128], OLD);
}

static void cache_bad_ranges(struct kunit *test)
{
	struct model *m = test->priv;

	memset(m->cpu, CPU_NEW, PAGE);
	cache_apply(&m->page, CACHE_FLUSH, 64, 64, 64, &everything, 1, &m->effect);
	cache_apply(&m->page, CACHE_FLUSH, 64, 70, 64, &everything, 1, &m->effect);
	cache_apply(&m->page, CACHE_FLUSH, 64, 0, PAGE + 1, &everything, 1, &m->effect);
	KUNIT_EXPECT_EQ(test, m->effect.lines, 0);
	KUNIT_EXPECT_EQ(test, m->dram[0], OLD);
}

/* Outside the permitted bytes the CPU's copy stays, and the loss is counted. */
static void cache_neighbours_are_spared(struct kunit *test)
{
	const struct cache_range own = { 8, 16 };
	struct model *m = test->priv;

	memset(m->cpu, CPU_NEW, PAGE);
	memset(m->dram, DEVICE_NEW, PAGE);
	cache_apply(&m->page, CACHE_INVALIDATE, 64, 8, 16, &own, 1, &m->effect);
	KUNIT_EXPECT_EQ(test, m->cpu[7], CPU_NEW);
	KUNIT_EXPECT_EQ(test, m->cpu[8], DEVICE_NEW);
	KUNIT_EXPECT_EQ(test, m->cpu[15], DEVICE_NEW);
	KUNIT_EXPECT_EQ(test, m->cpu[16], CPU_NEW);
	KUNIT_EXPECT_EQ(test, m->effect.spared, 56);
	KUNIT_EXPECT_EQ(test, m->effect.dropped, 8);
	/* The kept bytes are coherent afterwards, as if they alone had been cleaned. */
	KUNIT_EXPECT_EQ(test, m->dram[7], CPU_NEW);
	KUNIT_EXPECT_FALSE(test, cache_line_dirty(&m->page, 0, 64));
}

/* What the device wrote for the owner of a byte stays in DRAM until that owner's handover. */
static void cache_clean_neighbours_keep_dram(struct kunit *test)
{
	const struct cache_range header = { 0, 20 }, rest = { 20, 64 };
	struct model *m = test->priv;

	memset(m->dram, DEVICE_NEW, PAGE);
	cache_apply(&m->page, CACHE_FLUSH, 64, 0, 20, &header, 1, &m->effect);
	KUNIT_EXPECT_EQ(test, m->cpu[19], DEVICE_NEW);
	KUNIT_EXPECT_EQ(test, m->cpu[20], OLD);
	cache_apply(&m->page, CACHE_FLUSH, 64, 20, 64, &rest, 1, &m->effect);
	KUNIT_EXPECT_TRUE(test, !memchr_inv(m->cpu, DEVICE_NEW, 64));
	KUNIT_EXPECT_EQ(test, m->effect.spared, 0);
}

/* A store to neighbour bytes dirties the line. That must not cost what the device wrote. */
static void cache_dirty_stranger_costs_nothing(struct kunit *test)
{
	const struct cache_range own = { 0, 32 };
	struct model *m = test->priv;

	m->cpu[40] = CPU_NEW;
	memset(m->dram, DEVICE_NEW, 32);
	cache_apply(&m->page, CACHE_FLUSH, 64, 0, 32, &own, 1, &m->effect);
	KUNIT_EXPECT_TRUE(test, !memchr_inv(m->cpu, DEVICE_NEW, 32));
	KUNIT_EXPECT_EQ(test, m->cpu[40], CPU_NEW);
	KUNIT_EXPECT_EQ(test, m->dram[40], CPU_NEW);
	KUNIT_EXPECT_EQ(test, m->effect.spared, 32);
}

static void cache_distrusted_is_dirty(struct kunit *test)
{
	struct model *m = test->priv;

	m->dram[3] = DEVICE_NEW;
	cache_distrust(&m->page, 0, 8);
	KUNIT_EXPECT_TRUE(test, cache_line_dirty(&m->page, 0, 64));
	cache_apply(&m->page, CACHE_CLEAN, 64, 0, 8, &everything, 1, &m->effect);
	KUNIT_EXPECT_EQ(test, m->dram[3], OLD);
}

static void cache_playground_is_not_spared(struct kunit *test)
{
	const struct cache_range ranges[] = { { 8, 16 }, { 0, 32 } };
	struct model *m = test->priv;

	memset(m->cpu, CPU_NEW, PAGE);
	cache_apply(&m->page, CACHE_INVALIDATE, 64, 8, 16, ranges, 2, &m->effect);
	KUNIT_EXPECT_EQ(test, m->cpu[0], OLD);
	KUNIT_EXPECT_EQ(test, m->cpu[31], OLD);
	KUNIT_EXPECT_EQ(test, m->cpu[32], CPU_NEW);
	KUNIT_EXPECT_EQ(test, m->effect.spared, 32);
}

/* clang-format off */
static struct kunit_case cache_cases[] = {
	KUNIT_CASE_PARAM(cache_operation, op_gen_params),
	KUNIT_CASE(cache_line_sizes),
	KUNIT_CASE(cache_whole_lines_only),
	KUNIT_CASE(cache_bad_ranges),
	KUNIT_CASE(cache_neighbours_are_spared),
	KUNIT_CASE(cache_playground_is_not_spared),
	KUNIT_CASE(cache_clean_neighbours_keep_dram),
	KUNIT_CASE(cache_dirty_stranger_costs_nothing),
	KUNIT_CASE(cache_distrusted_is_dirty),
	{}
};

/* clang-format on */

static struct kunit_suite cache_suite = {
	.name = "dmaloop-cache-model",
	.init = model_init,
	.test_cases = cache_cases,
};

kunit_test_suite(cache_suite);
