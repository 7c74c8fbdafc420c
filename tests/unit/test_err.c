/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "unit.h"

#include <errno.h>
#include <string.h>

static void a_set_error_is_the_sentence_and_what_the_errno_means(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(err_set(&err, -ENOENT, "open %s", "x"), -ENOENT);
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.text, "open x: No such file or directory");
}

static void a_said_error_is_the_sentence_alone(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(err_say(&err, -ERANGE, "%d is too much.", 5), -ERANGE);
	assert_string_equal(err.text, "5 is too much.");
}

static void a_long_sentence_is_cut_and_ends_in_nul(void **state)
{
	struct err err;
	char text[2 * ERR_TEXT_BYTES];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	memset(&err, 0xff, sizeof err);
	assert_int_equal(err_set(&err, -EIO, "%s", text), -EIO);
	assert_int_equal(strnlen(err.text, sizeof err.text), ERR_TEXT_BYTES - 1);
	assert_int_equal(err_say(&err, -EIO, "%s", text), -EIO);
	assert_int_equal(strnlen(err.text, sizeof err.text), ERR_TEXT_BYTES - 1);
}

static void nobody_has_to_listen(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, -EIO, "%s", "x"), -EIO);
	assert_int_equal(err_say(NULL, -EIO, "%s", "x"), -EIO);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_set_error_is_the_sentence_and_what_the_errno_means),
	cmocka_unit_test(a_said_error_is_the_sentence_alone),
	cmocka_unit_test(a_long_sentence_is_cut_and_ends_in_nul),
	cmocka_unit_test(nobody_has_to_listen),
};

unit_main(tests)
