/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the cases share. Each file of cases is about one question that a person asks when DMA data
 * is corrupted, and has one table. main.c runs the cases.
 */
#ifndef DMABENCH_H
#define DMABENCH_H

#include <linux/dma-mapping.h>
#include <linux/slab.h>

#define SIZE 512

#ifndef HAVE_NONCONTIGUOUS
/* The cases that need these functions cannot be run. */
static inline struct sg_table *dma_alloc_noncontiguous(struct device *dev, size_t size,
						       enum dma_data_direction dir, gfp_t gfp,
						       unsigned long attrs)
{
	return NULL;
}

static inline void dma_free_noncontiguous(struct device *dev, size_t size, struct sg_table *table,
					  enum dma_data_direction dir)
{
}
#endif

/**
 * struct bench_case - one fault, or its correct twin
 * @name: at most 25 characters, because the device is called "bench.NAME"
 * @run: what the driver does with its device; 0, or a negative errno if it could not be done
 * @syncs: the device's syncs are carried out; otherwise, kernels since 6.10 skip them if the device
 *	is coherent, and nobody can see the calls
 * @older: the device and its parent are created with the module, that is, before a trace
 */
struct bench_case {
	const char *name;
	int (*run)(struct device *dev);
	bool syncs;
	bool older;
};

/* Each table ends with an entry without a name. */
extern const struct bench_case address_cases[], pairing_cases[], list_cases[], sync_cases[],
	line_cases[], lifetime_cases[], handover_cases[], usb_cases[], late_cases[], nested_cases[],
	storm_cases[];

/* If set, a probe ends with this call and returns its result. */
extern int (*bench_probed)(struct device *dev);

struct platform_device;

struct platform_device *bench_make(const char *case_name, struct device *parent);
int bench_bind(struct device *dev);
bool bench_wait(unsigned long end);
unsigned long bench_end(void);

/**
 * struct buffer - an allocation of its own, and its mapping
 * @cpu: the memory, from kzalloc()
 * @dma: its DMA address
 * @size: bytes
 * @dir: direction
 */
struct buffer {
	u8 *cpu;
	dma_addr_t dma;
	size_t size;
	enum dma_data_direction dir;
};

/* These functions are inlined, so that every stack begins with the case. */

/* Map the memory at b->cpu. On failure nothing is mapped. */
static __always_inline int buffer_map(struct device *dev, struct buffer *b, size_t size,
				      enum dma_data_direction dir)
{
	b->size = size;
	b->dir = dir;
	b->dma = dma_map_single(dev, b->cpu, size, dir);
	return dma_mapping_error(dev, b->dma) ? -ENOMEM : 0;
}

static __always_inline void buffer_unmap(struct device *dev, const struct buffer *b)
{
	dma_unmap_single(dev, b->dma, b->size, b->dir);
}

/* Allocate memory and map it. On failure there is neither. */
static __always_inline int buffer_get(struct device *dev, struct buffer *b, size_t size,
				      enum dma_data_direction dir)
{
	int err = -ENOMEM;

	b->cpu = kzalloc(size, GFP_KERNEL);
	if (b->cpu)
		err = buffer_map(dev, b, size, dir);
	if (err)
		kfree(b->cpu);
	return err;
}

static __always_inline void buffer_put(struct device *dev, struct buffer *b)
{
	buffer_unmap(dev, b);
	kfree(b->cpu);
}

#endif
