// SPDX-License-Identifier: GPL-2.0
/*
 * `dmasnoop explain' describes each check at length, for a reader who meets it for the first time.
 * bpf/core/checks.h has the headline and the correction in one sentence.
 */
#include <stdio.h>
#include <string.h>

#include "output/explain.h"
#include "options.h"
#include "output/report.h"

#define DMA_API "core-api/dma-api.rst"
#define HOWTO "core-api/dma-api-howto.rst"
#define SWIOTLB "core-api/swiotlb.rst"
#define ATTRS "core-api/dma-attributes.rst"
#define BARRIERS "memory-barriers.txt"

/* Each row of CHECKS() needs a variable explain_ID below. A missing one breaks the build. */

static const struct explanation explain_ADDR_UNKNOWN = {
	.question = Q_ADDRESS,
	.means = "A dma_addr_t names a mapping only as dma_map_*() returned it, from then until "
		 "dma_unmap_*(). This call was given an address that names none: one computed, "
		 "truncated to 32 bits, taken from a descriptor that the device had written to, "
		 "from another device's mapping, or never mapped.",
	.noncoherent = "Maintenance is done on lines that are not the buffer's: the buffer's own "
		       "stay stale, and somebody else's may be thrown away.",
	.bounced = "Outside the bounce pool: nothing is copied, the buffer keeps its old bytes. "
		   "Inside: another mapping's slot is copied or released.",
	.iommu = "An IOVA range of another mapping is unmapped, or none is and the right one stays "
		 "mapped for ever.",
	.wrong = "dma_unmap_single(dev, virt_to_phys(buf), len, DMA_FROM_DEVICE);",
	.right = "ring->dma = dma_map_single(dev, buf, len, DMA_FROM_DEVICE);\n"
		 "...\n"
		 "dma_unmap_single(dev, ring->dma, len, DMA_FROM_DEVICE);",
	.sees = "Unmap: no live mapping of the device starts there. Certain only for a "
		"device whose driver was bound while dmasnoop ran and of which no event "
		"was lost. Otherwise the address may belong to a mapping older than the "
		"trace, and is counted as that. If a parent or a child of the device has "
		"mapped it, the report names both devices.",
	.blind = "Devices in use before the trace; load the driver under it (dmasnoop -- modprobe "
		 "x). A sync may name any address inside a mapping, so one that matches nothing is "
		 "counted as not judged unless a mapping used to start there.",
	.read = { { DMA_API, "Part Id - Streaming DMA mappings" },
		  { HOWTO, "CPU and DMA addresses" } },
};

static const struct explanation explain_ADDR_NOT_DMABLE = {
	.question = Q_ADDRESS,
	.means = "Only memory of the page allocator and of kmalloc() or kmem_cache_alloc() may be "
		 "mapped. Stack, vmalloc, module and kernel image addresses may not: they need not "
		 "be physically contiguous or in the direct map, and they share cache lines with "
		 "live variables. Freed memory belongs to whoever gets it next.",
	.noncoherent = "What the CPU writes beside the buffer (a spilled register, another global) "
		       "and what the device writes destroy each other on the shared line.",
	.bounced = "Often looks right, since the bytes are copied; it then fails where they are "
		   "not.",
	.iommu =
		"Whole pages become reachable by the device: a stack or a module's data with them.",
	.wrong = "u8 cmd[8];\n"
		 "dma = dma_map_single(dev, cmd, sizeof(cmd), DMA_TO_DEVICE);",
	.right = "u8 *cmd = kmalloc(8, GFP_KERNEL);\n"
		 "dma = dma_map_single(dev, cmd, 8, DMA_TO_DEVICE);",
	.sees = "The physical address is looked up when it is mapped: in the kernel's "
		"code and read-only data, in its variables (a hazard, and only where "
		"the device writes), on the stack of the task that maps, among free "
		"pages; and, given to dma_map_resource(), in RAM.",
	.blind = "Module and vmalloc memory, whose pages look like any others; another "
		 "task's stack.",
	.read = { { HOWTO, "What memory is DMA'able?" } },
};

static const struct explanation explain_ADDR_AFTER_UNMAP = {
	.question = Q_ADDRESS,
	.means = "dma_unmap_*() ends the mapping and gives the buffer to the CPU; its dma_addr_t "
		 "means nothing from then on. A sync after it acts on whatever is there now.",
	.noncoherent = "A sync for the CPU invalidates lines the CPU owns: what it wrote since the "
		       "unmap is thrown away.",
	.bounced =
		"The slot is another mapping's by now: its bytes are copied over this buffer, or "
		"this buffer's over them.",
	.iommu = "The address is looked up in the IOMMU's table; it translates to nothing, or to "
		 "whoever got the IOVA since.",
	.wrong = "dma_unmap_single(dev, dma, len, DMA_FROM_DEVICE);\n"
		 "dma_sync_single_for_cpu(dev, dma, len, DMA_FROM_DEVICE);",
	.right = "dma_unmap_single(dev, dma, len, DMA_FROM_DEVICE);\n"
		 "/* the CPU owns it: read away */",
	.sees = "A sync of an address at which a mapping of the same device ended, and "
		"where none is live: of a device whose driver was bound while dmasnoop "
		"ran, and of which no event was lost.",
	.blind =
		"Syncs that the kernel skips (coherent device, not bounced, Linux 6.10 and later); "
		"an address that has been mapped again since looks right.",
	.read = { { DMA_API, "Part Id - Streaming DMA mappings" },
		  { HOWTO, "Using Streaming DMA mappings" } },
};

