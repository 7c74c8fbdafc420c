/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/bundle.h"

#include "base/fd.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct bundle_record named(enum bundle_type type, const char *name)
{
	return (struct bundle_record){ .type = type, .name = name, .name_size = strlen(name) };
}

static struct bundle_record file(const char *name, const char *bytes, size_t size)
{
	return (struct bundle_record){ BUNDLE_FILE, name, strlen(name), bytes, size };
}

static struct bundle_record word(enum bundle_type type, const char *text)
{
	return (struct bundle_record){ .type = type, .bytes = text, .size = strlen(text) };
}

/* Writes one record into a bundle and reads the bundle to its end: the last answer of bundle_next. */
static int write_and_read(const struct bundle_record *record, unsigned times)
{
	struct bundle_writer writer = { .fd = -EBADF };
	struct bundle bundle;
	struct bundle_record got;
	int fd = -EBADF, r;

	for (unsigned i = 0; i < times; i++)
		assert_int_equal(bundle_add(&writer, record), 0);
	assert_int_equal(bundle_seal(&writer, &fd), 0);
	assert_int_equal(bundle_open(fd, &bundle), 0);
	while ((r = bundle_next(&bundle, &got)) > 0)
		;
	bundle_close(&bundle);
	(void)fd_close(fd);
	return r;
}

static void what_is_written_is_read(void **state)
{
	const struct bundle_record records[] = {
		named(BUNDLE_ENTRY, "pkg/main.py"),
		file("pkg/main.py", "a\0b", 3),
		file("empty", "", 0),
		word(BUNDLE_ARG, ""),
		word(BUNDLE_ARG, "--x"),
		word(BUNDLE_ENV, "A=1=2"),
		named(BUNDLE_GLOB, "**/*.png"),
		{ .type = BUNDLE_LEFT_OUT, .name = "big", .name_size = 3, .size = UINT64_MAX },
		{ .type = BUNDLE_MORE },
	};
	struct bundle_writer writer = { .fd = -EBADF };
	struct bundle bundle;
	struct bundle_record got;
	int fd = -EBADF;

	(void)state;
	array_for_each(records, record)
		assert_int_equal(bundle_add(&writer, record), 0);
	assert_int_equal(bundle_seal(&writer, &fd), 0);
	assert_int_equal(write(fd, "x", 1), -1); /* sealed */
	assert_int_equal(bundle_open(fd, &bundle), 0);
	for (int round = 0; round < 2; round++) {
		array_for_each(records, record) {
			assert_int_equal(bundle_next(&bundle, &got), 1);
			assert_int_equal(got.type, record->type);
			assert_int_equal(got.size, record->size);
			assert_int_equal(got.name_size, record->name_size);
			assert_memory_equal(got.name, record->name ? record->name : "", record->name_size + 1);
			if (record->bytes)
				assert_memory_equal(got.bytes, record->bytes, record->size);
		}
		assert_int_equal(bundle_next(&bundle, &got), 0);
		bundle_rewind(&bundle);
	}
	bundle_close(&bundle);
	(void)fd_close(fd);
}

/* Text so many times, then the tail. */
static char *repeat(const char *text, size_t times, const char *tail)
{
	static char room[2 * BUNDLE_MAX_WORD];
	size_t used = 0;

	for (; times > 0; times--)
		used += (size_t)snprintf(room + used, sizeof room - used, "%s", text);
	(void)snprintf(room + used, sizeof room - used, "%s", tail);
	return room;
}

static void a_path_is_relative_and_stays_below(void **state)
{
	static const struct {
		const char *unit; /* times over, then the tail */
		size_t times;
		const char *tail;
		int want;
	} cases[] = {
		{ "", 0, "a", 0 },
		{ "", 0, "a/b.txt", 0 },
		{ "", 0, "...", 0 },
		{ "", 0, ".a", 0 },
		{ "", 0, "a b\n\xff", 0 },
		{ "", 0, "", -EINVAL },
		{ "", 0, "/a", -EINVAL },
		{ "", 0, "a/", -EINVAL },
		{ "", 0, "a//b", -EINVAL },
		{ "", 0, ".", -EINVAL },
		{ "", 0, "..", -EINVAL },
		{ "", 0, "a/..", -EINVAL },
		{ "", 0, "a/../b", -EINVAL },
		{ "", 0, "a/./b", -EINVAL },
		{ "", 0, "../a", -EINVAL },
		{ "", 0, "/", -EINVAL },
		{ "x", BUNDLE_MAX_COMPONENT, "", 0 },
		{ "x", BUNDLE_MAX_COMPONENT + 1, "", -E2BIG },
		{ "a/", BUNDLE_MAX_DEPTH - 1, "", -EINVAL },
		{ "a/", BUNDLE_MAX_DEPTH - 1, "a", 0 },
		{ "a/", BUNDLE_MAX_DEPTH, "a", -E2BIG },
	};
	struct err err;

	(void)state;
	array_for_each(cases, c) {
		const char *path = repeat(c->unit, c->times, c->tail);
		struct bundle_record record = file(path, "", 0);

		err.text[0] = '\0';
		if (bundle_check_path(path, strlen(path), &err) != c->want)
			fail_msg("\"%.40s\": expected %d, got %s", path, c->want, err.text);
		assert_int_equal(err.text[0] != '\0', c->want != 0);
		assert_int_equal(bundle_check_glob(path, strlen(path), NULL), c->want);
		assert_int_equal(write_and_read(&record, 1), c->want == 0 ? 0 : -EBADMSG);
	}
	assert_int_equal(bundle_check_path("a\0b", 3, NULL), -EINVAL);
}

