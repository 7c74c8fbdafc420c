/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run brings into its cell, and what comes back besides its streams.
 */
#include "service_fixture.h"
#include "wire/bundle.h"

static void ignore_start(void *arg)
{
	(void)arg;
}

static const struct run_events no_matter = { .on_started = ignore_start };

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
		.events = &no_matter,
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
	struct run_request request = { .code = "", .events = &no_matter };
	struct run *run;

	(void)state;
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
	cmocka_unit_test(what_a_run_brings_is_in_its_bundle),
	cmocka_unit_test(a_request_that_no_cell_could_take_is_refused_with_a_sentence),
	cmocka_unit_test(files_come_back_with_the_verdict),
	cmocka_unit_test(values_and_displays_come_by_the_report_and_its_end_is_waited_for),
	cmocka_unit_test(a_report_that_nobody_asked_for_is_a_fault_of_the_provider),
};

unit_main(tests)
