/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interface of the module: scenarios through the control device's ioctls, devices through
 * configfs. Every function that fails has said why on standard error.
 */
#ifndef DMALOOP_LOOPDEV_H
#define DMALOOP_LOOPDEV_H

#include <signal.h>
#include <stddef.h>

#include "../../kmod/dmaloop_uapi.h"

#define DEFAULT_OFFSET 8
#define DEFAULT_COHERENCY "noncoherent"
#define DEFAULT_ARCH "arm64"

/* Of the program. EXIT_NOT_RUN stands for bad usage, too. */
enum exit_status { EXIT_AS_PREDICTED = 0, EXIT_DIFFERENT = 1, EXIT_NOT_RUN = 2 };

/**
 * struct settings - a device, and how a scenario is run on it
 * @coherency: mode of coherency
 * @arch: whose cache maintenance is modelled
 * @maintenance: which part of that maintenance is done
 * @line_size: bytes
 * @evict: which dirty lines the cache writes back on its own
 * @prefetch: "1": the cache fills clean lines again
 * @neighbours: whether whole-line effects may hit memory that was not given up
 * @iommu: which accesses outside a mapping are stopped
 * @dma_bits: width of the DMA mask
 * @placement: placement of the buffer; NULL: the scenario's own
 * @descriptors: placement of the descriptors; NULL: the scenario's own
 * @cures: DMALOOP_CURE_*
 * @offset: of the buffer in its object, for placement "offset"; bytes
 * @seed: of the payload, and of the order of stores without a barrier
 *
 * @coherency to @dma_bits are the texts that are written to the attributes in configfs. NULL
 * leaves an attribute as the module made it. No text is owned.
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

/* Set by a signal. device_create() then makes no more devices, and loops end. */
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

#endif
