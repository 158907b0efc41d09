// SPDX-License-Identifier: GPL-2.0
/*
 * Tests that a recording reports the same as the run, and that a damaged one neither crashes nor
 * passes for a whole one. The expected output is that of findings_add() for the same findings
 * without a recording.
 */
#define _GNU_SOURCE /* memmem() */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#undef fail /* the tools have a function of that name */
#include "output/findings.h"
#include "options.h"
#include "record/record.h"
#include "symbols.h"

static char path[] = "/tmp/record_test.XXXXXX";
static volatile sig_atomic_t stop;

/* Replaces zlib's crc32(), to count the bytes that are read. */
static uint64_t checked;

uLong crc32(uLong crc, const Bytef *data, uInt size)
{
	checked += size;
	return crc32_z(crc, data, size);
}

/* --- a run --- */

static const struct finding neighbour = {
	.check = CHECK_LINE_NEIGHBOUR_WRITE,
	.level = LEVEL_HAZARD,
	.op = OP_UNMAP,
	.dir = DIR_FROM_DEVICE,
	.has_map = 1,
	.ns = 5000,
	.comm = "insmod",
	.device = "0000:00:02.0",
	.driver = "rx",
	.addr = 0x10008,
	.size = 48,
	.map = { .dma = 0x10008,
		 .phys = 0x10008,
		 .size = 48,
		 .dir = DIR_FROM_DEVICE,
		 .born = 1000,
		 .nr_steps = 1,
		 .steps = { { .after = 0, .op = OP_MAP } } },
	.object = { .start = 0x10000,
		    .size = 64,
		    .room = 64,
		    .kind = OBJECT_KMALLOC,
		    .cache = "kmalloc-64" },
	.changed = { { 1 } },
	.stack = { 0x1010, 0x2020 },
	.map_stack = { 0x3030, 0x2020 },
};

static const struct finding leak = {
	.check = CHECK_LEAK,
	.level = LEVEL_VIOLATION,
	.op = OP_UNBIND,
	.has_map = 1,
	.device = "0000:00:03.0",
	.driver = "tx",
	.map = { .dma = 0x20000, .phys = 0x20000, .size = 4096, .dir = DIR_TO_DEVICE },
	.map_stack = { 0x3030 },
};

static const struct finding note = {
	.check = CHECK_LINE_SHARED_OBJECT,
	.level = LEVEL_NOTE,
	.op = OP_MAP,
	.has_map = 1,
	.device = "0000:00:02.0",
	.driver = "rx",
	.map = { .dma = 0x10008, .phys = 0x10008, .size = 48, .dir = DIR_FROM_DEVICE },
	.stack = { 0x3030 },
};

static const struct device_state devices[] = {
	{ .name = "0000:00:02.0", .driver = "rx", .maps = 9, .unmaps = 8, .findings = 4 },
	{ .name = "0000:00:03.0", .driver = "tx", .maps = 2, .findings = 1, .complete = 1 },
};

/* Defines the run's symbols. One of them is of a module that is unloaded later. */
static void define_symbols(const char *first)
{
	struct symbol symbol = { .name = first, .module = "rx", .offset = 0x10 };

	symbols_define(0x1010, &symbol);
	symbol = (struct symbol){ .name = "handle_irq", .offset = 0x20 };
	symbols_define(0x2020, &symbol);
	symbol = (struct symbol){ .name = "rx_fill", .module = "rx", .offset = 0x30 };
	symbols_define(0x3030, &symbol);
}

static struct summary a_summary(struct device_state *storage)
{
	memcpy(storage, devices, sizeof(devices));
	return (struct summary){
		.devices = storage,
		.nr_devices = 2,
		.checks = ~0u,
		.line_size = 64,
		.kernel = "",
		.left_out = "",
	};
}

static void open_recording(void)
{
	const struct record_header header = { .checks = ~0u, .line_size = 64 };

	assert_int_equal(record_open(path, &header), 0);
}

