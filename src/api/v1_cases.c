/* SPDX-License-Identifier: Apache-2.0
 * v1_cases.c: POST /v1/runs with cases: one program against many inputs, as many at once as the caller's share allows, a verdict for
 * each. The answer comes when all have ended; a stream tells of each as it ends. When one cannot run at all, none counts.
 */
#include "api/event_stream.h"
#include "api/internal.h"
#include "api/outcome.h"
#include "api/run_answer.h"
#include "api/run_submit.h"

#include <errno.h>
#include <stdlib.h>

struct cases;

struct one {
	struct cases *cases;
	struct run *run;             /* NULL: not begun, or ended */
	struct run_outcome *outcome; /* NULL: not ended */
	char id[ID_BYTES];
	bool has_passed;
	uint64_t different_line; /* 0: none */
};

struct cases {
	struct call *call;
	struct run_input input;
	char id[ID_BYTES];
	bool is_streamed;
	struct event_stream events;
	struct one *list;
	size_t next, running, ended, passed; /* `next` is the first that is not begun */
};

static const struct run_case *case_of(const struct one *one)
{
	return &one->cases->input.cases[one - one->cases->list];
}

/* --- telling --------------------------------------------------------------------------------------------------------------- */

static void write_one(const struct one *one, struct json_out *json)
{
	json_out_key(json, "index");
	json_out_u64(json, (uint64_t)(one - one->cases->list));
	json_out_key(json, "name");
	json_out_text(json, case_of(one)->name);
	json_out_key(json, "passed");
	json_out_bool(json, one->has_passed);
	json_out_key(json, "different_line");
	if (one->different_line > 0)
		json_out_u64(json, one->different_line);
	else
		json_out_null(json);
	run_answer_write(one->id, one->outcome, 0, json);
}

static void write_sum(const struct cases *cases, struct json_out *json)
{
	json_out_key(json, "id");
	json_out_text(json, cases->id);
	json_out_key(json, "passed");
	json_out_u64(json, cases->passed);
	json_out_key(json, "failed");
	json_out_u64(json, cases->ended - cases->passed);
}

static void tell_start(struct cases *cases)
{
	struct json_out json = { 0 };

	event_stream_open(&cases->events, "start", &json);
	json_out_key(&json, "id");
	json_out_text(&json, cases->id);
	json_out_key(&json, "request_id");
	json_out_text(&json, cases->call->request_id);
	event_stream_send(&cases->events, &json);
}

static void tell_one(const struct one *one)
{
	struct json_out json = { 0 };

	event_stream_open(&one->cases->events, "case", &json);
	write_one(one, &json);
	event_stream_send(&one->cases->events, &json);
}

/* The outcomes live as long as the call, which is longer than the reply. */
static void answer(struct cases *cases)
{
	struct reply *reply = reply_new();

	if (reply) {
		json_out_open(&reply->json, '{');
		write_sum(cases, &reply->json);
		json_out_key(&reply->json, "cases");
		json_out_open(&reply->json, '[');
		for (size_t i = 0; i < cases->ended; i++) {
			json_out_open(&reply->json, '{');
			write_one(&cases->list[i], &reply->json);
			json_out_close(&reply->json, '}');
		}
		json_out_close(&reply->json, ']');
		json_out_close(&reply->json, '}');
	}
	call_answer(cases->call, 200, reply);
}

static void finish(struct cases *cases)
{
	struct json_out json = { 0 };

	if (!cases->is_streamed) {
		answer(cases);
		return;
	}
	event_stream_open(&cases->events, "verdict", &json);
	write_sum(cases, &json);
	event_stream_finish(&cases->events, &json);
}

/* --- running --------------------------------------------------------------------------------------------------------------- */

static void stop_all(void *arg)
{
	struct cases *cases = arg;

	for (size_t i = 0; i < cases->next; i++) {
		if (cases->list[i].run)
			run_cancel(cases->list[i].run);
		cases->list[i].run = NULL;
	}
	cases->running = 0;
}

static void fail(struct cases *cases, struct problem *problem)
{
	struct json_out json = { 0 };

	problem->may_have_run = problem->may_have_run || cases->ended > 0 || cases->running > 0;
	stop_all(cases);
	if (!cases->is_streamed) {
		run_submit_refuse_with(cases->call, problem);
		return;
	}
	event_stream_open(&cases->events, "problem", &json);
	problem_write(problem, cases->call->request_id, &json);
	event_stream_finish(&cases->events, &json);
}

