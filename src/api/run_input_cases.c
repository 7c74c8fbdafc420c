/* SPDX-License-Identifier: Apache-2.0 */
#include "api/run_input_parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define NAME_MAX_BYTES   128
#define TEXT_MAX_BYTES   (16 * MIB) /* more than a body holds */
#define TOLERANCE_MAX    1e6
#define TOLERANCE_UNSAID 1e-6

static int take_name(struct input *input, json_t *value, void *into)
{
	return input_string(input, value, NAME_MAX_BYTES, &((struct run_case *)into)->name);
}

static int take_stdin(struct input *input, json_t *value, void *into)
{
	struct run_case *one = into;

	return input_text(input, value, TEXT_MAX_BYTES, &one->in, &one->in_bytes);
}

static int take_expected(struct input *input, json_t *value, void *into)
{
	struct run_case *one = into;

	return input_text(input, value, TEXT_MAX_BYTES, &one->expected, &one->expected_bytes);
}

static int take_compare(struct input *input, json_t *value, void *into)
{
	struct run_case *one = into;
	const char *name;
	int r = input_string(input, value, NAME_MAX_BYTES, &name);

	if (r < 0)
		return r;
	one->how = compare_by_name(name);
	if (one->how == COMPARE_COUNT)
		return input_fail(input, PROBLEM_INVALID_FIELD, value, "%s is none of \"exact\", \"lines\" and \"numbers\".",
				  input->place);
	return 0;
}

static int take_tolerance(struct input *input, json_t *value, void *into)
{
	struct run_case *one = into;

	one->tolerance = json_number_value(value);
	if (json_is_number(value) && one->tolerance >= 0 && one->tolerance <= TOLERANCE_MAX)
		return 0;
	return input_fail(input, PROBLEM_INVALID_FIELD, value, "%s is not a number from 0 to %g.", input->place, TOLERANCE_MAX);
}

static const struct input_field fields[] = {
	{ "name", take_name, 1 },       { "stdin", take_stdin, 1 },         { "expected", take_expected, 1 },
	{ "compare", take_compare, 1 }, { "tolerance", take_tolerance, 1 },
};

static int take_case(struct input *input, json_t *value, void *into)
{
	struct run_input *run = into;
	struct run_case *one = &run->cases[run->cases_count];

	*one = (struct run_case){ .how = COMPARE_LINES, .tolerance = TOLERANCE_UNSAID };
	run->cases_count++;
	return input_object(input, value, fields, ARRAY_SIZE(fields), 1, one);
}

int run_input_take_cases(struct input *input, json_t *value, struct run_input *run)
{
	run->cases = calloc(json_array_size(value) + 1, sizeof *run->cases);
	if (!run->cases)
		return -ENOMEM;
	if (json_is_array(value) && json_array_size(value) == 0)
		return input_fail(input, PROBLEM_INVALID_FIELD, NULL, "cases is empty; send at least one, or leave it out.");
	return input_array(input, value, RUN_INPUT_CASES_MAX, take_case, run);
}
