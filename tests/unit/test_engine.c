/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/engine.h"
#include "unit.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *min, *max;
	int r;
	const char *version;
} versions[] = {
	{ "1.12", "1.41", 0, "v1.41" }, { "1.24", "1.47", 0, "v1.41" },   { "1.44", "1.52", 0, "v1.44" },
	{ "1.12", "1.40", 0, "v1.40" }, { "1.41", "1.40", -EBADMSG, "" }, { NULL, "1.41", -EBADMSG, "" },
	{ "1.12", NULL, -EBADMSG, "" }, { "2.0", "2.1", -EBADMSG, "" },   { "1.12", "1.41/../x", -EBADMSG, "" },
	{ "1.", "1.41", -EBADMSG, "" },
};

static void the_nearest_version_that_both_speak_is_agreed_on(void **state)
{
	(void)state;
	array_for_each(versions, v) {
		char version[ENGINE_VERSION_BYTES] = "";

		assert_int_equal(engine_negotiate(v->min, v->max, version), v->r);
		assert_string_equal(version, v->version);
	}
}

static const struct {
	int status;
	const char *body, *want;
} answers[] = {
	{ 404, "{\"message\": \"No such image\"}", "No such image" },
	{ 500, "{\"message\": \"two\\nlines\\u001b\"}", "two lines " },
	{ 500, "<html>", "HTTP status 500" },
	{ 500, "{\"message\": 5}", "HTTP status 500" },
	{ -ECONNREFUSED, "", "Connection refused" },
};

static void an_error_is_explained_on_one_line(void **state)
{
	(void)state;
	array_for_each(answers, a) {
		const struct engine_answer answer = { .status = a->status, .body = a->body, .size = strlen(a->body) };
		char text[ENGINE_TEXT_BYTES];

		assert_string_equal(engine_explain(&answer, text), a->want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_version_that_both_speak_is_agreed_on),
		cmocka_unit_test(an_error_is_explained_on_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
