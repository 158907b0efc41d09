/* SPDX-License-Identifier: GPL-2.0 */
/* The conditions under which the silence of a check means something. */
#ifndef DMASNOOP_NEEDS_H
#define DMASNOOP_NEEDS_H

#include "output/summary.h"

/* A condition that a run may have met for a device. */
enum need {
	NEED_UNMAPS, /* a mapping of the device was unmapped */
	NEED_SYNCS, /* the device's syncs are observable */
	NEED_WHOLE, /* the device's mappings are known from its driver's probe on */
	NEED_IOMMU, /* an IOMMU translates for the device */
	NEED_ACCESSES, /* CPU accesses are announced, or watched */
	NEED_DESCRIPTORS, /* descriptors and doorbells are announced */
	NEED_TIME, /* events are judged when they happen, see engine.h */
	NEED_MEMORY, /* the kernel's memory can be read by physical address */
	NEED_LAYERS, /* frees and handovers to other layers are traced */
	NEED_LEAKS, /* a driver left its device, or the age of mappings was watched */
	NR_NEEDS,
};

#define NEED(what) (1u << NEED_##what)

extern const char *const needs_unmet[NR_NEEDS];
extern const size_t nr_reasons;

uint32_t needs_of(enum check check);
uint32_t needs_met(const struct summary *summary, const struct device_state *device);
uint32_t stood_down(const struct device_state *device, size_t reason, const char **why);

#endif
