/* SPDX-License-Identifier: Apache-2.0
 * v1_run.c: POST /v1/runs and /v1/check, answered at once with one JSON object. Streams: v1_stream.c; many cases: v1_cases.c.
 */
#include "api/accept.h"
#include "api/internal.h"
#include "api/outcome.h"
#include "api/run_answer.h"
#include "api/run_submit.h"

#include <errno.h>
#include <stdlib.h>

/* A call that waits for its run. */
struct waiting {
	struct run *run;
	unsigned flags; /* RUN_ANSWER_... */
	char id[ID_BYTES];
};

static void free_outcome(void *outcome)
{
	outcome_free(outcome);
}

static void answer(struct call *call, struct run_outcome *outcome)
{
	const struct waiting *waiting = call->work;
	struct reply *reply = reply_new();

	if (reply) {
		reply->owned = outcome_keep(outcome);
		reply->free_owned = free_outcome;
	}
	if (!reply || !reply->owned) {
		reply_free(reply);
		call_answer(call, 500, NULL);
		return;
	}
	json_out_open(&reply->json, '{');
	run_answer_write(waiting->id, reply->owned, waiting->flags, &reply->json);
	json_out_close(&reply->json, '}');
	call_answer(call, 200, reply);
}

static void on_done(struct run_outcome *outcome, void *arg)
{
	struct call *call = arg;
	struct problem problem;

	if (run_answer_problem(outcome, &problem))
		run_submit_refuse_with(call, &problem);
	else
		answer(call, outcome);
}

static void on_gone(struct call *call)
{
	const struct waiting *waiting = call->work;

	run_cancel(waiting->run);
}

static void on_ended(struct call *call)
{
	free(call->work);
}

static void run_and_wait(struct call *call, struct run_input *input, unsigned flags)
{
	struct waiting *waiting = calloc(1, sizeof *waiting);
	int r = -ENOMEM;

	if (waiting) {
		waiting->flags = flags;
		id_make("run_", waiting->id);
		call->work = waiting;
		call->ended = on_ended;
		r = run_submit(call, input, NULL, on_done, call, &waiting->run);
	}
	if (r < 0)
		run_submit_refuse(call, r, input);
	else
		call->gone = on_gone;
}

static void free_input(struct run_input *input)
{
	run_input_free(input);
}

void serve_v1_run(struct call *call)
{
	_cleanup_(free_input) struct run_input input;
	enum accept accept = accept_choose(http_header(call->http, "Accept"));

	if (!run_submit_read(call, RUN_INPUT_RUN, &input))
		return;
	if (input.cases_count > 0)
		serve_v1_cases(call, &input, accept);
	else if (accept == ACCEPT_JSON)
		run_and_wait(call, &input, 0);
	else
		serve_v1_stream(call, &input, accept);
	http_drop_body(call->http); /* it may be long, and so may the run */
}

void serve_v1_check(struct call *call)
{
	_cleanup_(free_input) struct run_input input;

	if (run_submit_read(call, RUN_INPUT_CHECK, &input))
		run_and_wait(call, &input, RUN_ANSWER_CHECK);
	http_drop_body(call->http);
}
