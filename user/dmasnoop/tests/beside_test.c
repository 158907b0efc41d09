// SPDX-License-Identifier: GPL-2.0
/*
 * Tests the search for locks and reference counts beside a buffer, with BTF as in a kernel and its
 * modules. Offsets and sizes are literal numbers, as on x86-64.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bpf/btf.h>
#include <cmocka.h>

#include "beside.h"

/* The BTF of the kernel and of two modules, and the types that they share. */
static struct btf *kernel, *module, *other;
static int byte, number, bytes8, bytes48, bytes56, spinlock, refcount, kref, mutex, seqcount;

static int array(struct btf *btf, int type, unsigned int nr)
{
	int id = btf__add_array(btf, number, type, nr);

	assert_true(id > 0);
	return id;
}

/* Begins a struct, whose members follow. */
static int begin(struct btf *btf, const char *name, unsigned int size)
{
	int id = btf__add_struct(btf, name, size);

	assert_true(id > 0);
	return id;
}

static void member(struct btf *btf, const char *name, int type, unsigned int offset)
{
	assert_int_equal(btf__add_field(btf, name, type, offset * 8, 0), 0);
}

static int setup(void **state)
{
	int raw, inside, outside;

	(void)state;
	kernel = btf__new_empty();
	byte = btf__add_int(kernel, "unsigned char", 1, 0);
	number = btf__add_int(kernel, "unsigned int", 4, 0);
	bytes8 = array(kernel, byte, 8);
	bytes48 = array(kernel, byte, 48);
	bytes56 = array(kernel, byte, 56);
	raw = begin(kernel, "raw_spinlock", 4);
	member(kernel, "raw_lock", number, 0);
	inside = btf__add_union(kernel, NULL, 4);
	member(kernel, "rlock", raw, 0);
	outside = begin(kernel, "spinlock", 4);
	member(kernel, NULL, inside, 0);
	spinlock = btf__add_typedef(kernel, "spinlock_t", outside);
	inside = begin(kernel, "refcount_struct", 4);
	member(kernel, "refs", number, 0);
	refcount = btf__add_typedef(kernel, "refcount_t", inside);
	kref = begin(kernel, "kref", 4);
	member(kernel, "refcount", refcount, 0);
	mutex = begin(kernel, "mutex", 32);
	member(kernel, "wait_lock", spinlock, 8);
	inside = begin(kernel, "seqcount_spinlock", 4);
	member(kernel, "sequence", number, 0);
	seqcount = btf__add_typedef(kernel, "seqcount_spinlock_t", inside);
	module = btf__new_empty_split(kernel);
	other = btf__new_empty_split(kernel);
	assert_true(module && other);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	btf__free(other);
	btf__free(module);
	btf__free(kernel);
	return 0;
}

/* Returns a finding about a buffer in an object of a cache. */
static struct finding in_cache(const char *cache, unsigned int object_size, unsigned int offset,
			       unsigned int size)
{
	struct finding finding = {
		.check = CHECK_LINE_SHARED_OBJECT,
		.has_map = 1,
		.map = { .phys = 0x10000 + offset, .size = size },
		.object = { .start = 0x10000,
			    .size = object_size,
			    .room = object_size,
			    .kind = OBJECT_SLAB,
			    .users = 1 },
	};

	strcpy(finding.object.cache, cache);
	if (!strncmp(cache, "kmalloc-", 8))
		finding.object.kind = OBJECT_KMALLOC;
	return finding;
}

/*
 * Returns "?" if the struct is a guess, the struct, and "TYPE NAME OFFSET" of each member; "" if
 * nothing was found.
 */
static const char *beside_lines(const struct finding *finding, unsigned int line_size)
{
	const struct btf *btfs[] = { kernel, module, other };
	static char text[1024];
	struct beside beside;
	size_t length;

	if (!beside_judge(finding, line_size, btfs, 3, &beside))
		return "";
	length = sprintf(text, "%s%s:", beside.certain ? "" : "?", beside.name);
	assert_true(beside.nr > 0);
	for (size_t i = 0; i < beside.nr && i < BESIDE_MAX; i++)
		length += sprintf(text + length, " %s %s %lld", beside.member[i].type,
				  beside.member[i].name, (long long)beside.member[i].offset);
	if (beside.nr > BESIDE_MAX)
		sprintf(text + length, " +%zu", beside.nr - BESIDE_MAX);
	return text;
}

#define assert_beside(finding, text) assert_string_equal(beside_lines(finding, 64), text)

