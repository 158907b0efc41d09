/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The driver that uses the engine, correct in itself: a ring in coherent
 * memory, descriptors filled and handed over in order, completion by
 * interrupt. It uses the public DMA API and the engine's registers, nothing
 * else; what a faulty driver does wrong is in scenario.c.
 */
#ifndef DMALOOP_CLIENT_H
#define DMALOOP_CLIENT_H

#include <linux/completion.h>

#include "engine.h"

#define CLIENT_RING_SIZE 16u

/**
 * struct client - one user of one channel
 * @dev: the device, for the DMA API
 * @channel: its registers
 * @ring: the driver's end
 * @desc: the ring's memory, coherent
 * @desc_bus: its bus address
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
