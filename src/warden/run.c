/* SPDX-License-Identifier: Apache-2.0 */
#include "warden/warden.h"

#include "base/log.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define START_SECONDS 5 /* for init to apply a job */

static struct timeval from_us(uint64_t us)
{
	return (struct timeval){ .tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000) };
}

/* A program that has printed has begun. Its init's word of that may still lie on the other socket, or be on its way: it then began
 * after the job came, which is all that is known. */
static void see_start(struct slot *slot)
{
	slot_hear_init(slot);
	if (slot->state != SLOT_RUNNING || slot->job.is_started)
		return;
	run_started(slot);
	slot->job.started_at = slot->job.given_at;
}

void run_stop(struct slot *slot, uint32_t verdict)
{
	if (verdict == VERDICT_OUTPUT && slot->state == SLOT_RUNNING && !slot->job.is_started) {
		see_start(slot);
		if (slot->state != SLOT_RUNNING)
			return; /* it was over, too */
	}

	bool has_files = slot->state == SLOT_RUNNING && slot->job.frame.flags & WIRE_JOB_OUTPUTS &&
			 (verdict == VERDICT_TIMEOUT || verdict == VERDICT_CPU_TIMEOUT || verdict == VERDICT_OUTPUT);

	job_stop(&slot->job, verdict);
	if (!has_files || !slot_ask_init(slot))
		slot_kill(slot);
}

/* --- the job -------------------------------------------------------------------------------------------------------------------------- */

/* The report's pipe: its read end waits here until the program runs, the other goes into the cell. */
static int open_report(struct slot *slot, int *ret_write)
{
	int ends[2];

	if (!(slot->job.frame.flags & WIRE_JOB_REPORT))
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	slot->report_read = ends[0];
	*ret_write = ends[1];
	return 0;
}

static int start_job(struct slot *slot, const int *fds, size_t fds_count, struct err *err)
{
	const struct limits *limits = &slot->job.frame.limits;
	struct order order = {
		.type = ORDER_JOB,
		.serial = slot->serial,
		.job = { .flags = slot->job.frame.flags, .limits = *limits },
	};
	struct timeval start_time = from_us(limits->wall_ms * 1000 + START_SECONDS * UINT64_C(1000000));
	_cleanup_(fd_closep) int report = -EBADF;
	int r = open_report(slot, &report);

	if (r < 0)
		return err_set(err, r, "no descriptors are left for a run");
	r = cgroup_group_set_limits(slot->group, limits, err);
	if (r == 0) {
		r = order_send_job(slot->init_link, &order,
				   (int[ORDER_JOB_FDS]){ fds[0], fds_count > 1 ? fds[1] : -EBADF, report });
		if (r < 0)
			(void)err_set(err, r, "the cell's init takes no orders");
	}
	(void)evtimer_add(slot->on_deadline, &start_time);
	return r;
}

static void take_job(struct slot *slot, const int *fds, size_t fds_count)
{
	struct err err = { 0 };
	int r = job_check(&slot->job.frame, fds, fds_count, &slot->warden->options->common.most, &err);

	if (r < 0) {
		slot->job.fault = err;
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
	struct timeval wall = from_us(slot->job.frame.limits.wall_ms * 1000);
	struct timeval cpu = from_us(job_cpu_wait_us(&slot->job, 0));

	int r = job_begin(&slot->job, slot->ends.control, slot->report_read);

	slot->report_read = fd_close(slot->report_read);
	if (evtimer_add(slot->on_deadline, &wall) < 0 || evtimer_add(slot->on_cpu, &cpu) < 0)
		slot_cell_failed(slot, "no memory for a run's timers");
	else if (r < 0)
		slot_cell_failed(slot, "the front cannot be told that its run has begun");
}

void run_refused(struct slot *slot, const struct order *order)
{
	if (order->refusal.verdict == VERDICT_OK) { /* the answer waits for the status, should that be on its way */
		slot_kill(slot);
		return;
	}
	(void)err_say(&slot->job.fault, -EINVAL, "%.200s", order->refusal.text);
	run_stop(slot, order->refusal.verdict == VERDICT_DISK ? VERDICT_DISK : VERDICT_REFUSED);
}

/* Looks again when the run could at the earliest have used what is left, its share of a CPU being known. */
void run_check_cpu(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;
	struct cgroup_events events;
	struct usage usage = { 0 };
	struct err err;

	(void)fd;
	(void)what;
	if (slot->state != SLOT_RUNNING)
		return;
	if (cgroup_group_read(slot->group, &usage, &events, &err) < 0) {
		slot_cell_failed(slot, err.text);
		return;
	}

	uint64_t wait_us = job_cpu_wait_us(&slot->job, usage.cpu_user_us + usage.cpu_system_us);
	struct timeval again = from_us(wait_us);

	if (wait_us == 0) {
		run_stop(slot, VERDICT_CPU_TIMEOUT);
		return;
	}
	(void)evtimer_add(slot->on_cpu, &again);
}

void run_read_control(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;
	int fds[JOB_FDS];
	size_t fds_count;
	enum job_word word =
		job_read(fd, slot->warden->ids.base + IDS_FRONT_OFFSET, slot->state == SLOT_READY, &slot->job, fds, &fds_count);

	(void)what;
	if (word == JOB_NOTHING)
		return;
	if (word == JOB_GIVEN) {
		take_job(slot, fds, fds_count);
	} else if (word == JOB_STOP && slot->state != SLOT_READY) {
		if (slot->state == SLOT_RUNNING)
			run_stop(slot, VERDICT_OUTPUT);
	} else {
		/* Cancelled by the front, or never to be used: nobody waits for a verdict. */
		event_del(slot->on_control);
		if (slot->state == SLOT_READY || slot->state == SLOT_RUNNING || slot->state == SLOT_ASKING)
			run_stop(slot, VERDICT_INTERNAL);
	}
	for (size_t i = 0; i < fds_count; i++)
		(void)fd_close(fds[i]);
}

/* --- the verdict ---------------------------------------------------------------------------------------------------------------------- */

void run_answer(struct slot *slot)
{
	struct cgroup_events events;
	struct err err;

	if (slot->ends.control < 0)
		return;
	if (cgroup_group_read(slot->group, &slot->job.usage, &events, &err) < 0) {
		log_line("%s", err.text);
		job_fail(&slot->job, err.text);
	} else {
		slot->job.evidence.is_oom = events.is_oom;
		slot->job.evidence.is_pids_full = events.is_pids_full;
	}
	job_answer(&slot->job, slot->ends.control);
}
