/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every check dmasnoop has, in one table: the BPF object, the command line,
 * the reports, JSON and the tests are made from it.
 *
 * CHECK(identifier, name, level, headline, elsewhere, fix)
 *   level     of a certain finding; see enum level in dmasnoop.h
 *   headline  what happened, in one line
 *   elsewhere what it does on which platform
 *   fix       what to do about it
 */
#define CHECKS(CHECK)                                                                              \
	CHECK(ADDR_UNKNOWN, "addr-unknown", VIOLATION,                                             \
	      "unmap or sync of an address that is not mapped",                                    \
	      "With an IOMMU or swiotlb this unmaps or copies somebody else's memory; "            \
	      "the buffer itself is never handed over.",                                           \
	      "Pass the dma_addr_t that dma_map_*() returned, unchanged, to every "                \
	      "dma_sync_*() and dma_unmap_*().")                                                   \
	CHECK(DIR_MISMATCH, "dir-mismatch", VIOLATION,                                             \
	      "direction differs from the one given at map",                                       \
	      "Non-coherent: the wrong cache maintenance is done, bytes are stale or "             \
	      "lost. IOMMU: the device's access faults. Bounced: bytes are not copied.",           \
	      "Use one direction, the one the data moves, in map, sync and unmap.")                \
	CHECK(CPU_READ_DEVICE_OWNED, "cpu-read-device-owned", VIOLATION,                           \
	      "CPU read a buffer that the device owns",                                            \
	      "Non-coherent or bounced: the CPU reads bytes older than the device's.",             \
	      "Call dma_sync_*_for_cpu() or dma_unmap_*() after completion, before "               \
	      "reading. A barrier orders accesses; it moves no data.")                             \
	CHECK(CPU_WRITE_DEVICE_OWNED, "cpu-write-device-owned", VIOLATION,                         \
	      "CPU wrote a buffer that the device owns",                                           \
	      "Non-coherent: the write stays in the cache, or is evicted over what the "           \
	      "device wrote. Bounced: the device never sees it.",                                  \
	      "Take the buffer back with dma_sync_*_for_cpu(), write, hand it over "               \
	      "with dma_sync_*_for_device().")                                                     \
	CHECK(LINE_SHARED_MAPPINGS, "line-shared-mappings", HAZARD,                                \
	      "two buffers that the device writes share a cache line",                             \
	      "Non-coherent: handing one over destroys bytes of the other.",                       \
	      "Give each buffer cache lines of its own: separate kmalloc()s, or "                  \
	      "offsets rounded up to dma_get_cache_alignment().")                                  \
	CHECK(LINE_SHARED_OBJECT, "line-shared-object", HAZARD,                                    \
	      "buffer shares a cache line with memory that is not part of it",                     \
	      "Non-coherent: if that memory is written while the device owns the line, "           \
	      "either the received bytes or the write are lost.",                                  \
	      "Align the buffer, and what follows it, to ARCH_DMA_MINALIGN; or "                   \
	      "kmalloc() it separately; or SLAB_HWCACHE_ALIGN for the cache.")                     \
	CHECK(LINE_NEIGHBOUR_WRITE, "line-neighbour-write", HAZARD,                                \
	      "bytes beside the buffer were written while the device owned their line",            \
	      "Non-coherent: arm and arm64 lose what the device wrote to that line, "              \
	      "mips and riscv lose the write.",                                                    \
	      "Put the buffer on cache lines of its own: align it to "                             \
	      "ARCH_DMA_MINALIGN, kmalloc() it separately, or use coherent memory.")               \
	CHECK(DOUBLE_UNMAP, "double-unmap", VIOLATION, "unmapped a second time",                   \
	      "With an IOMMU or swiotlb this unmaps whoever got the address since; "               \
	      "non-coherent: the CPU's newer writes are thrown away.",                             \
	      "Unmap once; clear the stored dma_addr_t when you do.")                              \
	CHECK(SIZE_MISMATCH, "size-mismatch", VIOLATION, "size differs from the one given at map", \
	      "Non-coherent or bounced: the bytes not covered stay stale. IOMMU: part "            \
	      "stays mapped and reachable.",                                                       \
	      "Unmap with the size that was mapped; keep it beside the dma_addr_t.")               \
	CHECK(LEAK, "leak", VIOLATION, "driver left and its mapping is still live",                \
	      "IOMMU: the device can still reach the memory. Bounced: a slot of the "              \
	      "bounce buffer is lost for good.",                                                   \
	      "Unmap in the error and remove paths too, after stopping the device.")
