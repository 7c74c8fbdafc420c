/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/result.h"
#include "unit.h"

#include <signal.h>

static void every_verdict_has_a_name_and_other_numbers_have_none(void **state)
{
	(void)state;
	assert_string_equal(verdict_name(VERDICT_OK), "ok");
	assert_string_equal(verdict_name(VERDICT_CPU_TIMEOUT), "cpu_timeout");
	for (uint32_t v = 0; v < VERDICT_COUNT; v++)
		assert_string_not_equal(verdict_name(v), "unknown");
	assert_string_equal(verdict_name(VERDICT_COUNT), "unknown");
	assert_string_equal(verdict_name(UINT32_MAX), "unknown");
}

static void a_signal_is_named_as_in_signal_7_whatever_the_number(void **state)
{
	static const struct {
		int signal;
		const char *name;
	} cases[] = {
		{ SIGSEGV, "SIGSEGV" }, { SIGKILL, "SIGKILL" }, { SIGHUP, "SIGHUP" },    { SIGSYS, "SIGSYS" },    { 0, "signal" },
		{ -1, "signal" },       { 40, "signal" },       { INT32_MAX, "signal" }, { INT32_MIN, "signal" },
	};

	(void)state;
	array_for_each(cases, c)
		assert_string_equal(signal_name(c->signal), c->name);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_verdict_has_a_name_and_other_numbers_have_none),
	cmocka_unit_test(a_signal_is_named_as_in_signal_7_whatever_the_number),
};

unit_main(tests)
