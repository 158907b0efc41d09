// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a recording (record.h), and reports its findings as if they happened now. The file may come
 * from anywhere and may be damaged, so no value in it is trusted. The intact parts are reported.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "output/findings.h"
#include "options.h"
#include "record/record.h"
#include "symbols.h"

#define FILE_MAX (1ul << 30)
#define RECORD_DEVICES_MAX (1 << 16)

/**
 * struct reader - the state of reading a recording
 * @findings: the filters and outputs that findings go to
 * @stack: the stacks by number, owned; NULL: not there
 * @finding: the findings by number, owned; NULL: not there
 * @devices: the devices of @totals
 * @coming: the devices of the next totals
 * @last_stack: highest number in @stack
 * @last_finding: highest number in @finding
 * @nr_symbols: number of symbols defined
 * @budget: bytes that may yet be read to find a block after damage
 * @stop: set when the user interrupts
 * @has_totals: @totals and @devices are valid
 * @damaged: a part was not intact
 */
struct reader {
	struct findings *findings;
	struct record_stack *stack[RECORD_STACKS_MAX];
	struct finding *finding[RECORD_FINDINGS_MAX];
	struct device_state *devices;
	size_t nr_devices;
	struct device_state *coming;
	size_t nr_coming;
	struct record_totals totals;
	u32 last_stack;
	u32 last_finding;
	size_t nr_symbols;
	uint64_t budget;
	const volatile sig_atomic_t *stop;
	bool has_totals;
	bool damaged;
};

static bool valid_steps(const struct mapping *map)
{
	for (int i = 0; i < STEPS; i++)
		if (map->steps[i].op >= NR_OPS)
			return false;
	return true;
}

static bool valid_finding(const struct finding *finding)
{
	return finding->check < NR_CHECKS && finding->level < NR_LEVELS && finding->op < NR_OPS &&
	       finding->kind < NR_KINDS && finding->detail < NR_DETAILS &&
	       finding->map.kind < NR_KINDS && finding->other.kind < NR_KINDS &&
	       (!finding->has_map || valid_steps(&finding->map));
}

static void copy_stack(const struct reader *reader, u32 number, u64 *frames)
{
	if (number < RECORD_STACKS_MAX && reader->stack[number])
		memcpy(frames, reader->stack[number]->frame, sizeof(reader->stack[number]->frame));
}

static bool read_symbol(struct reader *reader, const void *data, size_t size)
{
	struct record_symbol entry;
	struct symbol symbol = {};

	if (size != sizeof(entry) || reader->nr_symbols == RECORD_SYMBOLS_MAX)
		return false;
	reader->nr_symbols++;
	memcpy(&entry, data, size);
	clean_text(entry.name, sizeof(entry.name));
	clean_text(entry.module, sizeof(entry.module));
	symbol.name = entry.name[0] ? entry.name : NULL;
	symbol.module = entry.module[0] ? entry.module : NULL;
	symbol.offset = entry.offset;
	symbols_define(entry.number, &symbol);
	return true;
}

static bool read_stack(struct reader *reader, const void *data, size_t size)
{
	struct record_stack entry = {};

	if (size < offsetof(struct record_stack, frame) || size > sizeof(entry))
		return false;
	memcpy(&entry, data, size);
	if (!entry.number || entry.number >= RECORD_STACKS_MAX ||
	    size != offsetof(struct record_stack, frame) + entry.nr * sizeof(entry.frame[0]))
		return false;
	if (!reader->stack[entry.number])
		reader->stack[entry.number] = malloc(sizeof(entry));
	if (entry.number > reader->last_stack)
		reader->last_stack = entry.number;
	if (reader->stack[entry.number])
		*reader->stack[entry.number] = entry;
	return true;
}

