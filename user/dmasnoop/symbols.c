// SPDX-License-Identifier: GPL-2.0
/* Names of kernel addresses, see symbols.h. */
#define _GNU_SOURCE /* tdestroy() */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/report.h"
#include "symbols.h"

/**
 * struct loaded_symbol - a function
 * @address: address of the first byte
 * @end: address after the last byte, or an estimate
 * @name: name of the function; owned
 * @module: name of its module, inside @name's allocation; NULL: the kernel's own
 * @gone: number of times that symbols were read since the module was unloaded; 0: still loaded
 */
struct loaded_symbol {
	uint64_t address;
	uint64_t end;
	char *name;
	char *module;
	unsigned int gone;
};

/* The maximum number of symbols of unloaded modules. The most recent ones are kept. */
#define GONE_MAX (1 << 16)

#define PAGE 4096

static struct loaded_symbol *entries;
static size_t nr_entries;
static bool loaded;

/*
 * A symbol of a recording. The frames of a recording are numbers, which take the place of
 * addresses.
 */
struct exact {
	uint64_t address; /* must be first, for tfind() */
	struct symbol symbol;
	char name[256];
	char module[64];
};

static void *exact_root;
static bool exact_only;

static int compare_exact(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static int compare(const void *a, const void *b)
{
	const struct loaded_symbol *left = a, *right = b;

	if (left->address != right->address)
		return left->address < right->address ? -1 : 1;
	return 0;
}

/**
 * symbols_forget - free all symbols
 */
void symbols_forget(void)
{
	for (size_t i = 0; i < nr_entries; i++)
		free(entries[i].name);
	free(entries);
	entries = NULL;
	nr_entries = 0;
	loaded = false;
	tdestroy(exact_root, free);
	exact_root = NULL;
	exact_only = false;
}

/**
 * symbols_recorded - use only symbols of a recording, not those of this kernel
 */
void symbols_recorded(void)
{
	symbols_forget();
	exact_only = true;
}

/**
 * symbols_define - set the symbol of a recorded address
 * @address: number of the frame in the recording
 * @symbol: the symbol, copied; its name is NULL if it was not known
 */
void symbols_define(uint64_t address, const struct symbol *symbol)
{
	struct exact **found = tfind(&address, &exact_root, compare_exact);
	struct exact *exact = found ? *found : calloc(1, sizeof(*exact));

	if (!exact)
		return;
	exact->address = address;
	snprintf(exact->name, sizeof(exact->name), "%s", symbol->name ? symbol->name : "");
	snprintf(exact->module, sizeof(exact->module), "%s", symbol->module ? symbol->module : "");
	exact->symbol.name = exact->name[0] ? exact->name : NULL;
	exact->symbol.module = exact->module[0] ? exact->module : NULL;
	exact->symbol.offset = symbol->offset;
	if (!found && !tsearch(exact, &exact_root, compare_exact))
		free(exact);
}

/* Parses a line of /proc/kallsyms: ADDRESS TYPE NAME, and for a module a tab and [MODULE]. */
static bool parse_line(char *line, struct loaded_symbol *symbol, bool *function)
{
	char *type, *name, *module;
	size_t length;

	symbol->address = strtoull(line, &type, 16);
	if (!symbol->address || *type != ' ' || !type[1] || type[2] != ' ')
		return false;
	type++;
	*function = strchr("tTwW", *type);
	name = type + 2;
	module = strchr(name, '[');
	name[strcspn(name, "\t\n")] = '\0';
	if (module)
		module[strcspn(module, "]")] = '\0';
	length = strlen(name) + 1;
	symbol->name = malloc(length + (module ? strlen(module) : 0));
	if (!symbol->name)
		return false;
	strcpy(symbol->name, name);
	clean_text(symbol->name, length);
	if (module) {
		symbol->module = symbol->name + length;
		strcpy(symbol->module, module + 1);
		clean_text(symbol->module, strlen(module));
	}
	return true;
}

static bool make_room(size_t nr, size_t *room)
{
	struct loaded_symbol *more;

	if (nr < *room)
		return true;
	*room = *room ? 2 * *room : 65536;
	more = realloc(entries, *room * sizeof(*entries));
	if (more)
		entries = more;
	return more;
}

/*
 * The end of a function is not known. The function ends at the next symbol at the latest. For the
 * last function of a module, the end is one page after its own page: the addresses behind do not
 * belong to the module, and may have belonged to one that is gone.
 */
static void find_ends(void)
{
	for (size_t i = 0, next; i < nr_entries; i = next) {
		uint64_t end = UINT64_MAX;

		for (next = i + 1; next < nr_entries; next++)
			if (entries[next].address != entries[i].address)
				break;
		if (next < nr_entries)
			end = entries[next].address;
		if (next == nr_entries || !entries[i].module != !entries[next].module ||
		    (entries[i].module && strcmp(entries[i].module, entries[next].module))) {
			uint64_t last = (entries[i].address / PAGE + 2) * PAGE;

			end = last < end ? last : end;
		}
		for (size_t j = i; j < next; j++)
			entries[j].end = end;
	}
}

/* Returns the last symbol that begins at or before an address; NULL: none. */
static struct loaded_symbol *last_before(uint64_t address)
{
	size_t low = 0, high = nr_entries;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (entries[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &entries[low - 1] : NULL;
}

/* Keeps functions of unloaded modules, unless another module was loaded at their addresses. */
static void keep_gone(struct loaded_symbol *before, size_t nr_before)
{
	size_t room = nr_entries, nr = nr_entries, kept = 0;

	for (size_t i = 0; i < nr_before; i++) {
		const struct loaded_symbol *there = last_before(before[i].end);

		if (before[i].module && !(there && there->end > before[i].address))
			before[i].gone++;
		else
			before[i].gone = 0;
		kept += before[i].gone > 0;
	}
	for (size_t i = 0; i < nr_before; i++) {
		bool keep = before[i].gone == 1 || (before[i].gone && kept <= GONE_MAX);

		if (keep && make_room(nr, &room))
			entries[nr++] = before[i];
		else
			free(before[i].name);
	}
	nr_entries = nr;
}

/**
 * symbols_read - read the current symbols
 * @file: text in the format of /proc/kallsyms
 *
 * The symbols of an unloaded module are kept until another module is loaded there, because the
 * module's events may be reported later.
 */
void symbols_read(FILE *file)
{
	struct loaded_symbol *before = entries;
	size_t nr_before = nr_entries, room = 0, nr = 0;
	char line[512];

	entries = NULL;
	nr_entries = 0;
	loaded = true;
	while (fgets(line, sizeof(line), file) && make_room(nr_entries, &room)) {
		struct loaded_symbol symbol = {};
		bool function;

		if (!parse_line(line, &symbol, &function))
			continue;
		if (!function) {
			/* The address of a data symbol bounds the function before it. */
			free(symbol.name);
			symbol.name = NULL;
		}
		entries[nr_entries++] = symbol;
	}
	qsort(entries, nr_entries, sizeof(*entries), compare);
	find_ends();
	for (size_t i = 0; i < nr_entries; i++)
		if (entries[i].name)
			entries[nr++] = entries[i];
	nr_entries = nr;
	keep_gone(before, nr_before);
	free(before);
	qsort(entries, nr_entries, sizeof(*entries), compare);
}

/**
 * symbols_load - read the symbols of the running kernel
 *
 * This is called at the start, and when a module was loaded.
 */
void symbols_load(void)
{
	FILE *file = fopen("/proc/kallsyms", "re");

	loaded = true;
	if (!file)
		return;
	symbols_read(file);
	fclose(file);
}

/**
 * symbols_find - find the function at an address
 * @address: kernel text
 *
 * Return: the symbol, valid until symbols_forget(); its name is NULL if it is not known.
 */
struct symbol symbols_find(uint64_t address)
{
	const struct loaded_symbol *found;

	if (exact_only) {
		struct exact **exact = tfind(&address, &exact_root, compare_exact);

		return exact ? (*exact)->symbol : (struct symbol){ 0 };
	}
	if (!loaded)
		symbols_load();
	found = last_before(address + 1);
	if (!found || address >= found->end)
		return (struct symbol){ 0 };
	return (struct symbol){
		.name = found->name,
		.module = found->module,
		.offset = address - found->address,
	};
}

/**
 * symbols_known - test whether the running kernel has a function
 * @name: name of the function
 */
bool symbols_known(const char *name)
{
	if (!loaded && !exact_only)
		symbols_load();
	for (size_t i = 0; i < nr_entries; i++)
		if (!entries[i].gone && !strcmp(entries[i].name, name))
			return true;
	return false;
}

/**
 * symbols_function - find a function of the kernel's own
 * @name: name of the function
 * @range: out; from the function to the next symbol
 *
 * Return: false if the function is not known.
 */
bool symbols_function(const char *name, struct range *range)
{
	if (!loaded)
		symbols_load();
	for (size_t i = 0; i < nr_entries; i++) {
		if (entries[i].module || strcmp(entries[i].name, name))
			continue;
		*range = (struct range){ entries[i].address, entries[i].end };
		return true;
	}
	return false;
}

/**
 * symbols_format - format an address as `symbol+0xOFFSET [module]`
 * @address: kernel text
 * @text: buffer for the text
 * @size: size of the buffer, bytes
 *
 * Return: as snprintf().
 */
size_t symbols_format(uint64_t address, char *text, size_t size)
{
	struct symbol symbol = symbols_find(address);

	if (!symbol.name && exact_only)
		return snprintf(text, size, "(unknown)");
	if (!symbol.name)
		return snprintf(text, size, "0x%llx", (unsigned long long)address);
	if (symbol.module)
		return snprintf(text, size, "%s+0x%llx [%s]", symbol.name,
				(unsigned long long)symbol.offset, symbol.module);
	return snprintf(text, size, "%s+0x%llx", symbol.name, (unsigned long long)symbol.offset);
}

static bool has_prefix(const char *name, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (!strncmp(name, *prefixes, strlen(*prefixes)))
			return true;
	return false;
}

/**
 * symbols_ranges - find functions of the kernel's own by the start of their names
 * @prefixes: starts of names, ended by NULL
 * @ranges: out; adjacent functions share a range
 * @max: room in @ranges
 *
 * Return: number of ranges; those beyond @max are left out.
 */
size_t symbols_ranges(const char *const *prefixes, struct range *ranges, size_t max)
{
	size_t nr = 0;

	if (!loaded)
		symbols_load();
	for (size_t i = 0; i < nr_entries; i++) {
		const struct loaded_symbol *symbol = &entries[i];

		if (symbol->module || !has_prefix(symbol->name, prefixes))
			continue;
		/* One function can have several names. */
		if (nr && nr <= max && ranges[nr - 1].end >= symbol->address)
			ranges[nr - 1].end = symbol->end;
		else if (nr++ < max)
			ranges[nr - 1] = (struct range){ symbol->address, symbol->end };
	}
	return nr;
}

/* The tracing machinery's and the DMA API's own functions, which are never the driver. */
static const char *const plumbing[] = {
	"bpf_",	     "traceiter_",  "trace_",	  "perf_trace_",   "dma_map_", "dma_unmap_",
	"dma_sync_", "dma_direct_", "kretprobe_", "arch_rethook_", NULL,
};

/*
 * Functions that many drivers call instead of the DMA API. They are worth showing, but they do not
 * tell drivers apart.
 */
static const char *const helpers[] = {
	/* drivers/virtio/virtio_ring.c */
	"vring_",
	"virtqueue_",
	"detach_buf_",
	/* drivers/usb/core: hcd.c, urb.c, message.c, buffer.c, usb.c */
	"usb_hcd_",
	"usb_submit_urb",
	"usb_start_wait_urb",
	"usb_bulk_msg",
	"usb_control_msg",
	"usb_internal_control_msg",
	"usb_interrupt_msg",
	"usb_sg_",
	"usb_alloc_coherent",
	"usb_free_coherent",
	"hcd_",
	/* drivers/scsi/scsi_lib_dma.c */
	"scsi_dma_",
	/* mm/dmapool.c, and kernel/dma/mapping.c for coherent memory */
	"dma_pool_",
	"pool_alloc_page",
	"dmam_",
	"dma_alloc_",
	"dma_free_",
	/* net/core/page_pool.c */
	"page_pool_",
	/* block/blk-mq-dma.c */
	"blk_dma_",
	"blk_rq_dma_",
	/* drivers/dma-buf, drivers/gpu/drm, sound/core */
	"dma_buf_",
	"drm_gem_",
	"drm_prime_",
	"snd_dma_",
	"snd_pcm_lib_",
	NULL,
};

/* Compares without leading underscores. */
static bool is_one_of(const char *const *prefixes, uint64_t address)
{
	const char *name = symbols_find(address).name;

	if (!name)
		return false;
	return has_prefix(name + strspn(name, "_"), prefixes);
}

/**
 * symbols_trim - skip the tracing and DMA API frames at the innermost end
 * @stack: return addresses, innermost first, ended by 0 or @max
 * @max: entries in @stack
 * @start: out: the first frame worth showing
 *
 * A frame without a symbol in front of those frames is a BPF trampoline.
 *
 * Return: number of frames from @start on.
 */
size_t symbols_trim(const uint64_t *stack, size_t max, const uint64_t **start)
{
	size_t nr = 0, first = 0;

	while (nr < max && stack[nr])
		nr++;
	for (size_t i = 0; i < nr && i < 8; i++)
		if (is_one_of(plumbing, stack[i]))
			first = i + 1;
	*start = stack + first;
	return nr - first;
}

/**
 * symbols_caller - skip also the helpers between a driver and the DMA API
 * @stack: return addresses, innermost first, ended by 0 or @max
 * @max: entries in @stack
 * @start: out: the first frame that tells one driver from another
 *
 * Helpers are known by name, not by module: a module of one kernel is built into another one, and
 * the frames behind a built-in driver are those of its users.
 *
 * Return: number of frames from @start on. A stack of helpers alone is only trimmed.
 */
size_t symbols_caller(const uint64_t *stack, size_t max, const uint64_t **start)
{
	size_t nr = symbols_trim(stack, max, start), first = 0;

	while (first < nr && is_one_of(helpers, (*start)[first]))
		first++;
	if (first == nr)
		return nr;
	*start += first;
	return nr - first;
}
