// SPDX-License-Identifier: GPL-2.0
/*
 * The engine device's dma_map_ops through the public DMA API, in a kernel with lockdep and
 * DMA_API_DEBUG. dma-debug only warns, and KUnit ignores warnings, so the last case checks
 * dma-debug's error count.
 */
#include <kunit/test.h>
#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "../kmod/client.h"
#include "../kmod/device.h"

#define SIZE 256u

/* dma-debug's error count, found through its debugfs file; NULL without dma-debug. */
static u32 *dma_debug_errors;
static u32 errors_before;

static int dma_debug_find(struct kunit_suite *suite)
{
	struct dentry *dir = debugfs_lookup("dma-api", NULL), *file;

	if (!dir)
		return 0;
	file = debugfs_lookup("error_count", dir);
	if (file) {
		dma_debug_errors = d_inode(file)->i_private;
		errors_before = *dma_debug_errors;
		dput(file);
	}
	dput(dir);
	return 0;
}

struct fixture {
	struct platform_device *pdev;
	struct device *dev;
	struct engine *engine;
	struct mapping_space *space;
	u8 *buffer;
	struct playground playground;
	struct client client;
	bool has_client;
};

static struct fixture *make(struct kunit *test, enum dmaloop_coherency coherency,
			    unsigned int dma_bits)
{
	struct dmaloop_config config = dmaloop_config_default;
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	config.coherency = coherency;
	config.dma_bits = dma_bits;
	f->pdev = dmaloop_device_create(&config);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, f->pdev);
	f->dev = &f->pdev->dev;
	f->engine = dmaloop_device_engine(f->pdev);
	f->space = &f->engine->space;
	f->buffer = kzalloc(2 * PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->buffer);
	playground_add(&f->playground, f->buffer, 2 * PAGE_SIZE);
	return f;
}

static void fixture_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (!f)
		return;
	if (f->has_client)
		client_destroy(&f->client);
	if (f->buffer)
		playground_remove(&f->playground);
	if (!IS_ERR_OR_NULL(f->pdev))
		dmaloop_device_destroy(f->pdev);
	kfree(f->buffer);
	KUNIT_EXPECT_TRUE(test, shadow_empty());
}

static u8 device_byte(struct kunit *test, struct fixture *f, dma_addr_t bus)
{
	u8 byte = 0;

	KUNIT_EXPECT_EQ(test, mapping_access(f->space, bus, &byte, 1, false), 0);
	return byte;
}

static void map_hands_over(struct kunit *test)
{
	struct fixture *f = make(test, COHERENCY_NONCOHERENT, 64);
	dma_addr_t bus;

	memset(f->buffer, 0x11, SIZE);
	bus = dma_map_single(f->dev, f->buffer, SIZE, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, bus));
	KUNIT_EXPECT_EQ(test, device_byte(test, f, bus), 0x11);
	KUNIT_EXPECT_EQ(test, device_byte(test, f, bus + SIZE - 1), 0x11);
	f->buffer[0] = 0x22;
	KUNIT_EXPECT_EQ(test, device_byte(test, f, bus), 0x11);
	dma_sync_single_for_cpu(f->dev, bus, SIZE, DMA_TO_DEVICE);
	dma_sync_single_for_device(f->dev, bus, SIZE, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, device_byte(test, f, bus), 0x22);
	dma_unmap_single(f->dev, bus, SIZE, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, f->space->live, 0);
	KUNIT_EXPECT_EQ(test, f->space->faults, 0);
}

static void unmap_hands_back(struct kunit *test)
{
	struct fixture *f = make(test, COHERENCY_NONCOHERENT, 64);
	u8 byte = 0x33;
	dma_addr_t bus;

	bus = dma_map_single(f->dev, f->buffer, SIZE, DMA_FROM_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, bus));
	KUNIT_EXPECT_EQ(test, mapping_access(f->space, bus + 5, &byte, 1, true), 0);
	KUNIT_EXPECT_NE(test, f->buffer[5], 0x33);
	dma_unmap_single(f->dev, bus, SIZE, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, f->buffer[5], 0x33);
}

