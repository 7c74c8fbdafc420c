/* SPDX-License-Identifier: Apache-2.0 */
#include "api/compare.h"
#include "unit.h"

#include <string.h>

static const struct {
	enum compare_how how;
	const char *got, *want;
	double tolerance;
	uint64_t line; /* of the first difference; 0: they agree */
} cases[] = {
	{ COMPARE_EXACT, "", "", 0, 0 },
	{ COMPARE_EXACT, "a\nb\n", "a\nb\n", 0, 0 },
	{ COMPARE_EXACT, "a\nb", "a\nb\n", 0, 2 },
	{ COMPARE_EXACT, "a\nb\n", "a\nc\n", 0, 2 },
	{ COMPARE_EXACT, "", "a", 0, 1 },
	{ COMPARE_LINES, "  a b \r\nc\t\n\n \n", "a b\nc", 0, 0 },
	{ COMPARE_LINES, "a  b\n", "a b\n", 0, 1 },
	{ COMPARE_LINES, "a\n\nb\n", "a\nb\n", 0, 2 },
	{ COMPARE_LINES, "\na\n", "a\n", 0, 1 },
	{ COMPARE_LINES, "a\n", "a\nb\n", 0, 2 },
	{ COMPARE_LINES, "a\nb\n", "a\n", 0, 2 },
	{ COMPARE_LINES, "", "\n \n", 0, 0 },
	{ COMPARE_NUMBERS, "1.0000001 2\n", "1 2", 1e-6, 0 },
	{ COMPARE_NUMBERS, "1.01\n", "1", 1e-3, 1 },
	{ COMPARE_NUMBERS, "1000001", "1000000", 1e-6, 0 }, /* relative to the expected one */
	{ COMPARE_NUMBERS, "1000002", "1000000", 1e-6, 1 },
	{ COMPARE_NUMBERS, "x = 2.5 m\n", "x  =  2.50\nm", 0, 0 },
	{ COMPARE_NUMBERS, "1\nx\n", "1\ny\n", 1, 2 },
	{ COMPARE_NUMBERS, "1 2 3", "1 2", 1, 1 },
	{ COMPARE_NUMBERS, "1\n2", "1\n2\n3", 1, 2 },
	{ COMPARE_NUMBERS, "nan inf -inf", "NaN Infinity -inf", 0, 0 },
	{ COMPARE_NUMBERS, "inf", "1", 1e300, 1 },
	{ COMPARE_NUMBERS, "1", "inf", 1, 1 },
	{ COMPARE_NUMBERS, "nan", "1", 1e300, 1 },
	{ COMPARE_NUMBERS, "1e400", "inf", 0, 0 },
	{ COMPARE_NUMBERS, "1.", "1.0.0", 1, 1 },
};

static void outputs_agree_as_the_comparison_says_or_differ_from_a_line_on(void **state)
{
	(void)state;
	array_for_each(cases, c) {
		uint64_t line = 0;
		bool is_equal = compare_output(c->how, c->tolerance, c->got, strlen(c->got), c->want, strlen(c->want), &line);

		if (is_equal != (c->line == 0) || line != c->line)
			fail_msg("\"%s\" against \"%s\" %s: line %ju, want %ju", c->got, c->want, compare_name(c->how),
				 (uintmax_t)line, (uintmax_t)c->line);
	}
}

static void a_nul_is_a_byte_like_any_other(void **state)
{
	(void)state;
	assert_false(compare_output(COMPARE_EXACT, 0, "a\0b", 3, "a\0c", 3, NULL));
	assert_false(compare_output(COMPARE_LINES, 0, "a\0b", 3, "a\0c", 3, NULL));
	assert_false(compare_output(COMPARE_NUMBERS, 9, "1\0x", 3, "1", 1, NULL));
	assert_true(compare_output(COMPARE_NUMBERS, 0, "1\0x", 3, "1\0x", 3, NULL));
}

static void names_are_those_of_the_interface(void **state)
{
	(void)state;
	for (enum compare_how how = 0; how < COMPARE_COUNT; how++)
		assert_int_equal(compare_by_name(compare_name(how)), how);
	assert_int_equal(compare_by_name("Exact"), COMPARE_COUNT);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(outputs_agree_as_the_comparison_says_or_differ_from_a_line_on),
	cmocka_unit_test(a_nul_is_a_byte_like_any_other),
	cmocka_unit_test(names_are_those_of_the_interface),
};

unit_main(tests)
