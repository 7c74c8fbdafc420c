/* SPDX-License-Identifier: Apache-2.0
 * input.h: reads JSON values strictly, from tables of fields, and names the place of what is wrong: "limits.wall_ms", "files[2].path".
 * Each function is 0, or -EINVAL with the problem set, or -ENOMEM.
 */
#pragma once
#include "api/problem.h"

#include <jansson.h>
#include <stdbool.h>

struct input {
	struct problem *problem;
	char place[PROBLEM_FIELD_BYTES]; /* of the value that is being read; "" at the root */
};

struct input_field {
	const char *name;
	int (*take)(struct input *input, json_t *value, void *into);
	unsigned flags; /* the table's own */
};

/* Says what is wrong with the value at this place. Always -EINVAL. */
int input_fail(struct input *input, enum problem_kind kind, json_t *value, const char *format, ...) _printf_(4, 5);

/* Takes each member of an object by its row; a key without a row with (flags & wanted) is an unknown field. */
int input_object(struct input *input, json_t *value, const struct input_field *fields, size_t count, unsigned wanted, void *into);

/* Takes each element of an array of at most max. */
int input_array(struct input *input, json_t *value, size_t max, int (*take)(struct input *input, json_t *value, void *into),
		void *into);

/* Text of at most max_bytes bytes of UTF-8; it lives as long as the value. */
int input_text(struct input *input, json_t *value, size_t max_bytes, const char **ret_text, size_t *ret_size);
/* The same without a NUL in it, so that it is a C string. */
int input_string(struct input *input, json_t *value, size_t max_bytes, const char **ret_text);

int input_bool(struct input *input, json_t *value, bool *ret_value);
int input_u64(struct input *input, json_t *value, uint64_t min, uint64_t max, uint64_t *ret_value);
/* A number with or without a fraction, in thousandths. */
int input_millis(struct input *input, json_t *value, uint64_t min, uint64_t max, uint64_t *ret_millis);