static const struct explanation explain_DIR_MISMATCH = {
	.question = Q_DIRECTION,
	.means =
		"The direction says who writes: DMA_TO_DEVICE the CPU, DMA_FROM_DEVICE the device, "
		"DMA_BIDIRECTIONAL both. It decides which cache maintenance or copy is made, so "
		"unmap and sync have to repeat what map was told. Only a bidirectional mapping may "
		"be synced in the one direction that is meant.",
	.noncoherent = "TO_DEVICE at unmap skips the invalidate: the CPU reads stale bytes. "
		       "FROM_DEVICE for a buffer that the CPU filled may discard what it wrote.",
	.bounced = "TO_DEVICE at unmap does not copy the slot back: received bytes never reach the "
		   "buffer. FROM_DEVICE copies an old slot over it.",
	.iommu = "Access rights follow the direction given at map: a device that writes to a "
		 "TO_DEVICE mapping faults.",
	.wrong = "dma = dma_map_single(dev, buf, len, DMA_FROM_DEVICE);\n"
		 "...\n"
		 "dma_unmap_single(dev, dma, len, DMA_TO_DEVICE);",
	.right = "dma_unmap_single(dev, dma, len, DMA_FROM_DEVICE);",
	.sees = "The direction of each unmap and sync is compared with that of the live mapping.",
	.blind = "A direction that is wrong at map and at unmap alike: nothing says which way the "
		 "data really moved. Syncs that are skipped.",
	.read = { { HOWTO, "DMA Direction" }, { DMA_API, "Part Id - Streaming DMA mappings" } },
};

static const struct explanation explain_FUNCTION_MISMATCH = {
	.question = Q_LIFETIME,
	.means = "Each way to map has its own way back: dma_map_single() and dma_map_page() with "
		 "dma_unmap_single() or dma_unmap_page(), dma_map_sg() with dma_unmap_sg(), "
		 "dma_map_resource() with dma_unmap_resource(), dma_alloc_*() with the matching "
		 "dma_free_*(). They keep different records.",
	.noncoherent = "Unmapping coherent memory does cache maintenance on an alias that must "
		       "not be cached; freeing a streaming buffer frees memory that is in use.",
	.bounced = "The entries of a list bounce one by one, so there is little to see "
		   "here: the bug waits for an IOMMU.",
	.iommu = "A list is one IOVA range: unmapping one entry of it frees a part, "
		 "which may then be given away twice.",
	.wrong = "n = dma_map_sg(dev, sg, nents, dir);\n"
		 "...\n"
		 "for_each_sg(sg, s, n, i)\n"
		 "\tdma_unmap_page(dev, sg_dma_address(s), sg_dma_len(s), dir);",
	.right = "dma_unmap_sg(dev, sg, nents, dir);",
	.sees = "The function that made a mapping is kept with it and compared with the one that "
		"takes it back.",
	.blind = "dma_map_single() and dma_map_page() are one function below the API, and so are "
		 "their unmaps: they are not told apart, and need not be.",
	.read = { { DMA_API, "Part Id - Streaming DMA mappings" },
		  { HOWTO, "Using Streaming DMA mappings" } },
};

static const struct explanation explain_SG_COUNT_MISMATCH = {
	.question = Q_LIFETIME,
	.means = "dma_map_sg() takes nents entries and may return fewer segments, because "
		 "neighbours were merged. The returned number is for programming the hardware; "
		 "dma_unmap_sg() and dma_sync_sg_*() want the nents that was passed in.",
	.noncoherent =
		"Entries that are left out get no maintenance: the CPU reads stale bytes from "
		"the last ones.",
	.bounced = "Slots of the entries left out are neither copied back nor released: the pool "
		   "runs dry after hours.",
	.iommu = "Segments merge only here, so the bug is invisible everywhere else: part of the "
		 "list stays mapped.",
	.wrong = "n = dma_map_sg(dev, sg, nents, dir);\n"
		 "...\n"
		 "dma_unmap_sg(dev, sg, n, dir);",
	.right = "dma_unmap_sg(dev, sg, nents, dir);",
	.sees = "The number of entries is kept with the list and compared at sync and unmap.",
	.blind = "Lists whose memory is reused for another list between map and unmap.",
	.read = { { HOWTO, "Using Streaming DMA mappings" },
		  { DMA_API, "Part Id - Streaming DMA mappings" } },
};