static void a_path_has_at_most_512_bytes(void **state)
{
	char path[BUNDLE_MAX_PATH + 2];

	(void)state;
	memset(path, 'x', sizeof path);
	path[200] = path[400] = '/';
	path[BUNDLE_MAX_PATH + 1] = '\0';
	assert_int_equal(bundle_check_path(path, BUNDLE_MAX_PATH + 1, NULL), -E2BIG);
	assert_int_equal(bundle_check_path(path, BUNDLE_MAX_PATH, NULL), 0);
}

static void a_variable_is_a_name_and_a_value(void **state)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{ "A=1", 0 },
		{ "_a9=", 0 },
		{ "A=b=c", 0 },
		{ "A=\n\xff", 0 },
		{ "A", -EINVAL },
		{ "", -EINVAL },
		{ "=1", -EINVAL },
		{ "9A=1", -EINVAL },
		{ "A B=1", -EINVAL },
		{ "A-B=1", -EINVAL },
		{ "\xc3\x84=1", -EINVAL },
	};

	(void)state;
	array_for_each(cases, c) {
		struct bundle_record record = word(BUNDLE_ENV, c->text);

		assert_int_equal(bundle_check_env(c->text, strlen(c->text), NULL), c->want);
		assert_int_equal(write_and_read(&record, 1), c->want == 0 ? 0 : -EBADMSG);
	}
	assert_int_equal(bundle_check_env("A=\0", 3, NULL), -EINVAL);
	assert_int_equal(bundle_check_arg("", 0, NULL), 0);
	assert_int_equal(bundle_check_arg("\0", 1, NULL), -EINVAL);
	assert_int_equal(bundle_check_arg(repeat("x", BUNDLE_MAX_WORD, ""), BUNDLE_MAX_WORD, NULL), 0);
	assert_int_equal(bundle_check_arg(repeat("x", BUNDLE_MAX_WORD, "x"), BUNDLE_MAX_WORD + 1, NULL), -E2BIG);
}

static void there_are_no_more_records_of_a_kind_than_its_maximum(void **state)
{
	const struct {
		struct bundle_record record;
		unsigned max;
	} kinds[] = {
		{ named(BUNDLE_ENTRY, "a"), 1 },
		{ file("a", "", 0), BUNDLE_MAX_FILES },
		{ word(BUNDLE_ARG, "a"), BUNDLE_MAX_WORDS },
		{ word(BUNDLE_ENV, "A="), BUNDLE_MAX_WORDS },
		{ named(BUNDLE_GLOB, "a"), BUNDLE_MAX_GLOBS },
		{ named(BUNDLE_LEFT_OUT, "a"), BUNDLE_MAX_FILES },
		{ { .type = BUNDLE_MORE }, 1 },
	};

	(void)state;
	array_for_each(kinds, kind) {
		assert_int_equal(write_and_read(&kind->record, kind->max), 0);
		assert_int_equal(write_and_read(&kind->record, kind->max + 1), -EBADMSG);
	}
}

static void the_entry_comes_before_the_files(void **state)
{
	const struct bundle_record records[] = { file("a", "", 0), named(BUNDLE_ENTRY, "a") };
	struct bundle_writer writer = { .fd = -EBADF };
	struct bundle bundle;
	struct bundle_record got;
	int fd = -EBADF;

	(void)state;
	array_for_each(records, record)
		assert_int_equal(bundle_add(&writer, record), 0);
	assert_int_equal(bundle_seal(&writer, &fd), 0);
	assert_int_equal(bundle_open(fd, &bundle), 0);
	assert_int_equal(bundle_next(&bundle, &got), 1);
	assert_int_equal(bundle_next(&bundle, &got), -EBADMSG);
	assert_int_equal(bundle_next(&bundle, &got), -EBADMSG); /* and stays so */
	bundle_close(&bundle);
	(void)fd_close(fd);
}

