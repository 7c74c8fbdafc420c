/* SPDX-License-Identifier: Apache-2.0
 *
 * What one run may ask for, and what it is told.
 */
#include "service_fixture.h"
#include "wire/bundle.h"

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

/* --- files -------------------------------------------------------------------------------------------------------------------- */

static void what_a_run_brings_is_in_its_bundle(void **state)
{
	const struct run_file files[] = { { "d/a", "A", 1 }, { "b", "", 0 } };
	const char *const args[] = { "--x", "" }, *const env[] = { "A=1" }, *const outputs[] = { "*.png" };
	const struct run_request request = {
		.code = "code",
		.code_bytes = 4,
		.entrypoint = "main.py",
		.files = files,
		.files_count = ARRAY_SIZE(files),
		.in = "input",
		.in_bytes = 5,
		.args = args,
		.args_count = ARRAY_SIZE(args),
		.env = env,
		.env_count = 1,
		.outputs = outputs,
		.outputs_count = 1,
		.is_check = true,
		.events = &told_events,
	};
	static const struct {
		enum bundle_type type;
		const char *name, *bytes;
	} want[] = {
		{ BUNDLE_ENTRY, "main.py", NULL }, { BUNDLE_FILE, "main.py", "code" }, { BUNDLE_FILE, "d/a", "A" },
		{ BUNDLE_FILE, "b", "" },          { BUNDLE_ARG, "", "--x" },          { BUNDLE_ARG, "", "" },
		{ BUNDLE_ENV, "", "A=1" },         { BUNDLE_GLOB, "*.png", NULL },
	};
	struct fixture f;
	struct wire_job job;
	struct run *run;
	struct bundle bundle;
	struct bundle_record record;
	struct err err;
	int fds[2];
	size_t count;
	char in[8] = "";

	(void)state;
	open_fixture(&f, 1, 1000);

	struct far_cell cell = give_cell(&f);

	assert_int_equal(service_run(f.service, &request, on_done, &f, &run), 0);
	assert_int_equal(frame_recv(cell.control, &job, sizeof job, fds, 2, &count), sizeof job);
	assert_int_equal(wire_check_job(&job, fds, count, &err), 0);
	assert_int_equal(job.flags, WIRE_JOB_BUNDLE | WIRE_JOB_STDIN | WIRE_JOB_OUTPUTS | WIRE_JOB_CHECK | WIRE_JOB_TELL);
	assert_int_equal(pread(fds[1], in, sizeof in, 0), 5);
	assert_string_equal(in, "input");
	assert_int_equal(bundle_open(fds[0], &bundle), 0);
	array_for_each(want, w) {
		assert_int_equal(bundle_next(&bundle, &record), 1);
		assert_int_equal(record.type, w->type);
		assert_string_equal(record.name, w->name);
		if (w->bytes)
			assert_string_equal(record.bytes, w->bytes);
	}
	assert_int_equal(bundle_next(&bundle, &record), 0);
	bundle_close(&bundle);
	(void)fd_close(fds[0]);
	(void)fd_close(fds[1]);
	run_cancel(run);
	close_cell(&cell);
	close_fixture(&f);
}

