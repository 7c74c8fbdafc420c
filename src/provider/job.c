/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/job.h"

#include <string.h>
#include <unistd.h>

#define CPU_MIN_CHECK_US 2000

enum job_word job_read(int control, uid_t front, bool can_take, struct job *job, int ret_fds[JOB_FDS], size_t *ret_fds_count)
{
	union {
		struct wire_job job;
		struct wire_stop stop;
		char bytes[FRAME_MAX_BYTES];
	} frame;
	int fds[JOB_FDS];
	size_t count = 0;
	const uid_t senders[] = { front, getuid() };
	ssize_t n = frame_recv_of(control, &frame, sizeof frame, fds, ARRAY_SIZE(fds), &count, senders, ARRAY_SIZE(senders));

	*ret_fds_count = 0;
	if (n == -EAGAIN)
		return JOB_NOTHING;
	if (wire_is(&frame, n, WIRE_JOB, wire_job) && can_take) {
		job->frame = frame.job;
		job->is_given = true;
		job->given_at = clock_now();
		memcpy(ret_fds, fds, sizeof fds);
		*ret_fds_count = count;
		return JOB_GIVEN;
	}
	for (size_t i = 0; i < count; i++)
		(void)fd_close(fds[i]);
	return wire_is(&frame, n, WIRE_STOP, wire_stop) && frame.stop.verdict == VERDICT_OUTPUT ? JOB_STOP : JOB_OTHER;
}

int job_check(const struct wire_job *job, const int *fds, size_t fds_count, const struct limits *most, struct err *err)
{
	int r = wire_check_job(job, fds, fds_count, err);

	return r < 0 ? r : limits_check_most(&job->limits, most, err);
}

void job_stop(struct job *job, uint32_t verdict)
{
	if (job->evidence.stopped_for == VERDICT_OK && !job->evidence.has_status)
		job->evidence.stopped_for = verdict;
}

void job_fail(struct job *job, const char *reason)
{
	(void)err_say(&job->fault, -EIO, "%s", reason);
	job->evidence.stopped_for = VERDICT_INTERNAL;
}

int job_begin(struct job *job, int control, int report)
{
	const struct wire_started started = { .head = WIRE_HEAD(WIRE_STARTED) };
	int r = 0;

	if (job->frame.flags & WIRE_JOB_TELL)
		r = frame_send(control, &started, sizeof started, &report, report >= 0 ? 1 : 0);
	job->is_started = true;
	job->started_at = clock_now();
	return r == -EPIPE || r == -ECONNRESET ? 0 : r; /* a front that is gone is noticed where it is read from */
}

void job_end(struct job *job, int status)
{
	job->evidence.status = status;
	job->evidence.has_status = true;
	job->ended_at = clock_now();
}

uint64_t job_cpu_wait_us(const struct job *job, uint64_t used_us)
{
	const struct limits *limits = &job->frame.limits;
	uint64_t limit_us = limits->cpu_ms * 1000;

	if (used_us >= limit_us)
		return 0;

	uint64_t wait_us = (limit_us - used_us) * 1000 / limits->cpu_millis;

	return wait_us < CPU_MIN_CHECK_US ? CPU_MIN_CHECK_US : wait_us;
}

static uint64_t us_between(nsec_t from, nsec_t to)
{
	return from && to > from ? (to - from) / NSEC_PER_USEC : 0;
}

void job_answer(struct job *job, int control)
{
	struct wire_verdict verdict = { .head = WIRE_HEAD(WIRE_VERDICT) };
	struct result *result = &verdict.result;
	nsec_t now = clock_now();

	_cleanup_(fd_closep) int files = fd_take(&job->files);

	if (!job->is_given || control < 0)
		return;
	if (!job->ended_at)
		job->ended_at = now;
	verdict_decide(&job->evidence, result);
	if (result->verdict == VERDICT_INTERNAL)
		result->may_have_run = job->is_started;
	if (!job->is_started) { /* what ended was not the program */
		result->exit_code = -1;
		result->signal = 0;
	}
	result->refused = job->refused;
	result->usage = job->usage;
	result->usage.wall_us = us_between(job->started_at, job->ended_at);
	result->timings = (struct timings){
		.setup_us = us_between(job->given_at, job->started_at),
		.run_us = result->usage.wall_us,
		.collect_us = us_between(job->ended_at, now),
	};
	verdict.is_whole = job->is_halted;
	memcpy(verdict.reason, job->fault.text, sizeof verdict.reason);
	(void)frame_send(control, &verdict, sizeof verdict, &files, files >= 0 ? 1 : 0); /* a front that is gone does not need it */
	job->is_given = false;
}
