/* SPDX-License-Identifier: GPL-2.0 */
/* COMMAND, and the signals that end a run. */
#ifndef DMASNOOP_COMMAND_H
#define DMASNOOP_COMMAND_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* A signal asked to end the run. */
extern volatile sig_atomic_t interrupted;

void command_signals(void);
pid_t command_start(int *release);
bool command_ended(pid_t child, int *status);
void command_end(pid_t child);
int command_status(int status);

#endif
