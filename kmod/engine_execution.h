/* SPDX-License-Identifier: GPL-2.0 */
/* The interface of execution (engine_execution.c) to the registers (engine_registers.c). */
#ifndef DMALOOP_ENGINE_EXECUTION_H
#define DMALOOP_ENGINE_EXECUTION_H

#include "engine.h"

void engine_irq_init(struct engine_channel *channel);
void engine_irq_cancel(struct engine_channel *channel);
bool engine_channel_wants(const struct engine_channel *channel);
int engine_thread(void *data);

#endif
