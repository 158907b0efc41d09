/* SPDX-License-Identifier: GPL-2.0 */
/* Loading the BPF object, and attaching its programs. */
#ifndef DMASNOOP_LOAD_H
#define DMASNOOP_LOAD_H

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stddef.h>

struct dmasnoop_bpf;

int print_libbpf(enum libbpf_print_level level, const char *format, va_list args);
int load(struct dmasnoop_bpf **bpf, int (*on_event)(void *context, void *event, size_t size));

#endif
