// SPDX-License-Identifier: GPL-2.0
/*
 * Prints a finding as text, in the manner of the kernel's own sanitizers: one headline, the buffer,
 * its cache lines drawn with owner marks, the history, both stacks, the effect on each platform,
 * and the correction. Lines have at most 80 columns, except for symbols.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "output/report.h"
#include "symbols.h"

#define WIDTH 78

static const char *const op_names[NR_OPS] = {
	[OP_MAP] = "map",
	[OP_UNMAP] = "unmap",
	[OP_SYNC_FOR_CPU] = "sync_for_cpu",
	[OP_SYNC_FOR_DEVICE] = "sync_for_device",
	[OP_CPU_READ] = "CPU read",
	[OP_CPU_WRITE] = "CPU write",
	[OP_UNBIND] = "driver unbound",
	[OP_ALLOC] = "allocation",
	[OP_FREE] = "free",
	[OP_RELEASE] = "memory freed",
	[OP_HANDOVER] = "passed on",
	[OP_DESCRIPTOR_WRITE] = "descriptor write",
	[OP_DOORBELL] = "doorbell",
	[OP_FETCH] = "descriptor fetch",
};

/* The change of owner by each operation. */
static const char *const op_owners[NR_OPS] = {
	[OP_MAP] = " -> device",       [OP_UNMAP] = " -> gone",
	[OP_SYNC_FOR_CPU] = " -> cpu", [OP_SYNC_FOR_DEVICE] = " -> device",
	[OP_FREE] = " -> gone",
};

/**
 * print_wrapped - print a label, and beside it a wrapped text
 * @out: output stream
 * @label: at most 10 characters
 * @text: the words to wrap
 */
