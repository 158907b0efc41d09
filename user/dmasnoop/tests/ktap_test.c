// SPDX-License-Identifier: GPL-2.0
/*
 * Tests KTAP output: which checks are `ok', which are skipped, and why. The format follows
 * Documentation/dev-tools/ktap.rst, and a check is `ok' only where its mistakes could have been
 * seen. With a file name as argument, the test writes a sample for kunit.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/explain.h"
#include "output/findings.h"

#define ALL_CHECKS ((1u << NR_CHECKS) - 1)

/* All events of this device were seen. */
static const struct device_state seen = {
	.name = "dmaloop.0",
	.driver = "dmaloop",
	.complete = 1,
	.maps = 3,
	.unmaps = 3,
	.syncs = 1,
};

static const struct finding broken = {
	.check = CHECK_SIZE_MISMATCH,
	.level = LEVEL_VIOLATION,
	.op = OP_UNMAP,
	.device = "dmaloop.0",
	.driver = "dmaloop",
	.stack = { 0x1000 },
};

/* Returns the output of a run with or without a device and a finding. The caller frees the text. */
static char *document(const struct device_state *device, const struct finding *finding,
		      enum level fail_on, struct summary summary)
{
	struct device_state devices[1];
	struct ktap ktap = { .fail_on = fail_on };
	struct findings findings = {
		.ktap = &ktap,
		.checks = ALL_CHECKS,
		.level = LEVEL_NOTE,
		.fail_on = fail_on,
	};
	char *text;
	size_t size;

	ktap.out = open_memstream(&text, &size);
	summary.checks = summary.checks ?: ALL_CHECKS;
	summary.kernel = "";
	summary.left_out = summary.left_out ?: "";
	if (device) {
		devices[0] = *device;
		summary.devices = devices;
		summary.nr_devices = 1;
	}
	if (finding)
		findings_add(&findings, finding, 2);
	findings_end(&findings, &summary);
	fclose(ktap.out);
	findings_free(&findings);
	ktap_free(&ktap);
	return text;
}

static void assert_line(const char *text, const char *start)
{
	const char *at = strstr(text, start);

	if (!at || (at != text && at[-1] != '\n'))
		fail_msg("no line starts with '%s' in:\n%s", start, text);
}

/* Checks the line of a check's result, up to its newline. */
static void assert_result(const char *text, const char *result)
{
	const char *at = strstr(text, result);

	if (!at || at[strlen(result)] != '\n')
		fail_msg("no result '%s' in:\n%s", result, text);
}

static void one_line_a_check_in_order(void **state)
{
	char *text = document(&seen, NULL, LEVEL_HAZARD, (struct summary){});
	char *save, *line = strtok_r(text, "\n", &save);
	int nr = 0, plan;

	(void)state;
	assert_string_equal(line, "KTAP version 1");
	line = strtok_r(NULL, "\n", &save);
	assert_int_equal(sscanf(line, "1..%d", &plan), 1);
	assert_int_equal(plan, NR_CHECKS);
	while ((line = strtok_r(NULL, "\n", &save))) {
		char name[64];
		int number;

		assert_int_equal(sscanf(line, "ok %d - %63s", &number, name), 2);
		assert_string_equal(name, check_infos[nr].name);
		assert_int_equal(number, ++nr);
	}
	assert_int_equal(nr, plan);
	free(text);
}

static void only_the_checks_enabled(void **state)
{
	char *text = document(&seen, NULL, LEVEL_HAZARD,
			      (struct summary){ .checks = 1u << CHECK_SIZE_MISMATCH });

	(void)state;
	assert_string_equal(text, "KTAP version 1\n1..1\nok 1 - size-mismatch\n");
	free(text);
}

static void without_dma_all_is_skipped(void **state)
{
	char *text = document(NULL, NULL, LEVEL_HAZARD, (struct summary){});
	int skipped = 0;

	(void)state;
	for (char *at = text; (at = strstr(at, "# SKIP ")); at++)
		skipped++;
	assert_int_equal(skipped, NR_CHECKS);
	assert_null(strstr(text, "not ok"));
	free(text);
}

static void a_finding_fails_its_check_alone(void **state)
{
	char *text = document(&seen, &broken, LEVEL_HAZARD, (struct summary){});

	(void)state;
	assert_line(text, "# 2 x violation: size differs");
	assert_result(text, " - size-mismatch");
	assert_non_null(strstr(text, "\nnot ok "));
	assert_null(strstr(strstr(text, "not ok") + 1, "not ok"));
	free(text);
}

static void below_fail_on_is_ok(void **state)
{
	struct finding hazard = broken;
	char *text;

	(void)state;
	hazard.level = LEVEL_HAZARD;
	text = document(&seen, &hazard, LEVEL_VIOLATION, (struct summary){});
	assert_null(strstr(text, "not ok"));
	assert_null(strstr(text, "\n# "));
	free(text);
}

