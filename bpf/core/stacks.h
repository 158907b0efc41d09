/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The stacks of events. Each stack is kept once. A mapping without a stack of its own gets that of
 * the first mapping from the same call site.
 */
#ifndef DMASNOOP_STACKS_H
#define DMASNOOP_STACKS_H

#include "core/env.h"

#define TASK_STACK 16384 /* serves only to hash stack pointers; real stacks are larger with KASAN */

__noinline u64 hash_stack(const struct stack *stack)
{
	u64 hash = 0xcbf29ce484222325;

	for (u32 i = 0; stack && i < STACK_MAX; i++)
		hash = (hash ^ stack->frames[i]) * 0x100000001b3;
	return hash | 1;
}

/*
 * Reads the stack of an event. At the first and the last instruction of a function on arm64, only a
 * register holds the return address, and the kernel's unwinder leaves that address out. Then
 * @caller holds the address; otherwise it is 0.
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

/* Keeps the stack in @s->stack. Returns its key. */
static __always_inline u64 store_stack(struct scratch *s)
{
	u64 key = hash_stack(&s->stack);

	if (!env_find_stack(key))
		env_keep_stack(key, &s->stack);
	return key;
}

/* Reads the stack of this event and keeps it. Returns its key. */
static __noinline u64 keep_stack(void *ctx, struct scratch *s)
{
	__builtin_memset(&s->stack, 0, sizeof(s->stack));
	if (get_stack(ctx, s->stack.frames, s->caller) <= 0)
		return 0;
	return store_stack(s);
}

/*
 * Hashes the properties that mappings from one call site have in common. The depth of the stack at
 * the event, @depth, nearly always tells one path to the call from another.
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

/* The tag of a signature while a CPU writes it. No other signature has this tag. */
#define SIGNATURE_BUSY 1

/*
 * Reads the stack of a signature. The tag is compared before and after the read, because another
 * CPU may write another signature to this entry in between.
 */
static __always_inline bool read_signature(u64 tag, u64 *stack)
{
	volatile struct signature *signature = signature_at(tag);

	if (signature->tag != tag)
		return false;
	*stack = signature->stack;
	return signature->tag == tag;
}

/*
 * Writes the stack of a signature. A CPU does not wait for another that writes, because this is
 * only a cache.
 */
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
