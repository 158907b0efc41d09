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
 */
#include <stddef.h>
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

#define SAME(outcome)                                                \
	{                                                            \
		outcome, outcome, outcome, outcome, outcome, outcome \
	}

/* clang-format off */
static const struct {
	const char *scenario;
	/* coherent, bounce, arm, arm64, mips, riscv */
	const char *outcome[NR_PREDICT_COLUMNS];
	/* checks dmasnoop must report at hazard or above, in every column */
	const char *findings;
} predictions[] = {
	{ "tx-sync", SAME(OK), "" },
	{ "tx-no-sync", { OK, STALE, STALE, STALE, STALE, STALE }, "cpu-write-device-owned" },
	{ "rx-sync", SAME(OK), "" },
	{ "rx-no-sync", { OK, STALE, STALE, STALE, STALE, STALE }, "cpu-read-device-owned" },
	{ "rx-barrier-and-sync", SAME(OK), "" },
	{ "rx-barrier-only", { OK, STALE, STALE, STALE, STALE, STALE }, "cpu-read-device-owned" },
	{ "rx-completed-read", SAME(OK), "" },
	/* Too early is too early on any machine: nothing is lost, but it is old. */
	{ "rx-early-read", SAME(STALE), "cpu-read-device-owned" },
	{ "rx-write-before", SAME(OK), "" },
	{ "rx-write-owned", { OK, OK, LOST, LOST, LOST, LOST }, "cpu-write-device-owned" },
	{ "rx-neighbour-write", { OK, OK, LOST, LOST, NEIGHBOUR, NEIGHBOUR },
	  "line-neighbour-write" },
	{ "rx-neighbour-offset", { OK, OK, LOST, LOST, NEIGHBOUR, NEIGHBOUR },
	  "line-neighbour-write" },
	{ "rx-neighbour-packed", { OK, OK, LOST, LOST, NEIGHBOUR, NEIGHBOUR },
	  "line-neighbour-write,line-shared-object" },
	{ "rx-neighbour-quiet", { OK, OK, OK, OK, NEIGHBOUR, OK }, "" },
	{ "rx-neighbour-aligned", SAME(OK), "" },
	{ "rx-neighbour-aligned-cache", SAME(OK), "" },
	{ "rx-neighbour-separate", SAME(OK), "" },
	{ "rx-neighbour-pool", SAME(OK), "" },
	{ "rx-neighbour-coherent", SAME(OK), "" },
	{ "rx-two-lines", SAME(OK), "" },
	{ "rx-two-one-line", { OK, OK, LOST, LOST, NEIGHBOUR, NEIGHBOUR },
	  "line-neighbour-write,line-shared-mappings" },
	{ "direction-right", SAME(OK), "" },
	{ "direction-wrong", { FAULT, OK, FAULT, FAULT, FAULT, FAULT }, "dir-mismatch" },
	{ "unmap-size-right", SAME(OK), "" },
	{ "unmap-size-wrong", { OK, STALE, STALE, STALE, STALE, STALE }, "size-mismatch" },
	{ "unmap-once", SAME(OK), "" },
	{ "unmap-twice", SAME(FAULT), "double-unmap" },
	{ "sync-in-time", SAME(OK), "" },
	/* swiotlb finds no slot for the address and copies nothing (swiotlb_bounce()). */
	{ "sync-after-unmap", { FAULT, OK, FAULT, FAULT, FAULT, FAULT }, "addr-unknown" },
	{ "leak-none", SAME(OK), "" },
	{ "leak", SAME(LEAK), "leak" },
	{ "dma-address", SAME(OK), "" },
	{ "cpu-pointer", SAME(FAULT), "addr-unknown" },
};

/* clang-format on */

static int find(const char *scenario)
{
	for (size_t i = 0; i < sizeof(predictions) / sizeof(predictions[0]); i++)
		if (!strcmp(predictions[i].scenario, scenario))
			return i;
	return -1;
}

/**
 * predict_outcome - the outcome the rules give
 * @scenario: name
 * @column: configuration
 *
 * Return: the outcome's name; NULL for a scenario this table does not know.
 */
const char *predict_outcome(const char *scenario, enum predict_column column)
{
	int row = find(scenario);

	return row < 0 ? NULL : predictions[row].outcome[column];
}

/**
 * predict_findings - what dmasnoop must say, at hazard or above
 * @scenario: name
 *
 * Return: check names, comma-separated and sorted, or ""; NULL when not known.
 */
const char *predict_findings(const char *scenario)
{
	int row = find(scenario);

	return row < 0 ? NULL : predictions[row].findings;
}
