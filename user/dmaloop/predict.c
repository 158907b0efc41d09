// SPDX-License-Identifier: GPL-2.0
/*
 * The predictions: what each scenario must do in each configuration, worked
 * out on paper from the rules below, never from a run. The kernel module does
 * not know this table. It holds for 64-byte lines and no eviction or prefetch
 * beyond what a scenario itself asks for.
 *
 * The rules, for a line that the CPU made dirty while the device owned it:
 *   arm, arm64  unmap cleans and invalidates a partial edge line
 *               (cache-v7.S v7_dma_inv_range, cache.S dcache_inval_poc): the
 *               neighbour survives, what the device wrote to the line is lost
 *   mips, riscv unmap invalidates every line (r4k_dma_cache_inv, cbo.inval):
 *               the device's bytes survive, the neighbour's are lost
 *   mips        also invalidates at map, so a line that was dirty before the
 *               map is lost even when nobody touches it in flight
 * Coherent: there is one copy of every byte. Bounce: swiotlb copies exactly the
 * mapped bytes, at map and sync_for_device, and at unmap and sync_for_cpu. It
 * has no IOMMU, so a direction fault passes and the unmap copies the bytes. What
 * is not mapped is a fault in every mode: an access there, and an unmap.
 *
 * A placement matters by what it is (struct traits). Coherent memory is never
 * mapped: what is wrong about mapping it cannot happen. Maintenance reaches whole
 * lines: half an unmap of a buffer that lies in one line is a whole one.
 *
 * Descriptors: caches have no say in coherent memory, so a fault of their order
 * is the same everywhere; a straddling descriptor is put together from two
 * fetches, and only that placement tears.
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
 * struct traits - what matters of a placement
 * @name: the placement
 * @coherent: coherent memory
 * @shared: a neighbour that the driver uses is on the buffer's line
 * @foreign: that line reaches into another slab object
 * @user: pages of a process
 * @size_max: bytes the placement has room for, where that is little: all in one line
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
	FIXED, /* the scenario is its placement */
	TX, /* the device reads the buffer */
	RX, /* the device writes it */
	NEIGHBOURLY, /* and it matters who shares its line */
	HALF, /* and half of it is treated otherwise than the whole */
	LONG, /* it needs 512 bytes, and uses what lies behind its buffer */
	LONG_MAPPED, /* it needs 512 bytes, and cannot be coherent memory */
	DESCRIPTOR, /* about descriptors */
	STRADDLE, /* which of them straddle a bank */
};

