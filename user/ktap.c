// SPDX-License-Identifier: GPL-2.0
/*
 * A run as KTAP, version 1 (Documentation/dev-tools/ktap.rst), for a kernel's CI:
 * one test for each check. What could not have been seen is skipped, never `ok'.
 * Called by findings.c.
 */
#define _GNU_SOURCE /* asprintf() */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ktap.h"
#include "symbols.h"

/* What a run must have had, on one device, for a check's silence to mean something. */
enum need {
	NEED_UNMAPS, /* something was unmapped */
	NEED_SYNCS, /* its syncs are observable */
	NEED_WHOLE, /* its mappings are known from its driver's probe on */
	NEED_IOMMU, /* an IOMMU translates for it */
	NEED_ACCESSES, /* CPU accesses are announced, or watched */
	NEED_DESCRIPTORS, /* descriptors and doorbells are announced */
	NEED_TIME, /* events are judged when they happen: engine.h */
	NEED_MEMORY, /* the kernel's memory can be read by physical address */
	NEED_LAYERS, /* frees and handovers are followed */
	NEED_LEAKS, /* a driver left its device, or mappings were watched growing old */
	NR_NEEDS,
};

static const char *const unmet[NR_NEEDS] = {
	[NEED_UNMAPS] = "nothing was unmapped",
	[NEED_SYNCS] = "no device's syncs are observable; boot with swiotlb=force",
	[NEED_WHOLE] = "every device was in use before the trace began",
	[NEED_IOMMU] = "no device is behind an IOMMU that translates",
	[NEED_ACCESSES] = "no CPU accesses were announced, or watched (--watch)",
	[NEED_DESCRIPTORS] = "no descriptors were announced",
	[NEED_TIME] = "before Linux 5.17 calls are judged too late for it",
	[NEED_MEMORY] = "the kernel's memory could not be found",
	[NEED_LAYERS] = "programs that it needs could not be loaded",
	[NEED_LEAKS] = "no driver left its device, and the run was short",
};

#define NEED(what) (1u << NEED_##what)

/* Bit per enum need. A switch, so that a check without an answer does not build. */
static uint32_t needs(enum check check)
{
	switch (check) {
	case CHECK_SG_LIMITS:
	case CHECK_LINE_SHARED_MAPPINGS:
	case CHECK_DOUBLE_MAP:
	case NR_CHECKS:
		return 0;
	case CHECK_ADDR_NOT_DMABLE:
		return NEED(TIME) | NEED(MEMORY);
	case CHECK_LINE_SHARED_OBJECT:
		return NEED(MEMORY);
	case CHECK_FREED_WHILE_MAPPED:
		return NEED(TIME) | NEED(MEMORY) | NEED(LAYERS);
	case CHECK_DIR_MISMATCH:
	case CHECK_FUNCTION_MISMATCH:
	case CHECK_SG_COUNT_MISMATCH:
	case CHECK_ATTRS_MISMATCH:
	case CHECK_DOUBLE_UNMAP:
	case CHECK_SIZE_MISMATCH:
		return NEED(UNMAPS);
	case CHECK_CONTENT_CHANGED:
	case CHECK_LINE_NEIGHBOUR_WRITE:
		return NEED(UNMAPS) | NEED(TIME) | NEED(MEMORY);
	case CHECK_SYNC_OUTSIDE_MAPPING:
	case CHECK_SYNC_WRONG_OWNER:
		return NEED(SYNCS);
	case CHECK_HANDOVER_UNSYNCED:
		return NEED(SYNCS) | NEED(TIME) | NEED(MEMORY) | NEED(LAYERS);
	case CHECK_ADDR_UNKNOWN:
		return NEED(UNMAPS) | NEED(WHOLE);
	case CHECK_ADDR_AFTER_UNMAP:
		return NEED(SYNCS) | NEED(WHOLE);
	case CHECK_PAGE_EXPOSED:
		return NEED(IOMMU);
	case CHECK_CPU_READ_DEVICE_OWNED:
	case CHECK_CPU_WRITE_DEVICE_OWNED:
		return NEED(SYNCS) | NEED(ACCESSES);
	case CHECK_DOORBELL_BEFORE_DESCRIPTOR:
	case CHECK_DESCRIPTOR_TORN:
	case CHECK_DESCRIPTOR_OVERRUN:
		return NEED(DESCRIPTORS);
	case CHECK_LEAK:
		return NEED(LEAKS);
	}
	return 0;
}

