/* SPDX-License-Identifier: GPL-2.0 */
/* Finds locks and reference counts on the cache lines of a buffer, with the types in BTF. */
#ifndef DMASNOOP_BESIDE_H
#define DMASNOOP_BESIDE_H

#include "output/report.h"

struct btf;

bool beside_find(const struct finding *finding, unsigned int line_size, struct beside *beside);
void beside_module_came(void);
void beside_free(void);
bool beside_judge(const struct finding *finding, unsigned int line_size,
		  const struct btf *const *btfs, size_t nr, struct beside *beside);

#endif
