/* SPDX-License-Identifier: GPL-2.0 */
/* A hook: the primary and the fallback program of one event, by tracepoint, fentry or kprobe. */
#ifndef DMASNOOP_HOOK_BPF_H
#define DMASNOOP_HOOK_BPF_H

#include "kernel.h"

#include <bpf/bpf_helpers.h>

#include "core/scratch.h"
#include "kprobe.bpf.h"
#include "program.bpf.h"

/* @fast does as much as it can without a scratch, and returns true when no work is left. */
#define WORK(name, fast, body)                                                                  \
	static __always_inline void name##_work(u64 *args)                                      \
	{                                                                                       \
		struct scratch *s;                                                              \
                                                                                                \
		if (fast(args))                                                                 \
			return;                                                                 \
		s = take_scratch();                                                             \
		if (!s)                                                                         \
			return;                                                                 \
		body(args, args, s);                                                            \
		release_scratch(s);                                                             \
	}                                                                                       \
	/* Holds the address of the per-CPU count of running fallback programs: mark_done(). */ \
	u64 name##_fallback_active;

/*
 * If @always is set, the fallback program is attached from the start, else only when @armed says
 * so.
 */
#define PRIMARY(section, name, always)                                   \
	SEC(section)                                                     \
	int name(u64 *args)                                              \
	{                                                                \
		u32 arms = *(volatile u32 *)&armed;                      \
		bool works = true;                                       \
                                                                         \
		disable_preemption();                                    \
		if (always || __builtin_expect(arms != ARMED, 0)) {      \
			works = arms != ARMED_NOT;                       \
			if (works)                                       \
				mark_done(args, name##_fallback_active); \
		}                                                        \
		if (works)                                               \
			name##_work(args);                               \
		enable_preemption();                                     \
		return 0;                                                \
	}

#define FALLBACK(section, name, arms)                \
	SEC(section)                                 \
	int name##_fallback(u64 *args)               \
	{                                            \
		disable_preemption();                \
		if (is_left_to_fallback(args, arms)) \
			name##_work(args);           \
		enable_preemption();                 \
		return 0;                            \
	}

/*
 * The primary program must run before its fallback program. Programs at a tracepoint run in the
 * order in which they were attached. Programs at a function run in the opposite order
 * (kernel/bpf/trampoline.c adds them at the head). So at functions the fallback programs are
 * attached first, together with the primary programs. Those at tracepoints are attached when they
 * are needed: see @armed.
 */
#define TRACEPOINT(event, name, fast, body)    \
	WORK(name, fast, body)                 \
	PRIMARY("raw_tp/" #event, name, false) \
	FALLBACK("raw_tp/" #event, name, ARMED_FALLBACKS)

#define FUNCTION(type, function, name, fast, body) \
	WORK(name, fast, body)                     \
	FALLBACK(#type "/" #function, name, ARMED) \
	PRIMARY(#type "/" #function, name, true)

/*
 * CALL() runs when a function is called and has its arguments. RETURN() runs when the function
 * returns and has its arguments and its result.
 */
#define CALL(function, name, fast, body)             \
	FUNCTION(fentry, function, name, fast, body) \
	PROBE_CALL(function, name, body)

#define RETURN(function, nr, name, fast, body)      \
	FUNCTION(fexit, function, name, fast, body) \
	PROBE_RETURN(function, nr, name, body)

static __always_inline bool never_fast(u64 *args)
{
	return false;
}

#endif