static void end_recording(void)
{
	struct device_state storage[2];
	struct summary summary = a_summary(storage);

	record_flush(&summary, true);
	assert_int_equal(record_close(), 0);
}

static void record_run(void)
{
	const struct finding *const run[] = { &note, &neighbour, &neighbour, &leak, &neighbour };

	symbols_recorded();
	define_symbols("rx_poll");
	open_recording();
	for (size_t i = 0; i < sizeof(run) / sizeof(run[0]); i++)
		record_add(run[i]);
	end_recording();
	symbols_forget();
}

/* --- replay --- */

struct outcome {
	char *text;
	char *json;
	char *complaint;
	int status;
};

static void free_outcome(struct outcome *outcome)
{
	free(outcome->text);
	free(outcome->json);
	free(outcome->complaint);
}

static char *slurp(const char *name)
{
	FILE *file = fopen(name, "re");
	char *text = calloc(1, 1 << 16);

	if (file) {
		if (!fread(text, 1, (1 << 16) - 1, file))
			text[0] = '\0';
		fclose(file);
	}
	return text;
}

static struct outcome replay_with(struct findings findings)
{
	char errors[] = "/tmp/record_test_errors.XXXXXX";
	int fd = mkstemp(errors), saved = dup(STDERR_FILENO);
	struct outcome outcome = {};
	size_t text_size, json_size;

	findings.checks = findings.checks ?: ~0u;
	findings.text = open_memstream(&outcome.text, &text_size);
	findings.json = open_memstream(&outcome.json, &json_size);
	fflush(stderr);
	dup2(fd, STDERR_FILENO);
	outcome.status = replay(path, &findings, &stop);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd);
	fclose(findings.text);
	fclose(findings.json);
	outcome.complaint = slurp(errors);
	unlink(errors);
	findings_free(&findings);
	symbols_forget();
	return outcome;
}

static struct outcome replay_plain(void)
{
	return replay_with((struct findings){ .level = LEVEL_HAZARD, .fail_on = LEVEL_HAZARD });
}

static uint8_t *read_recording(size_t *size)
{
	FILE *file = fopen(path, "re");
	uint8_t *data = malloc(1 << 20);

	assert_non_null(file);
	*size = fread(data, 1, 1 << 20, file);
	fclose(file);
	return data;
}

static void write_recording(const uint8_t *data, size_t size)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	fclose(file);
}

/* --- output --- */

static void replay_says_what_the_run_said(void **state)
{
	struct device_state storage[2];
	struct summary summary = a_summary(storage);
	struct findings live = { .level = LEVEL_HAZARD,
				 .fail_on = LEVEL_HAZARD,
				 .checks = ~0u,
				 .context = { .line_size = 64 } };
	char *text, *json, *json_end;
	size_t text_size, json_size;
	struct outcome outcome;

	(void)state;
	record_run();
	live.text = open_memstream(&text, &text_size);
	live.json = open_memstream(&json, &json_size);
	symbols_recorded();
	define_symbols("rx_poll");
	findings_add(&live, &note, 1);
	findings_add(&live, &neighbour, 1);
	findings_add(&live, &neighbour, 1);
	findings_add(&live, &leak, 1);
	findings_add(&live, &neighbour, 1);
	findings_end(&live, &summary);
	fclose(live.text);
	fclose(live.json);
	findings_free(&live);
	symbols_forget();

	outcome = replay_plain();
	assert_int_equal(outcome.status, EXIT_FINDINGS);
	assert_string_equal(outcome.complaint, "");
	assert_non_null(strstr(outcome.text, "\n===="));
	assert_string_equal(strstr(outcome.text, "\n====") + 1, text);
	/* The summary has the kernel of the recording. */
	json_end = strstr(json, "\"kernel\":");
	assert_non_null(json_end);
	assert_memory_equal(outcome.json, json, json_end - json);
	assert_non_null(strstr(outcome.json, "\"repeats\":{\"1\":3}"));
	assert_non_null(strstr(outcome.text, "rx_poll+0x10 [rx]"));
	free_outcome(&outcome);
	free(text);
	free(json);
}

