/* SPDX-License-Identifier: Apache-2.0
 * case_runs.h: one program against many inputs, so many at once, each judged by what it printed. When one of them cannot run at all, none
 * counts. Knows nothing of HTTP, nor of jobs.
 */
#pragma once
#include "api/id.h"
#include "api/json_out.h"
#include "api/run_input.h"
#include "service/service.h"

struct case_runs;

struct case_run {
	struct case_runs *runs;
	bool is_begun;
	struct run *run;             /* NULL: not begun, or ended */
	struct run_outcome *outcome; /* NULL: not ended, or let go */
	char id[ID_BYTES];
	bool has_passed;
	uint64_t different_line; /* 0: none */
};

struct case_runs_events {
	/* Begins one; errors as service_run's. */
	int (*start)(struct run_input *input, run_done_fn *done, void *run_arg, struct run **ret_run, void *arg);
	/* One has ended; NULL, or it may let the outcome go. */
	void (*on_one)(struct case_run *one, void *arg);
	/* None runs and the next cannot begin now: case_runs_go_on is to be called when it may. NULL: that is a failure. */
	void (*on_wait)(void *arg);
	/* The end, one of the two, and never from within case_runs_go_on. None runs. */
	void (*on_end)(void *arg);
	void (*on_failed)(struct problem *problem, void *arg);
	void *arg;
};

struct case_runs {
	struct run_input input;
	const struct case_runs_events *events;
	char id[ID_BYTES];
	unsigned share; /* at once */
	struct case_run *list;
	size_t running, ended, passed;
};

/* Takes the input over when it succeeds. events is kept by pointer. NULL: no memory. */
struct case_runs *case_runs_new(struct run_input *input, unsigned share, const struct case_runs_events *events);

/* Begins as many as may run at once. Errors as service_run's; some may run all the same. */
int case_runs_go_on(struct case_runs *runs);

/* Ends those that run. */
void case_runs_stop(struct case_runs *runs);
void case_runs_free(struct case_runs *runs);

/* How it ended in a word: ok, or the verdict of the first case that did not end so. */
const char *case_runs_verdict(const struct case_runs *runs);

/* Members of the answer: all of it; of one case; without the cases. The runs have to live as long as the JSON. */
void case_runs_write(const struct case_runs *runs, struct json_out *json);
void case_runs_write_one(const struct case_run *one, struct json_out *json);
void case_runs_write_sum(const struct case_runs *runs, struct json_out *json);