static const struct explanation explain_ATTRS_MISMATCH = {
	.question = Q_LIFETIME,
	.means =
		"DMA_ATTR_* given to dma_map_*_attrs() or dma_alloc_attrs() choose how the mapping "
		"is made; the way back has to be told the same. Only DMA_ATTR_SKIP_CPU_SYNC may "
		"differ: it says whether this one call moves the data.",
	.noncoherent =
		"An allocation freed without the attributes it was made with is freed by the "
		"wrong allocator, or keeps a kernel mapping.",
	.bounced =
		"With DMA_ATTR_SKIP_CPU_SYNC at unmap nothing is copied back, which is right only "
		"after a sync.",
	.iommu = "MMIO mapped as a resource and unmapped without saying so is treated as memory.",
	.sees = "The attributes of map and unmap are compared, without the ones that may differ.",
	.blind =
		"Attributes that an architecture ignores are compared all the same: such a finding "
		"does no harm there.",
	.read = { { ATTRS, "DMA_ATTR_SKIP_CPU_SYNC" },
		  { DMA_API, "Part Id - Streaming DMA mappings" } },
};

static const struct explanation explain_SG_LIMITS = {
	.question = Q_ADDRESS,
	.means =
		"dma_set_max_seg_size() and dma_set_seg_boundary() tell the kernel how long a "
		"segment the device takes, and which address boundary one must not cross. A driver "
		"that says nothing gets 64 KiB and 4 GiB.",
	.noncoherent = "The same as on any machine: a device that is given more than it takes "
		       "truncates or wraps, and the rest of the buffer keeps its old bytes.",
	.bounced = "A slot is at most 256 KiB: longer segments fail to map.",
	.iommu =
		"Segments are merged up to the stated limits: too high a limit makes segments that "
		"never occur without an IOMMU, too low a one splits what could be one.",
	.wrong = "/* nothing, and lists of 1 MiB segments */",
	.right = "dma_set_max_seg_size(&pdev->dev, SZ_4M);\n"
		 "dma_set_seg_boundary(&pdev->dev, DMA_BIT_MASK(32));",
	.sees = "Each mapped segment of a list against the limits in struct device_dma_parameters.",
	.blind = "What the hardware really takes. A limit never stated may be the only thing that "
		 "is wrong, which is why this is a hazard.",
	.read = { { DMA_API, "Part Ic - DMA addressing limitations" },
		  { SWIOTLB, "Core Functionality Constraints" } },
};

static const struct explanation explain_CPU_READ_DEVICE_OWNED = {
	.question = Q_SYNC,
	.means =
		"From map, or sync_for_device, the device owns a buffer that it may write. The CPU "
		"may read it only after dma_sync_*_for_cpu() or dma_unmap_*().",
	.noncoherent =
		"The CPU reads from its cache what was there before: stale bytes, some lines "
		"of them, seldom the same.",
	.bounced = "The device wrote to the slot; the buffer has not changed at all.",
	.iommu = "None by itself: translation does not move data.",
	.wrong = "if (desc->status & DONE)\n"
		 "\tparse(ring->buf);",
	.right = "if (desc->status & DONE) {\n"
		 "\tdma_rmb();\n"
		 "\tdma_sync_single_for_cpu(dev, ring->dma, len, DMA_FROM_DEVICE);\n"
		 "\tparse(ring->buf);\n"
		 "\tdma_sync_single_for_device(dev, ring->dma, len, DMA_FROM_DEVICE);\n"
		 "}",
	.sees = "An announced or watched CPU read of bytes whose mapping the device owns and may "
		"write.",
	.blind = "Every other CPU access: loads are not events. On devices whose syncs are skipped "
		 "nobody can tell who owns the buffer, and the check stands down.",
	.read = { { HOWTO, "Using Streaming DMA mappings" },
		  { DMA_API, "Part Id - Streaming DMA mappings" } },
};

static const struct explanation explain_CPU_WRITE_DEVICE_OWNED = {
	.question = Q_SYNC,
	.means = "While the device owns a buffer the CPU must not write to it, whatever the "
		 "direction: not even fields the device does not read. What it wrote while it "
		 "owned the buffer it must hand over: without a sync for the device the buffer is "
		 "posted again with the write still in the cache.",
	.noncoherent = "TO_DEVICE: the write sits in the cache and the device reads the old bytes. "
		       "FROM_DEVICE: the dirty line is evicted over what the device wrote, or "
		       "invalidated with the write in it.",
	.bounced =
		"The slot keeps what was copied at map: the device never sees the write; received "
		"data is copied over it.",
	.iommu = "None by itself.",
	.wrong = "dma = dma_map_single(dev, skb->data, len, DMA_TO_DEVICE);\n"
		 "hdr->checksum = 0;",
	.right = "hdr->checksum = 0;\n"
		 "dma = dma_map_single(dev, skb->data, len, DMA_TO_DEVICE);",
	.sees = "An announced or watched CPU write to bytes of a mapping that the device owns; "
		"and a watched write to bytes that the CPU owns, when the next sync of those bytes "
		"is for the CPU again.",
	.blind = "Every other CPU access; content-changed and line-neighbour-write notice some of "
		 "them by what they leave behind. Stands down where syncs are skipped.",
	.read = { { DMA_API, "Part Id - Streaming DMA mappings" },
		  { HOWTO, "Using Streaming DMA mappings" } },
};