static void levels_apply_again(void **state)
{
	struct outcome outcome;

	(void)state;
	record_run();
	outcome = replay_with((struct findings){ .level = LEVEL_NOTE, .fail_on = LEVEL_NOTE });
	assert_non_null(strstr(outcome.text, "line-shared-object: note"));
	free_outcome(&outcome);
	outcome = replay_with(
		(struct findings){ .level = LEVEL_VIOLATION, .fail_on = LEVEL_VIOLATION });
	assert_null(strstr(outcome.text, "line-neighbour-write:"));
	assert_int_equal(outcome.status, EXIT_FINDINGS);
	free_outcome(&outcome);
	outcome = replay_with(
		(struct findings){ .level = LEVEL_HAZARD, .fail_on = LEVEL_CORRUPTION });
	assert_int_equal(outcome.status, EXIT_CLEAN);
	free_outcome(&outcome);
}

static void filters_apply_again(void **state)
{
	struct outcome outcome;

	(void)state;
	record_run();
	outcome = replay_with((struct findings){ .driver = "tx" });
	assert_null(strstr(outcome.text, "0000:00:02.0"));
	assert_non_null(strstr(outcome.text, "leak: violation, 0000:00:03.0"));
	free_outcome(&outcome);
	outcome = replay_with((struct findings){ .device = "0000:00:02.0" });
	assert_null(strstr(outcome.text, "0000:00:03.0"));
	free_outcome(&outcome);
	outcome = replay_with((struct findings){ .checks = 1u << CHECK_LEAK });
	assert_null(strstr(outcome.text, "line-neighbour-write:"));
	assert_non_null(strstr(outcome.text, "leak:"));
	free_outcome(&outcome);
}

/* After rmmod, another module is at the same address. Each finding keeps its own name. */
static void an_address_can_change_hands(void **state)
{
	struct finding other = neighbour;
	struct outcome outcome;

	(void)state;
	symbols_recorded();
	define_symbols("rx_poll");
	open_recording();
	record_add(&neighbour);
	record_symbols_changed();
	define_symbols("other_poll");
	strcpy(other.device, "0000:00:04.0");
	strcpy(other.driver, "other");
	record_add(&other);
	end_recording();
	symbols_forget();
	outcome = replay_plain();
	assert_non_null(strstr(outcome.text, "rx_poll+0x10"));
	assert_non_null(strstr(strstr(outcome.text, "rx_poll+0x10"), "other_poll+0x10"));
	free_outcome(&outcome);
}

static void nothing_found_is_clean(void **state)
{
	struct outcome outcome;

	(void)state;
	open_recording();
	end_recording();
	outcome = replay_plain();
	assert_int_equal(outcome.status, EXIT_CLEAN);
	assert_string_equal(outcome.complaint, "");
	assert_non_null(strstr(outcome.text, "0000:00:02.0"));
	free_outcome(&outcome);
}

static void lost_findings_are_not_clean(void **state)
{
	struct device_state storage[2];
	struct summary summary = a_summary(storage);
	struct outcome outcome;

	(void)state;
	summary.lost[LOST_RING] = 7;
	open_recording();
	record_flush(&summary, true);
	assert_int_equal(record_close(), 0);
	outcome = replay_plain();
	assert_int_equal(outcome.status, EXIT_FINDINGS);
	assert_non_null(strstr(outcome.complaint, "7 findings were lost"));
	free_outcome(&outcome);
}