static bool read_finding(struct reader *reader, const void *data, size_t size)
{
	struct record_finding entry;
	struct finding finding = {};

	if (size != sizeof(entry))
		return false;
	memcpy(&entry, data, size);
	memcpy(&finding, entry.head, sizeof(entry.head));
	/* A number that is used twice is refused, which limits the output that a file can cause. */
	if (!entry.number || entry.number >= RECORD_FINDINGS_MAX || !valid_finding(&finding) ||
	    reader->finding[entry.number])
		return false;
	copy_stack(reader, entry.stack, finding.stack);
	copy_stack(reader, entry.map_stack, finding.map_stack);
	copy_stack(reader, entry.other_stack, finding.other_stack);
	reader->finding[entry.number] = malloc(sizeof(finding));
	if (!reader->finding[entry.number])
		return false;
	*reader->finding[entry.number] = finding;
	if (entry.number > reader->last_finding)
		reader->last_finding = entry.number;
	findings_add(reader->findings, &finding, 1);
	return true;
}

static bool read_repeat(struct reader *reader, const void *data, size_t size)
{
	struct record_repeat entry;

	if (size != sizeof(entry))
		return false;
	memcpy(&entry, data, size);
	if (entry.finding >= RECORD_FINDINGS_MAX || !entry.count)
		return false;
	/* The finding may have been in a lost block. */
	if (reader->finding[entry.finding])
		findings_add(reader->findings, reader->finding[entry.finding], entry.count);
	return true;
}

static bool read_device(struct reader *reader, const void *data, size_t size)
{
	struct device_state *more;

	if (size != sizeof(*more) || reader->nr_coming >= RECORD_DEVICES_MAX)
		return false;
	more = realloc(reader->coming, (reader->nr_coming + 1) * sizeof(*more));
	if (!more)
		return false;
	reader->coming = more;
	memcpy(&more[reader->nr_coming++], data, size);
	return true;
}

static bool read_totals(struct reader *reader, const void *data, size_t size)
{
	struct record_totals totals;
	bool whole;

	if (size != sizeof(totals))
		return false;
	memcpy(&totals, data, size);
	whole = totals.devices == reader->nr_coming;
	if (whole) {
		free(reader->devices);
		reader->devices = reader->coming;
		reader->nr_devices = reader->nr_coming;
		reader->totals = totals;
		clean_text(reader->totals.left_out, sizeof(totals.left_out));
		reader->has_totals = true;
		reader->coming = NULL;
	}
	reader->nr_coming = 0;
	return whole;
}

static void read_entries(struct reader *reader, const uint8_t *data, size_t size)
{
	while (size && !*reader->stop) {
		struct record_entry entry;
		bool good = true;

		if (size < sizeof(entry)) {
			reader->damaged = true;
			return;
		}
		memcpy(&entry, data, sizeof(entry));
		data += sizeof(entry);
		size -= sizeof(entry);
		if (entry.size > size) {
			reader->damaged = true;
			return;
		}
		switch (entry.type) {
		case RECORD_SYMBOL:
			good = read_symbol(reader, data, entry.size);
			break;
		case RECORD_STACK:
			good = read_stack(reader, data, entry.size);
			break;
		case RECORD_FINDING:
			good = read_finding(reader, data, entry.size);
			break;
		case RECORD_REPEAT:
			good = read_repeat(reader, data, entry.size);
			break;
		case RECORD_DEVICE:
			good = read_device(reader, data, entry.size);
			break;
		case RECORD_TOTALS:
			good = read_totals(reader, data, entry.size);
			break;
		default:
			good = false;
		}
		reader->damaged |= !good;
		data += entry.size;
		size -= entry.size;
	}
}

