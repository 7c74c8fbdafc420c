/* SPDX-License-Identifier: Apache-2.0
 *
 * A job here is running, or its end is to be stored: a result, or that it did not run and waits again. The store knows that it was
 * begun before it begins, and has its result before it is forgotten here; what happens in between, to either process, ends in one
 * result or in "it had begun".
 */
#include "api/job_runner.h"

#include "api/id.h"
#include "api/internal.h"
#include "api/job_text.h"
#include "api/observe.h"
#include "base/fd.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#define RETRY_USEC 500000L /* for jobs that had no room, and ends that could not be stored */
#define JOBS_MAX   256     /* under way at once */
#define PARCEL_MAX (80 * MIB)

enum phase { RUNNING, ENDED, DID_NOT_RUN };

struct job {
	LIST_ENTRY(job) list;
	struct job_runner *runner;
	uint64_t number;
	char id[STORE_ID_BYTES];
	struct run *run; /* while RUNNING */
	enum phase phase;
	bool is_on_its_way; /* its end is with the store */
	char verdict[16];
	int result; /* sealed memfd; -EBADF while RUNNING */
};

LIST_HEAD(jobs, job);

struct job_runner {
	struct api *api;
	struct event *on_retry;
	struct jobs jobs;
	unsigned count;
	bool is_claiming, is_stopping;
	void (*on_idle)(void *arg);
	void *arg;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void retry_later(struct job_runner *runner)
{
	static const struct timeval wait = { .tv_usec = RETRY_USEC };

	if (!evtimer_pending(runner->on_retry, NULL))
		(void)evtimer_add(runner->on_retry, &wait);
}

static void forget(struct job *job)
{
	struct job_runner *runner = job->runner;

	link_forget(runner->api->link, job);
	LIST_REMOVE(job, list);
	runner->count--;
	if (job->run)
		run_cancel(job->run);
	(void)fd_close(job->result);
	free(job);
	if (runner->is_stopping && runner->count == 0 && runner->on_idle)
		runner->on_idle(runner->arg);
}

static void on_stored(const struct store_answer *answer, int *parcel, void *arg)
{
	struct job *job = arg;
	struct job_runner *runner = job->runner;

	(void)parcel;
	job->is_on_its_way = false;
	if (answer->status == 0 || answer->status == -EALREADY) { /* -EALREADY: canceled, or told twice */
		forget(job);
		job_runner_pump(runner);
	} else if (answer->status != -ECONNRESET) {
		retry_later(runner);
	}
}

/* Tells the store how a job has ended. When it cannot be told now, the next link or the timer comes back to it. */
static void store_end(struct job *job)
{
	struct link *link = job->runner->api->link;
	struct store_result result = { .number = job->number };
	struct store_release release = { .number = job->number };
	int copy = job->result >= 0 ? fcntl(job->result, F_DUPFD_CLOEXEC, 3) : -EBADF, r;

	if (job->phase == RUNNING || job->is_on_its_way || !link_is_up(link)) {
		(void)fd_close(copy);
		return;
	}
	memcpy(result.verdict, job->verdict, sizeof result.verdict);
	if (job->phase == DID_NOT_RUN)
		r = link_call(link, STORE_RELEASE, &release, sizeof release, NULL, on_stored, job);
	else
		r = copy < 0 ? -EMFILE : link_call(link, STORE_RESULT, &result, sizeof result, &copy, on_stored, job);
	job->is_on_its_way = r == 0;
	if (r < 0)
		retry_later(job->runner);
}

static const char too_long[] =
	"\"result\": null, \"problem\": {\"type\": \"/docs#internal_may_have_run\", \"title\": \"The server failed while the "
	"program "
	"ran\", \"status\": 500, \"detail\": \"The program ran, and its result is too long to be kept.\", \"code\": "
	"\"internal_may_have_run\", \"retryable\": \"may_have_run\", \"request_id\": \"\"}";

static void set_end(struct job *job, const char *verdict, struct json_out *json)
{
	job->run = NULL;
	job->phase = ENDED;
	(void)snprintf(job->verdict, sizeof job->verdict, "%s", verdict);
	job->result = json_out_seal(json, STORE_RESULT_MAX_BYTES);
	json_out_free(json);
	if (job->result == -EFBIG)
		job->result = fd_new_sealed("result", too_long, strlen(too_long));
	if (job->result < 0) /* there is no memory for it: broken off, as the store will say at the next hello */
		(void)snprintf(job->verdict, sizeof job->verdict, "internal");
	store_end(job);
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
	job->phase = DID_NOT_RUN;
	store_end(job);
}

static void on_done(struct run_outcome *outcome, void *arg)
{
	struct job *job = arg;
	struct job_runner *runner = job->runner;
	struct json_out json = { 0 };
	struct problem problem;
	char id[ID_BYTES];

	job->run = NULL;
	if (outcome->end != RUN_ENDED) {
		end_unrun(job);
		retry_later(runner);
		return;
	}
	if (run_answer_problem(outcome, &problem)) {
		end_with_problem(job, verdict_name(outcome->result.verdict), &problem);
	} else {
		id_make("run_", id);
		job_text_write_result(outcome, id, &json);
		set_end(job, verdict_name(outcome->result.verdict), &json);
	}
	job_runner_pump(runner);
}

static void free_input(struct run_input *input)
{
	run_input_free(input);
}

/* Begins the run, or ends the job at once. */
static void begin(struct job *job, const struct store_job *stored, const char *body)
{
	struct api *api = job->runner->api;
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
	const struct run_tag tag = observe_tag(stored->key, job->id, body, stored->body_size);

	input.request.tag = &tag;
	input.request.owner = stored->key;
	if (r == 0)
		r = run_start_input(api, &input, on_done, job, &job->run);
	if (r == 0)
		return;
	if (r == -EBUSY || r == -ENOTCONN || r == -ESHUTDOWN || r == -ENOMEM) {
		end_unrun(job);
		retry_later(job->runner);
	} else {
		run_submit_problem(r, &input, &problem);
		end_with_problem(job, "refused", &problem);
	}
}

static bool take_one(struct job_runner *runner, const char *parcel, size_t size, size_t *at)
{
	struct store_job stored;
	struct job *job;

	if (!store_take(parcel, size, at, &stored, sizeof stored) || stored.body_size > size - *at ||
	    !memchr(stored.id, '\0', sizeof stored.id))
		return false;
	job = calloc(1, sizeof *job);
	if (!job)
		return false;
	job->runner = runner;
	job->number = stored.number;
	job->result = -EBADF;
	memcpy(job->id, stored.id, sizeof job->id);
	LIST_INSERT_HEAD(&runner->jobs, job, list);
	runner->count++;
	begin(job, &stored, parcel + *at);
	*at += stored.body_size;
	return true;
}

static void on_claimed(const struct store_answer *answer, int *fd, void *arg)
{
	struct job_runner *runner = arg;
	char *parcel = NULL;
	size_t size = 0, at = 0;
	int r = answer->status;

	runner->is_claiming = false;
	if (r == 0 && answer->count > 0)
		r = store_read_parcel(*fd, PARCEL_MAX, &parcel, &size);
	for (uint32_t i = 0; i < answer->count && r == 0; i++)
		r = take_one(runner, parcel, size, &at) ? 0 : -EPROTO;
	free(parcel);
	if (r < 0)
		retry_later(runner);
	else if (answer->count > 0)
		job_runner_pump(runner);
}

/* As many under way as there are sandboxes: the queue is the store's, where keys take turns and a crash costs nothing. */
static unsigned room(const struct job_runner *runner)
{
	struct service_state state = service_look(runner->api->service);
	unsigned most = state.slots < JOBS_MAX ? state.slots : JOBS_MAX;

	return state.providers > 0 && runner->count < most ? most - runner->count : 0;
}

void job_runner_pump(struct job_runner *runner)
{
	struct link *link = runner->api->link;
	unsigned count = room(runner);
	struct store_claim call = { .count = count < STORE_CLAIM_MAX ? count : STORE_CLAIM_MAX };

	if (runner->is_stopping || runner->is_claiming || !link_is_up(link) || evtimer_pending(runner->on_retry, NULL))
		return;
	if (count == 0) {
		if (runner->count == 0 && link_queued(link) > 0)
			retry_later(runner); /* no sandbox yet */
		return;
	}
	runner->is_claiming = link_call(link, STORE_CLAIM, &call, sizeof call, NULL, on_claimed, runner) == 0;
}

static void store_ends(struct job_runner *runner)
{
	struct job *job, *next;

	for (job = LIST_FIRST(&runner->jobs); job; job = next) {
		next = LIST_NEXT(job, list);
		store_end(job);
	}
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct job_runner *runner = arg;

	(void)fd;
	(void)what;
	store_ends(runner);
	job_runner_pump(runner);
}

void job_runner_on_up(struct job_runner *runner)
{
	store_ends(runner);
	job_runner_pump(runner);
}

void job_runner_on_lost(struct job_runner *runner)
{
	if (runner->is_stopping && runner->on_idle)
		runner->on_idle(runner->arg);
}

void job_runner_list(const struct job_runner *runner, struct buf *numbers)
{
	struct job *job;

	LIST_FOREACH(job, &runner->jobs, list)
	{
		job->is_on_its_way = false;
		(void)buf_append(numbers, &job->number, sizeof job->number);
	}
}

void job_runner_cancel(struct job_runner *runner, uint64_t number)
{
	struct job *job;

	LIST_FOREACH(job, &runner->jobs, list)
	{
		if (job->number == number) {
			forget(job);
			job_runner_pump(runner);
			return;
		}
	}
}

void job_runner_stop(struct job_runner *runner, void (*on_idle)(void *arg), void *arg)
{
	runner->is_stopping = true;
	runner->on_idle = on_idle;
	runner->arg = arg;
}

/* Without a store there is nobody to wait for. */
bool job_runner_is_idle(const struct job_runner *runner)
{
	return runner->count == 0 || link_is_lost(runner->api->link);
}

int job_runner_new(struct api *api, struct event_base *base, struct job_runner **ret_runner)
{
	struct job_runner *runner = calloc(1, sizeof *runner);

	if (!runner)
		return -ENOMEM;
	*runner = (struct job_runner){ .api = api };
	LIST_INIT(&runner->jobs);
	runner->on_retry = evtimer_new(base, on_retry, runner);
	if (!runner->on_retry) {
		free(runner);
		return -ENOMEM;
	}
	*ret_runner = runner;
	return 0;
}

void job_runner_free(struct job_runner *runner)
{
	if (!runner)
		return;
	runner->on_idle = NULL;
	while (!LIST_EMPTY(&runner->jobs))
		forget(LIST_FIRST(&runner->jobs));
	event_free(runner->on_retry);
	free(runner);
}
