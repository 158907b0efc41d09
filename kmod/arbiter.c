// SPDX-License-Identifier: GPL-2.0
/* The arbiter's decisions; see arbiter.h. Called by engine_execution.c and by KUnit. */
#include <linux/string.h>

#include "arbiter.h"

/**
 * bus_init - initialise an idle bus
 * @bus: the bus
 * @nr_ports: number of channels, 1 to BUS_CHANNELS_MAX
 * @cpu_permille: the CPU's demand, 0 to 1000
 *
 * Return: false if an argument is out of range.
 */
bool bus_init(struct bus *bus, u32 nr_ports, u32 cpu_permille)
{
	if (!nr_ports || nr_ports > BUS_CHANNELS_MAX || cpu_permille > 1000)
		return false;
	memset(bus, 0, sizeof(*bus));
	bus->nr_ports = nr_ports;
	bus->cpu_permille = cpu_permille;
	bus->holder = -1;
	return true;
}

/**
 * bus_want - tell the bus whether a channel has something to move
 * @bus: the bus
 * @port: the channel
 * @wants: the channel has something to move
 *
 * A channel that stops wanting the bus releases it, even in the middle of a burst.
 */
void bus_want(struct bus *bus, u32 port, bool wants)
{
	struct bus_port *p = &bus->ports[port];

	if (p->wants == wants)
		return;
	p->wants = wants;
	p->since = bus->cycle;
	if (!wants) {
		p->in_block = false;
		if (bus->holder == (int)port)
			bus->holder = -1;
	}
}

/*
 * Advance the bus by @cycles. In that time the CPU may start to want a cycle, and every channel
 * that wants the bus waits, except @who.
 */
static void pass(struct bus *bus, u64 cycles, int who)
{
	u32 i;

	for (i = 0; i < bus->nr_ports; i++)
		if ((int)i != who && bus->ports[i].wants)
			bus->ports[i].waited += cycles;
	bus->cycle += cycles;
	if (bus->cpu_waiting) {
		bus->cpu_waited += cycles;
		return;
	}
	if (!bus->cpu_permille)
		return;
	while (cycles--) {
		bus->cpu_credit += bus->cpu_permille;
		if (bus->cpu_credit < 1000)
			continue;
		bus->cpu_credit -= 1000;
		bus->cpu_waiting = true;
		bus->cpu_waited += cycles;
		return;
	}
}

static bool goes_before(const struct bus_port *a, const struct bus_port *b)
{
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->last < b->last;
}

static bool is_transparent(const struct bus_port *port)
{
	return port->mode == TRANSFER_TRANSPARENT;
}

/* Return the best of the channels that are (or are not) transparent; -1 if none wants the bus. */
static int choose(const struct bus *bus, bool transparent, u32 *wanting)
{
	int best = -1;
	u32 i;

	for (i = 0; i < bus->nr_ports; i++) {
		const struct bus_port *port = &bus->ports[i];

		if (!port->wants)
			continue;
		++*wanting;
		if (is_transparent(port) != transparent)
			continue;
		if (best < 0 || goes_before(port, &bus->ports[best]))
			best = i;
	}
	return best;
}

/**
 * bus_grant - decide who has the bus now
 * @bus: the bus
 * @beats: out: for a channel, how many beats it may move before it asks again
 *
 * A cycle that goes to the CPU or to nobody passes within the call. A channel reports with
 * bus_use() how much of its grant it used. More than one beat is granted only if the answer would
 * be the same each time.
 *
 * Return: the channel, BUS_CPU or BUS_IDLE.
 */
int bus_grant(struct bus *bus, u32 *beats)
{
	u32 wanting = 0, ignored = 0;
	int port = bus->holder;

	*beats = BUS_RUN_MAX;
	if (port >= 0)
		return port;

	port = choose(bus, false, &wanting);
	if (bus->cpu_waiting && (port < 0 || bus->dma_last)) {
		bus->cpu_waiting = false;
		bus->dma_last = false;
		bus->cpu_cycles++;
		pass(bus, 1, BUS_CPU);
		return BUS_CPU;
	}
	if (port < 0)
		port = choose(bus, true, &ignored);
	if (port < 0) {
		bus->idle++;
		bus->dma_last = false;
		pass(bus, 1, BUS_IDLE);
		return BUS_IDLE;
	}
	if (bus->ports[port].mode == TRANSFER_BURST)
		bus->holder = port;
	else if (wanting > 1 || bus->cpu_permille)
		*beats = 1;
	return port;
}

/**
 * bus_use - account for what a channel used of its grant
 * @bus: the bus
 * @port: the channel
 * @beats: cycles used; 0 counts as 1
 * @block_done: the block is done, and with it a burst's hold on the bus
 */
void bus_use(struct bus *bus, u32 port, u32 beats, bool block_done)
{
	struct bus_port *p = &bus->ports[port];
	u64 wait = bus->cycle - p->since;

	if (!beats)
		beats = 1;
	if (!p->in_block && p->wants && wait > p->longest)
		p->longest = wait;
	p->in_block = !block_done;
	p->cycles += beats;
	bus->dma_last = true;
	pass(bus, beats, port);
	p->last = bus->cycle;
	p->since = bus->cycle;
	if (block_done && bus->holder == (int)port)
		bus->holder = -1;
}
