// SPDX-License-Identifier: GPL-2.0
/*
 * Tests folding: which findings are counted as repeats, and which are reported. Stacks consist of
 * named functions, as in a recording. Each case adds two findings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/findings.h"
#include "symbols.h"

static const struct finding shared = {
	.check = CHECK_LINE_SHARED_OBJECT,
	.level = LEVEL_HAZARD,
	.op = OP_MAP,
	.device = "0000:00:04.0",
	.driver = "virtio-pci",
	.function_driver = "virtio_net",
};

/* Puts functions into a stack, the outermost last, and makes up their addresses. */
static void put_stack(uint64_t *stack, ...)
{
	static uint64_t next = 0x1000;
	static struct {
		const char *name;
		uint64_t address;
	} known[64];
	const char *name;
	va_list names;

	memset(stack, 0, STACK_MAX * sizeof(*stack));
	va_start(names, stack);
	while ((name = va_arg(names, const char *))) {
		size_t i = 0;

		while (known[i].name && strcmp(known[i].name, name))
			i++;
		assert_true(i < sizeof(known) / sizeof(known[0]) - 1);
		known[i].name = name;
		known[i].address = known[i].address ?: (next += 0x100);
		symbols_define(known[i].address, &(struct symbol){ .name = name });
		*stack++ = known[i].address;
	}
	va_end(names);
}

#define STACK(stack, ...) put_stack(stack, __VA_ARGS__, (const char *)NULL)

static int count(const char *text, const char *word)
{
	int nr = 0;

	while ((text = strstr(text, word))) {
		text += strlen(word);
		nr++;
	}
	return nr;
}

/* Returns how many of two findings are reported, as text and as JSON, which must agree. */
static int told(const struct finding *first, const struct finding *second)
{
	struct findings findings = {
		.checks = ~0u,
		.level = LEVEL_NOTE,
		.fail_on = LEVEL_HAZARD,
		.context.line_size = 64,
	};
	char *text, *json;
	size_t size;
	int reports;

	findings.text = open_memstream(&text, &size);
	findings.json = open_memstream(&json, &size);
	findings_add(&findings, first, 1);
	findings_add(&findings, second, 1);
	fclose(findings.text);
	fclose(findings.json);
	reports = count(text, "==== ");
	assert_int_equal(count(json, "\"type\":\"finding\""), reports);
	findings_free(&findings);
	free(text);
	free(json);
	return reports;
}

static void a_repeat_is_counted(void **state)
{
	struct finding first = shared;

	(void)state;
	STACK(first.stack, "dma_map_page_attrs", "fill", "open");
	assert_int_equal(told(&first, &first), 1);
}

/*
 * In virtio_gpu, first a response shares its own object's line, then one reaches the next object.
 */
static void a_graver_level_is_told(void **state)
{
	struct finding first = shared, second;

	(void)state;
	STACK(first.stack, "dma_map_page_attrs", "fill", "open");
	first.level = LEVEL_NOTE;
	second = first;
	second.level = LEVEL_HAZARD;
	assert_int_equal(told(&first, &second), 2);
}

static void a_certain_one_is_told_after_an_unsure_one(void **state)
{
	struct finding first = shared, second;

	(void)state;
	STACK(first.stack, "dma_map_page_attrs", "fill", "open");
	second = first;
	first.uncertain = 1;
	assert_int_equal(told(&first, &second), 2);
}

static void another_caller_of_a_helper_is_told(void **state)
{
	struct finding first = shared, second = shared;

	(void)state;
	STACK(first.stack, "dma_map_page_attrs", "helper", "fill", "open");
	STACK(second.stack, "dma_map_page_attrs", "helper", "send", "open");
	assert_int_equal(told(&first, &second), 2);
}

/* An outer frame makes no difference, because the driver did not choose its caller. */
static void another_way_there_is_a_repeat(void **state)
{
	struct finding first = shared, second = shared;

	(void)state;
	STACK(first.stack, "dma_map_page_attrs", "fill", "open", "ioctl");
	STACK(second.stack, "dma_map_page_attrs", "fill", "open", "resume");
	assert_int_equal(told(&first, &second), 1);
}

