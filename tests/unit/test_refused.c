/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/refused.h"
#include "unit.h"

#include <string.h>

static void every_refusal_has_a_name_of_its_own_that_a_label_can_hold(void **state)
{
	static char names[REFUSED_COUNT + 1][REFUSED_NAME_BYTES];

	(void)state;
	for (uint32_t what = 0; what <= REFUSED_COUNT; what++) {
		refused_name(what, names[what]);
		assert_in_range(strlen(names[what]), 3, REFUSED_NAME_BYTES - 2);
		assert_int_equal(strcspn(names[what], "\"\\\n{} "), strlen(names[what]));
		for (uint32_t other = 0; other < what; other++)
			assert_string_not_equal(names[what], names[other]);
	}
	assert_string_equal(names[REFUSED_COUNT], "other");
	refused_name(UINT32_MAX, names[0]);
	assert_string_equal(names[0], "other");
}

static void what_does_not_fit_the_table_is_counted_as_others(void **state)
{
	struct refused refused = { .others = 0 };

	(void)state;
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t what = 0; what < REFUSED_CALLS + 4; what++)
			refused_add(&refused, what);
		refused_add(&refused, REFUSED_COUNT);
		assert_true(refused_is_valid(&refused));
	}
	assert_int_equal(refused.others, 3 * 4);
	assert_int_equal(refused_sum(&refused), 3 * (REFUSED_CALLS + 4));
	for (uint32_t what = 0; what < REFUSED_CALLS; what++) {
		assert_int_equal(refused.calls[what].what, what);
		assert_int_equal(refused.calls[what].count, 3);
	}
}

static void a_count_stays_at_its_end(void **state)
{
	struct refused refused = { .calls = { { 5, UINT32_MAX - 1 } } };

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		refused_add(&refused, 5);
	assert_int_equal(refused.calls[0].count, UINT32_MAX);
	assert_int_equal(refused.calls[1].count, 0);
}

static void a_sentence_names_three_and_counts_the_others(void **state)
{
	static const struct {
		struct refused refused;
		const char *want;
	} rows[] = {
		{ { .others = 0 }, "" },
		{ { .calls = { { 0, 1 } } }, "The sandbox refused inotify_init (1 time)." },
		{ { .calls = { { 1, 2 }, { 0, 1 } } }, "The sandbox refused inotify_init1 (2 times) and inotify_init (1 time)." },
		{ { .calls = { { 0, 1 }, { 1, 1 }, { 2, 3 } } },
		  "The sandbox refused inotify_init (1 time), inotify_init1 (1 time) and fcntl(F_NOTIFY) (3 times)." },
		{ { .calls = { { 0, 1 }, { 1, 1 }, { 2, 3 }, { 7, 4 }, { 8, 5 } } },
		  "The sandbox refused inotify_init (1 time), inotify_init1 (1 time), fcntl(F_NOTIFY) (3 times) and others (9 "
		  "times)." },
	};

	(void)state;
	array_for_each(rows, row) {
		char text[256];

		refused_sentence(&row->refused, text, sizeof text);
		assert_string_equal(text, row->want);
		for (size_t size = 1; size <= strlen(row->want); size++) { /* cut, and never past the end */
			memset(text, 'x', sizeof text);
			refused_sentence(&row->refused, text, size);
			assert_true(strlen(text) < size && strncmp(text, row->want, strlen(text)) == 0 && text[size] == 'x');
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_refusal_has_a_name_of_its_own_that_a_label_can_hold),
	cmocka_unit_test(what_does_not_fit_the_table_is_counted_as_others),
	cmocka_unit_test(a_count_stays_at_its_end),
	cmocka_unit_test(a_sentence_names_three_and_counts_the_others),
};

unit_main(tests)
