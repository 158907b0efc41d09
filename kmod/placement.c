// SPDX-License-Identifier: GPL-2.0
/* Allocates and frees a buffer in each placement; see placement.h. */
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "placement.h"

/*
 * The structure from the 2002 thread on small buffers and incoherent caches: the buffer shares its
 * first line with a field that the driver uses. It is padded to the largest line size, so that it
 * never shares a line with another object.
 */
struct iostruct {
	u32 state;
	u32 ifield;
	u8 dma_buffer[48];
	u8 rest[CACHE_LINE_MAX - 56];
};

/* The cure: the buffer is annotated with its alignment. */
struct iostruct_aligned {
	u32 state;
	u32 ifield;
	u8 dma_buffer[48] __aligned(CACHE_LINE_MAX);
	u8 rest[CACHE_LINE_MAX - 48];
};

/* A driver that allocates its fields and its buffer separately. */
struct iohost {
	u32 state;
	u32 ifield;
};

#define OFFSET_OBJECT 2048u /* has room for any offset and buffer */
#define PACKED_OBJECT 40u
#define NAME_SIZE 32

static int make_separate(struct placed *placed, u32 offset)
{
	placed->object = kzalloc(ALIGN(placed->size, CACHE_LINE_MAX), GFP_KERNEL);
	if (!placed->object)
		return -ENOMEM;
	placed->buffer = placed->object;
	playground_add(&placed->playground, placed->object, ALIGN(placed->size, CACHE_LINE_MAX));
	return 0;
}

static int make_embedded(struct placed *placed, u32 offset)
{
	struct iostruct *io = kzalloc(sizeof(*io), GFP_KERNEL);

	if (!io)
		return -ENOMEM;
	placed->object = io;
	placed->buffer = io->dma_buffer;
	placed->neighbour = (u8 *)&io->ifield;
	placed->size = min(placed->size, sizeof(io->dma_buffer));
	playground_add(&placed->playground, io, sizeof(*io));
	return 0;
}

static int make_embedded_aligned(struct placed *placed, u32 offset)
{
	struct iostruct_aligned *io = kzalloc(sizeof(*io), GFP_KERNEL);

	if (!io)
		return -ENOMEM;
	placed->object = io;
	placed->buffer = io->dma_buffer;
	placed->neighbour = (u8 *)&io->ifield;
	placed->size = min(placed->size, sizeof(io->dma_buffer));
	playground_add(&placed->playground, io, sizeof(*io));
	return 0;
}

static int make_offset(struct placed *placed, u32 offset)
{
	placed->object = kzalloc(OFFSET_OBJECT, GFP_KERNEL);
	if (!placed->object)
		return -ENOMEM;
	placed->buffer = placed->object + offset;
	placed->neighbour = placed->buffer + placed->size;
	if (offset >= NEIGHBOUR_SIZE)
		placed->neighbour = placed->buffer - NEIGHBOUR_SIZE;
	playground_add(&placed->playground, placed->object, OFFSET_OBJECT);
	return 0;
}

/*
 * Do two adjacent objects share a line at any line size? Only one place in the line is accepted, so
 * that each run loses the same bytes; one object in six is there.
 */
static bool share_line(const void *a, const void *b)
{
	return b == a + PACKED_OBJECT && (unsigned long)a % CACHE_LINE_MAX == 5 * PACKED_OBJECT;
}

