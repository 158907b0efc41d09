/* SPDX-License-Identifier: GPL-2.0 */
/* Helpers and symbols that not every kernel has. */
#ifndef DMASNOOP_HELPERS_BPF_H
#define DMASNOOP_HELPERS_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

extern const void __per_cpu_offset __ksym __weak;
extern const void __kfence_pool __ksym __weak;
extern const void kfence_metadata __ksym __weak;
extern const void page_offset_base __ksym __weak;
extern const void vmemmap_base __ksym __weak;
extern const void _stext __ksym __weak;
extern const void _end __ksym __weak;

/* bpf_rdonly_cast() allows plain loads from the kernel's memory. It exists since 6.2. */
extern void *bpf_rdonly_cast(const void *obj, u32 btf_id) __ksym __weak;
#define CAN_CAST (&bpf_rdonly_cast)

/* disable_preemption() uses these. */
extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;
extern void bpf_local_irq_save(unsigned long *flags) __ksym __weak;
extern void bpf_local_irq_restore(unsigned long *flags) __ksym __weak;
struct bpf_res_spin_lock {
	u32 value;
};

extern int bpf_res_spin_lock(struct bpf_res_spin_lock *lock) __ksym __weak;

#endif