static uint32_t met(const struct summary *summary, const struct device_state *device)
{
	bool dmaloop = !strncmp(device->driver, "dmaloop", NAME_SIZE);

	return (device->unmaps ? NEED(UNMAPS) : 0) | (device->skips_sync ? 0 : NEED(SYNCS)) |
	       (device->complete ? NEED(WHOLE) : 0) | (device->iommu ? NEED(IOMMU) : 0) |
	       (dmaloop ? NEED(ACCESSES) | NEED(DESCRIPTORS) : 0) |
	       (summary->unreadable == UNREADABLE_LATER ? 0 : NEED(TIME)) |
	       (summary->unreadable == UNREADABLE ? 0 : NEED(MEMORY)) |
	       (summary->left_out[0] ? 0 : NEED(LAYERS)) |
	       (summary->watch.turns ? NEED(ACCESSES) : 0) |
	       (summary->leaks_judged ? NEED(LEAKS) : 0);
}

/**
 * ktap_add - keep a finding for the end
 * @ktap: where
 * @finding: the first of its kind
 * @fold: index of its count
 */
void ktap_add(struct ktap *ktap, const struct finding *finding, size_t fold)
{
	const uint64_t *event = finding->stack, *map = finding->map_stack;
	struct ktap_finding *more;
	char at[256] = "", driver[DRIVERS_SIZE], *text;

	more = realloc(ktap->finding, (ktap->nr + 1) * sizeof(*more));
	if (!more)
		return;
	ktap->finding = more;
	if (symbols_caller(finding->stack, STACK_MAX, &event))
		symbols_format(*event, at, sizeof(at));
	driver_format(finding->driver, finding->function_driver, driver, sizeof(driver));
	if (asprintf(&text, "%s: %s, %s (driver %s)%s\n#   at %s", level_names[finding->level],
		     finding_headline(finding), finding->device, driver,
		     finding->uncertain ? ", unsure" : "", at[0] ? at : "(not recorded)") < 0)
		return;
	ktap->finding[ktap->nr++] = (struct ktap_finding){ finding->check, fold, text };
	if (finding->op == OP_MAP || !symbols_caller(finding->map_stack, STACK_MAX, &map))
		return;
	symbols_format(*map, at, sizeof(at));
	if (asprintf(&text, "%s\n#   mapped at %s", ktap->finding[ktap->nr - 1].text, at) < 0)
		return;
	free(ktap->finding[ktap->nr - 1].text);
	ktap->finding[ktap->nr - 1].text = text;
}

/* Why a check could not be judged; NULL when it could. */
static const char *unseen(const struct summary *summary, enum check check, enum level fail_on)
{
	uint32_t needed = needs(check), missing, fewest = ~0u;

	if (check_infos[check].level < fail_on)
		return "its findings are below --fail-on";
	if (summary->damaged)
		return "the recording is damaged";
	for (size_t i = 0; i < summary->nr_devices && fewest; i++) {
		missing = needed & ~met(summary, &summary->devices[i]);
		if (__builtin_popcount(missing) < __builtin_popcount(fewest))
			fewest = missing;
	}
	if (!summary->nr_devices)
		return "no DMA was seen";
	return fewest ? unmet[__builtin_ctz(fewest)] : NULL;
}

/**
 * ktap_print - the whole document
 * @ktap: what was found
 * @summary: what was seen
 * @folds: count of each of @ktap->finding
 */
void ktap_print(const struct ktap *ktap, const struct summary *summary, const struct fold *folds)
{
	int nr = 0;

	fprintf(ktap->out, "KTAP version 1\n1..%d\n", __builtin_popcount(summary->checks));
	for (int check = 0; check < NR_CHECKS; check++) {
		const char *why = unseen(summary, check, ktap->fail_on);
		bool found = false;

		if (!(summary->checks & 1u << check))
			continue;
		for (size_t i = 0; i < ktap->nr; i++) {
			if (ktap->finding[i].check != (enum check)check)
				continue;
			fprintf(ktap->out, "# %" PRIu64 " x %s\n",
				folds[ktap->finding[i].fold].count, ktap->finding[i].text);
			found = true;
		}
		if (!why && !found && summary->lost[LOST_RING])
			why = "findings were lost";
		fprintf(ktap->out, "%s %d - %s", found ? "not ok" : "ok", ++nr,
			check_infos[check].name);
		fprintf(ktap->out, !found && why ? " # SKIP %s\n" : "\n", why);
	}
	fflush(ktap->out);
}

/**
 * ktap_free - forget it
 * @ktap: all of it
 */
void ktap_free(struct ktap *ktap)
{
	for (size_t i = 0; i < ktap->nr; i++)
		free(ktap->finding[i].text);
	free(ktap->finding);
	ktap->finding = NULL;
	ktap->nr = 0;
}
