/* SPDX-License-Identifier: GPL-2.0 */
/* A character device, for its file (chardev.c) and its transfers (chardev_request.c). */
#ifndef DMALOOP_CHARDEV_REQUEST_H
#define DMALOOP_CHARDEV_REQUEST_H

#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/wait.h>

#include "arbiter.h"
#include "dmaloop_uapi.h"

struct dma_chan;
struct io_uring_cmd;
struct iov_iter;
struct kiocb;

#define CHUNK SZ_64K /* the memory is allocated in pieces of this size */

/**
 * struct chunk - a piece of the memory behind the device
 * @virt: as the CPU sees it, for mmap
 * @bus: as the device does
 */
struct chunk {
	void *virt;
	dma_addr_t bus;
};

/**
 * struct loop_char - one character device
 * @misc: its registration
 * @name: for @misc
 * @dev: the device
 * @size: of the memory, in bytes
 * @nr_chunks: in @chunks
 * @chunks: the memory
 * @lock: protects @opens, and @chans against being taken twice
 * @opens: files
 * @nr_chans: channels held while there are files
 * @chans: those
 * @next: counts requests, which take channels in turn
 * @in_flight: requests the device is not done with
 * @room: waits for one of them to end
 */
struct loop_char {
	struct miscdevice misc;
	char name[DMALOOP_NAME_MAX];
	struct device *dev;
	u64 size;
	u32 nr_chunks;
	struct chunk *chunks;
	struct mutex lock;
	u32 opens;
	u32 nr_chans;
	struct dma_chan *chans[BUS_CHANNELS_MAX];
	atomic_t next;
	atomic_t in_flight;
	wait_queue_head_t room;
};

bool loop_char_has_room(struct loop_char *lc);
ssize_t char_read_iter(struct kiocb *iocb, struct iov_iter *to);
ssize_t char_write_iter(struct kiocb *iocb, struct iov_iter *from);
int char_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags);

#endif
