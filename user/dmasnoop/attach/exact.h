/* SPDX-License-Identifier: GPL-2.0 */
/* --exact: sync calls of coherent devices made visible. */
#ifndef DMASNOOP_EXACT_H
#define DMASNOOP_EXACT_H

int exact_begin(void);
void exact_end(void);

#endif
