/* SPDX-License-Identifier: Apache-2.0 */
#include "api/job.h"

#include "api/internal.h"
#include "api/job_runner.h"
#include "api/job_text.h"
#include "api/observe.h"
#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- its end --------------------------------------------------------------------------------------------------------------- */

static void on_stored(const struct store_answer *answer, int *parcel, void *arg)
{
	struct job *job = arg;
	struct job_runner *runner = job->runner;

	(void)parcel;
	job->is_on_its_way = false;
	if (answer->status == 0 || answer->status == -EALREADY) { /* -EALREADY: canceled, or told twice */
		job_runner_forget(job);
		job_runner_pump(runner);
	} else if (answer->status != -ECONNRESET) {
		job_runner_retry_later(runner);
	}
}

void job_store_end(struct job *job)
{
	struct link *link = job_runner_api(job->runner)->link;
	struct store_result result = { .number = job->number };
	struct store_release release = { .number = job->number };
	int copy = job->result >= 0 ? fcntl(job->result, F_DUPFD_CLOEXEC, 3) : -EBADF, r;

	if (job->phase == JOB_RUNNING || job->is_on_its_way || !link_is_up(link)) {
		(void)fd_close(copy);
		return;
	}
	memcpy(result.verdict, job->verdict, sizeof result.verdict);
	if (job->phase == JOB_DID_NOT_RUN)
		r = link_call(link, STORE_RELEASE, &release, sizeof release, NULL, on_stored, job);
	else
		r = copy < 0 ? -EMFILE : link_call(link, STORE_RESULT, &result, sizeof result, &copy, on_stored, job);
	job->is_on_its_way = r == 0;
	if (r < 0)
		job_runner_retry_later(job->runner);
}

static const char too_long[] =
	"\"result\": null, \"problem\": {\"type\": \"/docs#internal_may_have_run\", \"title\": \"The server failed while the "
	"program "
	"ran\", \"status\": 500, \"detail\": \"The program ran, and its result is too long to be kept.\", \"code\": "
	"\"internal_may_have_run\", \"retryable\": \"may_have_run\", \"request_id\": \"\"}";

static void set_end(struct job *job, const char *verdict, struct json_out *json)
{
	job->run = NULL;
	job->phase = JOB_ENDED;
	(void)snprintf(job->verdict, sizeof job->verdict, "%s", verdict);
	job->result = json_out_seal(json, STORE_RESULT_MAX_BYTES);
	json_out_free(json);
	if (job->result == -EFBIG)
		job->result = fd_new_sealed("result", too_long, strlen(too_long));
	if (job->result < 0) /* there is no memory for it: broken off, as the store will say at the next hello */
		(void)snprintf(job->verdict, sizeof job->verdict, "internal");
	job_store_end(job);
}

static void end_with_problem(struct job *job, const char *verdict, const struct problem *problem)
{
	struct json_out json = { 0 };

	job_text_write_problem(problem, job->id, &json);
	set_end(job, verdict, &json);
}

static void end_unrun(struct job *job)
{
	job->run = NULL;
	job->phase = JOB_DID_NOT_RUN;
	job_store_end(job);
	job_runner_retry_later(job->runner);
}

static void on_done(struct run_outcome *outcome, void *arg)
{
	struct job *job = arg;
	struct json_out json = { 0 };
	struct problem problem;
	char id[ID_BYTES];

	job->run = NULL;
	if (outcome->end != RUN_ENDED) {
		end_unrun(job);
		return;
	}
	if (run_answer_problem(outcome, &problem)) {
		end_with_problem(job, verdict_name(outcome->result.verdict), &problem);
	} else {
		id_make("run_", id);
		job_text_write_result(outcome, id, &json);
		set_end(job, verdict_name(outcome->result.verdict), &json);
	}
	job_runner_pump(job->runner);
}

/* --- many cases ------------------------------------------------------------------------------------------------------------ */

static int start_case(struct run_input *input, run_done_fn *done, void *run_arg, struct run **ret_run, void *arg)
{
	const struct job *job = arg;

	input->request.tag = &job->tag;
	input->request.owner = job->tag.key;
	return run_start_input(job_runner_api(job->runner), input, done, run_arg, ret_run);
}

static void drop_cases(struct job *job)
{
	case_runs_free(job->cases);
	job->cases = NULL;
}

