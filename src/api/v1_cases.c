/* SPDX-License-Identifier: Apache-2.0
 * v1_cases.c: POST /v1/runs with cases. The answer comes when all have ended; a stream tells of each as it ends.
 */
#include "api/case_runs.h"
#include "api/event_stream.h"
#include "api/internal.h"
#include "api/outcome.h"
#include "api/run_submit.h"

#include <errno.h>
#include <stdlib.h>

struct cases {
	struct call *call;
	struct case_runs *runs;
	struct case_runs_events how;
	bool is_streamed;
	struct event_stream events;
};

/* --- telling --------------------------------------------------------------------------------------------------------------- */

static void tell_start(struct cases *cases)
{
	struct json_out json = { 0 };

	event_stream_open(&cases->events, "start", &json);
	json_out_key(&json, "id");
	json_out_text(&json, cases->runs->id);
	json_out_key(&json, "request_id");
	json_out_text(&json, cases->call->request_id);
	event_stream_send(&cases->events, &json);
}

/* What a stream has told need not be kept. */
static void tell_one(struct case_run *one, void *arg)
{
	struct cases *cases = arg;
	struct json_out json = { 0 };

	event_stream_open(&cases->events, "case", &json);
	case_runs_write_one(one, &json);
	event_stream_send(&cases->events, &json);
	outcome_free(one->outcome);
	one->outcome = NULL;
}

/* The outcomes live as long as the call, which is longer than the reply. */
static void answer(struct cases *cases)
{
	struct reply *reply = reply_new();

	if (reply) {
		json_out_open(&reply->json, '{');
		case_runs_write(cases->runs, &reply->json);
		json_out_close(&reply->json, '}');
	}
	call_answer(cases->call, 200, reply);
}

static void on_end(void *arg)
{
	struct cases *cases = arg;
	struct json_out json = { 0 };

	if (!cases->is_streamed) {
		answer(cases);
		return;
	}
	event_stream_open(&cases->events, "verdict", &json);
	case_runs_write_sum(cases->runs, &json);
	event_stream_finish(&cases->events, &json);
}

static void on_failed(struct problem *problem, void *arg)
{
	struct cases *cases = arg;
	struct json_out json = { 0 };

	if (!cases->is_streamed) {
		run_submit_refuse_with(cases->call, problem);
		return;
	}
	event_stream_open(&cases->events, "problem", &json);
	problem_write(problem, cases->call->request_id, &json);
	event_stream_finish(&cases->events, &json);
}

/* --- the call -------------------------------------------------------------------------------------------------------------- */

static int start(struct run_input *input, run_done_fn *done, void *run_arg, struct run **ret_run, void *arg)
{
	const struct cases *cases = arg;

	return run_submit(cases->call, input, NULL, done, run_arg, ret_run);
}

static void on_cut(void *arg)
{
	const struct cases *cases = arg;

	case_runs_stop(cases->runs);
}

static void on_gone(struct call *call)
{
	on_cut(call->work);
}

static void on_ended(struct call *call)
{
	struct cases *cases = call->work;

	case_runs_stop(cases->runs);
	if (cases->is_streamed)
		event_stream_free(&cases->events);
	case_runs_free(cases->runs);
	free(cases);
}

/* Takes the input over when it succeeds. */
static struct cases *cases_new(struct call *call, struct run_input *input, enum accept accept)
{
	struct cases *cases = calloc(1, sizeof *cases);

	if (!cases)
		return NULL;
	cases->call = call;
	cases->is_streamed = accept != ACCEPT_JSON;
	cases->how = (struct case_runs_events){
		.start = start,
		.on_one = cases->is_streamed ? tell_one : NULL,
		.on_end = on_end,
		.on_failed = on_failed,
		.arg = cases,
	};
	cases->runs = case_runs_new(input, call->caller.share, &cases->how);
	if (!cases->runs) {
		free(cases);
		return NULL;
	}
	cases->events.on_failed = on_cut;
	cases->events.arg = cases;
	call->work = cases;
	call->ended = on_ended;
	return cases;
}

void serve_v1_cases(struct call *call, struct run_input *input, enum accept accept)
{
	struct cases *cases = cases_new(call, input, accept);
	int r = cases ? 0 : -ENOMEM;

	if (r == 0 && cases->is_streamed)
		r = event_stream_init(&cases->events, call, accept);
	if (r == 0)
		r = case_runs_go_on(cases->runs);
	if (r < 0) {
		if (cases)
			case_runs_stop(cases->runs);
		run_submit_refuse(call, r, cases ? &cases->runs->input : input);
		return;
	}
	call->gone = on_gone;
	if (!cases->is_streamed)
		return;
	if (event_stream_start(&cases->events) < 0)
		case_runs_stop(cases->runs);
	else
		tell_start(cases);
}