/* Returns the size of an intact block in the file; 0: the block is damaged. */
static size_t read_block(struct reader *reader, const uint8_t *data, size_t size, u32 *number)
{
	struct record_block head;
	uint8_t *plain;
	uLongf length;

	if (size < sizeof(head))
		return 0;
	memcpy(&head, data, sizeof(head));
	if (head.magic != RECORD_BLOCK_MAGIC || head.stored > size - sizeof(head) ||
	    head.plain > RECORD_BLOCK_MAX || head.stored > compressBound(RECORD_BLOCK_MAX) ||
	    head.crc != crc32(0, data, offsetof(struct record_block, crc)) ||
	    head.stored > reader->budget)
		return 0;
	reader->budget -= head.stored;
	if (head.data_crc != crc32(0, data + sizeof(head), head.stored))
		return 0;
	plain = malloc(RECORD_BLOCK_MAX);
	length = head.plain;
	if (!plain || uncompress(plain, &length, data + sizeof(head), head.stored) != Z_OK ||
	    length != head.plain) {
		free(plain);
		return 0;
	}
	/* A block before this one is missing. */
	if (head.number != *number)
		reader->damaged = true;
	*number = head.number + 1;
	read_entries(reader, plain, length);
	free(plain);
	return sizeof(head) + head.stored;
}

/*
 * Reads all blocks, and skips damage up to the next intact block. An attacker can place block
 * headers side by side that each claim the megabyte after them, so a budget limits the bytes that
 * are read.
 */
static void read_blocks(struct reader *reader, const uint8_t *data, size_t size)
{
	u32 number = 0;

	reader->budget = 4ull * size;
	while (size && !*reader->stop) {
		size_t used = read_block(reader, data, size, &number);

		if (!used) {
			reader->damaged = true;
			used = 1;
		}
		data += used;
		size -= used;
	}
}

/* Returns the whole file; NULL with errno. */
static uint8_t *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "re");
	uint8_t *data = NULL, *more;
	size_t room = 0, got;
	int error = 0;

	*size = 0;
	if (!file)
		return NULL;
	do {
		if (*size == room) {
			room = room ? 2 * room : 1 << 16;
			more = room > FILE_MAX ? NULL : realloc(data, room);
			if (!more) {
				error = EFBIG;
				break;
			}
			data = more;
		}
		errno = 0;
		got = fread(data + *size, 1, room - *size, file);
		*size += got;
	} while (got);
	if (ferror(file))
		error = errno;
	fclose(file);
	if (!error)
		return data;
	free(data);
	errno = error;
	return NULL;
}

/* Returns an error in the header that prevents reading, or NULL. */
static const char *check_header(struct record_header *header, const uint8_t *data, size_t size,
				bool *damaged)
{
	if (size < sizeof(*header))
		return "is too short to be a recording";
	memcpy(header, data, sizeof(*header));
	if (header->magic == __builtin_bswap64(RECORD_MAGIC))
		return "was recorded on a machine of the other byte order; replay it on one";
	if (header->magic != RECORD_MAGIC)
		return "is not a recording made by dmasnoop record";
	if (header->version != RECORD_VERSION || header->layout != record_layout())
		return "was recorded by another version of dmasnoop; replay it with that one";
	clean_text(header->dmasnoop, sizeof(header->dmasnoop));
	clean_text(header->kernel, sizeof(header->kernel));
	clean_text(header->arch, sizeof(header->arch));
	clean_text(header->machine, sizeof(header->machine));
	clean_text(header->device, sizeof(header->device));
	clean_text(header->driver, sizeof(header->driver));
	if (header->crc != crc32(0, data, offsetof(struct record_header, crc)))
		*damaged = true;
	if (header->line_size < 32 || header->line_size > LINE_SIZE_MAX ||
	    (header->line_size & (header->line_size - 1))) {
		*damaged = true;
		header->line_size = 64;
	}
	return NULL;
}

static void introduce(FILE *out, const struct record_header *header)
{
	time_t started = header->started;
	struct tm broken_down;
	char when[32];

	if (!gmtime_r(&started, &broken_down) ||
	    !strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &broken_down))
		strcpy(when, "at an unknown time");
	fprintf(out, "Recorded %s by dmasnoop %s, %u-byte lines.\n", when, header->dmasnoop,
		header->line_size);
	fprintf(out, "Linux %s, %s%s%s.", header->kernel, header->arch,
		header->machine[0] ? ", " : "", header->machine);
	if (header->device[0])
		fprintf(out, " Only device %s.", header->device);
	if (header->driver[0])
		fprintf(out, " Only driver %s.", header->driver);
	fprintf(out, "\n");
}

