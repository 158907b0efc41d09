/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The event log, for kernels whose BPF programs cannot judge: bpf/event_log.bpf.h sends events, and
 * the engine judges them.
 */
#ifndef DMASNOOP_LOGGED_H
#define DMASNOOP_LOGGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_program;
struct dmasnoop_bpf;

bool logged_is(const struct bpf_program *program);
void logged_prepare(struct dmasnoop_bpf *bpf);
const char *logged_start(struct dmasnoop_bpf *bpf,
			 int (*send)(void *context, void *event, size_t size));
void logged_publish(struct dmasnoop_bpf *bpf);
uint64_t logged_missed(struct dmasnoop_bpf *bpf);

#endif
