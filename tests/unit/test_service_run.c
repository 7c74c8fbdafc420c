/* SPDX-License-Identifier: Apache-2.0
 *
 * What one run may ask for, and what it is told; its files, value and displays are in test_service_files.c.
 */
#include "service_fixture.h"

/* --- what it is told ------------------------------------------------------------------------------------------------------- */

static struct {
	unsigned starts;
	char text[64]; /* "o:..." and "e:..." a piece */
} told;

static void see_start(void *arg)
{
	(void)arg;
	told.starts++;
}

static void see_output(enum run_stream stream, const char *bytes, size_t size, void *arg)
{
	size_t used = strlen(told.text);

	(void)arg;
	assert_int_equal(told.starts, 1);
	snprintf(told.text + used, sizeof told.text - used, "%c:%.*s ", stream == RUN_STDOUT ? 'o' : 'e', (int)size, bytes);
}

static const struct run_events told_events = { .on_started = see_start, .on_output = see_output };

static void output_is_told_as_it_comes_and_its_order_is_kept(void **state)
{
	static const struct {
		bool is_err;
		const char *text;
	} pieces[] = { { false, "a" }, { false, "b" }, { true, "c" }, { false, "d" }, { true, "ef" } };
	struct fixture f;
	struct run_request request = { .code = "", .events = &told_events };
	struct run *run;

	(void)state;
	memset(&told, 0, sizeof told);
	open_fixture(&f, 1, 1000);

	struct far_cell cell = give_cell(&f);

	assert_int_equal(service_run(f.service, &request, on_done, &f, &run), 0);
	read_job(&cell);
	turn(&f);
	assert_int_equal(told.starts, 0);
	send_started(&cell);
	turn(&f);
	assert_int_equal(told.starts, 1);
	array_for_each(pieces, piece) {
		assert_int_equal(write(piece->is_err ? cell.err : cell.out, piece->text, strlen(piece->text)), strlen(piece->text));
		turn(&f);
	}
	assert_string_equal(told.text, "o:a o:b e:c o:d e:ef ");
	send_verdict(&cell, VERDICT_OK);
	close_streams(&cell);
	wait_done(&f, 1);
	assert_int_equal(f.segments_count, 4);
	assert_int_equal(f.segments[0].size, 2);
	assert_int_equal(f.segments[1].stream, RUN_STDERR);
	assert_int_equal(f.segments[3].size, 2);
	assert_int_equal(f.last.output_bytes, 6);
	assert_false(f.last.is_out_truncated || f.last.is_err_truncated);
	assert_int_equal(told.starts, 1);
	close_cell(&cell);
	close_fixture(&f);
}

static void what_is_past_the_limit_is_counted_and_not_told(void **state)
{
	struct fixture f;
	struct run_request request = { .code = "", .events = &told_events };
	struct run *run;

	(void)state;
	memset(&told, 0, sizeof told);
	open_fixture(&f, 1, 1000);

	struct far_cell cell = give_cell(&f);

	assert_int_equal(service_run(f.service, &request, on_done, &f, &run), 0);
	assert_int_equal(write(cell.out, "0123456789", 10), 10);
	assert_int_equal(write(cell.err, "01234567", 8), 8);
	turn(&f);
	turn(&f);
	send_verdict(&cell, VERDICT_OUTPUT);
	close_streams(&cell);
	wait_done(&f, 1);
	assert_string_equal(told.text, "o:01234567 e:01234567 ");
	assert_true(f.last.is_out_truncated);
	assert_false(f.last.is_err_truncated);
	assert_int_equal(f.last.output_bytes, 18);
	close_cell(&cell);
	close_fixture(&f);
}

/* Two streams that take turns with every byte. */
static void the_order_of_very_many_pieces_is_given_up_and_none_is_lost(void **state)
{
	const unsigned pieces = 70000;
	struct fixture f;
	struct limits limits = limits_default();
	struct run_request request = { .code = "", .limits = &limits };
	struct run *run;

	(void)state;
	limits.wall_ms = 60000;
	open_fixture(&f, 1, 1000);

	struct far_cell cell = give_cell(&f);

	assert_int_equal(service_run(f.service, &request, on_done, &f, &run), 0);
	for (unsigned i = 0; i < pieces; i++) {
		assert_int_equal(write(i % 2 ? cell.err : cell.out, "x", 1), 1);
		turn(&f);
	}
	send_verdict(&cell, VERDICT_OK);
	close_streams(&cell);
	wait_done(&f, 1);
	assert_int_equal(f.segments_count, 65536);
	assert_int_equal(f.last.output_bytes, pieces);
	close_cell(&cell);
	close_fixture(&f);
}

/* --- what it may ask for ------------------------------------------------------------------------------------------------------ */

