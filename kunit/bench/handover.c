// SPDX-License-Identifier: GPL-2.0
/*
 * Is a received buffer the CPU's when the next layer gets it? The cases are a network card that
 * receives one frame in its NAPI poll, a disk that is read once, and an SPI and an I2C controller,
 * each with one client that reads once.
 */
#include <linux/blk-mq.h>
#include <linux/completion.h>
#include <linux/etherdevice.h>
#include <linux/i2c.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/spi/spi.h>

#include "bench.h"

#define HEADROOM 256
#define FRAME 1536

enum before { NOTHING, UNMAP, SYNC };

struct card {
	struct device *dev;
	struct net_device *netdev;
	struct napi_struct napi;
	struct sk_buff *skb;
	dma_addr_t dma;
	enum before before;
	struct completion polled;
};

/* Nobody has registered for this protocol, so the stack drops the frame. */
static void put_header(struct ethhdr *header)
{
	memset(header, 0, sizeof(*header));
	header->h_proto = htons(0x88b5); /* IEEE 802: for local experiments */
}

static int card_poll(struct napi_struct *napi, int budget)
{
	struct card *card = container_of(napi, struct card, napi);

	if (card->before == UNMAP)
		dma_unmap_single(card->dev, card->dma, FRAME, DMA_FROM_DEVICE);
	if (card->before == SYNC)
		dma_sync_single_for_cpu(card->dev, card->dma, FRAME, DMA_FROM_DEVICE);
	card->skb->protocol = eth_type_trans(card->skb, card->netdev);
	napi_gro_receive(napi, card->skb);
	napi_complete_done(napi, 1);
	complete(&card->polled);
	return 1;
}

/* The buffer holds the whole frame. */
static struct sk_buff *skb_around(struct net_device *netdev, struct page *page)
{
	struct sk_buff *skb = build_skb(page_address(page), PAGE_SIZE);

	if (!skb)
		return NULL;
	skb_reserve(skb, HEADROOM);
	skb_put(skb, FRAME);
	return skb;
}

/* The header is in memory of its own, and the buffer is a fragment. */
static struct sk_buff *skb_with(struct net_device *netdev, struct page *page)
{
	struct sk_buff *skb = netdev_alloc_skb(netdev, ETH_HLEN);

	if (!skb)
		return NULL;
	put_header(skb_put(skb, ETH_HLEN));
	skb_add_rx_frag(skb, 0, page, HEADROOM, FRAME, PAGE_SIZE);
	return skb;
}

static int receive(struct device *dev, enum before before,
		   struct sk_buff *(*make)(struct net_device *netdev, struct page *page))
{
	struct net_device *netdev = alloc_etherdev(sizeof(struct card));
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	int err = -ENOMEM;
	struct card *card;

	if (!netdev || !page)
		goto out_free;
	card = netdev_priv(netdev);
	card->dev = dev;
	card->netdev = netdev;
	card->before = before;
	init_completion(&card->polled);
	put_header(page_address(page) + HEADROOM);
	card->dma = dma_map_page(dev, page, HEADROOM, FRAME, DMA_FROM_DEVICE);
	if (dma_mapping_error(dev, card->dma))
		goto out_free;
	card->skb = make(netdev, page);
	if (!card->skb)
		goto out_unmap;
	get_page(page); /* the socket buffer took over our reference */
	netif_napi_add(netdev, &card->napi, card_poll);
	napi_enable(&card->napi);
	local_bh_disable();
	napi_schedule(&card->napi);
	local_bh_enable(); /* runs the poll */
	wait_for_completion(&card->polled);
	napi_disable(&card->napi);
	netif_napi_del(&card->napi);
	err = 0;
	if (before == UNMAP)
		goto out_free;
out_unmap:
	dma_unmap_page(dev, card->dma, FRAME, DMA_FROM_DEVICE);
out_free:
	if (page)
		put_page(page);
	if (netdev)
		free_netdev(netdev);
	return err;
}

static int received_mapped(struct device *dev)
{
	return receive(dev, NOTHING, skb_around);
}

static int received_unmapped(struct device *dev)
{
	return receive(dev, UNMAP, skb_around);
}

