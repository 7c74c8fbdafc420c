/* SPDX-License-Identifier: Apache-2.0
 * job_runner.h: runs the jobs that the store keeps, by the code of POST /v1/runs: claims as many as there are sandboxes, runs each
 * once, and repeats its result to the store until that says that it has it.
 */
#pragma once
#include "base/buf.h"
#include "jobs/link.h"

struct api;
struct event_base;
struct job;
struct job_runner;

/* The api with its service and its link has to outlive it. */
int job_runner_new(struct api *api, struct event_base *base, struct job_runner **ret_runner);
void job_runner_free(struct job_runner *runner);

/* Looks for jobs to begin: whenever there may be new ones, or room. */
void job_runner_pump(struct job_runner *runner);

/* The link to a (new) store serves. */
void job_runner_on_up(struct job_runner *runner);

/* There is no store any more, and nobody to tell results. */
void job_runner_on_lost(struct job_runner *runner);

/* Appends the number of each job that is begun here. */
void job_runner_list(const struct job_runner *runner, struct buf *numbers);

/* Ends a job that was canceled. */
void job_runner_cancel(struct job_runner *runner, uint64_t number);

/* For job.c. */
struct api *job_runner_api(const struct job_runner *runner);
void job_runner_retry_later(struct job_runner *runner);
void job_runner_forget(struct job *job); /* frees it */

/* Begins no more jobs. is_idle: none is under way, and every result is stored; on_idle is called when that comes true. */
void job_runner_stop(struct job_runner *runner, void (*on_idle)(void *arg), void *arg);
bool job_runner_is_idle(const struct job_runner *runner);