static void partial_sync(struct kunit *test)
{
	struct fixture *f = make(test, COHERENCY_NONCOHERENT, 64);
	u8 bytes[SIZE];
	dma_addr_t bus;

	memset(bytes, 0x44, sizeof(bytes));
	bus = dma_map_single(f->dev, f->buffer, SIZE, DMA_FROM_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, bus));
	KUNIT_EXPECT_EQ(test, mapping_access(f->space, bus, bytes, SIZE, true), 0);
	dma_sync_single_for_cpu(f->dev, bus + 64, 64, DMA_FROM_DEVICE);
	KUNIT_EXPECT_NE(test, f->buffer[63], 0x44);
	KUNIT_EXPECT_EQ(test, f->buffer[64], 0x44);
	KUNIT_EXPECT_EQ(test, f->buffer[127], 0x44);
	KUNIT_EXPECT_NE(test, f->buffer[128], 0x44);
	dma_unmap_single(f->dev, bus, SIZE, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, f->buffer[128], 0x44);
}

/* A driver that looks at the header first. The rest must still arrive. */
static void unaligned_partial_sync(struct kunit *test)
{
	struct fixture *f = make(test, COHERENCY_NONCOHERENT, 64);
	u8 bytes[SIZE];
	dma_addr_t bus;

	/* Without the playground, both the neighbour bytes and the DMA data must survive. */
	playground_remove(&f->playground);
	memset(bytes, 0x45, sizeof(bytes));
	bus = dma_map_single(f->dev, f->buffer, SIZE, DMA_FROM_DEVICE);
	KUNIT_EXPECT_FALSE(test, dma_mapping_error(f->dev, bus));
	KUNIT_EXPECT_EQ(test, mapping_access(f->space, bus, bytes, SIZE, true), 0);
	dma_sync_single_for_cpu(f->dev, bus, 20, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, f->buffer[19], 0x45);
	dma_unmap_single(f->dev, bus, SIZE, DMA_FROM_DEVICE);
	KUNIT_EXPECT_TRUE(test, !memchr_inv(f->buffer, 0x45, SIZE));
	playground_add(&f->playground, f->buffer, 2 * PAGE_SIZE);
}

static void skip_cpu_sync_is_honoured(struct kunit *test)
{
	struct fixture *f = make(test, COHERENCY_NONCOHERENT, 64);
	dma_addr_t bus;
	u8 byte = 0x55;

	memset(f->buffer, 0x11, SIZE);
	bus = dma_map_single_attrs(f->dev, f->buffer, SIZE, DMA_BIDIRECTIONAL,
				   DMA_ATTR_SKIP_CPU_SYNC);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, bus));
	KUNIT_EXPECT_EQ(test, device_byte(test, f, bus), SHADOW_POISON);
	KUNIT_EXPECT_EQ(test, mapping_access(f->space, bus, &byte, 1, true), 0);
	dma_unmap_single_attrs(f->dev, bus, SIZE, DMA_BIDIRECTIONAL, DMA_ATTR_SKIP_CPU_SYNC);
	KUNIT_EXPECT_EQ(test, f->buffer[0], 0x11);
}

/* There is only one DRAM: two mappings of a page see each other's device writes. */
static void mappings_share_dram(struct kunit *test)
{
	struct fixture *f = make(test, COHERENCY_NONCOHERENT, 64);
	dma_addr_t a, b;
	u8 byte = 0x66;

	a = dma_map_single(f->dev, f->buffer, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, a));
	b = dma_map_single(f->dev, f->buffer + SIZE, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_FALSE(test, dma_mapping_error(f->dev, b));
	KUNIT_EXPECT_EQ(test, mapping_access(f->space, a, &byte, 1, true), 0);
	dma_unmap_single(f->dev, a, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, f->buffer[0], 0x66);
	dma_unmap_single(f->dev, b, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, f->buffer[0], 0x66);
}

