/* SPDX-License-Identifier: Apache-2.0 */
#include "service/internal.h"

#include <stdlib.h>

int service_new(struct event_base *base, const struct service_options *options, const struct service_events *events,
		struct service **ret_service)
{
	struct service *service = calloc(1, sizeof *service);

	if (!service)
		return -ENOMEM;
	service->base = base;
	service->options = *options;
	service->events = events;
	LIST_INIT(&service->providers);
	TAILQ_INIT(&service->ready);
	TAILQ_INIT(&service->waiting);
	TAILQ_INIT(&service->running);
	*ret_service = service;
	return 0;
}

static void unlink_run(struct run *run)
{
	struct service *service = run->service;

	if (run->is_running) {
		TAILQ_REMOVE(&service->running, run, link);
		service->running_count--;
	} else {
		TAILQ_REMOVE(&service->waiting, run, link);
		service->waiting_count--;
	}
}

static void tell_end(const struct run *run, const struct run_outcome *outcome)
{
	const struct service_events *events = run->service->events;

	if (events->on_end)
		events->on_end(&run->tag, outcome, events->arg);
}

void run_cancel(struct run *run)
{
	tell_end(run, NULL);
	unlink_run(run);
	run_free(run);
}

void service_free(struct service *service)
{
	if (!service)
		return;
	while (!TAILQ_EMPTY(&service->waiting))
		run_cancel(TAILQ_FIRST(&service->waiting));
	while (!TAILQ_EMPTY(&service->running))
		run_cancel(TAILQ_FIRST(&service->running));
	while (!LIST_EMPTY(&service->providers))
		provider_free(LIST_FIRST(&service->providers));
	free(service);
}

/* Moves a run that has its job from the one list to the other. */
static void note_running(struct service *service, struct run *run)
{
	if (run->turn > service->turn)
		service->turn = run->turn;
	TAILQ_REMOVE(&service->waiting, run, link);
	service->waiting_count--;
	TAILQ_INSERT_TAIL(&service->running, run, link);
	service->running_count++;
}

void service_requeue(struct run *run)
{
	struct service *service = run->service;

	unlink_run(run);
	run_wait_again(run);
	TAILQ_INSERT_HEAD(&service->waiting, run, link);
	service->waiting_count++;
	if (service->is_stopping)
		service_finish(run, RUN_STOPPED);
	else if (LIST_EMPTY(&service->providers))
		service_finish(run, RUN_NO_PROVIDER);
	else
		service_dispatch(service);
}

/* Owners take turns: a run's turn is one more than its owner's last, and none before that of the run that began last. An owner who is
 * forgotten, because too many others came, begins like a new one. */
static uint64_t next_turn(struct service *service, uint64_t owner)
{
	struct owner_turn *mine = NULL, *lowest = &service->turns[0];

	array_for_each(service->turns, row) {
		if (row->owner == owner && row->next > 0)
			mine = row;
		if (row->next < lowest->next)
			lowest = row;
	}
	if (!mine) {
		mine = lowest;
		*mine = (struct owner_turn){ .owner = owner };
	}

	uint64_t turn = mine->next > service->turn ? mine->next : service->turn;

	mine->next = turn + 1;
	return turn;
}

void service_queue(struct run *run)
{
	struct service *service = run->service;
	struct run *before = TAILQ_LAST(&service->waiting, runs);

	run->turn = next_turn(service, run->owner);
	while (before && (before->priority < run->priority || (before->priority == run->priority && before->turn > run->turn)))
		before = TAILQ_PREV(before, runs, link);
	if (before)
		TAILQ_INSERT_AFTER(&service->waiting, before, run, link);
	else
		TAILQ_INSERT_HEAD(&service->waiting, run, link);
	service->waiting_count++;
}

int service_run(struct service *service, const struct run_request *request, run_done_fn *done, void *arg, struct run **ret_run)
{
	struct run *run;

	if (service->is_stopping)
		return -ESHUTDOWN;
	if (LIST_EMPTY(&service->providers))
		return -ENOTCONN;

	int r = run_new(service, request, &run);

	if (r < 0)
		return r;
	if (service->known_count > 0 && !provider_is_known(service, run))
		r = -ENOENT;
	else if (!cell_find(service, run) && service->waiting_count >= service->options.queue_max)
		r = -EBUSY;
	else
		r = run_load(run, request);
	if (r < 0) {
		run_free(run);
		return r;
	}
	run->done = done;
	run->arg = arg;
	*ret_run = run;
	run_wait(run);
	service_queue(run);
	service_dispatch(service);
	return 0;
}

void service_dispatch(struct service *service)
{
	struct run *next;

	for (struct run *run = TAILQ_FIRST(&service->waiting); run && !TAILQ_EMPTY(&service->ready); run = next) {
		struct cell *cell = cell_find(service, run);

		next = TAILQ_NEXT(run, link);
		if (!cell)
			continue;
		cell_take(cell);
		if (run_start(run, cell) == 0)
			note_running(service, run);
		else
			next = run; /* the cell died while it was ready: the run takes another */
		cell_free(cell);
	}
}

void service_finish(struct run *run, enum run_end end)
{
	nsec_t left_queue_at = run->is_running ? run->started_at : clock_now();
	struct run_outcome outcome = {
		.end = end,
		.result = run->result,
		.refusal = run->refusal,
		.limits = run->limits,
		.out = run->out.bytes,
		.err = run->err.bytes,
		.is_out_truncated = run->out.is_truncated,
		.is_err_truncated = run->err.is_truncated,
		.segments = run->segments,
		.segments_count = run->segments_count,
		.output_bytes = run->output_bytes,
		.displays = run->report.displays,
		.displays_count = run->report.displays_count,
		.are_displays_truncated = run->report.is_cut,
		.value = run->report.value,
		.value_bytes = run->report.value_size,
		.is_value_truncated = run->report.is_value_cut,
		.files = run->files,
		.files_count = run->files_count,
		.are_files_truncated = run->are_files_truncated,
		.place = run->place,
		.queue_time = left_queue_at - run->admitted_at,
	};

	run->out.bytes = run->err.bytes = buf_new(1); /* moved to the outcome */
	unlink_run(run);
	run_drop_cell(run); /* before its client is told */
	tell_end(run, &outcome);
	run->done(&outcome, run->arg);
	buf_free(&outcome.out);
	buf_free(&outcome.err);
	run_free(run);
}

void service_end_waiting(struct service *service, enum run_end end)
{
	while (!TAILQ_EMPTY(&service->waiting))
		service_finish(TAILQ_FIRST(&service->waiting), end);
}

void service_stop(struct service *service)
{
	service->is_stopping = true;
	service_end_waiting(service, RUN_STOPPED);
}

struct service_state service_look(const struct service *service)
{
	const struct provider *provider;
	struct service_state state = {
		.cells_ready = service->cells_count,
		.running = service->running_count,
		.waiting = service->waiting_count,
		.cells_total = service->cells_total,
	};

	LIST_FOREACH(provider, &service->providers, link)
	state.providers++;
	for (unsigned i = 0; i < service->known_count; i++)
		state.slots += service->known[i].slots;
	return state;
}
