/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/report.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC UINT32_C(0x54504552)

static void put_record(struct buf *to, uint32_t type, const char *bytes, size_t size)
{
	const uint32_t head[] = { MAGIC, type, (uint32_t)size, 0 };

	assert_int_equal(buf_append(to, head, sizeof head), 0);
	assert_int_equal(buf_append(to, bytes, size), 0);
}

static void put_form(struct buf *to, const char *type, const char *bytes, size_t size)
{
	const uint32_t sizes[] = { (uint32_t)strlen(type), (uint32_t)size };

	assert_int_equal(buf_append(to, sizes, sizeof sizes), 0);
	assert_int_equal(buf_append(to, type, strlen(type)), 0);
	assert_int_equal(buf_append(to, bytes, size), 0);
}

static void put_value(struct buf *to, uint32_t flags, const char *text)
{
	struct buf payload = buf_new(KIB);

	assert_int_equal(buf_append(&payload, &flags, sizeof flags), 0);
	assert_int_equal(buf_append_text(&payload, text), 0);
	put_record(to, REPORT_VALUE, payload.bytes, payload.size);
	buf_free(&payload);
}

static void put_display(struct buf *to, const char *type, size_t size)
{
	struct buf payload = buf_new(2 * REPORT_MAX_RECORD);
	char *bytes = calloc(1, size + 1);

	put_form(&payload, type, bytes, size);
	put_record(to, REPORT_DISPLAY, payload.bytes, payload.size);
	buf_free(&payload);
	free(bytes);
}

static void records_are_read_however_the_stream_is_cut(void **state)
{
	static const size_t pieces[] = { 1, 2, 3, 7, 16, 100, 100000 };
	struct buf stream = buf_new(MIB), forms = buf_new(KIB);

	(void)state;
	put_form(&forms, "text/html", "<b>\0", 4);
	put_form(&forms, "image/svg+xml", "", 0);
	put_value(&stream, 0, "42");
	put_record(&stream, REPORT_DISPLAY, forms.bytes, forms.size);
	put_record(&stream, 9, "what is this", 12);
	put_display(&stream, "image/png", 1000);
	array_for_each(pieces, piece) {
		struct report report = report_new();
		int displays = 0;

		for (size_t at = 0; at < stream.size; at += *piece) {
			size_t size = stream.size - at < *piece ? stream.size - at : *piece;
			char *exact = malloc(size); /* for ASan */
			int r;

			memcpy(exact, stream.bytes + at, size);
			r = report_feed(&report, exact, size);
			free(exact);
			assert_true(r >= 0);
			displays += r;
		}
		assert_int_equal(displays, 2);
		assert_int_equal(report.displays_count, 2);
		assert_string_equal(report.value, "42");
		assert_int_equal(report.value_size, 2);
		assert_false(report.is_value_cut || report.is_garbage);
		assert_true(report.is_cut); /* the record of another type */
		assert_int_equal(report.displays[0].forms_count, 2);
		assert_string_equal(report.displays[0].forms[0].type, "text/html");
		assert_memory_equal(report.displays[0].forms[0].bytes, "<b>\0", 4);
		assert_string_equal(report.displays[0].forms[1].type, "image/svg+xml");
		assert_int_equal(report.displays[0].forms[1].size, 0);
		assert_int_equal(report.displays[1].forms[0].size, 1000);
		report_free(&report);
	}
	buf_free(&stream);
	buf_free(&forms);
}

static void the_first_value_counts_and_may_be_cut(void **state)
{
	struct buf stream = buf_new(KIB);
	struct report report = report_new();

	(void)state;
	put_value(&stream, REPORT_VALUE_CUT, "first");
	put_value(&stream, 0, "second");
	assert_int_equal(report_feed(&report, stream.bytes, stream.size), 0);
	assert_string_equal(report.value, "first");
	assert_true(report.is_value_cut && report.is_cut);
	report_free(&report);
	buf_free(&stream);
}

static void what_is_over_a_maximum_is_passed_over_and_the_next_is_read(void **state)
{
	static const struct {
		size_t size;
		unsigned count, want;
	} cases[] = {
		{ REPORT_MAX_RECORD - 17, 1, 1 }, /* a form's sizes and type take 17 */
		{ REPORT_MAX_RECORD - 16, 1, 0 },
		{ REPORT_MAX_RECORD - 17, 2, 2 },
		{ REPORT_MAX_RECORD - 17, 3, 2 },
		{ 10, REPORT_MAX_DISPLAYS, REPORT_MAX_DISPLAYS },
		{ 10, REPORT_MAX_DISPLAYS + 1, REPORT_MAX_DISPLAYS },
	};

	(void)state;
	array_for_each(cases, c) {
		struct buf stream = buf_new(32 * MIB);
		struct report report = report_new();
		bool is_full = c->count == 2 && c->want == 2;

		for (unsigned i = 0; i < c->count; i++)
			put_display(&stream, "image/png", c->size);
		if (!is_full && c->count < 3)
			put_value(&stream, 0, "last");
		assert_int_equal(report_feed(&report, stream.bytes, stream.size), c->want);
		assert_int_equal(report.displays_count, c->want);
		assert_int_equal(report.is_cut, c->want < c->count);
		if (!is_full && c->count < 3)
			assert_string_equal(report.value, "last");
		report_free(&report);
		buf_free(&stream);
	}
}

