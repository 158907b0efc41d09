/* SPDX-License-Identifier: GPL-2.0 */
/* --exact makes the sync calls of coherent devices visible. */
#ifndef DMASNOOP_EXACT_H
#define DMASNOOP_EXACT_H

int exact_begin(void);
void exact_end(void);

#endif
