// SPDX-License-Identifier: GPL-2.0
/*
 * Writes a recording in the format of record.h. The first finding of its kind is written, with the
 * stacks and symbols that are not in the file yet. Its repeats are counted.
 */
#define _GNU_SOURCE /* tdestroy() */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "output/findings.h"
#include "options.h"
#include "record/record.h"
#include "symbols.h"

/* The number of a frame whose symbol could not be written. */
#define FRAME_UNKNOWN UINT32_MAX

/* A kind of finding, a stack, or an address that was written, found by its key. */
struct written {
	uint64_t key;
	uint64_t symbol; /* for an address: hash of its symbol */
	uint32_t loads; /* loads at the last comparison of the symbol */
	uint32_t number;
	uint64_t repeats; /* number of repeats since the last flush */
	struct written *next_kind;
};

/**
 * struct recording - the recording in progress
 * @block: entries not yet written
 * @size: size of the entries in @block, bytes
 * @dirty: entries came since the last flush
 * @flushed: time of the last flush, seconds
 * @error: errno of the first write that failed
 * @kinds: the kinds of findings written
 * @stacks: the stacks written, by hash of their frames
 * @addresses: the addresses whose symbols are written
 * @loads: number of module loads so far
 * @first_kind: head of the list of @kinds
 */
static struct {
	FILE *file;
	const char *path;
	uint8_t block[RECORD_BLOCK_MAX];
	uint32_t size;
	uint32_t number;
	bool dirty;
	time_t flushed;
	int error;
	void *kinds;
	void *stacks;
	void *addresses;
	struct written *first_kind;
	uint32_t nr_kinds;
	uint32_t nr_stacks;
	uint32_t nr_symbols;
	uint32_t loads;
	uint64_t dropped;
} recording;

/**
 * record_layout - identify the layout of recordings
 *
 * Recordings of different layouts cannot be read by one another's dmasnoop.
 *
 * Return: a checksum of the sizes and names that a recording depends on.
 */
u32 record_layout(void)
{
	const u32 sizes[] = { sizeof(struct finding),
			      sizeof(struct record_finding),
			      sizeof(struct mapping),
			      sizeof(struct object),
			      sizeof(struct device_state),
			      sizeof(struct record_totals),
			      NR_OPS,
			      NR_KINDS,
			      NR_DETAILS };
	u32 crc = crc32(0, (const void *)sizes, sizeof(sizes));

	for (int i = 0; i < NR_CHECKS; i++)
		crc = crc32(crc, (const void *)check_infos[i].name,
			    strlen(check_infos[i].name) + 1);
	return crc;
}

static void put(const void *data, size_t size)
{
	if (!recording.error && fwrite(data, size, 1, recording.file) != 1)
		recording.error = errno ? errno : EIO;
}

static void write_block(void)
{
	struct record_block head = { .magic = RECORD_BLOCK_MAGIC, .plain = recording.size };
	uLongf stored = compressBound(recording.size);
	uint8_t *data;

	if (!recording.size)
		return;
	data = malloc(stored);
	if (!data || compress2(data, &stored, recording.block, recording.size, 6) != Z_OK) {
		recording.error = ENOMEM;
		free(data);
		return;
	}
	head.stored = stored;
	head.data_crc = crc32(0, data, stored);
	head.number = recording.number++;
	head.crc = crc32(0, (const void *)&head, offsetof(struct record_block, crc));
	put(&head, sizeof(head));
	put(data, stored);
	free(data);
	recording.size = 0;
}

static void append(enum record_type type, const void *data, size_t size)
{
	struct record_entry entry = { .type = type, .size = size };

	if (recording.size + sizeof(entry) + size > sizeof(recording.block))
		write_block();
	memcpy(recording.block + recording.size, &entry, sizeof(entry));
	memcpy(recording.block + recording.size + sizeof(entry), data, size);
	recording.size += sizeof(entry) + size;
}

static int compare(const void *a, const void *b)
{
	uint64_t left = ((const struct written *)a)->key, right = ((const struct written *)b)->key;

	return left < right ? -1 : left > right;
}

/* Returns the entry of @key. The number of a new entry is 0. Returns NULL if there is no memory. */
static struct written *look_up(void **root, uint64_t key)
{
	struct written *fresh = calloc(1, sizeof(*fresh)), **found;

