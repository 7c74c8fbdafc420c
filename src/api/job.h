/* SPDX-License-Identifier: Apache-2.0
 * job.h: one job that was begun here: it runs, or its end is to be stored: a result, or that it did not run and waits again.
 */
#pragma once
#include "api/case_runs.h"
#include "jobs/link.h"

#include <sys/queue.h>

struct job_runner;

enum job_phase { JOB_RUNNING, JOB_ENDED, JOB_DID_NOT_RUN };

struct job {
	LIST_ENTRY(job) list;
	struct job_runner *runner;
	uint64_t number;
	char id[STORE_ID_BYTES];
	struct run_tag tag;
	struct run *run;         /* while JOB_RUNNING, of a job without cases */
	struct case_runs *cases; /* the same of one with cases */
	struct case_runs_events how;
	bool waits; /* its next case, for a sandbox */
	enum job_phase phase;
	bool is_on_its_way; /* its end is with the store */
	char verdict[16];
	int result; /* sealed memfd; -EBADF while JOB_RUNNING */
};

/* NULL: no memory. */
struct job *job_new(struct job_runner *runner, const struct store_job *stored);

/* Ends what runs, and whatever waits for answers about it. */
void job_free(struct job *job);

/* Begins the run, or ends the job at once. */
void job_begin(struct job *job, const struct store_job *stored, const char *body);

/* Begins more cases of one that waits. */
void job_go_on(struct job *job);

/* Tells the store how it has ended. When it cannot be told now, the next link or the timer comes back to it. */
void job_store_end(struct job *job);
