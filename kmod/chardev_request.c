// SPDX-License-Identifier: GPL-2.0
/*
 * Transfers of a character device, started by read, write and io_uring.
 *
 * A request lives until the device is done with it, even if the caller goes away. It keeps the
 * pages pinned, the mapping in place and the file open, so that the device stays too.
 */
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/fs.h>
#include <linux/io_uring/cmd.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

#include "chardev_request.h"
#include "device.h"
#include "dmaloop_uapi.h"

#define SEGMENTS_MAX 64u /* segments of the caller's memory in one request */
#define IN_FLIGHT_MAX 64 /* requests per device, unless the caller waits */

/**
 * struct request - one transfer between the caller's pages and the device's memory
 * @ref: one reference for the device, one for a caller that waits
 * @lc: the character device
 * @file: kept open until the request ends
 * @iocb: to complete; NULL if the caller waits or @cmd is set
 * @cmd: io_uring passthrough command to complete
 * @done: a caller that waits sleeps on it
 * @work: ends the request, which may sleep
 * @read: the transfer is into the caller's pages
 * @pinned: the caller's pages are pinned, and this request unpins them
 * @sgt: the caller's pages
 * @mapped: @sgt is mapped
 * @bytes: bytes submitted
 * @result: bytes transferred, or a negative errno
 * @failed: an access by the device faulted
 */
struct request {
	struct kref ref;
	struct loop_char *lc;
	struct file *file;
	struct kiocb *iocb;
	struct io_uring_cmd *cmd;
	struct completion done;
	struct work_struct work;
	bool read;
	bool pinned;
	struct sg_table sgt;
	bool mapped;
	size_t bytes;
	ssize_t result;
	bool failed;
};

static enum dma_data_direction request_dir(const struct request *req)
{
	return req->read ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
}

static void request_release(struct kref *ref)
{
	kfree(container_of(ref, struct request, ref));
}

/* Release everything that the request holds, but not the request itself. */
static void request_unmap(struct request *req)
{
	struct scatterlist *sg;
	unsigned int i;

	if (req->mapped)
		dma_unmap_sgtable(req->lc->dev, &req->sgt, request_dir(req), 0);
	for_each_sgtable_sg(&req->sgt, sg, i) {
		struct page *page = sg_page(sg);

		if (req->pinned)
			unpin_user_pages_dirty_lock(&page, 1, req->read);
	}
	kfree(req->sgt.sgl);
}

static void request_end(struct work_struct *work)
{
	struct request *req = container_of(work, struct request, work);
	struct loop_char *lc = req->lc;
	struct file *file = req->file;

	request_unmap(req);
	req->result = req->failed ? -EIO : req->bytes;
	if (req->iocb) {
		if (req->result > 0)
			req->iocb->ki_pos += req->result;
		req->iocb->ki_complete(req->iocb, req->result);
	} else if (req->cmd) {
		io_uring_cmd_done(req->cmd, req->result, 0, IO_URING_F_UNLOCKED);
	} else {
		complete(&req->done);
	}
	kref_put(&req->ref, request_release);
	atomic_dec(&lc->in_flight);
	wake_up_all(&lc->room);
	/* The last use of @lc: once the file is released, the device may go. */
	fput(file);
}

static void piece_done(void *data, const struct dmaengine_result *result)
{
	struct request *req = data;

	if (result->result != DMA_TRANS_NOERROR)
		WRITE_ONCE(req->failed, true);
}

static void last_piece_done(void *data, const struct dmaengine_result *result)
{
	struct request *req = data;

	piece_done(data, result);
	queue_work(dmaloop_queue, &req->work);
}

static void submit_piece(struct request *req, struct dma_async_tx_descriptor *tx, bool last)
{
	if (!tx)
		return;
	tx->callback_result = last ? last_piece_done : piece_done;
	tx->callback_param = req;
	dmaengine_submit(tx);
}

/*
 * Split the request at the ends of its segments and of the memory's chunks, and submit the pieces.
 * If a descriptor cannot be had, the request becomes shorter. Returns false if there is not even
 * one piece.
 */