static int make_cache(struct placed *placed, unsigned int align)
{
	unsigned int nr = PAGE_SIZE / PACKED_OBJECT, a, b;
	char name[NAME_SIZE];

	placed->size = PACKED_OBJECT;
	snprintf(name, sizeof(name), "%s-%s", dev_name(placed->dev), align ? "aligned" : "packed");
	placed->cache = kmem_cache_create(name, PACKED_OBJECT, align, SLAB_NO_MERGE, NULL);
	placed->objects = kcalloc(nr, sizeof(*placed->objects), GFP_KERNEL);
	if (!placed->cache || !placed->objects)
		return -ENOMEM;
	for (; placed->nr_objects < nr; placed->nr_objects++) {
		void *object = kmem_cache_zalloc(placed->cache, GFP_KERNEL);

		if (!object)
			return -ENOMEM;
		placed->objects[placed->nr_objects] = object;
	}
	if (align) {
		placed->buffer = placed->objects[0];
		placed->neighbour = placed->objects[1];
		playground_add(&placed->playground, placed->buffer, PACKED_OBJECT);
		return 0;
	}
	for (a = 0; a < nr; a++) {
		for (b = 0; b < nr; b++) {
			if (!share_line(placed->objects[a], placed->objects[b]))
				continue;
			placed->buffer = placed->objects[a];
			placed->neighbour = placed->objects[b];
			playground_add(&placed->playground, placed->buffer, 2 * PACKED_OBJECT);
			return 0;
		}
	}
	/* If the allocator pads its objects (slub_debug), no two share a line. */
	return -ENOTSUPP;
}

static int make_packed_cache(struct placed *placed, u32 offset)
{
	return make_cache(placed, 0);
}

static int make_aligned_cache(struct placed *placed, u32 offset)
{
	return make_cache(placed, CACHE_LINE_MAX);
}

static int make_pool(struct placed *placed, u32 offset)
{
	placed->coherent = true;
	placed->pool = dma_pool_create("dmaloop", placed->dev, placed->size, 8, 0);
	if (!placed->pool)
		return -ENOMEM;
	placed->buffer = dma_pool_zalloc(placed->pool, GFP_KERNEL, &placed->bus);
	return placed->buffer ? 0 : -ENOMEM;
}

static int make_coherent(struct placed *placed, u32 offset)
{
	placed->coherent = true;
	placed->buffer = dma_alloc_coherent(placed->dev, placed->size, &placed->bus, GFP_KERNEL);
	return placed->buffer ? 0 : -ENOMEM;
}

static int make_uncached(struct placed *placed, u32 offset)
{
	placed->coherent = true;
	placed->uncached = true;
	placed->buffer = dma_alloc_wc(placed->dev, placed->size, &placed->bus, GFP_KERNEL);
	return placed->buffer ? 0 : -ENOMEM;
}

static int make_pages(struct placed *placed, u32 offset)
{
	placed->object = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!placed->object)
		return -ENOMEM;
	placed->buffer = placed->object;
	playground_add(&placed->playground, placed->object, PAGE_SIZE);
	return 0;
}

#define BEFORE_PAGE_END 24u

static int make_page_straddle(struct placed *placed, u32 offset)
{
	placed->object = kzalloc(2 * PAGE_SIZE, GFP_KERNEL);
	if (!placed->object)
		return -ENOMEM;
	placed->buffer = placed->object + PAGE_SIZE - BEFORE_PAGE_END;
	placed->neighbour = placed->buffer - NEIGHBOUR_SIZE;
	playground_add(&placed->playground, placed->object, 2 * PAGE_SIZE);
	return 0;
}

static int make_user(struct placed *placed, u32 offset)
{
	int nr;

	if (!placed->user || offset_in_page(placed->user))
		return -EINVAL;
	nr = pin_user_pages_fast(placed->user, 1, FOLL_WRITE, &placed->user_page);
	if (nr != 1) {
		placed->user_page = NULL;
		return nr < 0 ? nr : -EFAULT;
	}
	placed->buffer = page_address(placed->user_page);
	playground_add(&placed->playground, placed->buffer, PAGE_SIZE);
	return 0;
}

