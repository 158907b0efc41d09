/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooks outside the DMA API, where mapped memory is freed or passed to another layer. Nearly always
 * the word of the page shows that no device may write there, and the program ends.
 *
 * Each hook is optional: a kernel that refuses a hook works without it ("?", attach_choose()). The
 * programs have no fallback programs, because a missed event is a missed finding, not a false one.
 * attach_overlooked() counts the missed events, and the summary gives the number.
 */
#ifndef DMASNOOP_HOOKS_HANDOVER_BPF_H
#define DMASNOOP_HOOKS_HANDOVER_BPF_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "core/finding.h"
#include "core/judge_release.h"
#include "core/scratch.h"
#include "env.bpf.h"
#include "kprobe.bpf.h"
#include "losses.bpf.h"

/* --- memory that is freed --- */

static __always_inline int on_object_freed(u64 *args)
{
	struct scratch *s;
	u64 phys;

	if (!armed)
		return 0;
	phys = virt_to_phys(args[1]);
	if (!phys || !page_is_claimed(phys))
		return 0;
	s = take_scratch();
	if (!s)
		return 0;
	env_find_object(&s->object, phys);
	if (s->object.kind == OBJECT_SLAB || s->object.kind == OBJECT_KMALLOC) {
		s->phys = s->object.start;
		s->size = s->object.size;
		judge_release(s);
		send_verdicts(args, s);
	}
	release_scratch(s);
	return 0;
}

/* kfree: call site, object */
SEC("?raw_tp/kfree")
int tp_kfree(u64 *args)
{
	return on_object_freed(args);
}

/* kmem_cache_free: call site, object, cache */
SEC("?raw_tp/kmem_cache_free")
int tp_kmem_cache_free(u64 *args)
{
	return on_object_freed(args);
}

/* mm_page_free: page, order */
SEC("?raw_tp/mm_page_free")
int tp_page_free(u64 *args)
{
	u64 phys, size = 1ull << PAGE_SHIFT << (args[1] & 15);
	struct scratch *s;

	if (!armed)
		return 0;
	phys = env_page_phys(args[0]);
	if (!phys || !lines_claimed(phys, size))
		return 0;
	s = take_scratch();
	if (!s)
		return 0;
	s->phys = phys;
	s->size = size;
	judge_release(s);
	send_verdicts(args, s);
	release_scratch(s);
	return 0;
}

/* --- memory that is passed to another layer --- */

/* skb_frag_t contains a page, a length and an offset. Their names depend on the kernel. */
struct fragment {
	u64 page;
	u32 length;
	u32 offset;
};

#define FRAGMENTS_MAX 17

static __always_inline int judge_fragment(struct scratch *s, u64 address)
{
	struct fragment fragment = {};

	bpf_probe_read_kernel(&fragment, sizeof(fragment), (void *)address);
	/* Device memory has no struct page. */
	if (fragment.page & 1)
		return 0;
	return judge_passed(s, env_page_phys(fragment.page) + fragment.offset, fragment.length);
}

__noinline int judge_skb(struct scratch *s, u64 address)
{
	struct sk_buff *skb = (void *)address;
	struct skb_shared_info *info;
	u32 length, paged, fragments;

	length = BPF_CORE_READ(skb, len);
	paged = BPF_CORE_READ(skb, data_len);
	judge_passed(s, virt_to_phys((u64)BPF_CORE_READ(skb, data)), length - paged);
	if (!paged)
		return 0;
	info = (void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));
	fragments = BPF_CORE_READ(info, nr_frags);
	for (u32 i = 0; i < FRAGMENTS_MAX && i < fragments; i++)
		judge_fragment(s, (u64)info + bpf_core_field_offset(info->frags) +
					  i * sizeof(struct fragment));
	return 0;
}

