// SPDX-License-Identifier: GPL-2.0
/* Keeps accesses that a later sync can justify, see held.h. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "watch/held.h"
#include "table.h"

#define HELD_MAX 256
#define HELD_NS 5000000000ull /* a held access is reported as a hazard then */

static struct {
	struct finding *finding;
	size_t nr;
	uint64_t unsettled;
} self;

/**
 * held_keep - keep an access that a later sync can justify
 * @finding: the finding as the BPF side sent it
 *
 * Return: true if the access is kept here, to be reported or dropped later.
 */
bool held_keep(const struct finding *finding)
{
	struct finding *more;

	if (!finding->watched || finding->check == CHECK_LINE_NEIGHBOUR_WRITE ||
	    finding->detail == DETAIL_NOT_HANDED_BACK || finding->map.dir == DIR_FROM_DEVICE)
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

/* Finds the mapping, live or over, unless another mapping has its slot now. */
static bool find(const struct finding *finding, struct mapping *map)
{
	const struct mapping *then = &finding->map;

	table_read(finding->at, map);
	return map->dma == then->dma && map->born == then->born && map->turn == then->turn &&
	       map->generation == then->generation;
}

/* Returns the outcome of an access, from the steps of its mapping. The access itself is a step. */
static enum outcome outcome(const struct finding *finding)
{
	uint16_t seen = finding->map.nr_steps - 1;
	struct mapping map;

	if (!find(finding, &map) || (uint16_t)(map.nr_steps - seen) > STEPS)
		return UNKNOWN;
	for (uint16_t i = seen; i != map.nr_steps; i++) {
		const struct step *step = &map.steps[i % STEPS];

		if (step->op == OP_SYNC_FOR_DEVICE || step->op == OP_MAP)
			return GOOD;
		if (step->op == OP_SYNC_FOR_CPU || step->op == OP_UNMAP || step->op == OP_UNBIND)
			return BAD;
	}
	return WAITING;
}

/**
 * held_look - report the accesses with a bad outcome, and drop those with a good one
 * @report: takes the findings
 */
void held_look(void (*report)(const struct finding *))
{
	struct timespec time;
	size_t left = 0;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &time);
	now = time.tv_sec * 1000000000ull + time.tv_nsec;
	for (size_t i = 0; i < self.nr; i++) {
		struct finding *finding = &self.finding[i];

		switch (outcome(finding)) {
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
 * held_unsettled - return the number of accesses without a known outcome
 */
uint64_t held_unsettled(void)
{
	return self.unsettled + self.nr;
}

/**
 * held_free - free the held accesses
 */
void held_free(void)
{
	free(self.finding);
	memset(&self, 0, sizeof(self));
}
