/* SPDX-License-Identifier: GPL-2.0 */
/* The kinds of programs in the BPF object. */
#ifndef DMASNOOP_PROGRAM_H
#define DMASNOOP_PROGRAM_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdbool.h>

struct dmasnoop_bpf;

#define FALLBACK "_fallback" /* end of the name of a fallback program */

bool is_late(const char *name);
bool is_tracepoint(const struct bpf_program *program);
bool is_tracepoint_fallback(const struct bpf_program *program);
bool is_kretprobe(const char *section);
bool is_probe(const char *section);
bool is_for_probes(const char *name);
bool is_iterator(const char *section);
bool is_replaced_by_tracepoint(const char *name);
struct bpf_program *fallback_of(const struct dmasnoop_bpf *bpf, const char *name);
struct bpf_prog_info program_info(const struct bpf_program *program);

#endif
