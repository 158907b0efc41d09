// SPDX-License-Identifier: GPL-2.0
/* Posted stores: see posted.h. Called by the descriptor scenarios, and KUnit. */
#include <linux/compiler.h>

#include "posted.h"

static void make_visible(struct posted *posted, u32 i)
{
	if (posted->store[i].size == sizeof(u64))
		WRITE_ONCE(*(u64 *)posted->store[i].to, posted->store[i].value);
	else
		WRITE_ONCE(*(u32 *)posted->store[i].to, posted->store[i].value);
}

/**
 * posted_write - the CPU stores a field
 * @posted: the buffer
 * @to: where; naturally aligned
 * @value: what
 * @size: bytes, 4 or 8
 *
 * A full buffer empties itself first, in order, as a CPU's does.
 */
void posted_write(struct posted *posted, void *to, u64 value, u32 size)
{
	if (posted->nr == POSTED_MAX)
		posted_barrier(posted);
	posted->store[posted->nr].to = to;
	posted->store[posted->nr].value = value;
	posted->store[posted->nr].size = size;
	posted->nr++;
}

/**
 * posted_barrier - everything stored so far becomes visible, in order
 * @posted: the buffer
 */
void posted_barrier(struct posted *posted)
{
	u32 i;

	for (i = 0; i < posted->nr; i++)
		make_visible(posted, i);
	posted->nr = 0;
}

/**
 * posted_overtake - the last store becomes visible before others
 * @posted: the buffer; two stores or more
 * @random: chooses the others that are visible too; at least one is not
 *
 * The adverse order: what the last store announces is not all there.
 */
void posted_overtake(struct posted *posted, u32 random)
{
	u32 i, late, last = posted->nr - 1, kept = 0;

	if (posted->nr < 2)
		return;
	late = random % last; /* this one in any case */
	random /= last;
	make_visible(posted, last);
	for (i = 0; i < last; i++) {
		if (i == late || (random >> i & 1))
			posted->store[kept++] = posted->store[i];
		else
			make_visible(posted, i);
	}
	posted->nr = kept;
}
