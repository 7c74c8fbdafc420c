/* SPDX-License-Identifier: Apache-2.0 */
#include "api/run_request.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *body, *code;
	bool is_read_only;
} good[] = {
	{ "{\"code\": \"print(1)\"}", "print(1)", false },
	{ " {\"read_only\":true,\"code\":\"\"}\n", "", true },
	{ "{\"code\": \"\\u00e9\\ud83d\\ude00\", \"read_only\": false}", "\xc3\xa9\xf0\x9f\x98\x80", false },
	{ "{\"\\u0063ode\": \"[[[[[[[[[[{{{{{{{{{\"}", "[[[[[[[[[[{{{{{{{{{", false },
};

static int parse(const char *body, size_t size, uint64_t chars_max, struct run_params *params, struct err *err)
{
	static struct environment_limits environments[] = { { .name = "base" }, { .name = "science" } };

	environments[0].limits.code_chars = chars_max;
	environments[1].limits.code_chars = 2;
	return run_request_parse(body, size, environments, ARRAY_SIZE(environments), params, err);
}

static void a_good_body_is_taken(void **state)
{
	(void)state;
	array_for_each(good, c) {
		struct run_params params;
		struct err err;

		assert_int_equal(parse(c->body, strlen(c->body), 10000, &params, &err), 0);
		assert_string_equal(params.code, c->code);
		assert_int_equal(params.code_bytes, strlen(c->code));
		assert_int_equal(params.is_read_only, c->is_read_only);
		run_params_free(&params);
	}
}

static const struct {
	const char *body, *want; /* what the sentence holds */
} bad[] = {
	{ "", "The body is empty" },
	{ " ", "not valid JSON" },
	{ "{}", "The key \"code\" is missing" },
	{ "{\"read_only\": true}", "The key \"code\" is missing" },
	{ "{\"code\": 1}", "\"code\" is not a string" },
	{ "{\"code\": [\"x\"]}", "\"code\" is not a string" },
	{ "null", "not a JSON object" },
	{ "[{\"code\": \"x\"}]", "not a JSON object" },
	{ "{\"code\": \"x\"", "not valid JSON" },
	{ "{\"code\": \"x\ny\"}", "not valid JSON" },
	{ "{\"code\": NaN}", "not valid JSON" },
	{ "{\"code\": 'x'}", "not valid JSON" },
	{ "{\"code\": \"\\x\"}", "not valid JSON" },
	{ "\xef\xbb\xbf{\"code\": \"x\"}", "not valid JSON" },
	{ "{\"code\": \"x\"} {}", "Something follows" },
	{ "{\"code\": \"x\", \"code\": \"x\"}", "twice" },
	{ "{\"code\": \"x\\u0000\"}", "NUL" },
	{ "{\"co\\u0000de\": \"x\"}", "NUL" },
	{ "{\"code\": \"\\ud800\"}", "surrogate" },
	{ "{\"code\": \"\\udc00\"}", "surrogate" },
	{ "{\"code\": \"\\ud800\\ud800\"}", "surrogate" },
	{ "{\"code\": \"\xed\xa0\x80\"}", "UTF-8" },
	{ "{\"code\": \"\xc0\xaf\"}", "UTF-8" },
	{ "{\"code\": \"x\", \"Code\": \"x\"}", "The key \"Code\" is not known" },
	{ "{\"code\": \"x\", \"\": 1}", "The key \"\" is not known" },
	{ "{\"code\": \"x\", \"a\\nb\": 1}", "The key \"a\\u000ab\" is not known" },
	{ "{\"code\": \"x\", \"read_only\": \"yes\"}", "\"read_only\" is not a boolean" },
	{ "{\"code\": [[[[[[[[1]]]]]]]]}", "nested" },
	{ "{\"code\": \"12345678901\"}", "Code is 11 characters long; the limit is 10." },
};

static void a_bad_body_is_refused_with_its_reason(void **state)
{
	(void)state;
	array_for_each(bad, c) {
		struct run_params params;
		struct err err = { 0 };

		assert_int_equal(parse(c->body, strlen(c->body), 10, &params, &err), -EINVAL);
		if (!strstr(err.text, c->want))
			fail_msg("%s: %s, not %s", c->body, err.text, c->want);
	}
}

static void a_body_with_a_raw_nul_is_refused(void **state)
{
	struct run_params params;
	struct err err;

	(void)state;
	assert_int_equal(parse("{\"code\": \"a\0b\"}", 15, 10, &params, &err), -EINVAL);
	assert_int_equal(parse("{\"code\": \"ab\"}\0", 15, 10, &params, &err), -EINVAL);
}

static void the_longest_code_fits_the_body_in_its_longest_escape(void **state)
{
	const size_t chars = 5000;
	struct run_params params;
	struct err err;
	char *body = malloc(run_request_max_bytes(chars) + 1);
	size_t used;

	(void)state;
	assert_non_null(body);
	used = (size_t)sprintf(body, "{\"code\": \"");
	for (size_t i = 0; i < chars; i++)
		used += (size_t)sprintf(body + used, "\\ud83d\\ude00");
	used += (size_t)sprintf(body + used, "\"}");
	assert_true(used <= run_request_max_bytes(chars));
	assert_int_equal(parse(body, used, chars, &params, &err), 0);
	assert_int_equal(params.code_bytes, chars * 4);
	run_params_free(&params);
	assert_int_equal(parse(body, used, chars - 1, &params, &err), -EINVAL);
	assert_string_equal(err.text, "Code is 5000 characters long; the limit is 4999.");
	free(body);
}

static void an_environment_is_found_by_its_name_and_brings_its_limits(void **state)
{
	static const struct {
		const char *body, *name, *sentence; /* name: NULL: refused */
	} cases[] = {
		{ "{\"code\": \"123\"}", "base", "" },
		{ "{\"code\": \"123\", \"environment\": \"base\"}", "base", "" },
		{ "{\"code\": \"12\", \"environment\": \"science\"}", "science", "" },
		{ "{\"code\": \"123\", \"environment\": \"science\"}", NULL, "Code is 3 characters long; the limit is 2." },
		{ "{\"code\": \"1\", \"environment\": \"Base\"}", NULL,
		  "There is no environment \"Base\"; there are base, science." },
		{ "{\"code\": \"1\", \"environment\": \"\"}", NULL, "There is no environment \"\"; there are base, science." },
		{ "{\"code\": \"1\", \"environment\": null}", NULL,
		  "\"environment\" is not a string; send a name, or leave it out." },
		{ "{\"code\": \"1\", \"environment\": 1}", NULL, "\"environment\" is not a string; send a name, or leave it out." },
	};

	(void)state;
	array_for_each(cases, c) {
		struct run_params params;
		struct err err = { 0 };
		int r = parse(c->body, strlen(c->body), 3, &params, &err);

		if (r != (c->name ? 0 : -EINVAL) || strcmp(err.text, c->sentence) != 0)
			fail_msg("%s: %d %s", c->body, r, err.text);
		if (r == 0) {
			assert_string_equal(params.environment->name, c->name);
			run_params_free(&params);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_good_body_is_taken),
	cmocka_unit_test(an_environment_is_found_by_its_name_and_brings_its_limits),
	cmocka_unit_test(a_bad_body_is_refused_with_its_reason),
	cmocka_unit_test(a_body_with_a_raw_nul_is_refused),
	cmocka_unit_test(the_longest_code_fits_the_body_in_its_longest_escape),
};

unit_main(tests)
