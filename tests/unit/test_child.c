/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/child.h"
#include "unit.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define EXITED(status) ((status) << 8) /* as waitpid(2) encodes them on Linux */
#define KILLED(signal) (signal)

static bool try_start(struct child *child, nsec_t now)
{
	bool may_start = child_may_start(child, now);

	if (may_start)
		child_note_start(child, now);
	return may_start;
}

static void five_restarts_are_granted_in_ten_seconds_and_more_when_they_are_spread(void **state)
{
	struct child child = { .program = "x" };
	nsec_t now = NSEC_PER_SEC;

	(void)state;
	for (int i = 0; i < CHILD_MAX_STARTS; i++)
		assert_true(try_start(&child, now + (nsec_t)i));
	assert_false(try_start(&child, now + CHILD_STARTS_WITHIN - 1));
	assert_true(try_start(&child, now + CHILD_STARTS_WITHIN));
	assert_true(try_start(&child, now + CHILD_STARTS_WITHIN + 1));
	assert_false(try_start(&child, now + CHILD_STARTS_WITHIN + 1));
	for (int i = 10; i < 100; i++)
		assert_true(try_start(&child, now + (nsec_t)i * CHILD_STARTS_WITHIN / (CHILD_MAX_STARTS - 1)));
}

static void an_exit_is_taken_by_the_child_it_belongs_to_and_looked_at_once(void **state)
{
	struct child child = { .program = "x", .pid = 1234, .kill_at = 5 };

	(void)state;
	assert_false(child_take_exit(&child, 1235, 0));
	assert_false(child_look(&child));
	assert_true(child_take_exit(&child, 1234, EXITED(3)));
	assert_int_equal(child.pid, 0);
	assert_int_equal(child.kill_at, 0);
	assert_true(child_look(&child));
	assert_false(child_look(&child));
	assert_false(child_take_exit(&child, 1234, 0));
}

static void an_exit_is_described_in_words(void **state)
{
	static const struct {
		int wait_status;
		const char *text;
		bool ended_well, gave_reason;
	} cases[] = {
		{ EXITED(0), "ended with status 0", true, false },
		{ EXITED(1), "ended with status 1", false, false },
		{ EXITED(2), "ended with status 2", false, true },
		{ EXITED(3), "ended with status 3", false, true },
		{ EXITED(255), "ended with status 255", false, false },
		{ KILLED(SIGSEGV), "was killed by signal 11 (SIGSEGV)", false, false },
		{ KILLED(SIGKILL), "was killed by signal 9 (SIGKILL)", false, false },
		{ KILLED(SIGTERM), "was killed by signal 15 (SIGTERM)", true, false },
		{ KILLED(64), "was killed by signal 64 (signal)", false, false },
	};

	(void)state;
	array_for_each(cases, c) {
		struct child child = { .program = "x", .pid = 1 };
		char text[CHILD_TEXT_BYTES];

		(void)child_take_exit(&child, 1, c->wait_status);
		assert_string_equal(child_describe(&child, text), c->text);
		assert_int_equal(child_ended_well(&child), c->ended_well);
		assert_int_equal(child_gave_reason(&child), c->gave_reason);
	}
}

static pid_t start_sleeper(void (*handler)(int))
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGTERM, handler);
		for (;;)
			(void)pause();
	}
	return pid;
}

static void asking_twice_gives_no_more_time(void **state)
{
	struct child child = { .program = "x", .pid = start_sleeper(SIG_DFL) };
	int wait_status;

	(void)state;
	assert_int_equal(child_check_time(&child, 1), 0);
	child_end(&child, SIGTERM, 100, 50);
	assert_true(child.was_asked);
	assert_int_equal(child_check_time(&child, 101), 150);
	child_end(&child, SIGTERM, 140, 50);
	assert_int_equal(child_check_time(&child, 149), 150);
	assert_int_equal(waitpid(child.pid, &wait_status, 0), child.pid);
	assert_true(child_take_exit(&child, child.pid, wait_status));
	assert_true(child_ended_well(&child));
	assert_int_equal(child_check_time(&child, 1000), 0);
	child_end(&child, SIGTERM, 1, 1); /* nobody is there: nothing happens */
	child_kill(&child);
}

static void who_does_not_end_in_time_is_killed(void **state)
{
	struct child child = { .program = "x", .pid = start_sleeper(SIG_IGN) };
	int wait_status;

	(void)state;
	child.kill_at = 150; /* as after child_end, without a race for the handler */
	assert_int_equal(child_check_time(&child, 149), 150);
	assert_int_equal(child_check_time(&child, 150), 150 + NSEC_PER_SEC);
	assert_int_equal(waitpid(child.pid, &wait_status, 0), child.pid);
	assert_true(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(five_restarts_are_granted_in_ten_seconds_and_more_when_they_are_spread),
	cmocka_unit_test(an_exit_is_taken_by_the_child_it_belongs_to_and_looked_at_once),
	cmocka_unit_test(an_exit_is_described_in_words),
	cmocka_unit_test(asking_twice_gives_no_more_time),
	cmocka_unit_test(who_does_not_end_in_time_is_killed),
};

unit_main(tests)
