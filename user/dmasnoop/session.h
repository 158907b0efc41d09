/* SPDX-License-Identifier: GPL-2.0 */
/* A run of dmasnoop from start to end. */
#ifndef DMASNOOP_SESSION_H
#define DMASNOOP_SESSION_H

struct findings;

int session_run(struct findings *findings);

#endif
