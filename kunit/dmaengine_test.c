// SPDX-License-Identifier: GPL-2.0
/*
 * The dmaengine provider through dmaengine's public interface, on a non-coherent device, for what
 * dmatest does not do: cyclic, scatter-gather, interleaved, memset, residue, pause, terminate and
 * errors. dmatest itself runs in a guest.
 */
#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/scatterlist.h>

#include "../kmod/device.h"

#define SIZE SZ_16K

struct fixture {
	struct platform_device *pdev;
	struct device *dev;
	struct dma_chan *chan;
	u8 *src, *dst;
	dma_addr_t src_bus, dst_bus;
	atomic_t calls;
	struct completion done;
	enum dmaengine_tx_result result;
};

static bool is_ours(struct dma_chan *chan, void *dev)
{
	return chan->device->dev == dev;
}

static struct fixture *make_client(struct kunit *test, enum dmaloop_client client)
{
	struct dmaloop_config config = dmaloop_config_default;
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	dma_cap_mask_t mask;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	config.client = client;
	config.channels = 2;
	f->pdev = dmaloop_device_create(&config);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, f->pdev);
	test->priv = f;
	f->dev = &f->pdev->dev;
	init_completion(&f->done);
	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
	f->chan = dma_request_channel(mask, is_ours, f->dev);
	KUNIT_ASSERT_NOT_NULL(test, f->chan);
	f->src = kmalloc(SIZE, GFP_KERNEL);
	f->dst = kzalloc(SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->src);
	KUNIT_ASSERT_NOT_NULL(test, f->dst);
	for (i = 0; i < SIZE; i++)
		f->src[i] = 1 + i * 11 + (i >> 8);
	f->src_bus = dma_map_single(f->dev, f->src, SIZE, DMA_TO_DEVICE);
	f->dst_bus = dma_map_single(f->dev, f->dst, SIZE, DMA_BIDIRECTIONAL);
	return f;
}

static struct fixture *make(struct kunit *test)
{
	return make_client(test, CLIENT_DMAENGINE);
}

static void fixture_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (!f)
		return;
	if (f->chan) {
		dmaengine_terminate_sync(f->chan);
		if (f->dst_bus) {
			dma_unmap_single(f->dev, f->src_bus, SIZE, DMA_TO_DEVICE);
			dma_unmap_single(f->dev, f->dst_bus, SIZE, DMA_BIDIRECTIONAL);
		}
		dma_release_channel(f->chan);
	}
	dmaloop_device_destroy(f->pdev);
	kfree(f->src);
	kfree(f->dst);
}

static void on_result(void *data, const struct dmaengine_result *result)
{
	struct fixture *f = data;

	atomic_inc(&f->calls);
	f->result = result->result;
	complete(&f->done);
}

static void on_period(void *data)
{
	struct fixture *f = data;

	atomic_inc(&f->calls);
}

static dma_cookie_t submit(struct kunit *test, struct fixture *f,
			   struct dma_async_tx_descriptor *tx)
{
	KUNIT_ASSERT_NOT_NULL(test, tx);
	tx->callback_result = on_result;
	tx->callback_param = f;
	return dmaengine_submit(tx);
}

static void finish(struct kunit *test, struct fixture *f)
{
	dma_async_issue_pending(f->chan);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&f->done, 10 * HZ), 0);
	dma_sync_single_for_cpu(f->dev, f->dst_bus, SIZE, DMA_BIDIRECTIONAL);
}

