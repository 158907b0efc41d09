/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A driver may prepare a buffer after mapping it, and hand it over with dma_sync_*_for_device()
 * alone. That leaves out dma_sync_*_for_cpu(), but the device gets the right bytes everywhere
 * (sync-wrong-owner, a note). So a CPU access to a buffer that the device reads is a violation only
 * if the buffer came back without such a sync.
 */
#ifndef DMASNOOP_HELD_H
#define DMASNOOP_HELD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/finding.h"
#include "core/types.h"

bool held_keep(const struct finding *finding);
void held_look(void (*report)(const struct finding *));
uint64_t held_unsettled(void);
void held_free(void);

#endif
