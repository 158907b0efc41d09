// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/dmaloopN, the character device of a device made with client=chardev. It offers memory behind
 * the device. read, write and io_uring transfer by DMA directly between that memory and the
 * caller's pages, so that ordinary tools (dd, fio) exercise the real DMA API. It is an ordinary
 * dmaengine client: its transfers are memcpy transactions on the device's channels
 * (chardev_request.c).
 */
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "chardev.h"
#include "chardev_request.h"
#include "device.h"
#include "dmaengine.h"

static __poll_t char_poll(struct file *file, poll_table *table)
{
	struct loop_char *lc = file->private_data;

	poll_wait(file, &lc->room, table);
	return loop_char_has_room(lc) ? EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM : 0;
}

static loff_t char_llseek(struct file *file, loff_t offset, int whence)
{
	struct loop_char *lc = file->private_data;

	return fixed_size_llseek(file, offset, whence, lc->size);
}

/* Map one chunk. The caller has narrowed @vma to that chunk. */
static int map_chunk(struct loop_char *lc, struct vm_area_struct *vma, u64 pos)
{
	struct chunk *chunk = &lc->chunks[pos / CHUNK];

	vma->vm_pgoff = PFN_DOWN(pos % CHUNK);
	return dma_mmap_coherent(lc->dev, vma, chunk->virt, chunk->bus, CHUNK);
}

/*
 * Map the device's memory. It is coherent, so nothing has to be synced. Only the DMA API knows the
 * right page protection: uncached if the device is not coherent.
 */
static int char_mmap(struct file *file, struct vm_area_struct *vma)
{
	const unsigned long start = vma->vm_start, end = vma->vm_end, pgoff = vma->vm_pgoff;
	struct loop_char *lc = file->private_data;
	u64 pos = (u64)pgoff << PAGE_SHIFT;
	int err = 0;

	/* mmap() clears VM_SHARED if the file is not open for writing; VM_MAYSHARE stays. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_pgoff > PFN_DOWN(lc->size) ||
	    vma_pages(vma) > PFN_DOWN(lc->size) - vma->vm_pgoff)
		return -ENXIO;
	if (!dma_can_mmap(lc->dev))
		return -ENXIO;
	for (vma->vm_end = start; !err && vma->vm_end < end;) {
		vma->vm_start = vma->vm_end;
		vma->vm_end = min_t(u64, end, vma->vm_start + CHUNK - pos % CHUNK);
		err = map_chunk(lc, vma, pos);
		pos += vma->vm_end - vma->vm_start;
	}
	vma->vm_start = start;
	vma->vm_end = end;
	vma->vm_pgoff = pgoff;
	return err;
}

static bool is_ours(struct dma_chan *chan, void *dev)
{
	return chan->device->dev == dev;
}

static void put_channels(struct loop_char *lc)
{
	while (lc->nr_chans)
		dma_release_channel(lc->chans[--lc->nr_chans]);
}

static int get_channels(struct loop_char *lc, u32 wanted)
{
	dma_cap_mask_t mask;

	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
	while (lc->nr_chans < wanted) {
		struct dma_chan *chan = dma_request_channel(mask, is_ours, lc->dev);

		if (!chan) {
			put_channels(lc);
			return -EBUSY;
		}
		lc->chans[lc->nr_chans++] = chan;
	}
	return 0;
}

static int char_open(struct inode *inode, struct file *file)
{
	struct loop_char *lc = container_of(file->private_data, struct loop_char, misc);
	struct engine *engine = dev_get_drvdata(lc->dev);
	int err = 0;

	/* misc_open() holds off misc_deregister(), so the device exists. */
	if (!dmaloop_device_use(lc->dev))
		return -ENODEV;
	scoped_guard(mutex, &lc->lock)
	{
		if (!lc->opens)
			err = get_channels(lc, engine->nr_channels);
		if (!err)
			lc->opens++;
	}
	if (err) {
		dmaloop_device_unuse(lc->dev);
		return err;
	}
	file->private_data = lc;
	file->f_mode |= FMODE_CAN_ODIRECT | FMODE_NOWAIT;
	return 0;
}

