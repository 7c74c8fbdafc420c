/* SPDX-License-Identifier: Apache-2.0 */
#include "api/run_request.h"

#include "api/json_in.h"
#include "api/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ESCAPED_BYTES  12     /* one character as \ud83d\ude00 */
#define OTHER_BYTES    4096   /* keys and blanks around the code */
#define BODY_MIN_BYTES 131072 /* a longer body is refused by its length alone, and need not be tight */

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

static int say_unknown_key(const char *key, struct err *err)
{
	char shown[JSON_IN_SHOWN_BYTES];

	json_in_show(key, shown);
	return err_say(err, -EINVAL, "The key \"%s\" is not known; send \"code\" and, if wanted, \"read_only\" or \"environment\".",
		       shown);
}

static int check_keys(json_t *root, struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(root, key, value)
	{
		if (strcmp(key, "code") != 0 && strcmp(key, "read_only") != 0 && strcmp(key, "environment") != 0)
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

static int say_unknown_environment(const char *name, const struct environment_limits *known, size_t count, struct err *err)
{
	char shown[JSON_IN_SHOWN_BYTES], names[ENVIRONMENTS_MAX * ENVIRONMENTS_NAME_BYTES + 2 * ENVIRONMENTS_MAX] = "";

	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(names);

		(void)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "", known[i].name);
	}
	json_in_show(name, shown);
	return err_say(err, -EINVAL, "There is no environment \"%s\"; there %s %s.", shown, count > 1 ? "are" : "is", names);
}

static int find_environment(const json_t *name, const struct environment_limits *known, size_t count,
			    const struct environment_limits **ret_environment, struct err *err)
{
	if (name && !json_is_string(name))
		return err_say(err, -EINVAL, "\"environment\" is not a string; send a name, or leave it out.");
	for (size_t i = 0; i < count; i++) {
		if (!name || strcmp(json_string_value(name), known[i].name) == 0) {
			*ret_environment = &known[i];
			return 0;
		}
	}
	return say_unknown_environment(json_string_value(name), known, count, err);
}

static int take_params(json_t *root, const struct environment_limits *environments, size_t environments_count,
		       struct run_params *ret_params, struct err *err)
{
	const struct environment_limits *environment = NULL;

	if (!json_is_object(root))
		return err_say(err, -EINVAL, "The body is not a JSON object; send {\"code\": \"print(1)\"}.");

	int r = check_keys(root, err);
	const json_t *code = json_object_get(root, "code");
	const json_t *read_only = json_object_get(root, "read_only");

	if (r == 0)
		r = find_environment(json_object_get(root, "environment"), environments, environments_count, &environment, err);
	if (r == 0)
		r = check_code(code, environment ? environment->limits.code_chars : 0, err);
	if (r < 0)
		return r;
	if (read_only && !json_is_boolean(read_only))
		return err_say(err, -EINVAL, "\"read_only\" is not a boolean; send true or false.");

	char *copy = strndup(json_string_value(code), json_string_length(code));

	if (!copy)
		return err_say(err, -ENOMEM, "There is no memory for the request.");
	*ret_params = (struct run_params){
		.environment = environment,
		.code = copy,
		.code_bytes = json_string_length(code),
		.is_read_only = json_is_true(read_only),
	};
	return 0;
}

int run_request_parse(const char *bytes, size_t size, const struct environment_limits *environments, size_t environments_count,
		      struct run_params *ret_params, struct err *err)
{
	_cleanup_(json_in_freep) json_t *root = NULL;
	int r = json_in_load(bytes, size, 0, &root, err);

	return r < 0 ? r : take_params(root, environments, environments_count, ret_params, err);
}
