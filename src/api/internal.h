/* SPDX-License-Identifier: Apache-2.0
 * internal.h: what the handlers of this folder share.
 */
#pragma once
#include "api/accept.h"
#include "api/api.h"
#include "api/call.h"
#include "api/metrics.h"
#include "api/run_input.h"
#include "jobs/keys.h"
#include "jobs/link.h"

struct api {
	struct api_options options;
	struct service *service;
	struct link *link; /* to the store */
	struct link_events link_events;
	struct keys *keys;
	struct job_runner *runner;
	struct metrics metrics;
	double mean_ms; /* what a run took lately */
	nsec_t ran_at;  /* when a run last came to a verdict; 0: never */
	bool is_open;   /* on_open was called */
	bool is_probing;
	struct http_handler handler;
	size_t body_max[BODY_COUNT]; /* bytes, by enum body */
};

/* Handlers, a file each. */
void serve_simple_run(struct call *call); /* POST /run */
void serve_v1_run(struct call *call);     /* POST /v1/runs */
void serve_v1_check(struct call *call);   /* POST /v1/check */
void serve_v1_jobs(struct call *call);    /* GET /v1/jobs */
void serve_v1_job(struct call *call);     /* GET /v1/jobs/{id} */
void serve_v1_job_cancel(struct call *call);
void serve_v1_job_submit(struct call *call);
void serve_v1_job_batch(struct call *call);
void serve_environments(struct call *call); /* GET /v1/environments */
void serve_ready(struct call *call);
void serve_metrics(struct call *call);
void serve_asset(struct call *call);
void serve_health(struct call *call);

/* Parts of POST /v1/runs; the input stays the caller's. */
void serve_v1_stream(struct call *call, struct run_input *input, enum accept accept);
void serve_v1_cases(struct call *call, struct run_input *input, enum accept accept);
