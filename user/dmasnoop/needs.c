// SPDX-License-Identifier: GPL-2.0
/*
 * Lists the conditions that each check needs, and those that a device met. The comparison tells
 * "nothing wrong" from "not looked at".
 */
#include <string.h>

#include "needs.h"

const char *const needs_unmet[NR_NEEDS] = {
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

/**
 * needs_of - return the conditions that a check needs
 * @check: the check
 *
 * This is a switch, so that a check without an answer does not build.
 *
 * Return: a bit per enum need.
 */
uint32_t needs_of(enum check check)
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

/**
 * needs_met - return the conditions that a device met
 * @summary: the numbers of the run
 * @device: the device
 *
 * Return: a bit per enum need.
 */
uint32_t needs_met(const struct summary *summary, const struct device_state *device)
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

/* Returns the checks that need one condition. */
static uint32_t checks_needing(uint32_t need)
{
	uint32_t checks = 0;

	for (int check = 0; check < NR_CHECKS; check++)
		if (needs_of(check) & need)
			checks |= 1u << check;
	return checks;
}

static bool hides_syncs(const struct device_state *device)
{
	return device->skips_sync;
}

static bool is_older(const struct device_state *device)
{
	return !device->complete;
}

static bool never_unmaps(const struct device_state *device)
{
	return device->lazy;
}

static bool syncs_by_hand(const struct device_state *device)
{
	return device->skips_sync && device->by_hand;
}

static bool has_unmatched_syncs(const struct device_state *device)
{
	return device->unmatched;
}

/* The reasons why checks stand down on a device. */
static const struct {
	bool (*is_so)(const struct device_state *device);
	uint32_t needs;
	uint32_t checks;
	const char *why;
} reasons[] = {
	{ hides_syncs, NEED(SYNCS), 0,
	  "syncs are not seen (dma_skip_sync: coherent, not bounced); --exact shows them, and so does booting with swiotlb=force" },
	{ is_older, NEED(WHOLE), 0,
	  "in use before the trace began; seen whole when its driver is bound while tracing" },
	{ never_unmaps, NEED(UNMAPS), 1u << CHECK_LEAK | 1u << CHECK_DOUBLE_MAP,
	  "the driver was told by dma_need_unmap() that it need not unmap" },
	{ syncs_by_hand, 0, 1u << CHECK_LINE_NEIGHBOUR_WRITE,
	  "mapped with DMA_ATTR_SKIP_CPU_SYNC, and its syncs are not seen: a note at most" },
	{ has_unmatched_syncs, 0, 1u << CHECK_LINE_NEIGHBOUR_WRITE | 1u << CHECK_CONTENT_CHANGED,
	  "some of its syncs could not be matched: unsure at best" },
};

const size_t nr_reasons = sizeof(reasons) / sizeof(reasons[0]);

/**
 * stood_down - find the checks that stood down on a device, for one reason
 * @device: the device
 * @reason: number of the reason, below nr_reasons
 * @why: out; the reason in words
 *
 * Return: a bit per enum check; 0: the reason does not apply.
 */
uint32_t stood_down(const struct device_state *device, size_t reason, const char **why)
{
	*why = reasons[reason].why;
	if (!reasons[reason].is_so(device))
		return 0;
	return reasons[reason].checks |
	       (reasons[reason].needs ? checks_needing(reasons[reason].needs) : 0);
}
