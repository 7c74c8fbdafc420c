/* SPDX-License-Identifier: Apache-2.0 */
#include "api/job_text.h"

#include "api/input.h"
#include "base/fd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const also[] = { "callback_url", "idempotency_key", NULL };

int job_text_read(const struct api *api, const struct limits *most, const char *body, size_t size, struct run_input *ret_input,
		  struct problem *problem)
{
	const struct run_input_rules rules = {
		.kind = RUN_INPUT_RUN,
		.environments = api->options.environments,
		.environments_count = api->options.environments_count,
		.most = most,
		.also = also,
	};

	return run_input_parse(body, size, &rules, ret_input, problem);
}

static int take_url(struct input *input, json_t *value, const char **ret_url)
{
	int r = input_string(input, value, STORE_URL_MAX, ret_url);

	if (r < 0)
		return r;
	if (strncmp(*ret_url, "http://", 7) != 0 && strncmp(*ret_url, "https://", 8) != 0)
		return input_fail(input, PROBLEM_INVALID_FIELD, value, "callback_url must begin with http:// or https://.");
	for (const char *at = *ret_url; *at; at++) {
		if (*at <= ' ' || *at > '~')
			return input_fail(input, PROBLEM_INVALID_FIELD, value,
					  "callback_url must be of visible ASCII characters; encode the others with %%.");
	}
	return 0;
}

static int take_once(struct input *input, json_t *value, const char **ret_once)
{
	int r = input_string(input, value, STORE_ONCE_MAX, ret_once);

	if (r == 0 && !store_is_once(*ret_once))
		return input_fail(input, PROBLEM_INVALID_FIELD, value,
				  "idempotency_key must be of 1 to %d visible ASCII characters.", STORE_ONCE_MAX);
	return r;
}

int job_text_read_options(const struct run_input *input, struct job_options *ret_options, struct problem *problem)
{
	struct input reader = { .problem = problem };
	json_t *url = json_object_get(input->root, also[0]), *once = json_object_get(input->root, also[1]);
	int r = 0;

	*ret_options = (struct job_options){ 0 };
	(void)snprintf(reader.place, sizeof reader.place, "%s", also[0]);
	if (url && !json_is_null(url))
		r = take_url(&reader, url, &ret_options->callback_url);
	(void)snprintf(reader.place, sizeof reader.place, "%s", also[1]);
	if (r == 0 && once && !json_is_null(once))
		r = take_once(&reader, once, &ret_options->once);
	return r;
}

void job_text_write_cases(const struct case_runs *runs, struct json_out *json)
{
	json_out_key(json, "result");
	json_out_open(json, '{');
	case_runs_write(runs, json);
	json_out_close(json, '}');
	json_out_key(json, "problem");
	json_out_null(json);
}

void job_text_write_result(const struct run_outcome *outcome, const char *run_id, struct json_out *json)
{
	json_out_key(json, "result");
	json_out_open(json, '{');
	run_answer_write(run_id, outcome, 0, json);
	json_out_close(json, '}');
	json_out_key(json, "problem");
	json_out_null(json);
}

void job_text_write_problem(const struct problem *problem, const char *id, struct json_out *json)
{
	json_out_key(json, "result");
	json_out_null(json);
	json_out_key(json, "problem");
	json_out_open(json, '{');
	problem_write(problem, id, json);
	json_out_close(json, '}');
}

static void write_time(struct json_out *json, const char *name, uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm parts;
	char text[40];
	size_t used;

	json_out_key(json, name);
	if (ms == 0) {
		json_out_null(json);
		return;
	}
	(void)gmtime_r(&seconds, &parts);
	used = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
	(void)snprintf(text + used, sizeof text - used, ".%03uZ", (unsigned)(ms % 1000));
	json_out_text(json, text);
}

/* A job that has ended without a stored end had begun when the server broke off. */
static void write_end(const struct store_job *job, const char *end, size_t end_size, struct json_out *json)
{
	struct problem problem;

	if (job->state == STORE_DONE && job->result_size == 0) {
		(void)problem_say(&problem, PROBLEM_MAY_HAVE_RUN,
				  "The server broke off after the job had begun; the program may have run in part or whole.");
		job_text_write_problem(&problem, job->id, json);
	} else if (end_size > 0) {
		json_out_raw(json, ", ");
		json_out_raw(json, end);
	}
}

static void write_members(const struct store_job *job, struct json_out *json)
{
	json_out_key(json, "id");
	json_out_text(json, job->id);
	json_out_key(json, "state");
	json_out_text(json, store_state_name(job->state));
	json_out_key(json, "verdict");
	json_out_text(json, job->verdict[0] != '\0' ? job->verdict : NULL);
	json_out_key(json, "priority");
	json_out_i64(json, job->priority);
	write_time(json, "created_at", job->created_ms);
	write_time(json, "started_at", job->started_ms);
	write_time(json, "ended_at", job->ended_ms);
	write_time(json, "deadline_at", job->deadline_ms);
	json_out_key(json, "idempotency_key");
	json_out_text(json, job->once[0] != '\0' ? job->once : NULL);
	json_out_key(json, "callback");
	json_out_text(json, store_delivery_name(job->delivery));
	json_out_key(json, "callback_attempts");
	json_out_u64(json, job->delivery_attempts);
}

void job_text_write_head(const struct store_job *job, struct json_out *json)
{
	json_out_open(json, '{');
	write_members(job, json);
	json_out_close(json, '}');
}

void job_text_write(const struct store_job *job, const char *end, size_t end_size, struct json_out *json)
{
	json_out_open(json, '{');
	write_members(job, json);
	write_end(job, end, end_size, json);
	json_out_close(json, '}');
}

int json_out_seal(struct json_out *json, size_t max)
{
	size_t size = json->is_failed ? 0 : json_out_size(json), at = 0;
	char *text;
	int fd;

	if (json->is_failed)
		return -ENOMEM;
	if (size > max)
		return -EFBIG;
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	for (size_t n = 1; at < size && n > 0; at += n)
		n = json_out_read(json, text + at, size - at);
	fd = fd_new_sealed("result", text, size);
	free(text);
	return fd;
}
