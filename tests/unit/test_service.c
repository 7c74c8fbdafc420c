/* SPDX-License-Identifier: Apache-2.0 */
#include "service_fixture.h"

static void a_run_sends_its_job_and_collects_streams_and_verdict(void **state)
{
	struct fixture f;
	struct wire_job job;
	struct err err;
	int code_fd;
	size_t count = 0;
	char code[16] = "";

	(void)state;
	open_fixture(&f, 1, 1000);

	struct far_cell cell = give_cell(&f);

	assert_int_equal(f.ready, 1);
	start(&f, "print(1)");
	assert_true(wire_is(&job, frame_recv(cell.control, &job, sizeof job, &code_fd, 1, &count), WIRE_JOB, wire_job));
	assert_int_equal(wire_check_job(&job, &code_fd, count, &err), 0);
	assert_int_equal(job.flags, WIRE_JOB_READ_ONLY);
	assert_int_equal(pread(code_fd, code, sizeof code, 0), 8);
	assert_string_equal(code, "print(1)");
	(void)fd_close(code_fd);

	send_verdict(&cell, VERDICT_OK);
	turn(&f);
	assert_int_equal(f.done, 0); /* the streams are still open */
	assert_int_equal(write(cell.out, "late", 4), 4);
	assert_int_equal(write(cell.err, "too", 3), 3);
	close_streams(&cell);
	wait_done(&f, 1);
	assert_int_equal(f.last.end, RUN_ENDED);
	assert_int_equal(f.last.result.verdict, VERDICT_OK);
	assert_string_equal(f.out, "late");
	assert_string_equal(f.err, "too");
	close_cell(&cell);
	close_fixture(&f);
}

static const struct {
	size_t size;
	enum verdict sent, want;
	size_t kept;
	bool is_stopped;
} streams[] = {
	{ 0, VERDICT_OK, VERDICT_OK, 0, false },
	{ 8, VERDICT_OK, VERDICT_OK, 8, false },
	{ 9, VERDICT_OK, VERDICT_OUTPUT, 8, true },
	{ 9, VERDICT_ERROR, VERDICT_OUTPUT, 8, true },
	{ 60000, VERDICT_OUTPUT, VERDICT_OUTPUT, 8, true },
	{ 9, VERDICT_INTERNAL, VERDICT_INTERNAL, 8, true },
};

static void a_stream_past_its_limit_is_cut_and_the_run_stopped_once(void **state)
{
	static const char bytes[60000];

	(void)state;
	array_for_each(streams, s) {
		struct fixture f;
		struct wire_stop stop;
		struct wire_job job;
		int code_fd;
		size_t count = 0;

		open_fixture(&f, 1, 1000);

		struct far_cell cell = give_cell(&f);

		start(&f, "");
		assert_int_equal(frame_recv(cell.control, &job, sizeof job, &code_fd, 1, &count), sizeof job);
		(void)fd_close(code_fd);
		assert_int_equal(write(cell.err, bytes, s->size), s->size);
		turn(&f);
		turn(&f);
		assert_int_equal(fd_set_nonblock(cell.control, true), 0);

		ssize_t got = frame_recv(cell.control, &stop, sizeof stop, NULL, 0, &count);

		assert_int_equal(got > 0 && wire_is(&stop, got, WIRE_STOP, wire_stop), s->is_stopped);
		send_verdict(&cell, s->sent);
		close_streams(&cell);
		wait_done(&f, 1);
		assert_int_equal(f.last.result.verdict, s->want);
		assert_int_equal(f.last.err.size, s->kept);
		close_cell(&cell);
		close_fixture(&f);
	}
}

enum mishap { CLOSES, SENDS_JUNK, IS_SILENT, KEEPS_STREAMS };

