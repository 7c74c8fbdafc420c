/* SPDX-License-Identifier: Apache-2.0
 * simple_run.c: POST /run: one program, one JSON answer.
 */
#include "api/internal.h"
#include "api/observe.h"
#include "api/run_reply.h"
#include "api/run_request.h"

#include <errno.h>
#include <stdlib.h>

static void retry_soon(struct call *call)
{
	call_add_field(call, "Retry-After", "1");
}

static void on_done(struct run_outcome *outcome, void *arg)
{
	struct call *call = arg;
	struct reply *reply = reply_new();
	char timing[160];
	unsigned status = 500;

	if (reply)
		status = run_reply_write(reply, outcome, &outcome->limits);
	if (outcome->end == RUN_ENDED) {
		run_reply_timing(outcome, timing, sizeof timing);
		call_add_field(call, "Server-Timing", "%s", timing);
	} else {
		retry_soon(call);
	}
	call_answer(call, status, reply);
}

static void on_gone(struct call *call)
{
	run_cancel(call->work);
}

static void refuse(struct call *call, int r)
{
	switch (r) {
	case -EBUSY:
		retry_soon(call);
		call_say(call, PROBLEM_QUEUE_FULL, "The server is busy and its queue is full. Nothing ran; try again.");
		break;
	case -ENOTCONN:
	case -ENOENT: /* no cell of the environment has come to this front yet */
		retry_soon(call);
		call_say(call, PROBLEM_NO_SANDBOX, "The sandbox is being restarted. Nothing ran; try again.");
		break;
	case -ESHUTDOWN:
		retry_soon(call);
		call_say(call, PROBLEM_STOPPING, "The server is stopping. Nothing ran.");
		break;
	default:
		call_say(call, PROBLEM_INTERNAL, "The server failed; the program did not run.");
	}
}

static int submit(struct call *call, const struct run_params *params)
{
	const struct api_options *options = &call->api->options;
	const struct buf *body = http_body(call->http);
	const struct run_tag tag = observe_tag(call->caller.key, call->request_id, body->bytes, body->size);
	const struct run_request run = {
		.environment = options->environments_count > 1 ? params->environment->name : NULL,
		.limits = &params->environment->limits,
		.code = params->code,
		.code_bytes = params->code_bytes,
		.is_read_only = params->is_read_only,
		.owner = call->caller.key,
		.tag = &tag,
	};
	struct run *started;
	int r = service_run(call->api->service, &run, on_done, call, &started);

	if (r == 0) {
		call->work = started;
		call->gone = on_gone;
	}
	return r;
}

void serve_simple_run(struct call *call)
{
	const struct buf *body = http_body(call->http);
	const struct api_options *options = &call->api->options;
	struct run_params params = { 0 };
	struct err err;
	int r = run_request_parse(body->bytes, body->size, options->environments, options->environments_count, &params, &err);

	if (r == -EINVAL) {
		call_say(call, PROBLEM_BAD_JSON, "%s", err.text);
		return;
	}
	if (r == 0 && !caller_enter(call)) {
		run_params_free(&params);
		return;
	}
	if (r == 0)
		r = submit(call, &params);
	if (r < 0)
		refuse(call, r);
	run_params_free(&params);
}