static int received_synced(struct device *dev)
{
	return receive(dev, SYNC, skb_around);
}

static int fragment_mapped(struct device *dev)
{
	return receive(dev, NOTHING, skb_with);
}

static int fragment_unmapped(struct device *dev)
{
	return receive(dev, UNMAP, skb_with);
}

static int fragment_synced(struct device *dev)
{
	return receive(dev, SYNC, skb_with);
}

struct disk {
	struct device *dev;
	struct blk_mq_tag_set tags;
	struct gendisk *gendisk;
	dma_addr_t dma;
	enum before before;
};

static blk_status_t disk_queue(struct blk_mq_hw_ctx *queue, const struct blk_mq_queue_data *data)
{
	struct disk *disk = queue->queue->tag_set->driver_data;
	struct request *request = data->rq;
	struct bio_vec vec = req_bvec(request);

	blk_mq_start_request(request);
	disk->dma = dma_map_bvec(disk->dev, &vec, DMA_FROM_DEVICE, 0);
	if (dma_mapping_error(disk->dev, disk->dma))
		return BLK_STS_IOERR;
	if (disk->before == UNMAP)
		dma_unmap_page(disk->dev, disk->dma, SIZE, DMA_FROM_DEVICE);
	blk_mq_end_request(request, BLK_STS_OK);
	return BLK_STS_OK;
}

static const struct blk_mq_ops disk_ops = { .queue_rq = disk_queue };
static const struct block_device_operations disk_block_ops = { .owner = THIS_MODULE };

static struct gendisk *disk_alloc(struct disk *disk)
{
#ifdef HAVE_DISK_LIMITS
	return blk_mq_alloc_disk(&disk->tags, NULL, NULL);
#else
	return blk_mq_alloc_disk(&disk->tags, NULL);
#endif
}

/* The read is complete when this returns. The faulty driver unmaps only then. */
static int disk_read(struct disk *disk)
{
	void *buffer = kzalloc(SIZE, GFP_KERNEL);
	struct bio_vec vec;
	struct bio bio;
	int err;

	if (!buffer)
		return -ENOMEM;
	bio_init(&bio, disk->gendisk->part0, &vec, 1, REQ_OP_READ);
	__bio_add_page(&bio, virt_to_page(buffer), SIZE, offset_in_page(buffer));
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	if (!err && disk->before == NOTHING)
		dma_unmap_page(disk->dev, disk->dma, SIZE, DMA_FROM_DEVICE);
	kfree(buffer);
	return err;
}

static int read_from_disk(struct device *dev, enum before before)
{
	struct disk *disk = kzalloc(sizeof(*disk), GFP_KERNEL);
	int err = -ENOMEM;

	if (!disk)
		return err;
	disk->dev = dev;
	disk->before = before;
	disk->tags.ops = &disk_ops;
	disk->tags.nr_hw_queues = 1;
	disk->tags.queue_depth = 1;
	disk->tags.numa_node = NUMA_NO_NODE;
	disk->tags.driver_data = disk;
	err = blk_mq_alloc_tag_set(&disk->tags);
	if (err)
		goto out_disk;
	disk->gendisk = disk_alloc(disk);
	if (IS_ERR(disk->gendisk)) {
		err = PTR_ERR(disk->gendisk);
		goto out_tags;
	}
	strscpy(disk->gendisk->disk_name, "dmabench", sizeof(disk->gendisk->disk_name));
	disk->gendisk->fops = &disk_block_ops;
	disk->gendisk->flags |= GENHD_FL_NO_PART; /* otherwise add_disk() reads from it */
	set_capacity(disk->gendisk, 8);
	err = add_disk(disk->gendisk);
	if (!err) {
		err = disk_read(disk);
		del_gendisk(disk->gendisk);
	}
	put_disk(disk->gendisk);
out_tags:
	blk_mq_free_tag_set(&disk->tags);
out_disk:
	kfree(disk);
	return err;
}

static int read_mapped(struct device *dev)
{
	return read_from_disk(dev, NOTHING);
}