static void a_request_that_no_cell_could_take_is_refused_with_a_sentence(void **state)
{
	static const struct run_file twice[] = { { "a", "", 0 }, { "a", "", 0 } }, up[] = { { "../a", "", 0 } },
				     own[] = { { "script.py", "", 0 } };
	static const char *const bad_env[] = { "1A=2" }, *const bad_glob[] = { "/etc/*" };
	static const struct {
		struct run_request request;
		int want;
	} cases[] = {
		{ { .code = "" }, 0 },
		{ { .files = own, .files_count = 1 }, 0 },
		{ { .files = up, .files_count = 1, .entrypoint = "../a" }, -EINVAL },
		{ { .code = "", .files = own, .files_count = 1 }, -EEXIST },
		{ { .code = "", .files = twice, .files_count = 2 }, -EEXIST },
		{ { .code = "", .files = up, .files_count = 1 }, -EINVAL },
		{ { .files = twice, .files_count = 1 }, -EINVAL }, /* no entrypoint */
		{ { .files = twice, .files_count = 1, .entrypoint = "a" }, 0 },
		{ { .code = "", .entrypoint = "a/" }, -EINVAL },
		{ { .code = "", .env = bad_env, .env_count = 1 }, -EINVAL },
		{ { .code = "", .outputs = bad_glob, .outputs_count = 1 }, -EINVAL },
		{ { .code = "", .args = bad_env, .args_count = BUNDLE_MAX_WORDS + 1 }, -E2BIG },
		{ { .code = "", .code_bytes = WIRE_MAX_FILE_BYTES + 1 }, -E2BIG },
		{ { .code = "", .in = "", .in_bytes = WIRE_MAX_STDIN_BYTES + 1 }, -E2BIG },
	};

	(void)state;
	array_for_each(cases, c) {
		struct err err = { 0 };
		int r = run_request_check(&c->request, &err);

		if (r != c->want)
			fail_msg("case %zu: got %d, want %d: %s", (size_t)(c - cases), r, c->want, err.text);
		assert_int_equal(r < 0, err.text[0] != '\0');
	}
}

static void send_files(const struct far_cell *cell, const struct bundle_record *records, size_t count)
{
	const struct wire_verdict frame = { .head = WIRE_HEAD(WIRE_VERDICT), .result.verdict = VERDICT_OK };
	struct bundle_writer writer = { .fd = -EBADF };
	int fd = -EBADF;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(bundle_add(&writer, &records[i]), 0);
	assert_int_equal(bundle_seal(&writer, &fd), 0);
	assert_int_equal(frame_send(cell->control, &frame, sizeof frame, &fd, 1), 0);
	(void)fd_close(fd);
}

static char returned[128];
static bool has_more;

static void on_returned(struct run_outcome *outcome, void *arg)
{
	returned[0] = '\0';
	for (size_t i = 0; i < outcome->files_count; i++) {
		const struct run_returned *file = &outcome->files[i];
		size_t used = strlen(returned);

		snprintf(returned + used, sizeof returned - used, "%s:%d:%s ", file->path, (int)file->size,
			 file->bytes ? file->bytes : "-");
	}
	has_more = outcome->are_files_truncated;
	on_done(outcome, arg);
}

static void files_come_back_with_the_verdict(void **state)
{
	static const struct bundle_record records[] = { { BUNDLE_FILE, "a", 1, "A", 1 },
							{ BUNDLE_LEFT_OUT, "b", 1, NULL, 99 },
							{ .type = BUNDLE_MORE },
							{ .type = BUNDLE_ARG, .bytes = "no file", .size = 7 } };
	static const struct {
		size_t first, count;
		bool is_asked;
		enum verdict want;
		const char *files;
		bool has_more;
	} cases[] = {
		{ 0, 0, true, VERDICT_OK, "", false },
		{ 0, 2, true, VERDICT_OK, "a:1:A b:99:- ", false },
		{ 0, 3, true, VERDICT_OK, "a:1:A b:99:- ", true },
		{ 2, 1, true, VERDICT_OK, "", true },
		{ 0, 4, true, VERDICT_INTERNAL, "", false },
		{ 0, 1, false, VERDICT_INTERNAL, "", false },
	};
	static const char *const outputs[] = { "*" };

	(void)state;
	array_for_each(cases, c) {
		const struct run_request request = { .code = "", .outputs = outputs, .outputs_count = c->is_asked };
		struct fixture f;
		struct run *run;

		open_fixture(&f, 1, 1000);

		struct far_cell cell = give_cell(&f);

		assert_int_equal(service_run(f.service, &request, on_returned, &f, &run), 0);
		send_files(&cell, records + c->first, c->count);
		close_streams(&cell);
		wait_done(&f, 1);
		assert_int_equal(f.last.result.verdict, c->want);
		assert_string_equal(returned, c->files);
		assert_int_equal(has_more, c->has_more);
		close_cell(&cell);
		close_fixture(&f);
	}
}

/* --- values and displays ------------------------------------------------------------------------------------------------------ */