static void judge(struct one *one)
{
	const struct run_case *wanted = case_of(one);
	const struct run_outcome *outcome = one->outcome;

	one->has_passed = outcome->result.verdict == VERDICT_OK;
	if (wanted->expected && !compare_output(wanted->how, wanted->tolerance, outcome->out.bytes, outcome->out.size,
						wanted->expected, wanted->expected_bytes, &one->different_line))
		one->has_passed = false;
}

static void on_done(struct run_outcome *outcome, void *arg);

/* Begins as many as there is room for. The queue's end is no failure while one of ours runs: the next end makes room. */
static int begin_more(struct cases *cases)
{
	int r = 0;

	while (r == 0 && cases->next < cases->input.cases_count && cases->running < cases->call->caller.share) {
		struct one *one = &cases->list[cases->next];
		const struct run_case *wanted = &cases->input.cases[cases->next];

		one->cases = cases;
		id_make("run_", one->id);
		cases->input.request.in = wanted->in;
		cases->input.request.in_bytes = wanted->in_bytes;
		r = run_submit(cases->call, &cases->input, NULL, on_done, one, &one->run);
		if (r < 0)
			break;
		cases->next++;
		cases->running++;
	}
	return r == -EBUSY && cases->running > 0 ? 0 : r;
}

/* What a stream has told need not be kept. */
static int take_outcome(struct one *one, struct run_outcome *outcome)
{
	one->outcome = outcome_keep(outcome);
	if (!one->outcome)
		return -ENOMEM;
	judge(one);
	one->cases->passed += one->has_passed;
	if (one->cases->is_streamed) {
		tell_one(one);
		outcome_free(one->outcome);
		one->outcome = NULL;
	}
	return 0;
}

static void on_done(struct run_outcome *outcome, void *arg)
{
	struct one *one = arg;
	struct cases *cases = one->cases;
	struct problem problem;
	int r;

	one->run = NULL;
	if (run_answer_problem(outcome, &problem)) {
		fail(cases, &problem);
		return;
	}
	cases->running--;
	cases->ended++;
	r = take_outcome(one, outcome);
	if (r == 0)
		r = begin_more(cases);
	if (r < 0) {
		run_submit_problem(r, &cases->input, &problem);
		fail(cases, &problem);
	} else if (cases->ended == cases->input.cases_count) {
		finish(cases);
	}
}

/* --- the call -------------------------------------------------------------------------------------------------------------- */

static void on_gone(struct call *call)
{
	stop_all(call->work);
}

static void on_ended(struct call *call)
{
	struct cases *cases = call->work;

	stop_all(cases);
	for (size_t i = 0; i < cases->next; i++)
		outcome_free(cases->list[i].outcome);
	if (cases->is_streamed)
		event_stream_free(&cases->events);
	free(cases->list);
	run_input_free(&cases->input);
	free(cases);
}

/* Takes the input over. */
static struct cases *cases_new(struct call *call, struct run_input *input, enum accept accept)
{
	struct cases *cases = calloc(1, sizeof *cases);
	struct one *list = calloc(input->cases_count, sizeof *list);

	if (!cases || !list) {
		free(cases);
		free(list);
		return NULL;
	}
	*cases = (struct cases){ .call = call, .input = *input, .list = list, .is_streamed = accept != ACCEPT_JSON };
	*input = (struct run_input){ 0 };
	cases->input.request.limits = &cases->input.limits;
	if (cases->input.may_drop_displays)
		cases->input.request.wants_displays = false; /* of many runs only when they are asked for by name */
	cases->events.on_failed = stop_all;
	cases->events.arg = cases;
	id_make("run_", cases->id);
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
		r = begin_more(cases);
	if (r < 0) {
		if (cases)
			stop_all(cases);
		run_submit_refuse(call, r, cases ? &cases->input : input);
		return;
	}
	call->gone = on_gone;
	if (!cases->is_streamed)
		return;
	if (event_stream_start(&cases->events) < 0)
		stop_all(cases);
	else
		tell_start(cases);
}
