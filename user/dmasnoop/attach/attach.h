/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fitting the BPF object to the running kernel: choose.c selects the hooks that exist there,
 * machine.c finds out where memory lies, and losses.c counts the events that no program could take.
 */
#ifndef DMASNOOP_ATTACH_H
#define DMASNOOP_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

struct dmasnoop_bpf;

const char *attach_choose(struct dmasnoop_bpf *bpf);
void attach_module_came(const struct dmasnoop_bpf *bpf, const char *name);
void attach_hear(const char *message);
bool attach_refused_another(void);
const char *attach_left_out(void);
bool attach_preempts_entry(void);
bool attach_logged(void);
bool attach_by_kprobes(void);
int attach_returns(struct dmasnoop_bpf *bpf);
void attach_stop(void);
const char *attach_memory(struct dmasnoop_bpf *bpf, uint64_t mappings);
void attach_late(struct dmasnoop_bpf *bpf);
void attach_fallbacks(struct dmasnoop_bpf *bpf);
void attach_find_memory(struct dmasnoop_bpf *bpf);
const char *attach_learn(struct dmasnoop_bpf *bpf);
bool attach_unreadable(const struct dmasnoop_bpf *bpf);
uint64_t attach_missed(struct dmasnoop_bpf *bpf);
void attach_settle(struct dmasnoop_bpf *bpf);
uint64_t attach_overlooked(const struct dmasnoop_bpf *bpf);

#endif
