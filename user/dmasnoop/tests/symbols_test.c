// SPDX-License-Identifier: GPL-2.0
/* Tests the search for functions in /proc/kallsyms, before and after modules came and went. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "symbols.h"

static void read_text(const char *text)
{
	FILE *file = fmemopen((void *)text, strlen(text), "r");

	assert_non_null(file);
	symbols_read(file);
	fclose(file);
}

static void is(uint64_t address, const char *wanted)
{
	char text[256];

	symbols_format(address, text, sizeof(text));
	assert_string_equal(text, wanted);
}

#define KERNEL                            \
	"ffffffff81000000 T _stext\n"     \
	"ffffffff81000100 t first\n"      \
	"ffffffff81000100 T also_first\n" \
	"ffffffff81000300 T second\n"     \
	"ffffffff81000800 D some_data\n"
#define RX                                   \
	"ffffffffc0010000 t rx_fill\t[rx]\n" \
	"ffffffffc0010200 t rx_poll\t[rx]\n"
#define FAR "ffffffffc0018000 t far_send\t[far]\n"

static void by_where_they_begin(void **state)
{
	(void)state;
	read_text(KERNEL RX);
	is(0xffffffff81000304, "second+0x4");
	is(0xffffffff810007ff, "second+0x4ff");
	is(0xffffffffc00101ff, "rx_fill+0x1ff [rx]");
	is(0xffffffffc0010200, "rx_poll+0x0 [rx]");
}

/* Addresses behind the last function belong to no function, however near. */
static void not_beyond_where_they_end(void **state)
{
	(void)state;
	read_text(KERNEL RX FAR);
	is(0xffffffff81000900, "0xffffffff81000900");
	is(0xffffffffc0017000, "0xffffffffc0017000");
	is(0xffffffffc001f000, "0xffffffffc001f000");
	/* A function that is longer than its page does not end with the page. */
	is(0xffffffffc0011100, "rx_poll+0xf00 [rx]");
}

static void a_module_that_went_keeps_its_names(void **state)
{
	(void)state;
	read_text(KERNEL RX);
	read_text(KERNEL FAR);
	is(0xffffffffc0010210, "rx_poll+0x10 [rx]");
	is(0xffffffffc0018010, "far_send+0x10 [far]");
	/* The module is loaded again at another address. */
	read_text(KERNEL FAR "ffffffffc0050000 t rx_poll\t[rx]\n");
	is(0xffffffffc0010210, "rx_poll+0x10 [rx]");
	is(0xffffffffc0050010, "rx_poll+0x10 [rx]");
}

static void until_another_lies_there(void **state)
{
	(void)state;
	read_text(KERNEL RX);
	read_text(KERNEL "ffffffffc0010100 t tx_send\t[tx]\n"
			 "ffffffffc0010400 t tx_done\t[tx]\n");
	is(0xffffffffc0010110, "tx_send+0x10 [tx]");
	is(0xffffffffc0010210, "tx_send+0x110 [tx]");
}

static void loading_for_ever_does_not_fill_memory(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		char *text;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		for (uint64_t j = 0; j < 40000; j++)
			fprintf(out, "%llx t f\t[m]\n",
				(unsigned long long)(0xffffffffc0000000 + i * 0x10000000 + j * 16));
		fclose(out);
		read_text(text);
		free(text);
	}
	is(0xffffffffe0000000, "f+0x0 [m]");
	is(0xffffffffd0000000, "f+0x0 [m]");
	/*
	 * 80,000 symbols would be too many, so the modules that were unloaded first are forgotten.
	 */
	read_text(KERNEL);
	is(0xffffffffc0000000, "0xffffffffc0000000");
}

static void names_are_fit_to_print(void **state)
{
	(void)state;
	read_text("ffffffffc0010000 t bpf_\x1b\x07_x\t[b\x1bpf]\n");
	is(0xffffffffc0010000, "bpf_??_x+0x0 [b?pf]");
}

static int forget(void **state)
{
	(void)state;
	symbols_forget();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(by_where_they_begin, forget),
		cmocka_unit_test_teardown(not_beyond_where_they_end, forget),
		cmocka_unit_test_teardown(a_module_that_went_keeps_its_names, forget),
		cmocka_unit_test_teardown(until_another_lies_there, forget),
		cmocka_unit_test_teardown(loading_for_ever_does_not_fill_memory, forget),
		cmocka_unit_test_teardown(names_are_fit_to_print, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
