// SPDX-License-Identifier: GPL-2.0
/*
 * `dmasnoop devices' lists the facts that decide the effect of a broken rule on each device of this
 * machine. They are read once, from the kernel by bpf/devices.bpf.c and from sysfs. An unknown fact
 * is shown as `?'.
 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "core/device_facts.h"
#include "devices.h"
#include "devices.skel.h"
#include "options.h"
#include "output/report.h"
#include "symbols.h"

#define TRIES 5

/* Reads the first word of a file; false when there is none. */
static bool read_word(const char *path, char *word, size_t size)
{
	FILE *file = fopen(path, "re");
	bool good;

	if (!file)
		return false;
	good = fgets(word, size, file) != NULL;
	fclose(file);
	word[strcspn(word, " \n")] = '\0';
	return good && word[0];
}

/* Finds the IOMMU mode of a device: `none', the type of the domain, or `?'. */
static void find_iommu(const struct device_facts *fact, char *type, size_t size)
{
	char path[256];

	snprintf(type, size, "none");
	if (!fact->group)
		return;
	snprintf(path, sizeof(path), "/sys/bus/%s/devices/%s/iommu_group/type", fact->bus,
		 fact->name);
	if (!fact->bus[0] || !read_word(path, type, size))
		snprintf(type, size, "?");
}

/* If an IOMMU translates, the kernel ignores force_bounce (drivers/iommu/dma-iommu.c). */
static const char *bounce(const struct device_facts *fact, const char *iommu)
{
	if (fact->forced && strncmp(iommu, "DMA", 3))
		return "forced";
	return fact->pool ? "if needed" : "no";
}

/*
 * Like dev_is_dma_coherent(), this takes all devices as coherent if the kernel does no cache
 * maintenance.
 */
static bool coherent(const struct device_facts *fact)
{
	return fact->coherent || (!symbols_known("arch_sync_dma_for_device") &&
				  !symbols_known("arch_sync_dma_for_cpu"));
}

/* Tests whether the syncs of a device reach the functions that dmasnoop traces. */
static bool syncs_seen(const struct device_facts *fact)
{
	/*
	 * Syncs are functions until 6.9. From 6.10 on, in kernels that need syncs, a flag decides
	 * whether the functions are called.
	 */
	return !fact->skips_sync && (symbols_known("__dma_sync_single_for_cpu") ||
				     symbols_known("dma_sync_single_for_cpu"));
}

/* Returns the number of bits of a mask of ones that begins at bit 0; 0: it is not such a mask. */
static int mask_bits(uint64_t mask)
{
	return mask & (mask + 1) ? 0 : 64 - (mask ? __builtin_clzll(mask) : 64);
}

/* Returns the size of a CPU's cache line in bytes; 0: not known. */
static int cache_line(void)
{
	char word[16];

	if (read_word("/sys/devices/system/cpu/cpu0/cache/index0/coherency_line_size", word,
		      sizeof(word)))
		return atoi(word);
	return 0;
}

/* Returns dma_get_cache_alignment(); 0: not known. */
static int dma_alignment(const char *arch)
{
	/* x86 defines no ARCH_DMA_MINALIGN, because cache lines need not be kept apart there. */
	if (!strcmp(arch, "x86_64") || !strcmp(arch, "i686"))
		return 1;
	return 0;
}

static void number(char *text, size_t size, int value)
{
	if (value)
		snprintf(text, size, "%d", value);
	else
		snprintf(text, size, "?");
}

static void print_text(const struct device_facts *facts, size_t nr, const struct utsname *uts)
{
	char line[16], alignment[16];
	bool own_ops = false;

	number(line, sizeof(line), cache_line());
	number(alignment, sizeof(alignment), dma_alignment(uts->machine));
	printf("Linux %s, %s\nCPU cache line %s bytes, dma_get_cache_alignment() %s\n",
	       uts->release, uts->machine, line, alignment);
	printf("%-20s %-15s %4s %-8s %-8s %-9s %s\n", "DEVICE", "DRIVER", "MASK", "COHERENT",
	       "IOMMU", "BOUNCE", "SYNCS");
	for (size_t i = 0; i < nr; i++) {
		const struct device_facts *fact = &facts[i];
		char iommu[32], bits[16];
		bool own;

		find_iommu(fact, iommu, sizeof(iommu));
		own = fact->own_ops && !strcmp(iommu, "none");
		own_ops |= own;
		number(bits, sizeof(bits), mask_bits(fact->mask));
		printf("%-20.20s %-15.15s %4s %-8s %-8.8s %-9s %s\n", fact->name, fact->driver,
		       bits, coherent(fact) ? "yes" : "no", own ? "own ops" : iommu,
		       bounce(fact, iommu), syncs_seen(fact) ? "seen" : "unseen");
	}
	if (!nr)
		printf("No device with a driver and a DMA mask.\n");
	if (own_ops)
		printf("own ops: the device brings dma_map_ops, and they decide.\n");
}