static void on_cases_end(void *arg)
{
	struct job *job = arg;
	struct json_out json = { 0 };

	job_text_write_cases(job->cases, &json);
	set_end(job, case_runs_verdict(job->cases), &json);
	drop_cases(job);
	job_runner_pump(job->runner);
}

static void on_cases_failed(struct problem *problem, void *arg)
{
	struct job *job = arg;

	drop_cases(job);
	if (!problem->may_have_run && problem_rows[problem->kind].status >= 500)
		end_unrun(job);
	else
		end_with_problem(job, problem->may_have_run ? "internal" : "refused", problem);
	job_runner_pump(job->runner);
}

/* A job none of whose cases has run is given back; else those that have ended stand, and the others follow. */
static void on_cases_wait(void *arg)
{
	struct job *job = arg;

	job->waits = job->cases->ended > 0;
	if (job->waits) {
		job_runner_retry_later(job->runner);
	} else {
		drop_cases(job);
		end_unrun(job);
	}
}

void job_go_on(struct job *job)
{
	struct problem problem;
	int r = job->waits ? case_runs_go_on(job->cases) : 0;

	job->waits = false;
	if (r == -EBUSY || r == -ENOTCONN) {
		on_cases_wait(job);
	} else if (r < 0) {
		run_submit_problem(r, &job->cases->input, &problem);
		problem.may_have_run = true;
		on_cases_failed(&problem, job);
	}
}

/* Takes the input over when it succeeds. Errors as service_run's: none has run. */
static int begin_cases(struct job *job, struct run_input *input)
{
	const struct api *api = job_runner_api(job->runner);
	int r;

	job->how = (struct case_runs_events){
		.start = start_case,
		.on_wait = on_cases_wait,
		.on_end = on_cases_end,
		.on_failed = on_cases_failed,
		.arg = job,
	};
	job->cases = case_runs_new(input, caller_share(keys_get(api->keys, job->tag.key)), &job->how);
	if (!job->cases)
		return -ENOMEM;
	r = case_runs_go_on(job->cases);
	if (r < 0 && job->cases->running == 0)
		drop_cases(job);
	return job->cases ? 0 : r;
}

/* --- its beginning --------------------------------------------------------------------------------------------------------- */

static void free_input(struct run_input *input)
{
	run_input_free(input);
}

static int begin_one(struct job *job, struct run_input *input)
{
	input->request.tag = &job->tag;
	input->request.owner = job->tag.key;
	return run_start_input(job_runner_api(job->runner), input, on_done, job, &job->run);
}

void job_begin(struct job *job, const struct store_job *stored, const char *body)
{
	struct api *api = job_runner_api(job->runner);
	_cleanup_(free_input) struct run_input input = { 0 };
	struct problem problem;
	int r = job_text_read(api, &api->options.most, body, stored->body_size, &input, &problem);

	if (r == -EINVAL) { /* it was taken by an earlier configuration */
		end_with_problem(job, "refused", &problem);
		return;
	}
	if (stored->deadline_ms > 0 && stored->deadline_ms < now_ms()) {
		(void)problem_say(&problem, PROBLEM_DEADLINE, "The job could not begin before its deadline; nothing ran.");
		end_with_problem(job, "deadline", &problem);
		return;
	}
	job->tag = observe_tag(stored->key, job->id, body, stored->body_size);
	if (r == 0)
		r = input.cases_count > 0 ? begin_cases(job, &input) : begin_one(job, &input);
	if (r == 0)
		return;
	if (r == -EBUSY || r == -ENOTCONN || r == -ESHUTDOWN || r == -ENOMEM) {
		end_unrun(job);
	} else {
		run_submit_problem(r, &input, &problem);
		end_with_problem(job, "refused", &problem);
	}
}

struct job *job_new(struct job_runner *runner, const struct store_job *stored)
{
	struct job *job = calloc(1, sizeof *job);

	if (!job)
		return NULL;
	job->runner = runner;
	job->number = stored->number;
	job->result = -EBADF;
	memcpy(job->id, stored->id, sizeof job->id);
	return job;
}

void job_free(struct job *job)
{
	link_forget(job_runner_api(job->runner)->link, job);
	if (job->run)
		run_cancel(job->run);
	case_runs_free(job->cases);
	(void)fd_close(job->result);
	free(job);
}
