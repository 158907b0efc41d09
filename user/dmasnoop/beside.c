// SPDX-License-Identifier: GPL-2.0
/*
 * Finds locks and reference counts on the cache lines of a buffer, when a finding is printed. See
 * struct beside in output/report.h.
 *
 * The type of an object comes from BTF, in one of two ways:
 *
 * - A slab cache has the name of its struct (KMEM_CACHE()). The type is known if exactly one struct
 *   of that name has the size of the cache's objects, and no other cache was merged with this one
 *   (mm/slab_common.c, find_mergeable()).
 * - A kmalloc cache, a merged cache, or one of another name tells the object's size, or a range of
 *   sizes. A struct is suggested if no other one in the modules that mapped the buffer has such a
 *   size, and an array or a struct at the place of the buffer.
 *
 * In doubt nothing is reported.
 */
#include <bpf/btf.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "beside.h"
#include "symbols.h"

/*
 * Types that the CPU writes through atomic operations or under a lock's own rules, by the name of a
 * typedef or a struct. A type that contains a lock is reported as a whole.
 */
static const char *const sync_types[] = {
	"spinlock_t",	"raw_spinlock_t", "rwlock_t",	"seqlock_t",	   "wait_queue_head_t",
	"refcount_t",	"atomic_t",	  "atomic64_t", "atomic_long_t",   "mutex",
	"rw_semaphore", "semaphore",	  "completion", "wait_queue_head", "swait_queue_head",
	"kref",		"lockref",	  NULL,
};

#define SMALLEST_PAGE 4096
#define DEPTH_MAX 16 /* maximum depth of nested types */
#define VISITS_MAX 100000 /* maximum number of members to visit in one struct */

/**
 * struct search - the search for members of one struct on the cache lines of a buffer
 * @btf: BTF of the struct
 * @object: start of the struct; all offsets are in bytes from the start of the buffer's object
 * @size: size of the struct, bytes
 * @first: offset of the first cache line
 * @buffer: offset of the buffer
 * @buffer_end: offset behind the buffer
 * @end: offset behind the last cache line
 * @visits: number of members visited
 * @name: name of the current member, with the structs around it
 * @beside: out; the members found
 */
struct search {
	const struct btf *btf;
	int64_t object;
	int64_t size;
	int64_t first;
	int64_t buffer;
	int64_t buffer_end;
	int64_t end;
	unsigned int visits;
	char name[sizeof(((struct beside_member *)0)->name)];
	struct beside *beside;
};

static bool is_sync_type(const struct btf_type *type, const char *name)
{
	/* Each type of lock has its own type: seqcount_spinlock_t and the like. */
	if (btf_is_typedef(type) && !strncmp(name, "seqcount_", 9))
		return true;
	for (size_t i = 0; sync_types[i]; i++)
		if (!strcmp(sync_types[i], name))
			return true;
	return false;
}

/* Tests whether a range reaches into the buffer's cache lines outside the buffer. */
static bool is_beside(const struct search *search, int64_t start, int64_t size)
{
	int64_t end = start + size;

	return (search->first < search->buffer && start < search->buffer && end > search->first) ||
	       (search->buffer_end < search->end && end > search->buffer_end &&
		start < search->end);
}

static void add_member(struct search *search, bool is_struct, const char *type, int64_t offset)
{
	struct beside *beside = search->beside;
	struct beside_member *member;

	if (beside->nr++ >= BESIDE_MAX)
		return;
	member = &beside->member[beside->nr - 1];
	snprintf(member->type, sizeof(member->type), "%s%s", is_struct ? "struct " : "", type);
	snprintf(member->name, sizeof(member->name), "%s", search->name);
	clean_text(member->type, sizeof(member->type));
	clean_text(member->name, sizeof(member->name));
	member->offset = offset;
}

static bool look_at(struct search *search, uint32_t id, int64_t offset, int depth);

/*
 * Visits the members of a struct. Unions are skipped, because they may hold another member at that
 * moment. Returns false if the search was given up.
 */
static bool look_at_members(struct search *search, const struct btf_type *type, int64_t offset,
			    int depth)
{
	const struct btf_member *member = btf_members(type);
	size_t length = strlen(search->name);

	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(search->btf, member[i].name_off);
		int64_t at = offset + btf_member_bit_offset(type, i) / 8;

		if (++search->visits > VISITS_MAX)
			return false;
		if (name && name[0])
			snprintf(search->name + length, sizeof(search->name) - length, "%s%s",
				 length ? "." : "", name);
		if (!look_at(search, member[i].type, at, depth))
			return false;
		search->name[length] = '\0';
	}
	return true;
}

