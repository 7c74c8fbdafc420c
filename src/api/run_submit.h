/* SPDX-License-Identifier: Apache-2.0
 * run_submit.h: what every handler that runs something does: read the body, hand a run to the service, say why not.
 */
#pragma once
#include "api/call.h"
#include "api/run_input.h"
#include "service/service.h"

/* What could not begin before its deadline is refused now, with Retry-After, rather than forgotten later. -EINVAL with the problem. */
int run_submit_check_deadline(struct call *call, const struct run_input *input, uint64_t jobs_before, struct problem *problem);

/* Reads the body. False: it has refused the call. The input is to be freed in both cases. */
bool run_submit_read(struct call *call, enum run_input_kind kind, struct run_input *ret_input);

/* Hands the run over; everything of the input is copied. Errors as service_run's. */
int run_submit(struct call *call, struct run_input *input, const struct run_events *events, run_done_fn *done, void *arg,
	       struct run **ret_run);

/* The same for whoever has no call: a job. */
int run_start_input(struct api *api, struct run_input *input, run_done_fn *done, void *arg, struct run **ret_run);

/* Says why run_submit failed. */
void run_submit_problem(int r, const struct run_input *input, struct problem *problem);
void run_submit_refuse(struct call *call, int r, const struct run_input *input);

/* Answers with the problem, and with Retry-After where asking again soon makes sense. */
void run_submit_refuse_with(struct call *call, const struct problem *problem);
