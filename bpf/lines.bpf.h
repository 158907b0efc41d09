/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cache lines that a buffer covers only in part: who else is on them, and whether
 * their bytes changed while the device owned them. Part of dmasnoop.bpf.c.
 */
#ifndef DMASNOOP_LINES_BPF_H
#define DMASNOOP_LINES_BPF_H

/* Bit 0: the first line is partly covered; bit 1: the last, and it is another. */
static __always_inline u32 partial_lines(u64 phys, u64 size)
{
	u32 head = rule_head_slack(phys, line_size);
	u32 tail = rule_tail_slack(phys, size, line_size);
	bool one = (phys & ~(u64)(line_size - 1)) == ((phys + size - 1) & ~(u64)(line_size - 1));

	if (one)
		return head || tail ? 1 : 0;
	return (head ? 1 : 0) | (tail ? 2 : 0);
}

static __always_inline bool same_key(const struct mapping_key *a, const struct mapping_key *b)
{
	return a->dev == b->dev && a->dma == b->dma && a->slot == b->slot;
}

static __noinline int line_join(void *ctx, struct scratch *s, u64 phys)
{
	u64 line = phys / line_size;
	struct line_users *users = bpf_map_lookup_elem(&lines, &line);

	if (!users) {
		struct line_users fresh = { .user = { s->key } };

		if (bpf_map_update_elem(&lines, &line, &fresh, BPF_NOEXIST))
			count_lost(LOST_TABLE);
		return 0;
	}
	for (u32 i = 0; i < 2; i++) {
		struct mapping *other;

		if (!users->user[i].dev) {
			users->user[i] = s->key;
			continue;
		}
		if (same_key(&users->user[i], &s->key))
			return 0;
		other = bpf_map_lookup_elem(&mappings, &users->user[i]);
		if (!other) {
			users->user[i] = s->key;
			continue;
		}
		find_object(&s->other_object, other->phys);
		if (!rule_same_line_apart(&s->object, &s->other_object))
			report(ctx, s, WITH_LEVEL(CHECK_LINE_SHARED_MAPPINGS, LEVEL_HAZARD),
			       &s->map, other);
	}
	return 0;
}

__noinline int line_leave(struct scratch *s, u64 phys)
{
	u64 line = phys / line_size;
	struct line_users *users = bpf_map_lookup_elem(&lines, &line);

	if (!users || !s)
		return 0;
	for (u32 i = 0; i < 2; i++)
		if (same_key(&users->user[i], &s->key))
			users->user[i].dev = 0;
	if (!users->user[0].dev && !users->user[1].dev)
		bpf_map_delete_elem(&lines, &line);
	return 0;
}

/* --- slack: the neighbours' bytes on the first and last line --- */

static __always_inline void read_lines(struct slack *slack, u64 phys, u64 size)
{
	u64 first = phys & ~(u64)(line_size - 1);
	u64 last = (phys + size - 1) & ~(u64)(line_size - 1);
	u32 bytes = line_size;

	if (bytes > LINE_SIZE_MAX)
		bytes = LINE_SIZE_MAX;
	bpf_probe_read_kernel(slack->line[0], bytes, (void *)phys_to_virt(first));
	bpf_probe_read_kernel(slack->line[1], bytes, (void *)phys_to_virt(last));
}

/* At handover to the device: remember the neighbours. @s->object is known. */
__noinline int slack_remember(struct scratch *s, u64 phys, u64 size)
{
	u32 head = rule_head_slack(phys, line_size);
	u32 tail = rule_tail_slack(phys, size, line_size);

	if (!s)
		return 0;
	rule_slack_clip(&s->object, phys, size, &head, &tail);
	if (!head && !tail)
		return 0;
	s->slack.head = head;
	s->slack.tail = tail;
	read_lines(&s->slack, phys, size);
	if (bpf_map_update_elem(&slacks, &s->key, &s->slack, BPF_ANY))
		count_lost(LOST_TABLE);
	return 0;
}

struct diff_walk {
	struct scratch *s;
	struct slack *before;
	u32 which;
	u32 from;
	u32 any;
};

static long diff_byte(u32 index, struct diff_walk *walk)
{
	u32 which = walk->which & 1, at = (walk->from + index) & (LINE_SIZE_MAX - 1);

	if (walk->before->line[which][at] != walk->s->slack.line[which][at]) {
		walk->s->changed[which][at / 64] |= 1ull << (at % 64);
		walk->any = 1;
	}
	return 0;
}

/* Marks the bytes in [from, to) of a line that differ. Returns whether any does. */
static __noinline u32 diff_line(struct scratch *s, struct slack *before, u32 which, u64 range)
{
	struct diff_walk walk = { .s = s, .before = before, .which = which, .from = range };
	u32 to = range >> 32;

	if (to > walk.from)
		bpf_loop((to - walk.from) & (LINE_SIZE_MAX - 1), diff_byte, &walk, 0);
	return walk.any;
}

/* At handover to the CPU: has a neighbour been written meanwhile? */
static __noinline int slack_compare(void *ctx, struct scratch *s, struct mapping *map)
{
	struct slack *before = bpf_map_lookup_elem(&slacks, &s->key);
	u32 level = WITH_LEVEL(CHECK_LINE_NEIGHBOUR_WRITE, LEVEL_HAZARD);
	u32 start, end, changed;

	if (!before || map->owner != OWNER_DEVICE || map->told)
		return 0;
	__builtin_memset(s->changed, 0, sizeof(s->changed));
	read_lines(&s->slack, map->phys, map->size);
	start = map->phys & (line_size - 1);
	end = (map->phys + map->size - 1) & (line_size - 1);
	changed = diff_line(s, before, 0, (start - before->head) | (u64)start << 32);
	changed |= diff_line(s, before, 1, (end + 1) | (u64)(end + 1 + before->tail) << 32);
	if (!changed)
		return 0;
	map->told = 1;
	/* A sync that was skipped could have given the line to the CPU meanwhile. */
	if (s->missing || map->blind)
		level |= UNCERTAIN;
	report(ctx, s, level, map, NULL);
	return 0;
}

#endif