/* Visits the elements of an array that are on the buffer's cache lines. */
static bool look_at_elements(struct search *search, const struct btf_type *type, int64_t offset,
			     int depth)
{
	const struct btf_array *array = btf_array(type);
	int64_t size = btf__resolve_size(search->btf, array->type);
	size_t length = strlen(search->name);
	int64_t i;

	if (size <= 0)
		return true;
	i = offset < search->first ? (search->first - offset) / size : 0;
	for (; i < array->nelems && offset + i * size < search->end; i++) {
		int64_t at = offset + i * size;

		/* The elements inside the buffer may be many, so they are skipped. */
		if (at >= search->buffer && at + size <= search->buffer_end) {
			i = (search->buffer_end - offset) / size - 1;
			continue;
		}
		if (++search->visits > VISITS_MAX)
			return false;
		snprintf(search->name + length, sizeof(search->name) - length, "[%lld]",
			 (long long)i);
		if (!look_at(search, array->type, at, depth))
			return false;
		search->name[length] = '\0';
	}
	return true;
}

/*
 * Visits a member at @offset from the start of the buffer's object. Returns false if the search was
 * given up.
 */
static bool look_at(struct search *search, uint32_t id, int64_t offset, int depth)
{
	const struct btf_type *type;
	int64_t size = btf__resolve_size(search->btf, id);

	if (size <= 0 || !is_beside(search, offset, size) ||
	    offset + size > search->object + search->size)
		return true;
	for (; depth < DEPTH_MAX; depth++) {
		const char *name;

		type = btf__type_by_id(search->btf, id);
		if (!type)
			return false;
		name = btf__name_by_offset(search->btf, type->name_off);
		if (name && name[0] && (btf_is_typedef(type) || btf_is_struct(type)) &&
		    is_sync_type(type, name)) {
			add_member(search, btf_is_struct(type), name, offset);
			return true;
		}
		if (btf_is_struct(type))
			return look_at_members(search, type, offset, depth + 1);
		if (btf_is_array(type))
			return look_at_elements(search, type, offset, depth + 1);
		if (!btf_is_mod(type) && !btf_is_typedef(type) && !btf_is_type_tag(type))
			return true;
		id = type->type;
	}
	return false;
}

/* Visits a struct that lies @object bytes from the start of the buffer's object. */
static bool look_into(const struct finding *finding, unsigned int line_size, const struct btf *btf,
		      uint32_t id, int64_t object, struct beside *beside)
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	const struct mapping *map = &finding->map;
	uint64_t start = finding->object.start;
	struct search search = {
		.btf = btf,
		.object = object,
		.size = type->size,
		.first = (int64_t)(map->phys / line_size * line_size - start),
		.buffer = (int64_t)(map->phys - start),
		.buffer_end = (int64_t)(map->phys + map->size - start),
		.end = (int64_t)((map->phys + map->size + line_size - 1) / line_size * line_size -
				 start),
		.beside = beside,
	};

	return look_at_members(&search, type, object, 0);
}

static const char *struct_name(const struct btf *btf, const struct btf_type *type)
{
	const char *name = btf_is_struct(type) ? btf__name_by_offset(btf, type->name_off) : NULL;

	return name && name[0] ? name : NULL;
}

static uint32_t round_up(uint32_t size)
{
	return (size + 7) / 8 * 8;
}

/* Tests whether a struct, or one inside it, has an array or a struct at exactly that place. */
static bool has_place(const struct btf *btf, const struct btf_type *type, uint64_t offset,
		      uint64_t size, int depth)
{
	const struct btf_member *member = btf_members(type);

	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		uint64_t at = btf_member_bit_offset(type, i) / 8;
		int64_t bytes = btf__resolve_size(btf, member[i].type);
		const struct btf_type *inner = btf__type_by_id(btf, member[i].type);

		if (bytes <= 0 || at > offset || at + bytes < offset + size)
			continue;
		while (inner &&
		       (btf_is_mod(inner) || btf_is_typedef(inner) || btf_is_type_tag(inner)))
			inner = btf__type_by_id(btf, inner->type);
		if (!inner || (!btf_is_composite(inner) && !btf_is_array(inner)))
			continue;
		if (at == offset && (uint64_t)bytes == size)
			return true;
		if (btf_is_composite(inner) && depth < DEPTH_MAX &&
		    has_place(btf, inner, offset - at, size, depth + 1))
			return true;
	}
	return false;
}

