/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static void a_new_buffer_owns_nothing(void **state)
{
	struct buf buf = buf_new(10);

	(void)state;
	assert_null(buf.bytes);
	assert_int_equal(buf.size, 0);
	buf_free(&buf);
	assert_int_equal(buf.max, 10);
}

static void a_buffer_holds_its_maximum_and_not_a_byte_more(void **state)
{
	static const size_t maxima[] = { 1, 2, 255, 256, 257, 1000, 65536 };

	(void)state;
	array_for_each(maxima, max) {
		_cleanup_(buf_free) struct buf buf = buf_new(*max);

		for (size_t i = 0; i < *max; i++)
			assert_int_equal(buf_append(&buf, "x", 1), 0);
		assert_int_equal(buf.size, *max);
		assert_int_equal(strlen(buf.bytes), *max);
		assert_int_equal(buf_append(&buf, "y", 1), -ENOBUFS);
		assert_int_equal(buf_append(&buf, "", 0), 0);
		assert_int_equal(buf.size, *max);
		assert_true(buf.room <= *max + 1);
	}
}

static void a_refused_append_leaves_the_buffer_as_it_was(void **state)
{
	_cleanup_(buf_free) struct buf buf = buf_new(8);
	char *room;

	(void)state;
	assert_int_equal(buf_append_text(&buf, "12345"), 0);
	assert_int_equal(buf_append_text(&buf, "6789"), -ENOBUFS);
	assert_int_equal(buf_appendf(&buf, "%d", 6789), -ENOBUFS);
	assert_int_equal(buf_reserve(&buf, SIZE_MAX, &room), -ENOBUFS);
	assert_int_equal(buf_reserve(&buf, 4, &room), -ENOBUFS);
	assert_string_equal(buf.bytes, "12345");
	assert_int_equal(buf_appendf(&buf, "%d", 678), 0);
	assert_string_equal(buf.bytes, "12345678");
}

static void reserved_room_counts_only_once_it_is_grown(void **state)
{
	_cleanup_(buf_free) struct buf buf = buf_new(100);
	char *room;

	(void)state;
	assert_int_equal(buf_append_text(&buf, "ab"), 0);
	assert_int_equal(buf_reserve(&buf, 98, &room), 0);
	memset(room, 'c', 4);
	assert_int_equal(buf.size, 2);
	buf_grow(&buf, 3);
	assert_string_equal(buf.bytes, "abccc");
}

static void a_formatted_piece_longer_than_its_room_is_refused_whole(void **state)
{
	_cleanup_(buf_free) struct buf buf = buf_new(4096);
	char text[600];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_int_equal(buf_appendf(&buf, "%s", text), -ENOBUFS);
	assert_int_equal(buf.size, 0);
	text[511] = '\0';
	assert_int_equal(buf_appendf(&buf, "%s", text), 0);
	assert_int_equal(buf.size, 511);
}

static void bytes_may_hold_nul(void **state)
{
	_cleanup_(buf_free) struct buf buf = buf_new(16);

	(void)state;
	assert_int_equal(buf_append(&buf, "a\0b", 3), 0);
	assert_int_equal(buf.size, 3);
	assert_memory_equal(buf.bytes, "a\0b\0", 4);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_new_buffer_owns_nothing),
	cmocka_unit_test(a_buffer_holds_its_maximum_and_not_a_byte_more),
	cmocka_unit_test(a_refused_append_leaves_the_buffer_as_it_was),
	cmocka_unit_test(reserved_room_counts_only_once_it_is_grown),
	cmocka_unit_test(a_formatted_piece_longer_than_its_room_is_refused_whole),
	cmocka_unit_test(bytes_may_hold_nul),
};

unit_main(tests)
