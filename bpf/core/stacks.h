/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stacks of events: each is kept once, and found again by what mappings from one call site
 * have in common.
 */
#ifndef DMASNOOP_STACKS_H
#define DMASNOOP_STACKS_H

#include "core/env.h"

#define TASK_STACK 16384 /* for hashes; with KASAN they are larger: task_stack */

__noinline u64 hash_stack(const struct stack *stack)
{
	u64 hash = 0xcbf29ce484222325;

	for (u32 i = 0; stack && i < STACK_MAX; i++)
		hash = (hash ^ stack->frames[i]) * 0x100000001b3;
	return hash | 1;
}

/*
 * The stack of an event. At the start of a function on arm64, and at its end, only a register
 * knows its @caller, and the kernel leaves that out. 0: it does not.
 */
static __always_inline long get_stack(void *ctx, u64 *frames, u64 caller)
{
	long bytes;

	if (!caller)
		return env_stack(ctx, frames, STACK_MAX * sizeof(*frames));
	bytes = env_stack(ctx, frames + 1, (STACK_MAX - 1) * sizeof(*frames));
	frames[0] = frames[1];
	frames[1] = caller;
	return bytes;
}

/* Keeps the stack in @s->stack under the key that is returned. */
static __always_inline u64 store_stack(struct scratch *s)
{
	u64 key = hash_stack(&s->stack);

	if (!env_find_stack(key))
		env_keep_stack(key, &s->stack);
	return key;
}

/* Takes the stack of this event, and keeps it under the key that is returned. */
static __noinline u64 keep_stack(void *ctx, struct scratch *s)
{
	__builtin_memset(&s->stack, 0, sizeof(s->stack));
	if (get_stack(ctx, s->stack.frames, s->caller) <= 0)
		return 0;
	return store_stack(s);
}

/*
 * What mappings from the same call site have in common. @depth, of the stack at the
 * event, nearly always tells one way to the call from another.
 */
static __always_inline u64 signature_of(const struct device_state *device, u64 depth, u64 size,
					u8 dir, u8 kind, u64 attrs)
{
	u64 tag = device->generation * 0x9e3779b97f4a7c15 ^ size << 24 ^ attrs << 18 ^
		  (u64)kind << 16 ^ (u64)dir << 14;

	return (tag ^ (depth & (TASK_STACK - 1))) * 0x9e3779b97f4a7c15;
}

static __always_inline struct signature *signature_at(u64 tag)
{
	return &signatures[tag >> 52 & (SIGNATURES - 1)];
}

/* No signature has this tag: one is being written. */
#define SIGNATURE_BUSY 1

/*
 * The stack of a signature goes to @stack when it is there. The tag is read before and
 * after: in between another CPU may write another signature in this place.
 */
static __always_inline bool read_signature(u64 tag, u64 *stack)
{
	volatile struct signature *signature = signature_at(tag);

	if (signature->tag != tag)
		return false;
	*stack = signature->stack;
	return signature->tag == tag;
}

/* Who comes while another writes leaves it undone: it is only a cache. */
static __always_inline void write_signature(u64 tag, u64 stack)
{
	struct signature *signature = signature_at(tag);
	u64 was = *(volatile u64 *)&signature->tag;

	if (was == SIGNATURE_BUSY ||
	    __sync_val_compare_and_swap(&signature->tag, was, SIGNATURE_BUSY) != was)
		return;
	__sync_lock_test_and_set(&signature->stack, stack);
	__sync_lock_test_and_set(&signature->tag, tag);
}

static __always_inline void copy_stack(u64 *to, u64 key)
{
	struct stack *stack = key ? env_find_stack(key) : NULL;

	if (stack)
		__builtin_memcpy(to, stack->frames, sizeof(stack->frames));
	else
		to[0] = 0;
}

#endif
