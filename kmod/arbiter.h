/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bus and its arbiter, which gives each cycle to the CPU or to a channel.
 *
 * Pure C. Time is counted in bus cycles. In one cycle the bus moves one beat of BUS_BEAT bytes for
 * its current user. The engine asks before it moves anything and then reports how many beats it
 * used. KUnit asks directly.
 *
 * There are three classic ways to share a bus with the CPU:
 *
 *   burst           the channel holds the bus until its block is done
 *   cycle stealing  one beat, then the CPU has its turn if it wants one
 *   transparent     only cycles that nobody else wants
 *
 * The CPU's demand is modelled: it makes an access in @cpu_permille of 1000 cycles, evenly spread.
 * While one access waits, the CPU is stalled and makes no other.
 */
#ifndef DMALOOP_ARBITER_H
#define DMALOOP_ARBITER_H

#include <linux/types.h>

#define BUS_BEAT 64u /* bytes per cycle */
#define BUS_CHANNELS_MAX 16u
#define BUS_RUN_MAX 1025u /* beats granted at once when nobody competes: a fetch and 64 KiB */
#define BUS_CPU (-1) /* granted to the CPU */
#define BUS_IDLE (-2) /* nobody wants it */

enum transfer_mode { TRANSFER_BURST, TRANSFER_CYCLE_STEALING, TRANSFER_TRANSPARENT };

/**
 * struct bus_port - one channel's connection to the bus
 * @mode: how it shares the bus
 * @priority: higher goes first; equal priorities take turns
 * @wants: it has something to move
 * @since: the cycle in which it began to want the bus
 * @last: the cycle of its last grant, for taking turns
 * @cycles: cycles that it used
 * @waited: cycles in which it wanted the bus and did not have it
 * @longest: longest wait for the first beat of a block, in cycles
 * @in_block: at least one beat of its block was moved
 */
struct bus_port {
	enum transfer_mode mode;
	u8 priority;
	bool wants;
	u64 since;
	u64 last;
	u64 cycles;
	u64 waited;
	u64 longest;
	bool in_block;
};

/**
 * struct bus - the bus
 * @cycle: the current cycle
 * @cpu_permille: the CPU's demand, 0 to 1000
 * @cpu_credit: fraction of the CPU's next access that has accumulated, in permille
 * @cpu_waiting: an access by the CPU is waiting
 * @cpu_cycles: cycles that the CPU used
 * @cpu_waited: cycles in which an access by the CPU had to wait
 * @idle: cycles that nobody wanted
 * @dma_last: the last cycle went to a channel
 * @holder: the channel that holds the bus for a burst; -1 if none
 * @nr_ports: number of channels
 * @ports: the channels' connections
 */
struct bus {
	u64 cycle;
	u32 cpu_permille;
	u32 cpu_credit;
	bool cpu_waiting;
	u64 cpu_cycles;
	u64 cpu_waited;
	u64 idle;
	bool dma_last;
	int holder;
	u32 nr_ports;
	struct bus_port ports[BUS_CHANNELS_MAX];
};

bool bus_init(struct bus *bus, u32 nr_ports, u32 cpu_permille);
void bus_want(struct bus *bus, u32 port, bool wants);
int bus_grant(struct bus *bus, u32 *beats);
void bus_use(struct bus *bus, u32 port, u32 beats, bool block_done);

#endif
