/* SPDX-License-Identifier: Apache-2.0 */
#include "api/case_runs.h"

#include "api/outcome.h"
#include "api/run_answer.h"
#include "api/run_submit.h"

#include <errno.h>
#include <stdlib.h>

static const struct run_case *case_of(const struct case_run *one)
{
	return &one->runs->input.cases[one - one->runs->list];
}

/* --- telling --------------------------------------------------------------------------------------------------------------- */

void case_runs_write_one(const struct case_run *one, struct json_out *json)
{
	json_out_key(json, "index");
	json_out_u64(json, (uint64_t)(one - one->runs->list));
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

void case_runs_write_sum(const struct case_runs *runs, struct json_out *json)
{
	json_out_key(json, "id");
	json_out_text(json, runs->id);
	json_out_key(json, "passed");
	json_out_u64(json, runs->passed);
	json_out_key(json, "failed");
	json_out_u64(json, runs->ended - runs->passed);
}

void case_runs_write(const struct case_runs *runs, struct json_out *json)
{
	case_runs_write_sum(runs, json);
	json_out_key(json, "cases");
	json_out_open(json, '[');
	for (size_t i = 0; i < runs->ended; i++) {
		json_out_open(json, '{');
		case_runs_write_one(&runs->list[i], json);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

const char *case_runs_verdict(const struct case_runs *runs)
{
	uint32_t verdict = VERDICT_OK;

	for (size_t i = 0; i < runs->input.cases_count && verdict == VERDICT_OK; i++) {
		if (runs->list[i].outcome)
			verdict = runs->list[i].outcome->result.verdict;
	}
	return verdict_name(verdict);
}

/* --- running --------------------------------------------------------------------------------------------------------------- */

void case_runs_stop(struct case_runs *runs)
{
	for (size_t i = 0; i < runs->input.cases_count; i++) {
		if (runs->list[i].run)
			run_cancel(runs->list[i].run);
		runs->list[i].run = NULL;
	}
	runs->running = 0;
}

static void fail(struct case_runs *runs, struct problem *problem)
{
	problem->may_have_run = problem->may_have_run || runs->ended > 0 || runs->running > 0;
	case_runs_stop(runs);
	runs->events->on_failed(problem, runs->events->arg);
}

static void judge(struct case_run *one)
{
	const struct run_case *wanted = case_of(one);
	const struct run_outcome *outcome = one->outcome;

	one->has_passed = outcome->result.verdict == VERDICT_OK;
	if (wanted->expected && !compare_output(wanted->how, wanted->tolerance, outcome->out.bytes, outcome->out.size,
						wanted->expected, wanted->expected_bytes, &one->different_line))
		one->has_passed = false;
}

static void on_done(struct run_outcome *outcome, void *arg);

static struct case_run *find_next(struct case_runs *runs)
{
	size_t i = 0;

	while (i < runs->input.cases_count && runs->list[i].is_begun)
		i++;
	return i < runs->input.cases_count ? &runs->list[i] : NULL;
}

static int begin(struct case_run *one)
{
	struct case_runs *runs = one->runs;
	int r;

	id_make("run_", one->id);
	runs->input.request.in = case_of(one)->in;
	runs->input.request.in_bytes = case_of(one)->in_bytes;
	r = runs->events->start(&runs->input, on_done, one, &one->run, runs->events->arg);
	if (r == 0) {
		one->is_begun = true;
		runs->running++;
	}
	return r;
}

/* The queue's end is no failure while one of ours runs: the next end makes room. */
int case_runs_go_on(struct case_runs *runs)
{
	struct case_run *next;
	int r = 0;

	while (r == 0 && runs->running < runs->share && (next = find_next(runs)))
		r = begin(next);
	return r == -EBUSY && runs->running > 0 ? 0 : r;
}

/* What did not run for want of a sandbox, and may wait for one, is as if it had not begun. */
static bool put_back(struct case_run *one, const struct run_outcome *outcome)
{
	bool may_wait = one->runs->events->on_wait && (outcome->end == RUN_WAITED || outcome->end == RUN_NO_PROVIDER);

	one->is_begun = !may_wait;
	return may_wait;
}

static int take_outcome(struct case_run *one, struct run_outcome *outcome)
{
	struct case_runs *runs = one->runs;

	runs->ended++;
	one->outcome = outcome_keep(outcome);
	if (!one->outcome)
		return -ENOMEM;
	judge(one);
	runs->passed += one->has_passed;
	if (runs->events->on_one)
		runs->events->on_one(one, runs->events->arg);
	return 0;
}

static void on_done(struct run_outcome *outcome, void *arg)
{
	struct case_run *one = arg;
	struct case_runs *runs = one->runs;
	struct problem problem;
	int r = 0;

	one->run = NULL;
	runs->running--;
	if (!put_back(one, outcome)) {
		if (run_answer_problem(outcome, &problem)) {
			fail(runs, &problem);
			return;
		}
		r = take_outcome(one, outcome);
	}
	if (r == 0)
		r = case_runs_go_on(runs);
	if ((r == -EBUSY || r == -ENOTCONN) && runs->events->on_wait) {
		if (runs->running == 0)
			runs->events->on_wait(runs->events->arg);
	} else if (r < 0) {
		run_submit_problem(r, &runs->input, &problem);
		fail(runs, &problem);
	} else if (runs->ended == runs->input.cases_count) {
		runs->events->on_end(runs->events->arg);
	}
}

/* --- its life -------------------------------------------------------------------------------------------------------------- */

struct case_runs *case_runs_new(struct run_input *input, unsigned share, const struct case_runs_events *events)
{
	struct case_runs *runs = calloc(1, sizeof *runs);
	struct case_run *list = calloc(input->cases_count, sizeof *list);

	if (!runs || !list) {
		free(runs);
		free(list);
		return NULL;
	}
	*runs = (struct case_runs){ .input = *input, .list = list, .share = share, .events = events };
	*input = (struct run_input){ 0 };
	for (size_t i = 0; i < runs->input.cases_count; i++)
		list[i].runs = runs;
	runs->input.request.limits = &runs->input.limits;
	if (runs->input.may_drop_displays)
		runs->input.request.wants_displays = false; /* of many runs only when they are asked for by name */
	id_make("run_", runs->id);
	return runs;
}

void case_runs_free(struct case_runs *runs)
{
	if (!runs)
		return;
	case_runs_stop(runs);
	for (size_t i = 0; i < runs->input.cases_count; i++)
		outcome_free(runs->list[i].outcome);
	free(runs->list);
	run_input_free(&runs->input);
	free(runs);
}