static void what_was_not_looked_at_is_said(void **state)
{
	struct device_state storage[2];
	struct summary summary = a_summary(storage);
	struct outcome outcome;

	(void)state;
	summary.left_out = "kfree, block_rq_complete";
	summary.overlooked = 9;
	summary.blind_interrupts = 7;
	open_recording();
	record_flush(&summary, true);
	assert_int_equal(record_close(), 0);
	outcome = replay_plain();
	assert_non_null(strstr(outcome.text, " kfree, block_rq_complete:\n"));
	assert_non_null(strstr(outcome.text, "Not seen: 9 frees or handovers "));
	assert_non_null(strstr(outcome.json, "\"programs at kfree, block_rq_complete\""));
	assert_non_null(strstr(outcome.text, "Not seen: calls in 7 interrupts:"));
	assert_non_null(strstr(outcome.json, "\"overlooked\":9"));
	free_outcome(&outcome);
}

/* Each reason is printed once, with its devices and their checks. */
static void what_stood_down_is_said(void **state)
{
	struct device_state storage[2];
	struct summary summary = a_summary(storage);
	struct outcome outcome;

	(void)state;
	storage[0].complete = 1;
	storage[1].skips_sync = 1;
	storage[1].compared = 5;
	summary.sampled = true;
	open_recording();
	record_flush(&summary, true);
	assert_int_equal(record_close(), 0);
	outcome = replay_plain();
	assert_non_null(strstr(outcome.text, "\nStood down on 0000:00:03.0: "));
	assert_null(strstr(outcome.text, "0000:00:02.0:"));
	assert_null(strstr(outcome.text, "in use before the trace"));
	assert_non_null(strstr(outcome.text, " sync-outside-mapping, "));
	assert_non_null(strstr(outcome.text, "compared 5 buffers, of 11 maps and syncs"));
	assert_non_null(
		strstr(outcome.json, "\"syncs_observable\":true,\"compared\":0,\"stood_down\":[]"));
	assert_non_null(strstr(outcome.json, "\"stood_down\":[{\"checks\":["));
	for (const char *line = outcome.text; *line; line += strcspn(line, "\n") + 1)
		assert_in_range(strcspn(line, "\n"), 0, 80);
	free_outcome(&outcome);

	/* Only enabled checks are reported. */
	outcome = replay_with((struct findings){ .checks = 1u << CHECK_LEAK });
	assert_null(strstr(outcome.text, "Stood down"));
	assert_null(strstr(outcome.text, "compared"));
	free_outcome(&outcome);
}

static void a_full_disk_is_said(void **state)
{
	const struct record_header header = { .line_size = 64 };
	struct device_state storage[2];
	struct summary summary = a_summary(storage);

	(void)state;
	assert_int_equal(record_open("/dev/full", &header), 0);
	record_flush(&summary, true);
	assert_int_equal(record_close(), -1);
}

/* Returns the inflated entries of all blocks. */
static uint8_t *read_plain(size_t *size)
{
	size_t stored, at = sizeof(struct record_header);
	uint8_t *data = read_recording(&stored), *plain = malloc(1 << 20);
	struct record_block block;

	*size = 0;
	while (at < stored) {
		uLongf length = (1 << 20) - *size;

		memcpy(&block, data + at, sizeof(block));
		at += sizeof(block);
		assert_int_equal(uncompress(plain + *size, &length, data + at, block.stored), Z_OK);
		at += block.stored;
		*size += length;
	}
	free(data);
	return plain;
}

/* Halves of addresses are searched for, too, because the upper half alone reveals KASLR. */
static void no_address_of_the_kernel_is_in_it(void **state)
{
	const uint64_t secrets[] = { 0xffffffff8a123450, 0xffffffffc0de5670, 0xffff8d3e12345678,
				     0xffffffffc0de9990, 0xffffffff8a654320 };
	struct device_state storage[2];
	struct summary summary = a_summary(storage);
	struct finding secret = neighbour;
	struct outcome outcome;
	uint8_t *plain;
	size_t size;

	(void)state;
	symbols_recorded();
	symbols_define(secrets[0], &(struct symbol){ .name = "rx_poll", .module = "rx" });
	secret.stack[0] = secrets[0];
	secret.stack[1] = secrets[4]; /* no symbol */
	secret.map_stack[0] = secrets[1];
	secret.other_stack[0] = secrets[1];
	storage[0].dev = secrets[2];
	storage[1].bound = secrets[3];
	open_recording();
	record_add(&secret);
	record_flush(&summary, true);
	assert_int_equal(record_close(), 0);
	plain = read_plain(&size);
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		for (int part = 0; part < 2; part++)
			assert_null(memmem(plain, size, (const char *)&secrets[i] + 4 * part, 4));
	free(plain);
	outcome = replay_plain();
	assert_non_null(strstr(outcome.text, "rx_poll+0x0 [rx]"));
	assert_non_null(strstr(outcome.text, "  (unknown)\n"));
	free_outcome(&outcome);
}

