/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctl interface of /dev/dmaloop: listing scenarios and running one on a
 * device made through configfs. Shared with user/dmaloop/main.c.
 *
 * Every structure starts with the version the caller was built with; another
 * version than DMALOOP_ABI_VERSION is refused with EPROTO and the module's own
 * is written back.
 */
#ifndef DMALOOP_UAPI_H
#define DMALOOP_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define DMALOOP_ABI_VERSION 2
#define DMALOOP_NAME_MAX 32
#define DMALOOP_TEXT_MAX 128

/* What a scenario's client observed. Names: DMALOOP_OUTCOME_NAMES, in order. */
enum dmaloop_outcome {
	DMALOOP_OK, /* every byte as a correct transfer leaves it */
	DMALOOP_STALE, /* one side read bytes older than the other's */
	DMALOOP_NEIGHBOUR_LOST, /* bytes beside the buffer were destroyed */
	DMALOOP_DMA_LOST, /* bytes the device wrote were destroyed */
	DMALOOP_FAULT, /* the access, or the unmap, could not happen */
	DMALOOP_LEAK, /* a mapping outlived its driver */
	DMALOOP_TORN, /* the device executed a mixture of two descriptors */
	DMALOOP_STUCK, /* the driver waits for what the device will never do */
	DMALOOP_NR_OUTCOMES,
};

#define DMALOOP_OUTCOME_NAMES \
	"ok", "stale", "neighbour-lost", "dma-lost", "fault", "leak", "torn", "stuck"

/**
 * struct dmaloop_scenario_info - one row of the list
 * @version: in: DMALOOP_ABI_VERSION
 * @index: in: which row, from 0; ENOENT past the end
 * @name: out
 * @placement: out: where the buffer lies
 * @descriptors: out: where the descriptors lie; "": not what it is about
 * @fault: out: what is done wrong; "none" for a correct driver
 * @twin: out: the correct scenario to compare with; "" for a correct one
 * @text: out: one line for people
 */
struct dmaloop_scenario_info {
	__u32 version;
	__u32 index;
	char name[DMALOOP_NAME_MAX];
	char placement[DMALOOP_NAME_MAX];
	char descriptors[DMALOOP_NAME_MAX];
	char fault[DMALOOP_NAME_MAX];
	char twin[DMALOOP_NAME_MAX];
	char text[DMALOOP_TEXT_MAX];
};

/* What a driver or its device may have against a fault of the descriptors. */
#define DMALOOP_CURE_OWN 1u /* the device checks an OWN bit */
#define DMALOOP_CURE_BARRIER 2u /* the driver has the barrier */
#define DMALOOP_CURES (DMALOOP_CURE_OWN | DMALOOP_CURE_BARRIER)

/**
 * struct dmaloop_run - run one scenario
 * @version: in: DMALOOP_ABI_VERSION
 * @offset: in: byte offset for placement "offset", 0 to 255; else 0
 * @seed: in: seeds the payload, and the order of stores without a barrier
 * @user: in: address of a page of the caller's, for placement "user"
 * @cures: in: DMALOOP_CURE_*, in addition to the scenario's own
 * @reserved: in: 0
 * @config: in: name of the configfs directory of a live device
 * @scenario: in: name
 * @placement: in: where the buffer lies; "": where the scenario has it
 * @descriptors: in: where the descriptors lie; "": where the scenario has them
 * @outcome: out: enum dmaloop_outcome
 * @wrong: out: bytes that were not as expected
 * @faults: out: device faults during the run
 * @spared: out: bytes outside playgrounds that real hardware would have destroyed
 * @text: out: one line for people
 */
struct dmaloop_run {
	__u32 version;
	__u32 offset;
	__u64 seed;
	__u64 user;
	__u32 cures;
	__u32 reserved;
	char config[DMALOOP_NAME_MAX];
	char scenario[DMALOOP_NAME_MAX];
	char placement[DMALOOP_NAME_MAX];
	char descriptors[DMALOOP_NAME_MAX];
	__u32 outcome;
	__u32 wrong;
	__u32 faults;
	__u32 spared;
	char text[DMALOOP_TEXT_MAX];
};

/**
 * struct dmaloop_uring_cmd - io_uring passthrough to /dev/dmaloopN
 * @addr: the caller's buffer
 * @offset: into the memory behind the device, in bytes
 * @length: bytes
 * @reserved: 0
 *
 * Lies in the command area of a 128-byte submission (IORING_SETUP_SQE128). The
 * result is the bytes transferred, fewer than @length where the memory ends or
 * the buffer has more than 64 pages.
 */
struct dmaloop_uring_cmd {
	__u64 addr;
	__u64 offset;
	__u32 length;
	__u32 reserved;
};

#define DMALOOP_URING_READ _IOR(0xd3, 16, struct dmaloop_uring_cmd)
#define DMALOOP_URING_WRITE _IOW(0xd3, 17, struct dmaloop_uring_cmd)

#define DMALOOP_IOC_SCENARIO _IOWR(0xd3, 1, struct dmaloop_scenario_info)
#define DMALOOP_IOC_RUN _IOWR(0xd3, 2, struct dmaloop_run)

#endif