/* A driver passes a packet to the network stack. The skb is the first argument. */
#define RECEIVE(tracepoint)                                        \
	SEC("?raw_tp/" #tracepoint)                                \
	int tp_##tracepoint(u64 *args)                             \
	{                                                          \
		struct scratch *s = armed ? take_scratch() : NULL; \
                                                                   \
		if (!s)                                            \
			return 0;                                  \
		s->detail = DETAIL_NET;                            \
		judge_skb(s, args[0]);                             \
		send_verdicts(args, s);                            \
		release_scratch(s);                                \
		return 0;                                          \
	}

RECEIVE(napi_gro_receive_entry)
RECEIVE(napi_gro_frags_entry)
RECEIVE(netif_receive_skb_entry)
RECEIVE(netif_receive_skb_list_entry)
RECEIVE(netif_rx_entry)

/* Judges the first segment of a read; all segments are mapped and unmapped together. */
__noinline int judge_request(struct scratch *s, u64 address)
{
	struct request *request = (void *)address;
	struct bio_vec *segment;
	struct bio *bio;
	u32 done;

	bio = BPF_CORE_READ(request, bio);
	if (!bio || BPF_CORE_READ(request, cmd_flags) & 0xff /* REQ_OP_READ */)
		return 0;
	segment = BPF_CORE_READ(bio, bi_io_vec) + BPF_CORE_READ(bio, bi_iter.bi_idx);
	if (bpf_core_field_exists(bio->bi_iter.bi_bvec_done))
		done = BPF_CORE_READ(bio, bi_iter.bi_bvec_done);
	else
		done = BPF_CORE_READ((struct bio___renamed *)bio, bi_iter.bi_offset);
	return judge_passed(s,
			    env_page_phys((u64)BPF_CORE_READ(segment, bv_page)) +
				    BPF_CORE_READ(segment, bv_offset) + done,
			    BPF_CORE_READ(segment, bv_len) - done);
}

/* block_rq_complete: request, error, bytes */
SEC("?raw_tp/block_rq_complete")
int tp_block_rq_complete(u64 *args)
{
	struct scratch *s = armed ? take_scratch() : NULL;

	if (!s)
		return 0;
	s->detail = DETAIL_BLOCK;
	judge_request(s, args[0]);
	send_verdicts(args, s);
	release_scratch(s);
	return 0;
}

#define TRANSFERS_MAX 16

__noinline int judge_spi_message(struct scratch *s, u64 address)
{
	struct spi_message *message = (void *)address;
	struct spi_transfer *transfer;
	u64 head = address + bpf_core_field_offset(message->transfers);
	u64 entry = (u64)BPF_CORE_READ(message, transfers.next);

	for (u32 i = 0; i < TRANSFERS_MAX && entry && entry != head; i++) {
		transfer = (void *)(entry - bpf_core_field_offset(transfer->transfer_list));
		judge_passed(s, virt_to_phys((u64)BPF_CORE_READ(transfer, rx_buf)),
			     BPF_CORE_READ(transfer, len));
		entry = (u64)BPF_CORE_READ(transfer, transfer_list.next);
	}
	return 0;
}

/* spi_message_done: message */
SEC("?raw_tp/spi_message_done")
int tp_spi_message_done(u64 *args)
{
	struct scratch *s = armed ? take_scratch() : NULL;

	if (!s)
		return 0;
	s->detail = DETAIL_SPI;
	judge_spi_message(s, args[0]);
	send_verdicts(args, s);
	release_scratch(s);
	return 0;
}

/*
 * struct i2c_msg of include/uapi/linux/i2c.h, which does not change because it is part of the
 * user-space API. A kernel without I2C, or with I2C as a module, has no such type in its BTF.
 */
struct i2c_message {
	u16 address;
	u16 flags;
	u16 length;
	u64 buffer;
};

/* i2c_reply, in a module: adapter, message that was read, index of the message, result */
SEC("?raw_tp/i2c_reply")
int late_i2c_reply(u64 *args)
{
	struct scratch *s = armed ? take_scratch() : NULL;
	struct i2c_message message = {};

	if (!s)
		return 0;
	s->detail = DETAIL_I2C;
	bpf_probe_read_kernel(&message, sizeof(message), (void *)args[1]);
	judge_passed(s, virt_to_phys(message.buffer), message.length);
	send_verdicts(args, s);
	release_scratch(s);
	return 0;
}

#define URB_NO_TRANSFER_DMA_MAP 0x0004
#define URB_DIR_IN 0x0200

__noinline int judge_urb(struct scratch *s, u64 address)
{
	struct urb *urb = (void *)address;
	u32 flags = BPF_CORE_READ(urb, transfer_flags);
	u64 length = BPF_CORE_READ(urb, actual_length), page;
	struct scatterlist *sg;

	/* The URB's owner may have mapped the buffer, and may sync it at the giveback. */
	if (!(flags & URB_DIR_IN) || flags & URB_NO_TRANSFER_DMA_MAP)
		return 0;
	/*
	 * Drivers also call this function before they submit a URB, and after a failed submission.
	 */
	if (BPF_CORE_READ(urb, hcpriv) || BPF_CORE_READ(urb, use_count.counter) <= 0)
		return 0;
	sg = BPF_CORE_READ(urb, sg);
	if (!sg)
		return judge_passed(s, virt_to_phys((u64)BPF_CORE_READ(urb, transfer_buffer)),
				    length);
	page = BPF_CORE_READ(sg, page_link) & ~(SG_CHAIN | SG_END);
	if (length > BPF_CORE_READ(sg, length))
		length = BPF_CORE_READ(sg, length);
	return judge_passed(s, env_page_phys(page) + BPF_CORE_READ(sg, offset), length);
}

static __always_inline int on_giveback(void *ctx, u64 urb, u64 caller)
{
	struct scratch *s = armed ? take_scratch() : NULL;

	if (!s)
		return 0;
	s->caller = caller;
	s->detail = DETAIL_USB;
	judge_urb(s, urb);
	send_verdicts(ctx, s);
	release_scratch(s);
	return 0;
}

/*
 * usb_unanchor_urb(urb): drivers/usb/core/hcd.c calls this function between the unmap and the
 * driver's completion function, where there is no tracepoint.
 */
SEC("?fentry/usb_unanchor_urb")
int usb_giveback(u64 *args)
{
	return on_giveback(args, env_number(args[0]), 0);
}

SEC("?kprobe/usb_unanchor_urb")
int usb_giveback_probe(void *ctx)
{
	u64 args[CALL_ARGS];

	probe_args(ctx, args);
	return on_giveback(ctx, args[0], probe_caller(ctx));
}

#endif