static void lock_behind_buffer(struct btf *btf, const char *name)
{
	begin(btf, name, 64);
	member(btf, "buffer", bytes56, 0);
	member(btf, "lock", spinlock, 56);
}

static void a_lock_beside_is_told(void **state)
{
	struct finding finding = in_cache("foo", 64, 0, 56);

	(void)state;
	lock_behind_buffer(module, "foo");
	assert_beside(&finding, "foo: spinlock_t lock 56");
}

static void the_kernels_own_struct_is_told(void **state)
{
	struct finding finding = in_cache("foo", 64, 0, 56);

	(void)state;
	lock_behind_buffer(kernel, "foo");
	/* BTF of modules is built on top of the kernel's. */
	btf__free(module);
	btf__free(other);
	module = btf__new_empty_split(kernel);
	other = btf__new_empty_split(kernel);
	assert_beside(&finding, "foo: spinlock_t lock 56");
}

static void a_lock_on_another_line_is_not(void **state)
{
	struct finding finding = in_cache("foo", 128, 0, 56);

	(void)state;
	begin(module, "foo", 128);
	member(module, "buffer", bytes56, 0);
	member(module, "state", number, 56);
	member(module, "lock", spinlock, 64);
	assert_beside(&finding, "");
	assert_string_equal(beside_lines(&finding, 128), "foo: spinlock_t lock 64");
}

/* A line that the buffer fills is not shared, and a lock in the buffer is not beside it. */
static void a_lock_around_whole_lines_is_not(void **state)
{
	struct finding finding = in_cache("foo", 192, 64, 64);

	(void)state;
	begin(module, "foo", 192);
	member(module, "before", spinlock, 36);
	member(module, "into", mutex, 40);
	member(module, "in", spinlock, 72);
	member(module, "out", mutex, 112);
	member(module, "after", spinlock, 144);
	assert_beside(&finding, "");
}

static void a_misfit_by_size_is_silent(void **state)
{
	struct finding finding = in_cache("foo", 72, 0, 56);

	(void)state;
	lock_behind_buffer(module, "foo");
	assert_beside(&finding, "");
}

static void another_name_is_a_guess(void **state)
{
	struct finding finding = in_cache("foo_cache", 64, 0, 56);

	(void)state;
	lock_behind_buffer(module, "foo");
	assert_beside(&finding, "?foo: spinlock_t lock 56");
}

static void a_merged_cache_is_a_guess(void **state)
{
	struct finding finding = in_cache("foo", 64, 0, 56);

	(void)state;
	finding.object.users = 2;
	lock_behind_buffer(module, "foo");
	assert_beside(&finding, "?foo: spinlock_t lock 56");
}

static void a_name_that_was_cut_off_is_a_guess(void **state)
{
	static const char name[] = "a_struct_with_a_name_of_31_char"; /* the name may be longer */
	struct finding finding = in_cache(name, 64, 0, 56);

	(void)state;
	assert_int_equal(strlen(name), NAME_SIZE - 1);
	lock_behind_buffer(module, name);
	assert_beside(&finding, "?a_struct_with_a_name_of_31_char: spinlock_t lock 56");
}

/* Two structs have the same name and size. */
static void an_ambiguous_name_is_silent(void **state)
{
	struct finding finding = in_cache("foo", 64, 0, 56);

	(void)state;
	lock_behind_buffer(module, "foo");
	begin(other, "foo", 64);
	member(other, "buffer", bytes56, 0);
	member(other, "count", number, 56);
	assert_beside(&finding, "");
}

static void one_header_in_two_modules_is_told(void **state)
{
	struct finding finding = in_cache("foo", 64, 0, 56);

	(void)state;
	lock_behind_buffer(module, "foo");
	lock_behind_buffer(other, "foo");
	assert_beside(&finding, "foo: spinlock_t lock 56");
}

static void a_kmalloc_object_is_a_guess(void **state)
{
	struct finding finding = in_cache("kmalloc-512", 512, 8, 56);
	int longer = array(module, byte, 60);

	(void)state;
	begin(module, "foo", 300);
	member(module, "lock", spinlock, 0);
	member(module, "buffer", bytes56, 8);
	/* Neither of these fits: the buffer is at another place, or the object has another size. */
	begin(module, "elsewhere", 300);
	member(module, "lock", spinlock, 0);
	member(module, "buffer", bytes56, 16);
	begin(module, "shorter", 300);
	member(module, "lock", spinlock, 0);
	member(module, "buffer", bytes48, 8);
	begin(module, "longer", 300);
	member(module, "lock", spinlock, 0);
	member(module, "buffer", longer, 8);
	begin(module, "small", 256);
	member(module, "lock", spinlock, 0);
	member(module, "buffer", bytes56, 8);
	begin(module, "large", 520);
	member(module, "lock", spinlock, 0);
	member(module, "buffer", bytes56, 8);
	assert_beside(&finding, "?foo: spinlock_t lock 0");
}

