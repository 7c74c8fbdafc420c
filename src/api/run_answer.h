/* SPDX-License-Identifier: Apache-2.0
 * run_answer.h: what a client under /v1 is told of a run. Knows nothing of HTTP.
 */
#pragma once
#include "api/json_out.h"
#include "api/problem.h"
#include "service/run.h"

enum {
	RUN_ANSWER_STREAMED = 1u << 0, /* both streams and the displays were told already */
	RUN_ANSWER_CHECK = 1u << 1,    /* of a syntax check */
};

/* True when the run did not come to a verdict of its own: the problem then says so instead of an answer. */
bool run_answer_problem(const struct run_outcome *outcome, struct problem *problem);

/* Writes the members of the answer into an object that is open. The outcome has to live as long as the JSON. */
void run_answer_write(const char *id, const struct run_outcome *outcome, unsigned flags, struct json_out *json);

/* Writes one display as a map from MIME types: text as text, everything else in base64. */
void run_answer_display(const struct run_display *display, struct json_out *json);
