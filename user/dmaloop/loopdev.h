/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module as its programs see it: the control device's ioctl, and devices made
 * and taken away through configfs. Every error is told on standard error.
 */
#ifndef DMALOOP_LOOPDEV_H
#define DMALOOP_LOOPDEV_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "../../kmod/dmaloop_uapi.h"

#define DEFAULT_OFFSET 8
#define DEFAULT_ARCH "arm64"

enum { EXIT_AS_PREDICTED = 0, EXIT_DIFFERENT = 1, EXIT_NOT_RUN = 2 };

/**
 * struct settings - a device, and how a scenario is run on it
 * @coherency: configfs value, as the following; NULL: the module's default
 * @arch: whose cache maintenance
 * @maintenance: how much of it
 * @line_size: bytes
 * @evict: which dirty lines are written back on their own
 * @prefetch: "1": clean lines are re-filled
 * @neighbours: may whole-line effects hit anybody
 * @iommu: what stops an access outside of a mapping
 * @dma_bits: DMA mask
 * @placement: of the buffer; NULL: the scenario's own
 * @descriptors: their placement; NULL: the scenario's own
 * @cures: DMALOOP_CURE_*
 * @offset: of the buffer, for placement "offset"
 * @seed: of the payload
 */
struct settings {
	const char *coherency;
	const char *arch;
	const char *maintenance;
	const char *line_size;
	const char *evict;
	const char *prefetch;
	const char *neighbours;
	const char *iommu;
	const char *dma_bits;
	const char *placement;
	const char *descriptors;
	unsigned int cures;
	unsigned int offset;
	unsigned long long seed;
};

/* A signal asked to end: no more devices are made. */
extern volatile sig_atomic_t interrupted;

int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

const char *outcome_name(unsigned int outcome);
int open_control(void);
int get_scenario(int fd, unsigned int index, struct dmaloop_scenario_info *info);
int find_scenario(int fd, const char *name, struct dmaloop_scenario_info *info);
int device_create(const struct settings *settings, char *device, size_t size);
void device_destroy(void);
int device_run(int fd, const struct settings *settings, const struct dmaloop_scenario_info *info,
	       struct dmaloop_run *run);

int isolate(int fd, const struct settings *settings, const char *name, bool json);

#endif
