/* SPDX-License-Identifier: Apache-2.0 */
#include "api/run_request.h"

#include "api/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX      8      /* a request needs 1; jansson's parser recurses */
#define ESCAPED_BYTES  12     /* one character as \ud83d\ude00 */
#define OTHER_BYTES    4096   /* keys and blanks around the code */
#define BODY_MIN_BYTES 131072 /* a longer body is refused by its length alone, and need not be tight */
#define KEY_SHOWN      40

size_t run_request_max_bytes(uint64_t code_chars_max)
{
	size_t bytes = code_chars_max * ESCAPED_BYTES + OTHER_BYTES;

	return bytes > BODY_MIN_BYTES ? bytes : BODY_MIN_BYTES;
}

void run_params_free(struct run_params *params)
{
	free(params->code);
	*params = (struct run_params){ 0 };
}

static void free_json(json_t **json)
{
	json_decref(*json);
}

/* Counts brackets outside of strings; whether the rest is JSON is not asked. */
static bool is_too_deep(const char *bytes, size_t size)
{
	bool is_in_string = false;
	int depth = 0;

	for (size_t i = 0; i < size; i++) {
		char c = bytes[i];

		if (is_in_string && c == '\\')
			i++;
		else if (c == '"')
			is_in_string = !is_in_string;
		else if (!is_in_string && (c == '[' || c == '{') && ++depth > DEPTH_MAX)
			return true;
		else if (!is_in_string && (c == ']' || c == '}'))
			depth--;
	}
	return false;
}

static int say_malformed(const json_error_t *error, struct err *err)
{
	switch (json_error_code(error)) {
	case json_error_duplicate_key:
		return err_say(err, -EINVAL, "A key is there twice (line %d, column %d); send each key once.", error->line,
			       error->column);
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return err_say(err, -EINVAL, "The body holds the character NUL (\\u0000), which no Python source may; remove it.");
	case json_error_invalid_utf8:
		return err_say(err, -EINVAL, "The body is not valid UTF-8; send JSON encoded in UTF-8.");
	case json_error_end_of_input_expected:
		return err_say(err, -EINVAL, "Something follows the JSON object (line %d, column %d); send the object alone.",
			       error->line, error->column);
	case json_error_out_of_memory:
		return err_say(err, -ENOMEM, "There is no memory for the request.");
	default:
		break;
	}
	if (strncmp(error->text, "invalid Unicode", strlen("invalid Unicode")) == 0)
		return err_say(err, -EINVAL, "The body holds half of a surrogate pair (line %d, column %d); send whole characters.",
			       error->line, error->column);
	return err_say(err, -EINVAL, "The body is not valid JSON: %s (line %d, column %d).", error->text, error->line,
		       error->column);
}

static int say_unknown_key(const char *key, struct err *err)
{
	char shown[KEY_SHOWN * 6 + 1];
	size_t used = 0;

	for (size_t i = 0; i < KEY_SHOWN && key[i] != '\0'; i++) {
		unsigned char c = (unsigned char)key[i];
		bool is_printable = c >= 0x20 && c != 0x7f && c != '"' && c != '\\';

		used += (size_t)snprintf(shown + used, sizeof shown - used, is_printable ? "%c" : "\\u%04x", c);
	}
	shown[used] = '\0';
	return err_say(err, -EINVAL, "The key \"%s%s\" is not known; send \"code\" and, if wanted, \"read_only\".", shown,
		       strlen(key) > KEY_SHOWN ? "..." : "");
}

static int check_keys(json_t *root, struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(root, key, value)
	{
		if (strcmp(key, "code") != 0 && strcmp(key, "read_only") != 0)
			return say_unknown_key(key, err);
	}
	return 0;
}

static int check_code(const json_t *code, uint64_t chars_max, struct err *err)
{
	if (!code)
		return err_say(err, -EINVAL, "The key \"code\" is missing; send {\"code\": \"print(1)\"}.");
	if (!json_is_string(code))
		return err_say(err, -EINVAL, "\"code\" is not a string; send the program as one JSON string.");

	size_t chars = utf8_count(json_string_value(code), json_string_length(code));

	if (chars > chars_max)
		return err_say(err, -EINVAL, "Code is %zu characters long; the limit is %" PRIu64 ".", chars, chars_max);
	return 0;
}

static int take_params(json_t *root, uint64_t code_chars_max, struct run_params *ret_params, struct err *err)
{
	if (!json_is_object(root))
		return err_say(err, -EINVAL, "The body is not a JSON object; send {\"code\": \"print(1)\"}.");

	int r = check_keys(root, err);
	const json_t *code = json_object_get(root, "code");
	const json_t *read_only = json_object_get(root, "read_only");

	if (r == 0)
		r = check_code(code, code_chars_max, err);
	if (r < 0)
		return r;
	if (read_only && !json_is_boolean(read_only))
		return err_say(err, -EINVAL, "\"read_only\" is not a boolean; send true or false.");

	char *copy = strndup(json_string_value(code), json_string_length(code));

	if (!copy)
		return err_say(err, -ENOMEM, "There is no memory for the request.");
	*ret_params = (struct run_params){
		.code = copy,
		.code_bytes = json_string_length(code),
		.is_read_only = json_is_true(read_only),
	};
	return 0;
}

int run_request_parse(const char *bytes, size_t size, uint64_t code_chars_max, struct run_params *ret_params, struct err *err)
{
	json_error_t error;

	if (size == 0)
		return err_say(err, -EINVAL, "The body is empty; send {\"code\": \"print(1)\"}.");
	if (is_too_deep(bytes, size))
		return err_say(err, -EINVAL, "The body is nested more than %d levels deep; send {\"code\": \"print(1)\"}.",
			       DEPTH_MAX);

	_cleanup_(free_json) json_t *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

	if (!root)
		return say_malformed(&error, err);
	return take_params(root, code_chars_max, ret_params, err);
}