static bool request_submit(struct request *req, struct dma_chan *chan, u64 pos)
{
	struct dma_async_tx_descriptor *previous = NULL;
	struct loop_char *lc = req->lc;
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(&req->sgt, sg, i) {
		dma_addr_t bus = sg_dma_address(sg);
		u32 left = sg_dma_len(sg);

		while (left) {
			dma_addr_t store = lc->chunks[pos / CHUNK].bus + pos % CHUNK;
			u32 bytes = min_t(u32, left, CHUNK - pos % CHUNK);
			struct dma_async_tx_descriptor *tx;

			/* Only the last piece has to interrupt, but it is not known in time. */
			tx = dmaengine_prep_dma_memcpy(chan, req->read ? bus : store,
						       req->read ? store : bus, bytes,
						       DMA_CTRL_ACK | DMA_PREP_INTERRUPT);
			if (!tx)
				goto out;
			submit_piece(req, previous, false);
			previous = tx;
			req->bytes += bytes;
			bus += bytes;
			pos += bytes;
			left -= bytes;
		}
	}
out:
	if (!previous)
		return false;
	submit_piece(req, previous, true);
	/* From here on the request may end and be freed at any moment. */
	dma_async_issue_pending(chan);
	return true;
}

static struct request *request_new(struct loop_char *lc, struct iov_iter *iter, bool read,
				   size_t bytes)
{
	struct request *req = kzalloc(sizeof(*req), GFP_KERNEL);
	unsigned int segments = min_t(size_t, iov_iter_npages(iter, SEGMENTS_MAX), SEGMENTS_MAX);
	ssize_t got;

	if (!req)
		return ERR_PTR(-ENOMEM);
	kref_init(&req->ref);
	init_completion(&req->done);
	INIT_WORK(&req->work, request_end);
	req->lc = lc;
	req->read = read;
	req->pinned = iov_iter_extract_will_pin(iter);
	req->sgt.sgl = kcalloc(segments ?: 1, sizeof(*req->sgt.sgl), GFP_KERNEL);
	if (!req->sgt.sgl) {
		kfree(req);
		return ERR_PTR(-ENOMEM);
	}
	sg_init_table(req->sgt.sgl, segments ?: 1);
	got = extract_iter_to_sg(iter, bytes, &req->sgt, segments, 0);
	req->sgt.orig_nents = req->sgt.nents;
	if (got > 0 && req->sgt.nents) {
		int err;

		sg_mark_end(&req->sgt.sgl[req->sgt.nents - 1]);
		err = dma_map_sgtable(lc->dev, &req->sgt, request_dir(req), 0);
		req->mapped = !err;
		got = err ?: got;
	}
	if (got > 0)
		return req;
	request_unmap(req);
	kfree(req);
	return ERR_PTR(got ?: -EFAULT);
}

/*
 * Start one request. Returns 0 with *@out set if the caller has to wait for it, -EIOCBQUEUED if it
 * completes @iocb or @cmd, or a negative errno.
 */
static int request_start(struct file *file, struct iov_iter *iter, u64 pos, bool read,
			 struct kiocb *iocb, struct io_uring_cmd *cmd, struct request **out)
{
	struct loop_char *lc = file->private_data;
	struct dma_chan *chan = lc->chans[(u32)atomic_inc_return(&lc->next) % lc->nr_chans];
	size_t bytes = min_t(u64, iov_iter_count(iter), lc->size - pos);
	struct request *req = request_new(lc, iter, read, bytes);

	if (IS_ERR(req))
		return PTR_ERR(req);
	req->iocb = iocb;
	req->cmd = cmd;
	req->file = get_file(file);
	atomic_inc(&lc->in_flight);
	if (!iocb && !cmd)
		kref_get(&req->ref);
	*out = req;
	if (request_submit(req, chan, pos))
		return iocb || cmd ? -EIOCBQUEUED : 0;

	/* Nothing was submitted, so nothing else will end the request. */
	request_unmap(req);
	kfree(req);
	atomic_dec(&lc->in_flight);
	wake_up_all(&lc->room);
	fput(file);
	return -ENOMEM;
}

/**
 * loop_char_has_room - may another request be started?
 * @lc: the character device
 *
 * Return: false if the maximum number of requests is in flight.
 */
bool loop_char_has_room(struct loop_char *lc)
{
	return atomic_read(&lc->in_flight) < IN_FLIGHT_MAX;
}

