/* SPDX-License-Identifier: Apache-2.0
 *
 * The store knows that a job was begun before it begins, and has its result before it is forgotten here; what happens in between, to
 * either process, ends in one result or in "it had begun".
 */
#include "api/job_runner.h"

#include "api/internal.h"
#include "api/job.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_USEC 500000L /* for jobs that had no room, and ends that could not be stored */
#define JOBS_MAX   256     /* under way at once */
#define PARCEL_MAX (80 * MIB)

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

struct api *job_runner_api(const struct job_runner *runner)
{
	return runner->api;
}

void job_runner_retry_later(struct job_runner *runner)
{
	static const struct timeval wait = { .tv_usec = RETRY_USEC };

	if (!evtimer_pending(runner->on_retry, NULL))
		(void)evtimer_add(runner->on_retry, &wait);
}

void job_runner_forget(struct job *job)
{
	struct job_runner *runner = job->runner;

	LIST_REMOVE(job, list);
	runner->count--;
	job_free(job);
	if (runner->is_stopping && runner->count == 0 && runner->on_idle)
		runner->on_idle(runner->arg);
}

static bool take_one(struct job_runner *runner, const char *parcel, size_t size, size_t *at)
{
	struct store_job stored;
	struct job *job;

	if (!store_take(parcel, size, at, &stored, sizeof stored) || stored.body_size > size - *at ||
	    !memchr(stored.id, '\0', sizeof stored.id))
		return false;
	job = job_new(runner, &stored);
	if (!job)
		return false;
	LIST_INSERT_HEAD(&runner->jobs, job, list);
	runner->count++;
	job_begin(job, &stored, parcel + *at);
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
		job_runner_retry_later(runner);
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
			job_runner_retry_later(runner); /* no sandbox yet */
		return;
	}
	runner->is_claiming = link_call(link, STORE_CLAIM, &call, sizeof call, NULL, on_claimed, runner) == 0;
}

static void go_on(struct job_runner *runner)
{
	struct job *job, *next;

	for (job = LIST_FIRST(&runner->jobs); job; job = next) {
		next = LIST_NEXT(job, list);
		job_go_on(job);
		job_store_end(job);
	}
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct job_runner *runner = arg;

	(void)fd;
	(void)what;
	go_on(runner);
	job_runner_pump(runner);
}

void job_runner_on_up(struct job_runner *runner)
{
	go_on(runner);
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
			job_runner_forget(job);
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
		job_runner_forget(LIST_FIRST(&runner->jobs));
	event_free(runner->on_retry);
	free(runner);
}