static const struct {
	const char *name;
	int (*make)(struct placed *placed, u32 offset);
} placements[NR_PLACEMENTS] = {
	[PLACE_SEPARATE] = { "separate", make_separate },
	[PLACE_EMBEDDED] = { "embedded", make_embedded },
	[PLACE_EMBEDDED_ALIGNED] = { "embedded-aligned", make_embedded_aligned },
	[PLACE_OFFSET] = { "offset", make_offset },
	[PLACE_PACKED_CACHE] = { "packed-cache", make_packed_cache },
	[PLACE_ALIGNED_CACHE] = { "aligned-cache", make_aligned_cache },
	[PLACE_POOL] = { "pool", make_pool },
	[PLACE_COHERENT] = { "coherent", make_coherent },
	[PLACE_UNCACHED] = { "uncached", make_uncached },
	[PLACE_PAGES] = { "pages", make_pages },
	[PLACE_PAGE_STRADDLE] = { "page-straddle", make_page_straddle },
	[PLACE_USER] = { "user", make_user },
};

/**
 * placement_name - the name of a placement on the command line and in the matrix
 * @where: the placement
 *
 * Return: a static string.
 */
const char *placement_name(enum placement where)
{
	return placements[where].name;
}

/**
 * placement_find - look up a placement by name
 * @name: NUL-terminated
 * @where: out: the placement
 *
 * Return: false if there is none.
 */
bool placement_find(const char *name, enum placement *where)
{
	for (*where = 0; *where < NR_PLACEMENTS; ++*where)
		if (!strcmp(placements[*where].name, name))
			return true;
	return false;
}

/**
 * placement_make - allocate a buffer and its neighbour bytes
 * @placed: storage for the result
 * @dev: the device, for coherent memory
 * @where: the placement
 * @size: bytes, 1 to PLACEMENT_SIZE_MAX; a placement in a structure may give less
 * @offset: for PLACE_OFFSET: offset from the start of the object in bytes, below CACHE_LINE_MAX
 * @user: for PLACE_USER: address of a page of the caller
 *
 * Context: may sleep.
 * Return: 0, -EINVAL if @size, @offset or @user is invalid, -ENOMEM, or -ENOTSUPP if the allocator
 * cannot provide the placement. On error there is nothing to free.
 */
int placement_make(struct placed *placed, struct device *dev, enum placement where, size_t size,
		   u32 offset, u64 user)
{
	struct iohost *host = NULL;
	int err;

	memset(placed, 0, sizeof(*placed));
	INIT_LIST_HEAD(&placed->playground.node);
	if (where >= NR_PLACEMENTS || !size || size > PLACEMENT_SIZE_MAX ||
	    offset >= CACHE_LINE_MAX)
		return -EINVAL;
	placed->where = where;
	placed->dev = dev;
	placed->size = size;
	placed->user = user;
	err = placements[where].make(placed, offset);
	if (!err && !placed->neighbour) {
		host = kzalloc(sizeof(*host), GFP_KERNEL);
		if (!host)
			err = -ENOMEM;
		else
			placed->neighbour = (u8 *)&host->ifield;
		placed->host = host;
	}
	if (err)
		placement_free(placed);
	return err;
}

/**
 * placement_free - undo placement_make()
 * @placed: the buffer, which the device no longer uses
 *
 * Context: may sleep.
 */
void placement_free(struct placed *placed)
{
	if (!list_empty(&placed->playground.node))
		playground_remove(&placed->playground);
	if (placed->pool) {
		if (placed->buffer)
			dma_pool_free(placed->pool, placed->buffer, placed->bus);
		dma_pool_destroy(placed->pool);
	} else if (placed->uncached && placed->buffer) {
		dma_free_wc(placed->dev, placed->size, placed->buffer, placed->bus);
	} else if (placed->coherent && placed->buffer) {
		dma_free_coherent(placed->dev, placed->size, placed->buffer, placed->bus);
	}
	if (placed->user_page)
		unpin_user_pages_dirty_lock(&placed->user_page, 1, true);
	while (placed->nr_objects)
		kmem_cache_free(placed->cache, placed->objects[--placed->nr_objects]);
	kfree(placed->objects);
	kmem_cache_destroy(placed->cache);
	kfree(placed->object);
	kfree(placed->host);
}
