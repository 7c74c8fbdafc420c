/* SPDX-License-Identifier: Apache-2.0
 * What all providers share of a cell: its descriptors, its job, and the sockets upwards.
 */
#include "provider/job.h"
#include "provider/upstream.h"
#include "unit.h"

#include <event2/event.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
	struct ends ends;
	struct job job;
};

static int open_ends(void **state)
{
	static struct fixture fixture;

	fixture.job = JOB_NONE;
	*state = &fixture;
	return ends_open(&fixture.ends);
}

static int close_ends(void **state)
{
	struct fixture *fixture = *state;

	ends_close(&fixture->ends);
	return 0;
}

static void send_frame(int fd, const void *frame, size_t size, const int *fds, size_t count)
{
	assert_int_equal(frame_send(fd, frame, size, fds, count), 0);
}

#define FRONT_UID 4242

static enum job_word read_word(struct fixture *fixture, bool can_take)
{
	int fds[JOB_FDS];
	size_t count;
	enum job_word word = job_read(fixture->ends.control, FRONT_UID, can_take, &fixture->job, fds, &count);

	assert_int_equal(count, word == JOB_GIVEN ? 1 : 0);
	for (size_t i = 0; i < count; i++)
		(void)fd_close(fds[i]);
	return word;
}

/* As somebody to whom the front's end has leaked. */
static void send_as(uid_t user, int fd, const void *frame, size_t size, const int *fds, size_t count)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(setresuid(user, user, user) == 0 && frame_send(fd, frame, size, fds, count) == 0 ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void only_the_fronts_user_and_our_own_give_jobs(void **state)
{
	struct fixture *fixture = *state;
	const struct wire_job job = { .head = WIRE_HEAD(WIRE_JOB), .limits = limits_default() };
	const struct wire_stop stop = { .head = WIRE_HEAD(WIRE_STOP), .verdict = VERDICT_OUTPUT };
	int front = fixture->ends.front_control;
	_cleanup_(fd_closep) int code = fd_new_sealed("code", "1", 1);

	if (geteuid() != 0)
		skip();
	send_as(FRONT_UID + 1, front, &job, sizeof job, &code, 1);
	assert_int_equal(read_word(fixture, true), JOB_OTHER);
	send_as(FRONT_UID + 1, front, &stop, sizeof stop, NULL, 0);
	assert_int_equal(read_word(fixture, false), JOB_OTHER);
	send_as(FRONT_UID, front, &job, sizeof job, &code, 1);
	assert_int_equal(read_word(fixture, true), JOB_GIVEN);
	send_as(0, front, &stop, sizeof stop, NULL, 0);
	assert_int_equal(read_word(fixture, false), JOB_STOP);
}

static void a_front_says_a_job_a_stop_or_nothing_that_makes_sense(void **state)
{
	struct fixture *fixture = *state;
	const struct wire_job job = { .head = WIRE_HEAD(WIRE_JOB), .limits = limits_default() };
	const struct wire_stop stop = { .head = WIRE_HEAD(WIRE_STOP), .verdict = VERDICT_OUTPUT };
	const struct wire_stop other_stop = { .head = WIRE_HEAD(WIRE_STOP), .verdict = VERDICT_OK };
	int front = fixture->ends.front_control;
	_cleanup_(fd_closep) int code = fd_new_sealed("code", "1", 1);

	assert_int_equal(read_word(fixture, true), JOB_NOTHING);
	send_frame(front, &job, sizeof job, &code, 1);
	assert_int_equal(read_word(fixture, true), JOB_GIVEN);
	assert_true(fixture->job.is_given && fixture->job.given_at > 0);
	assert_int_equal(fixture->job.frame.limits.pids, job.limits.pids);
	send_frame(front, &stop, sizeof stop, NULL, 0);
	assert_int_equal(read_word(fixture, false), JOB_STOP);
	send_frame(front, &job, sizeof job, &code, 1); /* a second one */
	assert_int_equal(read_word(fixture, false), JOB_OTHER);
	send_frame(front, &other_stop, sizeof other_stop, NULL, 0);
	assert_int_equal(read_word(fixture, false), JOB_OTHER);
	send_frame(front, "x", 1, NULL, 0);
	assert_int_equal(read_word(fixture, false), JOB_OTHER);
	fixture->ends.front_control = fd_close(front);
	assert_int_equal(read_word(fixture, false), JOB_OTHER);
}

static void the_first_reason_to_stop_counts_and_none_after_the_end(void **state)
{
	struct job job = JOB_NONE;

	(void)state;
	job_stop(&job, VERDICT_TIMEOUT);
	job_stop(&job, VERDICT_OUTPUT);
	assert_int_equal(job.evidence.stopped_for, VERDICT_TIMEOUT);
	job = JOB_NONE;
	assert_int_equal(job_begin(&job, -EBADF, -EBADF), 0);
	job_end(&job, 0);
	job_stop(&job, VERDICT_TIMEOUT);
	assert_int_equal(job.evidence.stopped_for, VERDICT_OK);
	assert_true(job.started_at > 0 && job.ended_at >= job.started_at);
}

static void a_verdict_is_sent_once_with_what_was_measured(void **state)
{
	struct fixture *fixture = *state;
	struct wire_verdict verdict = { 0 };
	size_t count;

	fixture->job.is_given = true;
	fixture->job.given_at = clock_now();
	fixture->job.usage.pids_peak = 7;
	assert_int_equal(job_begin(&fixture->job, fixture->ends.control, -EBADF), 0);
	job_end(&fixture->job, W_EXITCODE(3, 0));
	for (int i = 0; i < 2; i++)
		job_answer(&fixture->job, fixture->ends.control);
	assert_int_equal(frame_recv(fixture->ends.front_control, &verdict, sizeof verdict, NULL, 0, &count), sizeof verdict);
	assert_int_equal(verdict.result.verdict, VERDICT_ERROR);
	assert_int_equal(verdict.result.exit_code, 3);
	assert_int_equal(verdict.result.usage.pids_peak, 7);
	assert_true(wire_check_verdict(&verdict) == 0);
	fixture->ends.control = fd_close(fixture->ends.control);
	assert_int_equal(frame_recv(fixture->ends.front_control, &verdict, sizeof verdict, NULL, 0, &count), 0);
}

static void a_failure_of_ours_says_whether_the_program_may_have_run(void **state)
{
	static const bool has_begun[] = { false, true };
	struct fixture *fixture = *state;

	array_for_each(has_begun, begun) {
		struct wire_verdict verdict = { 0 };
		size_t count;

		fixture->job = JOB_NONE;
		fixture->job.is_given = true;
		if (*begun)
			assert_int_equal(job_begin(&fixture->job, fixture->ends.control, -EBADF), 0);
		job_fail(&fixture->job, "it broke");
		job_answer(&fixture->job, fixture->ends.control);
		assert_true(frame_recv(fixture->ends.front_control, &verdict, sizeof verdict, NULL, 0, &count) > 0);
		assert_int_equal(verdict.result.verdict, VERDICT_INTERNAL);
		assert_int_equal(verdict.result.may_have_run, *begun);
		assert_string_equal(verdict.reason, "it broke");
	}
}

/* --- upwards ------------------------------------------------------------------------------------------------------------------ */

struct seen {
	unsigned fronts, ends;
	bool has_reason;
};

static void see_front(void *arg)
{
	((struct seen *)arg)->fronts++;
}

static void see_end(const char *why, void *arg)
{
	struct seen *seen = arg;

	seen->ends++;
	seen->has_reason = why != NULL;
}

static void a_provider_serves_the_front_that_its_supervisor_brings(void **state)
{
	static const struct upstream_events events = { .front_came = see_front, .ended = see_end };
	static const struct wire_front frame = { .head = WIRE_HEAD(WIRE_FRONT) };
	struct fixture *fixture = *state;
	const struct wire_cell cell = { .head = WIRE_HEAD(WIRE_CELL), .slots = 1, .provider = "p", .environment = "e" };
	const struct ids ids = { .base = 1 };
	struct event_base *loop = event_base_new();
	struct upstream upstream = UPSTREAM_NONE;
	struct seen seen = { 0 };
	struct wire_ready ready;
	struct wire_cell got;
	int supervisor[2], link[2], fds[3];
	size_t count;

	assert_int_equal(frame_new_pair(supervisor) | frame_new_pair(link), 0);
	assert_int_equal(upstream_open(&upstream, loop, supervisor[1], &events, &seen), 0);
	assert_int_equal(upstream_announce(&upstream, &ids), 0);
	assert_true(frame_recv(supervisor[0], &ready, sizeof ready, NULL, 0, &count) == sizeof ready && ready.front_uid > 1);
	assert_int_equal(upstream_offer(&upstream, &cell, &fixture->ends), 0); /* there is no front */
	assert_true(fixture->ends.front_control >= 0);

	send_frame(supervisor[0], &frame, sizeof frame, &link[1], 1);
	assert_int_equal(event_base_loop(loop, EVLOOP_ONCE), 0);
	assert_int_equal(seen.fronts, 1);
	for (int i = 0; i < 2; i++) /* it has the cell */
		assert_int_equal(upstream_offer(&upstream, &cell, &fixture->ends), 0);
	assert_int_equal(fixture->ends.front_control, -EBADF);
	assert_true(frame_recv(link[0], &got, sizeof got, fds, 3, &count) == sizeof got && count == 3);
	array_for_each(fds, fd)
		(void)fd_close(*fd);

	(void)fd_close(fd_take(&link[1]));
	(void)fd_close(fd_take(&link[0]));
	assert_int_equal(event_base_loop(loop, EVLOOP_ONCE), 0);
	assert_int_equal(upstream.front, -EBADF);
	send_frame(supervisor[0], "x", 1, NULL, 0);
	assert_int_equal(event_base_loop(loop, EVLOOP_ONCE), 0);
	assert_true(seen.ends == 1 && seen.has_reason);
	upstream_close(&upstream);
	event_base_free(loop);
	array_for_each(supervisor, fd)
		(void)fd_close(*fd);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(a_front_says_a_job_a_stop_or_nothing_that_makes_sense, open_ends, close_ends),
	cmocka_unit_test_setup_teardown(only_the_fronts_user_and_our_own_give_jobs, open_ends, close_ends),
	cmocka_unit_test(the_first_reason_to_stop_counts_and_none_after_the_end),
	cmocka_unit_test_setup_teardown(a_verdict_is_sent_once_with_what_was_measured, open_ends, close_ends),
	cmocka_unit_test_setup_teardown(a_failure_of_ours_says_whether_the_program_may_have_run, open_ends, close_ends),
	cmocka_unit_test_setup_teardown(a_provider_serves_the_front_that_its_supervisor_brings, open_ends, close_ends),
};

unit_main(tests)