static void it_is_its_owners_alone(void **state)
{
	struct stat stat_now;

	(void)state;
	assert_int_equal(chmod(path, 0666), 0);
	record_run();
	assert_int_equal(stat(path, &stat_now), 0);
	assert_int_equal(stat_now.st_mode & 07777, 0600);
	assert_int_equal(unlink(path), 0);
	umask(0);
	record_run();
	assert_int_equal(stat(path, &stat_now), 0);
	assert_int_equal(stat_now.st_mode & 07777, 0600);
}

static void replay_can_be_interrupted(void **state)
{
	struct outcome outcome;

	(void)state;
	record_run();
	stop = 1;
	outcome = replay_plain();
	stop = 0;
	assert_null(strstr(outcome.text, "line-neighbour-write:"));
	assert_int_equal(outcome.status, EXIT_NOT_RUN);
	assert_non_null(strstr(outcome.complaint, "interrupted"));
	free_outcome(&outcome);
}

/* --- damage --- */

static void not_whole(const struct outcome *outcome, const char *what, size_t at)
{
	bool noticed = outcome->status != EXIT_CLEAN && outcome->complaint[0];

	if (!noticed)
		print_error("%s at %zu passed for whole\n", what, at);
	assert_true(noticed);
}

static void cut_anywhere_is_noticed(void **state)
{
	size_t size;
	uint8_t *data;

	(void)state;
	record_run();
	data = read_recording(&size);
	for (size_t cut = 0; cut < size; cut++) {
		struct outcome outcome;

		write_recording(data, cut);
		outcome = replay_plain();
		not_whole(&outcome, "a cut", cut);
		free_outcome(&outcome);
	}
	free(data);
}

static void any_byte_flipped_is_noticed(void **state)
{
	size_t size;
	uint8_t *data;

	(void)state;
	record_run();
	data = read_recording(&size);
	for (size_t at = 0; at < size; at++) {
		struct outcome outcome;

		data[at] ^= 1 << at % 8;
		write_recording(data, size);
		outcome = replay_plain();
		not_whole(&outcome, "a flipped bit", at);
		free_outcome(&outcome);
		data[at] ^= 1 << at % 8;
	}
	free(data);
}

/* Returns three blocks. The bytes between @from and @to are the middle one's. */
static uint8_t *three_blocks(size_t *size, size_t *from, size_t *to)
{
	struct device_state storage[2];
	struct summary summary = a_summary(storage);
	struct finding other = neighbour;

	symbols_recorded();
	define_symbols("rx_poll");
	strcpy(other.driver, "other");
	strcpy(other.device, "other.0");
	open_recording();
	record_add(&neighbour);
	record_flush(&summary, false);
	free(read_recording(from));
	record_add(&leak);
	record_flush(&summary, false);
	free(read_recording(to));
	record_add(&other);
	end_recording();
	symbols_forget();
	return read_recording(size);
}