static void a_run_may_have_limits_of_its_own_within_the_table(void **state)
{
	static const struct {
		uint64_t wall_ms;
		int want;
	} cases[] = { { 9, -ERANGE }, { 10, 0 }, { 600000, 0 }, { 600001, -ERANGE }, { 0, -ERANGE } };

	(void)state;
	array_for_each(cases, c) {
		struct fixture f;
		struct limits limits = limits_default();
		struct run_request request = { .code = "", .limits = &limits };
		struct wire_job job;
		struct run *run;
		int code_fd;
		size_t count;

		limits.wall_ms = c->wall_ms;
		open_fixture(&f, 1, 1000);

		struct far_cell cell = give_cell(&f);

		assert_int_equal(service_run(f.service, &request, on_done, &f, &run), c->want);
		if (c->want == 0) {
			assert_int_equal(frame_recv(cell.control, &job, sizeof job, &code_fd, 1, &count), sizeof job);
			assert_int_equal(job.limits.wall_ms, c->wall_ms);
			(void)fd_close(code_fd);
			run_cancel(run);
		}
		close_cell(&cell);
		close_fixture(&f);
	}
}

static void a_run_gets_a_cell_of_the_place_that_it_asks_for_and_holds_up_no_other(void **state)
{
	static const struct {
		const char *provider, *environment;
		int want;
	} cases[] = {
		{ NULL, NULL, 0 },          { "test", NULL, 0 },   { NULL, "science", 0 },
		{ "test", "science", 0 },   { "test", "base", 0 }, { "docker", NULL, -ENOENT },
		{ NULL, "other", -ENOENT }, { "", "", 0 },         { "test", "a-name-that-is-longer-than-the-room", -ENOENT },
		{ "tes", "base", -ENOENT },
	};

	(void)state;
	array_for_each(cases, c) {
		struct fixture f;
		struct run_request request = { .code = "", .provider = c->provider, .environment = c->environment };
		struct run *run, *any;

		open_fixture(&f, 2, 1000);

		struct far_cell science = give_cell_of(&f, "science"), base = give_cell_of(&f, "base"); /* the newest is taken */

		assert_int_equal(service_run(f.service, &request, on_done, &f, &run), c->want);
		if (c->want == 0) {
			struct far_cell *mine = c->environment && strcmp(c->environment, "science") == 0 ? &science : &base;

			read_job(mine);
			request = (struct run_request){ .code = "", .environment = mine == &base ? "base" : "science" };
			assert_int_equal(service_run(f.service, &request, on_done, &f, &run), 0); /* waits for another of these */
			request.environment = NULL;
			assert_int_equal(service_run(f.service, &request, on_done, &f, &any), 0);
			read_job(mine == &base ? &science : &base);
			assert_int_equal(service_look(f.service).waiting, 1);
		}
		close_cell(&base);
		close_cell(&science);
		close_fixture(&f);
	}
}

static void the_queue_is_served_by_priority(void **state)
{
	static const int priorities[] = { 0, -1, 5, 0, 5 };
	static const char *const want[] = { "2", "4", "0", "3", "1" };
	struct fixture f;

	(void)state;
	open_fixture(&f, ARRAY_SIZE(priorities), 1000);
	for (size_t i = 0; i < ARRAY_SIZE(priorities); i++) {
		char code[2] = { (char)('0' + i) };
		struct run_request request = { .code = code, .code_bytes = 1, .priority = priorities[i] };
		struct run *run;

		assert_int_equal(service_run(f.service, &request, on_done, &f, &run), 0);
	}
	array_for_each(want, text) {
		struct far_cell cell = give_cell(&f);
		struct wire_job job;
		char code[2] = "";
		int code_fd;
		size_t count;

		assert_int_equal(frame_recv(cell.control, &job, sizeof job, &code_fd, 1, &count), sizeof job);
		assert_int_equal(pread(code_fd, code, 1, 0), 1);
		assert_string_equal(code, *text);
		(void)fd_close(code_fd);
		send_verdict(&cell, VERDICT_OK);
		close_cell(&cell);
	}
	wait_done(&f, ARRAY_SIZE(want));
	close_fixture(&f);
}

static void a_run_that_cannot_start_in_its_time_ends_without_running(void **state)
{
	static const nsec_t in[] = { 0, 20 * NSEC_PER_MSEC };

	(void)state;
	array_for_each(in, time) {
		struct fixture f;
		nsec_t begin = clock_now();
		struct run_request request = { .code = "", .start_by = begin + *time };
		struct run *run;

		open_fixture(&f, 1, 60000);
		assert_int_equal(service_run(f.service, &request, on_done, &f, &run), 0);
		wait_done(&f, 1);
		assert_int_equal(f.last.end, RUN_WAITED);
		assert_true(clock_now() - begin + NSEC_PER_MSEC >= *time);
		close_fixture(&f);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(output_is_told_as_it_comes_and_its_order_is_kept),
	cmocka_unit_test(what_is_past_the_limit_is_counted_and_not_told),
	cmocka_unit_test(the_order_of_very_many_pieces_is_given_up_and_none_is_lost),
	cmocka_unit_test(a_run_may_have_limits_of_its_own_within_the_table),
	cmocka_unit_test(a_run_gets_a_cell_of_the_place_that_it_asks_for_and_holds_up_no_other),
	cmocka_unit_test(the_queue_is_served_by_priority),
	cmocka_unit_test(a_run_that_cannot_start_in_its_time_ends_without_running),
};

unit_main(tests)
