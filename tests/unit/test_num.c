/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "unit.h"

#include <errno.h>

static const struct {
	const char *text;
	uint64_t min, max;
	int want;
	uint64_t value;
} u64_cases[] = {
	{ "0", 0, 10, 0, 0 },
	{ "10", 0, 10, 0, 10 },
	{ "007", 0, 10, 0, 7 },
	{ "11", 0, 10, -ERANGE, 0 },
	{ "0", 1, 10, -ERANGE, 0 },
	{ "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
	{ "18446744073709551616", 0, UINT64_MAX, -ERANGE, 0 },
	{ "99999999999999999999999", 0, UINT64_MAX, -ERANGE, 0 },
	{ "99999999999999999999999x", 0, UINT64_MAX, -EINVAL, 0 },
	{ "", 0, 10, -EINVAL, 0 },
	{ "-1", 0, 10, -EINVAL, 0 },
	{ "+1", 0, 10, -EINVAL, 0 },
	{ " 1", 0, 10, -EINVAL, 0 },
	{ "1 ", 0, 10, -EINVAL, 0 },
	{ "1.0", 0, 10, -EINVAL, 0 },
	{ "0x1", 0, 10, -EINVAL, 0 },
	{ "1K", 0, 10, -EINVAL, 0 },
	{ "\xd9\xa1", 0, 10, -EINVAL, 0 }, /* an Arabic digit one */
};

static void a_number_is_digits_within_its_range_and_nothing_else(void **state)
{
	(void)state;
	array_for_each(u64_cases, c) {
		uint64_t value = 77;
		int r = num_parse_u64(c->text, c->min, c->max, &value);

		if (r != c->want || (r == 0 && value != c->value) || (r < 0 && value != 77))
			fail_msg("\"%s\": got %d and %ju, want %d and %ju", c->text, r, (uintmax_t)value, c->want,
				 (uintmax_t)c->value);
	}
}

static const struct {
	const char *text;
	uint64_t min, max;
	int want;
	uint64_t bytes;
} size_cases[] = {
	{ "128M", 1, GIB, 0, 128 * MIB },
	{ "1K", 1, GIB, 0, KIB },
	{ "1G", 1, GIB, 0, GIB },
	{ "2G", 1, GIB, -ERANGE, 0 },
	{ "512", 1, GIB, 0, 512 },
	{ "0", 1, GIB, -ERANGE, 0 },
	{ "0M", 1, GIB, -ERANGE, 0 },
	{ "17179869183G", 1, UINT64_MAX, 0, UINT64_C(17179869183) * GIB },
	{ "17179869184G", 1, UINT64_MAX, -ERANGE, 0 },
	{ "-1", 1, GIB, -EINVAL, 0 },
	{ "16E", 1, GIB, -EINVAL, 0 },
	{ "1k", 1, GIB, -EINVAL, 0 },
	{ "1MB", 1, GIB, -EINVAL, 0 },
	{ "12 M", 1, GIB, -EINVAL, 0 },
	{ "M", 1, GIB, -EINVAL, 0 },
	{ "", 1, GIB, -EINVAL, 0 },
};

static void a_size_refuses_what_is_out_of_range_or_has_trailing_text(void **state)
{
	(void)state;
	array_for_each(size_cases, c) {
		uint64_t bytes = 77;
		int r = num_parse_size(c->text, c->min, c->max, &bytes);

		if (r != c->want || (r == 0 && bytes != c->bytes) || (r < 0 && bytes != 77))
			fail_msg("\"%s\": got %d and %ju, want %d and %ju", c->text, r, (uintmax_t)bytes, c->want,
				 (uintmax_t)c->bytes);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_number_is_digits_within_its_range_and_nothing_else),
	cmocka_unit_test(a_size_refuses_what_is_out_of_range_or_has_trailing_text),
};

unit_main(tests)