static const struct {
	const char *scenario;
	enum kind kind;
	/* coherent, bounce, arm, arm64, mips, riscv */
	const char *outcome[NR_PREDICT_COLUMNS];
	/* checks dmasnoop must report at hazard or above, in every column */
	const char *findings;
	/* in coherent memory, where it is not ok */
	const char *coherent;
} predictions[] = {
	{ "tx-sync", TX, SAME(OK), .findings = "" },
	{ "tx-no-sync", TX, NOT_HANDED_OVER(STALE), .findings = CONTENT "cpu-write-device-owned" },
	{ "rx-sync", RX, SAME(OK), .findings = "" },
	{ "rx-no-sync", RX, NOT_HANDED_OVER(STALE), .findings = "cpu-read-device-owned" },
	{ "rx-barrier-and-sync", RX, SAME(OK), .findings = "" },
	{ "rx-barrier-only", RX, NOT_HANDED_OVER(STALE), .findings = "cpu-read-device-owned" },
	{ "rx-completed-read", RX, SAME(OK), .findings = "" },
	/* Too early is too early on any machine: nothing is lost, but it is old. */
	{ "rx-early-read", RX, SAME(STALE), .findings = "cpu-read-device-owned", .coherent = STALE },
	{ "rx-write-before", RX, SAME(OK), .findings = "" },
	{ "rx-write-owned", RX, BEHIND_CACHE(LOST), .findings = "cpu-write-device-owned" },
	{ "rx-neighbour-write", NEIGHBOURLY, LINE_LOST, .findings = "line-neighbour-write" },
	{ "rx-neighbour-offset", FIXED, LINE_LOST, .findings = "line-neighbour-write" },
	{ "rx-neighbour-packed", FIXED, LINE_LOST, .findings = "line-neighbour-write,line-shared-object" },
	{ "rx-neighbour-quiet", NEIGHBOURLY, { OK, OK, OK, OK, NEIGHBOUR, OK }, .findings = "" },
	{ "rx-neighbour-aligned", FIXED, SAME(OK), .findings = "" },
	{ "rx-neighbour-aligned-cache", FIXED, SAME(OK), .findings = "" },
	{ "rx-neighbour-separate", FIXED, SAME(OK), .findings = "" },
	{ "rx-neighbour-pool", FIXED, SAME(OK), .findings = "" },
	{ "rx-neighbour-coherent", FIXED, SAME(OK), .findings = "" },
	{ "rx-two-lines", LONG_MAPPED, SAME(OK), .findings = "" },
	{ "rx-two-one-line", LONG_MAPPED, LINE_LOST, .findings = "line-neighbour-write,line-shared-mappings" },
	{ "direction-right", RX, SAME(OK), .findings = "" },
	/* The line is not the device's to write, as far as the mapping says. */
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
	/* The device's doing: nothing that the DMA API could see. */
	{ "overrun", LONG, SAME(FAULT), .findings = "", .coherent = NEIGHBOUR },

	{ "doorbell-after", DESCRIPTOR, SAME(OK), .findings = "" },
	{ "doorbell-early", DESCRIPTOR, SAME(STUCK), .findings = "doorbell-before-descriptor" },
	{ "own-last", DESCRIPTOR, SAME(OK), .findings = "" },
	/* What it saw was the part that was there when OWN was. */
	{ "own-first", DESCRIPTOR, SAME(STALE), .findings = "descriptor-torn" },
	{ "fields-barrier", DESCRIPTOR, SAME(OK), .findings = "" },
	{ "fields-no-barrier", DESCRIPTOR, SAME(TORN), .findings = "descriptor-torn" },
	{ "bank-update", STRADDLE, SAME(TORN), .findings = "descriptor-torn" },
	{ "bank-update-padded", STRADDLE, SAME(TORN), .findings = "descriptor-torn" },
	{ "bank-update-own", DESCRIPTOR, SAME(OK), .findings = "" },
	{ "bank-update-barrier", DESCRIPTOR, SAME(OK), .findings = "" },
	{ "descriptor-synced", DESCRIPTOR, SAME(OK), .findings = "" },
	/* Coherent or not: the doorbell comes without the handover before it. */
	{ "descriptor-no-sync", DESCRIPTOR, NOT_HANDED_OVER(STUCK), .findings = "cpu-read-device-owned,cpu-write-device-owned,doorbell-before-descriptor" },
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
 * predict_place - the placements a scenario is tried in
 * @scenario: name
 * @i: 0, 1, ... until there are no more
 *
 * Return: of its buffer, or for a scenario about descriptors of those; NULL.
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

/* @findings and one more, sorted as the matrix compares them. */
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
 * predict - what the rules say
 * @scenario: name
 * @place: placement of its buffer, or of its descriptors
 * @column: configuration
 *
 * Return: outcome and findings; both NULL for what the table does not know, and
 * for what makes no sense. Valid until the next call.
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
	/* What lies behind the buffer shares its last line, and is dirty at the map. */
	if (kind == LONG && traits->shared && column == PREDICT_MIPS && !strcmp(answer.outcome, OK))
		answer.outcome = NEIGHBOUR;
	if (kind == HALF && traits->size_max && column != PREDICT_BOUNCE)
		answer.outcome = OK;
	/* Their owner may write them at any time, and frees them after the driver left. */
	if (traits->user && !strncmp(answer.findings, CONTENT, strlen(CONTENT)))
		answer.findings += strlen(CONTENT);
	if (traits->user && !strncmp(answer.findings, FREED, strlen(FREED)))
		answer.findings += strlen(FREED);
	if (kind != TX && traits->foreign)
		answer.findings = with_foreign(answer.findings);
	return answer;
}
