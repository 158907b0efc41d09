/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every check of dmasnoop, in one table. The BPF object, the command line, the reports, JSON and
 * the tests are made from it.
 *
 * CHECK(identifier, name, level, headline, elsewhere, fix)
 *   level     level of a finding that is not Unsure; see enum level in core/types.h
 *   headline  what happened, in one line
 *   elsewhere the effect on each platform
 *   fix       how to correct the driver
 */
#define CHECKS(CHECK)                                                                              \
	CHECK(ADDR_UNKNOWN, "addr-unknown", VIOLATION,                                             \
	      "unmap or sync of an address that is not mapped",                                    \
	      "With an IOMMU or swiotlb this unmaps or copies somebody else's "                    \
	      "memory; "                                                                           \
	      "the buffer itself is never handed over.",                                           \
	      "Pass the dma_addr_t that dma_map_*() returned, unchanged, to every "                \
	      "dma_sync_*() and dma_unmap_*().")                                                   \
	CHECK(ADDR_NOT_DMABLE, "addr-not-dmable", VIOLATION,                                       \
	      "memory that must not be given to a device was mapped",                              \
	      "Stack, vmalloc or module memory need not be contiguous or reachable, "              \
	      "and shares its cache lines with live variables; freed memory belongs "              \
	      "to somebody else; write-protected memory gets written.",                            \
	      "kmalloc() the buffer, or use dma_alloc_coherent() or "                              \
	      "dma_alloc_pages(); dma_map_resource() is for MMIO only.")                           \
	CHECK(ADDR_AFTER_UNMAP, "addr-after-unmap", VIOLATION,                                     \
	      "sync of a buffer that was unmapped already",                                        \
	      "With an IOMMU or swiotlb this copies from or to whoever got the "                   \
	      "address since; non-coherent: it throws away what the CPU wrote since.",             \
	      "Sync before the unmap; an unmap hands the buffer to the CPU anyway.")               \
	CHECK(DIR_MISMATCH, "dir-mismatch", VIOLATION,                                             \
	      "direction differs from the one given at map",                                       \
	      "Non-coherent: the wrong cache maintenance is done, bytes are stale or "             \
	      "lost. IOMMU: the device's access faults. Bounced: bytes are not "                   \
	      "copied.",                                                                           \
	      "Use one direction, the one the data moves, in map, sync and unmap.")                \
	CHECK(FUNCTION_MISMATCH, "function-mismatch", VIOLATION,                                   \
	      "given back by another function than it was mapped with",                            \
	      "The other family keeps other records: a bounce slot or an IOVA is "                 \
	      "not freed, or freed twice; coherent memory must not be synced or "                  \
	      "unmapped at all.",                                                                  \
	      "Pair them: map_single or map_page with its unmap, map_sg with "                     \
	      "unmap_sg, map_resource with unmap_resource, alloc with free.")                      \
	CHECK(SG_COUNT_MISMATCH, "sg-count-mismatch", VIOLATION,                                   \
	      "unmap or sync of a list with another number of entries than was "                   \
	      "mapped",                                                                            \
	      "Entries left out stay mapped and unsynced: stale bytes, a leaked "                  \
	      "bounce slot or IOVA. Entries too many are somebody else's.",                        \
	      "Pass the nents that dma_map_sg() was called with, not what it "                     \
	      "returned; or use dma_map_sgtable(), which keeps it.")                               \
	CHECK(ATTRS_MISMATCH, "attrs-mismatch", VIOLATION,                                         \
	      "attributes differ from the ones given at map",                                      \
	      "The attributes choose how the mapping is made; undone with others, an "             \
	      "IOVA or bounce slot is freed wrongly, or MMIO is treated as memory.",               \
	      "Keep the attributes beside the dma_addr_t; only "                                   \
	      "DMA_ATTR_SKIP_CPU_SYNC may differ.")                                                \
	CHECK(SG_LIMITS, "sg-limits", HAZARD,                                                      \
	      "a segment is longer than the device says it can take, or crosses "                  \
	      "its boundary",                                                                      \
	      "Where the limit is real, the device truncates or wraps the "                        \
	      "transfer. An IOMMU merges up to the stated limit, so one stated too "               \
	      "low costs, and one never stated is 64 KiB.",                                        \
	      "Call dma_set_max_seg_size() and dma_set_seg_boundary() in probe "                   \
	      "with what the hardware takes.")                                                     \
	CHECK(CPU_READ_DEVICE_OWNED, "cpu-read-device-owned", VIOLATION,                           \
	      "CPU read a buffer that the device owns",                                            \
	      "Non-coherent or bounced: the CPU reads bytes older than the device's.",             \
	      "Call dma_sync_*_for_cpu() or dma_unmap_*() after completion, before "               \
	      "reading. A barrier orders accesses; it moves no data.")                             \
	CHECK(CPU_WRITE_DEVICE_OWNED, "cpu-write-device-owned", VIOLATION,                         \
	      "CPU wrote a buffer that the device owns",                                           \
	      "Non-coherent: the write stays in the cache, or is evicted over what "               \
	      "the "                                                                               \
	      "device wrote. Bounced: the device never sees it.",                                  \
	      "Take the buffer back with dma_sync_*_for_cpu(), write, hand it over "               \
	      "with dma_sync_*_for_device().")                                                     \
	CHECK(CONTENT_CHANGED, "content-changed", CORRUPTION,                                      \
	      "a buffer for the device changed while the device owned it",                         \
	      "Non-coherent: the device gets old, new or half-old bytes. Bounced: "                \
	      "it gets the old ones.",                                                             \
	      "Finish writing before dma_map_*() or dma_sync_*_for_device(); do "                  \
	      "not reuse the buffer before the transfer is complete.")                             \
	CHECK(SYNC_OUTSIDE_MAPPING, "sync-outside-mapping", VIOLATION,                             \
	      "sync reaches beyond the mapping",                                                   \
	      "Non-coherent: lines of others are cleaned or thrown away. Bounced: "                \
	      "bytes beyond the slot are copied over others' data.",                               \
	      "Sync at most the bytes that were mapped: the offset and size given "                \
	      "must lie inside them.")                                                             \
	CHECK(SYNC_WRONG_OWNER, "sync-wrong-owner", NOTE,                                          \
	      "handed to the device although the device owns it already",                          \
	      "Harmless by itself; but if the CPU did touch the buffer, the "                      \
	      "sync_for_cpu before that is missing, and what it read was stale.",                  \
	      "Bracket each CPU access: dma_sync_*_for_cpu(), access, "                            \
	      "dma_sync_*_for_device().")                                                          \
	CHECK(HANDOVER_UNSYNCED, "handover-unsynced", VIOLATION,                                   \
	      "a received buffer was passed on while the device still owns it",                    \
	      "Non-coherent or bounced: the next layer reads bytes older than the "                \
	      "device's.",                                                                         \
	      "Call dma_unmap_*() or dma_sync_*_for_cpu() before the buffer goes "                 \
	      "up: netif_receive_skb(), bio or request completion, USB giveback.")                 \
	CHECK(LINE_SHARED_MAPPINGS, "line-shared-mappings", HAZARD,                                \
	      "two buffers that the device writes share a cache line",                             \
	      "Non-coherent: handing one over destroys bytes of the other.",                       \
	      "Give each buffer cache lines of its own: separate kmalloc()s, or "                  \
	      "offsets rounded up to dma_get_cache_alignment().")                                  \
	CHECK(LINE_SHARED_OBJECT, "line-shared-object", HAZARD,                                    \
	      "buffer shares a cache line with memory that is not part of it",                     \
	      "Non-coherent: if that memory is written while the device owns the "                 \
	      "line, "                                                                             \
	      "either the received bytes or the write are lost.",                                  \
	      "Align the buffer, and what follows it, to ARCH_DMA_MINALIGN; or "                   \
	      "kmalloc() it separately; or SLAB_HWCACHE_ALIGN for the cache.")                     \
	CHECK(LINE_NEIGHBOUR_WRITE, "line-neighbour-write", HAZARD,                                \
	      "bytes beside the buffer were written while the device owned their "                 \
	      "line",                                                                              \
	      "Non-coherent: arm and arm64 lose what the device wrote to that line, "              \
	      "mips and riscv lose the write.",                                                    \
	      "Put the buffer on cache lines of its own: align it to "                             \
	      "ARCH_DMA_MINALIGN, kmalloc() it separately, or use coherent memory.")               \
	CHECK(DOUBLE_MAP, "double-map", HAZARD,                                                    \
	      "memory that a device may write is mapped a second time",                            \
	      "Non-coherent: the handover of the one invalidates under the other. "                \
	      "Bounced: two copies, and the last one to be unmapped wins.",                        \
	      "Map a buffer once at a time; wait for the first transfer, or give "                 \
	      "each its own memory.")                                                              \
	CHECK(PAGE_EXPOSED, "page-exposed", NOTE,                                                  \
	      "the device can reach other objects in the pages it was given",                      \
	      "An IOMMU protects whole pages: a malicious or broken device reads "                 \
	      "or writes the other objects in them.",                                              \
	      "For untrusted devices map whole pages of their own; the kernel "                    \
	      "bounces partial ones of devices it does not trust.")                                \
	CHECK(DOUBLE_UNMAP, "double-unmap", VIOLATION, "unmapped a second time",                   \
	      "With an IOMMU or swiotlb this unmaps whoever got the address since; "               \
	      "non-coherent: the CPU's newer writes are thrown away.",                             \
	      "Unmap once; clear the stored dma_addr_t when you do.")                              \
	CHECK(SIZE_MISMATCH, "size-mismatch", VIOLATION, "size differs from the one given at map", \
	      "Non-coherent or bounced: the bytes not covered stay stale. IOMMU: "                 \
	      "part "                                                                              \
	      "stays mapped and reachable.",                                                       \
	      "Unmap with the size that was mapped; keep it beside the dma_addr_t.")               \
	CHECK(FREED_WHILE_MAPPED, "freed-while-mapped", VIOLATION,                                 \
	      "memory was freed while the device may still write it",                              \
	      "Whoever gets the memory next is overwritten by the device: on every "               \
	      "machine.",                                                                          \
	      "Stop the device, unmap, then free.")                                                \
	CHECK(LEAK, "leak", VIOLATION, "driver left and its mapping is still live",                \
	      "IOMMU: the device can still reach the memory. Bounced: a slot of the "              \
	      "bounce buffer is lost for good.",                                                   \
	      "Unmap in the error and remove paths too, after stopping the device.")               \
	CHECK(DOORBELL_BEFORE_DESCRIPTOR, "doorbell-before-descriptor", VIOLATION,                 \
	      "the doorbell was rung before the descriptor was visible to the device",             \
	      "The device fetches an old or half-written descriptor and does the "                 \
	      "wrong transfer.",                                                                   \
	      "Write the descriptor, dma_wmb(), set its OWN bit, wmb(), then ring "                \
	      "the doorbell; sync a streaming ring before it.")                                    \
	CHECK(DESCRIPTOR_TORN, "descriptor-torn", VIOLATION,                                       \
	      "the device fetched a descriptor of which it saw only a part",                       \
	      "The device works with a mix of old and new fields.",                                \
	      "Publish the OWN bit last, behind dma_wmb(); keep a descriptor "                     \
	      "within one bank or line, as the hardware fetches it.")                              \
	CHECK(DESCRIPTOR_OVERRUN, "descriptor-overrun", VIOLATION,                                 \
	      "a descriptor was written while the device owns it",                                 \
	      "The transfer in progress takes the new fields, or the new one is "                  \
	      "lost.",                                                                             \
	      "Check the OWN bit, or count what is free, before filling a "                        \
	      "descriptor.")
