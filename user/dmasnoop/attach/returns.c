// SPDX-License-Identifier: GPL-2.0
/*
 * Where functions return, on arm64. A kprobe there runs with interrupts off. A kretprobe would see
 * the result as well, but while it runs the kernel drops the kprobes of an interrupt
 * (kernel/kprobes.c, kretprobe_trampoline_handler()): on Linux 6.1 one unmap in 40 of e1000e was
 * lost.
 */
#include <stdbool.h>

#include "attach/returns.h"

#define KPROBE 0xd4200080 /* brk #4 */

/* A signed field of an instruction, which counts instructions. */
static int64_t distance(uint32_t word, unsigned int low, unsigned int bits)
{
	return (int64_t)((uint64_t)word << (64 - low - bits)) >> (64 - bits);
}

/*
 * Arm Architecture Reference Manual, C4.1, "Branches, Exception Generating and System
 * instructions". True when it goes, by @to instructions, to a place that is known.
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
 * returns_arm64 - the instructions by which a function returns
 * @text: the function's instructions
 * @nr: of them
 * @returns: out; RETURNS_MAX of them at most, counted in instructions from its start
 *
 * Return: how many there are. 0 when there are more, or another way out of it (a jump to
 *	another function, or to where a register says), or what may be one (a kprobe): then
 *	some returns might not be seen.
 */
size_t returns_arm64(const uint32_t *text, size_t nr, size_t *returns)
{
	size_t found = 0;
	int64_t to;

	for (size_t i = 0; i < nr; i++) {
		uint32_t word = text[i];

		/*
		 * Another kprobe is here, and the instruction under it is not known. The one at
		 * the start is our own.
		 */
		if (i && word == KPROBE)
			return 0;
		if (goes(word, &to) && ((int64_t)i + to < 0 || i + to >= nr))
			return 0;
		/* To where a register says, and not to come back: all of them but blr. */
		if ((word & 0xfe000000) != 0xd6000000 || (word & 0x00e00000) == 0x00200000)
			continue;
		if ((word & 0xfffffc1f) != 0xd65f0000 || found == RETURNS_MAX)
			return 0;
		returns[found++] = i;
	}
	return found;
}