/*
 * Returns the largest size that is too small for an object of this cache: mm/slab_common.c,
 * mm/slub.c.
 */
static uint32_t size_below(const struct object *object)
{
	/* Caches are merged if their sizes differ by less than the size of a pointer. */
	if (!strstr(object->cache, "kmalloc-"))
		return object->size > 8 ? object->size - 8 : 0;
	switch (object->size) {
	case 96:
		return 64;
	case 128:
		return 96;
	case 192:
		return 128;
	case 256:
		return 192;
	default:
		return object->size / 2;
	}
}

/**
 * struct fit - the structs that can be the type of an object
 * @btf: BTF of the first struct found
 * @id: type id of the first struct found
 * @nr: number of different structs
 */
struct fit {
	const struct btf *btf;
	uint32_t id;
	size_t nr;
};

static bool is_named(const struct finding *finding, const struct btf *btf,
		     const struct btf_type *type)
{
	return !strcmp(struct_name(btf, type), finding->object.cache) &&
	       round_up(type->size) == round_up(finding->object.size);
}

static bool is_like(const struct finding *finding, const struct btf *btf,
		    const struct btf_type *type)
{
	const struct object *object = &finding->object;

	return btf__base_btf(btf) && type->size <= object->size &&
	       type->size > size_below(object) &&
	       has_place(btf, type, finding->map.phys - object->start, finding->map.size, 0);
}

/* Two modules that include one header each have their own copy of its structs. */
static bool is_same(const struct fit *fit, const struct btf *btf, const struct btf_type *type)
{
	const struct btf_type *other = btf__type_by_id(fit->btf, fit->id);

	if (btf == fit->btf || type->size != other->size || btf_vlen(type) != btf_vlen(other) ||
	    strcmp(struct_name(btf, type), struct_name(fit->btf, other)))
		return false;
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const struct btf_member *a = &btf_members(type)[i], *b = &btf_members(other)[i];

		if (a->offset != b->offset ||
		    btf__resolve_size(btf, a->type) != btf__resolve_size(fit->btf, b->type) ||
		    strcmp(btf__name_by_offset(btf, a->name_off) ?: "",
			   btf__name_by_offset(fit->btf, b->name_off) ?: ""))
			return false;
	}
	return true;
}

static struct fit find_fit(const struct finding *finding, const struct btf *const *btfs, size_t nr,
			   bool (*fits)(const struct finding *finding, const struct btf *btf,
					const struct btf_type *type))
{
	struct fit fit = {};

	for (size_t i = 0; i < nr; i++) {
		const struct btf *base = btf__base_btf(btfs[i]);

		for (uint32_t id = base ? btf__type_cnt(base) : 1; id < btf__type_cnt(btfs[i]);
		     id++) {
			const struct btf_type *type = btf__type_by_id(btfs[i], id);

			if (!struct_name(btfs[i], type) || !fits(finding, btfs[i], type))
				continue;
			if (!fit.nr)
				fit = (struct fit){ btfs[i], id, 1 };
			else if (!is_same(&fit, btfs[i], type))
				fit.nr++;
		}
	}
	return fit;
}

/*
 * Objects of a cache lie side by side, so the objects before and after have the same type. Their
 * addresses are known if there is no gap, such as a red zone, between objects. They are known to
 * exist if they are in the same page. An object of KFENCE is alone in its page, and is marked as
 * one of kmalloc().
 */
static bool look_around(const struct finding *finding, unsigned int line_size,
			const struct fit *fit, struct beside *beside)
{
	const struct object *object = &finding->object;
	uint32_t inside = object->start % SMALLEST_PAGE;

	if (object->kind != OBJECT_SLAB || object->room != object->size)
		return true;
	if (inside >= object->room &&
	    !look_into(finding, line_size, fit->btf, fit->id, -(int64_t)object->room, beside))
		return false;
	return inside + 2ull * object->room > SMALLEST_PAGE ||
	       look_into(finding, line_size, fit->btf, fit->id, object->room, beside);
}

/**
 * beside_judge - find locks and reference counts on the cache lines of a buffer
 * @finding: a finding about a buffer in an object of a slab cache
 * @line_size: size of a cache line, bytes
 * @btfs: BTF of the kernel, and of the modules that mapped the buffer
 * @nr: entries in @btfs
 * @beside: out; the locks and reference counts
 *
 * Return: true if any are known.
 */