static void forms_are_checked_one_by_one(void **state)
{
	static const struct {
		const char *type;
		unsigned times, want;
	} cases[] = {
		{ "image/png", REPORT_MAX_FORMS, REPORT_MAX_FORMS },
		{ "image/png", REPORT_MAX_FORMS + 1, REPORT_MAX_FORMS },
		{ "", 1, 0 },
		{ "image png", 1, 0 },
		{ "image/png\n", 1, 0 },
		{ "<script>", 1, 0 },
		{ "application/vnd.x+json", 1, 1 },
		{ "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", 1, 1 },
		{ "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890", 1, 0 },
	};

	(void)state;
	array_for_each(cases, c) {
		struct buf stream = buf_new(KIB), forms = buf_new(KIB);
		struct report report = report_new();

		for (unsigned i = 0; i < c->times; i++)
			put_form(&forms, c->type, "x", 1);
		put_record(&stream, REPORT_DISPLAY, forms.bytes, forms.size);
		assert_int_equal(report_feed(&report, stream.bytes, stream.size), c->want > 0);
		assert_int_equal(report.displays_count > 0 ? report.displays[0].forms_count : 0, c->want);
		assert_int_equal(report.is_cut, c->want < c->times);
		report_free(&report);
		buf_free(&stream);
		buf_free(&forms);
	}
}

static void a_type_with_a_nul_is_none(void **state)
{
	const uint32_t sizes[] = { 3, 1 };
	struct buf stream = buf_new(KIB), form = buf_new(KIB);
	struct report report = report_new();

	(void)state;
	assert_int_equal(buf_append(&form, sizes, sizeof sizes), 0);
	assert_int_equal(buf_append(&form, "a\0bx", 4), 0);
	put_record(&stream, REPORT_DISPLAY, form.bytes, form.size);
	assert_int_equal(report_feed(&report, stream.bytes, stream.size), 0);
	assert_int_equal(report.displays_count, 0);
	report_free(&report);
	buf_free(&stream);
	buf_free(&form);
}

static void a_form_that_ends_beyond_its_record_is_none(void **state)
{
	static const uint32_t sizes[][2] = {
		{ 1, 100 }, { 100, 1 }, { UINT32_MAX, UINT32_MAX }, { 1, UINT32_MAX }, { UINT32_MAX, 1 }
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct buf stream = buf_new(KIB), form = buf_new(KIB);
		struct report report = report_new();

		assert_int_equal(buf_append(&form, sizes[i], sizeof sizes[i]), 0);
		assert_int_equal(buf_append_text(&form, "abc"), 0);
		put_record(&stream, REPORT_DISPLAY, form.bytes, form.size);
		assert_int_equal(report_feed(&report, stream.bytes, stream.size), 0);
		assert_true(report.is_cut && report.displays_count == 0);
		report_free(&report);
		buf_free(&stream);
		buf_free(&form);
	}
}

static void after_what_is_no_record_nothing_is_read(void **state)
{
	struct buf stream = buf_new(KIB);
	struct report report = report_new();

	(void)state;
	put_display(&stream, "image/png", 10);
	assert_int_equal(buf_append_text(&stream, "print(1) was here, no record"), 0);
	put_value(&stream, 0, "42");
	assert_int_equal(report_feed(&report, stream.bytes, stream.size), 1);
	assert_true(report.is_garbage && report.is_cut && !report.value);
	assert_int_equal(report_feed(&report, stream.bytes, stream.size), 0);
	report_free(&report);
	buf_free(&stream);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(records_are_read_however_the_stream_is_cut),
	cmocka_unit_test(the_first_value_counts_and_may_be_cut),
	cmocka_unit_test(what_is_over_a_maximum_is_passed_over_and_the_next_is_read),
	cmocka_unit_test(forms_are_checked_one_by_one),
	cmocka_unit_test(a_type_with_a_nul_is_none),
	cmocka_unit_test(a_form_that_ends_beyond_its_record_is_none),
	cmocka_unit_test(after_what_is_no_record_nothing_is_read),
};

unit_main(tests)
