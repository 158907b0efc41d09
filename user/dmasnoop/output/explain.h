/* SPDX-License-Identifier: GPL-2.0 */
/* The texts of `dmasnoop explain'. */
#ifndef DMASNOOP_EXPLAIN_H
#define DMASNOOP_EXPLAIN_H

#include "core/types.h"

#define READ_MAX 3

/* The questions that a person with corrupted DMA data asks. */
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
 * struct document - a section of the kernel's documentation
 * @file: path below Documentation/
 * @section: heading in that file
 */
struct document {
	const char *file;
	const char *section;
};

/**
 * struct explanation - the explanation of a check
 * @question: the question that the check answers
 * @means: the rule, and the mistake that breaks it
 * @noncoherent: the effect where caches are not coherent with devices
 * @bounced: the effect where swiotlb copies
 * @iommu: the effect where an IOMMU translates
 * @wrong: an example of wrong code; NULL where code does not help
 * @right: the same code, corrected
 * @sees: how dmasnoop notices the mistake
 * @blind: mistakes that dmasnoop misses, and correct code that it reports
 * @read: documents to read; an empty entry ends the list before READ_MAX
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
