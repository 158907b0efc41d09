// SPDX-License-Identifier: GPL-2.0
/* Who else is on the buffer's cache lines? */
#include <linux/delay.h>
#include <linux/scatterlist.h>
#ifdef HAVE_KFENCE
#include <linux/kfence.h>
#endif

#include "bench.h"

#ifndef HAVE_KFENCE
/* The cases that need KFENCE cannot be run. */
static inline bool is_kfence_address(const void *address)
{
	return false;
}
#endif

/* SLAB_NO_MERGE exists since 6.5. SLAB_NOLEAKTRACE has always prevented merging, too. */
#ifndef SLAB_NO_MERGE
#define SLAB_NO_MERGE SLAB_NOLEAKTRACE
#endif

struct embedded {
	u32 state;
	u32 field;
	u8 buffer[48];
	u8 rest[200];
};

struct embedded_aligned {
	u32 state;
	u32 field;
	u8 buffer[48] __aligned(256);
	u8 rest[208];
};

static int write_beside(struct device *dev, u8 *buffer, u32 *field, bool in_turn)
{
	struct buffer b = { .cpu = buffer };
	int err = buffer_map(dev, &b, 48, DMA_FROM_DEVICE);

	if (err)
		return err;
	if (in_turn)
		dma_sync_single_for_cpu(dev, b.dma, 48, DMA_FROM_DEVICE);
	WRITE_ONCE(*field, *field + 0x01020304);
	if (in_turn)
		dma_sync_single_for_device(dev, b.dma, 48, DMA_FROM_DEVICE);
	buffer_unmap(dev, &b);
	return 0;
}

static int neighbour_write(struct device *dev)
{
	struct embedded *e = kzalloc(sizeof(*e), GFP_KERNEL);
	int err = e ? write_beside(dev, e->buffer, &e->field, false) : -ENOMEM;

	kfree(e);
	return err;
}

static int neighbour_write_aligned(struct device *dev)
{
	struct embedded_aligned *e = kzalloc(sizeof(*e), GFP_KERNEL);
	int err = e ? write_beside(dev, e->buffer, &e->field, false) : -ENOMEM;

	kfree(e);
	return err;
}

static int neighbour_write_in_turn(struct device *dev)
{
	struct embedded *e = kzalloc(sizeof(*e), GFP_KERNEL);
	int err = e ? write_beside(dev, e->buffer, &e->field, true) : -ENOMEM;

	kfree(e);
	return err;
}

static int map_two(struct device *dev, size_t distance, enum dma_data_direction first)
{
	u8 *memory = kzalloc(SIZE, GFP_KERNEL);
	struct buffer a = { .cpu = memory }, b = { .cpu = memory + distance };
	int err = memory ? buffer_map(dev, &a, 16, first) : -ENOMEM;

	if (!err) {
		err = buffer_map(dev, &b, 16, DMA_FROM_DEVICE);
		buffer_unmap(dev, &a);
	}
	if (!err)
		buffer_unmap(dev, &b);
	kfree(memory);
	return err;
}

static int two_on_one_line(struct device *dev)
{
	return map_two(dev, 16, DMA_FROM_DEVICE);
}

static int two_on_two_lines(struct device *dev)
{
	return map_two(dev, 256, DMA_FROM_DEVICE);
}

/* A command and its answer, side by side. Many drivers do this and get away with it. */
static int to_and_from(struct device *dev)
{
	return map_two(dev, 16, DMA_TO_DEVICE);
}

static int map_from_cache(struct device *dev, const char *name, unsigned int align)
{
	struct kmem_cache *cache = kmem_cache_create(name, 40, align, SLAB_NO_MERGE, NULL);
	struct buffer b[4];
	int i, err = 0;

	if (!cache)
		return -ENOMEM;
	for (i = 0; i < 4; i++) {
		b[i].cpu = kmem_cache_zalloc(cache, GFP_KERNEL);
		if (!b[i].cpu || buffer_map(dev, &b[i], 40, DMA_FROM_DEVICE))
			err = -ENOMEM;
		else
			buffer_unmap(dev, &b[i]);
	}
	while (i--)
		if (b[i].cpu)
			kmem_cache_free(cache, b[i].cpu);
	kmem_cache_destroy(cache);
	return err;
}

static int packed_cache(struct device *dev)
{
	return map_from_cache(dev, "dmabench-packed", 0);
}

static int aligned_cache(struct device *dev)
{
	return map_from_cache(dev, "dmabench-aligned", 256);
}

/* Adjacent kmalloc(32) buffers: they are on different lines wherever it matters. */
static int small_kmallocs(struct device *dev)
{
	struct buffer b[8];
	int mapped, i;

	for (mapped = 0; mapped < 8; mapped++)
		if (buffer_get(dev, &b[mapped], 32, DMA_FROM_DEVICE))
			break;
	for (i = 0; i < mapped; i++) {
		buffer_unmap(dev, &b[i]);
		/* The buffer is the CPU's again, whatever else is still on its line. */
		memset(b[i].cpu, i, 32);
	}
	for (i = 0; i < mapped; i++)
		kfree(b[i].cpu);
	return mapped == 8 ? 0 : -ENOMEM;
}

