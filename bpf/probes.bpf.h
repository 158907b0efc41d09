/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions of the DMA API where the kernel has no fentry: arm64 before 6.4. A kprobe has
 * the arguments and a kretprobe the result, so the former keeps what the latter needs.
 * Part of dmasnoop.bpf.c.
 *
 * No twins: while a kprobe is at work on a CPU the kernel drops all others there, those of an
 * interrupt, and does not count them. So when there was an interrupt meanwhile, an event may
 * have been lost.
 */
#ifndef DMASNOOP_PROBES_BPF_H
#define DMASNOOP_PROBES_BPF_H

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

/* Interrupts are counted as they come: the kernel's own count is not to be found on arm64. */
#define INTERRUPT(tracepoint)                       \
	SEC("raw_tp/" #tracepoint)                  \
	int probe_##tracepoint(void *ctx)           \
	{                                           \
		struct cpu_state *cpu = this_cpu(); \
                                                    \
		if (cpu)                            \
			cpu->interrupts++;          \
		return 0;                           \
	}

INTERRUPT(irq_handler_entry)
INTERRUPT(local_timer_entry) /* x86, which has no handler for it */

static __always_inline u64 interrupts(void)
{
	struct cpu_state *cpu = this_cpu();

	return cpu ? cpu->interrupts : 0;
}

static __always_inline void note_interrupts(const struct scratch *s)
{
	if (interrupts() != s->interrupts)
		lost_before = bpf_ktime_get_ns();
}

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

/* What the stack pointer was before the call. */
static __always_inline u64 caller_sp(void *ctx, bool returned)
{
	struct pt_regs___x86 *x86 = ctx;
	struct pt_regs___arm64 *arm64 = ctx;

	if (bpf_core_field_exists(x86->di))
		return BPF_CORE_READ(x86, sp) + (returned ? 0 : sizeof(u64));
	return BPF_CORE_READ(arm64, sp);
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
	struct scratch *s = armed ? take() : NULL;
	u64 dev;

	if (!s)
		return 0;
	dev = take_call(ctx, function, s) ? s->args[0] : 0;
	leave(s);
	return dev;
}

/* Arguments lie in the scratch: the stack has no room for them. */
#define PROBE_CALL(function, name, body)                   \
	SEC("kprobe/" #function)                           \
	int name##_probe(void *ctx)                        \
	{                                                  \
		struct scratch *s = armed ? take() : NULL; \
                                                           \
		if (!s)                                    \
			return 0;                          \
		s->interrupts = interrupts();              \
		probe_args(ctx, s->args);                  \
		body(ctx, s->args, s);                     \
		note_interrupts(s);                        \
		leave(s);                                  \
		return 0;                                  \
	}

/* @nr: how many arguments it has; its result is behind them. */
#define PROBE_RETURN(function, nr, name, body)             \
	enum { name##_number = __COUNTER__ };              \
                                                           \
	SEC("kprobe/" #function)                           \
	int name##_probe(void *ctx)                        \
	{                                                  \
		return keep_call(ctx, name##_number);      \
	}                                                  \
                                                           \
	SEC("kretprobe/" #function)                        \
	int name##_probe_return(void *ctx)                 \
	{                                                  \
		struct scratch *s = armed ? take() : NULL; \
                                                           \
		if (!s)                                    \
			return 0;                          \
		s->interrupts = interrupts();              \
		if (take_call(ctx, name##_number, s)) {    \
			s->args[nr] = probe_result(ctx);   \
			body(ctx, s->args, s);             \
		}                                          \
		note_interrupts(s);                        \
		leave(s);                                  \
		return 0;                                  \
	}

#endif
