/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the bodies of the scenarios share: one run, its payload and its outcome. Private to
 * scenario.c (the table), payload.c (drivers wrong about buffers) and descriptors.c (drivers wrong
 * about descriptors).
 */
#ifndef DMALOOP_SCENARIO_RUN_H
#define DMALOOP_SCENARIO_RUN_H

#include <linux/prandom.h>

#include "scenario.h"

/**
 * struct scenario_run - one run
 * @scenario: the scenario
 * @options: how it is run
 * @client: the driver's ring on the engine
 * @placed: the buffer under test
 * @far: the other end of the transfer: @scenario->size bytes of coherent memory
 * @far_bus: DMA address of @far
 * @rnd: random state for payloads, from the seed
 * @want: the expected bytes
 * @got: the bytes that arrived
 * @result: the result so far
 */
struct scenario_run {
	const struct scenario *scenario;
	const struct scenario_options *options;
	struct client client;
	struct placed placed;
	u8 *far;
	dma_addr_t far_bus;
	struct rnd_state rnd;
	u8 *want;
	u8 *got;
	struct scenario_result result;
};

void scenario_payload(struct scenario_run *run, u8 *payload, size_t size);
void scenario_expect(struct scenario_run *run, const u8 *got, const u8 *want, size_t size,
		     enum dmaloop_outcome otherwise);
void scenario_outcome(struct scenario_run *run, enum dmaloop_outcome outcome);

int body_tx(struct scenario_run *run);
int body_rx(struct scenario_run *run);
int body_rx_barrier(struct scenario_run *run);
int body_rx_early(struct scenario_run *run);
int body_rx_write(struct scenario_run *run);
int body_rx_neighbour(struct scenario_run *run);
int body_rx_two(struct scenario_run *run);
int body_direction(struct scenario_run *run);
int body_unmap_size(struct scenario_run *run);
int body_double_unmap(struct scenario_run *run);
int body_sync_order(struct scenario_run *run);
int body_leak(struct scenario_run *run);
int body_cpu_pointer(struct scenario_run *run);
int body_overrun(struct scenario_run *run);

int body_doorbell(struct scenario_run *run);
int body_own_order(struct scenario_run *run);
int body_field_barrier(struct scenario_run *run);
int body_bank_update(struct scenario_run *run);
int body_desc_sync(struct scenario_run *run);
int body_desc_reuse(struct scenario_run *run);
int body_head_pointer(struct scenario_run *run);
int body_status(struct scenario_run *run);
int body_desc_return(struct scenario_run *run);
int body_free_in_flight(struct scenario_run *run);

#endif
