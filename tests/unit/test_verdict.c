/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/verdict.h"
#include "unit.h"

#include "base/macro.h"

#include <signal.h>

/* As wait(2) packs them. */
#define EXITED(code)    ((code) << 8)
#define DIED_OF(number) (number)

enum { OOM = 1, PIDS = 2, DISK = 4, ALL = OOM | PIDS | DISK };

static struct result decide(uint32_t stopped_for, int status, bool has_status, int events)
{
	const struct evidence evidence = {
		.stopped_for = stopped_for,
		.status = status,
		.has_status = has_status,
		.is_oom = events & OOM,
		.is_pids_full = events & PIDS,
		.is_disk_full = events & DISK,
	};
	struct result result = { 0 };

	verdict_decide(&evidence, &result);
	return result;
}

/* How the program ended, against all eight combinations of what else happened. */
static void the_first_cause_that_explains_a_failure_is_blamed(void **state)
{
	static const struct {
		int status;
		uint32_t want[ALL + 1]; /* by OOM, PIDS, DISK */
	} cases[] = {
		{ EXITED(0), { VERDICT_OK, VERDICT_OK, VERDICT_OK, VERDICT_OK, VERDICT_OK, VERDICT_OK, VERDICT_OK, VERDICT_OK } },
		{ EXITED(1),
		  { VERDICT_ERROR, VERDICT_MEMORY, VERDICT_PIDS, VERDICT_MEMORY, VERDICT_DISK, VERDICT_MEMORY, VERDICT_PIDS,
		    VERDICT_MEMORY } },
		{ EXITED(255),
		  { VERDICT_ERROR, VERDICT_MEMORY, VERDICT_PIDS, VERDICT_MEMORY, VERDICT_DISK, VERDICT_MEMORY, VERDICT_PIDS,
		    VERDICT_MEMORY } },
		{ DIED_OF(SIGSEGV),
		  { VERDICT_SIGNAL, VERDICT_MEMORY, VERDICT_SIGNAL, VERDICT_MEMORY, VERDICT_SIGNAL, VERDICT_MEMORY, VERDICT_SIGNAL,
		    VERDICT_MEMORY } },
		{ DIED_OF(SIGKILL),
		  { VERDICT_SIGNAL, VERDICT_MEMORY, VERDICT_SIGNAL, VERDICT_MEMORY, VERDICT_SIGNAL, VERDICT_MEMORY, VERDICT_SIGNAL,
		    VERDICT_MEMORY } },
	};

	(void)state;
	array_for_each(cases, c) {
		for (int events = 0; events <= ALL; events++) {
			struct result result = decide(VERDICT_OK, c->status, true, events);

			if (result.verdict != c->want[events])
				fail_msg("status %#x, events %d: %s, not %s", (unsigned)c->status, events,
					 verdict_name(result.verdict), verdict_name(c->want[events]));
		}
	}
}

static void what_the_warden_stopped_it_for_counts_whatever_else_is_known(void **state)
{
	static const int statuses[] = { EXITED(0), EXITED(1), DIED_OF(SIGKILL) };

	(void)state;
	for (uint32_t reason = VERDICT_OK + 1; reason < VERDICT_COUNT; reason++) {
		array_for_each(statuses, status) {
			for (int events = 0; events <= ALL; events++) {
				assert_int_equal(decide(reason, *status, true, events).verdict, reason);
				assert_int_equal(decide(reason, *status, false, events).verdict, reason);
			}
		}
	}
}

static void a_run_whose_end_nobody_saw_is_our_fault_and_may_have_run(void **state)
{
	(void)state;
	for (int events = 0; events <= ALL; events++) {
		struct result result = decide(VERDICT_OK, EXITED(0), false, events);

		assert_int_equal(result.verdict, VERDICT_INTERNAL);
		assert_int_equal(result.may_have_run, 1);
		assert_int_equal(result.exit_code, -1);
		assert_int_equal(result.signal, 0);
	}
}

static void exit_code_and_signal_are_told_apart(void **state)
{
	static const struct {
		int status;
		bool has_status;
		int exit_code, signal;
	} cases[] = {
		{ EXITED(0), true, 0, 0 },
		{ EXITED(1), true, 1, 0 },
		{ EXITED(255), true, 255, 0 },
		{ DIED_OF(SIGSEGV), true, -1, SIGSEGV },
		{ DIED_OF(SIGABRT) | 0x80, true, -1, SIGABRT }, /* with a core */
		{ EXITED(3), false, -1, 0 },
		{ DIED_OF(SIGKILL), false, -1, 0 },
	};

	(void)state;
	array_for_each(cases, c) {
		struct result result = decide(VERDICT_OK, c->status, c->has_status, 0);

		assert_int_equal(result.exit_code, c->exit_code);
		assert_int_equal(result.signal, c->signal);
	}
	/* A stopped run keeps them: the user sees that a signal ended it. */
	assert_int_equal(decide(VERDICT_TIMEOUT, DIED_OF(SIGKILL), true, 0).signal, SIGKILL);
	assert_int_equal(decide(VERDICT_TIMEOUT, DIED_OF(SIGKILL), true, 0).may_have_run, 0);
}

static void a_run_that_was_stopped_died_of_it_even_when_nobody_saw(void **state)
{
	static const uint32_t killed[] = { VERDICT_TIMEOUT, VERDICT_CPU_TIMEOUT, VERDICT_OUTPUT };

	(void)state;
	array_for_each(killed, reason) {
		assert_int_equal(decide(*reason, 0, false, 0).signal, SIGKILL);
		assert_int_equal(decide(*reason, 0, false, 0).exit_code, -1);
		assert_int_equal(decide(*reason, EXITED(3), true, 0).signal, 0);
	}
	assert_int_equal(decide(VERDICT_REFUSED, 0, false, 0).signal, 0); /* it never ran */
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_first_cause_that_explains_a_failure_is_blamed),
	cmocka_unit_test(what_the_warden_stopped_it_for_counts_whatever_else_is_known),
	cmocka_unit_test(a_run_whose_end_nobody_saw_is_our_fault_and_may_have_run),
	cmocka_unit_test(exit_code_and_signal_are_told_apart),
	cmocka_unit_test(a_run_that_was_stopped_died_of_it_even_when_nobody_saw),
};

unit_main(tests)
