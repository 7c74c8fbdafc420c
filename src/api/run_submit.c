/* SPDX-License-Identifier: Apache-2.0 */
#include "api/run_submit.h"

#include "api/internal.h"
#include "api/observe.h"

#include <errno.h>
#include <inttypes.h>

int run_submit_check_deadline(struct call *call, const struct run_input *input, uint64_t jobs_before, struct problem *problem)
{
	uint64_t wait_ms = observe_guess_wait_ms(call->api, jobs_before);

	if (input->deadline_ms == 0 || wait_ms <= input->deadline_ms)
		return 0;
	call_add_field(call, "Retry-After", "%" PRIu64, (wait_ms - input->deadline_ms) / 1000 + 1);
	return problem_say(problem, PROBLEM_DEADLINE,
			   "It would wait some %llu ms, and is to begin within %llu ms. It was not accepted.",
			   (unsigned long long)wait_ms, (unsigned long long)input->deadline_ms);
}

bool run_submit_read(struct call *call, enum run_input_kind kind, struct run_input *ret_input)
{
	const struct buf *body = http_body(call->http);
	const struct run_input_rules rules = {
		.kind = kind,
		.environments = call->api->options.environments,
		.environments_count = call->api->options.environments_count,
		.most = &call->caller.most,
	};
	struct problem problem;
	int r = run_input_parse(body->bytes, body->size, &rules, ret_input, &problem);

	if (r == 0)
		r = caller_check_input(&call->caller, ret_input, &problem);
	if (r == 0)
		r = run_submit_check_deadline(call, ret_input, 0, &problem);
	if (r == 0)
		return caller_enter(call);
	if (r == -EINVAL)
		call_refuse(call, &problem);
	else
		run_submit_refuse(call, r, ret_input);
	return false;
}

int run_start_input(struct api *api, struct run_input *input, run_done_fn *done, void *arg, struct run **ret_run)
{
	struct run_request *request = &input->request;
	int r = service_run(api->service, request, done, arg, ret_run);

	if (r == -ENOTSUP && request->wants_displays && input->may_drop_displays) {
		request->wants_displays = false;
		r = service_run(api->service, request, done, arg, ret_run);
	}
	return r;
}

int run_submit(struct call *call, struct run_input *input, const struct run_events *events, run_done_fn *done, void *arg,
	       struct run **ret_run)
{
	struct run_request *request = &input->request;

	request->events = events;
	const struct buf *body = http_body(call->http);
	const struct run_tag tag = observe_tag(call->caller.key, call->request_id, body->bytes, body->size);

	request->tag = &tag;
	request->owner = call->caller.key;
	request->start_by = input->deadline_ms > 0 ? call->began_at + input->deadline_ms * NSEC_PER_MSEC : 0;

	int r = run_start_input(call->api, input, done, arg, ret_run);

	request->tag = NULL;
	return r;
}

/* The service knows the pair only: which of the two names is wrong is for the person who wrote them. */
static void say_unknown_place(const struct run_input *input, struct problem *problem)
{
	if (input->request.environment) {
		(void)problem_say(problem, PROBLEM_UNKNOWN_ENVIRONMENT,
				  "No sandbox of the environment \"%.40s\"%s%.40s%s is offered here.", input->request.environment,
				  input->request.provider ? " by the provider \"" : "",
				  input->request.provider ? input->request.provider : "", input->request.provider ? "\"" : "");
		problem_set_field(problem, "environment");
	} else {
		(void)problem_say(problem, PROBLEM_UNKNOWN_PROVIDER, "The provider \"%.40s\" is not offered here.",
				  input->request.provider ? input->request.provider : "");
		problem_set_field(problem, "provider");
	}
}

void run_submit_problem(int r, const struct run_input *input, struct problem *problem)
{
	switch (r) {
	case -EBUSY:
		(void)problem_say(problem, PROBLEM_QUEUE_FULL, "The server is busy and its queue is full. Nothing ran; try again.");
		break;
	case -ENOTCONN:
		(void)problem_say(problem, PROBLEM_NO_SANDBOX, "The sandbox is being restarted. Nothing ran; try again.");
		break;
	case -ESHUTDOWN:
		(void)problem_say(problem, PROBLEM_STOPPING, "The server is stopping. Nothing ran.");
		break;
	case -ENOENT:
		say_unknown_place(input, problem);
		break;
	case -E2BIG:
		(void)problem_say(problem, PROBLEM_LIMIT_OUT_OF_RANGE,
				  "The files, arguments and variables together are more than a sandbox takes. Nothing ran.");
		break;
	case -ENOTSUP:
		(void)problem_say(problem, PROBLEM_INVALID_FIELD,
				  "The provider that would run this cannot do all that the request asks for. Nothing ran.");
		break;
	default:
		(void)problem_say(problem, PROBLEM_INTERNAL, "The server failed; the program did not run.");
	}
}

void run_submit_refuse_with(struct call *call, const struct problem *problem)
{
	if (problem_rows[problem->kind].status == 503)
		call_add_field(call, "Retry-After", "1");
	call_refuse(call, problem);
}

void run_submit_refuse(struct call *call, int r, const struct run_input *input)
{
	struct problem problem;

	run_submit_problem(r, input, &problem);
	run_submit_refuse_with(call, &problem);
}
