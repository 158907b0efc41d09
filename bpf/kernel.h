/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The few kernel types that dmasnoop reads, reduced to the fields that it reads. CO-RE relocates
 * them against the running kernel's BTF, so nothing here has to match a version. A name with ___ is
 * one kernel's variant of the type before it.
 */
#ifndef DMASNOOP_KERNEL_H
#define DMASNOOP_KERNEL_H

#include "core/types.h"

typedef u8 __u8;
typedef u16 __u16;
typedef u32 __u32;
typedef u64 __u64;
typedef int __s32;
typedef long long __s64;
typedef short __s16;
typedef signed char __s8;
typedef u16 __be16;
typedef u32 __be32;
typedef u32 __wsum;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};

struct list_head {
	struct list_head *next;
};

struct kobject {
	const char *name;
	struct list_head entry;
};

struct kset {
	struct list_head list;
};

struct module {
	char name[56];
};

struct device_driver {
	const char *name;
	struct module *owner;
};

struct bus_type {
	const char *name;
};

struct io_tlb_mem {
	unsigned long nslabs;
	bool force_bounce;
};

struct device_dma_parameters {
	unsigned int max_segment_size;
	unsigned long segment_boundary_mask;
};

struct klist {
	struct list_head k_list;
};

struct klist_node {
	struct list_head n_node;
};

/* The type is from drivers/base/base.h. */
struct device_private {
	struct klist klist_children;
	struct klist_node knode_parent;
	struct device *device;
};

struct device {
	struct kobject kobj;
	struct device *parent;
	struct device_private *p;
	const char *init_name;
	const struct bus_type *bus;
	struct device_driver *driver;
	const void *dma_ops;
	u64 *dma_mask;
	u64 coherent_dma_mask;
	u64 bus_dma_limit;
	struct io_tlb_mem *dma_io_tlb_mem;
	const void *iommu_group;
	/* exists only where some devices are not coherent */
	bool dma_coherent : 1;
	/* since 6.10: the kernel skips the device's syncs */
	bool dma_skip_sync : 1;
	/* since 6.12: the IOMMU maps for the device, without dma_ops */
	bool dma_iommu : 1;
	struct device_dma_parameters *dma_parms;
};

/* since 7.x: a bitmap holds the two flags */
struct device___flags {
	unsigned long flags[1];
};

struct scatterlist {
	unsigned long page_link;
	unsigned int offset;
	unsigned int length;
	u64 dma_address;
	unsigned int dma_length;
};

struct sg_table {
	struct scatterlist *sgl;
	unsigned int nents;
	unsigned int orig_nents;
};

/* since 7.x */
struct dma_iova_state {
	u64 addr;
};

typedef struct {
	int counter;
} atomic_t;

struct page {
	unsigned long flags;
	unsigned long compound_head;
	unsigned int page_type;
	atomic_t _refcount;
	unsigned long private;
	void *mapping;
};

/* since 7.x */
struct page___info {
	unsigned long compound_info;
};

struct sk_buff {
	unsigned int len;
	unsigned int data_len;
	unsigned int end;
	unsigned char *head;
	unsigned char *data;
};

struct skb_shared_info {
	u8 nr_frags;
	struct skb_frag {
		u64 page; /* the name depends on the kernel; not relocated */
	} frags[1];
};

struct bio_vec {
	struct page *bv_page;
	unsigned int bv_len;
	unsigned int bv_offset;
};

struct bvec_iter {
	unsigned int bi_idx;
	unsigned int bi_bvec_done;
};

struct bio {
	struct bvec_iter bi_iter;
	struct bio_vec *bi_io_vec;
};

/* since 7.3 */
struct bvec_iter___renamed {
	unsigned int bi_offset;
};

struct bio___renamed {
	struct bvec_iter___renamed bi_iter;
};

struct request {
	unsigned int cmd_flags;
	struct bio *bio;
};

struct urb {
	void *hcpriv;
	struct {
		int counter;
	} use_count;
	unsigned int transfer_flags;
	void *transfer_buffer;
	struct scatterlist *sg;
	u32 actual_length;
};

struct spi_message {
	struct list_head transfers;
};

struct spi_transfer {
	void *rx_buf;
	unsigned int len;
	struct list_head transfer_list;
};

typedef struct {
	unsigned long f;
} memdesc_flags_t;

struct page___typed {
	memdesc_flags_t flags;
};

struct vm_struct {
	struct page **pages;
	unsigned int nr_pages;
};

struct task_struct {
	void *stack;
	struct vm_struct *stack_vm_area;
};

struct kmem_cache {
	unsigned int size;
	unsigned int object_size;
	unsigned int red_left_pad;
	int refcount;
	const char *name;
};

struct slab {
	struct kmem_cache *slab_cache;
};

/* before 5.17 */
struct page___slab {
	struct kmem_cache *slab_cache;
};

typedef struct {
	u64 v;
} u64_stats_t;

struct kfence_metadata {
	u64 addr; /* unsigned long */
	u64 size; /* size_t */
};

enum bpf_func_id {
	BPF_FUNC_map_lookup_percpu_elem = 195,
};

struct bpf_array {
	void *pptrs[0];
};

struct bpf_prog_stats {
	u64_stats_t misses;
};

struct bpf_prog_aux {
	u32 id;
};

struct bpf_prog {
	struct bpf_prog_stats *stats;
	int *active;
	struct bpf_prog_aux *aux;
};

struct bpf_iter__bpf_prog {
	struct bpf_prog *prog;
};

/*
 * The type is from include/uapi/linux/bpf_perf_event.h. The fields before @addr depend on the
 * architecture.
 */
struct bpf_perf_event_data {
	u64 addr;
};

/* Only the registers with a function's arguments and result are here. */
struct pt_regs___x86 {
	unsigned long cx, dx, si, di, r8, r9, ax, sp;
};

struct pt_regs___arm64 {
	u64 regs[31];
	u64 sp;
};

#pragma clang attribute pop

enum pagetype { PGTY_slab = 0xf5, PGTY_buddy = 0xf0 };
enum struct_device_flags {
	DEV_FLAG_DMA_IOMMU = 2,
	DEV_FLAG_DMA_SKIP_SYNC = 3,
	DEV_FLAG_DMA_COHERENT = 6
};
enum pageflags { PG_slab = 7, PG_reserved = 12 };

/* The values are from include/uapi/linux/bpf.h. */
enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_MMAPABLE = 1 << 10,
};

#endif
