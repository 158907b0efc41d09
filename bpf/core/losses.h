/* SPDX-License-Identifier: GPL-2.0 */
/* Events that the judge did not see, and what is in doubt because of them. */
#ifndef DMASNOOP_LOSSES_H
#define DMASNOOP_LOSSES_H

#include "core/env.h"
#include "core/state.h"

/* An event was lost, and not even its device is known. */
static __always_inline void lose_event(u32 reason)
{
	count_lost(reason);
	lose_until(env_now());
}

/*
 * Can an event of this device have been lost since @since, ns, that matters for the buffer at
 * @dma? A look for losses asks each program on each CPU, so there is one for each event. What
 * is lost after that cannot explain a finding about this event.
 */
static __always_inline bool events_lost(struct scratch *s, const struct device_state *device,
					u64 since, u64 dma)
{
	if (!s->looked) {
		s->looked = 1;
		env_look_for_losses();
	}
	return lost_before >= since || device->lost_before >= since || device->surplus == dma + 1;
}

/*
 * An unmap of a buffer that is mapped more than once could not be carried out, so one mapping too
 * many stays live. Which one it is changes with every map and unmap of the buffer. All that is
 * said of this buffer from now on is in doubt. Only one buffer is remembered: with a second
 * one the whole device is in doubt.
 */
static __always_inline void lose_unmap(struct device_state *device, u64 dma)
{
	u64 was = __sync_val_compare_and_swap(&device->surplus, 0, dma + 1);

	__sync_fetch_and_add(&device->lost, 1);
	if (was && was != dma + 1)
		set_later(&device->lost_before, ~0ull);
}

static __always_inline void lose_device_event(struct device_state *device)
{
	__sync_fetch_and_add(&device->lost, 1);
	set_later(&device->lost_before, env_now());
}

#endif