static void print_json(const struct device_facts *facts, size_t nr, const struct utsname *uts)
{
	struct json_object *o = json_object_new_object();
	struct json_object *array = json_object_new_array();
	int line = cache_line(), alignment = dma_alignment(uts->machine);

	for (size_t i = 0; i < nr; i++) {
		const struct device_facts *fact = &facts[i];
		struct json_object *d = json_object_new_object();
		char iommu[32];

		find_iommu(fact, iommu, sizeof(iommu));
#define ADD(key, value) json_object_object_add(d, key, value)
		ADD("device", json_object_new_string(fact->name));
		ADD("driver", json_object_new_string(fact->driver));
		ADD("bus", json_object_new_string(fact->bus));
		ADD("dma_mask", json_object_new_uint64(fact->mask));
		ADD("coherent_dma_mask", json_object_new_uint64(fact->coherent_mask));
		ADD("bus_dma_limit", fact->limit ? json_object_new_uint64(fact->limit) : NULL);
		ADD("coherent", json_object_new_boolean(coherent(fact)));
		ADD("iommu", strcmp(iommu, "?") ? json_object_new_string(iommu) : NULL);
		ADD("own_ops", json_object_new_boolean(fact->own_ops));
		ADD("bounce", json_object_new_string(bounce(fact, iommu)));
		ADD("syncs_observable", json_object_new_boolean(syncs_seen(fact)));
#undef ADD
		json_object_array_add(array, d);
	}
#define ADD(key, value) json_object_object_add(o, key, value)
	ADD("type", json_object_new_string("devices"));
	ADD("schema", json_object_new_int(SCHEMA_VERSION));
	ADD("kernel", json_object_new_string(uts->release));
	ADD("arch", json_object_new_string(uts->machine));
	ADD("cache_line", line ? json_object_new_int(line) : NULL);
	ADD("dma_alignment", alignment ? json_object_new_int(alignment) : NULL);
	ADD("devices", array);
#undef ADD
	printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
								 JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

static bool selected(const struct device_facts *fact)
{
	return (!opts.device || !strcmp(opts.device, fact->name)) &&
	       (!opts.driver || !strcmp(opts.driver, fact->driver));
}

static int by_name(const void *a, const void *b)
{
	const struct device_facts *left = a, *right = b;

	return strcmp(left->name, right->name);
}

/* Runs the walk until it is complete. Returns the facts of the selected devices. */
static int collect(struct devices_bpf *bpf, struct device_facts **facts, size_t *nr)
{
	int fd = bpf_map__fd(bpf->maps.facts), err;

	for (int i = 0; i < TRIES && !bpf->bss->complete; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, run);

		err = bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.read_devices), &run);
		if (err)
			return fail("cannot run the BPF program: %s", strerror(-err));
	}
	if (!bpf->bss->nr_devices)
		return fail(
			"this kernel does not show its devices: it needs CONFIG_KALLSYMS_ALL=y");
	if (!bpf->bss->complete)
		fail("devices come and go: the list may not be whole");
	*facts = calloc(bpf->bss->nr_facts + 1, sizeof(**facts));
	if (!*facts)
		return fail("out of memory");
	for (uint32_t i = 0; i < bpf->bss->nr_facts; i++)
		if (!bpf_map_lookup_elem(fd, &i, &(*facts)[*nr]) && selected(&(*facts)[*nr]))
			(*nr)++;
	qsort(*facts, *nr, sizeof(**facts), by_name);
	return 0;
}

/**
 * list_devices - run the verb `devices'
 *
 * Return: an exit status.
 */
int list_devices(void)
{
	struct devices_bpf *bpf;
	struct device_facts *facts = NULL;
	struct utsname uts = {};
	size_t nr = 0;
	int status;

	uname(&uts);
	if (geteuid())
		return fail("needs root (CAP_BPF, CAP_PERFMON); try sudo");
	if (!libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_loop, NULL))
		return fail("kernel %s is too old: it needs bpf_loop(), of Linux 5.17",
			    uts.release);
	bpf = devices_bpf__open_and_load();
	if (!bpf)
		return fail("kernel %s refused the BPF program: %s (-v shows why)", uts.release,
			    strerror(errno));
	status = collect(bpf, &facts, &nr);
	if (!status && opts.json)
		print_json(facts, nr, &uts);
	else if (!status)
		print_text(facts, nr, &uts);
	free(facts);
	devices_bpf__destroy(bpf);
	symbols_forget();
	if (!status && (ferror(stdout) || fflush(stdout)))
		return fail("output could not be written: %s", strerror(errno));
	return status;
}
