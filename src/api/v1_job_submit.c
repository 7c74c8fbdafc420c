/* SPDX-License-Identifier: Apache-2.0
 * v1_job_submit.c: POST of /v1/jobs and /v1/jobs/batch. A job is accepted when the store has it on the disk; the rest is job_runner.c's.
 */
#include "api/internal.h"
#include "api/job_call.h"
#include "api/job_runner.h"
#include "api/job_text.h"
#include "api/json_in.h"
#include "base/fd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void free_input(struct run_input *input)
{
	run_input_free(input);
}

/* Checks one job and appends its item. -EINVAL: the problem says why; -ENOBUFS: it is too long; -ENOMEM. */
static int add_item(struct call *call, const char *body, size_t size, struct buf *parcel, struct problem *problem)
{
	_cleanup_(free_input) struct run_input input = { 0 };
	struct store_item item = { .body_size = (uint32_t)size };
	const char *header = http_header(call->http, "Idempotency-Key");
	struct job_options options = { 0 };
	int r = size <= STORE_BODY_MAX_BYTES ? job_text_read(call->api, &call->caller.most, body, size, &input, problem) : -ENOBUFS;

	if (r == 0)
		r = job_text_read_options(&input, &options, problem);
	if (r == 0)
		r = caller_check_input(&call->caller, &input, problem);
	if (r == 0)
		r = run_submit_check_deadline(call, &input, link_queued(call->api->link), problem);
	if (r < 0)
		return r;
	if (!options.once && header && store_is_once(header))
		options.once = header;
	item.priority = input.request.priority;
	item.deadline_ms = input.deadline_ms > 0 ? wall_ms() + input.deadline_ms : 0;
	item.url_size = options.callback_url ? (uint32_t)strlen(options.callback_url) : 0;
	(void)snprintf(item.once, sizeof item.once, "%s", options.once ? options.once : "");
	r = buf_append(parcel, &item, sizeof item);
	if (r == 0)
		r = buf_append(parcel, body, size);
	if (r == 0 && item.url_size > 0)
		r = buf_append(parcel, options.callback_url, item.url_size);
	return r;
}

static void submit(struct call *call, const struct buf *parcel, uint32_t count, link_done_fn *done)
{
	struct store_submit submit = { .key = call->caller.key, .count = count };
	int fd = fd_new_sealed("jobs", parcel->bytes, parcel->size);

	if (fd < 0)
		call_answer(call, 500, NULL);
	else
		job_call_ask(call, STORE_SUBMIT, &submit, sizeof submit, &fd, done);
}

static void refuse_item(struct call *call, int r, const struct problem *problem)
{
	if (r == -EINVAL)
		call_refuse(call, problem);
	else if (r == -ENOBUFS)
		call_say(call, PROBLEM_BODY_TOO_LONG, "The jobs are too long together; send fewer at once.");
	else
		call_answer(call, 500, NULL);
}

static bool take_ticket(const char *parcel, size_t size, size_t *at, struct store_ticket *ticket)
{
	bool is_there = store_take(parcel, size, at, ticket, sizeof *ticket);

	ticket->id[sizeof ticket->id - 1] = '\0';
	return is_there && store_state_name(ticket->state);
}

static void write_ticket(const struct store_ticket *ticket, struct json_out *json)
{
	json_out_open(json, '{');
	json_out_key(json, "id");
	json_out_text(json, ticket->id);
	json_out_key(json, "state");
	json_out_text(json, store_state_name(ticket->state));
	json_out_key(json, "is_new");
	json_out_bool(json, ticket->outcome == STORE_NEW);
	json_out_close(json, '}');
}

static void refuse_conflict(struct call *call, const char *parcel, size_t size)
{
	struct store_ticket ticket;
	struct problem problem;
	size_t at = 0;
	unsigned index = 0;

	while (take_ticket(parcel, size, &at, &ticket) && ticket.outcome != STORE_OTHER_BODY)
		index++;
	(void)problem_say(&problem, PROBLEM_CONFLICT,
			  "This idempotency_key was used with another body, for the job %s. Nothing was accepted.", ticket.id);
	problem_set_field(&problem, "jobs[%u].idempotency_key", index);
	call_refuse(call, &problem);
}