static void the_other_two_are_replayed(void)
{
	struct outcome outcome = replay_plain();

	assert_non_null(strstr(outcome.text, "line-neighbour-write: hazard, 0000:00:02.0"));
	assert_non_null(strstr(outcome.text, "line-neighbour-write: hazard, other.0"));
	assert_null(strstr(outcome.text, "leak:"));
	assert_non_null(strstr(outcome.text, "0000:00:03.0"));
	assert_non_null(strstr(outcome.complaint, "damaged"));
	assert_int_equal(outcome.status, EXIT_FINDINGS);
	free_outcome(&outcome);
}

static void what_is_intact_is_replayed(void **state)
{
	size_t size, from, to;
	uint8_t *data = three_blocks(&size, &from, &to);

	(void)state;
	data[(from + to) / 2] ^= 0x55;
	write_recording(data, size);
	free(data);
	the_other_two_are_replayed();
}

static void a_block_taken_out_is_noticed(void **state)
{
	size_t size, from, to;
	uint8_t *data = three_blocks(&size, &from, &to);

	(void)state;
	memmove(data + from, data + to, size - to);
	write_recording(data, size - (to - from));
	free(data);
	the_other_two_are_replayed();
}

static void what_is_no_recording_is_refused(void **state)
{
	static const char text[1024] = "#!/bin/sh\necho this is something else\n";
	struct outcome outcome;
	uint8_t *data;
	size_t size;

	(void)state;
	write_recording((const void *)text, sizeof(text));
	outcome = replay_plain();
	assert_int_equal(outcome.status, EXIT_NOT_RUN);
	assert_non_null(strstr(outcome.complaint, "not a recording"));
	free_outcome(&outcome);

	record_run();
	data = read_recording(&size);
	((struct record_header *)data)->version++;
	write_recording(data, size);
	free(data);
	outcome = replay_plain();
	assert_int_equal(outcome.status, EXIT_NOT_RUN);
	assert_non_null(strstr(outcome.complaint, "another version"));
	free_outcome(&outcome);
}