static void summarise(struct reader *reader, const struct record_header *header)
{
	struct summary summary = {
		.missed = reader->totals.missed,
		.overlooked = reader->totals.overlooked,
		.left_out = reader->totals.left_out,
		.checks = header->checks & ((1u << NR_CHECKS) - 1),
		.leaks_judged = reader->totals.leaks_judged,
		.unreadable = reader->totals.unreadable,
		.blind_interrupts = reader->totals.blind_interrupts,
		.sampled = reader->totals.sampled,
		.line_size = header->line_size,
		.filtered = header->device[0] || header->driver[0],
		.damaged = !reader->has_totals,
		.kernel = header->kernel,
	};
	size_t nr = 0;

	for (size_t i = 0; i < reader->nr_devices; i++)
		if (findings_selects(reader->findings, reader->devices[i].name,
				     reader->devices[i].driver, reader->devices[i].function_driver))
			reader->devices[nr++] = reader->devices[i];
	summary.devices = reader->devices;
	summary.nr_devices = nr;
	memcpy(summary.lost, reader->totals.lost, sizeof(summary.lost));
	findings_end(reader->findings, &summary);
}

static void free_reader(struct reader *reader)
{
	for (u32 i = 0; i <= reader->last_stack; i++)
		free(reader->stack[i]);
	for (u32 i = 0; i <= reader->last_finding; i++)
		free(reader->finding[i]);
	free(reader->devices);
	free(reader->coming);
	free(reader);
}

/**
 * replay - report a recording
 * @path: path of the file
 * @findings: the filters and outputs to use
 * @stop: ends the replay when it is set
 *
 * Return: an exit status. EXIT_NOT_RUN also if a part was not intact or not read, and there is no
 *	other status to report.
 */
int replay(const char *path, struct findings *findings, const volatile sig_atomic_t *stop)
{
	struct record_header header;
	struct reader *reader;
	const char *problem;
	bool damaged = false;
	uint8_t *data;
	size_t size;
	int status;

	data = read_file(path, &size);
	if (!data)
		return fail("%s: %s", path, strerror(errno));
	problem = check_header(&header, data, size, &damaged);
	if (problem) {
		free(data);
		return fail("%s %s", path, problem);
	}
	reader = calloc(1, sizeof(*reader));
	if (!reader) {
		free(data);
		return fail("out of memory");
	}
	reader->findings = findings;
	reader->damaged = damaged;
	reader->stop = stop;
	findings->context.line_size = header.line_size;
	symbols_recorded();
	if (findings->text)
		introduce(findings->text, &header);
	read_blocks(reader, data + sizeof(header), size - sizeof(header));
	summarise(reader, &header);

	status = findings_failed(findings) ? EXIT_FINDINGS : EXIT_CLEAN;
	if (*stop) {
		fail("interrupted: %s was not read to its end", path);
		if (status == EXIT_CLEAN)
			status = EXIT_NOT_RUN;
	} else if (reader->damaged || !reader->totals.end) {
		fail("%s is damaged%s: what is intact was replayed", path,
		     reader->totals.end ? "" : ", or its recording was cut short");
		if (status == EXIT_CLEAN)
			status = EXIT_NOT_RUN;
	} else if (reader->totals.lost[LOST_RING] || reader->totals.dropped) {
		fail("%" PRIu64 " findings were lost, so this is not a clean run",
		     (uint64_t)(reader->totals.lost[LOST_RING] + reader->totals.dropped));
		if (status == EXIT_CLEAN)
			status = EXIT_FINDINGS;
	}
	free_reader(reader);
	free(data);
	return status;
}