static void scatterlists(struct kunit *test)
{
	struct fixture *f = make(test, COHERENCY_NONCOHERENT, 64);
	struct scatterlist sgl[3];
	int nents, i;

	sg_init_table(sgl, ARRAY_SIZE(sgl));
	for (i = 0; i < 3; i++) {
		memset(f->buffer + i * SIZE, 0x70 + i, SIZE);
		sg_set_buf(&sgl[i], f->buffer + i * SIZE, SIZE);
	}
	nents = dma_map_sg(f->dev, sgl, 3, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_EQ(test, nents, 3);
	KUNIT_EXPECT_EQ(test, f->space->live, 3);
	for (i = 0; i < 3; i++) {
		u8 byte = 0x80 + i;

		KUNIT_EXPECT_EQ(test, device_byte(test, f, sg_dma_address(&sgl[i])), 0x70 + i);
		KUNIT_EXPECT_EQ(
			test, mapping_access(f->space, sg_dma_address(&sgl[i]), &byte, 1, true), 0);
	}
	dma_sync_sg_for_cpu(f->dev, sgl, 3, DMA_BIDIRECTIONAL);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, f->buffer[i * SIZE], 0x80 + i);
		f->buffer[i * SIZE] = 0x90 + i;
	}
	dma_sync_sg_for_device(f->dev, sgl, 3, DMA_BIDIRECTIONAL);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, device_byte(test, f, sg_dma_address(&sgl[i])), 0x90 + i);
	dma_unmap_sg(f->dev, sgl, 3, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, f->space->live, 0);
	KUNIT_EXPECT_EQ(test, f->space->faults, 0);
}

static void coherent_memory_is_one(struct kunit *test)
{
	struct fixture *f = make(test, COHERENCY_NONCOHERENT, 64);
	u8 byte = 0x99, *virt;
	dma_addr_t bus;

	virt = dma_alloc_coherent(f->dev, 100, &bus, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, virt);
	KUNIT_EXPECT_TRUE(test, !memchr_inv(virt, 0, 100));
	virt[1] = 0x77;
	KUNIT_EXPECT_EQ(test, device_byte(test, f, bus + 1), 0x77);
	KUNIT_EXPECT_EQ(test, mapping_access(f->space, bus + 2, &byte, 1, true), 0);
	KUNIT_EXPECT_EQ(test, virt[2], 0x99);
	dma_free_coherent(f->dev, 100, virt, bus);
	KUNIT_EXPECT_EQ(test, f->space->live, 0);
}

static void accesses_outside_fault(struct kunit *test)
{
	struct fixture *f = make(test, COHERENCY_COHERENT, 64);
	u8 bytes[8] = {};
	dma_addr_t bus;

	bus = dma_map_single(f->dev, f->buffer, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, bus));
	memset(bytes, 0xaa, sizeof(bytes));
	KUNIT_EXPECT_EQ(test, mapping_access(f->space, bus - 1, bytes, 1, true), -EFAULT);
	KUNIT_EXPECT_EQ(test, mapping_access(f->space, bus + SIZE, bytes, 1, true), -EFAULT);
	KUNIT_EXPECT_EQ(test, mapping_access(f->space, bus + SIZE - 4, bytes, 8, true), -EFAULT);
	KUNIT_EXPECT_EQ(test, mapping_access(f->space, virt_to_phys(f->buffer), bytes, 1, true),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, f->space->faults, 4);
	KUNIT_EXPECT_EQ(test, f->buffer[SIZE], 0);
	dma_unmap_single(f->dev, bus, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, mapping_access(f->space, bus, bytes, 1, true), -EFAULT);
}

static void accesses_against_direction_fault(struct kunit *test)
{
	struct fixture *f = make(test, COHERENCY_COHERENT, 64);
	dma_addr_t tx, rx;
	u8 byte = 0xbb;

	tx = dma_map_single(f->dev, f->buffer, SIZE, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, tx));
	rx = dma_map_single(f->dev, f->buffer + PAGE_SIZE, SIZE, DMA_FROM_DEVICE);
	KUNIT_EXPECT_FALSE(test, dma_mapping_error(f->dev, rx));
	KUNIT_EXPECT_EQ(test, mapping_access(f->space, tx, &byte, 1, true), -EFAULT);
	KUNIT_EXPECT_EQ(test, mapping_access(f->space, rx, &byte, 1, false), -EFAULT);
	KUNIT_EXPECT_EQ(test, f->buffer[0], 0);
	KUNIT_EXPECT_EQ(test, mapping_access(f->space, rx, &byte, 1, true), 0);
	dma_unmap_single(f->dev, tx, SIZE, DMA_TO_DEVICE);
	dma_unmap_single(f->dev, rx, SIZE, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, f->space->faults, 2);
}

