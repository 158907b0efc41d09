// SPDX-License-Identifier: GPL-2.0
/*
 * The predictions: what each scenario must do in each configuration. They were worked out on
 * paper from the rules below, never from a run, and the kernel module does not know them. They
 * hold for 64-byte lines, and for no eviction or prefetch but what a scenario itself asks for.
 *
 * Cache maintenance, for a line that the CPU made dirty while the device owned it:
 *   arm, arm64  The unmap cleans and invalidates a partial line at an edge of the buffer
 *               (cache-v7.S v7_dma_inv_range, cache.S dcache_inval_poc). The neighbour's bytes
 *               survive; what the device wrote to the line is lost.
 *   mips, riscv The unmap invalidates every line (r4k_dma_cache_inv, cbo.inval). The device's
 *               bytes survive; the neighbour's are lost.
 *   mips        The map invalidates, too. A line that was dirty before the map is lost even
 *               when nobody touches it in flight.
 *
 * Coherent: there is one copy of every byte.
 *
 * Bounce: swiotlb copies exactly the mapped bytes, at map and sync_for_device, and at unmap and
 * sync_for_cpu. It has no IOMMU: an access against the direction passes, and the unmap copies
 * the bytes.
 *
 * In every mode, an access to what is not mapped is a fault, and so is its unmap.
 *
 * A placement matters by its properties (struct traits). Coherent memory is never mapped, so
 * that a wrong mapping cannot happen there. Maintenance reaches whole lines: to unmap half of a
 * buffer that lies in one line is to unmap all of it.
 *
 * Descriptors lie in coherent memory unless a scenario says otherwise. Caches do not matter
 * there, so that a fault of the order of stores has the same outcome in every configuration.
 * A descriptor that straddles two banks is read by two fetches; only that placement tears.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "predict.h"

const struct predict_column_info predict_columns[NR_PREDICT_COLUMNS] = {
	[PREDICT_COHERENT] = { "coherent", "coherent", NULL },
	[PREDICT_BOUNCE] = { "bounce", "bounce", NULL },
	[PREDICT_ARM] = { "arm", "noncoherent", "arm" },
	[PREDICT_ARM64] = { "arm64", "noncoherent", "arm64" },
	[PREDICT_MIPS] = { "mips", "noncoherent", "mips" },
	[PREDICT_RISCV] = { "riscv", "noncoherent", "riscv" },
};

#define OK "ok"
#define STALE "stale"
#define NEIGHBOUR "neighbour-lost"
#define LOST "dma-lost"
#define FAULT "fault"
#define LEAK "leak"

#define CONTENT "content-changed,"
#define FREED "freed-while-mapped,"
#define TORN "torn"
#define STUCK "stuck"

#define SAME(outcome)                                                \
	{                                                            \
		outcome, outcome, outcome, outcome, outcome, outcome \
	}
/* coherent, bounce, arm, arm64, mips, riscv */
#define LINE_LOST                                        \
	{                                                \
		OK, OK, LOST, LOST, NEIGHBOUR, NEIGHBOUR \
	}
#define BEHIND_CACHE(outcome)                              \
	{                                                  \
		OK, OK, outcome, outcome, outcome, outcome \
	}
#define NOT_HANDED_OVER(outcome)                                \
	{                                                       \
		OK, outcome, outcome, outcome, outcome, outcome \
	}
#define IOMMU_STOPS                                   \
	{                                             \
		FAULT, OK, FAULT, FAULT, FAULT, FAULT \
	}

/* clang-format off */

/**
 * struct traits - the properties of a placement on which predictions depend
 * @name: the placement
 * @coherent: it is coherent memory
 * @shared: something else that the driver uses lies on the buffer's line
 * @foreign: that line reaches into another slab object
 * @user: it is pages of a process
 * @size_max: bytes that it has room for, where all of them lie in one line; 0: more than that
 */