static ssize_t transfer_sync(struct kiocb *iocb, struct iov_iter *iter, bool read)
{
	struct loop_char *lc = iocb->ki_filp->private_data;
	ssize_t done = 0;

	while (iov_iter_count(iter) && iocb->ki_pos < lc->size) {
		size_t taken = iov_iter_count(iter);
		struct request *req;
		ssize_t result;
		int err;

		err = request_start(iocb->ki_filp, iter, iocb->ki_pos, read, NULL, NULL, &req);
		if (err)
			return done ?: err;
		/*
		 * A caller that is killed may leave: its pages are pinned, and the request ends by
		 * itself. Kernel pages are not pinned, so wait for the device.
		 */
		if (req->pinned)
			err = wait_for_completion_killable(&req->done);
		else
			wait_for_completion(&req->done);
		result = err ?: req->result;
		taken -= iov_iter_count(iter);
		kref_put(&req->ref, request_release);
		if (result < 0)
			return done ?: result;
		done += result;
		iocb->ki_pos += result;
		/* Not all bytes taken from @iter were submitted: the rest would be shifted. */
		if (result != taken)
			return done;
	}
	return done;
}

static ssize_t transfer(struct kiocb *iocb, struct iov_iter *iter, bool read)
{
	struct loop_char *lc = iocb->ki_filp->private_data;
	bool wait = !(iocb->ki_flags & IOCB_NOWAIT) && !(iocb->ki_filp->f_flags & O_NONBLOCK);
	struct request *req;
	int err;

	if (!iov_iter_count(iter))
		return 0;
	if (iocb->ki_pos >= lc->size)
		return read ? 0 : -ENOSPC;
	if (!loop_char_has_room(lc)) {
		if (!wait)
			return -EAGAIN;
		err = wait_event_killable(lc->room, loop_char_has_room(lc));
		if (err)
			return err;
	}
	if (is_sync_kiocb(iocb))
		return transfer_sync(iocb, iter, read);
	return request_start(iocb->ki_filp, iter, iocb->ki_pos, read, iocb, NULL, &req);
}

/**
 * char_read_iter - read() and its asynchronous variants
 * @iocb: the kernel I/O control block
 * @to: the caller's memory
 *
 * Context: may sleep, unless @iocb forbids it.
 * Return: bytes read, -EIOCBQUEUED, or another negative errno.
 */
ssize_t char_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return transfer(iocb, to, true);
}

/**
 * char_write_iter - write() and its asynchronous variants
 * @iocb: the kernel I/O control block
 * @from: the caller's memory
 *
 * Context: may sleep, unless @iocb forbids it.
 * Return: bytes written, -EIOCBQUEUED, or another negative errno.
 */
ssize_t char_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return transfer(iocb, from, false);
}

/**
 * char_uring_cmd - handle an io_uring passthrough command
 * @cmd: the command, with a struct dmaloop_uring_cmd
 * @issue_flags: IO_URING_F_* flags
 *
 * Context: may sleep.
 * Return: -EIOCBQUEUED, or another negative errno.
 */
int char_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct loop_char *lc = cmd->file->private_data;
	const struct dmaloop_uring_cmd *user = io_uring_sqe_cmd(cmd->sqe);
	bool read = cmd->cmd_op == DMALOOP_URING_READ;
	struct request *req;
	struct iov_iter iter;
	u64 addr, offset;
	u32 length;
	int err;

	if (cmd->cmd_op != DMALOOP_URING_READ && cmd->cmd_op != DMALOOP_URING_WRITE)
		return -ENOTTY;
	/* The VFS checks this for read and write, but not for io_uring commands. */
	if (!(cmd->file->f_mode & (read ? FMODE_READ : FMODE_WRITE)))
		return -EBADF;
	if (!(issue_flags & IO_URING_F_SQE128))
		return -EINVAL;
	/* Read each field once: user space shares the command and may change it. */
	addr = READ_ONCE(user->addr);
	offset = READ_ONCE(user->offset);
	length = READ_ONCE(user->length);
	if (READ_ONCE(user->reserved) || !length || offset >= lc->size)
		return -EINVAL;
	if (!loop_char_has_room(lc))
		return -EAGAIN;
	err = import_ubuf(read ? ITER_DEST : ITER_SOURCE, u64_to_user_ptr(addr), length, &iter);
	return err ?: request_start(cmd->file, &iter, offset, read, NULL, cmd, &req);
}
