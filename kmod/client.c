// SPDX-License-Identifier: GPL-2.0
/* The engine's driver; see client.h. Called by scenario.c and KUnit. */
#include <linux/string.h>

#include "client.h"
#include "trace.h"

#define CLIENT_TIMEOUT (5 * HZ)

static void client_irq(void *data)
{
	struct client *client = data;

	complete(&client->done);
}

/**
 * client_init - start a driver on a channel
 * @client: storage for the driver's state
 * @dev: the device
 * @channel: the channel's registers
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int client_init(struct client *client, struct device *dev, struct engine_channel *channel)
{
	struct engine_setup setup = {
		.size = CLIENT_RING_SIZE,
		.layout = { .stride = sizeof(struct ring_desc) },
		.irq = client_irq,
		.irq_data = client,
	};
	int err;

	memset(client, 0, sizeof(*client));
	client->dev = dev;
	client->channel = channel;
	init_completion(&client->done);
	if (!ring_init(&client->ring, CLIENT_RING_SIZE))
		return -EINVAL;
	client->desc = dma_alloc_coherent(dev, CLIENT_RING_SIZE * sizeof(*client->desc),
					  &client->desc_bus, GFP_KERNEL);
	if (!client->desc)
		return -ENOMEM;
	setup.bus = client->desc_bus;
	err = engine_channel_start(channel, &setup);
	if (err)
		dma_free_coherent(dev, CLIENT_RING_SIZE * sizeof(*client->desc), client->desc,
				  client->desc_bus);
	return err;
}

/**
 * client_destroy - undo client_init()
 * @client: the client
 *
 * Context: may sleep.
 */
void client_destroy(struct client *client)
{
	engine_channel_stop(client->channel);
	dma_free_coherent(client->dev, CLIENT_RING_SIZE * sizeof(*client->desc), client->desc,
			  client->desc_bus);
}

/**
 * client_submit - hand one copy to the device
 * @client: the client
 * @dst: DMA address that the device writes to
 * @src: DMA address that the device reads from
 * @length: bytes
 *
 * Context: one caller at a time.
 * Return: 0, -EBUSY if the ring is full, or the error of engine_channel_doorbell().
 */
int client_submit(struct client *client, dma_addr_t dst, dma_addr_t src, u32 length)
{
	struct ring_desc *desc;

	if (ring_full(&client->ring))
		return -EBUSY;
	desc = &client->desc[ring_produce(&client->ring)];
	desc->src = src;
	desc->dst = dst;
	desc->length = length;
	desc->next = 0;
	desc->status = 0;
	/* The device must not see OWN before the other fields (memory-barriers.txt). */
	dma_wmb();
	WRITE_ONCE(desc->control, DESC_OWN | DESC_IRQ);
	/* The device must not see the doorbell before the descriptor. */
	wmb();
	return engine_channel_doorbell(client->channel, client->ring.tail);
}

/**
 * client_wait - wait for the oldest transfer and take its descriptor back
 * @client: the client
 *
 * Context: may sleep, at most CLIENT_TIMEOUT.
 * Return: 0, -EIO if the device reports an error, -ETIMEDOUT, or -ENOENT if nothing was submitted.
 */
int client_wait(struct client *client)
{
	struct ring_desc *desc;
	u32 status;

	if (ring_empty(&client->ring))
		return -ENOENT;
	if (!wait_for_completion_timeout(&client->done, CLIENT_TIMEOUT))
		return -ETIMEDOUT;
	desc = &client->desc[ring_consume(&client->ring)];
	status = READ_ONCE(desc->status);
	/* Read the status before the data; complete_desc() is the device's side. */
	dma_rmb();
	return status == DESC_DONE ? 0 : -EIO;
}

/**
 * client_cpu_write - write to DMA-able memory as the driver's CPU
 * @client: the client
 * @to: destination
 * @from: source
 * @size: bytes
 *
 * An ordinary store. Its tracepoint makes it visible to dmasnoop.
 *
 * Context: any.
 */
noinline void client_cpu_write(struct client *client, void *to, const void *from, size_t size)
{
	trace_dmaloop_cpu_access(client->dev, (unsigned long)to, size, true);
	memcpy(to, from, size);
}

/**
 * client_cpu_read - read DMA-able memory as the driver's CPU
 * @client: the client
 * @to: the driver's copy
 * @from: source
 * @size: bytes
 *
 * Context: any.
 */
noinline void client_cpu_read(struct client *client, void *to, const void *from, size_t size)
{
	trace_dmaloop_cpu_access(client->dev, (unsigned long)from, size, false);
	memcpy(to, from, size);
}