static const struct traits {
	const char *name;
	bool coherent;
	bool shared;
	bool foreign;
	bool user;
	unsigned int size_max;
} placements[] = {
	{ .name = "separate" },
	{ .name = "embedded", .shared = true, .size_max = 48 },
	{ .name = "embedded-aligned", .size_max = 48 },
	{ .name = "offset", .shared = true },
	{ .name = "packed-cache", .shared = true, .foreign = true, .size_max = 40 },
	{ .name = "aligned-cache", .size_max = 40 },
	{ .name = "pool", .coherent = true },
	{ .name = "coherent", .coherent = true },
	{ .name = "uncached", .coherent = true },
	{ .name = "pages" },
	{ .name = "page-straddle", .shared = true },
	{ .name = "user", .user = true },
};

static const char *const descriptors[] = { "packed", "banked", "bank-straddle", "padded" };

/* What a scenario's prediction depends on, besides the configuration. */
enum kind {
	FIXED, /* it is made for one placement */
	TX, /* the device reads the buffer */
	RX, /* the device writes the buffer */
	NEIGHBOURLY, /* RX, and it matters what shares the buffer's line */
	HALF, /* RX, and only half of the buffer is unmapped */
	LONG, /* RX of 512 bytes, and the bytes behind the buffer are used */
	LONG_MAPPED, /* RX of 512 bytes, which must not be coherent memory */
	DESCRIPTOR, /* it is about descriptors, wherever they lie */
	STRADDLE, /* it is about descriptors that straddle a bank */
};