static void addresses_fit_the_mask(struct kunit *test)
{
	struct fixture *f = make(test, COHERENCY_COHERENT, 24);
	dma_addr_t bus[64];
	int i;

	for (i = 0; i < 64; i++) {
		bus[i] = dma_map_single(f->dev, f->buffer, 2 * PAGE_SIZE, DMA_TO_DEVICE);
		KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, bus[i]));
		KUNIT_EXPECT_LE(test, bus[i] + 2 * PAGE_SIZE - 1, DMA_BIT_MASK(24));
	}
	for (i = 0; i < 64; i++)
		dma_unmap_single(f->dev, bus[i], 2 * PAGE_SIZE, DMA_TO_DEVICE);
}

/* With a 24-bit mask there are 8 MiB of addresses. They run out, and are free again afterwards. */
static void addresses_run_out(struct kunit *test)
{
	struct fixture *f = make(test, COHERENCY_COHERENT, 24);
	const unsigned int pages = BIT(23) / PAGE_SIZE;
	dma_addr_t *bus = kunit_kcalloc(test, pages + 1, sizeof(*bus), GFP_KERNEL);
	unsigned int i, mapped;

	KUNIT_ASSERT_NOT_NULL(test, bus);
	for (mapped = 0; mapped <= pages; mapped++) {
		bus[mapped] = mapping_add(f->space, virt_to_phys(f->buffer), PAGE_SIZE,
					  DMA_TO_DEVICE, 0, false);
		if (bus[mapped] == DMA_MAPPING_ERROR)
			break;
	}
	KUNIT_EXPECT_EQ(test, mapped, pages);
	for (i = 0; i < mapped; i++)
		KUNIT_ASSERT_TRUE(test,
				  mapping_remove(f->space, bus[i], PAGE_SIZE, DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_TRUE(test, bitmap_empty(f->space->pages, f->space->nr_pages));
}

static void bad_configurations(struct kunit *test)
{
	struct dmaloop_config config = dmaloop_config_default;

	config.dma_bits = 23;
	KUNIT_EXPECT_TRUE(test, IS_ERR(dmaloop_device_create(&config)));
	config.dma_bits = 65;
	KUNIT_EXPECT_TRUE(test, IS_ERR(dmaloop_device_create(&config)));
	config = dmaloop_config_default;
	config.caches.line_size = 48;
	KUNIT_EXPECT_TRUE(test, IS_ERR(dmaloop_device_create(&config)));
	config = dmaloop_config_default;
	config.caches.arch = NULL;
	KUNIT_EXPECT_TRUE(test, IS_ERR(dmaloop_device_create(&config)));
}

/* Hundreds of transfers go through the ring, and each is checked. Then the ring stops. */
static void transfers_wrap_the_ring(struct kunit *test)
{
	struct fixture *f = make(test, COHERENCY_NONCOHERENT, 64);
	dma_addr_t src, dst;
	int i;

	KUNIT_ASSERT_EQ(test, client_init(&f->client, f->dev, &f->engine->channels[0]), 0);
	f->has_client = true;
	for (i = 0; i < 300; i++) {
		memset(f->buffer, i, SIZE);
		src = dma_map_single(f->dev, f->buffer, SIZE, DMA_TO_DEVICE);
		KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, src));
		dst = dma_map_single(f->dev, f->buffer + PAGE_SIZE, SIZE, DMA_FROM_DEVICE);
		KUNIT_EXPECT_FALSE(test, dma_mapping_error(f->dev, dst));
		KUNIT_EXPECT_EQ(test, client_submit(&f->client, dst, src, SIZE), 0);
		KUNIT_EXPECT_EQ(test, client_wait(&f->client), 0);
		dma_unmap_single(f->dev, src, SIZE, DMA_TO_DEVICE);
		dma_unmap_single(f->dev, dst, SIZE, DMA_FROM_DEVICE);
		KUNIT_ASSERT_EQ(test, memcmp(f->buffer, f->buffer + PAGE_SIZE, SIZE), 0);
	}
}

