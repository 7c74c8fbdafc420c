/* SPDX-License-Identifier: Apache-2.0 */
#include "warden/warden.h"

#include "base/log.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define START_SECONDS    5 /* for init to apply a job */
#define CPU_MIN_CHECK_US 2000

static struct timeval from_us(uint64_t us)
{
	return (struct timeval){ .tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000) };
}

void run_stop(struct slot *slot, uint32_t verdict)
{
	if (slot->evidence.stopped_for == VERDICT_OK && !slot->evidence.has_status)
		slot->evidence.stopped_for = verdict;
	slot_kill(slot);
}

/* --- the job -------------------------------------------------------------------------------------------------------------------------- */

static int start_job(struct slot *slot, const int *fds, size_t fds_count, struct err *err)
{
	const struct limits *limits = &slot->job.limits;
	struct order order = {
		.type = ORDER_JOB,
		.serial = slot->serial,
		.job = { .is_read_only = (slot->job.flags & WIRE_JOB_READ_ONLY) != 0,
			 .has_stdin = (slot->job.flags & WIRE_JOB_STDIN) != 0,
			 .limits = *limits },
	};
	struct timeval start_time = from_us(limits->wall_ms * 1000 + START_SECONDS * UINT64_C(1000000));
	int r = cgroup_group_set_limits(slot->group, limits, err);

	if (r == 0) {
		r = order_send(slot->init_link, &order, fds, fds_count);
		if (r < 0)
			(void)err_set(err, r, "the cell's init takes no orders");
	}
	(void)evtimer_add(slot->on_deadline, &start_time);
	return r;
}

static void take_job(struct slot *slot, const int *fds, size_t fds_count)
{
	struct err err = { 0 };
	int r = wire_check_job(&slot->job, fds, fds_count, &err);

	slot->has_job = true;
	slot->job_at = clock_now();
	if (r < 0) {
		slot->fault = err;
		run_stop(slot, VERDICT_REFUSED);
		return;
	}
	slot->state = SLOT_RUNNING;
	if (start_job(slot, fds, fds_count, &err) < 0)
		slot_cell_failed(slot, err.text);
	warden_fill(slot->warden);
}

void run_started(struct slot *slot)
{
	struct timeval wall = from_us(slot->job.limits.wall_ms * 1000);
	struct timeval cpu = from_us(slot->job.limits.cpu_ms * 1000 * 1000 / slot->job.limits.cpu_millis);

	slot->is_started = true;
	slot->started_at = clock_now();
	(void)evtimer_add(slot->on_deadline, &wall);
	(void)evtimer_add(slot->on_cpu, &cpu);
}

/* Looks again when the run could at the earliest have used what is left, its share of a CPU being known. */
void run_check_cpu(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;
	struct cgroup_events events;
	struct usage usage = { 0 };
	uint64_t limit_us = slot->job.limits.cpu_ms * 1000;

	(void)fd;
	(void)what;
	if (slot->state != SLOT_RUNNING)
		return;
	cgroup_group_read(slot->group, &usage, &events);

	uint64_t used_us = usage.cpu_user_us + usage.cpu_system_us;

	if (used_us >= limit_us) {
		run_stop(slot, VERDICT_CPU_TIMEOUT);
		return;
	}

	uint64_t wait_us = (limit_us - used_us) * 1000 / slot->job.limits.cpu_millis;
	struct timeval again = from_us(wait_us < CPU_MIN_CHECK_US ? CPU_MIN_CHECK_US : wait_us);

	(void)evtimer_add(slot->on_cpu, &again);
}

void run_read_control(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;
	union {
		struct wire_job job;
		struct wire_stop stop;
		char bytes[FRAME_MAX_BYTES];
	} frame;
	int fds[2] = { -EBADF, -EBADF };
	size_t fds_count = 0;
	ssize_t n = frame_recv(fd, &frame, sizeof frame, fds, ARRAY_SIZE(fds), &fds_count);

	(void)what;
	if (n == -EAGAIN)
		return;
	if (wire_is(&frame, n, WIRE_JOB, wire_job) && slot->state == SLOT_READY) {
		slot->job = frame.job;
		take_job(slot, fds, fds_count);
	} else if (wire_is(&frame, n, WIRE_STOP, wire_stop) && slot->state == SLOT_RUNNING &&
		   frame.stop.verdict == VERDICT_OUTPUT) {
		run_stop(slot, VERDICT_OUTPUT);
	} else if (n <= 0 || slot->state == SLOT_READY) {
		/* Cancelled by the front, or never to be used: nobody waits for a verdict. */
		event_del(slot->on_control);
		if (slot->state == SLOT_READY || slot->state == SLOT_RUNNING || slot->state == SLOT_ASKING)
			run_stop(slot, VERDICT_INTERNAL);
	}
	for (size_t i = 0; i < fds_count; i++)
		(void)fd_close(fds[i]);
}

/* --- the verdict ---------------------------------------------------------------------------------------------------------------------- */

static uint64_t us_between(nsec_t from, nsec_t to)
{
	return from && to > from ? (to - from) / NSEC_PER_USEC : 0;
}

void run_answer(struct slot *slot)
{
	struct wire_verdict verdict = { .head = WIRE_HEAD(WIRE_VERDICT) };
	struct result *result = &verdict.result;
	struct cgroup_events events;
	nsec_t now = clock_now();

	if (slot->control < 0)
		return;
	if (!slot->ended_at)
		slot->ended_at = now;
	cgroup_group_read(slot->group, &result->usage, &events);
	slot->evidence.is_oom = events.is_oom;
	slot->evidence.is_pids_full = events.is_pids_full;
	verdict_decide(&slot->evidence, result);
	if (result->verdict == VERDICT_INTERNAL)
		result->may_have_run = slot->is_started;
	result->usage.wall_us = us_between(slot->started_at, slot->ended_at);
	result->timings = (struct timings){
		.setup_us = us_between(slot->job_at, slot->started_at),
		.run_us = result->usage.wall_us,
		.collect_us = us_between(slot->ended_at, now),
	};
	memcpy(verdict.reason, slot->fault.text, sizeof verdict.reason);
	(void)frame_send(slot->control, &verdict, sizeof verdict, NULL, 0); /* a front that is gone does not need it */
	slot->has_job = false;
}
