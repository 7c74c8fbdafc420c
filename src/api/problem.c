/* SPDX-License-Identifier: Apache-2.0 */
#include "api/problem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define RETRYABLE_NO           "no"
#define RETRYABLE_NEVER_RAN    "never_ran"
#define RETRYABLE_MAY_HAVE_RUN "may_have_run"

const struct problem_row problem_rows[PROBLEM_COUNT] = {
#define PROBLEM(symbol, code, status, retryable, title) [PROBLEM_##symbol] = { code, RETRYABLE_##retryable, title, status },
#include "api/problem.def"
#undef PROBLEM
};

int problem_say(struct problem *problem, enum problem_kind kind, const char *format, ...)
{
	va_list args;

	*problem = (struct problem){ .kind = kind };
	va_start(args, format);
	(void)vsnprintf(problem->detail, sizeof problem->detail, format, args);
	va_end(args);
	return -EINVAL;
}

void problem_set_field(struct problem *problem, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(problem->field, sizeof problem->field, format, args);
	va_end(args);
}

void problem_set_range(struct problem *problem, uint64_t min, uint64_t max)
{
	(void)snprintf(problem->min, sizeof problem->min, "%" PRIu64, min);
	(void)snprintf(problem->max, sizeof problem->max, "%" PRIu64, max);
}

void problem_write(const struct problem *problem, const char *request_id, struct json_out *json)
{
	const struct problem_row *row = &problem_rows[problem->kind];
	char type[64];

	(void)snprintf(type, sizeof type, "/docs#%s", row->code);
	json_out_key(json, "type");
	json_out_text(json, type);
	json_out_key(json, "title");
	json_out_text(json, row->title);
	json_out_key(json, "status");
	json_out_u64(json, row->status);
	json_out_key(json, "detail");
	json_out_text(json, problem->detail);
	json_out_key(json, "code");
	json_out_text(json, row->code);
	json_out_key(json, "retryable");
	json_out_text(json, problem->may_have_run ? RETRYABLE_MAY_HAVE_RUN : row->retryable);
	json_out_key(json, "request_id");
	json_out_text(json, request_id);
	if (problem->field[0] != '\0') {
		json_out_key(json, "field");
		json_out_text(json, problem->field);
	}
	if (problem->is_value_text || problem->value[0] != '\0') {
		json_out_key(json, "value");
		if (problem->is_value_text)
			json_out_text(json, problem->value);
		else
			json_out_value(json, problem->value);
	}
	if (problem->max[0] != '\0') {
		json_out_key(json, "minimum");
		json_out_value(json, problem->min);
		json_out_key(json, "maximum");
		json_out_value(json, problem->max);
	}
}
