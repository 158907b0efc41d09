// SPDX-License-Identifier: GPL-2.0
/*
 * A finding as text, in the manner of the kernel's own sanitizers: one headline,
 * the buffer, its line drawn with owner marks, the history, both stacks, what it
 * means where, and how to fix it. At most 80 columns wide, but for symbols.
 */
#include <inttypes.h>
#include <string.h>

#include "report.h"
#include "symbols.h"

#define WIDTH 78

const struct check_info check_infos[NR_CHECKS] = {
#define CHECK_INFO(id, name, level, headline, elsewhere, fix) \
	[CHECK_##id] = { name, LEVEL_##level, headline, elsewhere, fix },
	CHECKS(CHECK_INFO)
#undef CHECK_INFO
};

const char *const level_names[NR_LEVELS] = {
	[LEVEL_NOTE] = "note",
	[LEVEL_HAZARD] = "hazard",
	[LEVEL_VIOLATION] = "violation",
	[LEVEL_CORRUPTION] = "corruption",
};

const char *const dir_names[] = { "BIDIRECTIONAL", "TO_DEVICE", "FROM_DEVICE", "NONE" };

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
};

/* Who owns the buffer after it, where that changes. */
static const char *const op_owners[NR_OPS] = {
	[OP_MAP] = " -> device",       [OP_UNMAP] = " -> gone",
	[OP_SYNC_FOR_CPU] = " -> cpu", [OP_SYNC_FOR_DEVICE] = " -> device",
	[OP_FREE] = " -> gone",
};

/**
 * print_wrapped - a label, then text wrapped beside it
 * @out: where
 * @label: at most 10 characters
 * @text: words
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
		/* What an interrupt landed on has nothing to do with it. */
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

/* The first line of the buffer and, when it is another, the last. */
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

static void history(FILE *out, const struct finding *f)
{
	const struct mapping *m = &f->map;
	uint32_t first = m->nr_steps > STEPS ? m->nr_steps - STEPS : 0;

	fprintf(out, "%-11s", "History");
	if (first)
		fprintf(out, "(%u earlier events)\n%-11s", first, "");
	for (uint32_t i = first; i < m->nr_steps; i++) {
		const struct step *step = &m->steps[i & (STEPS - 1)];

		fprintf(out, "%s+%.1f us %s%s (cpu %u)\n", i == first ? "" : "           ",
			(step->ns - m->born) / 1e3, op_names[step->op],
			op_owners[step->op] ? op_owners[step->op] : "", step->cpu);
	}
	/* The event itself, unless it is the last step already. */
	if (f->op != OP_MAP && f->op != OP_CPU_READ && f->op != OP_CPU_WRITE)
		fprintf(out, "           +%.1f us %s (cpu %u)   <- here\n", (f->ns - m->born) / 1e3,
			op_names[f->op], f->cpu);
}

static bool is_line_check(int check)
{
	return check == CHECK_LINE_SHARED_MAPPINGS || check == CHECK_LINE_SHARED_OBJECT ||
	       check == CHECK_LINE_NEIGHBOUR_WRITE;
}

static void call(FILE *out, const struct finding *f)
{
	if (f->op == OP_CPU_READ || f->op == OP_CPU_WRITE)
		fprintf(out, "%-11s%s of %" PRIu64 " bytes at phys 0x%" PRIx64, "Access",
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
};

static const char *here(const struct finding *f)
{
	if (f->check == CHECK_LEAK || f->check == CHECK_DOUBLE_UNMAP ||
	    f->check == CHECK_ADDR_UNKNOWN)
		return "a bug on every machine; how it shows depends on the platform.";
	if (f->has_ops)
		return "the device has its own dma_map_ops; what they do decides.";
	if (f->iommu && !is_line_check(f->check))
		return "the IOMMU decides: the access may fault, or a part stay mapped.";
	return f->skips_sync ? "nothing happens: this device is coherent and not bounced." :
			       "syncs of this device are executed; bounced, it can bite here.";
}

/**
 * finding_headline - what happened, in one line
 * @finding: which
 */
const char *finding_headline(const struct finding *finding)
{
	if (finding->live)
		return "a call site maps more and more that is not unmapped";
	return check_infos[finding->check].headline;
}

/**
 * report_text - print a finding for a person
 * @out: where
 * @finding: what
 * @context: how
 */
void report_text(FILE *out, const struct finding *finding, const struct report_context *context)
{
	const struct check_info *info = &check_infos[finding->check];
	const char *on = "", *off = "";

	if (context->colour) {
		on = finding->level >= LEVEL_VIOLATION ? "\033[1;31m" : "\033[1;33m";
		off = "\033[0m";
	}
	fprintf(out, "%s==== %s: %s, %s (driver %s)%s\n", on, info->name,
		level_names[finding->level], finding->device,
		finding->driver[0] ? finding->driver : "none", off);
	fprintf(out, "%s\n", finding_headline(finding));
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
	if (finding->has_map)
		history(out, finding);
	if (finding->uncertain)
		print_wrapped(
			out, "Unsure",
			finding->check == CHECK_LINE_NEIGHBOUR_WRITE ?
				"syncs of this device are not observable, so the CPU may have owned the line when it wrote." :
			finding->check == CHECK_ADDR_UNKNOWN && finding->has_map ?
				"or the address now lies inside a longer mapping that was not found." :
			finding->check == CHECK_DOUBLE_UNMAP ?
				"or the buffer had been mapped once more before the trace began." :
			finding->live ?
				"it may be a pool that is still filling: dmasnoop live shows whether it ends." :
				"events were lost, and a lost one could explain this.");
	if (finding->op != OP_MAP)
		stack(out, event_titles[finding->op], finding->stack);
	if (finding->has_map)
		stack(out,
		      finding->check == CHECK_DOUBLE_UNMAP ? "First mapped at" :
		      finding->live			   ? "The oldest mapped at" :
							     "Mapped at",
		      finding->op == OP_MAP ? finding->stack : finding->map_stack);
	if (finding->has_other)
		stack(out, "The other mapped at", finding->other_stack);
	print_wrapped(out, "Here", here(finding));
	print_wrapped(out, "Elsewhere", info->elsewhere);
	print_wrapped(out, "Fix", info->fix);
	fputc('\n', out);
	fflush(out);
}