	if (!fresh)
		return NULL;
	fresh->key = key;
	found = tsearch(fresh, root, compare);
	if (!found || *found != fresh)
		free(fresh);
	return found ? *found : NULL;
}

/*
 * Returns the number that stands for a return address. If the address belongs to another function
 * after a module was loaded, it gets a new number.
 */
static uint64_t record_frame(uint64_t address)
{
	struct written *written = look_up(&recording.addresses, address);
	struct record_symbol entry = {};
	struct symbol symbol;
	uint64_t same;

	if (!written)
		return FRAME_UNKNOWN;
	if (written->number && written->loads == recording.loads)
		return written->number;
	symbol = symbols_find(address);
	entry.offset = symbol.offset;
	snprintf(entry.name, sizeof(entry.name), "%s", symbol.name ? symbol.name : "");
	snprintf(entry.module, sizeof(entry.module), "%s", symbol.module ? symbol.module : "");
	same = hash_bytes(HASH_START, &entry, sizeof(entry));
	written->loads = recording.loads;
	if (written->number && written->symbol == same)
		return written->number;
	if (recording.nr_symbols == RECORD_SYMBOLS_MAX)
		return FRAME_UNKNOWN;
	written->symbol = same;
	written->number = ++recording.nr_symbols;
	entry.number = written->number;
	append(RECORD_SYMBOL, &entry, sizeof(entry));
	return written->number;
}

/* Returns the stack's number; 0: it is empty; -1: there is no room. */
static int record_stack(const uint64_t *frames)
{
	struct record_stack entry = {};
	struct written *written;

	while (entry.nr < STACK_MAX && frames[entry.nr]) {
		entry.frame[entry.nr] = record_frame(frames[entry.nr]);
		entry.nr++;
	}
	if (!entry.nr)
		return 0;
	written = look_up(&recording.stacks,
			  hash_bytes(HASH_START, entry.frame, entry.nr * sizeof(entry.frame[0])));
	if (written && written->number)
		return written->number;
	if (!written || recording.nr_stacks + 1 >= RECORD_STACKS_MAX)
		return -1;
	entry.number = ++recording.nr_stacks;
	written->number = entry.number;
	append(RECORD_STACK, &entry,
	       offsetof(struct record_stack, frame) + entry.nr * sizeof(entry.frame[0]));
	return entry.number;
}

/**
 * record_add - add a finding to the recording
 * @finding: any finding; filters and levels apply at replay
 */
void record_add(const struct finding *finding)
{
	struct record_finding entry = {};
	struct written *kind;
	int stack, map, other;

	recording.dirty = true;
	kind = look_up(&recording.kinds, finding_kind(finding));
	if (kind && kind->number) {
		kind->repeats++;
		return;
	}
	stack = record_stack(finding->stack);
	map = record_stack(finding->map_stack);
	other = record_stack(finding->other_stack);
	if (!kind || stack < 0 || map < 0 || other < 0 ||
	    recording.nr_kinds + 1 >= RECORD_FINDINGS_MAX) {
		recording.dropped++;
		return;
	}
	kind->number = ++recording.nr_kinds;
	kind->next_kind = recording.first_kind;
	recording.first_kind = kind;
	entry.number = kind->number;
	entry.stack = stack;
	entry.map_stack = map;
	entry.other_stack = other;
	memcpy(entry.head, finding, sizeof(entry.head));
	append(RECORD_FINDING, &entry, sizeof(entry));
}

/**
 * record_symbols_changed - note that a module was loaded, so that symbols may have changed
 */
void record_symbols_changed(void)
{
	recording.loads++;
}

/**
 * record_due - test whether entries have waited for a flush long enough
 */
bool record_due(void)
{
	return recording.file && recording.dirty && time(NULL) != recording.flushed;
}

/**
 * record_flush - write all entries so far
 * @summary: the current devices and losses
 * @end: the run is over
 */