static unsigned displays_told;
static char outcome_value[16];
static size_t outcome_displays;

static void see_display(const struct run_display *display, void *arg)
{
	(void)arg;
	assert_string_equal(display->forms[0].type, "image/png");
	displays_told++;
}

static void on_reported(struct run_outcome *outcome, void *arg)
{
	snprintf(outcome_value, sizeof outcome_value, "%s", outcome->value ? outcome->value : "");
	outcome_displays = outcome->displays_count;
	on_done(outcome, arg);
}

static int start_report(const struct far_cell *cell)
{
	const struct wire_started frame = { .head = WIRE_HEAD(WIRE_STARTED) };
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(frame_send(cell->control, &frame, sizeof frame, &ends[0], 1), 0);
	(void)fd_close(ends[0]);
	return ends[1];
}

static void values_and_displays_come_by_the_report_and_its_end_is_waited_for(void **state)
{
	static const struct run_events seeing = { .on_display = see_display };
	static const uint32_t display[] = { 0x54504552, REPORT_DISPLAY, 20, 0, 9, 3 },
			      value[] = { 0x54504552, REPORT_VALUE, 6, 0, 0 };
	const struct run_request request = { .code = "", .wants_value = true, .wants_displays = true, .events = &seeing };
	struct fixture f;
	struct run *run;

	(void)state;
	displays_told = 0;
	open_fixture(&f, 1, 1000);

	struct far_cell cell = give_cell(&f);

	assert_int_equal(service_run(f.service, &request, on_reported, &f, &run), 0);

	int report = start_report(&cell);

	assert_true(write(report, display, sizeof display) > 0 && write(report, "image/pngPNG", 12) == 12);
	turn(&f);
	turn(&f);
	assert_int_equal(displays_told, 1);
	send_verdict(&cell, VERDICT_OK);
	close_streams(&cell);
	turn(&f);
	assert_int_equal(f.done, 0);
	assert_true(write(report, value, sizeof value) > 0 && write(report, "42", 2) == 2);
	(void)fd_close(report);
	wait_done(&f, 1);
	assert_int_equal(f.last.result.verdict, VERDICT_OK);
	assert_string_equal(outcome_value, "42");
	assert_int_equal(outcome_displays, 1);
	close_cell(&cell);
	close_fixture(&f);
}

static void a_report_that_nobody_asked_for_is_a_fault_of_the_provider(void **state)
{
	struct fixture f;
	struct run_request request = { .code = "", .events = &told_events };
	struct run *run;

	(void)state;
	memset(&told, 0, sizeof told);
	open_fixture(&f, 1, 1000);

	struct far_cell cell = give_cell(&f);

	assert_int_equal(service_run(f.service, &request, on_done, &f, &run), 0);

	int report = start_report(&cell);

	wait_done(&f, 1);
	assert_int_equal(f.last.result.verdict, VERDICT_INTERNAL);
	(void)fd_close(report);
	close_cell(&cell);
	close_fixture(&f);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(output_is_told_as_it_comes_and_its_order_is_kept),
	cmocka_unit_test(what_is_past_the_limit_is_counted_and_not_told),
	cmocka_unit_test(the_order_of_very_many_pieces_is_given_up_and_none_is_lost),
	cmocka_unit_test(a_run_may_have_limits_of_its_own_within_the_table),
	cmocka_unit_test(a_run_gets_a_cell_of_the_place_that_it_asks_for_and_holds_up_no_other),
	cmocka_unit_test(the_queue_is_served_by_priority),
	cmocka_unit_test(a_run_that_cannot_start_in_its_time_ends_without_running),
	cmocka_unit_test(what_a_run_brings_is_in_its_bundle),
	cmocka_unit_test(a_request_that_no_cell_could_take_is_refused_with_a_sentence),
	cmocka_unit_test(files_come_back_with_the_verdict),
	cmocka_unit_test(values_and_displays_come_by_the_report_and_its_end_is_waited_for),
	cmocka_unit_test(a_report_that_nobody_asked_for_is_a_fault_of_the_provider),
};

unit_main(tests)