/* A request holds a reference to the file, so none is in flight. */
static int char_release(struct inode *inode, struct file *file)
{
	struct loop_char *lc = file->private_data;

	scoped_guard(mutex, &lc->lock)
	{
		if (!--lc->opens)
			put_channels(lc);
	}
	dmaloop_device_unuse(lc->dev);
	return 0;
}

/* Nothing is buffered: the data is in the memory when write() returns. */
static int char_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return 0;
}

static const struct file_operations char_fops = {
	.owner = THIS_MODULE,
	.open = char_open,
	.release = char_release,
	.read_iter = char_read_iter,
	.write_iter = char_write_iter,
	.uring_cmd = char_uring_cmd,
	.poll = char_poll,
	.llseek = char_llseek,
	.mmap = char_mmap,
	.fsync = char_fsync,
};

static void free_memory(struct loop_char *lc)
{
	while (lc->nr_chunks--)
		dma_free_coherent(lc->dev, CHUNK, lc->chunks[lc->nr_chunks].virt,
				  lc->chunks[lc->nr_chunks].bus);
	kvfree(lc->chunks);
}

static int alloc_memory(struct loop_char *lc)
{
	u32 wanted = lc->size / CHUNK;

	lc->chunks = kvcalloc(wanted, sizeof(*lc->chunks), GFP_KERNEL);
	if (!lc->chunks)
		return -ENOMEM;
	for (; lc->nr_chunks < wanted; lc->nr_chunks++) {
		struct chunk *chunk = &lc->chunks[lc->nr_chunks];

		chunk->virt = dma_alloc_coherent(lc->dev, CHUNK, &chunk->bus, GFP_KERNEL);
		if (!chunk->virt) {
			free_memory(lc);
			return -ENOMEM;
		}
		cond_resched();
	}
	return 0;
}

/**
 * dmaloop_chardev_attach - create /dev/dmaloopN for a device
 * @dev: the device
 * @memory: size of the memory behind the device, in MiB
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int dmaloop_chardev_attach(struct device *dev, u32 memory)
{
	struct engine *engine = dev_get_drvdata(dev);
	struct loop_char *lc = kzalloc(sizeof(*lc), GFP_KERNEL);
	int err;

	if (!lc)
		return -ENOMEM;
	lc->dev = dev;
	lc->size = (u64)memory * SZ_1M;
	mutex_init(&lc->lock);
	init_waitqueue_head(&lc->room);
	err = alloc_memory(lc);
	if (err)
		goto out_free;
	err = dmaloop_dmaengine_attach(dev, false);
	if (err)
		goto out_memory;
	snprintf(lc->name, sizeof(lc->name), "dmaloop%d", to_platform_device(dev)->id);
	lc->misc.minor = MISC_DYNAMIC_MINOR;
	lc->misc.name = lc->name;
	lc->misc.fops = &char_fops;
	lc->misc.mode = 0600;
	err = misc_register(&lc->misc);
	if (err)
		goto out_dmaengine;
	engine->chardev = lc;
	return 0;

out_dmaengine:
	dmaloop_dmaengine_detach(dev);
out_memory:
	free_memory(lc);
out_free:
	mutex_destroy(&lc->lock);
	kfree(lc);
	return err;
}

/**
 * dmaloop_chardev_detach - undo dmaloop_chardev_attach()
 * @dev: the device; no file is open
 *
 * Context: may sleep.
 */
void dmaloop_chardev_detach(struct device *dev)
{
	struct engine *engine = dev_get_drvdata(dev);
	struct loop_char *lc = engine->chardev;

	misc_deregister(&lc->misc);
	dmaloop_dmaengine_detach(dev);
	free_memory(lc);
	mutex_destroy(&lc->lock);
	kfree(lc);
}
