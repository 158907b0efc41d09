/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooks at functions of the DMA API where the kernel has no fentry: arm64 before 6.4. A kprobe at
 * the start of the function has the arguments, which it keeps. A kprobe at the instruction by which
 * the function returns has the result, and takes the arguments.
 *
 * These programs have no fallback programs, because a kprobe runs with interrupts off. A kretprobe,
 * which runs with interrupts on, replaces the second kprobe if that instruction was not found
 * (user/dmasnoop/attach/returns.c). While a kretprobe runs on a CPU, the kernel drops all other
 * kprobes there, also those in an interrupt, and does not count them. The kernel also drops kprobes
 * while a task reads or changes a BPF map by a system call (bpf_prog_active,
 * kernel/trace/bpf_trace.c). So each interrupt tests whether kprobes work.
 */
#ifndef DMASNOOP_PROBES_BPF_H
#define DMASNOOP_PROBES_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "core/finding.h"
#include "core/scratch.h"
#include "env.bpf.h"
#include "program.bpf.h"

/* True if kprobes see the returns, false if kretprobes do. */
u32 returns_probed;

/* The number of interrupts in which the kernel dropped kprobes. */
u64 blind_interrupts;

struct call_args {
	u64 args[CALL_ARGS];
};

/* The calls that have not returned yet, by function and stack pointer. */
struct call_key {
	u64 function;
	u64 sp;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct call_key);
	__type(value, struct call_args);
} calls SEC(".maps");

/* The argument and the result of read_text(). */
u64 text_address;
u32 text[TEXT_WORDS];

/* This program is not attached. User space runs it. */
SEC("raw_tp")
int read_text(void *ctx)
{
	return bpf_probe_read_kernel(text, sizeof(text), (void *)text_address) ? 1 : 0;
}

/* This helper is called only to see whether a kprobe on it works. */
SEC("kprobe/bpf_get_numa_node_id")
int probe_works(void *ctx)
{
	struct cpu_state *cpu = env_cpu_state();

	if (cpu)
		cpu->probes_work = 1;
	return 0;
}

/*
 * Tests at the start of an interrupt whether the kernel drops kprobes in it. If so, neither the
 * lost events nor the end of the losses are known. Another CPU can see their effects before the
 * interrupt is over.
 */
