// SPDX-License-Identifier: GPL-2.0
/*
 * Finds the instructions by which a function returns, on arm64. A kprobe at such an instruction
 * runs with interrupts off. A kretprobe would see the result as well, but while it runs the kernel
 * drops the kprobes of an interrupt (kernel/kprobes.c, kretprobe_trampoline_handler()): on Linux
 * 6.1 one unmap in 40 of e1000e was lost.
 */
#include <stdbool.h>

#include "attach/returns.h"

#define KPROBE 0xd4200080 /* brk #4 */

/* Extracts a signed field of an instruction, which counts instructions. */
static int64_t distance(uint32_t word, unsigned int low, unsigned int bits)
{
	return (int64_t)((uint64_t)word << (64 - low - bits)) >> (64 - bits);
}

/*
 * Decodes the branches in the Arm Architecture Reference Manual, C4.1, "Branches, Exception
 * Generating and System instructions". Returns true for a branch by a constant distance of @to
 * instructions.
 */
static bool goes(uint32_t word, int64_t *to)
{
	if ((word & 0xfc000000) == 0x14000000) /* b */
		*to = distance(word, 0, 26);
	else if ((word & 0xff000010) == 0x54000000) /* b.cond */
		*to = distance(word, 5, 19);
	else if ((word & 0x7e000000) == 0x34000000) /* cbz, cbnz */
		*to = distance(word, 5, 19);
	else if ((word & 0x7e000000) == 0x36000000) /* tbz, tbnz */
		*to = distance(word, 5, 14);
	else
		return false;
	return true;
}

/**
 * returns_arm64 - find the instructions by which a function returns
 * @text: the function's instructions
 * @nr: number of instructions in @text
 * @returns: out; indexes into @text, RETURNS_MAX at most
 *
 * Return: number of returns. 0 if there are more, or if the function can be left in another way: by
 *	a jump to another function or to the address in a register, or at an unknown instruction
 *	under a kprobe. Some returns might not be seen then.
 */
size_t returns_arm64(const uint32_t *text, size_t nr, size_t *returns)
{
	size_t found = 0;
	int64_t to;

	for (size_t i = 0; i < nr; i++) {
		uint32_t word = text[i];

		/*
		 * Another kprobe is here, and the instruction under it is not known. The kprobe at
		 * the start of the function is dmasnoop's own.
		 */
		if (i && word == KPROBE)
			return 0;
		if (goes(word, &to) && ((int64_t)i + to < 0 || i + to >= nr))
			return 0;
		/*
		 * These are all branches to the address in a register, except for blr, which comes
		 * back.
		 */
		if ((word & 0xfe000000) != 0xd6000000 || (word & 0x00e00000) == 0x00200000)
			continue;
		if ((word & 0xfffffc1f) != 0xd65f0000 || found == RETURNS_MAX)
			return 0;
		returns[found++] = i;
	}
	return found;
}