static const struct explanation explain_CONTENT_CHANGED = {
	.question = Q_SYNC,
	.means =
		"A buffer mapped DMA_TO_DEVICE has other bytes when it comes back than when it was "
		"handed over. The device only reads it, so a CPU wrote while the device owned it.",
	.noncoherent = "The device gets the old bytes, the new ones, or some lines of each, "
		       "depending on when the lines were evicted.",
	.bounced = "The device gets the bytes as they were at the handover.",
	.iommu = "None by itself.",
	.wrong = "dma = dma_map_single(dev, cmd, sizeof(*cmd), DMA_TO_DEVICE);\n"
		 "cmd->flags |= LAST;",
	.right = "cmd->flags |= LAST;\n"
		 "dma = dma_map_single(dev, cmd, sizeof(*cmd), DMA_TO_DEVICE);",
	.sees = "The bytes at both ends of a buffer are hashed at the handover to the "
		"device and compared at the handover back: of the first, second, fourth, "
		"eighth ... buffer of each call site, and of one after some 1,000 maps "
		"and syncs of the device. With --content=edges of every buffer, with "
		"--content=full all bytes.",
	.blind = "A write of the value that was there; one undone before the unmap. Buffers that "
		 "several owners share on purpose (the page cache under write-back, the zero page) "
		 "may change rightly.",
	.read = { { DMA_API, "Part Id - Streaming DMA mappings" } },
};

static const struct explanation explain_SYNC_OUTSIDE_MAPPING = {
	.question = Q_SYNC,
	.means =
		"A sync may name a part of a mapping, but only a part: offset and size have to lie "
		"inside what was mapped.",
	.noncoherent = "Lines beyond the buffer are cleaned, or invalidated: what others wrote "
		       "last is thrown away.",
	.bounced = "The kernel complains and copies too little, or nothing.",
	.iommu = "The address beyond translates to another mapping, or to none.",
	.wrong = "dma_sync_single_for_cpu(dev, dma + HDR, len, DMA_FROM_DEVICE);",
	.right = "dma_sync_single_for_cpu(dev, dma + HDR, len - HDR, DMA_FROM_DEVICE);",
	.sees = "Start and size of each sync against the mapping that the start lies "
		"in.",
	.blind = "Syncs that are skipped. A sync that starts outside every mapping is "
		 "reported as addr-unknown, if at all.",
	.read = { { DMA_API, "Part Id - Streaming DMA mappings" } },
};

static const struct explanation explain_SYNC_WRONG_OWNER = {
	.question = Q_SYNC,
	.means = "Ownership alternates: sync_for_cpu, access, sync_for_device. A "
		 "sync_for_device of a buffer that the device owns already suggests that "
		 "the sync_for_cpu before the access is missing. Or the CPU never touched "
		 "the buffer, and the call is superfluous.",
	.noncoherent = "If the CPU did read the buffer, it read stale bytes.",
	.bounced = "If the CPU did read the buffer, it read the bytes from before. A "
		   "bidirectional buffer's old bytes are copied over what the device wrote "
		   "to the slot.",
	.iommu = "None by itself.",
	.wrong = "len = hdr->len;\n"
		 "dma_sync_single_for_device(dev, dma, size, DMA_FROM_DEVICE);",
	.right = "dma_sync_single_for_cpu(dev, dma, size, DMA_FROM_DEVICE);\n"
		 "len = hdr->len;\n"
		 "dma_sync_single_for_device(dev, dma, size, DMA_FROM_DEVICE);",
	.sees = "The owner of the mapping at each sync.",
	.blind = "Whether the CPU touched the buffer: hence a note. Ownership is kept for the "
		 "mapping as a whole, not for each byte.",
	.read = { { HOWTO, "Using Streaming DMA mappings" } },
};

static const struct explanation explain_HANDOVER_UNSYNCED = {
	.question = Q_SYNC,
	.means = "A received buffer went to the next layer (network stack, block layer, "
		 "or the owner of an SPI message, I2C message or URB) while the device "
		 "owned it: without an unmap, and without a sync for the CPU.",
	.noncoherent = "That layer reads stale bytes: bad checksums, file data of some earlier "
		       "block.",
	.bounced = "It reads what was in the buffer before the transfer.",
	.iommu = "The device can still write to what the stack parses: a check and a use may see "
		 "different bytes.",
	.wrong = "skb_put(skb, len);\n"
		 "napi_gro_receive(napi, skb);\n"
		 "dma_unmap_single(dev, dma, size, DMA_FROM_DEVICE);",
	.right = "dma_unmap_single(dev, dma, size, DMA_FROM_DEVICE);\n"
		 "skb_put(skb, len);\n"
		 "napi_gro_receive(napi, skb);",
	.sees = "The buffer's address at the point where the layers meet, against live mappings "
		"that the device may write and owns.",
	.blind = "Where syncs are skipped the check stands down: the sync may have been made. "
		 "Layers that dmasnoop does not know.",
	.read = { { HOWTO, "Using Streaming DMA mappings" } },
};