static const struct {
	const char *scenario;
	enum kind kind;
	/* coherent, bounce, arm, arm64, mips, riscv */
	const char *outcome[NR_PREDICT_COLUMNS];
	/* struct prediction's, the same in every column */
	const char *findings;
	/* outcome when the buffer is coherent memory; NULL: ok */
	const char *coherent;
} predictions[] = {
	{ "tx-sync", TX, SAME(OK), .findings = "" },
	{ "tx-no-sync", TX, NOT_HANDED_OVER(STALE), .findings = CONTENT "cpu-write-device-owned" },
	{ "rx-sync", RX, SAME(OK), .findings = "" },
	{ "rx-no-sync", RX, NOT_HANDED_OVER(STALE), .findings = "cpu-read-device-owned" },
	{ "rx-barrier-and-sync", RX, SAME(OK), .findings = "" },
	{ "rx-barrier-only", RX, NOT_HANDED_OVER(STALE), .findings = "cpu-read-device-owned" },
	{ "rx-completed-read", RX, SAME(OK), .findings = "" },
	/* On any machine, the device has not written yet what is read. */
	{ "rx-early-read", RX, SAME(STALE), .findings = "cpu-read-device-owned",
	  .coherent = STALE },
	{ "rx-write-before", RX, SAME(OK), .findings = "" },
	{ "rx-write-owned", RX, BEHIND_CACHE(LOST), .findings = "cpu-write-device-owned" },
	{ "rx-neighbour-write", NEIGHBOURLY, LINE_LOST, .findings = "line-neighbour-write" },
	{ "rx-neighbour-offset", FIXED, LINE_LOST, .findings = "line-neighbour-write" },
	{ "rx-neighbour-packed", FIXED, LINE_LOST,
	  .findings = "line-neighbour-write,line-shared-object" },
	{ "rx-neighbour-quiet", NEIGHBOURLY, { OK, OK, OK, OK, NEIGHBOUR, OK }, .findings = "" },
	{ "rx-neighbour-aligned", FIXED, SAME(OK), .findings = "" },
	{ "rx-neighbour-aligned-cache", FIXED, SAME(OK), .findings = "" },
	{ "rx-neighbour-separate", FIXED, SAME(OK), .findings = "" },
	{ "rx-neighbour-pool", FIXED, SAME(OK), .findings = "" },
	{ "rx-neighbour-coherent", FIXED, SAME(OK), .findings = "" },
	{ "rx-two-lines", LONG_MAPPED, SAME(OK), .findings = "" },
	{ "rx-two-one-line", LONG_MAPPED, LINE_LOST,
	  .findings = "line-neighbour-write,line-shared-mappings" },
	{ "direction-right", RX, SAME(OK), .findings = "" },
	/* The mapping does not let the device write. */
	{ "direction-wrong", TX, IOMMU_STOPS, .findings = "dir-mismatch" },
	{ "unmap-size-right", RX, SAME(OK), .findings = "" },
	{ "unmap-size-wrong", HALF, NOT_HANDED_OVER(STALE), .findings = "size-mismatch" },
	{ "unmap-once", RX, SAME(OK), .findings = "" },
	{ "unmap-twice", RX, SAME(FAULT), .findings = "double-unmap" },
	{ "sync-in-time", RX, SAME(OK), .findings = "" },
	/* swiotlb finds no slot for the address and copies nothing (swiotlb_bounce()). */
	{ "sync-after-unmap", RX, IOMMU_STOPS, .findings = "addr-after-unmap" },
	{ "leak-none", RX, SAME(OK), .findings = "" },
	{ "leak", RX, SAME(LEAK), .findings = FREED "leak" },
	{ "dma-address", TX, SAME(OK), .findings = "" },
	{ "cpu-pointer", TX, SAME(FAULT), .findings = "addr-unknown", .coherent = FAULT },
	{ "overrun-none", LONG, SAME(OK), .findings = "" },
	/* The device alone is wrong. No call of the DMA API is, so that dmasnoop sees nothing. */
	{ "overrun", LONG, SAME(FAULT), .findings = "", .coherent = NEIGHBOUR },

	{ "doorbell-after", DESCRIPTOR, SAME(OK), .findings = "" },
	{ "doorbell-early", DESCRIPTOR, SAME(STUCK), .findings = "doorbell-before-descriptor" },
	{ "own-last", DESCRIPTOR, SAME(OK), .findings = "" },
	/* The device looks when OWN is set, and the other fields are not. */
	{ "own-first", DESCRIPTOR, SAME(STALE), .findings = "descriptor-torn" },
	{ "fields-barrier", DESCRIPTOR, SAME(OK), .findings = "" },
	{ "fields-no-barrier", DESCRIPTOR, SAME(TORN), .findings = "descriptor-torn" },
	{ "bank-update", STRADDLE, SAME(TORN), .findings = "descriptor-torn" },
	{ "bank-update-padded", STRADDLE, SAME(TORN), .findings = "descriptor-torn" },
	{ "bank-update-own", DESCRIPTOR, SAME(OK), .findings = "" },
	{ "bank-update-barrier", DESCRIPTOR, SAME(OK), .findings = "" },
	{ "descriptor-synced", DESCRIPTOR, SAME(OK), .findings = "" },
	/* In coherent mode the missing handover does no harm, but is missing all the same. */
	{ "descriptor-no-sync", DESCRIPTOR, NOT_HANDED_OVER(STUCK),
	  .findings = "cpu-read-device-owned,cpu-write-device-owned,doorbell-before-descriptor" },
	{ "descriptor-next-slot", DESCRIPTOR, SAME(OK), .findings = "" },
	{ "descriptor-overrun", DESCRIPTOR, SAME(STALE), .findings = "descriptor-overrun" },
	{ "head-advanced", DESCRIPTOR, SAME(OK), .findings = "" },
	{ "head-not-advanced", DESCRIPTOR, SAME(STALE), .findings = "" },
	{ "status-read", DESCRIPTOR, SAME(OK), .findings = "" },
	{ "status-misread", DESCRIPTOR, SAME(STALE), .findings = "" },
	{ "descriptor-returned", DESCRIPTOR, SAME(OK), .findings = "" },
	{ "descriptor-leak", DESCRIPTOR, SAME(STUCK), .findings = "" },
	{ "terminate-then-free", DESCRIPTOR, SAME(OK), .findings = "" },
	{ "free-in-flight", DESCRIPTOR, SAME(FAULT), .findings = "" },
};