void record_flush(const struct summary *summary, bool end)
{
	struct record_totals totals = {
		.missed = summary->missed,
		.overlooked = summary->overlooked,
		.dropped = recording.dropped,
		.devices = summary->nr_devices,
		.leaks_judged = summary->leaks_judged,
		.unreadable = summary->unreadable,
		.blind_interrupts = summary->blind_interrupts,
		.end = end,
		.sampled = summary->sampled,
	};

	for (struct written *kind = recording.first_kind; kind; kind = kind->next_kind) {
		struct record_repeat entry = { .finding = kind->number, .count = kind->repeats };

		if (kind->repeats)
			append(RECORD_REPEAT, &entry, sizeof(entry));
		kind->repeats = 0;
	}
	for (size_t i = 0; i < summary->nr_devices; i++) {
		struct device_state device = summary->devices[i];

		/* This removes kernel addresses, which would reveal where the kernel was loaded. */
		device.dev = 0;
		device.bound = 0;
		append(RECORD_DEVICE, &device, sizeof(device));
	}
	memcpy(totals.lost, summary->lost, sizeof(totals.lost));
	snprintf(totals.left_out, sizeof(totals.left_out), "%s", summary->left_out);
	append(RECORD_TOTALS, &totals, sizeof(totals));
	write_block();
	if (!recording.error && fflush(recording.file))
		recording.error = errno;
	recording.dirty = false;
	recording.flushed = time(NULL);
}

static void read_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");

	text[0] = '\0';
	if (!file)
		return;
	if (!fgets(text, size, file))
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	fclose(file);
}

/* Reads maker and product of the machine, if the firmware names them. */
static void find_machine(char *text, size_t size)
{
	char vendor[32], product[60];

	read_line("/sys/class/dmi/id/sys_vendor", vendor, sizeof(vendor));
	read_line("/sys/class/dmi/id/product_name", product, sizeof(product));
	if (!vendor[0] && !product[0])
		read_line("/proc/device-tree/model", product, sizeof(product));
	snprintf(text, size, "%s%s%s", vendor, vendor[0] && product[0] ? " " : "", product);
}

/* The file is readable only for its owner, until the owner changes that. */
static FILE *open_private(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat stat;
	FILE *file;

	if (fd < 0)
		return NULL;
	/* A file that existed before may have another mode. */
	if (!fstat(fd, &stat) && S_ISREG(stat.st_mode) && fchmod(fd, 0600)) {
		close(fd);
		return NULL;
	}
	file = fdopen(fd, "w");
	if (!file)
		close(fd);
	return file;
}

/**
 * record_open - begin a recording
 * @path: path of the file, which is overwritten and readable only for its owner
 * @options: device, driver, checks and line size; this function fills in the rest
 *
 * Return: 0, or -1 with errno.
 */
int record_open(const char *path, const struct record_header *options)
{
	struct record_header header = *options;
	struct utsname uts = {};

	recording.file = open_private(path);
	if (!recording.file)
		return -1;
	recording.path = path;
	uname(&uts);
	header.magic = RECORD_MAGIC;
	header.version = RECORD_VERSION;
	header.layout = record_layout();
	header.started = time(NULL);
	snprintf(header.dmasnoop, sizeof(header.dmasnoop), "%s", DMASNOOP_VERSION);
	snprintf(header.kernel, sizeof(header.kernel), "%.63s", uts.release);
	snprintf(header.arch, sizeof(header.arch), "%.31s", uts.machine);
	find_machine(header.machine, sizeof(header.machine));
	header.crc = crc32(0, (const void *)&header, offsetof(struct record_header, crc));
	put(&header, sizeof(header));
	return 0;
}

/**
 * record_close - complete the recording
 *
 * Return: 0; -1 if the recording is not complete, and the error has been printed.
 */
int record_close(void)
{
	int error;

	if (!recording.file)
		return 0;
	if (fclose(recording.file) && !recording.error)
		recording.error = errno;
	error = recording.error;
	if (error)
		fail("%s could not be written: %s", recording.path, strerror(error));
	else if (recording.dropped)
		fprintf(stderr, "dmasnoop: %" PRIu64 " findings did not fit into the recording\n",
			recording.dropped);
	tdestroy(recording.addresses, free);
	tdestroy(recording.stacks, free);
	tdestroy(recording.kinds, free);
	memset(&recording, 0, sizeof(recording));
	return error ? -1 : 0;
}