static const struct explanation explain_LINE_SHARED_MAPPINGS = {
	.question = Q_ALIGNMENT,
	.means = "Caches work in lines. Two live mappings that a device may write lie on "
		 "one line: maintenance for the one is done to the other.",
	.noncoherent = "Handing the one to the CPU invalidates the line under the other, or writes "
		       "an old copy of it back over what the device has just written.",
	.bounced = "None: each has a slot of its own.",
	.iommu = "None by itself.",
	.wrong = "struct pair { u8 a[32]; u8 b[32]; } *p = kmalloc(sizeof(*p), GFP_KERNEL);\n"
		 "dma_map_single(dev, p->a, 32, DMA_FROM_DEVICE);\n"
		 "dma_map_single(dev, p->b, 32, DMA_FROM_DEVICE);",
	.right = "struct pair {\n"
		 "\tu8 a[32] __aligned(ARCH_DMA_MINALIGN);\n"
		 "\tu8 b[32] __aligned(ARCH_DMA_MINALIGN);\n"
		 "};",
	.sees = "One bit for each line of --line-size bytes says whether a device may "
		"write it. A mapping that finds such a bit set is compared with the "
		"mappings on that line, and the second one is reported. Two kmalloc() "
		"objects on one line are not: where it matters, kmalloc() keeps them "
		"apart.",
	.blind = "Mappings older than the trace; those whose pages an IOMMU merged.",
	.read = { { DMA_API, "Part Id - Streaming DMA mappings" },
		  { HOWTO, "What memory is DMA'able?" } },
};

static const struct explanation explain_LINE_SHARED_OBJECT = {
	.question = Q_ALIGNMENT,
	.means =
		"A buffer that the device writes starts or ends within a cache line, and the rest "
		"of that line is other memory: another object (hazard), or other fields of the same "
		"object (note).",
	.noncoherent = "If that memory is written while the device owns the line, the line "
		       "becomes dirty: its eviction overwrites what the device wrote, its "
		       "invalidation throws the write away. arm and arm64 clean a partial line "
		       "and lose the device's data, mips and riscv invalidate it and lose the "
		       "neighbour.",
	.bounced = "None: the slot is copied by the byte.",
	.iommu = "None by itself.",
	.wrong = "struct priv {\n"
		 "\tspinlock_t lock;\n"
		 "\tu8 rx[48]; /* mapped */\n"
		 "\tint count;\n"
		 "};",
	.right = "struct priv {\n"
		 "\tspinlock_t lock;\n"
		 "\tint count;\n"
		 "\tu8 rx[48] __aligned(ARCH_DMA_MINALIGN); /* last */\n"
		 "};",
	.sees = "The slab object around the buffer, read from the kernel when it is mapped, against "
		"lines of --line-size bytes. 'Beside' names the locks and reference counts on "
		"these lines, where BTF gives the type of the object: a slab cache is named after "
		"its struct, or one struct of the driver alone fits the object's size and the "
		"buffer's place. The latter is a guess, and said to be one.",
	.blind = "Memory of the page allocator has no owner to ask: fragments of a page are not "
		 "judged. Nor is what follows a buffer at the start of a kmalloc() object, as it "
		 "is mostly padding. Locks in unions, and those in objects whose type is not "
		 "known, are not named.",
	.read = { { DMA_API, "Part Id - Streaming DMA mappings" }, { HOWTO, "Platform Issues" } },
};

static const struct explanation explain_LINE_NEIGHBOUR_WRITE = {
	.question = Q_ALIGNMENT,
	.means = "The device owned a line of which the buffer covers only a part, and the "
		 "other bytes of that line changed meanwhile: the danger that "
		 "line-shared-object warns of.",
	.noncoherent = "One of the two is lost, now and then, depending on eviction: the received "
		       "bytes (arm, arm64) or the neighbour's new value (mips, riscv).",
	.bounced = "None: the slot is copied by the byte.",
	.iommu = "None by itself.",
	.wrong = "dma_map_single(dev, priv->rx, 48, DMA_FROM_DEVICE);\n"
		 "priv->count++; /* on the same line as rx[47] */",
	.right = "u8 *rx; /* kmalloc(48): lines of its own where it matters */",
	.sees = "The bytes beside the buffer on its first and last line are read at the handover to "
		"the device and again at the handover back; those that differ are drawn as W. With "
		"DMA_ATTR_SKIP_CPU_SYNC, as the SPI core maps, syncs are the handovers.",
	.blind = "A value that changes and changes back, as a lock's does (line-shared-object "
		 "names locks where it can); a write that happened "
		 "while a skipped sync had given the line to the CPU (then the report says Unsure, "
		 "and with DMA_ATTR_SKIP_CPU_SYNC it is a note). Which CPU wrote, and where.",
	.read = { { DMA_API, "Part Id - Streaming DMA mappings" },
		  { HOWTO, "What memory is DMA'able?" } },
};

