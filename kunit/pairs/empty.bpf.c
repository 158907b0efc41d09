// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that do nothing, for the hooks of dmasnoop: they show what tracing itself costs. Each
 * raw tracepoint or function can have a second program, as in dmasnoop.
 */
#define SEC(name) __attribute__((section(name), used))

char LICENSE[] SEC("license") = "GPL";

#define NOTHING(section, name)       \
	SEC(section)                 \
	int name(void *ctx)          \
	{                            \
		return 0;            \
	}                            \
	SEC(section)                 \
	int name##_second(void *ctx) \
	{                            \
		return 0;            \
	}

#define TRACEPOINT(event) NOTHING("raw_tp/" #event, tp_##event)

TRACEPOINT(dma_map_page)
TRACEPOINT(dma_map_phys)
TRACEPOINT(dma_unmap_page)
TRACEPOINT(dma_unmap_phys)
TRACEPOINT(dma_map_sg)
TRACEPOINT(dma_unmap_sg)
TRACEPOINT(dma_sync_single_for_cpu)
TRACEPOINT(dma_sync_single_for_device)
NOTHING("fexit/dma_map_page_attrs", fn_map_page)
NOTHING("fentry/dma_unmap_page_attrs", fn_unmap_page)
NOTHING("fexit/dma_map_sg_attrs", fn_map_sg)
NOTHING("fentry/dma_unmap_sg_attrs", fn_unmap_sg)
NOTHING("fentry/dma_sync_single_for_cpu", fn_sync_cpu)
NOTHING("fentry/dma_sync_single_for_device", fn_sync_device)
NOTHING("fexit/dma_alloc_attrs", fn_alloc)
NOTHING("fentry/dma_free_attrs", fn_free)