/* clang-format on */

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static int find(const char *scenario)
{
	for (size_t i = 0; i < ARRAY_SIZE(predictions); i++)
		if (!strcmp(predictions[i].scenario, scenario))
			return i;
	return -1;
}

/**
 * predict_place - enumerate the placements that a scenario can be tried in
 * @scenario: its name
 * @i: 0, 1, ... until there are no more
 *
 * Return: a placement of its descriptors if it is about descriptors, else of its buffer; NULL
 * past the last one, for a scenario whose placement is fixed, and for an unknown scenario.
 */
const char *predict_place(const char *scenario, unsigned int i)
{
	int row = find(scenario);

	if (row < 0 || predictions[row].kind == FIXED)
		return NULL;
	if (predictions[row].kind >= DESCRIPTOR)
		return i < ARRAY_SIZE(descriptors) ? descriptors[i] : NULL;
	return i < ARRAY_SIZE(placements) ? placements[i].name : NULL;
}

static const struct traits *find_traits(const char *place)
{
	for (size_t i = 0; i < ARRAY_SIZE(placements); i++)
		if (!strcmp(placements[i].name, place))
			return &placements[i];
	return NULL;
}

/* Adds line-shared-object to a sorted list of checks. Valid until the next call. */
static const char *with_foreign(const char *findings)
{
	static const char more[] = "line-shared-object";
	static char both[128];

	if (!findings[0])
		return more;
	if (strcmp(findings, more) < 0)
		snprintf(both, sizeof(both), "%s,%s", findings, more);
	else
		snprintf(both, sizeof(both), "%s,%s", more, findings);
	return both;
}

/**
 * predict - predict what a scenario does
 * @scenario: its name
 * @place: placement of its descriptors if it is about descriptors, else of its buffer
 * @column: the configuration
 *
 * Return: outcome and findings; both NULL for an unknown scenario or placement, and where the
 * scenario makes no sense in the placement. Valid until the next call.
 */
struct prediction predict(const char *scenario, const char *place, enum predict_column column)
{
	static const struct prediction unknown = { NULL, NULL };
	int row = find(scenario);
	const struct traits *traits;
	struct prediction answer;
	enum kind kind;

	if (row < 0)
		return unknown;
	kind = predictions[row].kind;
	answer.outcome = predictions[row].outcome[column];
	answer.findings = predictions[row].findings;
	if (kind == STRADDLE && strcmp(place, "bank-straddle"))
		return (struct prediction){ OK, "" };
	if (kind == FIXED || kind >= DESCRIPTOR)
		return answer;

	traits = find_traits(place);
	if (!traits)
		return unknown;
	if ((kind == LONG || kind == LONG_MAPPED) && traits->size_max)
		return unknown;
	if (traits->coherent) {
		if (kind == LONG_MAPPED)
			return unknown;
		return (struct prediction){ predictions[row].coherent ?: OK, "" };
	}
	if (kind == NEIGHBOURLY && !traits->shared)
		return (struct prediction){ OK, "" };
	/* The bytes behind the buffer share its last line, and are dirty at the map. */
	if (kind == LONG && traits->shared && column == PREDICT_MIPS && !strcmp(answer.outcome, OK))
		answer.outcome = NEIGHBOUR;
	if (kind == HALF && traits->size_max && column != PREDICT_BOUNCE)
		answer.outcome = OK;
	/* A process may write its pages at any time, and frees them after the driver left. */
	if (traits->user && !strncmp(answer.findings, CONTENT, strlen(CONTENT)))
		answer.findings += strlen(CONTENT);
	if (traits->user && !strncmp(answer.findings, FREED, strlen(FREED)))
		answer.findings += strlen(FREED);
	if (kind != TX && traits->foreign)
		answer.findings = with_foreign(answer.findings);
	return answer;
}
