/* SPDX-License-Identifier: GPL-2.0 */
/* A character device: the state that chardev.c and chardev_request.c share. */
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

#define CHUNK SZ_64K /* the memory is allocated in chunks of this size */

/**
 * struct chunk - one chunk of the memory behind the device
 * @virt: its address for the CPU, for mmap
 * @bus: its DMA address
 */
struct chunk {
	void *virt;
	dma_addr_t bus;
};

/**
 * struct loop_char - one character device
 * @misc: the misc device
 * @name: name of @misc
 * @dev: the device
 * @size: size of the memory, in bytes
 * @nr_chunks: number of @chunks
 * @chunks: the memory behind the device
 * @lock: protects @opens, and @chans against being requested twice
 * @opens: number of open files
 * @nr_chans: number of channels held while a file is open
 * @chans: the channels
 * @next: counts requests; the channels take turns
 * @in_flight: number of requests that the device has not finished
 * @room: to wait for a request to end
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