/* The state of a driver that samples, for a converter on an SPI bus. */
struct sampler {
	u8 sample[8];
	u32 overruns;
	u8 rest[52];
};

enum when { NEVER, DURING, BETWEEN };

/* One sample as the SPI core maps it: the handovers are syncs. */
static int take_sample(struct device *dev, u8 *buffer, u32 *field, enum when when)
{
	const unsigned long attrs = DMA_ATTR_SKIP_CPU_SYNC;
	struct scatterlist sg;

	sg_init_one(&sg, buffer, 8);
	if (!dma_map_sg_attrs(dev, &sg, 1, DMA_FROM_DEVICE, attrs))
		return -ENOMEM;
	if (when == BETWEEN)
		WRITE_ONCE(*field, *field + 1);
	dma_sync_sg_for_device(dev, &sg, 1, DMA_FROM_DEVICE);
	if (when == DURING)
		WRITE_ONCE(*field, *field + 1);
	dma_sync_sg_for_cpu(dev, &sg, 1, DMA_FROM_DEVICE);
	if (when == BETWEEN)
		WRITE_ONCE(*field, *field + 1);
	dma_unmap_sg_attrs(dev, &sg, 1, DMA_FROM_DEVICE, attrs);
	return 0;
}

static int sample_into_state(struct device *dev, enum when when)
{
	struct sampler *state = kzalloc(sizeof(*state), GFP_KERNEL);
	int err = state ? take_sample(dev, state->sample, &state->overruns, when) : -ENOMEM;

	kfree(state);
	return err;
}

static int skipped_neighbour_write(struct device *dev)
{
	return sample_into_state(dev, DURING);
}

static int skipped_neighbour_in_turn(struct device *dev)
{
	return sample_into_state(dev, BETWEEN);
}

static int skipped_apart(struct device *dev)
{
	struct sampler *state = kzalloc(sizeof(*state), GFP_KERNEL);
	u8 *sample = kzalloc(64, GFP_KERNEL);
	int err = state && sample ? take_sample(dev, sample, &state->overruns, DURING) : -ENOMEM;

	kfree(sample);
	kfree(state);
	return err;
}

