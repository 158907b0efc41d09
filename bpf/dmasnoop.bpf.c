// SPDX-License-Identifier: GPL-2.0
/*
 * The tracer in the kernel. It follows every mapping from map to unmap, applies the rules
 * (core/rules.h) to each event, and sends a finding when one is broken. Nothing goes to user space
 * while nothing is wrong.
 *
 * core/judge_*.h judge each event, hooks_*.bpf.h attach to the events, and core/env.h declares the
 * functions that the judge needs from BPF. Kernels before 5.17 run only event_log.bpf.h.
 */
#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "core/env.h"
#include "core/finding.h"
#include "core/judge_unbind.h"
#include "env.bpf.h"
#include "event_log.bpf.h"
#include "hooks_descriptor.bpf.h"
#include "hooks_dma.bpf.h"
#include "hooks_handover.bpf.h"
#include "kprobe.bpf.h"
#include "losses.bpf.h"
#include "maps.bpf.h"
#include "watchpoint.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* --- devices that come and go --- */

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
	return on_device_unbound(args, env_number(args[0]), 0);
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
