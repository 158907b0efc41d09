// SPDX-License-Identifier: GPL-2.0
/*
 * Replays recordings that libFuzzer makes up. scripts/test runs this for a minute, from user/corpus
 * and from the output of record_test --seeds.
 *
 * If the first byte is odd, the rest is a whole file. If it is even, the rest is the inflated
 * entries of blocks, and the first byte also gives the number of blocks. Headers and checksums are
 * added here, because a wrong checksum would stop every mutation.
 */
#define _GNU_SOURCE /* memfd_create() */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "output/findings.h"
#include "options.h"
#include "record/record.h"
#include "symbols.h"

static FILE *nowhere;
static int file = -1;
static char path[64];

static void put(const void *data, size_t size)
{
	if (write(file, data, size) != (ssize_t)size)
		abort();
}

static void put_header(void)
{
	struct record_header header = {
		.magic = RECORD_MAGIC,
		.version = RECORD_VERSION,
		.layout = record_layout(),
		.checks = ~0u,
		.line_size = 64,
	};

	header.crc = crc32(0, (const void *)&header, offsetof(struct record_header, crc));
	put(&header, sizeof(header));
}

static void put_block(const uint8_t *plain, size_t size, uint32_t number)
{
	struct record_block block = { .magic = RECORD_BLOCK_MAGIC,
				      .plain = size,
				      .number = number };
	uLongf stored = compressBound(size);
	uint8_t *data = malloc(stored);

	if (!data || compress2(data, &stored, plain, size, 0) != Z_OK)
		abort();
	block.stored = stored;
	block.data_crc = crc32(0, data, stored);
	block.crc = crc32(0, (const void *)&block, offsetof(struct record_block, crc));
	put(&block, sizeof(block));
	put(data, stored);
	free(data);
}

static void replay_all(void)
{
	static const volatile sig_atomic_t never;
	struct ktap ktap = { .out = nowhere, .fail_on = LEVEL_NOTE };
	struct findings findings = {
		.text = nowhere, .json = nowhere, .checks = ~0u, .context.line_size = 64
	};

	replay(path, &findings, &never);
	findings_free(&findings);
	findings.text = NULL;
	findings.json = NULL;
	findings.ktap = &ktap;
	replay(path, &findings, &never);
	findings_free(&findings);
	ktap_free(&ktap);
	symbols_forget();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t blocks, each;

	if (!size)
		return 0;
	if (file < 0) {
		file = memfd_create("recording", 0);
		nowhere = fopen("/dev/null", "w");
		if (file < 0 || !nowhere)
			abort();
		snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	}
	if (ftruncate(file, 0) || lseek(file, 0, SEEK_SET))
		abort();
	if (*data & 1) {
		put(data + 1, size - 1);
		replay_all();
		return 0;
	}
	put_header();
	blocks = 1 + (*data >> 1) % 4;
	data++;
	size--;
	each = size / blocks;
	for (uint32_t i = 0; i < blocks; i++)
		put_block(data + i * each, i + 1 < blocks ? each : size - i * each, i);
	replay_all();
	return 0;
}
