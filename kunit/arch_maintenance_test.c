// SPDX-License-Identifier: GPL-2.0
/*
 * What each architecture's handovers do to a buffer and its neighbour bytes, for every position of
 * the buffer's ends in their lines. The expected values are taken from the architectures' own
 * sources (named in arch_maintenance.c) and written as statements about bytes. The table of
 * operations is not consulted.
 */
#include <kunit/test.h>

#include "../kmod/arch_maintenance.h"

#define PAGE 1024u
#define LINE 64u

enum { OLD = 0x10, CPU_NEW = 0x20, DEVICE_NEW = 0x30, NEIGHBOUR_NEW = 0x40 };

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
	m->page = (struct cache_page){ m->cpu, m->dram, m->ref, PAGE };
	test->priv = m;
	return 0;
}

/* CPU and DRAM agree on OLD; every line is clean. */
static void reset(struct model *m)
{
	memset(m->cpu, OLD, PAGE);
	memset(m->dram, OLD, PAGE);
	memset(m->ref, OLD, PAGE);
}

static void handover(struct model *m, const struct handover_ops *ops, u32 start, u32 end)
{
	static const struct cache_range everything = { 0, PAGE };

	handover_apply(ops, &m->page, LINE, start, end, true, true, &everything, 1, &m->effect);
}

/*
 * Where a buffer can lie: aligned, one or both ends inside a line, within one line, exactly one
 * line, one byte, or across several lines.
 */
static const struct position {
	u32 start;
	u32 end;
} positions[] = {
	{ 128, 192 }, { 128, 384 }, { 136, 192 }, { 136, 384 }, { 128, 184 }, { 128, 376 },
	{ 136, 184 }, { 136, 376 }, { 191, 193 }, { 160, 161 }, { 128, 129 }, { 191, 192 },
};

struct arch_case {
	const char *arch;
	/* Neighbour bytes written in flight on an edge line: do they survive the unmap? */
	bool edge_keeps_neighbour;
	/* Neighbour bytes dirty before a map from the device: do they survive the map? */
	bool map_keeps_neighbour;
};

static const struct arch_case arch_cases[] = {
	{ "arm", true, true },
	{ "arm64", true, true },
	{ "mips", false, false },
	{ "riscv", false, true },
};