static void names_cannot_drive_a_terminal(void **state)
{
	struct finding evil = leak;
	struct outcome outcome;

	(void)state;
	symbols_recorded();
	memset(evil.device, '\033', sizeof(evil.device));
	strcpy(evil.driver, "\033]0;x\007");
	memset(evil.comm, '\n', sizeof(evil.comm));
	open_recording();
	record_add(&evil);
	end_recording();
	outcome = replay_plain();
	assert_non_null(strstr(outcome.text, "leak:"));
	assert_null(strchr(outcome.text, '\033'));
	assert_null(strchr(outcome.json, '\033'));
	free_outcome(&outcome);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/*
 * An attacker can damage the blocks' contents and give them right checksums. Any outcome is good,
 * as long as there is one.
 */
static void checksums_are_no_proof(void **state)
{
	static uint8_t plain[RECORD_BLOCK_MAX];
	struct record_header header;
	struct record_block block;
	uint32_t seed = 1;
	uLongf length = sizeof(plain);
	uint8_t *data, *packed;
	size_t size, room;

	(void)state;
	record_run();
	data = read_recording(&size);
	memcpy(&header, data, sizeof(header));
	memcpy(&block, data + sizeof(header), sizeof(block));
	assert_int_equal(uncompress(plain, &length, data + sizeof(header) + sizeof(block),
				    block.stored),
			 Z_OK);
	assert_int_equal(length, block.plain);
	room = sizeof(header) + sizeof(block) + compressBound(length);
	packed = malloc(room);
	for (int round = 0; round < 3000; round++) {
		uint8_t *changed = malloc(length);
		uint8_t *body = packed + sizeof(header) + sizeof(block);
		uLongf stored = compressBound(length);
		struct outcome outcome;

		memcpy(changed, plain, length);
		for (uint32_t i = next_random(&seed) % 8 + 1; i; i--) {
			uint32_t at = next_random(&seed) % length;

			/* A whole word often changes: a count, a number or a size. */
			if (next_random(&seed) % 2)
				changed[at] = next_random(&seed);
			else
				memset(changed + at / 4 * 4, next_random(&seed) % 2 ? 0xff : 0,
				       at / 4 * 4 + 4 <= length ? 4 : 1);
		}
		assert_int_equal(compress2(body, &stored, changed, length, 1), Z_OK);
		block.stored = stored;
		block.data_crc = crc32(0, body, stored);
		block.crc = crc32(0, (void *)&block, offsetof(struct record_block, crc));
		memcpy(packed, &header, sizeof(header));
		memcpy(packed + sizeof(header), &block, sizeof(block));
		write_recording(packed, sizeof(header) + sizeof(block) + stored);
		outcome = replay_with((struct findings){ .level = LEVEL_NOTE });
		assert_in_range(outcome.status, EXIT_CLEAN, EXIT_NOT_RUN);
		assert_null(strchr(outcome.text, '\033'));
		free_outcome(&outcome);
		free(changed);
	}
	free(packed);
	free(data);
}

/* --- input that would take forever, or all memory --- */

static FILE *open_hostile(void)
{
	struct record_header header;
	FILE *file;

	record_run();
	file = fopen(path, "r+e");
	assert_non_null(file);
	assert_int_equal(fread(&header, sizeof(header), 1, file), 1);
	fseek(file, sizeof(header), SEEK_SET);
	return file;
}

/* Each header is right, but the megabyte after it is not the block that it describes. */
static void made_up_heads_are_not_followed_forever(void **state)
{
	struct record_block block = {
		.magic = RECORD_BLOCK_MAGIC, .stored = 1 << 20, .plain = 1 << 20, .data_crc = 1
	};
	FILE *file = open_hostile();
	struct outcome outcome;
	size_t size = 4 << 20;

	(void)state;
	block.crc = crc32_z(0, (void *)&block, offsetof(struct record_block, crc));
	for (size_t i = 0; i < size / sizeof(block); i++)
		assert_int_equal(fwrite(&block, sizeof(block), 1, file), 1);
	fclose(file);
	checked = 0;
	outcome = replay_plain();
	not_whole(&outcome, "heads", 0);
	/* Each header is read once, and the rest is bounded. */
	assert_in_range(checked, size, 6 * size);
	free_outcome(&outcome);
	truncate(path, 0);
}

static void write_block(FILE *file, const uint8_t *plain, size_t size, uint32_t number)
{
	struct record_block block = { .magic = RECORD_BLOCK_MAGIC,
				      .plain = size,
				      .number = number };
	uLongf stored = compressBound(size);
	uint8_t *data = malloc(stored);

	assert_int_equal(compress2(data, &stored, plain, size, 1), Z_OK);
	block.stored = stored;
	block.data_crc = crc32_z(0, data, stored);
	block.crc = crc32_z(0, (void *)&block, offsetof(struct record_block, crc));
	assert_int_equal(fwrite(&block, sizeof(block), 1, file), 1);
	assert_int_equal(fwrite(data, stored, 1, file), 1);
	free(data);
}

/* Appends @nr entries to a recording that is whole but for its totals. */
static void write_entries(enum record_type type, void *entry, size_t size, uint64_t *field,
			  uint64_t nr)
{
	const struct record_entry head = { .type = type, .size = size };
	uint8_t *plain = malloc(RECORD_BLOCK_MAX);
	FILE *file = open_hostile();
	uint32_t number = 0;
	size_t used = 0;

	for (uint64_t i = 0; i < nr; i++) {
		if (field)
			(*field)++;
		if (used + sizeof(head) + size > RECORD_BLOCK_MAX) {
			write_block(file, plain, used, number++);
			used = 0;
		}
		memcpy(plain + used, &head, sizeof(head));
		memcpy(plain + used + sizeof(head), entry, size);
		used += sizeof(head) + size;
	}
	write_block(file, plain, used, number);
	fflush(file);
	ftruncate(fileno(file), ftell(file));
	fclose(file);
	free(plain);
}

static size_t symbols_defined(uint64_t from, uint64_t to)
{
	size_t nr = 0;

	for (uint64_t i = from; i < to; i++)
		nr += symbols_find(i).name != NULL;
	return nr;
}

static void symbols_have_an_end(void **state)
{
	struct record_symbol entry = { .name = "f" };
	struct findings findings = { .checks = ~0u };

	(void)state;
	write_entries(RECORD_SYMBOL, &entry, sizeof(entry), &entry.number,
		      RECORD_SYMBOLS_MAX + 1000);
	assert_int_equal(replay(path, &findings, &stop), EXIT_NOT_RUN);
	assert_int_equal(symbols_defined(1, RECORD_SYMBOLS_MAX + 1001), RECORD_SYMBOLS_MAX);
	symbols_forget();
	findings_free(&findings);
}

/* All findings have one number, and each would be printed. */
static void a_number_stands_for_one_finding(void **state)
{
	struct record_finding entry = { .number = 1 };
	struct finding finding = leak;
	struct outcome outcome;
	const char *first;

	(void)state;
	memcpy(entry.head, &finding, sizeof(entry.head));
	write_entries(RECORD_FINDING, &entry, sizeof(entry),
		      (uint64_t *)(void *)(entry.head + offsetof(struct finding, device)), 3);
	outcome = replay_plain();
	/* JSON tells devices apart that text folds. */
	first = strstr(outcome.json, "\"type\":\"finding\"");
	assert_non_null(first);
	assert_null(strstr(first + 1, "\"type\":\"finding\""));
	free_outcome(&outcome);
}

static int make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_seed(const char *directory, const char *name, uint8_t kind, const uint8_t *data,
		       size_t size)
{
	char seed[256];
	FILE *file;

	snprintf(seed, sizeof(seed), "%s/%s", directory, name);
	file = fopen(seed, "we");
	if (!file || fputc(kind, file) == EOF || fwrite(data, size, 1, file) != 1)
		exit(1);
	fclose(file);
}

/* Writes the seeds of replay_fuzz: a recording, as a file and as its entries. */
static int write_seeds(const char *directory)
{
	uint8_t *data;
	size_t size;

	if (make_path(NULL))
		return 1;
	record_run();
	data = read_recording(&size);
	write_seed(directory, "file", 1, data, size);
	free(data);
	data = read_plain(&size);
	write_seed(directory, "one-block", 0, data, size);
	write_seed(directory, "three-blocks", 4, data, size);
	free(data);
	return remove_path(NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replay_says_what_the_run_said),
		cmocka_unit_test(levels_apply_again),
		cmocka_unit_test(filters_apply_again),
		cmocka_unit_test(an_address_can_change_hands),
		cmocka_unit_test(nothing_found_is_clean),
		cmocka_unit_test(lost_findings_are_not_clean),
		cmocka_unit_test(a_full_disk_is_said),
		cmocka_unit_test(cut_anywhere_is_noticed),
		cmocka_unit_test(any_byte_flipped_is_noticed),
		cmocka_unit_test(what_is_intact_is_replayed),
		cmocka_unit_test(what_was_not_looked_at_is_said),
		cmocka_unit_test(what_stood_down_is_said),
		cmocka_unit_test(a_block_taken_out_is_noticed),
		cmocka_unit_test(what_is_no_recording_is_refused),
		cmocka_unit_test(names_cannot_drive_a_terminal),
		cmocka_unit_test(checksums_are_no_proof),
		cmocka_unit_test(no_address_of_the_kernel_is_in_it),
		cmocka_unit_test(it_is_its_owners_alone),
		cmocka_unit_test(replay_can_be_interrupted),
		cmocka_unit_test(made_up_heads_are_not_followed_forever),
		cmocka_unit_test(symbols_have_an_end),
		cmocka_unit_test(a_number_stands_for_one_finding),
	};

	if (argc == 3 && !strcmp(argv[1], "--seeds"))
		return write_seeds(argv[2]);
	return cmocka_run_group_tests(tests, make_path, remove_path);
}