static void answer_tickets(struct call *call, const char *parcel, size_t size, bool is_batch)
{
	struct reply *reply = reply_new();
	struct store_ticket ticket = { 0 };
	size_t at = 0;

	if (reply && is_batch) {
		json_out_open(&reply->json, '{');
		json_out_key(&reply->json, "jobs");
		json_out_open(&reply->json, '[');
	}
	while (reply && take_ticket(parcel, size, &at, &ticket))
		write_ticket(&ticket, &reply->json);
	if (reply && is_batch) {
		json_out_close(&reply->json, ']');
		json_out_close(&reply->json, '}');
	} else {
		call_add_field(call, "Location", "/v1/jobs/%s", ticket.id);
	}
	call_answer(call, reply ? 202 : 500, reply);
	job_runner_pump(call->api->runner);
}

static void on_taken(const struct store_answer *answer, int fd, struct call *call, bool is_batch)
{
	char *parcel = NULL;
	size_t size = 0;
	int r = answer->status;

	call->gone = NULL;
	if (r == 0 || r == -EEXIST) {
		if (store_read_parcel(fd, STORE_BATCH_MAX * sizeof(struct store_ticket), &parcel, &size) < 0)
			r = -EIO;
	}
	if (r == 0)
		answer_tickets(call, parcel, size, is_batch);
	else if (r == -EEXIST)
		refuse_conflict(call, parcel, size);
	else
		job_call_refuse(call, r);
	free(parcel);
}

static void on_one_taken(const struct store_answer *answer, int *fd, void *arg)
{
	on_taken(answer, *fd, arg, false);
}

static void on_batch_taken(const struct store_answer *answer, int *fd, void *arg)
{
	on_taken(answer, *fd, arg, true);
}

void serve_v1_job_submit(struct call *call)
{
	const struct buf *body = http_body(call->http);
	_cleanup_(buf_free) struct buf parcel = buf_new(STORE_BATCH_MAX_BYTES);
	struct problem problem;
	int r = add_item(call, body->bytes ? body->bytes : "", body->size, &parcel, &problem);

	if (r < 0)
		refuse_item(call, r, &problem);
	else
		submit(call, &parcel, 1, on_one_taken);
}

/* An element goes to the store as it would have come alone. */
static int add_element(struct call *call, json_t *element, size_t index, struct buf *parcel, struct problem *problem)
{
	char *text = json_dumps(element, JSON_COMPACT | JSON_ENCODE_ANY);
	int r = text ? add_item(call, text, strlen(text), parcel, problem) : -ENOMEM;

	free(text);
	if (r == -EINVAL) {
		char field[PROBLEM_FIELD_BYTES];

		(void)snprintf(field, sizeof field, "%s", problem->field);
		problem_set_field(problem, "jobs[%zu]%s%.64s", index, field[0] != '\0' ? "." : "", field);
	}
	return r;
}

static int read_batch(const struct buf *body, json_t **ret_root, json_t **ret_jobs, struct problem *problem)
{
	struct err err;
	int r = json_in_load(body->bytes ? body->bytes : "", body->size, JSON_IN_NUL, ret_root, &err);

	if (r < 0)
		return r == -EINVAL ? problem_say(problem, PROBLEM_BAD_JSON, "%s", err.text) : r;
	*ret_jobs = json_object_get(*ret_root, "jobs");
	if (json_is_array(*ret_jobs) && json_object_size(*ret_root) == 1 && json_array_size(*ret_jobs) >= 1 &&
	    json_array_size(*ret_jobs) <= STORE_BATCH_MAX)
		return 0;
	(void)problem_say(problem, PROBLEM_INVALID_FIELD, "The body must be {\"jobs\": [...]} with 1 to %d jobs.", STORE_BATCH_MAX);
	problem_set_field(problem, "jobs");
	return -EINVAL;
}

void serve_v1_job_batch(struct call *call)
{
	_cleanup_(json_in_freep) json_t *root = NULL;
	_cleanup_(buf_free) struct buf parcel = buf_new(STORE_BATCH_MAX_BYTES);
	json_t *jobs = NULL, *element;
	struct problem problem;
	size_t index;
	int r = read_batch(http_body(call->http), &root, &jobs, &problem);

	if (r == 0 && !caller_take(call, (uint32_t)json_array_size(jobs) - 1))
		return;
	if (r == 0) {
		json_array_foreach(jobs, index, element)
		{
			r = add_element(call, element, index, &parcel, &problem);
			if (r < 0)
				break;
		}
	}
	if (r < 0)
		refuse_item(call, r, &problem);
	else
		submit(call, &parcel, (uint32_t)json_array_size(jobs), on_batch_taken);
}
