// SPDX-License-Identifier: GPL-2.0
/*
 * The scenarios in a KUnit kernel with lockdep: twins are clean on every architecture, faults end
 * as the rules say, and the same seed gives the same result.
 */
#include <kunit/test.h>

#include "../kmod/device.h"
#include "../kmod/scenario.h"

static struct scenario_result run(struct kunit *test, const struct scenario *scenario,
				  enum dmaloop_coherency coherency, const char *arch, u64 seed)
{
	struct dmaloop_config config = dmaloop_config_default;
	struct scenario_options options = { .seed = seed, .where = NR_PLACEMENTS, .offset = 8 };
	struct scenario_result result = {};
	struct platform_device *pdev;
	int err;

	config.coherency = coherency;
	config.caches.arch = handover_find_arch(arch);
	pdev = dmaloop_device_create(&config);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pdev);
	err = scenario_run(scenario, &pdev->dev, dmaloop_device_engine(pdev), &options, &result);
	dmaloop_device_destroy(pdev);
	if (err == -ENOTSUPP)
		kunit_skip(test, "the allocator pads objects (KASAN): none share a line");
	KUNIT_ASSERT_EQ(test, err, 0);
	return result;
}

static void scenario_desc(const struct scenario *s, char *desc)
{
	strscpy(desc, s->name, KUNIT_PARAM_DESC_SIZE);
}

static const void *scenario_gen(const void *prev, char *desc)
{
	const struct scenario *s = prev ? (const struct scenario *)prev + 1 : scenarios;

	if (s - scenarios >= nr_scenarios)
		return NULL;
	scenario_desc(s, desc);
	return s;
}

/* A correct driver is right on every machine. */
static void twins_are_clean(struct kunit *test)
{
	const struct scenario *s = test->param_value;
	unsigned int i;

	if (s->faulty)
		return;
	for (i = 0; i < nr_handover_archs; i++)
		KUNIT_EXPECT_EQ(
			test,
			run(test, s, COHERENCY_NONCOHERENT, handover_archs[i].name, 1).outcome,
			DMALOOP_OK);
	KUNIT_EXPECT_EQ(test, run(test, s, COHERENCY_COHERENT, "arm64", 1).outcome, DMALOOP_OK);
}

static void faults_name_a_twin(struct kunit *test)
{
	const struct scenario *s = test->param_value;

	KUNIT_EXPECT_EQ(test, s->faulty, !!s->twin);
	if (s->twin) {
		const struct scenario *twin = scenario_find(s->twin);

		KUNIT_ASSERT_NOT_NULL(test, twin);
		KUNIT_EXPECT_FALSE(test, twin->faulty);
	}
}

static void same_seed_same_result(struct kunit *test)
{
	const struct scenario *s = test->param_value;
	struct scenario_result first = run(test, s, COHERENCY_NONCOHERENT, "arm64", 7), again;
	int i;

	for (i = 0; i < 10; i++) {
		again = run(test, s, COHERENCY_NONCOHERENT, "arm64", 7);
		KUNIT_EXPECT_MEMEQ(test, &first, &again, sizeof(first));
	}
}

static const struct {
	const char *scenario;
	const char *arch;
	enum dmaloop_outcome outcome;
} expectations[] = {
	{ "tx-no-sync", "arm64", DMALOOP_STALE },
	{ "rx-no-sync", "arm64", DMALOOP_STALE },
	{ "rx-barrier-only", "arm", DMALOOP_STALE },
	{ "rx-write-owned", "arm64", DMALOOP_DMA_LOST },
	{ "rx-neighbour-write", "arm", DMALOOP_DMA_LOST },
	{ "rx-neighbour-write", "arm64", DMALOOP_DMA_LOST },
	{ "rx-neighbour-write", "mips", DMALOOP_NEIGHBOUR_LOST },
	{ "rx-neighbour-write", "riscv", DMALOOP_NEIGHBOUR_LOST },
	{ "rx-two-one-line", "arm64", DMALOOP_DMA_LOST },
	{ "rx-two-one-line", "riscv", DMALOOP_NEIGHBOUR_LOST },
	{ "unmap-size-wrong", "arm64", DMALOOP_STALE },
	{ "cpu-pointer", "arm64", DMALOOP_FAULT },
	{ "leak", "arm64", DMALOOP_LEAK },
	{ "overrun", "arm64", DMALOOP_FAULT },
	{ "doorbell-early", "arm64", DMALOOP_STUCK },
	{ "own-first", "arm64", DMALOOP_STALE },
	{ "fields-no-barrier", "arm64", DMALOOP_TORN },
	{ "bank-update", "arm64", DMALOOP_TORN },
	{ "descriptor-no-sync", "arm64", DMALOOP_STUCK },
	{ "descriptor-no-sync", "mips", DMALOOP_STUCK },
	{ "descriptor-overrun", "arm64", DMALOOP_STALE },
	{ "head-not-advanced", "arm64", DMALOOP_STALE },
	{ "status-misread", "arm64", DMALOOP_STALE },
	{ "descriptor-leak", "arm64", DMALOOP_STUCK },
	{ "free-in-flight", "arm64", DMALOOP_FAULT },
};

static void faults_corrupt_as_the_rules_say(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(expectations); i++) {
		const struct scenario *s = scenario_find(expectations[i].scenario);

		KUNIT_ASSERT_NOT_NULL(test, s);
		KUNIT_EXPECT_EQ_MSG(
			test, run(test, s, COHERENCY_NONCOHERENT, expectations[i].arch, 1).outcome,
			expectations[i].outcome, "%s %s", s->name, expectations[i].arch);
	}
}

/* All devices are gone, so no shadow page is left. */
static void no_shadow_left(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, shadow_empty());
}

/* clang-format off */
static struct kunit_case scenario_cases[] = {
	KUNIT_CASE_PARAM(twins_are_clean, scenario_gen),
	KUNIT_CASE_PARAM(faults_name_a_twin, scenario_gen),
	KUNIT_CASE_PARAM(same_seed_same_result, scenario_gen),
	KUNIT_CASE(faults_corrupt_as_the_rules_say),
	KUNIT_CASE(no_shadow_left),
	{}
};

/* clang-format on */

static struct kunit_suite scenario_suite = {
	.name = "dmaloop-scenario",
	.test_cases = scenario_cases,
};

kunit_test_suite(scenario_suite);
