/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/mark.h"
#include "unit.h"

#include <string.h>

#define M    "\0abcdefghijklmno" /* a mark; its size is MARK_BYTES with the NUL of the literal left out */
#define ROOM 128

static const struct {
	const char *name, *bytes;
	size_t size;
	const char *program;       /* what goes on */
	size_t program_size, left; /* left: bytes behind the mark */
	bool is_found;
} cases[] = {
#define CASE(name, bytes, program, left, found) \
	{ \
		name, bytes, sizeof bytes - 1, program, sizeof program - 1, left, found \
	}
	CASE("nothing", "", "", 0, false),
	CASE("no mark", "hello", "hello", 0, false),
	CASE("only a mark", M, "", 0, true),
	CASE("a mark at the end", "hello" M, "hello", 0, true),
	CASE("a report behind it", "hello" M "rest", "hello", 4, true),
	CASE("a mark in the report", M "x" M, "", 17, true),
	CASE("a zero", "a\0b", "a\0b", 0, false),
	CASE("zeros", "\0\0\0", "\0\0\0", 0, false),
	CASE("a beginning, then another byte", "\0abcX", "\0abcX", 0, false),
	CASE("a beginning, then a mark", "\0abc" M, "\0abc", 0, true),
	CASE("all but the last byte, then a mark", "\0abcdefghijklmn" M "!", "\0abcdefghijklmn", 1, true),
	CASE("a zero, then a mark", "\0" M, "\0", 0, true),
	CASE("a beginning at the end", "x\0abcdefghijklmn", "x\0abcdefghijklmn", 0, false),
#undef CASE
};

static void what_comes_before_the_mark_goes_on_however_it_is_cut(void **state)
{
	struct mark mark;

	(void)state;
	memcpy(mark.bytes, M, sizeof mark.bytes);
	array_for_each(cases, c) {
		for (size_t step = 1; step <= c->size + 1; step++) {
			struct mark_search search = { .mark = &mark };
			char got[ROOM];
			size_t got_size = 0, left_size = 0, size;
			const char *piece;

			for (size_t done = 0; done < c->size; done += step) {
				const char *at = c->bytes + done;
				size_t left = c->size - done < step ? c->size - done : step;

				while (mark_next(&search, &at, &left, &piece, &size)) {
					assert_true(size > 0);
					memcpy(got + got_size, piece, size);
					got_size += size;
				}
				left_size += left;
			}
			assert_int_equal(mark_is_found(&search), c->is_found);
			size = mark_rest(&search, &piece);
			memcpy(got + got_size, piece, size);
			got_size += size;
			if (got_size != c->program_size || memcmp(got, c->program, got_size) != 0 || left_size != c->left)
				fail_msg("%s, cut every %zu bytes: %zu bytes went on, %zu were left", c->name, step, got_size,
					 left_size);
		}
	}
}

static void without_a_mark_all_goes_on_at_once(void **state)
{
	struct mark_search search = { 0 };
	const char *at = "a\0b", *piece;
	size_t left = 3, size;

	(void)state;
	assert_true(mark_next(&search, &at, &left, &piece, &size));
	assert_int_equal(size, 3);
	assert_false(mark_next(&search, &at, &left, &piece, &size));
	assert_int_equal(mark_rest(&search, &piece), 0);
}

static void no_two_marks_are_alike_and_none_overlaps_itself(void **state)
{
	struct mark last = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct mark mark;

		assert_int_equal(mark_make(&mark), 0);
		assert_int_equal(mark.bytes[0], 0);
		assert_null(memchr(mark.bytes + 1, 0, MARK_BYTES - 1));
		assert_memory_not_equal(mark.bytes, last.bytes, MARK_BYTES);
		last = mark;
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_comes_before_the_mark_goes_on_however_it_is_cut),
	cmocka_unit_test(without_a_mark_all_goes_on_at_once),
	cmocka_unit_test(no_two_marks_are_alike_and_none_overlaps_itself),
};

unit_main(tests)
