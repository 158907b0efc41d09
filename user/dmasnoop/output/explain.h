/* SPDX-License-Identifier: GPL-2.0 */
/* What there is to know about a check. */
#ifndef DMASNOOP_EXPLAIN_H
#define DMASNOOP_EXPLAIN_H

#include "core/types.h"

#define READ_MAX 3

/* The question that a person asks of corrupted DMA data. */
enum question {
	Q_ADDRESS,
	Q_DIRECTION,
	Q_SYNC,
	Q_ALIGNMENT,
	Q_LIFETIME,
	Q_DESCRIPTOR,
	NR_QUESTIONS,
};

/**
 * struct document - where the kernel says so
 * @file: below Documentation/
 * @section: a heading of it
 */
struct document {
	const char *file;
	const char *section;
};

/**
 * struct explanation - what there is to know about a check
 * @question: it answers
 * @means: the rule, and what breaks it
 * @noncoherent: what it does where caches are not coherent with devices
 * @bounced: where swiotlb copies
 * @iommu: where an IOMMU translates
 * @wrong: code; NULL where none helps
 * @right: the same, cured
 * @sees: how dmasnoop notices
 * @blind: what it cannot notice, or take wrongly for it
 * @read: ended by an empty one, or READ_MAX
 */
struct explanation {
	enum question question;
	const char *means;
	const char *noncoherent;
	const char *bounced;
	const char *iommu;
	const char *wrong;
	const char *right;
	const char *sees;
	const char *blind;
	struct document read[READ_MAX];
};

const struct explanation *explanation(enum check check);
int explain(const char *name);

#endif
