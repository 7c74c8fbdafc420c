/* SPDX-License-Identifier: Apache-2.0
 * v1_jobs.c: GET and DELETE of /v1/jobs/{id}, and the list of jobs. Submission: v1_job_submit.c.
 */
#include "api/internal.h"
#include "api/job_call.h"
#include "api/job_runner.h"
#include "api/job_text.h"
#include "base/num.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_DEFAULT 20

/* --- one job ------------------------------------------------------------------------------------------------------------------ */

static void end_texts(struct store_job *job)
{
	job->id[sizeof job->id - 1] = job->verdict[sizeof job->verdict - 1] = job->once[sizeof job->once - 1] = '\0';
}

/* Answers with the job of a parcel. Returns its number; 0: there was none. */
static uint64_t answer_job(struct call *call, int fd)
{
	char *parcel = NULL;
	size_t size = 0, at = 0;
	struct store_job job = { 0 };
	struct reply *reply = job_call_reply(fd, &parcel, &size);

	if (reply && store_take(parcel, size, &at, &job, sizeof job)) {
		end_texts(&job);
		job_text_write(&job, parcel + at, size - at, &reply->json);
	} else {
		reply_free(reply);
		reply = NULL;
	}
	call_answer(call, reply ? 200 : 500, reply);
	return job.number;
}

static void on_got(const struct store_answer *answer, int *parcel, void *arg)
{
	struct call *call = arg;

	call->gone = NULL;
	if (answer->status < 0)
		job_call_refuse(call, answer->status);
	else
		(void)answer_job(call, *parcel);
}

static void on_canceled(const struct store_answer *answer, int *parcel, void *arg)
{
	struct call *call = arg;
	struct job_runner *runner = call->api->runner;

	call->gone = NULL;
	if (answer->status == -EALREADY)
		call_say(call, PROBLEM_CONFLICT, "The job has ended already.");
	else if (answer->status < 0)
		job_call_refuse(call, answer->status);
	else
		job_runner_cancel(runner, answer_job(call, *parcel));
}

static bool make_get(struct call *call, struct store_get *get)
{
	*get = (struct store_get){ .key = call->caller.key, .is_any = caller_sees_all(&call->caller) };
	if (!store_is_id(call->id)) {
		job_call_refuse(call, -ENOENT);
		return false;
	}
	memcpy(get->id, call->id, strlen(call->id) + 1);
	return true;
}

void serve_v1_job(struct call *call)
{
	struct store_get get;

	if (make_get(call, &get))
		job_call_ask(call, STORE_GET, &get, sizeof get, NULL, on_got);
}

void serve_v1_job_cancel(struct call *call)
{
	struct store_get get;

	if (make_get(call, &get))
		job_call_ask(call, STORE_CANCEL, &get, sizeof get, NULL, on_canceled);
}

/* --- list --------------------------------------------------------------------------------------------------------------------- */

static int take_states(const char *text, size_t size, uint32_t *states)
{
	for (size_t at = 0; at < size;) {
		size_t length = strcspn(text + at, ",&");
		uint32_t state = 0;

		if (length > size - at)
			length = size - at;
		while (state < STORE_STATES &&
		       (strlen(store_state_name(state)) != length || strncmp(store_state_name(state), text + at, length) != 0))
			state++;
		if (state == STORE_STATES)
			return -EINVAL;
		*states |= 1u << state;
		at += length + 1;
	}
	return *states != 0 ? 0 : -EINVAL;
}

static int take_number(const char *text, size_t size, uint64_t max, uint64_t *ret_value)
{
	char digits[24];

	if (size >= sizeof digits)
		return -EINVAL;
	(void)snprintf(digits, sizeof digits, "%.*s", (int)size, text);
	return num_parse_u64(digits, 1, max, ret_value);
}

/* "state=queued,started&limit=10&cursor=123". Returns the name of the member at fault, or NULL. */
static const char *read_query(const char *query, struct store_list *list)
{
	while (*query != '\0') {
		size_t size = strcspn(query, "&"), name = strcspn(query, "=&");
		const char *value = query + name + 1;
		size_t value_size = name < size ? size - name - 1 : 0;
		uint64_t number = 0;

		if (name == 5 && strncmp(query, "state", name) == 0) {
			if (take_states(value, value_size, &list->states) < 0)
				return "state";
		} else if (name == 5 && strncmp(query, "limit", name) == 0) {
			if (take_number(value, value_size, STORE_LIST_MAX, &number) < 0)
				return "limit";
			list->count = (uint32_t)number;
		} else if (name == 6 && strncmp(query, "cursor", name) == 0) {
			if (take_number(value, value_size, INT64_MAX, &list->before) < 0)
				return "cursor";
		} else {
			return "query";
		}
		query += size;
		query += *query == '&';
	}
	return NULL;
}

static void write_list(const char *parcel, size_t size, uint32_t count, struct json_out *json)
{
	struct store_job job = { 0 };
	size_t at = 0;
	uint32_t written = 0;

	json_out_open(json, '{');
	json_out_key(json, "jobs");
	json_out_open(json, '[');
	while (store_take(parcel, size, &at, &job, sizeof job)) {
		end_texts(&job);
		job_text_write_head(&job, json);
		written++;
	}
	json_out_close(json, ']');
	json_out_key(json, "next_cursor");
	if (written > 0 && written == count) {
		char cursor[24];

		(void)snprintf(cursor, sizeof cursor, "%llu", (unsigned long long)job.number);
		json_out_text(json, cursor);
	} else {
		json_out_null(json);
	}
	json_out_close(json, '}');
}

static void on_listed(const struct store_answer *answer, int *parcel, void *arg)
{
	struct call *call = arg;
	uint32_t count = (uint32_t)(uintptr_t)call->work;
	struct reply *reply = NULL;
	char *bytes = NULL;
	size_t size = 0;

	call->gone = NULL;
	if (answer->status < 0) {
		job_call_refuse(call, answer->status);
		return;
	}
	if (*parcel < 0)
		reply = reply_new();
	else
		reply = job_call_reply(*parcel, &bytes, &size);
	if (reply)
		write_list(bytes ? bytes : "", size, count, &reply->json);
	call_answer(call, reply ? 200 : 500, reply);
}

void serve_v1_jobs(struct call *call)
{
	struct store_list list = {
		.key = call->caller.key,
		.is_any = caller_sees_all(&call->caller),
		.count = LIST_DEFAULT,
	};
	const char *query = http_query(call->http);
	const char *wrong = query ? read_query(query, &list) : "query";

	if (wrong) {
		struct problem problem;

		(void)problem_say(
			&problem, PROBLEM_INVALID_FIELD,
			"The query may hold state (queued, started, done, canceled, with commas), limit (1 to %d) and cursor.",
			STORE_LIST_MAX);
		problem_set_field(&problem, "%s", wrong);
		call_refuse(call, &problem);
		return;
	}
	call->work = (void *)(uintptr_t)list.count;
	job_call_ask(call, STORE_LIST, &list, sizeof list, NULL, on_listed);
}
