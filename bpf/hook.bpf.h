/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hook: the programs at one event, the first and its fallback, by tracepoint, fentry or
 * kprobe.
 */
#ifndef DMASNOOP_HOOK_BPF_H
#define DMASNOOP_HOOK_BPF_H

#include "kernel.h"

#include <bpf/bpf_helpers.h>

#include "core/scratch.h"
#include "kprobe.bpf.h"
#include "program.bpf.h"

/* @fast: does what it can without a scratch, true when that is all. */
#define WORK(name, fast, body)                                                           \
	static __always_inline void name##_work(u64 *args)                               \
	{                                                                                \
		struct scratch *s;                                                       \
                                                                                         \
		if (fast(args))                                                          \
			return;                                                          \
		s = take();                                                              \
		if (!s)                                                                  \
			return;                                                          \
		body(args, args, s);                                                     \
		leave(s);                                                                \
	}                                                                                \
	/* Where the kernel counts, per CPU, its twins that are at work: mark_done(). */ \
	u64 name##_twin_active;

/* @twin: it is there from the first, not only when armed says so. */
#define ELDER(section, name, twin)                                   \
	SEC(section)                                                 \
	int name(u64 *args)                                          \
	{                                                            \
		u32 arms = *(volatile u32 *)&armed;                  \
		bool works = true;                                   \
                                                                     \
		stay();                                              \
		if (twin || __builtin_expect(arms != ARMED, 0)) {    \
			works = arms != ARMED_NOT;                   \
			if (works)                                   \
				mark_done(args, name##_twin_active); \
		}                                                    \
		if (works)                                           \
			name##_work(args);                           \
		stay_no_more();                                      \
		return 0;                                            \
	}

#define TWIN(section, name, arms)                \
	SEC(section)                             \
	int name##_twin(u64 *args)               \
	{                                        \
		stay();                          \
		if (is_left_to_twin(args, arms)) \
			name##_work(args);       \
		stay_no_more();                  \
		return 0;                        \
	}

/*
 * The elder has to run first. Programs at a tracepoint run in the order in which
 * they were attached; those at a function the other way round (kernel/bpf/trampoline.c
 * adds at the head), so there the twins are attached first, with all the rest. A
 * tracepoint's are when they are needed: see @armed.
 */
#define TRACEPOINT(event, name, fast, body)  \
	WORK(name, fast, body)               \
	ELDER("raw_tp/" #event, name, false) \
	TWIN("raw_tp/" #event, name, ARMED_TWINS)

#define FUNCTION(type, function, name, fast, body) \
	WORK(name, fast, body)                     \
	TWIN(#type "/" #function, name, ARMED)     \
	ELDER(#type "/" #function, name, true)

/* A function's arguments when it is called; these and its result when it returns. */
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