static void copies_at_any_offset(struct kunit *test)
{
	struct fixture *f = make(test);
	u32 i;

	for (i = 0; i < 150; i++) {
		u32 from = i * 13 % 97, to = i * 29 % 113, length = 1 + i * 37 % 5000;

		submit(test, f,
		       dmaengine_prep_dma_memcpy(f->chan, f->dst_bus + to, f->src_bus + from,
						 length, DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
		finish(test, f);
		KUNIT_ASSERT_EQ(test, f->result, DMA_TRANS_NOERROR);
		KUNIT_ASSERT_EQ(test, memcmp(f->dst + to, f->src + from, length), 0);
	}
}

/* More transactions than the ring holds: none is lost, and the last one ends last. */
static void queue_longer_than_the_ring(struct kunit *test)
{
	struct fixture *f = make(test);
	dma_cookie_t cookie = 0;
	u32 i;

	for (i = 0; i < 300; i++)
		cookie = submit(test, f,
				dmaengine_prep_dma_memcpy(f->chan, f->dst_bus + i, f->src_bus + i,
							  1, DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
	dma_async_issue_pending(f->chan);
	KUNIT_EXPECT_EQ(test, dma_sync_wait(f->chan, cookie), DMA_COMPLETE);
	for (i = 0; i < 1000 && atomic_read(&f->calls) < 300; i++)
		usleep_range(500, 1000);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->calls), 300);
	dma_sync_single_for_cpu(f->dev, f->dst_bus, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, memcmp(f->dst, f->src, 300), 0);
}

static void sets_memory(struct kunit *test)
{
	struct fixture *f = make(test);

	submit(test, f,
	       dmaengine_prep_dma_memset(f->chan, f->dst_bus + 7, 0x1a5, 5000,
					 DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
	finish(test, f);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(f->dst + 7, 0xa5, 5000), NULL);
	KUNIT_EXPECT_EQ(test, f->dst[5007], 0);
}

/* XOR five sources into the destination, then again with the destination among the sources. */
static void xors(struct kunit *test)
{
	struct fixture *f = make_client(test, CLIENT_ASYNC_TX);
	dma_addr_t src[5];
	u8 want;
	u32 i, n;

	for (n = 0; n < 5; n++)
		src[n] = f->src_bus + n * 1001;
	submit(test, f,
	       f->chan->device->device_prep_dma_xor(f->chan, f->dst_bus, src, 5, 3000,
						    DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
	finish(test, f);
	for (i = 0; i < 3000; i++) {
		for (n = 0, want = 0; n < 5; n++)
			want ^= f->src[n * 1001 + i];
		KUNIT_ASSERT_EQ(test, f->dst[i], want);
	}
	dma_sync_single_for_device(f->dev, f->dst_bus, SIZE, DMA_BIDIRECTIONAL);
	src[2] = f->dst_bus;
	submit(test, f,
	       f->chan->device->device_prep_dma_xor(f->chan, f->dst_bus, src, 5, 3000,
						    DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
	finish(test, f);
	/* Every source but the third is in the sum twice now. */
	for (i = 0; i < 3000; i++)
		KUNIT_ASSERT_EQ(test, f->dst[i], f->src[2 * 1001 + i]);
}

/* Two equal halves have the sum 0. A single different byte shows, wherever it is. */
static void tests_sums(struct kunit *test)
{
	struct fixture *f = make_client(test, CLIENT_ASYNC_TX);
	dma_addr_t src[2] = { f->dst_bus, f->dst_bus + SIZE / 2 };
	enum sum_check_flags sum;
	u32 i;

	for (i = 0; i < 4; i++) {
		u32 at = i * (SIZE / 2 - 1) / 3;

		memcpy(f->dst, f->src, SIZE / 2);
		memcpy(f->dst + SIZE / 2, f->src, SIZE / 2);
		dma_sync_single_for_device(f->dev, f->dst_bus, SIZE, DMA_BIDIRECTIONAL);
		sum = SUM_CHECK_Q_RESULT;
		submit(test, f,
		       f->chan->device->device_prep_dma_xor_val(f->chan, src, 2, SIZE / 2, &sum,
								DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
		finish(test, f);
		KUNIT_EXPECT_EQ(test, sum, 0);
		f->dst[at] ^= 0x10;
		dma_sync_single_for_device(f->dev, f->dst_bus, SIZE, DMA_BIDIRECTIONAL);
		submit(test, f,
		       f->chan->device->device_prep_dma_xor_val(f->chan, src, 2, SIZE / 2, &sum,
								DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
		finish(test, f);
		KUNIT_EXPECT_EQ(test, sum, SUM_CHECK_P_RESULT);
	}
}

/* Three pieces from memory to the "peripheral". */
static void scatter_gather(struct kunit *test)
{
	struct fixture *f = make(test);
	struct dma_slave_config config = { .dst_addr = f->dst_bus };
	struct scatterlist sg[3];
	u32 i;

	KUNIT_ASSERT_EQ(test, dmaengine_slave_config(f->chan, &config), 0);
	sg_init_table(sg, 3);
	for (i = 0; i < 3; i++) {
		sg_dma_address(&sg[i]) = f->src_bus + i * 1000;
		sg_dma_len(&sg[i]) = 300 - i * 100;
	}
	submit(test, f,
	       dmaengine_prep_slave_sg(f->chan, sg, 3, DMA_MEM_TO_DEV,
				       DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
	finish(test, f);
	/* Each piece was written to the same place, so the last one is on top. */
	KUNIT_EXPECT_EQ(test, memcmp(f->dst, f->src + 2000, 100), 0);
	KUNIT_EXPECT_EQ(test, memcmp(f->dst + 100, f->src + 1100, 100), 0);
	KUNIT_EXPECT_EQ(test, memcmp(f->dst + 200, f->src + 200, 100), 0);
	KUNIT_EXPECT_EQ(test, f->dst[300], 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->calls), 1);
}

/* A column of an image: 16 pieces of 8 bytes, 64 bytes apart, are packed together. */
static void interleaves(struct kunit *test)
{
	struct fixture *f = make(test);
	struct dma_interleaved_template *xt =
		kunit_kzalloc(test, struct_size(xt, sgl, 1), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, xt);
	xt->src_start = f->src_bus;
	xt->dst_start = f->dst_bus;
	xt->dir = DMA_MEM_TO_MEM;
	xt->src_inc = true;
	xt->dst_inc = true;
	xt->src_sgl = true;
	xt->numf = 16;
	xt->frame_size = 1;
	xt->sgl[0].size = 8;
	xt->sgl[0].icg = 56;
	submit(test, f,
	       dmaengine_prep_interleaved_dma(f->chan, xt, DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
	finish(test, f);
	for (i = 0; i < 16; i++)
		KUNIT_EXPECT_EQ(test, memcmp(f->dst + i * 8, f->src + i * 64, 8), 0);
	KUNIT_EXPECT_EQ(test, f->dst[128], 0);
}

/* Periods call back until terminated, and the residue stays within the buffer. */
static void cyclic_periods(struct kunit *test)
{
	struct fixture *f = make(test);
	struct dma_slave_config config = { .dst_addr = f->dst_bus };
	struct dma_async_tx_descriptor *tx;
	struct dma_tx_state state;
	dma_cookie_t cookie;
	int calls;

	KUNIT_ASSERT_EQ(test, dmaengine_slave_config(f->chan, &config), 0);
	KUNIT_EXPECT_NULL(test, dmaengine_prep_dma_cyclic(f->chan, f->src_bus, 4096, 1000,
							  DMA_MEM_TO_DEV, 0));
	tx = dmaengine_prep_dma_cyclic(f->chan, f->src_bus, 4096, 1024, DMA_MEM_TO_DEV,
				       DMA_PREP_INTERRUPT);
	KUNIT_ASSERT_NOT_NULL(test, tx);
	tx->callback = on_period;
	tx->callback_param = f;
	cookie = dmaengine_submit(tx);
	dma_async_issue_pending(f->chan);
	while (atomic_read(&f->calls) < 100) {
		KUNIT_ASSERT_EQ(test, dmaengine_tx_status(f->chan, cookie, &state),
				DMA_IN_PROGRESS);
		KUNIT_ASSERT_LE(test, state.residue, 4096);
		KUNIT_ASSERT_GT(test, state.residue, 0);
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, dmaengine_pause(f->chan), 0);
	KUNIT_EXPECT_EQ(test, dmaengine_tx_status(f->chan, cookie, &state), DMA_PAUSED);
	dmaengine_synchronize(f->chan);
	calls = atomic_read(&f->calls);
	msleep(20);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->calls), calls);
	KUNIT_EXPECT_EQ(test, dmaengine_resume(f->chan), 0);
	while (atomic_read(&f->calls) < calls + 50)
		cond_resched();
	KUNIT_EXPECT_EQ(test, dmaengine_terminate_sync(f->chan), 0);
	calls = atomic_read(&f->calls);
	msleep(20);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->calls), calls);
}

/* Terminated transactions never call back, and the channel still works afterwards. */
static void terminate_then_go_on(struct kunit *test)
{
	struct fixture *f = make(test);
	u32 round, i;

	for (round = 0; round < 100; round++) {
		int before;

		for (i = 0; i < 10; i++)
			submit(test, f,
			       dmaengine_prep_dma_memcpy(f->chan, f->dst_bus, f->src_bus, SZ_8K,
							 DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
		dma_async_issue_pending(f->chan);
		if (round % 3)
			cond_resched();
		KUNIT_ASSERT_EQ(test, dmaengine_terminate_sync(f->chan), 0);
		before = atomic_read(&f->calls);
		reinit_completion(&f->done);
		submit(test, f,
		       dmaengine_prep_dma_memcpy(f->chan, f->dst_bus, f->src_bus, 100,
						 DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
		finish(test, f);
		KUNIT_ASSERT_EQ(test, atomic_read(&f->calls), before + 1);
	}
}

/* A transfer that faults is an error for its client, and the next one succeeds. */
static void faults_are_told(struct kunit *test)
{
	struct fixture *f = make(test);
	dma_cookie_t cookie;

	cookie = submit(test, f,
			dmaengine_prep_dma_memcpy(f->chan, f->dst_bus, 0xdead000, 64,
						  DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
	finish(test, f);
	KUNIT_EXPECT_EQ(test, f->result, DMA_TRANS_WRITE_FAILED);
	KUNIT_EXPECT_EQ(test, dma_async_is_tx_complete(f->chan, cookie, NULL, NULL), DMA_ERROR);
	submit(test, f,
	       dmaengine_prep_dma_memcpy(f->chan, f->dst_bus, f->src_bus, 64,
					 DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
	finish(test, f);
	KUNIT_EXPECT_EQ(test, f->result, DMA_TRANS_NOERROR);
}

/* A transaction that unmaps by itself has done so by the time it counts as complete. */
static void complete_means_unmapped(struct kunit *test)
{
	struct fixture *f = make(test);
	struct dma_async_tx_descriptor *tx;
	struct dmaengine_unmap_data *unmap;
	u8 *to = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);
	dma_cookie_t cookie;

	KUNIT_ASSERT_NOT_NULL(test, to);
	unmap = dmaengine_get_unmap_data(f->dev, 2, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, unmap);
	unmap->to_cnt = 1;
	unmap->from_cnt = 1;
	unmap->len = 1000;
	unmap->addr[0] = dma_map_page(f->dev, virt_to_page(f->src), offset_in_page(f->src), 1000,
				      DMA_TO_DEVICE);
	unmap->addr[1] =
		dma_map_page(f->dev, virt_to_page(to), offset_in_page(to), 1000, DMA_FROM_DEVICE);
	tx = dmaengine_prep_dma_memcpy(f->chan, unmap->addr[1], unmap->addr[0], 1000,
				       DMA_PREP_INTERRUPT | DMA_CTRL_ACK);
	KUNIT_ASSERT_NOT_NULL(test, tx);
	dma_set_unmap(tx, unmap);
	dmaengine_unmap_put(unmap);
	cookie = dmaengine_submit(tx);
	dma_async_issue_pending(f->chan);
	/* The poller occupies its CPU, so that no tasklet runs there in between. */
	scoped_guard(preempt)
	{
		while (dma_async_is_tx_complete(f->chan, cookie, NULL, NULL) != DMA_COMPLETE)
			cpu_relax();
		KUNIT_EXPECT_EQ(test, memcmp(to, f->src, 1000), 0);
	}
}

/* Of more transactions than the ring holds, only the last one interrupts: all are done by then. */
static void one_interrupt_for_many(struct kunit *test)
{
	struct fixture *f = make(test);
	u32 i;

	for (i = 0; i < 200; i++)
		dmaengine_submit(dmaengine_prep_dma_memcpy(f->chan, f->dst_bus + i, f->src_bus + i,
							   1, DMA_CTRL_ACK));
	submit(test, f,
	       dmaengine_prep_dma_memcpy(f->chan, f->dst_bus + i, f->src_bus + i, 1,
					 DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
	finish(test, f);
	KUNIT_EXPECT_EQ(test, memcmp(f->dst, f->src, 201), 0);
}

/* A cyclic transfer that faults ends and reports the fault. */
static void cyclic_fault_is_told(struct kunit *test)
{
	struct fixture *f = make(test);
	struct dma_slave_config config = { .dst_addr = 0xdead000 };
	dma_cookie_t cookie;

	KUNIT_ASSERT_EQ(test, dmaengine_slave_config(f->chan, &config), 0);
	cookie = submit(test, f,
			dmaengine_prep_dma_cyclic(f->chan, f->src_bus, 4096, 1024, DMA_MEM_TO_DEV,
						  DMA_PREP_INTERRUPT));
	finish(test, f);
	KUNIT_EXPECT_EQ(test, f->result, DMA_TRANS_WRITE_FAILED);
	KUNIT_EXPECT_EQ(test, dma_async_is_tx_complete(f->chan, cookie, NULL, NULL), DMA_ERROR);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->calls), 1);
}

/* A transaction that is prepared but never submitted is freed with the channel. */
static void prepared_only(struct kunit *test)
{
	struct fixture *f = make(test);

	KUNIT_EXPECT_NOT_NULL(test, dmaengine_prep_dma_memcpy(f->chan, f->dst_bus, f->src_bus, 64,
							      DMA_CTRL_ACK));
}

/* A device whose configuration is gone lives until its client releases it. */
static void device_outlives_its_configuration(struct kunit *test)
{
	struct fixture *f = make(test);

	KUNIT_EXPECT_EQ(test, dmaloop_device_destroy_idle(f->pdev), -EBUSY);
	dmaloop_device_destroy(f->pdev);
	submit(test, f,
	       dmaengine_prep_dma_memcpy(f->chan, f->dst_bus, f->src_bus, 64,
					 DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
	finish(test, f);
	KUNIT_EXPECT_EQ(test, f->result, DMA_TRANS_NOERROR);
	KUNIT_EXPECT_FALSE(test, dmaloop_device_use(f->dev));
	dma_unmap_single(f->dev, f->src_bus, SIZE, DMA_TO_DEVICE);
	dma_unmap_single(f->dev, f->dst_bus, SIZE, DMA_BIDIRECTIONAL);
	get_device(f->dev);
	dma_release_channel(f->chan);
	flush_workqueue(dmaloop_queue);
	KUNIT_EXPECT_FALSE(test, device_is_registered(f->dev));
	put_device(f->dev);
	kfree(f->src);
	kfree(f->dst);
	test->priv = NULL;
}

static struct device *leaving;

/* The last client closes the device while its configuration is destroying it. */
static int close_meanwhile(struct engine *engine, u32 cpu_permille)
{
	struct kunit *test = kunit_get_current_test();

	kunit_deactivate_static_stub(test, engine_load);
	dmaloop_device_unuse(leaving);
	flush_workqueue(dmaloop_queue);
	KUNIT_ASSERT_TRUE(test, device_is_registered(leaving));
	return engine_load(engine, cpu_permille);
}

static void last_close_meets_the_end(struct kunit *test)
{
	struct platform_device *pdev = dmaloop_device_create(&dmaloop_config_default);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pdev);
	leaving = get_device(&pdev->dev);
	KUNIT_EXPECT_TRUE(test, dmaloop_device_use(leaving));
	kunit_activate_static_stub(test, engine_load, close_meanwhile);
	dmaloop_device_destroy(pdev);
	KUNIT_EXPECT_FALSE(test, device_is_registered(leaving));
	put_device(leaving);
}

/* A channel's settings and failed transactions do not pass to its next client. */
static void channels_forget_their_clients(struct kunit *test)
{
	struct dma_slave_config config = { .direction = DMA_MEM_TO_DEV };
	struct fixture *f = make(test);
	dma_cap_mask_t mask;
	dma_cookie_t cookie;

	dmaengine_slave_config(f->chan, &config);
	cookie = submit(test, f,
			dmaengine_prep_dma_memcpy(f->chan, SZ_1M, f->src_bus, 64,
						  DMA_PREP_INTERRUPT | DMA_CTRL_ACK));
	finish(test, f);
	KUNIT_ASSERT_EQ(test, dma_async_is_tx_complete(f->chan, cookie, NULL, NULL), DMA_ERROR);
	dma_release_channel(f->chan);
	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
	f->chan = dma_request_channel(mask, is_ours, f->dev);
	KUNIT_ASSERT_NOT_NULL(test, f->chan);
	reinit_completion(&f->done);
	KUNIT_EXPECT_EQ(test,
			submit(test, f,
			       dmaengine_prep_dma_memcpy(f->chan, f->dst_bus, f->src_bus, 64,
							 DMA_PREP_INTERRUPT | DMA_CTRL_ACK)),
			cookie);
	finish(test, f);
	KUNIT_EXPECT_EQ(test, dma_async_is_tx_complete(f->chan, cookie, NULL, NULL), DMA_COMPLETE);
}

/* clang-format off */
static struct kunit_case dmaengine_cases[] = {
	KUNIT_CASE(copies_at_any_offset),
	KUNIT_CASE(queue_longer_than_the_ring),
	KUNIT_CASE(sets_memory),
	KUNIT_CASE(xors),
	KUNIT_CASE(tests_sums),
	KUNIT_CASE(scatter_gather),
	KUNIT_CASE(interleaves),
	KUNIT_CASE(cyclic_periods),
	KUNIT_CASE(terminate_then_go_on),
	KUNIT_CASE(faults_are_told),
	KUNIT_CASE(complete_means_unmapped),
	KUNIT_CASE(one_interrupt_for_many),
	KUNIT_CASE(cyclic_fault_is_told),
	KUNIT_CASE(prepared_only),
	KUNIT_CASE(device_outlives_its_configuration),
	KUNIT_CASE(last_close_meets_the_end),
	KUNIT_CASE(channels_forget_their_clients),
	{}
};

/* clang-format on */

static struct kunit_suite dmaengine_suite = {
	.name = "dmaloop-dmaengine",
	.exit = fixture_exit,
	.test_cases = dmaengine_cases,
};

kunit_test_suite(dmaengine_suite);