static const struct explanation explain_DOUBLE_MAP = {
	.question = Q_LIFETIME,
	.means =
		"The same memory is in two live mappings, and a device may write it through one of "
		"them. Each mapping has its own idea of who owns it.",
	.noncoherent = "The handover of the one invalidates under the other: received bytes or the "
		       "CPU's are lost.",
	.bounced = "Two slots with two contents; the last one to be unmapped is copied over the "
		   "other.",
	.iommu = "Two IOVAs of one page: unmapping one leaves the device able to write through the "
		 "other.",
	.wrong = "dma_map_single(dev, buf, len, DMA_FROM_DEVICE); /* retry: mapped again */",
	.right = "dma_unmap_single(dev, old, len, DMA_FROM_DEVICE);\n"
		 "dma_map_single(dev, buf, len, DMA_FROM_DEVICE);",
	.sees = "Physical ranges of live mappings that overlap, both of which a device "
		"may write.",
	.blind = "A second mapping that the device only reads. Mappings older than the "
		 "trace. Sharing between devices on purpose (dma-buf) uses "
		 "DMA_ATTR_SKIP_CPU_SYNC and is left out.",
	.read = { { ATTRS, "DMA_ATTR_SKIP_CPU_SYNC" },
		  { DMA_API, "Part Id - Streaming DMA mappings" } },
};

static const struct explanation explain_PAGE_EXPOSED = {
	.question = Q_ALIGNMENT,
	.means =
		"An IOMMU protects whole pages. A buffer smaller than a page makes everything else "
		"in its pages reachable for the device while it is mapped.",
	.noncoherent = "None by itself.",
	.bounced = "A cure: only the slot is reachable, and the kernel bounces partial pages of "
		   "devices it does not trust (external ports).",
	.iommu = "A broken or hostile device reads or writes the neighbours: keys, list pointers, "
		 "other packets.",
	.sees = "Buffers in slab objects that do not fill their pages, of devices for "
		"which an IOMMU translates. Only where notes are asked for.",
	.blind = "Whether the device is trusted. Without an IOMMU it reaches all memory anyway, "
		 "hence a note.",
	.read = { { SWIOTLB, "Usage Scenarios" } },
};

static const struct explanation explain_DOUBLE_UNMAP = {
	.question = Q_LIFETIME,
	.means =
		"A mapping ends with its first unmap. A second one, typically of an error path and "
		"the normal path both, names nothing, or what was mapped there since.",
	.noncoherent =
		"For a buffer the device writes, the second unmap invalidates again: what the "
		"CPU wrote since the first is thrown away.",
	.bounced = "The slot is released a second time; if it is somebody's by then, the "
		   "next mapping shares it.",
	.iommu = "The IOVA is freed a second time, or taken from whoever got it since: that "
		 "device's next access faults.",
	.wrong = "err:\n"
		 "\tdma_unmap_single(dev, tx->dma, tx->len, DMA_TO_DEVICE);\n"
		 "\tclean_ring(ring); /* unmaps it too */",
	.right = "dma_unmap_single(dev, tx->dma, tx->len, DMA_TO_DEVICE);\n"
		 "tx->len = 0; /* what clean_ring() looks at */",
	.sees = "Unmap of an address that is not live, where a mapping of the same device ended. For "
		"a device in use before the trace the same buffer may have been mapped once more "
		"back then: a hazard, marked Unsure.",
	.blind = "If the address was mapped again in between, the second unmap ends that "
		 "mapping, and the report blames that mapping's own unmap.",
	.read = { { HOWTO, "Using Streaming DMA mappings" } },
};

static const struct explanation explain_SIZE_MISMATCH = {
	.question = Q_LIFETIME,
	.means = "Unmap has to be given the size that was mapped, not the size that was received, "
		 "and not that of the buffer around it.",
	.noncoherent =
		"The lines past the given size are not invalidated: the end of a long packet "
		"is stale. Too large a size invalidates others' lines.",
	.bounced = "Only the given bytes are copied back: the rest of the buffer keeps its "
		   "old ones.",
	.iommu = "Pages stay mapped, the IOVA is freed under the wrong size, and the "
		 "next mapping of that size may overlap another.",
	.wrong = "dma_unmap_single(dev, dma, desc->len, DMA_FROM_DEVICE);",
	.right = "dma_sync_single_for_cpu(dev, dma, desc->len, DMA_FROM_DEVICE);\n"
		 "dma_unmap_single(dev, dma, RX_BUF_SIZE, DMA_FROM_DEVICE);",
	.sees = "The size of each unmap against that of the live mapping at the same address.",
	.blind = "Lists that an IOMMU merged are compared by their segments.",
	.read = { { DMA_API, "Part Id - Streaming DMA mappings" } },
};