static void arch_desc(const struct arch_case *c, char *desc)
{
	strscpy(desc, c->arch, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(arch, arch_cases, arch_desc);

static const struct handover_arch *find(struct kunit *test)
{
	const struct arch_case *c = test->param_value;
	const struct handover_arch *arch = handover_find_arch(c->arch);

	KUNIT_ASSERT_NOT_NULL(test, arch);
	return arch;
}

/* To the device: everything that the CPU wrote is in DRAM. */
static void transmit_is_cleaned(struct kunit *test)
{
	const struct handover_arch *arch = find(test);
	struct model *m = test->priv;
	unsigned int i, dir;

	for (dir = 0; dir < NR_HANDOVER_DIRS; dir++) {
		if (dir == HANDOVER_FROM_DEVICE)
			continue;
		for (i = 0; i < ARRAY_SIZE(positions); i++) {
			u32 start = positions[i].start, end = positions[i].end;

			reset(m);
			memset(m->cpu + start, CPU_NEW, end - start);
			handover(m, &arch->for_device[dir], start, end);
			KUNIT_EXPECT_TRUE(test, !memchr_inv(m->dram + start, CPU_NEW, end - start));
		}
	}
}

/* From the device, if nobody else touches the lines: the CPU sees what the device wrote. */
static void receive_is_invalidated(struct kunit *test)
{
	const struct handover_arch *arch = find(test);
	struct model *m = test->priv;
	unsigned int i, dir;

	for (dir = 0; dir < NR_HANDOVER_DIRS; dir++) {
		if (dir == HANDOVER_TO_DEVICE)
			continue;
		for (i = 0; i < ARRAY_SIZE(positions); i++) {
			u32 start = positions[i].start, end = positions[i].end;

			reset(m);
			/* Dirty before the map, like a buffer that was just cleared. */
			memset(m->cpu + start, CPU_NEW, end - start);
			handover(m, &arch->for_device[dir], start, end);
			memset(m->dram + start, DEVICE_NEW, end - start);
			handover(m, &arch->for_cpu[dir], start, end);
			KUNIT_EXPECT_TRUE(test,
					  !memchr_inv(m->cpu + start, DEVICE_NEW, end - start));
		}
	}
}

/* After a map from the device, no dirty line is left that could be evicted. */
static void receive_leaves_nothing_dirty(struct kunit *test)
{
	const struct handover_arch *arch = find(test);
	struct model *m = test->priv;
	unsigned int i;
	u32 line;

	for (i = 0; i < ARRAY_SIZE(positions); i++) {
		u32 start = positions[i].start, end = positions[i].end;

		reset(m);
		memset(m->cpu + start, CPU_NEW, end - start);
		handover(m, &arch->for_device[HANDOVER_FROM_DEVICE], start, end);
		for (line = 0; line < PAGE; line += LINE)
			KUNIT_EXPECT_FALSE(test, cache_line_dirty(&m->page, line, LINE));
	}
}

/* The unmap of a transmission touches nothing. */
static void transmit_end_does_nothing(struct kunit *test)
{
	const struct handover_arch *arch = find(test);
	struct model *m = test->priv;

	reset(m);
	memset(m->cpu, CPU_NEW, PAGE);
	memset(m->dram, DEVICE_NEW, PAGE);
	handover(m, &arch->for_cpu[HANDOVER_TO_DEVICE], 136, 376);
	KUNIT_EXPECT_TRUE(test, !memchr_inv(m->cpu, CPU_NEW, PAGE));
	KUNIT_EXPECT_TRUE(test, !memchr_inv(m->dram, DEVICE_NEW, PAGE));
}

/* Neighbour bytes written in flight: either they or the received bytes survive, never both. */
static void neighbour_written_in_flight(struct kunit *test)
{
	const struct arch_case *c = test->param_value;
	const struct handover_arch *arch = find(test);
	struct model *m = test->priv;
	const u32 start = 136, end = 376;

	reset(m);
	handover(m, &arch->for_device[HANDOVER_FROM_DEVICE], start, end);
	m->cpu[start - 1] = NEIGHBOUR_NEW;
	m->cpu[end] = NEIGHBOUR_NEW;
	memset(m->dram + start, DEVICE_NEW, end - start);
	handover(m, &arch->for_cpu[HANDOVER_FROM_DEVICE], start, end);

	KUNIT_EXPECT_EQ(test, m->cpu[start - 1], c->edge_keeps_neighbour ? NEIGHBOUR_NEW : OLD);
	KUNIT_EXPECT_EQ(test, m->cpu[end], c->edge_keeps_neighbour ? NEIGHBOUR_NEW : OLD);
	KUNIT_EXPECT_EQ(test, m->cpu[start], c->edge_keeps_neighbour ? OLD : DEVICE_NEW);
	KUNIT_EXPECT_EQ(test, m->cpu[end - 1], c->edge_keeps_neighbour ? OLD : DEVICE_NEW);
	/* Lines wholly inside the buffer are not affected. */
	KUNIT_EXPECT_TRUE(test, !memchr_inv(m->cpu + 192, DEVICE_NEW, 320 - 192));
}

static void neighbour_dirty_before_map(struct kunit *test)
{
	const struct arch_case *c = test->param_value;
	const struct handover_arch *arch = find(test);
	struct model *m = test->priv;

	reset(m);
	m->cpu[135] = NEIGHBOUR_NEW;
	handover(m, &arch->for_device[HANDOVER_FROM_DEVICE], 136, 376);
	KUNIT_EXPECT_EQ(test, m->cpu[135], c->map_keeps_neighbour ? NEIGHBOUR_NEW : OLD);
}

/* The edge of a page is not an end of the buffer, so the line there is an inner line. */
static void page_edges_are_inner(struct kunit *test)
{
	static const struct cache_range everything = { 0, PAGE };
	static const struct handover_ops ops = { CACHE_INVALIDATE, CACHE_NONE };
	struct model *m = test->priv;

	reset(m);
	memset(m->dram, DEVICE_NEW, PAGE);
	handover_apply(&ops, &m->page, LINE, 0, PAGE, false, false, &everything, 1, &m->effect);
	KUNIT_EXPECT_TRUE(test, !memchr_inv(m->cpu, DEVICE_NEW, PAGE));
}

static void unknown_arch(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, handover_find_arch("vax"));
	KUNIT_EXPECT_NULL(test, handover_find_arch(""));
}

/* clang-format off */
static struct kunit_case handover_cases[] = {
	KUNIT_CASE_PARAM(transmit_is_cleaned, arch_gen_params),
	KUNIT_CASE_PARAM(receive_is_invalidated, arch_gen_params),
	KUNIT_CASE_PARAM(receive_leaves_nothing_dirty, arch_gen_params),
	KUNIT_CASE_PARAM(transmit_end_does_nothing, arch_gen_params),
	KUNIT_CASE_PARAM(neighbour_written_in_flight, arch_gen_params),
	KUNIT_CASE_PARAM(neighbour_dirty_before_map, arch_gen_params),
	KUNIT_CASE(page_edges_are_inner),
	KUNIT_CASE(unknown_arch),
	{}
};

/* clang-format on */

static struct kunit_suite handover_suite = {
	.name = "dmaloop-handover",
	.init = model_init,
	.test_cases = handover_cases,
};

kunit_test_suite(handover_suite);
