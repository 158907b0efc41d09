// SPDX-License-Identifier: GPL-2.0
/*
 * Tests the search for arm64 return instructions. The instructions are encoded as by
 * aarch64-linux-gnu-as.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "attach/returns.h"

#define NOP 0xd503201f
#define RET 0xd65f03c0
#define RET_X1 0xd65f0020
#define RETAA 0xd65f0bff
#define KPROBE 0xd4200080 /* brk #4 */
#define BRK_BUG 0xd4210000 /* brk #0x800 */
#define BR_X16 0xd61f0200
#define BLR_X3 0xd63f0060
#define BL 0x94000040 /* bl .+256 */
#define B(to) (0x14000000 | ((to)&0x3ffffff))
#define B_EQ(to) (0x54000000 | ((to)&0x7ffff) << 5)
#define CBNZ_X0(to) (0xb5000000 | ((to)&0x7ffff) << 5)
#define TBZ_W0(to) (0x36000000 | ((to)&0x3fff) << 5)

#define RETURNS(...)                                     \
	returns_arm64((const uint32_t[]){ __VA_ARGS__ }, \
		      sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), returns)

static void all_returns(void **state)
{
	size_t returns[RETURNS_MAX];

	(void)state;
	assert_int_equal(RETURNS(NOP, RET), 1);
	assert_int_equal(returns[0], 1);
	assert_int_equal(RETURNS(CBNZ_X0(2), RET, NOP, RET_X1, NOP), 2);
	assert_int_equal(returns[0], 1);
	assert_int_equal(returns[1], 3);
	/* The function begins with a kprobe, and has a BUG(). */
	assert_int_equal(RETURNS(KPROBE, RET, BRK_BUG), 1);
	/* Calls come back, so they are no returns. */
	assert_int_equal(RETURNS(BL, BLR_X3, RET), 1);
	/* Branches forward and back stay within the function. */
	assert_int_equal(RETURNS(B(2), RET, B(-1), B_EQ(-3), TBZ_W0(-4), CBNZ_X0(-5)), 1);
}

static void other_ways_out(void **state)
{
	size_t returns[RETURNS_MAX];

	(void)state;
	assert_int_equal(RETURNS(NOP, NOP), 0);
	assert_int_equal(RETURNS(RET, BR_X16), 0);
	assert_int_equal(RETURNS(RET, RETAA), 0);
	assert_int_equal(RETURNS(RET, B(1)), 0);
	assert_int_equal(RETURNS(RET, B(-2)), 0);
	assert_int_equal(RETURNS(RET, B_EQ(100)), 0);
	assert_int_equal(RETURNS(RET, CBNZ_X0(-100)), 0);
	assert_int_equal(RETURNS(RET, TBZ_W0(1)), 0);
	assert_int_equal(RETURNS(NOP, RET, KPROBE), 0);
}

static void too_many(void **state)
{
	size_t returns[RETURNS_MAX];

	(void)state;
	assert_int_equal(RETURNS(RET, RET, RET, RET, RET, RET, RET, RET), RETURNS_MAX);
	assert_int_equal(RETURNS(RET, RET, RET, RET, RET, RET, RET, RET, RET), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_returns),
		cmocka_unit_test(other_ways_out),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
