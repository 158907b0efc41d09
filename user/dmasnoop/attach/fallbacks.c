// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that are attached while tracing: at the tracepoints of modules, and the fallbacks.
 */
#include <linux/membarrier.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "attach/attach.h"
#include "attach/program.h"
#include "core/types.h"
#include "core/watches.h"
#include "dmasnoop.skel.h"

static bool fallbacks_wanted;

/**
 * attach_late - attach to the tracepoints of modules that have come
 * @bpf: loaded
 *
 * To be called again when a module was loaded. What is attached is kept.
 */
void attach_late(struct dmasnoop_bpf *bpf)
{
	struct bpf_object_skeleton *skeleton = bpf->skeleton;

	for (int i = 0; i < skeleton->prog_cnt; i++) {
		const struct bpf_program *program = *skeleton->progs[i].prog;
		struct bpf_link **link = skeleton->progs[i].link;
		bool fallback = is_tracepoint_fallback(program);

		if (*link || bpf_program__fd(program) < 0 ||
		    !(fallback ? fallbacks_wanted : is_late(skeleton->progs[i].name)))
			continue;
		*link = bpf_program__attach_raw_tracepoint(
			program, strchr(bpf_program__section_name(program), '/') + 1);
	}
}

/*
 * Waits until every event in progress is over. membarrier() waits for an RCU grace period, and a
 * tracepoint that disables preemption delays that. For the others some time has to pass.
 */
static void wait_for_events(void)
{
	syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	usleep(EVENT_NS / 1000);
}

/*
 * Attaches the fallbacks, which take the events that primaries miss. An event costs more with them,
 * so they come when the first event was lost; or from the start where tasks are preempted in
 * tracepoints, because there a loss is hundreds of events at once. What was missed before is lost,
 * and all that was mapped before the fallbacks work is in doubt.
 */
void attach_fallbacks(struct dmasnoop_bpf *bpf)
{
	struct timespec now;

	__atomic_store_n(&bpf->bss->lost_before, UINT64_MAX, __ATOMIC_SEQ_CST);
	fallbacks_wanted = true;
	attach_late(bpf);
	wait_for_events();
	/* From here on a fallback runs at the end of every event, and takes its mark. */
	bpf->bss->armed = ARMED_MARKING;
	wait_for_events();
	/* From here on every event in progress has been marked. */
	bpf->bss->armed = ARMED_FALLBACKS;
	wait_for_events();
	clock_gettime(CLOCK_MONOTONIC, &now);
	/* A kprobe that was dropped meanwhile may have put a later time here, which was lost. */
	__atomic_store_n(&bpf->bss->lost_before,
			 now.tv_sec * 1000000000ull + now.tv_nsec +
				 (attach_by_kprobes() ? EVENT_NS : 0),
			 __ATOMIC_SEQ_CST);
}
