/* SPDX-License-Identifier: GPL-2.0 */
/* The DMA flags of struct device. A kernel keeps them in bit fields or, since 7.x, in a bitmap. */
#ifndef FLAGS_BPF_H
#define FLAGS_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Reads a flag from the bitmap that struct device has in 7.x. */
static __always_inline bool has_flag(struct device *dev, bool exists, u32 flag)
{
	struct device___flags *now = (void *)dev;

	if (!exists || !bpf_core_field_exists(now->flags))
		return false;
	return BPF_CORE_READ(now, flags[0]) >> flag & 1;
}

static __always_inline bool skips_sync(struct device *dev)
{
	if (bpf_core_field_exists(dev->dma_skip_sync))
		return BPF_CORE_READ_BITFIELD_PROBED(dev, dma_skip_sync);
	return has_flag(
		dev, bpf_core_enum_value_exists(enum struct_device_flags, DEV_FLAG_DMA_SKIP_SYNC),
		bpf_core_enum_value(enum struct_device_flags, DEV_FLAG_DMA_SKIP_SYNC));
}

static __always_inline bool uses_iommu(struct device *dev)
{
	if (bpf_core_field_exists(dev->dma_iommu))
		return BPF_CORE_READ_BITFIELD_PROBED(dev, dma_iommu);
	return has_flag(dev,
			bpf_core_enum_value_exists(enum struct_device_flags, DEV_FLAG_DMA_IOMMU),
			bpf_core_enum_value(enum struct_device_flags, DEV_FLAG_DMA_IOMMU));
}

#endif
