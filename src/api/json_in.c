/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_in.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 8  /* a request needs 4; jansson's parser recurses */
#define KEY_SHOWN 40 /* characters */

void json_in_freep(json_t **json)
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

int json_in_load(const char *bytes, size_t size, unsigned flags, json_t **ret_root, struct err *err)
{
	size_t allow_nul = flags & JSON_IN_NUL ? JSON_ALLOW_NUL : 0;
	json_error_t error;

	if (size == 0)
		return err_say(err, -EINVAL, "The body is empty; send {\"code\": \"print(1)\"}.");
	if (is_too_deep(bytes, size))
		return err_say(err, -EINVAL, "The body is nested more than %d levels deep; send {\"code\": \"print(1)\"}.",
			       DEPTH_MAX);

	json_t *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | allow_nul, &error);

	if (!root)
		return say_malformed(&error, err);
	*ret_root = root;
	return 0;
}

void json_in_show(const char *key, char shown[JSON_IN_SHOWN_BYTES])
{
	size_t used = 0;

	for (size_t i = 0; i < KEY_SHOWN && key[i] != '\0'; i++) {
		unsigned char c = (unsigned char)key[i];
		bool is_printable = c >= 0x20 && c != 0x7f && c != '"' && c != '\\';

		used += (size_t)snprintf(shown + used, JSON_IN_SHOWN_BYTES - used, is_printable ? "%c" : "\\u%04x", c);
	}
	(void)snprintf(shown + used, JSON_IN_SHOWN_BYTES - used, "%s", strlen(key) > KEY_SHOWN ? "..." : "");
}