static void unseen_is_skipped(void **state)
{
	struct device_state device = seen;
	char *text;

	(void)state;
	device.unmaps = 0;
	text = document(&device, NULL, LEVEL_HAZARD, (struct summary){});
	assert_result(text, "size-mismatch # SKIP nothing was unmapped");
	assert_result(text, "line-shared-object");
	free(text);

	device = seen;
	device.complete = 0;
	text = document(&device, NULL, LEVEL_HAZARD, (struct summary){});
	assert_result(text, "addr-unknown # SKIP every device was in use before the trace began");
	assert_result(text, "size-mismatch");
	free(text);

	text = document(&seen, NULL, LEVEL_HAZARD, (struct summary){});
	assert_result(text, "addr-unknown");
	assert_result(text, "leak # SKIP no driver left its device, and the run was short");
	assert_result(text, "cpu-read-device-owned");
	free(text);

	text = document(&seen, NULL, LEVEL_HAZARD, (struct summary){ .leaks_judged = true });
	assert_result(text, "leak");
	free(text);
}

static void accesses_that_nobody_announces(void **state)
{
	struct device_state device = seen;
	char *text;

	(void)state;
	strcpy(device.driver, "e1000e");
	text = document(&device, NULL, LEVEL_HAZARD, (struct summary){});
	assert_result(
		text,
		"cpu-read-device-owned # SKIP no CPU accesses were announced, or watched (--watch)");
	free(text);
}

/* Without syncs the owner of a buffer is not known, but its contents are. */
static void syncs_that_are_skipped(void **state)
{
	struct device_state device = seen;
	char *text;

	(void)state;
	device.skips_sync = 1;
	text = document(&device, NULL, LEVEL_HAZARD, (struct summary){});
	for (int i = 0; i < NR_CHECKS; i++)
		if (explanation(i)->question == Q_SYNC && i != CHECK_CONTENT_CHANGED)
			assert_non_null(strstr(strstr(text, check_infos[i].name), "# SKIP"));
	assert_result(text, "size-mismatch");
	free(text);
}

static void what_cannot_fail_does_not_pass(void **state)
{
	char *text = document(&seen, NULL, LEVEL_VIOLATION, (struct summary){});

	(void)state;
	assert_result(text, "line-shared-object # SKIP its findings are below --fail-on");
	assert_result(text, "size-mismatch");
	free(text);
	text = document(&seen, NULL, LEVEL_HAZARD, (struct summary){});
	assert_result(text, "line-shared-object");
	free(text);
}

static void lost_findings_are_no_silence(void **state)
{
	struct summary lossy = {};
	char *text;

	(void)state;
	lossy.lost[LOST_RING] = 1;
	text = document(&seen, &broken, LEVEL_HAZARD, lossy);
	assert_result(text, "dir-mismatch # SKIP findings were lost");
	assert_result(text, "size-mismatch");
	free(text);
}

static void what_the_kernel_refused_is_skipped(void **state)
{
	char *text = document(&seen, NULL, LEVEL_HAZARD, (struct summary){ .left_out = "kfree" });

	(void)state;
	assert_result(text, "freed-while-mapped # SKIP programs that it needs could not be loaded");
	assert_result(text, "handover-unsynced # SKIP programs that it needs could not be loaded");
	assert_result(text, "size-mismatch");
	free(text);
}

static void what_comes_too_late_is_skipped(void **state)
{
	static const char *const late[] = { "addr-not-dmable", "content-changed",
					    "handover-unsynced", "line-neighbour-write",
					    "freed-while-mapped" };
	struct summary later = { .unreadable = UNREADABLE_LATER };
	char result[128], *text = document(&seen, NULL, LEVEL_HAZARD, later);

	(void)state;
	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
		snprintf(result, sizeof(result),
			 "%s # SKIP before Linux 5.17 calls are judged too late for it", late[i]);
		assert_result(text, result);
	}
	assert_result(text, "line-shared-object");
	free(text);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_a_check_in_order),
		cmocka_unit_test(only_the_checks_enabled),
		cmocka_unit_test(without_dma_all_is_skipped),
		cmocka_unit_test(a_finding_fails_its_check_alone),
		cmocka_unit_test(below_fail_on_is_ok),
		cmocka_unit_test(unseen_is_skipped),
		cmocka_unit_test(accesses_that_nobody_announces),
		cmocka_unit_test(syncs_that_are_skipped),
		cmocka_unit_test(what_cannot_fail_does_not_pass),
		cmocka_unit_test(lost_findings_are_no_silence),
		cmocka_unit_test(what_the_kernel_refused_is_skipped),
		cmocka_unit_test(what_comes_too_late_is_skipped),
	};

	if (argc > 1) {
		char *text = document(&seen, &broken, LEVEL_HAZARD, (struct summary){});
		FILE *out = fopen(argv[1], "we");
		bool good = out && fputs(text, out) >= 0 && !fclose(out);

		free(text);
		return !good;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