/* Like page_pool: a page stays mapped, and its halves are in turn the device's and the CPU's. */
static int skipped_halves(struct device *dev)
{
	u8 *page = (u8 *)get_zeroed_page(GFP_KERNEL);
	const u32 half = PAGE_SIZE / 2;
	dma_addr_t dma;
	int i;

	if (!page)
		return -ENOMEM;
	dma = dma_map_single_attrs(dev, page, PAGE_SIZE, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	for (i = 0; i < 4; i++) {
		u32 ours = i % 2 * half, theirs = half - ours;

		dma_sync_single_range_for_device(dev, dma, theirs, half, DMA_FROM_DEVICE);
		memset(page + ours, i, half);
		dma_sync_single_range_for_cpu(dev, dma, theirs, half, DMA_FROM_DEVICE);
	}
	dma_unmap_single_attrs(dev, dma, PAGE_SIZE, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	free_page((unsigned long)page);
	return 0;
}

/* Like two importers of one dma-buf. */
static int skipped_twice(struct device *dev)
{
	u8 *page = (u8 *)get_zeroed_page(GFP_KERNEL);
	dma_addr_t dma[2];
	int i;

	if (!page)
		return -ENOMEM;
	for (i = 0; i < 2; i++)
		dma[i] = dma_map_single_attrs(dev, page, PAGE_SIZE, DMA_BIDIRECTIONAL,
					      DMA_ATTR_SKIP_CPU_SYNC);
	for (i = 0; i < 2; i++)
		dma_unmap_single_attrs(dev, dma[i], PAGE_SIZE, DMA_BIDIRECTIONAL,
				       DMA_ATTR_SKIP_CPU_SYNC);
	free_page((unsigned long)page);
	return 0;
}

/*
 * Get an object that KFENCE keeps at the end of a page. With kfence.sample_interval=10 KFENCE takes
 * an allocation every few milliseconds, no matter whose. Returns NULL if it takes none of ours.
 */
static void *guarded_zalloc(struct kmem_cache *cache)
{
	void *object;
	int tries;

	for (tries = 0; tries < 60000; tries++) {
		object = kmem_cache_zalloc(cache, GFP_KERNEL);
		if (!object || (is_kfence_address(object) && offset_in_page(object)))
			return object;
		kmem_cache_free(cache, object);
		usleep_range(200, 400);
	}
	return NULL;
}

/* 192 bytes are whole lines. The object's offset in its page is not a multiple of 192. */
static int guarded_whole(struct device *dev)
{
	struct kmem_cache *cache =
		kmem_cache_create("dmabench-guarded", 192, 64, SLAB_NO_MERGE, NULL);
	struct buffer b = {};
	int err = -ENODEV;

	if (!cache)
		return -ENOMEM;
	b.cpu = guarded_zalloc(cache);
	if (b.cpu)
		err = buffer_map(dev, &b, 192, DMA_FROM_DEVICE);
	if (!err)
		buffer_unmap(dev, &b);
	if (b.cpu)
		kmem_cache_free(cache, b.cpu);
	kmem_cache_destroy(cache);
	return err;
}

/* The buffer is 8 bytes into a 320-byte object, at an offset that is no multiple of 320. */
static int guarded_neighbour_write(struct device *dev)
{
	struct kmem_cache *cache =
		kmem_cache_create("dmabench-guarded", 320, 64, SLAB_NO_MERGE, NULL);
	struct embedded *e;
	int err = -ENODEV;

	if (!cache)
		return -ENOMEM;
	e = guarded_zalloc(cache);
	if (e) {
		err = write_beside(dev, e->buffer, &e->field, false);
		kmem_cache_free(cache, e);
	}
	kmem_cache_destroy(cache);
	return err;
}

/* A lock on the buffer's line. Taking and releasing it leaves it as it was. */
struct dmabench_locked {
	u8 buffer[56];
	spinlock_t lock;
};

struct dmabench_unlocked {
	u8 buffer[56] __aligned(256);
	u8 rest[200];
	spinlock_t lock;
};

/*
 * All that kmalloc() knows of an object is its size, and no other type here has this size. In some
 * debugging kernels the lock takes 64 bytes. Its last bytes share the buffer's line there, too.
 */
struct dmabench_allocated {
	u64 field;
	spinlock_t lock;
	u8 buffer[56];
	u8 rest[300];
};

static int lock_beside(struct device *dev, u8 *buffer, spinlock_t *lock)
{
	struct buffer b = { .cpu = buffer };
	int i, err;

	spin_lock_init(lock);
	err = buffer_map(dev, &b, 56, DMA_FROM_DEVICE);
	if (err)
		return err;
	for (i = 0; i < 100; i++) {
		spin_lock(lock);
		spin_unlock(lock);
	}
	buffer_unmap(dev, &b);
	return 0;
}

static int lock_in_cache(struct device *dev)
{
	struct dmabench_locked *l = NULL;
	struct kmem_cache *cache;
	int err = -ENOMEM;

	cache = KMEM_CACHE(dmabench_locked, SLAB_HWCACHE_ALIGN | SLAB_NO_MERGE);
	if (cache)
		l = kmem_cache_zalloc(cache, GFP_KERNEL);
	if (l) {
		err = lock_beside(dev, l->buffer, &l->lock);
		kmem_cache_free(cache, l);
	}
	kmem_cache_destroy(cache);
	return err;
}

static int lock_apart(struct device *dev)
{
	struct dmabench_unlocked *u = NULL;
	struct kmem_cache *cache;
	int err = -ENOMEM;

	cache = KMEM_CACHE(dmabench_unlocked, SLAB_NO_MERGE);
	if (cache)
		u = kmem_cache_zalloc(cache, GFP_KERNEL);
	if (u) {
		err = lock_beside(dev, u->buffer, &u->lock);
		kmem_cache_free(cache, u);
	}
	kmem_cache_destroy(cache);
	return err;
}

static int lock_in_kmalloc(struct device *dev)
{
	struct dmabench_allocated *a = kzalloc(sizeof(*a), GFP_KERNEL);
	int err = a ? lock_beside(dev, a->buffer, &a->lock) : -ENOMEM;

	kfree(a);
	return err;
}

const struct bench_case line_cases[] = {
	{ "neighbour-write", neighbour_write },
	{ "neighbour-write-aligned", neighbour_write_aligned },
	{ "neighbour-in-turn", neighbour_write_in_turn, .syncs = true },
	/* The same, but the syncs cannot be seen. */
	{ "neighbour-unseen-turn", neighbour_write_in_turn },
	{ "two-on-one-line", two_on_one_line },
	{ "two-on-two-lines", two_on_two_lines },
	{ "to-and-from", to_and_from },
	{ "packed-cache", packed_cache },
	{ "aligned-cache", aligned_cache },
	{ "small-kmallocs", small_kmallocs },
	{ "skip-neighbour-write", skipped_neighbour_write, .syncs = true },
	{ "skip-neighbour-in-turn", skipped_neighbour_in_turn, .syncs = true },
	{ "skip-unseen-turn", skipped_neighbour_in_turn },
	{ "skip-apart", skipped_apart, .syncs = true },
	{ "skip-halves", skipped_halves, .syncs = true },
	{ "skip-twice", skipped_twice, .syncs = true },
	{ "guarded-whole", guarded_whole },
	{ "guarded-neighbour-write", guarded_neighbour_write },
	{ "lock-in-cache", lock_in_cache },
	{ "lock-apart", lock_apart },
	{ "lock-in-kmalloc", lock_in_kmalloc },
	{}
};
