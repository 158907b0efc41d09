// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses of which what follows decides: see held.h. Called by dmasnoop.c.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "held.h"

#define HELD_MAX 256
#define HELD_NS 5000000000ull /* then it is told, as a hazard */

static struct {
	struct finding *finding;
	size_t nr;
	uint64_t unsettled;
} self;

/**
 * held_keep - can a later sync make this access good?
 * @finding: as it came from the BPF side
 *
 * Return: true when it is kept here, to be reported later or not at all.
 */
bool held_keep(const struct finding *finding)
{
	struct finding *more;

	if (!finding->watched || finding->check == CHECK_LINE_NEIGHBOUR_WRITE ||
	    finding->map.dir == DIR_FROM_DEVICE)
		return false;
	more = self.nr < HELD_MAX ? realloc(self.finding, (self.nr + 1) * sizeof(*more)) : NULL;
	if (!more) {
		self.unsettled++;
		return true;
	}
	self.finding = more;
	self.finding[self.nr++] = *finding;
	return true;
}

enum outcome { WAITING, GOOD, BAD, UNKNOWN };

/* What became of the mapping after the access. */
static enum outcome outcome(const struct finding *finding, const struct held_tables *tables)
{
	struct mapping_key key = { .dev = finding->map.dev, .dma = finding->map.dma };
	struct mapping map;
	uint32_t first;

	if ((bpf_map_lookup_elem(tables->mappings, &key, &map) || map.born != finding->map.born) &&
	    (bpf_map_lookup_elem(tables->recent, &key, &map) || map.born != finding->map.born))
		return UNKNOWN;
	first = map.nr_steps > STEPS ? map.nr_steps - STEPS : 0;
	if (first && map.steps[first % STEPS].ns > finding->ns)
		return UNKNOWN;
	for (uint32_t i = first; i < map.nr_steps; i++) {
		const struct step *step = &map.steps[i % STEPS];

		if (step->ns < finding->ns)
			continue;
		if (step->op == OP_SYNC_FOR_DEVICE || step->op == OP_MAP)
			return GOOD;
		if (step->op == OP_SYNC_FOR_CPU || step->op == OP_UNMAP || step->op == OP_UNBIND)
			return BAD;
	}
	return WAITING;
}

/**
 * held_look - report what is settled, forget what was made good
 * @tables: of the live and the recent mappings
 * @report: where findings go
 */
void held_look(const struct held_tables *tables, void (*report)(const struct finding *))
{
	struct timespec time;
	size_t left = 0;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &time);
	now = time.tv_sec * 1000000000ull + time.tv_nsec;
	for (size_t i = 0; i < self.nr; i++) {
		struct finding *finding = &self.finding[i];

		switch (outcome(finding, tables)) {
		case BAD:
			report(finding);
			break;
		case WAITING:
			if (now < finding->ns + HELD_NS) {
				self.finding[left++] = *finding;
				break;
			}
			finding->level = LEVEL_HAZARD;
			finding->uncertain = 1;
			report(finding);
			break;
		case UNKNOWN:
			self.unsettled++;
			break;
		case GOOD:
			break;
		}
	}
	self.nr = left;
}

/**
 * held_unsettled - accesses of which it is not known what followed
 */
uint64_t held_unsettled(void)
{
	return self.unsettled + self.nr;
}

/**
 * held_free - forget them
 */
void held_free(void)
{
	free(self.finding);
	memset(&self, 0, sizeof(self));
}
