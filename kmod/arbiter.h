/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bus and its arbiter: who has it in each cycle, the CPU or a channel.
 *
 * Pure C. Time is counted in bus cycles; in one cycle the bus moves one beat of
 * BUS_BEAT bytes for whoever has it. The engine asks before each beat and says
 * how many it used; KUnit asks directly.
 *
 * The three classic ways of sharing a bus with the CPU:
 *
 *   burst           the channel holds the bus until its block is done
 *   cycle stealing  one beat, then the CPU has its turn if it wants one
 *   transparent     only cycles that nobody else wants
 *
 * The CPU's demand is modelled: in @cpu_permille of 1000 cycles, evenly spread,
 * it makes an access; while one waits it makes no other, as a CPU does that stalls.
 */
#ifndef DMALOOP_ARBITER_H
#define DMALOOP_ARBITER_H

#include <linux/types.h>

#define BUS_BEAT 64u /* bytes a cycle */
#define BUS_CHANNELS_MAX 16u
#define BUS_RUN_MAX 1025u /* beats granted at once when nobody competes: a fetch and 64 KiB */
#define BUS_CPU (-1) /* granted to the CPU */
#define BUS_IDLE (-2) /* nobody wants it */

enum transfer_mode { TRANSFER_BURST, TRANSFER_CYCLE_STEALING, TRANSFER_TRANSPARENT };

/**
 * struct bus_port - one channel's connection to the bus
 * @mode: how it shares
 * @priority: higher goes first; equal ones take turns
 * @wants: it has something to move
 * @since: cycle in which it began to want
 * @last: cycle of its last grant, for turns
 * @cycles: cycles it has had
 * @waited: cycles in which it wanted the bus and did not have it
 * @longest: the longest it waited for the first beat of a block, in cycles
 * @in_block: it has had a beat of its block
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
 * @cycle: now
 * @cpu_permille: the CPU's demand, 0 to 1000
 * @cpu_credit: fraction of the CPU's next access, in permille
 * @cpu_waiting: an access of the CPU waits
 * @cpu_cycles: cycles the CPU has had
 * @cpu_waited: cycles in which an access of the CPU had to wait
 * @idle: cycles nobody wanted
 * @dma_last: the last cycle was a channel's
 * @holder: the channel that holds the bus for a burst; -1
 * @nr_ports: channels
 * @ports: theirs
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