static void a_provider_that_fails_in_a_run_is_internal_and_may_have_run(void **state)
{
	(void)state;
	for (enum mishap mishap = CLOSES; mishap <= KEEPS_STREAMS; mishap++) {
		struct fixture f;

		open_fixture(&f, 1, 1000);

		struct far_cell cell = give_cell(&f);

		start(&f, "");
		read_job(&cell);
		if (mishap == CLOSES)
			close_cell(&cell);
		if (mishap == SENDS_JUNK)
			assert_int_equal(frame_send(cell.control, "junk", 4, NULL, 0), 0);
		if (mishap == KEEPS_STREAMS)
			send_verdict(&cell, VERDICT_OK);
		wait_done(&f, 1);
		assert_int_equal(f.last.result.verdict, VERDICT_INTERNAL);
		assert_int_equal(f.last.result.may_have_run, 1);
		assert_int_equal(f.faults, 1);
		close_cell(&cell);
		close_fixture(&f);
	}
}

/* A provider retires a cell while a job is on its way to it: the job was not read, so that the run can have another. */
static void a_cell_closed_with_its_job_unread_is_passed_over(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, 1, 1000);

	struct far_cell retired = give_cell(&f), next = give_cell(&f);

	start(&f, "");
	close_cell(&retired);
	turn(&f);
	assert_int_equal(f.done, 0);
	read_job(&next);
	send_verdict(&next, VERDICT_OK);
	close_streams(&next);
	wait_done(&f, 1);
	assert_int_equal(f.last.result.verdict, VERDICT_OK);
	assert_int_equal(f.faults, 0);
	close_cell(&next);
	close_fixture(&f);
}

static void a_cell_that_died_is_passed_over(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, 1, 1000);

	struct far_cell dead = give_cell(&f), alive = give_cell(&f);

	close_cell(&dead); /* nobody has noticed yet */
	start(&f, "");
	assert_int_equal(service_look(f.service).running, 1);
	send_verdict(&alive, VERDICT_OK);
	close_streams(&alive);
	wait_done(&f, 1);
	assert_int_equal(f.last.result.verdict, VERDICT_OK);
	close_cell(&alive);
	close_fixture(&f);
}

static void runs_wait_in_order_and_no_more_than_the_maximum(void **state)
{
	struct fixture f;
	const struct run_request request = { .code = "", .code_bytes = 0 };
	struct run *run;

	(void)state;
	open_fixture(&f, 2, 1000);
	start(&f, "");
	start(&f, "");
	assert_int_equal(service_run(f.service, &request, on_done, &f, &run), -EBUSY);

	struct far_cell cell = give_cell(&f);

	assert_int_equal(service_look(f.service).waiting, 1);
	assert_int_equal(service_look(f.service).running, 1);
	service_stop(f.service);
	assert_int_equal(f.done, 1);
	assert_int_equal(f.last.end, RUN_STOPPED);
	assert_int_equal(service_run(f.service, &request, on_done, &f, &run), -ESHUTDOWN);
	close_cell(&cell);
	close_fixture(&f);
}

static void ask_as(struct fixture *f, uint64_t owner, const char *code, int priority)
{
	const struct run_request request = { .code = code, .code_bytes = 1, .owner = owner, .priority = priority };
	struct run *run;

	assert_int_equal(service_run(f->service, &request, on_done, f, &run), 0);
}

/* The program of the run that gets the next cell: its first letter. */
static char serve_next(struct fixture *f)
{
	struct far_cell cell = give_cell(f);
	struct wire_job job;
	size_t count = 0;
	char letter = '?';
	_cleanup_(fd_closep) int code = -EBADF;

	assert_true(frame_recv(cell.control, &job, sizeof job, &code, 1, &count) > 0);
	assert_int_equal(pread(code, &letter, 1, 0), 1);
	send_verdict(&cell, VERDICT_OK);
	close_streams(&cell);
	wait_done(f, f->done + 1);
	close_cell(&cell);
	return letter;
}