static const struct explanation explain_FREED_WHILE_MAPPED = {
	.question = Q_LIFETIME,
	.means =
		"The memory went back to its allocator while a mapping through which the device may "
		"write it is live. Whoever gets it next is overwritten. This is a use after free "
		"by the device, and no sanitizer sees it.",
	.noncoherent =
		"On every machine; the later unmap, in addition, invalidates the new owner's "
		"lines.",
	.bounced = "The write goes to the slot; the later unmap copies it over the new owner.",
	.iommu = "On every machine: the mapping still leads to the memory.",
	.wrong = "kfree(buf);\n"
		 "dma_unmap_single(dev, dma, len, DMA_FROM_DEVICE);",
	.right = "stop_device(priv); /* no more writes */\n"
		 "dma_unmap_single(dev, dma, len, DMA_FROM_DEVICE);\n"
		 "kfree(buf);",
	.sees = "Frees of the kernel's allocators against live mappings that the device may write.",
	.blind = "Memory that its owner keeps in a cache of its own instead of freeing it. On 7.x "
		 "a driver may leave out the unmap for direct, coherent devices "
		 "(dma_need_unmap()): there a mapping that is not unmapped says nothing.",
	.read = { { HOWTO, "Using Streaming DMA mappings" } },
};

static const struct explanation explain_LEAK = {
	.question = Q_LIFETIME,
	.means = "Each map needs its unmap. Here the driver left its device and a mapping of it is "
		 "still live (violation); or a call site maps more and more that is not unmapped "
		 "(hazard: it may be a pool that is still filling).",
	.noncoherent = "None by itself.",
	.bounced = "The slot is lost until the next boot. When the pool is empty every mapping "
		   "fails: swiotlb buffer is full.",
	.iommu = "The device can still reach the memory after it was freed; the IOVA space runs "
		 "out.",
	.wrong = "if (submit(hw, dma) < 0)\n"
		 "\treturn -EIO;",
	.right = "if (submit(hw, dma) < 0) {\n"
		 "\tdma_unmap_single(dev, dma, len, DMA_TO_DEVICE);\n"
		 "\treturn -EIO;\n"
		 "}",
	.sees = "What is live when the driver has left and everything devm held is "
		"released. While it stays: call sites of which both all live mappings "
		"and those older than 30 s have become more at each of four looks, 10 s "
		"apart. dmasnoop live shows them.",
	.blind = "Mappings older than the trace. A driver that maps once and keeps it is not a "
		 "leak. On 7.x drivers may leave out the unmap for direct, coherent devices "
		 "(dma_need_unmap()): those are not judged by growth.",
	.read = { { HOWTO, "Using Streaming DMA mappings" },
		  { SWIOTLB, "Core Functionality Constraints" } },
};

static const struct explanation explain_DOORBELL_BEFORE_DESCRIPTOR = {
	.question = Q_DESCRIPTOR,
	.means =
		"The doorbell tells the device to fetch descriptors. What the CPU wrote to the ring "
		"has to be visible to the device before: by wmb() (writel() has it) for coherent "
		"memory, by a sync_for_device for a ring in streaming memory.",
	.noncoherent = "The descriptor is still in the cache or a write buffer: the device fetches "
		       "the previous one, with the address of a buffer that is gone.",
	.bounced = "A ring in streaming memory without the sync: the device never sees the new "
		   "descriptor.",
	.iommu = "The old descriptor's address translates to nothing, or to another buffer.",
	.wrong = "desc->addr = dma;\n"
		 "writel_relaxed(tail, hw + DOORBELL);\n"
		 "desc->flags = OWN;",
	.right = "desc->addr = dma;\n"
		 "dma_wmb();\n"
		 "desc->flags = OWN;\n"
		 "writel(tail, hw + DOORBELL);",
	.sees = "dmaloop's drivers announce what they store to a descriptor and read of it, its "
		"engine what it fetches. Reported are: a descriptor executed as it was before "
		"the stores; a store to one that is executed already; a doorbell for a ring in "
		"streaming memory with no handover after the store.",
	.blind = "Rings of real devices: memory and registers are written without an event. "
		 "Drivers that reach dmaloop's engine through dmaengine or its character device.",
	.read = { { BARRIERS, "KERNEL I/O BARRIER EFFECTS" },
		  { BARRIERS, "CPU MEMORY BARRIERS" },
		  { HOWTO, "Using Consistent DMA mappings" } },
};

