/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions of the DMA API where the kernel has no fentry: arm64 before 6.4. A kprobe has
 * the arguments, and one at the instruction by which the function returns the result: the
 * former keeps what the latter needs. Part of dmasnoop.bpf.c.
 *
 * No twins: a kprobe works with interrupts off. A kretprobe, which takes the place of the
 * latter where that instruction was not found (user/dmasnoop/attach/returns.c), does not: while it is at
 * work on a CPU the kernel drops all others there, those of an interrupt, and does not count
 * them. It drops those, too, that come while a task changes or reads a BPF map by a system
 * call (bpf_prog_active, kernel/trace/bpf_trace.c). So it is tried out in each interrupt.
 */
#ifndef DMASNOOP_PROBES_BPF_H
#define DMASNOOP_PROBES_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "core/scratch.h"
#include "env.bpf.h"
#include "program.bpf.h"

/* By kprobes, not by kretprobes. */
u32 returns_probed;

/* Interrupts in which the kernel dropped kprobes. */
u64 blind_interrupts;

struct call_args {
	u64 args[CALL_ARGS];
};

/* Calls that have not returned, by function and where on the stack. */
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

/* For read_text(): from where, and what is there. */
u64 text_address;
u32 text[TEXT_WORDS];

/* Not attached: user space runs it. */
SEC("raw_tp")
int read_text(void *ctx)
{
	return bpf_probe_read_kernel(text, sizeof(text), (void *)text_address) ? 1 : 0;
}

/* A helper that is never called but to see whether a kprobe on it works. */
SEC("kprobe/bpf_get_numa_node_id")
int probe_works(void *ctx)
{
	struct cpu_state *cpu = env_cpu_state();

	if (cpu)
		cpu->probes_work = 1;
	return 0;
}

/*
 * At the start of an interrupt: does the kernel drop its kprobes? What is lost is not
 * known then, nor how long it lasts; and what follows from that can be seen, on another CPU
 * too, before it is over.
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
INTERRUPT(local_timer_entry) /* x86, which has no handler for it */

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
		/* arm64 has them at the start. */
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

/* Who called, where only a register knows: see get_stack(). */
static __noinline u64 probe_caller(void *ctx)
{
	struct pt_regs___x86 *x86 = ctx;
	struct pt_regs___arm64 *arm64 = ctx;

	return bpf_core_field_exists(x86->di) ? 0 : BPF_CORE_READ(arm64, regs[30]);
}

/* What the stack pointer was before the call. */
static __always_inline u64 caller_sp(void *ctx, bool returned)
{
	struct pt_regs___x86 *x86 = ctx;
	struct pt_regs___arm64 *arm64 = ctx;

	if (bpf_core_field_exists(x86->di))
		return BPF_CORE_READ(x86, sp) + (returned ? 0 : sizeof(u64));
	return BPF_CORE_READ(arm64, sp);
}

/* The same at the end; a kretprobe runs when that is over. */
static __always_inline u64 return_caller(void *ctx)
{
	return returns_probed ? probe_caller(ctx) : 0;
}

/* @function: a number that no other has */
static __always_inline int keep_call(void *ctx, u64 function)
{
	struct call_key key = { function, caller_sp(ctx, false) };
	struct call_args call;

	if (!armed)
		return 0;
	probe_args(ctx, call.args);
	if (!bpf_map_update_elem(&calls, &key, &call, BPF_NOEXIST))
		return 0;
	/* The one before never returned, or there is no room. */
	lose_event(LOST_NESTED);
	bpf_map_update_elem(&calls, &key, &call, BPF_ANY);
	return 0;
}

/* Puts the arguments of the call that returns into @s; false when it was not kept. */
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

/* The first argument of the call that returns, a device; 0 when it was not kept. */
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

/* Arguments lie in the scratch: the stack has no room for them. */
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

/* When it is called: its arguments are kept for when it returns. */
#define PROBE_KEEP(function, name)                    \
	enum { name##_number = __COUNTER__ };         \
                                                      \
	SEC("kprobe/" #function)                      \
	int name##_probe(void *ctx)                   \
	{                                             \
		return keep_call(ctx, name##_number); \
	}

/* @nr: how many arguments it has; its result is behind them. */
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

/* Of whose arguments only the device, its first, is wanted: @body has @ctx and @dev. */
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