/* The other struct fits, too, but has something else beside its buffer. */
static void an_ambiguous_kmalloc_object_is_silent(void **state)
{
	struct finding finding = in_cache("kmalloc-512", 512, 8, 56);

	(void)state;
	begin(module, "foo", 300);
	member(module, "lock", spinlock, 0);
	member(module, "buffer", bytes56, 8);
	begin(other, "bar", 400);
	member(other, "count", number, 0);
	member(other, "buffer", bytes56, 8);
	assert_beside(&finding, "");
}

/*
 * The module that allocates the object has its struct. The kernel's ten thousand structs do not
 * count.
 */
static void a_struct_of_the_kernel_is_no_guess(void **state)
{
	struct finding finding = in_cache("kmalloc-512", 512, 8, 56);

	(void)state;
	btf__free(module);
	btf__free(other);
	begin(kernel, "foo", 300);
	member(kernel, "lock", spinlock, 0);
	member(kernel, "buffer", bytes56, 8);
	module = btf__new_empty_split(kernel);
	other = btf__new_empty_split(kernel);
	assert_beside(&finding, "");
}

/* Data is not received into a number, even if it has the buffer's size. */
static void a_plain_member_is_no_place(void **state)
{
	struct finding finding = in_cache("kmalloc-64", 64, 8, 4);

	(void)state;
	begin(module, "foo", 64);
	member(module, "lock", spinlock, 0);
	member(module, "state", number, 8);
	assert_beside(&finding, "");
}

static void nested_members_are_told(void **state)
{
	struct finding finding = in_cache("foo", 128, 64, 48);
	int unnamed, queue, alternative;

	(void)state;
	unnamed = begin(module, NULL, 8);
	member(module, "users", refcount, 0);
	member(module, "ref", kref, 4);
	queue = begin(module, "queue", 8);
	member(module, "state", number, 0);
	member(module, "lock", spinlock, 4);
	queue = array(module, btf__add_const(module, queue), 9);
	/* A union may hold another member. */
	alternative = btf__add_union(module, NULL, 4);
	member(module, "lock", spinlock, 0);
	member(module, "cookie", number, 0);
	begin(module, "foo", 128);
	member(module, "queues", queue, 0);
	member(module, "buffer", bytes48, 64);
	member(module, NULL, unnamed, 112);
	member(module, "sequence", seqcount, 120);
	member(module, NULL, alternative, 124);
	assert_beside(&finding, "foo: refcount_t users 112 struct kref ref 116 "
				"seqcount_spinlock_t sequence 120");
	/* The last element of the array reaches behind the start of the line. */
	finding.map.phys += 8;
	finding.map.size -= 8;
	assert_beside(&finding, "foo: spinlock_t queues[8].lock 68 refcount_t users 112 "
				"struct kref ref 116 seqcount_spinlock_t sequence 120");
}

/* Only the end of the lock is on the line, but the CPU writes the lock all the same. */
static void a_lock_that_reaches_over_is_told(void **state)
{
	struct finding finding = in_cache("foo", 128, 72, 48);

	(void)state;
	begin(module, "foo", 128);
	member(module, "lock", mutex, 40);
	member(module, "buffer", bytes48, 72);
	assert_beside(&finding, "foo: struct mutex lock 40");
}

/* Objects of 72 bytes lie side by side. The buffer is in the one at 72. */
static void the_objects_around_are_told(void **state)
{
	struct finding finding = in_cache("foo", 72, 8, 56);

	(void)state;
	begin(module, "foo", 72);
	member(module, "users", refcount, 0);
	member(module, "buffer", bytes56, 8);
	member(module, "lock", spinlock, 64);
	finding.object.start += 72;
	finding.map.phys += 72;
	/* The lines reach from -8 to 120. */
	assert_beside(&finding, "foo: refcount_t users 0 spinlock_t lock 64 spinlock_t lock -8 "
				"refcount_t users 72");
	/* Caches were merged, so the objects around may have another type. */
	finding.object.users = 2;
	assert_beside(&finding, "?foo: refcount_t users 0 spinlock_t lock 64");
	finding.object.users = 1;
	/* With red zones or the like, the addresses of the other objects are not known. */
	finding.object.room = 80;
	assert_beside(&finding, "foo: refcount_t users 0 spinlock_t lock 64");
	/* An object of KFENCE is alone in its page. */
	finding.object.room = 72;
	finding.object.kind = OBJECT_KMALLOC;
	assert_beside(&finding, "foo: refcount_t users 0 spinlock_t lock 64");
}

