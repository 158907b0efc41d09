/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The driver that uses the engine. It is correct itself: its ring is in coherent memory, it fills
 * and hands over descriptors in order, and completion comes by interrupt. It uses only the public
 * DMA API and the engine's registers. The faults of faulty drivers are in payload.c and
 * descriptors.c.
 */
#ifndef DMALOOP_CLIENT_H
#define DMALOOP_CLIENT_H

#include <linux/completion.h>

#include "engine.h"

#define CLIENT_RING_SIZE 16u

/**
 * struct client - one user of one channel
 * @dev: the device, for the DMA API
 * @channel: the channel's registers
 * @ring: the driver's end of the ring
 * @desc: the ring's memory, which is coherent
 * @desc_bus: DMA address of @desc
 * @done: completed by the interrupt
 */
struct client {
	struct device *dev;
	struct engine_channel *channel;
	struct ring ring;
	struct ring_desc *desc;
	dma_addr_t desc_bus;
	struct completion done;
};

int client_init(struct client *client, struct device *dev, struct engine_channel *channel);
void client_destroy(struct client *client);
int client_submit(struct client *client, dma_addr_t dst, dma_addr_t src, u32 length);
int client_wait(struct client *client);

void client_cpu_write(struct client *client, void *to, const void *from, size_t size);
void client_cpu_read(struct client *client, void *to, const void *from, size_t size);

#endif
