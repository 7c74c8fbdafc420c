/* SPDX-License-Identifier: Apache-2.0
 * problem.h: why a request under /v1 failed, as RFC 9457 has it: {type, title, status, detail} and our {code, request_id,
 * retryable}; with a field at fault also {field, value, minimum, maximum}. Knows nothing of HTTP.
 */
#pragma once
#include "api/json_out.h"

enum problem_kind {
#define PROBLEM(symbol, code, status, retryable, title) PROBLEM_##symbol,
#include "api/problem.def"
#undef PROBLEM
	PROBLEM_COUNT,
};

#define PROBLEM_DETAIL_BYTES 384
#define PROBLEM_FIELD_BYTES  96
#define PROBLEM_VALUE_BYTES  64

struct problem {
	enum problem_kind kind;
	char detail[PROBLEM_DETAIL_BYTES]; /* one sentence that says what to do */
	char field[PROBLEM_FIELD_BYTES];   /* "limits.wall_ms", "files[2].path"; "": none */
	char value[PROBLEM_VALUE_BYTES];   /* what was sent there, cut when long; "": not said, or "" when is_value_text */
	bool is_value_text;                /* a string; else value is JSON as it is */
	char min[24], max[24];             /* the range, as JSON numbers; "": none */
	bool may_have_run;                 /* something has begun, whatever the kind usually means */
};

struct problem_row {
	const char *code, *retryable, *title;
	unsigned status;
};

extern const struct problem_row problem_rows[PROBLEM_COUNT];

/* Sets kind and detail and clears the rest. Always -EINVAL, for `return problem_say(...)`. */
int problem_say(struct problem *problem, enum problem_kind kind, const char *format, ...) _printf_(3, 4);

/* Names the field at fault, "limits.wall_ms". */
void problem_set_field(struct problem *problem, const char *format, ...) _printf_(2, 3);

void problem_set_range(struct problem *problem, uint64_t min, uint64_t max);

/* Writes its members into an object that is open. */
void problem_write(const struct problem *problem, const char *request_id, struct json_out *json);