static const struct explanation explain_DESCRIPTOR_TORN = {
	.question = Q_DESCRIPTOR,
	.means = "The device fetched a descriptor while the CPU was writing it, or fetched part of "
		 "it earlier, with the bank or line before it: some fields are new, some old.",
	.noncoherent = "A descriptor on two lines becomes visible in two steps, in any order.",
	.bounced = "As on any machine, for rings in coherent memory.",
	.iommu = "A new length with an old address faults, or writes into another buffer.",
	.wrong = "desc->flags = OWN;\n"
		 "desc->addr = dma; /* the device may have it already */",
	.right = "desc->addr = dma;\n"
		 "dma_wmb(); /* the fields before the flag */\n"
		 "desc->flags = OWN;",
	.sees = "What dmaloop's engine fetched and executes, word for word against what the driver "
		"had stored; and a store that comes after the fetch, to a descriptor that the "
		"driver has not seen done.",
	.blind = "Rings of real devices. A missing barrier that happened to do no harm.",
	.read = { { BARRIERS, "CPU MEMORY BARRIERS" }, { HOWTO, "Types of DMA mappings" } },
};

static const struct explanation explain_DESCRIPTOR_OVERRUN = {
	.question = Q_DESCRIPTOR,
	.means =
		"The ring was filled past its free entries: a descriptor that the device still owns "
		"was written. The transfer in progress changes under the device, or the new one is "
		"never made.",
	.noncoherent = "As on any machine.",
	.bounced = "As on any machine.",
	.iommu = "As on any machine; the old buffer stays mapped, since nobody completes it.",
	.wrong = "desc = &ring->desc[ring->head++ % N];\n"
		 "fill(desc);",
	.right = "desc = &ring->desc[ring->head % N];\n"
		 "if (READ_ONCE(desc->flags) & OWN)\n"
		 "\treturn -EBUSY;\n"
		 "dma_rmb();\n"
		 "fill(desc);\n"
		 "ring->head++;",
	.sees = "dmaloop's announcements of a store to a descriptor whose OWN bit was set, and "
		"which its engine has not completed.",
	.blind = "Rings of real devices.",
	.read = { { BARRIERS, "CPU MEMORY BARRIERS" } },
};

static const struct explanation *const explanations[NR_CHECKS] = {
#define EXPLANATION(id, ...) &explain_##id,
	CHECKS(EXPLANATION)
#undef EXPLANATION
};

static const char *const questions[NR_QUESTIONS] = {
	[Q_ADDRESS] = "Is it the right memory, and its right address?",
	[Q_DIRECTION] = "Does the data move that way?",
	[Q_SYNC] = "Was it handed over in time?",
	[Q_ALIGNMENT] = "Who else is on its cache lines, or in its pages?",
	[Q_LIFETIME] = "Is it given back once, whole, and in the way it was taken?",
	[Q_DESCRIPTOR] = "Did the device see the descriptor as it was meant?",
};

/**
 * explanation - return the explanation of a check
 * @check: the check
 */
const struct explanation *explanation(enum check check)
{
	return explanations[check];
}

static void list(void)
{
	for (int question = 0; question < NR_QUESTIONS; question++) {
		printf("%s%s\n", question ? "\n" : "", questions[question]);
		for (int i = 0; i < NR_CHECKS; i++)
			if (explanations[i]->question == (enum question)question)
				printf("  %-27s %s\n", check_infos[i].name,
				       level_names[check_infos[i].level]);
	}
	printf("\ndmasnoop explain CHECK tells more.\n");
}

/* Prints code unchanged. A tab is eight columns wide, wherever the code starts. */
static void code(const char *label, const char *text)
{
	if (!text)
		return;
	printf("\n%s\n", label);
	while (*text) {
		int line = strcspn(text, "\n");

		printf("    ");
		for (int i = 0; i < line; i++)
			if (text[i] == '\t')
				printf("        ");
			else
				putchar(text[i]);
		putchar('\n');
		text += line;
		text += *text == '\n';
	}
}

static void explain_one(enum check check)
{
	const struct check_info *info = &check_infos[check];
	const struct explanation *e = explanations[check];

	printf("%s (%s)\n\n", info->name, level_names[info->level]);
	print_wrapped(stdout, "Says", info->headline);
	print_wrapped(stdout, "Means", e->means);
	printf("\nWhat it does where\n");
	print_wrapped(stdout, "caches", e->noncoherent);
	print_wrapped(stdout, "bounced", e->bounced);
	print_wrapped(stdout, "IOMMU", e->iommu);
	printf("\n");
	print_wrapped(stdout, "Fix", info->fix);
	code("Wrong", e->wrong);
	code("Right", e->right);
	printf("\n");
	print_wrapped(stdout, "Sees", e->sees);
	print_wrapped(stdout, "Misses", e->blind);
	printf("\nRead\n");
	for (int i = 0; i < READ_MAX && e->read[i].file; i++)
		printf("  Documentation/%s, \"%s\"\n", e->read[i].file, e->read[i].section);
}

/**
 * explain - run the verb `explain'
 * @name: name of a check; NULL: list all checks
 *
 * Return: an exit status.
 */
int explain(const char *name)
{
	if (!name) {
		list();
		return EXIT_CLEAN;
	}
	for (int i = 0; i < NR_CHECKS; i++) {
		if (strcmp(check_infos[i].name, name))
			continue;
		explain_one(i);
		return EXIT_CLEAN;
	}
	return fail("no check '%s'; `dmasnoop explain' lists them", name);
}
