/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctl interface of /dev/dmaloop: it lists scenarios, and runs one on a device made through
 * configfs. Shared with user/dmaloop/loopdev.h.
 *
 * Every structure starts with the version that the caller was built with. Any version other than
 * DMALOOP_ABI_VERSION is refused with EPROTO, and the module's own version is written back.
 */
#ifndef DMALOOP_UAPI_H
#define DMALOOP_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define DMALOOP_ABI_VERSION 2
#define DMALOOP_NAME_MAX 32
#define DMALOOP_TEXT_MAX 128

/* What a scenario's driver observed. DMALOOP_OUTCOME_NAMES has the names, in this order. */
enum dmaloop_outcome {
	DMALOOP_OK, /* every byte is as after a correct transfer */
	DMALOOP_STALE, /* one side read bytes older than the other side's */
	DMALOOP_NEIGHBOUR_LOST, /* bytes beside the buffer were destroyed */
	DMALOOP_DMA_LOST, /* bytes the device wrote were destroyed */
	DMALOOP_FAULT, /* an access or an unmap could not happen */
	DMALOOP_LEAK, /* a mapping outlived its driver */
	DMALOOP_TORN, /* the device executed a mixture of two descriptors */
	DMALOOP_STUCK, /* the driver waits for something that the device will never do */
	DMALOOP_NR_OUTCOMES,
};

#define DMALOOP_OUTCOME_NAMES \
	"ok", "stale", "neighbour-lost", "dma-lost", "fault", "leak", "torn", "stuck"

/**
 * struct dmaloop_scenario_info - one row of the list of scenarios
 * @version: in: DMALOOP_ABI_VERSION
 * @index: in: number of the row, from 0; ENOENT past the end
 * @name: out: name of the scenario
 * @placement: out: where the buffer lies
 * @descriptors: out: where the descriptors lie; "" if the scenario is not about them
 * @fault: out: what the driver does wrong; "none" for a correct driver
 * @twin: out: name of the correct scenario to compare with; "" for a correct one
 * @text: out: one-line description
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

/* What a driver or its device can have that prevents a descriptor fault. */
#define DMALOOP_CURE_OWN 1u /* the device checks an OWN bit */
#define DMALOOP_CURE_BARRIER 2u /* the driver has the barrier */
#define DMALOOP_CURES (DMALOOP_CURE_OWN | DMALOOP_CURE_BARRIER)

/**
 * struct dmaloop_run - run one scenario
 * @version: in: DMALOOP_ABI_VERSION
 * @offset: in: byte offset for placement "offset", 0 to 255; else 0
 * @seed: in: determines the payload, and the order of stores without a barrier
 * @user: in: address of a page of the caller, for placement "user"
 * @cures: in: DMALOOP_CURE_* flags, in addition to the scenario's own
 * @reserved: in: must be 0
 * @config: in: name of the configfs directory of a live device
 * @scenario: in: name of the scenario
 * @placement: in: where the buffer lies; "" for the scenario's own placement
 * @descriptors: in: where the descriptors lie; "" for the scenario's own placement
 * @outcome: out: enum dmaloop_outcome
 * @wrong: out: number of bytes that were not as expected
 * @faults: out: number of device faults during the run
 * @spared: out: number of bytes outside playgrounds that real hardware would have destroyed
 * @text: out: one-line description of the result
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
 * struct dmaloop_uring_cmd - io_uring passthrough command of /dev/dmaloopN
 * @addr: address of the caller's buffer
 * @offset: into the memory behind the device, in bytes
 * @length: bytes
 * @reserved: must be 0
 *
 * It lies in the command area of a 128-byte submission (IORING_SETUP_SQE128). The result is the
 * number of bytes transferred. It is less than @length if the memory ends before that or if the
 * buffer spans more than 64 pages.
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
