// SPDX-License-Identifier: GPL-2.0
/* Posted stores; see posted.h. Called by the descriptor scenarios and by KUnit. */
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
 * posted_write - store a field
 * @posted: the store buffer
 * @to: destination, naturally aligned
 * @value: the value
 * @size: bytes, 4 or 8
 *
 * As in a CPU, a full buffer is emptied first, in order.
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
 * posted_barrier - make all stores visible, in order
 * @posted: the store buffer
 */
void posted_barrier(struct posted *posted)
{
	u32 i;

	for (i = 0; i < posted->nr; i++)
		make_visible(posted, i);
	posted->nr = 0;
}

/**
 * posted_overtake - make the last store visible before some earlier one
 * @posted: the store buffer, with two stores or more
 * @random: selects which earlier stores become visible too; at least one does not
 *
 * This is the worst order: the last store announces data that is not there yet.
 */
void posted_overtake(struct posted *posted, u32 random)
{
	u32 i, late, last = posted->nr - 1, kept = 0;

	if (posted->nr < 2)
		return;
	late = random % last; /* this store waits in any case */
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