/* An object that is not wholly in the same page may not exist. */
static void objects_that_may_not_be_are_not_told(void **state)
{
	struct finding finding = in_cache("foo", 72, 8, 56);

	(void)state;
	begin(module, "foo", 72);
	member(module, "users", refcount, 0);
	member(module, "buffer", bytes56, 8);
	member(module, "lock", spinlock, 64);
	/* The lines reach from 3968 to 4096. The next object would begin at 4048. */
	finding.object.start = 0x10000 + 3976;
	finding.map.phys = finding.object.start + 8;
	assert_beside(&finding, "foo: refcount_t users 0 spinlock_t lock 64 spinlock_t lock -8");
	/* The lines reach to 128. The object before would begin at -40. */
	finding.object.start = 0x10000 + 32;
	finding.map.phys = finding.object.start + 8;
	assert_beside(&finding, "foo: refcount_t users 0 spinlock_t lock 64 refcount_t users 72");
}

static void many_are_counted(void **state)
{
	struct finding finding = in_cache("foo", 64, 0, 8);
	int users = array(module, refcount, 14);

	(void)state;
	begin(module, "foo", 64);
	member(module, "buffer", bytes8, 0);
	member(module, "users", users, 8);
	assert_true(strstr(beside_lines(&finding, 64), " refcount_t users[7] 36 +6"));
}

/* A buffer of many elements is not searched one by one. */
static void a_long_buffer_is_passed_over(void **state)
{
	struct finding finding = in_cache("foo", 4000064, 64, 3999996);
	int entries;

	(void)state;
	entries = begin(module, "entry", 4);
	member(module, "lock", spinlock, 0);
	entries = array(module, entries, 1000016);
	begin(module, "foo", 4000064);
	member(module, "entries", entries, 0);
	assert_beside(&finding, "foo: spinlock_t entries[1000015].lock 4000060");
}

/* Here 40 members lie upon each other, 12 deep, as no compiler places them. */
static void a_hostile_struct_is_given_up(void **state)
{
	struct finding finding = in_cache("foo", 64, 0, 56);
	int type = spinlock;

	(void)state;
	for (int depth = 0; depth < 12; depth++) {
		int deeper = begin(module, depth == 11 ? "foo" : "deep", 64);

		for (int i = 0; i < 40; i++)
			member(module, "again\n\033[2J", type, depth ? 0 : 56);
		type = deeper;
	}
	assert_beside(&finding, "");
}

static void names_are_fit_to_print(void **state)
{
	struct finding finding = in_cache("bar", 64, 0, 56);

	(void)state;
	begin(module, "f\033oo", 64);
	member(module, "buffer", bytes56, 0);
	member(module, "l\nock", spinlock, 56);
	assert_beside(&finding, "?f?oo: spinlock_t l?ock 56");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lock_beside_is_told),
		TEST(the_kernels_own_struct_is_told),
		TEST(a_lock_on_another_line_is_not),
		TEST(a_lock_around_whole_lines_is_not),
		TEST(a_misfit_by_size_is_silent),
		TEST(another_name_is_a_guess),
		TEST(a_merged_cache_is_a_guess),
		TEST(a_name_that_was_cut_off_is_a_guess),
		TEST(an_ambiguous_name_is_silent),
		TEST(one_header_in_two_modules_is_told),
		TEST(a_kmalloc_object_is_a_guess),
		TEST(an_ambiguous_kmalloc_object_is_silent),
		TEST(a_struct_of_the_kernel_is_no_guess),
		TEST(a_plain_member_is_no_place),
		TEST(nested_members_are_told),
		TEST(a_lock_that_reaches_over_is_told),
		TEST(the_objects_around_are_told),
		TEST(objects_that_may_not_be_are_not_told),
		TEST(many_are_counted),
		TEST(a_long_buffer_is_passed_over),
		TEST(a_hostile_struct_is_given_up),
		TEST(names_are_fit_to_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
