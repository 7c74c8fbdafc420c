/* SPDX-License-Identifier: Apache-2.0
 * job_text.h: jobs as JSON: what a client sends for one, what is stored of its end, and what a client is told of it. The stored end
 * is two members of an object, "result" and "problem", of which one is null.
 */
#pragma once
#include "api/case_runs.h"
#include "api/internal.h"
#include "api/json_out.h"
#include "api/run_answer.h"
#include "api/run_submit.h"
#include "wire/store.h"

struct job_options {
	const char *callback_url; /* NULL: none */
	const char *once;         /* idempotency key; NULL: none */
};

/* Reads the body of a job, as that of POST /v1/runs and with the members of struct job_options. -EINVAL, -ENOMEM as
 * run_input_parse. */
int job_text_read(const struct api *api, const struct limits *most, const char *body, size_t size, struct run_input *ret_input,
		  struct problem *problem);

/* What the body says beside the run. -EINVAL. The texts live as long as the input. */
int job_text_read_options(const struct run_input *input, struct job_options *ret_options, struct problem *problem);

/* The stored end. */
void job_text_write_result(const struct run_outcome *outcome, const char *run_id, struct json_out *json);
void job_text_write_cases(const struct case_runs *runs, struct json_out *json);
void job_text_write_problem(const struct problem *problem, const char *id, struct json_out *json);

/* A job as one object. end: its stored end, which ends in NUL and has to live as long as the JSON, or NULL. */
void job_text_write(const struct store_job *job, const char *end, size_t end_size, struct json_out *json);

/* The same without the end, for lists. */
void job_text_write_head(const struct store_job *job, struct json_out *json);

/* All of it as a sealed memfd. -EFBIG: longer than max; -ENOMEM. */
int json_out_seal(struct json_out *json, size_t max);