static int read_unmapped(struct device *dev)
{
	return read_from_disk(dev, UNMAP);
}

/* What a controller of either bus keeps for the buffer of a read. */
struct controller {
	struct device *dev;
	struct buffer buffer;
	enum before before;
};

/* Receive into @to. The data is there when this returns. */
static __always_inline int transfer(struct controller *controller, void *to, size_t size)
{
	int err;

	controller->buffer.cpu = to;
	err = buffer_map(controller->dev, &controller->buffer, size, DMA_FROM_DEVICE);
	if (!err && controller->before == UNMAP)
		buffer_unmap(controller->dev, &controller->buffer);
	return err;
}

/* The client has read and has its buffer. The faulty driver unmaps only now. */
static void transfer_end(struct controller *controller)
{
	if (controller->before == NOTHING)
		buffer_unmap(controller->dev, &controller->buffer);
}

static int spi_transfer_message(struct spi_controller *spi, struct spi_message *message)
{
	struct controller *controller = spi_controller_get_devdata(spi);
	struct spi_transfer *only =
		list_first_entry(&message->transfers, struct spi_transfer, transfer_list);

	message->status = transfer(controller, only->rx_buf, only->len);
	if (!message->status)
		message->actual_length = only->len;
	spi_finalize_current_message(spi);
	return 0;
}

static int read_over_spi(struct device *dev, enum before before)
{
	struct spi_board_info client_info = { .modalias = "dmabench", .max_speed_hz = 1000000 };
	struct controller *controller;
	struct spi_controller *spi;
	struct spi_device *client;
	void *to;
	int err;

	if (!IS_REACHABLE(CONFIG_SPI))
		return -EOPNOTSUPP;
	to = kzalloc(SIZE, GFP_KERNEL);
	spi = spi_alloc_host(dev, sizeof(*controller));
	if (!to || !spi) {
		err = -ENOMEM;
		goto out_put;
	}
	controller = spi_controller_get_devdata(spi);
	controller->dev = dev;
	controller->before = before;
	spi->bus_num = -1; /* any bus number */
	spi->num_chipselect = 1;
	spi->transfer_one_message = spi_transfer_message;
	err = spi_register_controller(spi);
	if (err)
		goto out_put;
	client = spi_new_device(spi, &client_info);
	err = client ? spi_read(client, to, SIZE) : -ENODEV;
	if (!err)
		transfer_end(controller);
	spi_unregister_controller(spi); /* drops our reference */
	spi = NULL;
out_put:
	if (spi)
		spi_controller_put(spi);
	kfree(to);
	return err;
}

static int spi_read_mapped(struct device *dev)
{
	return read_over_spi(dev, NOTHING);
}

static int spi_read_unmapped(struct device *dev)
{
	return read_over_spi(dev, UNMAP);
}

/*
 * The state of a converter's driver. It samples into its state or into memory of its own, and
 * counts overruns meanwhile.
 */
struct sampler {
	u8 sample[8];
	u32 overruns;
	u8 rest[52];
};

static bool spi_can_dma(struct spi_controller *spi, struct spi_device *client,
			struct spi_transfer *transfer)
{
	return true;
}

/* The SPI core has mapped the buffer and handed it over. Now an interrupt comes. */
static int spi_count_overrun(struct spi_controller *spi, struct spi_device *client,
			     struct spi_transfer *transfer)
{
	struct sampler *state = *(struct sampler **)spi_controller_get_devdata(spi);

	WRITE_ONCE(state->overruns, state->overruns + 1);
	return 0;
}

