// SPDX-License-Identifier: GPL-2.0
/*
 * The tracer's kernel side: follows every mapping from map to unmap, asks the
 * rules (rules.h) about each event, and sends a finding when one is broken.
 * Nothing goes to user space while nothing is wrong.
 *
 * judge.bpf.h holds what happens at each event; hooks.bpf.h is where events come
 * from, lists.bpf.h how lists become events, report.bpf.h what all of them need,
 * find.bpf.h and lines.bpf.h how mappings are found by address and by cache line.
 * log.bpf.h is all that older kernels have of it.
 */
#include "kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "dmasnoop.h"
#include "rules.h"
#include "slot.h"

char LICENSE[] SEC("license") = "GPL";

#include "state.bpf.h"
#include "memory.bpf.h"

#include "flags.bpf.h"
#include "function.bpf.h"
#include "report.bpf.h"
#include "find.bpf.h"
#include "lines.bpf.h"
#include "content.bpf.h"
#include "judge.bpf.h"
#include "probes.bpf.h"
#include "hooks.bpf.h"
#include "layers.bpf.h"
#include "descriptor.bpf.h"
#include "watch.bpf.h"
#include "log.bpf.h"

/* --- devices coming and going --- */

/* device_add(dev) */
SEC("fentry/device_add")
int device_add(u64 *args)
{
	return on_device_add(args[0]);
}

SEC("kprobe/device_add")
int device_add_probe(void *ctx)
{
	u64 args[CALL_ARGS];

	probe_args(ctx, args);
	return on_device_add(args[0]);
}

/* devres_release_all(dev) returned */
SEC("fexit/devres_release_all")
int device_unbound(u64 *args)
{
	return on_device_unbound(args, number(args[0]), 0);
}

PROBE_DEVICE(devres_release_all, device_unbound, on_device_unbound(ctx, dev, return_caller(ctx)))

SEC("raw_tp/module_load")
int module_load(u64 *args)
{
	struct module *module = (void *)args[0];
	struct module_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
	event->type = EVENT_MODULE;
	bpf_probe_read_kernel_str(event->name, sizeof(event->name), &module->name);
	bpf_ringbuf_submit(event, 0);
	return 0;
}