static void owners_take_turns_and_nobody_starves(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, 20, 1000);
	for (int i = 0; i < 4; i++)
		ask_as(&f, 1, "a", 0);
	ask_as(&f, 2, "b", 0);
	ask_as(&f, 3, "u", 1);
	assert_int_equal(serve_next(&f), 'u');
	assert_int_equal(serve_next(&f), 'a');
	assert_int_equal(serve_next(&f), 'b');
	for (int i = 0; i < 3; i++) { /* one that always has the next run ready does not go before those that wait longer */
		ask_as(&f, 2, "b", 0);
		assert_int_equal(serve_next(&f), 'a');
		assert_int_equal(serve_next(&f), 'b');
	}
	close_fixture(&f);
}

static void a_run_that_waits_too_long_ends_without_running(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, 1, 20);
	start(&f, "");
	wait_done(&f, 1);
	assert_int_equal(f.last.end, RUN_WAITED);
	assert_true(f.last.queue_time >= 15 * NSEC_PER_MSEC);
	close_fixture(&f);
}

static void a_lost_link_ends_who_waits_and_drops_its_cells(void **state)
{
	struct fixture f;
	const struct run_request request = { .code = "", .code_bytes = 0 };
	struct run *run;

	(void)state;
	open_fixture(&f, 1, 1000);

	struct far_cell cell = give_cell(&f);

	start(&f, ""); /* takes the cell */
	read_job(&cell);
	start(&f, ""); /* waits */
	f.link = fd_close(f.link);
	turn(&f);
	assert_int_equal(f.lost, 1);
	assert_int_equal(f.done, 1);
	assert_int_equal(f.last.end, RUN_NO_PROVIDER);
	assert_int_equal(service_run(f.service, &request, on_done, &f, &run), -ENOTCONN);
	close_cell(&cell);
	wait_done(&f, 2);
	assert_int_equal(f.last.result.verdict, VERDICT_INTERNAL);
	close_fixture(&f);
}

static void a_cancelled_run_closes_its_cell_and_calls_nobody(void **state)
{
	struct fixture f;
	struct wire_job job;
	int code_fd;
	size_t count = 0;

	(void)state;
	open_fixture(&f, 1, 1000);

	struct far_cell cell = give_cell(&f);
	struct run *runs[] = { start(&f, ""), start(&f, "") };

	run_cancel(runs[0]);
	run_cancel(runs[1]);
	assert_int_equal(frame_recv(cell.control, &job, sizeof job, &code_fd, 1, &count), sizeof job);
	(void)fd_close(code_fd);
	assert_int_equal(frame_recv(cell.control, &job, sizeof job, &code_fd, 1, &count), 0);
	turn(&f);
	assert_int_equal(f.done, 0);
	close_cell(&cell);
	close_fixture(&f);
}

static void more_cells_than_slots_lose_the_provider(void **state)
{
	struct fixture f;
	struct far_cell cells[5];

	(void)state;
	open_fixture(&f, 1, 1000);
	array_for_each(cells, cell)
		*cell = give_cell(&f);
	assert_int_equal(f.lost, 1);
	assert_int_equal(service_look(f.service).cells_ready, 0);
	array_for_each(cells, cell)
		close_cell(cell);
	close_fixture(&f);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_run_sends_its_job_and_collects_streams_and_verdict),
	cmocka_unit_test(a_stream_past_its_limit_is_cut_and_the_run_stopped_once),
	cmocka_unit_test(a_provider_that_fails_in_a_run_is_internal_and_may_have_run),
	cmocka_unit_test(a_cell_that_died_is_passed_over),
	cmocka_unit_test(a_cell_closed_with_its_job_unread_is_passed_over),
	cmocka_unit_test(runs_wait_in_order_and_no_more_than_the_maximum),
	cmocka_unit_test(owners_take_turns_and_nobody_starves),
	cmocka_unit_test(a_run_that_waits_too_long_ends_without_running),
	cmocka_unit_test(a_lost_link_ends_who_waits_and_drops_its_cells),
	cmocka_unit_test(a_cancelled_run_closes_its_cell_and_calls_nobody),
	cmocka_unit_test(more_cells_than_slots_lose_the_provider),
};

unit_main(tests)
