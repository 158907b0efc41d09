/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events that the judge did not see, and what is therefore in doubt.
 */
#ifndef DMASNOOP_LOSSES_H
#define DMASNOOP_LOSSES_H

#include "core/env.h"
#include "core/state.h"

/* An event was lost of which not even the device is known. */
static __always_inline void lose_event(u32 reason)
{
	count_lost(reason);
	lose_until(env_now());
}

/*
 * Can an event of this device have gone unseen since @since, ns? What was lost before this
 * event matters, so one look is enough for all that is judged of it: it asks each program
 * about each CPU.
 */
static __always_inline bool events_lost(struct scratch *s, const struct device_state *device,
					u64 since)
{
	if (!s->looked) {
		s->looked = 1;
		env_look_for_losses();
	}
	return lost_before >= since || device->lost_before >= since;
}

/*
 * An unmap of this device could not be carried out: one mapping of a buffer that is mapped more
 * than once stays too many. Which one it is changes with every map and unmap of the buffer, so
 * whatever is said of this device from now on is in doubt.
 */
static __always_inline void lose_unmap(struct device_state *device)
{
	__sync_fetch_and_add(&device->lost, 1);
	set_later(&device->lost_before, ~0ull);
}

static __always_inline void lose_device_event(struct device_state *device)
{
	__sync_fetch_and_add(&device->lost, 1);
	set_later(&device->lost_before, env_now());
}

#endif
