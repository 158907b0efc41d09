/* SPDX-License-Identifier: GPL-2.0 */
/* Predicts what a scenario must do. The rules are in predict.c. */
#ifndef DMALOOP_PREDICT_H
#define DMALOOP_PREDICT_H

/* The configurations that the rules speak of, in the order of the matrix. */
enum predict_column {
	PREDICT_COHERENT,
	PREDICT_BOUNCE,
	PREDICT_ARM,
	PREDICT_ARM64,
	PREDICT_MIPS,
	PREDICT_RISCV,
	NR_PREDICT_COLUMNS,
};

/**
 * struct predict_column_info - one configuration of the matrix
 * @title: heading of its column
 * @coherency: value of the setting
 * @arch: value of the setting; NULL where the coherency has no cache maintenance
 */
struct predict_column_info {
	const char *title;
	const char *coherency;
	const char *arch;
};

extern const struct predict_column_info predict_columns[NR_PREDICT_COLUMNS];

/**
 * struct prediction - what a run must show
 * @outcome: name of the outcome
 * @findings: checks that dmasnoop must report at hazard or above, comma-separated and sorted
 */
struct prediction {
	const char *outcome;
	const char *findings;
};

struct prediction predict(const char *scenario, const char *place, enum predict_column column);
const char *predict_place(const char *scenario, unsigned int i);

#endif
