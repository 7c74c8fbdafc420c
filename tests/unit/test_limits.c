/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/limits.h"
#include "unit.h"

#include <string.h>

static void set_field(struct limits *limits, const struct limit_row *row, uint64_t value)
{
	memcpy((char *)limits + row->offset, &value, sizeof value);
}

static void the_defaults_are_within_their_ranges(void **state)
{
	struct limits limits = limits_default();
	struct err err = { 0 };

	(void)state;
	assert_int_equal(limits_check(&limits, &err), 0);
	assert_string_equal(err.text, "");
}

static void every_row_of_the_table_is_a_field_of_its_own(void **state)
{
	(void)state;
	assert_int_equal(limit_rows_count * sizeof(uint64_t), sizeof(struct limits));
	for (size_t i = 0; i < limit_rows_count; i++)
		assert_int_equal(limit_rows[i].offset, i * sizeof(uint64_t));
}

static void each_limit_is_accepted_at_its_ends_and_refused_beyond_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < limit_rows_count; i++) {
		const struct limit_row *row = &limit_rows[i];
		const struct {
			uint64_t value;
			int want;
		} cases[] = {
			{ row->min, 0 },           { row->max, 0 }, { row->min - 1, -ERANGE },
			{ row->max + 1, -ERANGE }, { 0, -ERANGE },  { UINT64_MAX, -ERANGE },
		};

		array_for_each(cases, c) {
			struct limits limits = limits_default();
			struct err err = { 0 };

			set_field(&limits, row, c->value);

			int r = limits_check(&limits, &err);

			if (r != c->want)
				fail_msg("%s = %ju: got %d, want %d", row->name, (uintmax_t)c->value, r, c->want);
			if (r < 0)
				assert_non_null(strstr(err.text, row->name));
		}
	}
}

static void the_sentence_names_field_value_and_range(void **state)
{
	struct limits limits = limits_default();
	struct err err;

	(void)state;
	limits.pids = 0;
	assert_int_equal(limits_check(&limits, &err), -ERANGE);
	assert_string_equal(err.text, "pids is 0 processes; it must be from 1 to 4096.");
}

static void each_limit_may_be_the_most_and_no_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < limit_rows_count; i++) {
		struct limits most = limits_default(), limits = most;
		struct err err = { 0 };

		assert_int_equal(limits_check_most(&limits, &most, &err), 0);
		set_field(&limits, &limit_rows[i], limit_rows[i].def + 1);
		assert_int_equal(limits_check_most(&limits, &most, &err), -ERANGE);
		assert_non_null(strstr(err.text, limit_rows[i].name));
		most = limits_at_least(&most, &limits);
		assert_int_equal(limits_check_most(&limits, &most, &err), 0);
		set_field(&limits, &limit_rows[i], limit_rows[i].min);
		assert_int_equal(limits_check_most(&limits, &most, &err), 0);
	}
}

static void a_limit_is_read_by_its_name(void **state)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{ "memory_bytes=256M", 0 },
		{ "memory_bytes=268435456", 0 },
		{ "memory_bytes", -EINVAL },
		{ "memory_bytes=", -EINVAL },
		{ "memory=256M", -EINVAL },
		{ "=1", -EINVAL },
		{ "", -EINVAL },
		{ "memory_bytes=0", -EINVAL },
		{ "memory_bytes=1 G", -EINVAL },
		{ "memory_bytes=65G", -EINVAL },
	};

	(void)state;
	array_for_each(cases, c) {
		struct limits limits = limits_default();
		struct err err = { 0 };

		assert_int_equal(limits_parse(c->text, &limits, &err), c->want);
		assert_int_equal(limits.memory_bytes, c->want == 0 ? 256 * MIB : limits_default().memory_bytes);
		assert_int_equal(err.text[0] != '\0', c->want != 0);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(each_limit_may_be_the_most_and_no_more),
	cmocka_unit_test(a_limit_is_read_by_its_name),
	cmocka_unit_test(the_defaults_are_within_their_ranges),
	cmocka_unit_test(every_row_of_the_table_is_a_field_of_its_own),
	cmocka_unit_test(each_limit_is_accepted_at_its_ends_and_refused_beyond_by_name),
	cmocka_unit_test(the_sentence_names_field_value_and_range),
};

unit_main(tests)
