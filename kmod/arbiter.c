// SPDX-License-Identifier: GPL-2.0
/* The arbiter's decisions: see arbiter.h. Called by engine.c under its lock, and KUnit. */
#include <linux/string.h>

#include "arbiter.h"

/**
 * bus_init - an idle bus
 * @bus: storage
 * @nr_ports: channels, 1 to BUS_CHANNELS_MAX
 * @cpu_permille: the CPU's demand, 0 to 1000
 *
 * Return: false when an argument is out of range.
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
 * bus_want - a channel has something to move, or no longer has
 * @bus: the bus
 * @port: the channel
 * @wants: does it?
 *
 * A channel that no longer wants the bus lets go of it, in mid-burst too.
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

/* Let @cycles go by: the CPU may come to want one; who does not have it waits. */
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

/* The best of the channels that are, or are not, transparent; -1: none. */
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
 * bus_grant - who has the bus now?
 * @bus: the bus
 * @beats: for a channel: how many beats it may move before it asks again
 *
 * A cycle for the CPU, and one that nobody wants, passes in the call. A channel
 * says with bus_use() what it made of its grant. More than one beat is granted
 * only when the answer would be the same each time.
 *
 * Return: the channel; BUS_CPU; BUS_IDLE.
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
 * bus_use - a channel has used its grant
 * @bus: the bus
 * @port: the channel
 * @beats: cycles it took; 0 counts as 1
 * @block_done: its block is done, a burst's hold on the bus with it
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