static void device_survives_its_registers(struct kunit *test)
{
	struct fixture *f = make(test, COHERENCY_COHERENT, 64);
	struct engine_channel *channel = &f->engine->channels[0];
	struct engine_setup setup = { .size = 16, .layout = { .stride = 40 } };

	KUNIT_EXPECT_EQ(test, engine_channel_doorbell(channel, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, engine_channel_start(channel, &setup), -EINVAL);
	setup.bus = 0x1000;
	setup.size = 3;
	KUNIT_EXPECT_EQ(test, engine_channel_start(channel, &setup), -EINVAL);
	setup.size = 16;
	setup.layout.stride = 32;
	KUNIT_EXPECT_EQ(test, engine_channel_start(channel, &setup), -EINVAL);
	setup.layout.stride = 40;
	setup.layout.bank = 96;
	KUNIT_EXPECT_EQ(test, engine_channel_start(channel, &setup), -EINVAL);
	setup.layout.bank = 64;
	/* A ring at an address that is not mapped: every fetch faults, nothing else happens. */
	KUNIT_EXPECT_EQ(test, engine_channel_start(channel, &setup), 0);
	KUNIT_EXPECT_EQ(test, engine_channel_start(channel, &setup), -EBUSY);
	KUNIT_EXPECT_EQ(test, engine_channel_doorbell(channel, 16), -EINVAL);
	KUNIT_EXPECT_EQ(test, engine_channel_doorbell(channel, 15), 0);
	engine_channel_settle(channel);
	KUNIT_EXPECT_EQ(test, f->space->faults, 15);
	engine_channel_stop(channel);
	engine_channel_stop(channel);
}

/* A paused device does nothing, and stopping its ring does not wait for it. */
static void held_device_can_be_stopped(struct kunit *test)
{
	struct fixture *f = make(test, COHERENCY_COHERENT, 64);

	KUNIT_ASSERT_EQ(test, client_init(&f->client, f->dev, &f->engine->channels[0]), 0);
	f->has_client = true;
	engine_channel_pause(&f->engine->channels[0], true);
	KUNIT_EXPECT_EQ(test, client_submit(&f->client, f->client.desc_bus, f->client.desc_bus, 4),
			0);
	KUNIT_EXPECT_FALSE(test, try_wait_for_completion(&f->client.done));
}

/* dma-debug's verdict on everything above. Runs last. */
static void dma_debug_has_no_complaint(struct kunit *test)
{
	if (!dma_debug_errors)
		kunit_skip(test, "this kernel has no CONFIG_DMA_API_DEBUG");
	KUNIT_EXPECT_EQ(test, *dma_debug_errors, errors_before);
}

/* clang-format off */
static struct kunit_case dma_ops_cases[] = {
	KUNIT_CASE(map_hands_over),
	KUNIT_CASE(unmap_hands_back),
	KUNIT_CASE(partial_sync),
	KUNIT_CASE(unaligned_partial_sync),
	KUNIT_CASE(skip_cpu_sync_is_honoured),
	KUNIT_CASE(mappings_share_dram),
	KUNIT_CASE(scatterlists),
	KUNIT_CASE(coherent_memory_is_one),
	KUNIT_CASE(accesses_outside_fault),
	KUNIT_CASE(accesses_against_direction_fault),
	KUNIT_CASE(addresses_fit_the_mask),
	KUNIT_CASE(addresses_run_out),
	KUNIT_CASE(bad_configurations),
	KUNIT_CASE(transfers_wrap_the_ring),
	KUNIT_CASE(device_survives_its_registers),
	KUNIT_CASE(held_device_can_be_stopped),
	KUNIT_CASE(dma_debug_has_no_complaint),
	{}
};

/* clang-format on */

static struct kunit_suite dma_ops_suite = {
	.name = "dmaloop-dma-ops",
	.suite_init = dma_debug_find,
	.exit = fixture_exit,
	.test_cases = dma_ops_cases,
};

kunit_test_suite(dma_ops_suite);