/* These chains exist in the kernel. The function that differs is the driver's. */
static void helpers_do_not_count(void **state)
{
	static const char *const chains[][4] = {
		{ "vring_map_one_sg", "virtqueue_add_split", "virtqueue_add_inbuf_ctx" },
		{ "detach_buf_split", "virtqueue_get_buf_ctx_split", "virtqueue_get_buf" },
		{ "usb_hcd_map_urb_for_dma", "usb_hcd_submit_urb", "usb_submit_urb" },
		{ "usb_submit_urb", "usb_start_wait_urb", "usb_bulk_msg" },
		{ "hcd_buffer_alloc", "usb_alloc_coherent", "usb_alloc_coherent" },
		{ "pool_alloc_page", "dma_pool_alloc", "dma_pool_zalloc" },
		{ "__page_pool_alloc_pages_slow", "page_pool_alloc_netmems", "page_pool_alloc" },
		{ "scsi_dma_map", "scsi_dma_map", "scsi_dma_map" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		const char *const *chain = chains[i];
		struct finding first = shared, second = shared;

		STACK(first.stack, "dma_map_page_attrs", chain[0], chain[1], chain[2], "fill",
		      "open");
		STACK(second.stack, "dma_map_page_attrs", chain[0], chain[1], chain[2], "send",
		      "open");
		if (told(&first, &second) != 2)
			fail_msg("%s hides who called it", chain[0]);
		first.op = OP_UNMAP;
		second.op = OP_UNMAP;
		memcpy(first.map_stack, first.stack, sizeof(first.stack));
		memcpy(second.map_stack, second.stack, sizeof(second.stack));
		memcpy(second.stack, first.stack, sizeof(first.stack));
		if (told(&first, &second) != 2)
			fail_msg("%s hides who mapped", chain[0]);
	}
}

/* A stack with nothing but helpers differs from an empty stack. */
static void a_stack_of_helpers_is_a_stack(void **state)
{
	struct finding first = shared, second = shared;

	(void)state;
	STACK(first.stack, "usb_hcd_unmap_urb_for_dma", "__usb_hcd_giveback_urb");
	STACK(second.stack, "detach_buf_split", "virtqueue_get_buf");
	assert_int_equal(told(&first, &second), 2);
}

/* Two functions of one transport share a call site, which text folds by driver. */
static void another_function_driver_is_told(void **state)
{
	struct finding first = shared, second = shared;

	(void)state;
	STACK(first.stack, "dma_map_page_attrs", "vring_map_one_sg", "virtqueue_add_split");
	memcpy(second.stack, first.stack, sizeof(first.stack));
	strcpy(second.device, "0000:00:05.0");
	strcpy(second.function_driver, "virtio_blk");
	assert_int_equal(told(&first, &second), 2);
}

static void the_function_driver_is_selected_too(void **state)
{
	struct findings findings = { .driver = "virtio_net" };

	(void)state;
	assert_true(findings_selects(&findings, "x", "virtio-pci", "virtio_net"));
	assert_true(findings_selects(&findings, "x", "virtio_net", ""));
	assert_false(findings_selects(&findings, "x", "virtio-pci", "virtio_blk"));
	assert_false(findings_selects(&findings, "x", "virtio-pci", ""));
}

/* Returns the neighbour bytes that were written, as in JSON. The caller frees the text. */
static char *changed(uint64_t phys, uint64_t size, uint64_t first, uint64_t last)
{
	struct finding finding = shared;
	char *json, *list;
	size_t length;
	FILE *out = open_memstream(&json, &length);

	finding.check = CHECK_LINE_NEIGHBOUR_WRITE;
	finding.has_map = 1;
	finding.map.phys = phys;
	finding.map.size = size;
	finding.changed[0][0] = first;
	finding.changed[1][0] = last;
	report_json(out, &finding, 1, &(struct report_context){ .line_size = 64 });
	fclose(out);
	list = strstr(json, "\"changed\":");
	list = list ? strndup(list, strcspn(list, "]") + 1) : strdup("none");
	free(json);
	return list;
}

static void written_neighbours_are_listed(void **state)
{
	char *text;

	(void)state;
	/*
	 * The buffer is 16 bytes in the middle of a line. One byte before and one byte behind it
	 * are written.
	 */
	text = changed(0x1010, 16, 1ull << 15 | 1ull << 32, 0);
	assert_string_equal(text, "\"changed\":[-1,16]");
	free(text);
	/*
	 * The buffer starts 8 bytes before the end of a line and ends 8 bytes behind the start of
	 * the next one.
	 */
	text = changed(0x1038, 16, 1ull << 0, 1ull << 63);
	assert_string_equal(text, "\"changed\":[-56,71]");
	free(text);
	/* The first and the last line are the same one. */
	text = changed(0x1000, 16, 0, 1ull << 16);
	assert_string_equal(text, "\"changed\":[16]");
	free(text);
}

static void other_checks_list_no_bytes(void **state)
{
	struct finding finding = shared;
	char *json;
	size_t length;
	FILE *out = open_memstream(&json, &length);

	(void)state;
	report_json(out, &finding, 1, &(struct report_context){ .line_size = 64 });
	fclose(out);
	assert_null(strstr(json, "\"changed\""));
	free(json);
}

static bool two_members(const struct finding *finding, unsigned int line_size,
			struct beside *beside)
{
	(void)finding;
	*beside = (struct beside){ .name = "foo",
				   .certain = line_size == 64,
				   .nr = 2,
				   .member = { { 56, "spinlock_t", "lock" },
					       { -8, "refcount_t", "users" } } };
	return true;
}

/* Returns a finding with known neighbours, as text or JSON. */
static char *with_neighbours(enum check check, unsigned int line_size, bool as_json)
{
	struct report_context context = { .line_size = line_size, .beside = two_members };
	struct finding finding = shared;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	finding.check = check;
	finding.object.size = 64;
	if (as_json)
		report_json(out, &finding, 1, &context);
	else
		report_text(out, &finding, &context);
	fclose(out);
	return text;
}

static void locks_beside_are_told(void **state)
{
	char *text = with_neighbours(CHECK_LINE_SHARED_OBJECT, 64, false);

	(void)state;
	assert_non_null(strstr(text,
			       "\nBeside     struct foo has spinlock_t lock (+56), refcount_t "
			       "users (-8, in the\n           object before) on the buffer's "
			       "cache lines. The CPU may write them\n"));
	free(text);
	text = with_neighbours(CHECK_LINE_NEIGHBOUR_WRITE, 128, false);
	assert_non_null(strstr(text, "\nBeside     the object may be a struct foo (by size and "
				     "layout), which has\n"));
	free(text);
	text = with_neighbours(CHECK_LINE_SHARED_MAPPINGS, 64, false);
	assert_null(strstr(text, "\nBeside"));
	free(text);
}

static void locks_beside_are_in_json(void **state)
{
	char *json = with_neighbours(CHECK_LINE_SHARED_OBJECT, 64, true);

	(void)state;
	assert_non_null(strstr(json,
			       "\"beside\":{\"struct\":\"foo\",\"certain\":true,\"members\":["
			       "{\"type\":\"spinlock_t\",\"name\":\"lock\",\"offset\":56},"
			       "{\"type\":\"refcount_t\",\"name\":\"users\",\"offset\":-8}]}"));
	free(json);
	json = with_neighbours(CHECK_LINE_SHARED_MAPPINGS, 64, true);
	assert_null(strstr(json, "\"beside\""));
	free(json);
}

/*
 * A task sets its name with prctl(PR_SET_NAME), and the reader of dmasnoop need not trust that
 * task.
 */
static void a_task_cannot_drive_a_terminal(void **state)
{
	static const char evil[16] = "\033]0;\n\t\x7f\xc3\xa4\x9b"
				     "31m";
	struct findings findings = { .checks = ~0u, .context.line_size = 64 };
	struct finding finding = shared;
	struct ktap ktap = {};
	char *text, *json;
	size_t size;

	(void)state;
	memcpy(finding.comm, evil, sizeof(evil));
	memcpy(finding.driver, evil, sizeof(evil));
	findings.text = open_memstream(&text, &size);
	findings.json = open_memstream(&json, &size);
	findings_add(&findings, &finding, 1);
	findings.ktap = &ktap;
	strcpy(finding.device, "another");
	finding.driver[0] = 'x';
	findings_add(&findings, &finding, 1);
	fclose(findings.text);
	fclose(findings.json);
	assert_non_null(strstr(text, "?]0;??????31m"));
	for (const char *at = text; *at; at++)
		assert_true(*at == '\n' || (*at >= ' ' && *at < 0x7f));
	for (const char *at = json; *at; at++)
		assert_true(*at == '\n' || (*at >= ' ' && *at < 0x7f));
	assert_null(strstr(json, "\\u00"));
	assert_int_equal(ktap.nr, 1);
	assert_null(strchr(ktap.finding[0].text, '\033'));
	ktap_free(&ktap);
	findings_free(&findings);
	free(text);
	free(json);
}

/* So many findings would take minutes if each were compared with all others. */
static void every_key_has_its_fold(void **state)
{
	const unsigned int nr = 500000;
	struct findings findings = {};

	(void)state;
	for (uint64_t key = 0; key < nr; key++)
		fold_find(&findings.by_driver, key * 0x100000001b3)->count = key;
	assert_int_equal(findings.by_driver.nr, nr);
	for (uint64_t key = 0; key < nr; key++) {
		struct fold *fold = fold_find(&findings.by_driver, key * 0x100000001b3);

		assert_int_equal(fold->count, key);
		assert_ptr_equal(fold, &findings.by_driver.fold[key]);
	}
	findings_free(&findings);
}

/* A recording may have huge counts. They must neither be reported again nor shrink. */
static void counts_do_not_begin_again(void **state)
{
	struct findings findings = { .checks = ~0u, .context.line_size = 64 };
	struct finding finding = shared;
	size_t size;
	char *text;

	(void)state;
	findings.text = open_memstream(&text, &size);
	for (int i = 0; i < 3; i++)
		findings_add(&findings, &finding, UINT64_MAX);
	fclose(findings.text);
	assert_int_equal(count(text, "==== "), 1);
	assert_true(findings.levels[finding.level] == UINT64_MAX);
	findings_free(&findings);
	free(text);
}

static int start(void **state)
{
	(void)state;
	symbols_recorded();
	return 0;
}

static int end(void **state)
{
	(void)state;
	symbols_forget();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_repeat_is_counted),
		cmocka_unit_test(a_graver_level_is_told),
		cmocka_unit_test(a_certain_one_is_told_after_an_unsure_one),
		cmocka_unit_test(another_caller_of_a_helper_is_told),
		cmocka_unit_test(another_way_there_is_a_repeat),
		cmocka_unit_test(helpers_do_not_count),
		cmocka_unit_test(a_stack_of_helpers_is_a_stack),
		cmocka_unit_test(another_function_driver_is_told),
		cmocka_unit_test(the_function_driver_is_selected_too),
		cmocka_unit_test(written_neighbours_are_listed),
		cmocka_unit_test(other_checks_list_no_bytes),
		cmocka_unit_test(locks_beside_are_told),
		cmocka_unit_test(locks_beside_are_in_json),
		cmocka_unit_test(a_task_cannot_drive_a_terminal),
		cmocka_unit_test(every_key_has_its_fold),
		cmocka_unit_test(counts_do_not_begin_again),
	};

	return cmocka_run_group_tests(tests, start, end);
}
