// SPDX-License-Identifier: GPL-2.0
/*
 * The arbiter alone: who has the bus in each cycle. The expected numbers are counted by hand from
 * the rules in arbiter.h.
 */
#include <kunit/test.h>

#include "../kmod/arbiter.h"

static struct bus *make(struct kunit *test, u32 ports, u32 cpu_permille)
{
	struct bus *bus = kunit_kzalloc(test, sizeof(*bus), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bus);
	KUNIT_ASSERT_TRUE(test, bus_init(bus, ports, cpu_permille));
	return bus;
}

/* One cycle. '0' and up: a channel, 'c': the CPU, '.': nobody. */
static char cycle(struct bus *bus, bool block_done)
{
	u32 beats;
	int who = bus_grant(bus, &beats);

	if (who == BUS_CPU)
		return 'c';
	if (who == BUS_IDLE)
		return '.';
	bus_use(bus, who, 1, block_done);
	return '0' + who;
}

static void expect_cycles(struct kunit *test, struct bus *bus, const char *want)
{
	char got[64] = {};
	u32 i;

	for (i = 0; want[i]; i++)
		got[i] = cycle(bus, false);
	KUNIT_EXPECT_STREQ(test, got, want);
}

static void bad_buses(struct kunit *test)
{
	struct bus bus;

	KUNIT_EXPECT_FALSE(test, bus_init(&bus, 0, 0));
	KUNIT_EXPECT_FALSE(test, bus_init(&bus, BUS_CHANNELS_MAX + 1, 0));
	KUNIT_EXPECT_FALSE(test, bus_init(&bus, 1, 1001));
}

/* A burst keeps the bus once it has it, and the CPU waits all the while. */
static void burst_holds_the_bus(struct kunit *test)
{
	struct bus *bus = make(test, 2, 1000);
	u32 i;

	bus_want(bus, 0, true);
	expect_cycles(test, bus, "0000000");
	bus_want(bus, 1, true);
	expect_cycles(test, bus, "000");
	KUNIT_EXPECT_EQ(test, bus->cpu_cycles, 0);
	/* The CPU wanted its first cycle in cycle 1 and has waited for the nine after it. */
	KUNIT_EXPECT_EQ(test, bus->cpu_waited, 9);
	KUNIT_EXPECT_EQ(test, bus->ports[1].waited, 3);
	KUNIT_EXPECT_EQ(test, cycle(bus, true), '0');
	/* The block is done: the CPU has its turn, then the other channel its block. */
	KUNIT_EXPECT_EQ(test, cycle(bus, false), 'c');
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, cycle(bus, false), '1');
	KUNIT_EXPECT_EQ(test, bus->ports[1].longest, 5);
}

/* A beat for the channel and a cycle for the CPU in turn, while both want the bus. */
static void cycle_stealing_interleaves(struct kunit *test)
{
	struct bus *bus = make(test, 1, 1000);

	bus->ports[0].mode = TRANSFER_CYCLE_STEALING;
	bus_want(bus, 0, true);
	expect_cycles(test, bus, "0c0c0c0c");
}

/* A CPU that wants every fourth cycle gets it, and costs the channel no more than that. */
static void cycle_stealing_leaves_the_cpu_its_share(struct kunit *test)
{
	struct bus *bus = make(test, 1, 250);

	bus->ports[0].mode = TRANSFER_CYCLE_STEALING;
	bus_want(bus, 0, true);
	/* After four cycles the CPU wants an access, which takes the fifth. That one counts too. */
	expect_cycles(test, bus, "0000c000c000c000c");
}

/* A transparent channel gets only the cycles that are left over. */
static void transparent_waits_for_idle(struct kunit *test)
{
	struct bus *bus = make(test, 2, 1000);

	bus->ports[0].mode = TRANSFER_TRANSPARENT;
	bus_want(bus, 0, true);
	expect_cycles(test, bus, "0ccccccc");
	bus->cpu_permille = 0;
	expect_cycles(test, bus, "c000");
	bus->ports[1].mode = TRANSFER_CYCLE_STEALING;
	bus_want(bus, 1, true);
	expect_cycles(test, bus, "1111");
	bus_want(bus, 1, false);
	expect_cycles(test, bus, "00");
	KUNIT_EXPECT_EQ(test, bus->ports[0].waited, 7 + 1 + 4);
}

static void priority_goes_first(struct kunit *test)
{
	struct bus *bus = make(test, 3, 0);
	u32 i;

	for (i = 0; i < 3; i++) {
		bus->ports[i].mode = TRANSFER_CYCLE_STEALING;
		bus_want(bus, i, true);
	}
	bus->ports[1].priority = 7;
	expect_cycles(test, bus, "1111");
	bus_want(bus, 1, false);
	/* Equal priorities take turns. */
	expect_cycles(test, bus, "020202");
}

/* A channel that stops wanting the bus releases it, even in the middle of a burst. */
static void paused_burst_lets_go(struct kunit *test)
{
	struct bus *bus = make(test, 2, 0);

	bus_want(bus, 0, true);
	bus_want(bus, 1, true);
	expect_cycles(test, bus, "00");
	bus_want(bus, 0, false);
	expect_cycles(test, bus, "11");
	bus_want(bus, 1, false);
	expect_cycles(test, bus, "..");
	KUNIT_EXPECT_EQ(test, bus->idle, 2);
}

/* A long grant is one decision repeated, never a different one. */
static void long_grants_change_nothing(struct kunit *test)
{
	struct bus *bus = make(test, 2, 0);
	u32 beats;

	bus->ports[0].mode = TRANSFER_CYCLE_STEALING;
	bus->ports[1].mode = TRANSFER_CYCLE_STEALING;
	bus_want(bus, 0, true);
	KUNIT_EXPECT_EQ(test, bus_grant(bus, &beats), 0);
	KUNIT_EXPECT_EQ(test, beats, BUS_RUN_MAX);
	bus_want(bus, 1, true);
	KUNIT_EXPECT_EQ(test, bus_grant(bus, &beats), 0);
	KUNIT_EXPECT_EQ(test, beats, 1);
	bus_want(bus, 1, false);
	bus->cpu_permille = 1;
	KUNIT_EXPECT_EQ(test, bus_grant(bus, &beats), 0);
	KUNIT_EXPECT_EQ(test, beats, 1);
}

/* clang-format off */
static struct kunit_case arbiter_cases[] = {
	KUNIT_CASE(bad_buses),
	KUNIT_CASE(burst_holds_the_bus),
	KUNIT_CASE(cycle_stealing_interleaves),
	KUNIT_CASE(cycle_stealing_leaves_the_cpu_its_share),
	KUNIT_CASE(transparent_waits_for_idle),
	KUNIT_CASE(priority_goes_first),
	KUNIT_CASE(paused_burst_lets_go),
	KUNIT_CASE(long_grants_change_nothing),
	{}
};

/* clang-format on */

static struct kunit_suite arbiter_suite = {
	.name = "dmaloop-arbiter",
	.test_cases = arbiter_cases,
};

kunit_test_suite(arbiter_suite);
