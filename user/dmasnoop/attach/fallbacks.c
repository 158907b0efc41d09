// SPDX-License-Identifier: GPL-2.0
/*
 * Attaches programs during the run: those at the tracepoints of modules, and the fallback programs.
 *
 * attach_fallbacks() runs once. Usually attach_missed() in attach/losses.c calls it at the first
 * lost event. On kernels where attach_preempts_entry() returns true, load.c calls it from the start.
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
 * attach_late - attach to the tracepoints of loaded modules
 * @bpf: loaded
 *
 * This is called again whenever a module was loaded. Existing attachments are kept.
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
 * Waits until every event in progress is over. membarrier() waits for an RCU grace period, which a
 * tracepoint that disables preemption delays. For other tracepoints some time has to pass.
 */
static void wait_for_events(void)
{
	syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	usleep(EVENT_NS / 1000);
}

/*
 * Attaches the fallback programs, which take the events that primary programs miss. They make every
 * event more expensive, so they are attached only at the first lost event. Where tasks are
 * preempted in tracepoints, they are attached from the start, because a loss there is hundreds of
 * events at once. Events missed before are lost, and every mapping made before the fallback
 * programs work is in doubt.
 */
void attach_fallbacks(struct dmasnoop_bpf *bpf)
{
	struct timespec now;

	__atomic_store_n(&bpf->bss->lost_before, UINT64_MAX, __ATOMIC_SEQ_CST);
	fallbacks_wanted = true;
	attach_late(bpf);
	wait_for_events();
	/*
	 * From here on a fallback program runs at the end of every event, and takes the event's
	 * mark.
	 */
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