static int sample_over_spi(struct device *dev, bool apart)
{
	struct spi_board_info client_info = { .modalias = "dmabench", .max_speed_hz = 1000000 };
	struct sampler *state = kzalloc(sizeof(*state), GFP_KERNEL);
	u8 *sample = kzalloc(64, GFP_KERNEL);
	struct spi_controller *spi = NULL;
	struct spi_device *client;
	int err = -EOPNOTSUPP;

	if (!IS_REACHABLE(CONFIG_SPI))
		goto out;
	err = -ENOMEM;
	if (state && sample)
		spi = spi_alloc_host(dev, sizeof(state));
	if (!spi)
		goto out;
	*(struct sampler **)spi_controller_get_devdata(spi) = state;
	spi->bus_num = -1; /* any bus number */
	spi->num_chipselect = 1;
	spi->can_dma = spi_can_dma;
	spi->transfer_one = spi_count_overrun;
	err = spi_register_controller(spi);
	if (err) {
		spi_controller_put(spi);
		goto out;
	}
	client = spi_new_device(spi, &client_info);
	err = client ? spi_read(client, apart ? sample : state->sample, 8) : -ENODEV;
	spi_unregister_controller(spi);
out:
	kfree(sample);
	kfree(state);
	return err;
}

static int spi_sample_in_state(struct device *dev)
{
	return sample_over_spi(dev, false);
}

static int spi_sample_apart(struct device *dev)
{
	return sample_over_spi(dev, true);
}

/* Without CONFIG_I2C the kernel does not even declare its functions. */
#if IS_REACHABLE(CONFIG_I2C)
static int i2c_transfer_messages(struct i2c_adapter *i2c, struct i2c_msg *messages, int nr)
{
	return transfer(i2c->algo_data, messages->buf, messages->len) ?: nr;
}

static u32 i2c_functions(struct i2c_adapter *i2c)
{
	return I2C_FUNC_I2C;
}

static const struct i2c_algorithm i2c_algorithm = {
	.master_xfer = i2c_transfer_messages,
	.functionality = i2c_functions,
};

static int read_over_i2c(struct device *dev, enum before before)
{
	struct controller controller = { .dev = dev, .before = before };
	struct i2c_msg message = { .addr = 0x50, .flags = I2C_M_RD, .len = SIZE };
	struct i2c_adapter *i2c;
	int err = -ENOMEM;

	i2c = kzalloc(sizeof(*i2c), GFP_KERNEL);
	message.buf = kzalloc(SIZE, GFP_KERNEL);
	if (!i2c || !message.buf)
		goto out_free;
	i2c->owner = THIS_MODULE;
	i2c->algo = &i2c_algorithm;
	i2c->algo_data = &controller;
	i2c->dev.parent = dev;
	strscpy(i2c->name, "dmabench", sizeof(i2c->name));
	err = i2c_add_adapter(i2c);
	if (err)
		goto out_free;
	err = i2c_transfer(i2c, &message, 1);
	if (err == 1) {
		transfer_end(&controller);
		err = 0;
	} else if (!err) {
		err = -EIO;
	}
	i2c_del_adapter(i2c);
out_free:
	kfree(message.buf);
	kfree(i2c);
	return err;
}

#else
static int read_over_i2c(struct device *dev, enum before before)
{
	return -EOPNOTSUPP;
}
#endif

static int i2c_read_mapped(struct device *dev)
{
	return read_over_i2c(dev, NOTHING);
}

static int i2c_read_unmapped(struct device *dev)
{
	return read_over_i2c(dev, UNMAP);
}

const struct bench_case handover_cases[] = {
	{ "received-mapped", received_mapped, .syncs = true },
	{ "received-unmapped", received_unmapped, .syncs = true },
	{ "received-synced", received_synced, .syncs = true },
	/* The same, but the sync cannot be seen. */
	{ "received-unseen-sync", received_synced },
	{ "fragment-mapped", fragment_mapped, .syncs = true },
	{ "fragment-unmapped", fragment_unmapped, .syncs = true },
	{ "fragment-synced", fragment_synced, .syncs = true },
	{ "read-mapped", read_mapped, .syncs = true },
	{ "read-unmapped", read_unmapped, .syncs = true },
	{ "spi-read-mapped", spi_read_mapped, .syncs = true },
	{ "spi-read-unmapped", spi_read_unmapped, .syncs = true },
	{ "spi-sample-in-state", spi_sample_in_state, .syncs = true },
	{ "spi-sample-apart", spi_sample_apart, .syncs = true },
	{ "i2c-read-mapped", i2c_read_mapped, .syncs = true },
	{ "i2c-read-unmapped", i2c_read_unmapped, .syncs = true },
	{}
};