void print_wrapped(FILE *out, const char *label, const char *text)
{
	int column = fprintf(out, "%-11s", label);

	while (*text) {
		int word = strcspn(text, " ");

		if (column + 1 + word > WIDTH)
			column = fprintf(out, "\n%-11s", "") - 1;
		column += fprintf(out, "%s%.*s", column > 11 ? " " : "", word, text);
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void stack(FILE *out, const char *title, const uint64_t *frames)
{
	const uint64_t *start;
	size_t nr = symbols_trim(frames, STACK_MAX, &start);
	char text[512];

	fprintf(out, "%s:\n", title);
	if (!nr)
		fprintf(out, "  (not recorded)\n");
	for (size_t i = 0; i < nr; i++) {
		symbols_format(start[i], text, sizeof(text));
		fprintf(out, "  %s\n", text);
		/* The frames behind an interrupt are code that it hit by chance. */
		if (!strncmp(text, "asm_", 4))
			break;
	}
}

static void object(FILE *out, const struct finding *f)
{
	const struct object *o = &f->object;

	switch (o->kind) {
	case OBJECT_SLAB:
	case OBJECT_KMALLOC:
		fprintf(out, "%-11s%s +%" PRIu64 ", in an object of %u bytes\n", "Object", o->cache,
			f->map.phys - o->start, o->size);
		break;
	case OBJECT_PAGE:
		fprintf(out, "%-11spages at phys 0x%" PRIx64 ", +%" PRIu64 "\n", "Object", o->start,
			f->map.phys - o->start);
		break;
	default:
		break;
	}
}

static char mark(const struct finding *f, uint64_t byte, bool changed)
{
	const struct mapping *m = &f->map, *o = &f->other;

	if (byte >= m->phys && byte < m->phys + m->size)
		return 'D';
	if (changed)
		return 'W';
	if (f->has_other && o->phys && byte >= o->phys && byte < o->phys + o->size)
		return 'E';
	return '.';
}

static void draw_line(FILE *out, const struct finding *f, uint64_t first, uint64_t line,
		      unsigned int size, const uint64_t *changed)
{
	for (unsigned int i = 0; i < size; i++) {
		if (i % 64 == 0)
			fprintf(out, "  +%03x ", (unsigned int)(line - first) + i);
		fputc(mark(f, line + i, changed[i / 64] >> (i % 64) & 1), out);
		if (i % 64 == 63 || i == size - 1)
			fputc('\n', out);
		else if (i % 8 == 7)
			fputc(' ', out);
	}
}

/* Draws the first cache line of the buffer, and the last one if it is a different line. */
static void lines(FILE *out, const struct finding *f, unsigned int size)
{
	const struct mapping *m = &f->map;
	uint64_t first, last, both[LINE_SIZE_MAX / 64];

	if (!m->phys || !m->size)
		return;
	first = m->phys / size * size;
	last = (m->phys + m->size - 1) / size * size;
	fprintf(out, "%-11s%u bytes at phys 0x%" PRIx64 ": D device's%s%s, . not mapped\n", "Line",
		size, first, f->has_other ? ", E the other mapping's" : "",
		f->check == CHECK_LINE_NEIGHBOUR_WRITE ? ", W written" : "");
	for (unsigned int i = 0; i < LINE_SIZE_MAX / 64; i++)
		both[i] = f->changed[0][i] | (first == last ? f->changed[1][i] : 0);
	draw_line(out, f, first, first, size, both);
	if (last != first) {
		if (last > first + size)
			fprintf(out, "        ... %" PRIu64 " whole lines\n",
				(last - first) / size - 1);
		draw_line(out, f, first, last, size, f->changed[1]);
	}
}

/* A coarse time is that of the last tick, which is up to 4 or 10 ms too early. */
static void print_time(FILE *out, double us, bool coarse)
{
	if (coarse)
		fprintf(out, "+~%.0f ms ", us / 1e3);
	else
		fprintf(out, "+%.1f us ", us);
}

static void history(FILE *out, const struct finding *f)
{
	const struct mapping *m = &f->map;
	uint32_t first = m->nr_steps > STEPS ? m->nr_steps - STEPS : 0;
	bool coarse = m->flags & MAP_COARSE;

	fprintf(out, "%-11s", "History");
	if (first)
		fprintf(out, "(%u earlier events)\n%-11s", first, "");
	for (uint32_t i = first; i < m->nr_steps; i++) {
		const struct step *step = &m->steps[i & (STEPS - 1)];

		if (i != first)
			fprintf(out, "%-11s", "");
		print_time(out, step->after * (double)STEP_NS / 1e3, coarse || step->coarse);
		fprintf(out, "%s%s (cpu %u)\n", op_names[step->op],
			op_owners[step->op] ? op_owners[step->op] : "", step->cpu);
	}
	/* Adds the event itself, unless it is the last step already. */
	if (f->op == OP_MAP || f->op == OP_CPU_READ || f->op == OP_CPU_WRITE)
		return;
	fprintf(out, "%-11s", "");
	print_time(out, (f->ns - m->born) / 1e3, coarse);
	fprintf(out, "%s (cpu %u)   <- here\n", op_names[f->op], f->cpu);
}

static bool is_line_check(int check)
{
	return check == CHECK_LINE_SHARED_MAPPINGS || check == CHECK_LINE_SHARED_OBJECT ||
	       check == CHECK_LINE_NEIGHBOUR_WRITE;
}

static void call(FILE *out, const struct finding *f)
{
	if (f->op == OP_CPU_READ || f->op == OP_CPU_WRITE)
		fprintf(out, "%-11s%s %s %" PRIu64 " bytes at phys 0x%" PRIx64, "Access",
			op_names[f->op], f->watched ? "within the watched" : "of", f->size,
			f->addr);
	else if (f->op == OP_DESCRIPTOR_WRITE || f->op == OP_DOORBELL || f->op == OP_FETCH)
		fprintf(out, "%-11s%s of %" PRIu64 " bytes at dma 0x%" PRIx64, "Access",
			op_names[f->op], f->size, f->addr);
	else if (f->op == OP_UNBIND)
		return;
	else
		fprintf(out, "%-11s%s of %" PRIu64 " bytes %s at dma 0x%" PRIx64, "Call",
			op_names[f->op], f->size, dir_names[f->dir & 3], f->addr);
	fprintf(out, ", cpu %u, %.16s/%u\n", f->cpu, f->comm, f->pid);
}

static const char *const event_titles[NR_OPS] = {
	[OP_MAP] = "Seen at",
	[OP_UNMAP] = "Unmapped at",
	[OP_SYNC_FOR_CPU] = "Synced at",
	[OP_SYNC_FOR_DEVICE] = "Synced at",
	[OP_CPU_READ] = "Read at",
	[OP_CPU_WRITE] = "Written at",
	[OP_UNBIND] = "Driver left at",
	[OP_ALLOC] = "Allocated at",
	[OP_FREE] = "Freed at",
	[OP_RELEASE] = "Memory freed at",
	[OP_HANDOVER] = "Passed on at",
	[OP_DESCRIPTOR_WRITE] = "Written at",
	[OP_DOORBELL] = "Rung at",
	[OP_FETCH] = "Doorbell rung at",
};

static const char *here(const struct finding *f)
{
	if (f->check == CHECK_LEAK || f->check == CHECK_DOUBLE_UNMAP ||
	    f->check == CHECK_ADDR_UNKNOWN || f->check == CHECK_DOORBELL_BEFORE_DESCRIPTOR ||
	    f->check == CHECK_DESCRIPTOR_TORN || f->check == CHECK_DESCRIPTOR_OVERRUN)
		return "a bug on every machine; how it shows depends on the platform.";
	if (f->has_ops)
		return "the device has its own dma_map_ops; what they do decides.";
	if (f->iommu && !is_line_check(f->check))
		return "the IOMMU decides: the access may fault, or a part stay mapped.";
	return f->skips_sync ? "nothing happens: this device is coherent and not bounced." :
			       "syncs of this device are executed; bounced, it can bite here.";
}

/* Prints the locks and reference counts on the buffer's cache lines, and why they matter. */
static void beside(FILE *out, const struct finding *f, const struct report_context *context)
{
	struct beside beside;
	char *text = NULL;
	size_t size;
	FILE *words;

	if (!finding_beside(f, context, &beside))
		return;
	words = open_memstream(&text, &size);
	if (!words)
		return;
	if (beside.certain)
		fprintf(words, "struct %s has", beside.name);
	else
		fprintf(words, "the object may be a struct %s (by size and layout), which has",
			beside.name);
	for (size_t i = 0; i < beside.nr && i < BESIDE_MAX; i++) {
		const struct beside_member *member = &beside.member[i];

		fprintf(words, "%s %s %s (%+" PRId64 "%s)", i ? "," : "", member->type,
			member->name, member->offset,
			member->offset < 0		 ? ", in the object before" :
			member->offset >= f->object.size ? ", in the next object" :
							   "");
	}
	if (beside.nr > BESIDE_MAX)
		fprintf(words, " and %zu more", beside.nr - BESIDE_MAX);
	fprintf(words,
		" on the buffer's cache line%s. The CPU may write %s while the device owns the line; only --watch notices a value that changes back.",
		beside.nr > 1 ? "s" : "", beside.nr > 1 ? "them" : "it");
	fclose(words);
	print_wrapped(out, "Beside", text);
	free(text);
}

/* Prints the details that the headline leaves out. */
static void what(FILE *out, const struct finding *f)
{
	const char *detail = finding_detail(f), *call = finding_call(f);
	char text[128] = "";

	if (f->detail == DETAIL_OTHER_DEVICE)
		snprintf(text, sizeof(text), "wrong device: %s has mapped it, and %s not",
			 f->other_device, f->device);
	else if (detail)
		snprintf(text, sizeof(text), "%s", detail);
	else if (f->check == CHECK_FUNCTION_MISMATCH && call && f->has_map)
		snprintf(text, sizeof(text), "mapped by %s, %s %s", finding_mapped_by(f),
			 f->op == OP_UNMAP || f->op == OP_FREE ? "given back by" : "then", call);
	else if (f->check == CHECK_SG_COUNT_MISMATCH)
		snprintf(text, sizeof(text), "mapped with %u entries, now %u", f->map.nents,
			 f->nents);
	else if (f->check == CHECK_ATTRS_MISMATCH)
		snprintf(text, sizeof(text),
			 "mapped with attributes 0x%x, given back with 0x%" PRIx64, f->map.attrs,
			 f->attrs);
	if (text[0])
		print_wrapped(out, "What", text);
}

/* Returns why a finding is Unsure. The reasons are those of judge()'s callers in bpf/core. */
static const char *unsure(const struct finding *f)
{
	switch (f->check) {
	case CHECK_LINE_NEIGHBOUR_WRITE:
		if (f->map.flags & MAP_BLIND)
			return "syncs of this device are not observable, so the CPU may have owned the line when it wrote.";
		return "a sync of this device was not seen, so the CPU may have owned the line when it wrote.";
	case CHECK_CONTENT_CHANGED:
		if (f->map.flags & MAP_BLIND)
			return "syncs of this device are not observable, so the CPU may have owned the buffer when it wrote.";
		if (f->object.kind == OBJECT_PAGE)
			return "these are pages, not a slab object: user space may have them mapped, and may write them at any time.";
		return "a sync of this device could not be matched, so the CPU may have owned the buffer when it wrote.";
	case CHECK_DOUBLE_UNMAP:
		return "or the buffer had been mapped once more before the trace began.";
	case CHECK_LEAK:
		if (f->live)
			return "it may be a pool that is still filling: dmasnoop live shows whether it ends.";
		return "events were lost, and with them maybe its unmap.";
	case CHECK_LINE_SHARED_MAPPINGS:
	case CHECK_DOUBLE_MAP:
		return "events were lost, maybe the unmap of the other: then it is over.";
	case CHECK_FREED_WHILE_MAPPED:
	case CHECK_HANDOVER_UNSYNCED:
		return "events were lost, and with them maybe the unmap of this buffer.";
	case CHECK_ADDR_UNKNOWN:
		if (f->detail == DETAIL_OTHER_DEVICE)
			return "this device may have had it mapped, too, before the trace began.";
		return "events were lost, and one of them could explain this.";
	default:
		return "events were lost, and one of them could explain this.";
	}
}

/* Returns a heading that tells whose stack follows, see --stacks. */
static const char *mapped_at(const struct finding *finding)
{
	if (finding->op != OP_MAP && finding->map.flags & MAP_ALIKE)
		return "One like it (same size, direction, depth of stack) was mapped at";
	if (finding->check == CHECK_DOUBLE_UNMAP)
		return "First mapped at";
	return finding->live ? "The oldest mapped at" : "Mapped at";
}

/**
 * report_text - print a finding for a person
 * @out: output stream
 * @finding: the finding
 * @context: the settings of the report
 */
void report_text(FILE *out, const struct finding *finding, const struct report_context *context)
{
	const struct check_info *info = &check_infos[finding->check];
	const char *on = "", *off = "";
	char driver[DRIVERS_SIZE];

	if (context->colour) {
		on = finding->level >= LEVEL_VIOLATION ? "\033[1;31m" : "\033[1;33m";
		off = "\033[0m";
	}
	driver_format(finding->driver, finding->function_driver, driver, sizeof(driver));
	fprintf(out, "%s==== %s: %s, %s (driver %s)%s\n", on, info->name,
		level_names[finding->level], finding->device, driver, off);
	fprintf(out, "%s\n", finding_headline(finding));
	what(out, finding);
	if (finding->has_map) {
		const struct mapping *m = &finding->map;

		fprintf(out, "%-11s%" PRIu64 " bytes %s, dma 0x%" PRIx64 ", phys 0x%" PRIx64 "\n",
			"Buffer", m->size, dir_names[m->dir & 3], m->dma, m->phys);
		object(out, finding);
	}
	if (finding->has_other)
		fprintf(out, "%-11s%" PRIu64 " bytes %s, dma 0x%" PRIx64 ", phys 0x%" PRIx64 "\n",
			"Other", finding->other.size, dir_names[finding->other.dir & 3],
			finding->other.dma, finding->other.phys);
	if (finding->live)
		fprintf(out, "%-11s%u mappings of this call site are live, the oldest for %.0f s\n",
			"Growing", finding->live, (finding->ns - finding->map.born) / 1e9);
	else
		call(out, finding);
	if (is_line_check(finding->check))
		lines(out, finding, context->line_size);
	beside(out, finding, context);
	if (finding->has_map)
		history(out, finding);
	if (finding->uncertain)
		print_wrapped(out, "Unsure", unsure(finding));
	if (finding->detail == DETAIL_NOT_HANDED_BACK)
		stack(out, event_titles[OP_CPU_WRITE], finding->stack);
	else if (finding->op != OP_MAP)
		stack(out, event_titles[finding->op], finding->stack);
	if (finding->has_map)
		stack(out, mapped_at(finding),
		      finding->op == OP_MAP ? finding->stack : finding->map_stack);
	if (finding->has_other)
		stack(out,
		      finding->other.flags & MAP_ALIKE ? "One like the other was mapped at" :
							 "The other mapped at",
		      finding->other_stack);
	print_wrapped(out, "Here", here(finding));
	print_wrapped(out, "Elsewhere", info->elsewhere);
	print_wrapped(out, "Fix", info->fix);
	fputc('\n', out);
	fflush(out);
}
