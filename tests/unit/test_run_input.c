/* SPDX-License-Identifier: Apache-2.0 */
#include "api/run_input.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct environment_limits environments[2];
static struct limits most;
static const char *const also[] = { "callback_url", NULL };

static struct run_input_rules make_rules(enum run_input_kind kind)
{
	environments[0] = (struct environment_limits){ "base", limits_default() };
	environments[1] = (struct environment_limits){ "science", limits_default() };
	environments[1].limits.memory_bytes = 512 * MIB;
	most = limits_ceiling();
	return (struct run_input_rules){ .kind = kind,
					 .environments = environments,
					 .environments_count = ARRAY_SIZE(environments),
					 .most = &most,
					 .also = also };
}

static int parse(const char *text, enum run_input_kind kind, struct run_input *input, struct problem *problem)
{
	const struct run_input_rules rules = make_rules(kind);

	*problem = (struct problem){ 0 };
	return run_input_parse(text, strlen(text), &rules, input, problem);
}

static void everything_that_is_said_is_in_the_request(void **state)
{
	static const char text[] =
		"{\"limits\": {\"wall_ms\": 20, \"cpus\": 1.5}, \"environment\": \"science\", \"code\": \"x\", \"entrypoint\": "
		"\"m.py\","
		" \"files\": [{\"path\": \"a\", \"content\": \"AAE=\", \"encoding\": \"base64\"}, {\"path\": \"b/c\", \"content\": "
		"\"t\\u0000\"}],"
		" \"args\": [\"1\", \"\"], \"env\": {\"A\": \"b=c\"}, \"stdin\": \"\", \"outputs\": [\"*.png\"], \"provider\": "
		"\"native\","
		" \"read_only\": true, \"last_value\": true, \"displays\": false, \"priority\": 9, \"deadline_ms\": 7}";
	struct run_input input;
	struct problem problem;
	const struct run_request *request = &input.request;

	(void)state;
	assert_int_equal(parse(text, RUN_INPUT_RUN, &input, &problem), 0);
	assert_string_equal(request->code, "x");
	assert_int_equal(request->code_bytes, 1);
	assert_string_equal(request->entrypoint, "m.py");
	assert_int_equal(request->files_count, 2);
	assert_string_equal(request->files[0].path, "a");
	assert_int_equal(request->files[0].size, 2);
	assert_memory_equal(request->files[0].bytes, "\0\x01", 2);
	assert_int_equal(request->files[1].size, 2);
	assert_memory_equal(request->files[1].bytes, "t\0", 2);
	assert_int_equal(request->args_count, 2);
	assert_string_equal(request->args[1], "");
	assert_int_equal(request->env_count, 1);
	assert_string_equal(request->env[0], "A=b=c");
	assert_non_null(request->in);
	assert_int_equal(request->in_bytes, 0);
	assert_string_equal(request->outputs[0], "*.png");
	assert_string_equal(request->environment, "science");
	assert_string_equal(request->provider, "native");
	assert_true(request->is_read_only && request->wants_value && !request->wants_displays && !request->is_check);
	assert_int_equal(request->priority, 9);
	assert_int_equal(input.deadline_ms, 7);
	assert_false(input.may_drop_displays);
	assert_ptr_equal(request->limits, &input.limits);
	assert_int_equal(input.limits.wall_ms, 20);
	assert_int_equal(input.limits.cpu_millis, 1500);
	assert_int_equal(input.limits.memory_bytes, 512 * MIB); /* the environment's own, wherever its name stands */
	run_input_free(&input);
}

static void what_is_not_said_has_its_default(void **state)
{
	struct run_input input;
	struct problem problem;
	struct limits usual = limits_default();

	(void)state;
	assert_int_equal(parse("{\"code\": \"\", \"callback_url\": 7}", RUN_INPUT_RUN, &input, &problem), 0);
	assert_memory_equal(&input.limits, &usual, sizeof usual);
	assert_null(input.request.in);
	assert_null(input.request.entrypoint);
	assert_string_equal(input.request.environment, "base");
	assert_true(input.request.wants_displays && input.may_drop_displays);
	run_input_free(&input);
}

