/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_out.h"
#include "unit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define FFFD "\xef\xbf\xbd"

static const struct {
	const char *bytes;
	size_t size;
	const char *want;
} cases[] = {
#define CASE(bytes, want) \
	{ \
		bytes, sizeof bytes - 1, want \
	}
	CASE("", ""),
	CASE("plain ~", "plain ~"),
	CASE("\"\\/", "\\\"\\\\/"),
	CASE("\b\f\n\r\t", "\\b\\f\\n\\r\\t"),
	CASE("\0\x01\x1b\x1f\x7f", "\\u0000\\u0001\\u001b\\u001f\\u007f"),
	CASE("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
	CASE("\xff", FFFD),
	CASE("\x80\xbf", FFFD FFFD),
	CASE("\xc3", FFFD),
	CASE("\xc3(", FFFD "("),
	CASE("\xe2\x82", FFFD),                            /* cut in the middle: one for what was there */
	CASE("\xe2\x82\xe2\x82\xac", FFFD "\xe2\x82\xac"), /* and what follows is read anew */
	CASE("\xf0\x9f\x98x", FFFD "x"),
	CASE("\xc0\xaf", FFFD FFFD), /* over-long */
	CASE("\xe0\x80\xaf", FFFD FFFD FFFD),
	CASE("\xed\xa0\x80", FFFD FFFD FFFD),          /* a surrogate */
	CASE("\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD), /* past U+10FFFF */
	CASE("\xf8\x88\x80\x80\x80", FFFD FFFD FFFD FFFD FFFD),
	CASE("\xf4\x8f\xbf\xbf\xee\x80\x80", "\xf4\x8f\xbf\xbf\xee\x80\x80"),
#undef CASE
};

/* Reads the whole text in steps of at most `step` bytes. */
static char *read_all(struct json_out *json, size_t step)
{
	size_t size = json_out_size(json), used = 0;
	char *text = malloc(size + 1);

	assert_non_null(text);
	while (used < size) {
		size_t n = json_out_read(json, text + used, step < size - used ? step : size - used);

		assert_true(n > 0);
		used += n;
	}
	assert_int_equal(json_out_read(json, text, step), 0);
	text[size] = '\0';
	json_out_free(json);
	return text;
}

static void content_is_escaped_and_what_is_not_utf8_is_replaced(void **state)
{
	(void)state;
	array_for_each(cases, c) {
		struct json_out json = { 0 };

		json_out_content(&json, c->bytes, c->size);

		char *text = read_all(&json, 4096);

		assert_string_equal(text, c->want);
		free(text);
	}
}

static void the_text_is_the_same_in_steps_of_any_size(void **state)
{
	(void)state;
	for (size_t step = JSON_UNIT_BYTES; step < 40; step++) {
		struct json_out json = { 0 };

		json_out_raw(&json, "{\"a\": \"");
		json_out_content(&json, "x\x01\xf0\x9f\x98\x80\xff\"\n", 10);
		json_out_content(&json, NULL, 0);
		json_out_content(&json, "\x02\x02", 2);
		json_out_raw(&json, "\"}");

		char *text = read_all(&json, step);

		assert_string_equal(text, "{\"a\": \"x\\u0001\xf0\x9f\x98\x80" FFFD "\\\"\\n\\u0000\\u0002\\u0002\"}");
		free(text);
	}
}

static void any_two_bytes_make_json_that_a_parser_takes(void **state)
{
	(void)state;
	for (unsigned pair = 0; pair < 65536; pair++) {
		const char bytes[2] = { (char)(pair >> 8), (char)pair };
		struct json_out json = { 0 };

		json_out_raw(&json, "\"");
		json_out_content(&json, bytes, sizeof bytes);
		json_out_raw(&json, "\"");

		char *text = read_all(&json, 64);
		json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

		assert_non_null(value);
		json_decref(value);
		free(text);
	}
}

static void values_get_their_commas_and_brackets_nest(void **state)
{
	struct json_out json = { 0 };

	(void)state;
	json_out_open(&json, '{');
	json_out_key(&json, "list");
	json_out_open(&json, '[');
	json_out_u64(&json, UINT64_MAX);
	json_out_i64(&json, -1);
	json_out_open(&json, '[');
	json_out_close(&json, ']');
	json_out_null(&json);
	json_out_close(&json, ']');
	json_out_key(&json, "text");
	json_out_text(&json, "a\"\xff");
	json_out_key(&json, "none");
	json_out_text(&json, NULL);
	json_out_key(&json, "parts");
	json_out_quote(&json);
	json_out_content(&json, "1\n", 2);
	json_out_content(&json, "2", 1);
	json_out_unquote(&json);
	json_out_key(&json, "is");
	json_out_bool(&json, true);
	json_out_close(&json, '}');

	char *text = read_all(&json, 7);

	assert_string_equal(text, "{\"list\": [18446744073709551615, -1, [], null], \"text\": \"a\\\"" FFFD
				  "\", \"none\": null, \"parts\": \"1\\n2\", \"is\": true}");
	free(text);
}

static void base64_is_that_of_rfc_4648(void **state)
{
	static const struct {
		const char *bytes, *want;
	} vectors[] = {
		{ "", "\"\"" },        { "M", "\"TQ==\"" },        { "Ma", "\"TWE=\"" },
		{ "Man", "\"TWFu\"" }, { "Many", "\"TWFueQ==\"" }, { "\xff\xef\xbe", "\"/+++\"" },
	};

	(void)state;
	array_for_each(vectors, vector) {
		for (size_t step = JSON_UNIT_BYTES; step < 12; step++) {
			struct json_out json = { 0 };

			json_out_base64(&json, vector->bytes, strlen(vector->bytes));

			char *text = read_all(&json, step);

			assert_string_equal(text, vector->want);
			free(text);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(values_get_their_commas_and_brackets_nest),
	cmocka_unit_test(base64_is_that_of_rfc_4648),
	cmocka_unit_test(content_is_escaped_and_what_is_not_utf8_is_replaced),
	cmocka_unit_test(the_text_is_the_same_in_steps_of_any_size),
	cmocka_unit_test(any_two_bytes_make_json_that_a_parser_takes),
};

unit_main(tests)