#define INTERRUPT(tracepoint)                               \
	SEC("raw_tp/" #tracepoint)                          \
	int probe_##tracepoint(void *ctx)                   \
	{                                                   \
		struct cpu_state *cpu = env_cpu_state();    \
                                                            \
		if (!cpu || !armed)                         \
			return 0;                           \
		cpu->probes_work = 0;                       \
		bpf_get_numa_node_id();                     \
		if (*(volatile u64 *)&cpu->probes_work)     \
			return 0;                           \
		lose_until(bpf_ktime_get_ns() + EVENT_NS);  \
		__sync_fetch_and_add(&blind_interrupts, 1); \
		return 0;                                   \
	}

INTERRUPT(irq_handler_entry)
INTERRUPT(local_timer_entry) /* x86: this interrupt has no irq_handler_entry */

static __noinline void probe_args(void *ctx, u64 *args)
{
	struct pt_regs___x86 *x86 = ctx;

	if (bpf_core_field_exists(x86->di)) {
		args[0] = BPF_CORE_READ(x86, di);
		args[1] = BPF_CORE_READ(x86, si);
		args[2] = BPF_CORE_READ(x86, dx);
		args[3] = BPF_CORE_READ(x86, cx);
		args[4] = BPF_CORE_READ(x86, r8);
		args[5] = BPF_CORE_READ(x86, r9);
	} else {
		/* arm64 has the arguments at the start of its registers. */
		bpf_probe_read_kernel(args, CALL_ARGS * sizeof(*args), ctx);
	}
}

static __noinline u64 probe_result(void *ctx)
{
	struct pt_regs___x86 *x86 = ctx;
	struct pt_regs___arm64 *arm64 = ctx;

	return bpf_core_field_exists(x86->di) ? BPF_CORE_READ(x86, ax) :
						BPF_CORE_READ(arm64, regs[0]);
}

/* Returns the return address if only a register holds it, see get_stack(). */
static __noinline u64 probe_caller(void *ctx)
{
	struct pt_regs___x86 *x86 = ctx;
	struct pt_regs___arm64 *arm64 = ctx;

	return bpf_core_field_exists(x86->di) ? 0 : BPF_CORE_READ(arm64, regs[30]);
}

/* Returns the stack pointer before the call. */
static __always_inline u64 caller_sp(void *ctx, bool returned)
{
	struct pt_regs___x86 *x86 = ctx;
	struct pt_regs___arm64 *arm64 = ctx;

	if (bpf_core_field_exists(x86->di))
		return BPF_CORE_READ(x86, sp) + (returned ? 0 : sizeof(u64));
	return BPF_CORE_READ(arm64, sp);
}

/* Does the same as probe_caller() when the function returns. A kretprobe runs after that. */
static __always_inline u64 return_caller(void *ctx)
{
	return returns_probed ? probe_caller(ctx) : 0;
}

/* Keeps the arguments of a call. @function is a different number for each function. */
static __always_inline int keep_call(void *ctx, u64 function)
{
	struct call_key key = { function, caller_sp(ctx, false) };
	struct call_args call;

	if (!armed)
		return 0;
	probe_args(ctx, call.args);
	if (!bpf_map_update_elem(&calls, &key, &call, BPF_NOEXIST))
		return 0;
	/* The previous call never returned, or there is no room. */
	lose_event(LOST_NESTED);
	bpf_map_update_elem(&calls, &key, &call, BPF_ANY);
	return 0;
}

/* Puts the arguments of the call that returns into @s. Returns false when they were not kept. */
static __noinline bool take_call(void *ctx, u64 function, struct scratch *s)
{
	struct call_key key = { function, caller_sp(ctx, true) };
	struct call_args *call;

	call = bpf_map_lookup_elem(&calls, &key);
	if (!call)
		return false;
	__builtin_memcpy(s->args, call->args, sizeof(call->args));
	bpf_map_delete_elem(&calls, &key);
	return true;
}

/* Returns the first argument, a device, of the call that returns; 0 when it was not kept. */
static __always_inline u64 take_device(void *ctx, u64 function)
{
	struct scratch *s = armed ? take_scratch() : NULL;
	u64 dev;

	if (!s)
		return 0;
	dev = take_call(ctx, function, s) ? s->args[0] : 0;
	release_scratch(s);
	return dev;
}

/* The arguments are in the scratch, because the stack has no room for them. */
#define PROBE_CALL(function, name, body)                           \
	SEC("kprobe/" #function)                                   \
	int name##_probe(void *ctx)                                \
	{                                                          \
		struct scratch *s = armed ? take_scratch() : NULL; \
                                                                   \
		if (!s)                                            \
			return 0;                                  \
		s->caller = probe_caller(ctx);                     \
		probe_args(ctx, s->args);                          \
		body(ctx, s->args, s);                             \
		release_scratch(s);                                \
		return 0;                                          \
	}

/* Keeps the arguments of a call for its return. */
#define PROBE_KEEP(function, name)                    \
	enum { name##_number = __COUNTER__ };         \
                                                      \
	SEC("kprobe/" #function)                      \
	int name##_probe(void *ctx)                   \
	{                                             \
		return keep_call(ctx, name##_number); \
	}

/* Handles a return with @nr arguments, which the result follows. */
#define PROBE_RETURN(function, nr, name, body)                     \
	PROBE_KEEP(function, name)                                 \
                                                                   \
	SEC("kretprobe/" #function)                                \
	int name##_probe_return(void *ctx)                         \
	{                                                          \
		struct scratch *s = armed ? take_scratch() : NULL; \
                                                                   \
		if (!s)                                            \
			return 0;                                  \
		if (take_call(ctx, name##_number, s)) {            \
			s->caller = return_caller(ctx);            \
			s->args[nr] = probe_result(ctx);           \
			body(ctx, s->args, s);                     \
		}                                                  \
		release_scratch(s);                                \
		return 0;                                          \
	}

/*
 * Handles a return of which only the first argument, a device, is needed. @body has @ctx and @dev.
 */
#define PROBE_DEVICE(function, name, body)                 \
	PROBE_KEEP(function, name)                         \
                                                           \
	SEC("kretprobe/" #function)                        \
	int name##_probe_return(void *ctx)                 \
	{                                                  \
		u64 dev = take_device(ctx, name##_number); \
                                                           \
		return dev ? (body) : 0;                   \
	}

#endif