static const struct {
	const char *text;
	enum run_input_kind kind;
	enum problem_kind problem;
	const char *field;
} refusals[] = {
	{ "", RUN_INPUT_RUN, PROBLEM_BAD_JSON, "" },
	{ "{", RUN_INPUT_RUN, PROBLEM_BAD_JSON, "" },
	{ "[[[[[[[[[1]]]]]]]]]", RUN_INPUT_RUN, PROBLEM_BAD_JSON, "" },
	{ "[]", RUN_INPUT_RUN, PROBLEM_INVALID_FIELD, "" },
	{ "{}", RUN_INPUT_RUN, PROBLEM_INVALID_FIELD, "code" },
	{ "{\"code\": \"\", \"callback\": 1}", RUN_INPUT_RUN, PROBLEM_UNKNOWN_FIELD, "callback" },
	{ "{\"code\": \"\", \"a\\\"\\n\": 1}", RUN_INPUT_RUN, PROBLEM_UNKNOWN_FIELD, "a\\u0022\\u000a" },
	{ "{\"code\": \"\", \"stdin\": \"\"}", RUN_INPUT_CHECK, PROBLEM_UNKNOWN_FIELD, "stdin" },
	{ "{\"code\": \"\", \"environment\": \"other\"}", RUN_INPUT_RUN, PROBLEM_UNKNOWN_ENVIRONMENT, "environment" },
	{ "{\"code\": \"\", \"limits\": {\"wall_ms\": 9}}", RUN_INPUT_RUN, PROBLEM_LIMIT_OUT_OF_RANGE, "limits.wall_ms" },
	{ "{\"code\": \"\", \"limits\": {\"wall_ms\": 10.0}}", RUN_INPUT_RUN, PROBLEM_INVALID_FIELD, "limits.wall_ms" },
	{ "{\"code\": \"\", \"limits\": {\"wall_ms\": 99999999999999999999}}", RUN_INPUT_RUN, PROBLEM_BAD_JSON, "" },
	{ "{\"code\": \"\", \"limits\": {\"code_chars\": 9}}", RUN_INPUT_RUN, PROBLEM_UNKNOWN_FIELD, "limits.code_chars" },
	{ "{\"code\": \"\", \"files\": [{}, 1]}", RUN_INPUT_RUN, PROBLEM_INVALID_FIELD, "files[0]" },
};

static void what_cannot_be_used_is_named(void **state)
{
	(void)state;
	array_for_each(refusals, c) {
		struct run_input input;
		struct problem problem;
		int r = parse(c->text, c->kind, &input, &problem);

		if (r != -EINVAL || problem.kind != c->problem || strcmp(problem.field, c->field) != 0 || problem.detail[0] == '\0')
			fail_msg("%s: %d, %s at \"%s\": %s", c->text, r, problem_rows[problem.kind].code, problem.field,
				 problem.detail);
		run_input_free(&input);
	}
}

/* Each limit by its own name, at its ends and one beyond. */
static void each_limit_is_bounded_by_the_callers_maximum(void **state)
{
	(void)state;
	for (size_t i = 0; i < limit_rows_count; i++) {
		const struct limit_row *row = &limit_rows[i];
		const struct {
			uint64_t value;
			int want;
		} cases[] = { { row->min, 0 }, { row->ceiling, 0 }, { row->min - 1, -EINVAL }, { row->ceiling + 1, -EINVAL } };

		if (strcmp(row->name, "code_chars") == 0 || strcmp(row->name, "cpu_millis") == 0)
			continue;
		array_for_each(cases, c) {
			struct run_input input;
			struct problem problem;
			char text[128];

			(void)snprintf(text, sizeof text, "{\"code\": \"\", \"limits\": {\"%s\": %ju}}", row->name,
				       (uintmax_t)c->value);

			int r = parse(text, RUN_INPUT_RUN, &input, &problem);
			uint64_t got;

			memcpy(&got, (const char *)&input.limits + row->offset, sizeof got);
			if (r != c->want || (r == 0 && got != c->value))
				fail_msg("%s: %d, %s", text, r, problem.detail);
			run_input_free(&input);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(everything_that_is_said_is_in_the_request),
	cmocka_unit_test(what_is_not_said_has_its_default),
	cmocka_unit_test(what_cannot_be_used_is_named),
	cmocka_unit_test(each_limit_is_bounded_by_the_callers_maximum),
};

unit_main(tests)
