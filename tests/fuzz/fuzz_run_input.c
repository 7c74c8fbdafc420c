/* SPDX-License-Identifier: Apache-2.0
 * The body of POST /v1/runs: whatever comes, it is a request within its limits or a problem with a sentence.
 */
#include "api/run_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_request(const struct run_input *input)
{
	const struct run_request *request = &input->request;
	size_t sum = 0;

	check(limits_check(&input->limits, NULL) == 0);
	check(request->code || request->files_count > 0);
	for (size_t i = 0; i < request->files_count; i++) {
		check(request->files[i].path[0] != '/' && request->files[i].path[0] != '\0');
		for (size_t at = 0; at < request->files[i].size; at++)
			sum += (unsigned char)request->files[i].bytes[at]; /* the sanitizer looks whether they are there */
	}
	for (size_t i = 0; i < request->env_count; i++)
		check(strchr(request->env[i], '=') > request->env[i]);
	check(sum + 1 > 0 && input->cases_count <= RUN_INPUT_CASES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const struct environment_limits environments[] = { { "base", limits_default() }, { "science", limits_default() } };
	const struct limits most = limits_ceiling();
	const struct run_input_rules rules = { .kind = size % 4 == 0 ? RUN_INPUT_CHECK : RUN_INPUT_RUN,
					       .environments = environments,
					       .environments_count = 2,
					       .most = &most };
	struct run_input input;
	struct problem problem = { 0 };
	struct json_out json = { 0 };
	int r = run_input_parse((const char *)bytes, size, &rules, &input, &problem);

	check(r == 0 || r == -EINVAL);
	if (r == 0) {
		check_request(&input);
	} else {
		check(problem.kind < PROBLEM_COUNT && problem.detail[0] != '\0');
		json_out_open(&json, '{');
		problem_write(&problem, "req", &json);
		json_out_close(&json, '}');

		size_t text_size = json_out_size(&json);
		char *text = malloc(text_size + 1);

		check(text && json_out_read(&json, text, text_size) == text_size);
		text[text_size] = '\0';

		json_t *value = json_loads(text, JSON_ALLOW_NUL, NULL);

		check(value != NULL);
		json_decref(value);
		free(text);
		json_out_free(&json);
	}
	run_input_free(&input);
	return 0;
}
