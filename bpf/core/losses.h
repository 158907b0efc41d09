/* SPDX-License-Identifier: GPL-2.0 */
/* The events that the judge did not see, and the doubt that they cause. */
#ifndef DMASNOOP_LOSSES_H
#define DMASNOOP_LOSSES_H

#include "core/env.h"
#include "core/state.h"

/* Records a lost event whose device is not known. */
static __always_inline void lose_event(u32 reason)
{
	count_lost(reason);
	lose_until(env_now());
}

/*
 * Can an event of this device have been lost since @since, ns, that matters for the buffer at @dma?
 * A look for losses asks each program on each CPU, so each event looks only once. A later loss
 * cannot explain a finding about this event.
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
 * Records a lost unmap of a buffer that is mapped more than once, so that one mapping too many
 * stays live. Each map and unmap of the buffer may change which one is too many. So every later
 * finding about this buffer is Unsure. Only one buffer is remembered; with a second one, every
 * finding about the device is Unsure.
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
