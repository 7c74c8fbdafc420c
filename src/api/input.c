/* SPDX-License-Identifier: Apache-2.0 */
#include "api/input.h"

#include "api/json_in.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_BYTES 48

/* A scalar as it was sent; text is cut, and lists and objects are not shown. */
static void show_value(json_t *value, struct problem *problem)
{
	size_t used = 0;

	if (json_is_string(value)) {
		problem->is_value_text = true;
		while (used < SHOWN_BYTES && json_string_value(value)[used] != '\0')
			used++;
		memcpy(problem->value, json_string_value(value), used);
		(void)snprintf(problem->value + used, sizeof problem->value - used, "%s",
			       json_string_length(value) > used ? "..." : "");
	} else if (json_is_number(value) || json_is_boolean(value) || json_is_null(value)) {
		used = json_dumpb(value, problem->value, sizeof problem->value - 1, JSON_ENCODE_ANY);
		problem->value[used < sizeof problem->value ? used : 0] = '\0';
	}
}

int input_fail(struct input *input, enum problem_kind kind, json_t *value, const char *format, ...)
{
	va_list args;

	*input->problem = (struct problem){ .kind = kind };
	va_start(args, format);
	(void)vsnprintf(input->problem->detail, sizeof input->problem->detail, format, args);
	va_end(args);
	memcpy(input->problem->field, input->place, sizeof input->problem->field);
	if (value)
		show_value(value, input->problem);
	return -EINVAL;
}

static const struct input_field *find_field(const struct input_field *fields, size_t count, unsigned wanted, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if ((fields[i].flags & wanted) != 0 && strcmp(fields[i].name, name) == 0)
			return &fields[i];
	}
	return NULL;
}

static int take_member(struct input *input, const struct input_field *field, const char *key, json_t *value, void *into)
{
	char shown[JSON_IN_SHOWN_BYTES];
	size_t used = strlen(input->place);
	int r;

	json_in_show(key, shown);
	(void)snprintf(input->place + used, sizeof input->place - used, "%s%.60s", used > 0 ? "." : "", shown);
	if (field)
		r = field->take(input, value, into);
	else
		r = input_fail(input, PROBLEM_UNKNOWN_FIELD, NULL, "The field \"%s\" is not known here.", input->place);
	input->place[used] = '\0';
	return r;
}

int input_object(struct input *input, json_t *value, const struct input_field *fields, size_t count, unsigned wanted, void *into)
{
	const char *key;
	json_t *member;
	int r = 0;

	if (!json_is_object(value))
		return input_fail(input, PROBLEM_INVALID_FIELD, value, "%s is not an object.",
				  input->place[0] ? input->place : "The body");
	for (void *at = json_object_iter(value); at && r == 0; at = json_object_iter_next(value, at)) {
		key = json_object_iter_key(at);
		member = json_object_iter_value(at);
		r = take_member(input, find_field(fields, count, wanted, key), key, member, into);
	}
	return r;
}

int input_array(struct input *input, json_t *value, size_t max, int (*take)(struct input *input, json_t *value, void *into),
		void *into)
{
	size_t used = strlen(input->place), count = json_array_size(value);
	int r = 0;

	if (!json_is_array(value))
		return input_fail(input, PROBLEM_INVALID_FIELD, value, "%s is not a list.", input->place);
	if (count > max) {
		r = input_fail(input, PROBLEM_LIMIT_OUT_OF_RANGE, NULL, "%s has %zu elements; there may be at most %zu.",
			       input->place, count, max);
		problem_set_range(input->problem, 0, max);
		(void)snprintf(input->problem->value, sizeof input->problem->value, "%zu", count);
		return r;
	}
	for (size_t i = 0; i < count && r == 0; i++) {
		(void)snprintf(input->place + used, sizeof input->place - used, "[%zu]", i);
		r = take(input, json_array_get(value, i), into);
		input->place[used] = '\0';
	}
	return r;
}

int input_text(struct input *input, json_t *value, size_t max_bytes, const char **ret_text, size_t *ret_size)
{
	if (!json_is_string(value))
		return input_fail(input, PROBLEM_INVALID_FIELD, value, "%s is not a string.", input->place);
	if (json_string_length(value) > max_bytes) {
		int r = input_fail(input, PROBLEM_LIMIT_OUT_OF_RANGE, NULL, "%s is %zu bytes long; it may be at most %zu.",
				   input->place, json_string_length(value), max_bytes);

		problem_set_range(input->problem, 0, max_bytes);
		(void)snprintf(input->problem->value, sizeof input->problem->value, "%zu", json_string_length(value));
		return r;
	}
	*ret_text = json_string_value(value);
	*ret_size = json_string_length(value);
	return 0;
}

int input_string(struct input *input, json_t *value, size_t max_bytes, const char **ret_text)
{
	size_t size = 0;
	int r = input_text(input, value, max_bytes, ret_text, &size);

	if (r == 0 && strlen(*ret_text) != size)
		return input_fail(input, PROBLEM_INVALID_FIELD, value, "%s holds the character NUL (\\u0000); remove it.",
				  input->place);
	return r;
}

int input_bool(struct input *input, json_t *value, bool *ret_value)
{
	if (!json_is_boolean(value))
		return input_fail(input, PROBLEM_INVALID_FIELD, value, "%s is not a boolean; send true or false.", input->place);
	*ret_value = json_is_true(value);
	return 0;
}

int input_u64(struct input *input, json_t *value, uint64_t min, uint64_t max, uint64_t *ret_value)
{
	if (!json_is_integer(value))
		return input_fail(input, PROBLEM_INVALID_FIELD, value, "%s is not a whole number.", input->place);

	json_int_t number = json_integer_value(value);

	if (number < 0 || (uint64_t)number < min || (uint64_t)number > max) {
		int r = input_fail(input, PROBLEM_LIMIT_OUT_OF_RANGE, value,
				   "%s is %lld; it must be from %" PRIu64 " to %" PRIu64 ".", input->place, (long long)number, min,
				   max);

		problem_set_range(input->problem, min, max);
		return r;
	}
	*ret_value = (uint64_t)number;
	return 0;
}

int input_millis(struct input *input, json_t *value, uint64_t min, uint64_t max, uint64_t *ret_millis)
{
	if (!json_is_number(value))
		return input_fail(input, PROBLEM_INVALID_FIELD, value, "%s is not a number.", input->place);

	double millis = round(json_number_value(value) * 1000);

	if (!(millis >= (double)min && millis <= (double)max)) {
		int r = input_fail(input, PROBLEM_LIMIT_OUT_OF_RANGE, value, "%s is %g; it must be from %g to %g.", input->place,
				   json_number_value(value), (double)min / 1000, (double)max / 1000);

		(void)snprintf(input->problem->min, sizeof input->problem->min, "%g", (double)min / 1000);
		(void)snprintf(input->problem->max, sizeof input->problem->max, "%g", (double)max / 1000);
		return r;
	}
	*ret_millis = (uint64_t)millis;
	return 0;
}
