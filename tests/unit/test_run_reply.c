/* SPDX-License-Identifier: Apache-2.0 */
#include "api/run_reply.h"
#include "unit.h"

#include <string.h>

/* 0 is the first row of the table that refuses a call. */
static const struct {
	struct result result;
	const char *out, *err;
	unsigned status;
	const char *want;
} cases[] = {
	{ { .verdict = VERDICT_OK }, "4\n", "a warning", 200, "{\"success\": true, \"output\": \"4\\n\"}" },
	{ { .verdict = VERDICT_ERROR, .exit_code = 7 },
	  "",
	  "",
	  200,
	  "{\"success\": false, \"error\": \"Exited with status 7.\", \"output\": \"\"}" },
	{ { .verdict = VERDICT_ERROR, .exit_code = 1 },
	  "o",
	  "e\n",
	  200,
	  "{\"success\": false, \"error\": \"e\\n\", \"output\": \"o\"}" },
	{ { .verdict = VERDICT_SIGNAL, .exit_code = -1, .signal = 9 },
	  "",
	  "e",
	  200,
	  "{\"success\": false, \"error\": \"e\\nKilled by signal 9 (SIGKILL).\", \"output\": \"\"}" },
	{ { .verdict = VERDICT_ERROR, .exit_code = 7, .refused.calls = { { 0, 2 } } },
	  "",
	  "",
	  200,
	  "{\"success\": false, \"error\": \"Exited with status 7. The sandbox refused inotify_init (2 times).\", \"output\": "
	  "\"\"}" },
	{ { .verdict = VERDICT_ERROR, .exit_code = 1, .refused.calls = { { 0, 1 } } },
	  "o",
	  "e",
	  200,
	  "{\"success\": false, \"error\": \"e\\nThe sandbox refused inotify_init (1 time).\", \"output\": \"o\"}" },
	{ { .verdict = VERDICT_SIGNAL, .exit_code = -1, .signal = 6, .refused.calls = { { 0, 1 } } },
	  "",
	  "",
	  200,
	  "{\"success\": false, \"error\": \"Killed by signal 6 (SIGABRT). The sandbox refused inotify_init (1 time).\", "
	  "\"output\": \"\"}" },
	/* What they did not end for is not said; what went well needs no words. */
	{ { .verdict = VERDICT_OK, .refused.calls = { { 0, 1 } } }, "", "", 200, "{\"success\": true, \"output\": \"\"}" },
	{ { .verdict = VERDICT_PIDS, .refused.calls = { { 0, 1 } } },
	  "",
	  "",
	  200,
	  "{\"success\": false, \"error\": \"Process limit of 64 reached.\", \"output\": \"\"}" },
	{ { .verdict = VERDICT_TIMEOUT },
	  "",
	  "e\n",
	  200,
	  "{\"success\": false, \"error\": \"e\\nExecution timed out after 10 seconds.\", \"output\": \"\"}" },
	{ { .verdict = VERDICT_PIDS }, "", "e", 200, "{\"success\": false, \"error\": \"e\", \"output\": \"\"}" },
	{ { .verdict = VERDICT_DISK },
	  "",
	  "",
	  200,
	  "{\"success\": false, \"error\": \"Disk limit of 16 MiB reached.\", \"output\": \"\"}" },
	{ { .verdict = VERDICT_REFUSED },
	  "o",
	  "e",
	  500,
	  "{\"success\": false, \"error\": \"The server refused to run its own job; nothing ran.\"}" },
	{ { .verdict = VERDICT_INTERNAL },
	  "o",
	  "e",
	  500,
	  "{\"success\": false, \"error\": \"The server failed; the program did not run.\"}" },
	{ { .verdict = VERDICT_INTERNAL, .may_have_run = 1 },
	  "",
	  "",
	  500,
	  "{\"success\": false, \"error\": \"The server failed; the program may have run in part or whole.\"}" },
};

static void check(struct run_outcome *outcome, unsigned status, const char *want)
{
	const struct limits limits = limits_default();
	struct reply *reply = reply_new();
	char text[512] = "";

	assert_non_null(reply);
	assert_int_equal(run_reply_write(reply, outcome, &limits), status);
	assert_int_equal(json_out_read(&reply->json, text, sizeof text), strlen(want));
	assert_string_equal(text, want);
	reply_free(reply);
	buf_free(&outcome->out);
	buf_free(&outcome->err);
}

static void each_verdict_has_its_answer(void **state)
{
	(void)state;
	array_for_each(cases, c) {
		struct run_outcome outcome = { .end = RUN_ENDED, .result = c->result, .out = buf_new(100), .err = buf_new(100) };

		assert_int_equal(buf_append_text(&outcome.out, c->out), 0);
		assert_int_equal(buf_append_text(&outcome.err, c->err), 0);
		check(&outcome, c->status, c->want);
	}
}

static void what_never_ran_is_a_503(void **state)
{
	(void)state;
	for (enum run_end end = RUN_WAITED; end <= RUN_STOPPED; end++) {
		struct run_outcome outcome = { .end = end, .out = buf_new(1), .err = buf_new(1) };
		const struct limits limits = limits_default();
		struct reply *reply = reply_new();
		char text[512] = "";

		assert_int_equal(run_reply_write(reply, &outcome, &limits), 503);
		(void)json_out_read(&reply->json, text, sizeof text - 1);
		assert_non_null(strstr(text, "Nothing ran"));
		reply_free(reply);
	}
}

static const struct {
	uint32_t verdict;
	struct limits limits;
	const char *want;
} sentences[] = {
	{ VERDICT_TIMEOUT, { .wall_ms = 1000 }, "Execution timed out after 1 second." },
	{ VERDICT_TIMEOUT, { .wall_ms = 1500 }, "Execution timed out after 1.5 seconds." },
	{ VERDICT_TIMEOUT, { .wall_ms = 10 }, "Execution timed out after 0.01 seconds." },
	{ VERDICT_TIMEOUT, { .wall_ms = 600000 }, "Execution timed out after 600 seconds." },
	{ VERDICT_CPU_TIMEOUT, { .cpu_ms = 2000 }, "CPU time limit of 2 seconds exceeded." },
	{ VERDICT_MEMORY, { .memory_bytes = 128 * MIB }, "Memory limit of 128 MB exceeded." },
	{ VERDICT_MEMORY, { .memory_bytes = 128 * MIB + KIB }, "Memory limit of 131073 KiB exceeded." },
	{ VERDICT_OUTPUT, { .output_bytes = 1 * MIB }, "Output limit of 1 MiB exceeded." },
	{ VERDICT_OUTPUT, { .output_bytes = 1000 }, "Output limit of 1000 bytes exceeded." },
	{ VERDICT_PIDS, { .pids = 64 }, "Process limit of 64 reached." },
	{ VERDICT_DISK, { .disk_bytes = 64 * KIB }, "Disk limit of 64 KiB reached." },
	{ VERDICT_OK, { 0 }, "" },
};

static void sentences_name_the_limit_that_held(void **state)
{
	(void)state;
	array_for_each(sentences, s) {
		const struct result result = { .verdict = s->verdict };
		char text[128];

		run_reply_sentence(&result, &s->limits, text, sizeof text);
		assert_string_equal(text, s->want);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(each_verdict_has_its_answer),
	cmocka_unit_test(what_never_ran_is_a_503),
	cmocka_unit_test(sentences_name_the_limit_that_held),
};

unit_main(tests)