bool beside_judge(const struct finding *finding, unsigned int line_size,
		  const struct btf *const *btfs, size_t nr, struct beside *beside)
{
	const struct object *object = &finding->object;
	struct fit fit = {};

	*beside = (struct beside){};
	/* A name of the full length may be truncated. */
	if (object->users <= 1 && strlen(object->cache) < NAME_SIZE - 1)
		fit = find_fit(finding, btfs, nr, is_named);
	beside->certain = fit.nr;
	if (!fit.nr)
		fit = find_fit(finding, btfs, nr, is_like);
	if (fit.nr != 1)
		return false;
	snprintf(beside->name, sizeof(beside->name), "%s",
		 struct_name(fit.btf, btf__type_by_id(fit.btf, fit.id)));
	clean_text(beside->name, sizeof(beside->name));
	return look_into(finding, line_size, fit.btf, fit.id, 0, beside) &&
	       (!beside->certain || look_around(finding, line_size, &fit, beside)) && beside->nr;
}

/* --- the running kernel --- */

#define MODULES_MAX 16 /* maximum number of modules in one stack */

/* The BTF that was read; NULL: there is none. */
static struct btf *kernel;
static bool kernel_read;
static struct module {
	char name[64];
	struct btf *btf;
} * modules;
static size_t nr_modules;

/**
 * beside_module_came - forget the modules' BTF, because a loaded module may be another version
 */
void beside_module_came(void)
{
	for (size_t i = 0; i < nr_modules; i++)
		btf__free(modules[i].btf);
	free(modules);
	modules = NULL;
	nr_modules = 0;
}

/**
 * beside_free - free all BTF
 */
void beside_free(void)
{
	beside_module_came();
	btf__free(kernel);
	kernel = NULL;
	kernel_read = false;
}

static const struct btf *module_btf(const char *name)
{
	struct module *more;

	for (size_t i = 0; i < nr_modules; i++)
		if (!strcmp(modules[i].name, name))
			return modules[i].btf;
	more = realloc(modules, (nr_modules + 1) * sizeof(*more));
	if (!more)
		return NULL;
	modules = more;
	snprintf(more[nr_modules].name, sizeof(more->name), "%s", name);
	more[nr_modules].btf = btf__load_module_btf(name, kernel);
	return more[nr_modules++].btf;
}

/*
 * Reads the BTF of the modules in the stack that mapped the buffer. Returns their number, up to
 * @max.
 */
static size_t modules_that_mapped(const struct finding *finding, const struct btf **btfs,
				  size_t max)
{
	const uint64_t *stack = finding->op == OP_MAP ? finding->stack : finding->map_stack;
	size_t nr = 0;

	for (size_t i = 0; i < STACK_MAX && stack[i] && nr < max; i++) {
		struct symbol symbol = symbols_find(stack[i]);
		bool seen = false;

		/* The frames behind an interrupt are code that it hit by chance. */
		if (symbol.name && !strncmp(symbol.name, "asm_", 4))
			break;
		btfs[nr] = symbol.module ? module_btf(symbol.module) : NULL;
		for (size_t j = 0; j < nr; j++)
			seen |= btfs[j] == btfs[nr];
		if (btfs[nr] && !seen)
			nr++;
	}
	return nr;
}

/**
 * beside_find - find locks and reference counts on the cache lines of a buffer, on this kernel
 * @finding: a finding about the cache lines of a buffer
 * @line_size: size of a cache line, bytes
 * @beside: out; the locks and reference counts
 *
 * Return: true if any are known.
 */
bool beside_find(const struct finding *finding, unsigned int line_size, struct beside *beside)
{
	const struct object *object = &finding->object;
	const struct btf *btfs[MODULES_MAX + 1];
	size_t nr;

	if (!finding->has_map || (object->kind != OBJECT_SLAB && object->kind != OBJECT_KMALLOC) ||
	    !object->size || finding->map.phys < object->start ||
	    finding->map.phys + finding->map.size > object->start + object->size)
		return false;
	if (!kernel_read)
		kernel = btf__load_vmlinux_btf();
	kernel_read = true;
	if (!kernel)
		return false;
	btfs[0] = kernel;
	nr = 1 + modules_that_mapped(finding, btfs + 1, MODULES_MAX);
	return beside_judge(finding, line_size, btfs, nr, beside);
}
