/* SPDX-License-Identifier: Apache-2.0
 * job.h: the job of one cell as every provider sees it, from the front's frame to the verdict. The provider fills in what
 * happened and when; a cell has one job at most.
 */
#pragma once
#include "base/clock.h"
#include "spec/verdict.h"
#include "wire/provider.h"

#include <stdbool.h>

#define JOB_FDS 2

struct job {
	struct wire_job frame;
	bool is_given;   /* the front waits for a verdict */
	bool is_started; /* the program may have begun */
	bool is_halted;  /* it has ended but for the kernel's part, and nobody else can write to the streams */
	struct evidence evidence;
	struct usage usage;     /* but for the wall time, which comes from the times below */
	struct refused refused; /* calls of the program */
	nsec_t given_at, started_at, ended_at;
	int files;        /* a bundle of those that were asked for, or negative; closed with the answer */
	struct err fault; /* why it is VERDICT_INTERNAL or VERDICT_REFUSED */
};

/* A job that has not come yet. */
#define JOB_NONE ((struct job){ .evidence = { .stopped_for = VERDICT_OK }, .files = -EBADF })

enum job_word {
	JOB_NOTHING, /* nothing has come */
	JOB_GIVEN,   /* the frame and its descriptors are stored; job_check is still to be called */
	JOB_STOP,    /* a stream has passed its limit */
	JOB_OTHER,   /* the front has gone, or makes no sense */
};

/* Reads what the front says on the control socket of a cell; a job only when can_take, and only what that user or our own has sent.
 * Descriptors: a job's, to be closed by the caller. */
enum job_word job_read(int control, uid_t front, bool can_take, struct job *job, int ret_fds[JOB_FDS], size_t *ret_fds_count);

/* Checks what the front has sent, and that no limit is above the most that this provider was started with: a front is not trusted
 * with the machine. Errors as wire_check_job. */
int job_check(const struct wire_job *job, const int *fds, size_t fds_count, const struct limits *most, struct err *err);

/* Notes why the provider ends the run. The first reason counts, and none that comes after the program's own end. */
void job_stop(struct job *job, uint32_t verdict);

/* Notes that something of ours failed. The reason is for the log. */
void job_fail(struct job *job, const char *reason);

/* The program can begin now: tells the front, when it wants to know, and gives it the report's read end, where there is one. -errno: the
 * front was not told, and would wait for it. */
int job_begin(struct job *job, int control, int report);
void job_end(struct job *job, int status); /* it has ended, with a status as wait(2) has it */

/* When the CPU time is to be looked at again: when the run could at the earliest have used what is left of it, its share of a CPU being
 * known. 0: it has used it up. */
uint64_t job_cpu_wait_us(const struct job *job, uint64_t used_us);

/* Sends the verdict and the files, if one is owed. Every writer of the streams is gone by now. */
void job_answer(struct job *job, int control);