static void a_bundle_has_a_maximum(void **state)
{
	static char bytes[BUNDLE_MAX_BYTES];
	struct bundle_writer writer = { .fd = -EBADF };
	const size_t around = 8 + 16 + 2 + 1; /* magic, the record's head, both NULs, the name */
	struct bundle_record record = file("a", bytes, BUNDLE_MAX_BYTES - around + 1);

	(void)state;
	assert_int_equal(bundle_add(&writer, &record), -E2BIG);
	record.size--;
	assert_int_equal(bundle_add(&writer, &record), 0);
	record.size = 0;
	assert_int_equal(bundle_add(&writer, &record), -E2BIG);
	(void)fd_close(writer.fd);
}

static void only_a_sealed_memfd_is_a_bundle(void **state)
{
	struct bundle_writer writer = { .fd = -EBADF };
	struct bundle bundle;
	int fd = -EBADF, junk = fd_new_sealed("junk", "0123456789", 10), empty = fd_new_sealed("empty", "", 0);

	(void)state;
	assert_int_equal(bundle_open(junk, &bundle), -EBADMSG);
	assert_int_equal(bundle_open(empty, &bundle), -EBADMSG);
	assert_int_equal(bundle_open(STDIN_FILENO, &bundle), -EBADMSG);
	assert_int_equal(bundle_open(-1, &bundle), -EBADMSG);
	assert_int_equal(bundle_add(&writer, &(struct bundle_record){ .type = BUNDLE_MORE }), 0);
	assert_int_equal(bundle_open(writer.fd, &bundle), -EBADMSG); /* not yet sealed */
	assert_int_equal(bundle_seal(&writer, &fd), 0);
	assert_int_equal(bundle_open(fd, &bundle), 0);
	bundle_close(&bundle);
	(void)fd_close(fd);
	(void)fd_close(junk);
	(void)fd_close(empty);
}

/* Every prefix, and every byte changed: an answer, never a crash, and never a record that lies outside. */
static void a_damaged_bundle_is_refused_or_read_within_its_bounds(void **state)
{
	const struct bundle_record records[] = { named(BUNDLE_ENTRY, "m.py"), file("m.py", "print()", 7), word(BUNDLE_ENV, "A=b"),
						 named(BUNDLE_GLOB, "*") };
	struct bundle_writer writer = { .fd = -EBADF };
	static const unsigned char flips[] = { 0x01, 0x80, 0xff };
	int fd = -EBADF;

	(void)state;
	array_for_each(records, record)
		assert_int_equal(bundle_add(&writer, record), 0);

	size_t size = writer.size;

	assert_int_equal(bundle_seal(&writer, &fd), 0);
	for (size_t i = 0; i < size * (1 + ARRAY_SIZE(flips)); i++) {
		size_t cut = i < size ? i : size, at = i % size;
		char *bytes = malloc(cut > 0 ? cut : 1); /* of its very size, for ASan */
		struct bundle bundle;
		struct bundle_record got;

		assert_int_equal(pread(fd, bytes, cut, 0), cut);
		if (i >= size)
			bytes[at] = (char)(bytes[at] ^ flips[i / size - 1]);
		if (bundle_from_bytes(bytes, cut, &bundle) == 0) {
			while (bundle_next(&bundle, &got) > 0) {
				assert_true(got.name >= bytes && got.name + got.name_size < bytes + cut);
				assert_true(!got.bytes || (got.bytes >= bytes && got.bytes + got.size < bytes + cut));
			}
		}
		free(bytes);
	}
	(void)fd_close(fd);
}

static void no_two_files_may_be_in_each_others_way(void **state)
{
	static const struct {
		const char *paths[4];
		int want;
	} cases[] = {
		{ { "a", "b", "c" }, 0 },
		{ { "a", "b", "a" }, -EEXIST },
		{ { "a/b", "a" }, -EEXIST },
		{ { "a/b", "a.b", "a" }, -EEXIST },
		{ { "a/b", "a!", "a-c/d" }, 0 },
		{ { "a/b", "a/c", "ab" }, 0 },
		{ { "x/y/z", "x/y", "x" }, -EEXIST },
		{ { "a" }, 0 },
		{ { NULL }, 0 },
	};

	(void)state;
	array_for_each(cases, c) {
		const char *paths[4];
		size_t count = 0;

		while (count < 4 && c->paths[count]) {
			paths[count] = c->paths[count];
			count++;
		}
		assert_int_equal(bundle_check_paths(paths, count, NULL), c->want);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_is_written_is_read),
	cmocka_unit_test(a_path_is_relative_and_stays_below),
	cmocka_unit_test(a_path_has_at_most_512_bytes),
	cmocka_unit_test(a_variable_is_a_name_and_a_value),
	cmocka_unit_test(there_are_no_more_records_of_a_kind_than_its_maximum),
	cmocka_unit_test(the_entry_comes_before_the_files),
	cmocka_unit_test(a_bundle_has_a_maximum),
	cmocka_unit_test(only_a_sealed_memfd_is_a_bundle),
	cmocka_unit_test(a_damaged_bundle_is_refused_or_read_within_its_bounds),
	cmocka_unit_test(no_two_files_may_be_in_each_others_way),
};

unit_main(tests)
