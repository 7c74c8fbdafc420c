/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/docker.h"

#include "base/log.h"
#include "cell/unpack.h"
#include "docker/kmsg.h"
#include "docker/stats.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define START_SECONDS    60     /* for the Engine to have the program running */
#define STOP_SECONDS     10     /* for a killed container to end; then it is removed by force */
#define DRAIN_MS         1500   /* for the output of a program that has ended */
#define STOPPED_DRAIN_MS 400    /* ... that was stopped: its answer is due */
#define FILES_MS         10000  /* for the files of a run to come out of its container */
#define END_MS           3000   /* for a program to be ended from within, and its files to be collected */
#define FIND_US          10000  /* between two looks for a program that the Engine is starting */
#define MEASURE_US       100000 /* ... at what a program has used whose container goes with it */
#define SECOND_LOOK_MS   100

static void set_time(struct event *timer, uint64_t us)
{
	struct timeval time = { .tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000) };

	(void)evtimer_add(timer, &time);
}

static void set_deadline(struct slot *slot, uint64_t ms)
{
	set_time(slot->on_deadline, ms * 1000);
}

/* --- the job ------------------------------------------------------------------------------------------------------------------ */

/* What a container cannot keep is refused, not ignored. */
static int check_job(const struct slot *slot, bool can_measure, const int *fds, size_t fds_count, struct err *err)
{
	const struct wire_job *job = &slot->job.frame;
	const struct limits *limits = &job->limits;
	int r = job_check(job, fds, fds_count, &slot->docker->options->common.most, err);

	if (r < 0)
		return r;
	if (job->flags & WIRE_JOB_VALUE)
		return err_say(err, -EOPNOTSUPP, "the docker provider cannot tell the value of a program's last expression");
	if (!container_is_fed(slot->docker->options) && job->flags & (WIRE_JOB_STDIN | WIRE_JOB_BUNDLE | WIRE_JOB_CHECK))
		return err_say(err, -EOPNOTSUPP,
			       "the docker provider's profile original takes a program alone: no files, arguments, variables, "
			       "standard input or syntax check");
	if (!can_measure && limits->cpu_ms * 1000 / limits->cpu_millis < limits->wall_ms)
		return err_say(
			err, -EOPNOTSUPP,
			"the Engine's processes cannot be seen from here, so CPU time is not measured: with cpu_millis %" PRIu64
			", cpu_ms must be %" PRIu64 " at least",
			limits->cpu_millis, limits->wall_ms * limits->cpu_millis / 1000);
	return 0;
}

/* Of a container that is not started yet nothing is known; the native provider and the default limits need no measure. */
static bool can_measure(const struct slot *slot)
{
	return slot->watch.pidfd >= 0 || !container_is_fed(slot->docker->options);
}

static void take_job(struct slot *slot, int *fds, size_t fds_count)
{
	struct kind wanted = { .is_read_only = (slot->job.frame.flags & WIRE_JOB_READ_ONLY) != 0,
			       .limits = slot->job.frame.limits };
	struct err err = { 0 };

	if (check_job(slot, can_measure(slot), fds, fds_count, &err) < 0) {
		slot->job.fault = err;
		run_stop(slot, VERDICT_REFUSED);
		return;
	}
	slot->code = fd_take(&fds[0]);
	if (fds_count > 1)
		slot->input = fd_take(&fds[1]);
	if (container_suits(&slot->kind, &wanted)) {
		slot->kind = wanted;
		slot_begin(slot);
	} else {
		slot->kind = wanted;
		attach_free(slot->attach);
		slot->attach = NULL;
		slot->state = SLOT_SWAPPING;
		slot_remove(slot);
	}
	docker_fill(slot->docker);
	if (slot->state == SLOT_SWAPPING || (slot->state == SLOT_STARTING && container_is_fed(slot->docker->options)))
		set_deadline(slot, START_SECONDS * UINT64_C(1000));
}

void run_read_control(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;
	int fds[JOB_FDS];
	size_t fds_count;
	enum job_word word =
		job_read(fd, slot->docker->ids.base + IDS_FRONT_OFFSET, slot->state == SLOT_READY, &slot->job, fds, &fds_count);

	(void)what;
	if (word == JOB_NOTHING)
		return;
	if (word == JOB_GIVEN) {
		take_job(slot, fds, fds_count);
	} else if (word == JOB_STOP && slot->state != SLOT_READY) {
		if (slot->state == SLOT_RUNNING || slot->state == SLOT_STARTING)
			run_stop(slot, VERDICT_OUTPUT); /* output may overtake the Engine's word that the program runs */
	} else {
		/* Cancelled by the front, or never to be used: nobody waits for a verdict. */
		(void)event_del(slot->on_control);
		run_stop(slot, VERDICT_INTERNAL);
	}
	for (size_t i = 0; i < fds_count; i++)
		(void)fd_close(fds[i]);
}

/* --- running ------------------------------------------------------------------------------------------------------------------ */

/* When CPU time is to be looked at next. Counters that do not wait for us are read now and then meanwhile. */
static uint64_t next_measure_us(const struct slot *slot)
{
	const struct usage *usage = &slot->job.usage;
	uint64_t wait_us = job_cpu_wait_us(&slot->job, usage->cpu_user_us + usage->cpu_system_us);

	return container_is_fed(slot->docker->options) || wait_us < MEASURE_US ? wait_us : MEASURE_US;
}

void run_started(struct slot *slot)
{
	slot->state = SLOT_RUNNING;
	if (job_begin(&slot->job, slot->ends.control, -EBADF) < 0) {
		slot_fail(slot, "the front cannot be told that its run has begun");
		return;
	}
	ends_close_writers(&slot->ends);             /* the attach has its own */
	if (container_is_fed(slot->docker->options)) /* else it began when the Engine was asked */
		set_deadline(slot, slot->job.frame.limits.wall_ms);
	set_time(slot->on_cpu, next_measure_us(slot));
	if (!slot->is_dead)
		return;
	slot->job.started_at = slot->seen_at; /* it was over before it was seen to run */
	run_died(slot);
}

/* The command of old had its time limit outside of docker run: the container's start is part of it. */
void run_starts(struct slot *slot)
{
	set_deadline(slot, slot->job.frame.limits.wall_ms);
	run_find(-1, 0, slot);
}

void run_find(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;
	struct docker *docker = slot->docker;

	(void)fd;
	(void)what;
	if (slot->state != SLOT_STARTING || slot->is_dead)
		return;
	if (watch_find(&slot->watch, docker->loop, slot->id, "python", slot_see_death, slot) == 0) {
		watch_begin(&slot->watch, false);
		run_started(slot);
		return;
	}
	if (!slot->seen_at && slot->watch.pidfd >= 0)
		slot->seen_at = clock_now();
	set_time(slot->on_find, FIND_US);
}

/* What the kernel has counted; false when that cannot be read, or not any more. Process 1 is not the program's where it is ours. */
static bool measure(struct slot *slot)
{
	struct evidence *evidence = &slot->job.evidence;
	struct usage *usage = &slot->job.usage;
	struct cgroup_events events;

	if (!watch_read(&slot->watch, usage, &events))
		return false;
	evidence->is_oom = events.is_oom;
	evidence->is_pids_full = events.is_pids_full;
	if (container_is_fed(slot->docker->options) && usage->pids_peak > 1)
		usage->pids_peak--;
	return true;
}

/* The Engine removes a container's cgroup some ten milliseconds after its end, and a busy machine may let us look later than that: then
 * the kernel's log has why it failed. */
static void recall(struct slot *slot)
{
	struct evidence *evidence = &slot->job.evidence;
	struct cgroup_events events = { .is_oom = evidence->is_oom, .is_pids_full = evidence->is_pids_full };

	kmsg_recall(slot->id, &events);
	evidence->is_oom = events.is_oom;
	evidence->is_pids_full = events.is_pids_full;
}

void run_check_cpu(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;

	(void)fd;
	(void)what;
	if (slot->state != SLOT_RUNNING)
		return;
	(void)measure(slot);

	uint64_t wait_us = next_measure_us(slot);

	if (wait_us == 0)
		run_stop(slot, VERDICT_CPU_TIMEOUT);
	else
		set_time(slot->on_cpu, wait_us);
}

static void on_killed(const struct engine_answer *answer, void *arg)
{
	struct slot *slot = arg;
	bool is_over = answer->status == 204 || answer->status == 404 || answer->status == 409; /* 409: it has just ended */

	slot->calls--;
	if (slot->is_doomed || !is_over)
		slot_remove(slot);
	else if (slot->state == SLOT_COLLECTING)
		run_output_ended(slot); /* it was held back for this answer */
}

/* By the kernel, at once, where we may; another runtime's process 1 is not the program's, and is left to the Engine. */
static void kill_container(struct slot *slot)
{
	(void)measure(slot);
	slot->state = SLOT_STOPPING;
	set_deadline(slot, STOP_SECONDS * UINT64_C(1000));
	if (!slot->docker->options->runtime && watch_kill(&slot->watch) == 0)
		return;
	if (slot_call(slot, "POST", "/kill", NULL, on_killed) < 0)
		slot_remove(slot);
}

/* What a program left can come out only while its container lives: so process 1 is asked to end the program, and given some time. */
static void end_program(struct slot *slot)
{
	bool is_worth_it =
		slot->job.frame.flags & WIRE_JOB_OUTPUTS || slot->watch.pidfd < 0; /* or the Engine counts what it used */

	if (slot->has_report || !slot->attach || !is_worth_it || !container_is_fed(slot->docker->options)) {
		kill_container(slot);
		return;
	}
	slot->is_asked_to_end = true;
	attach_end_input(slot->attach);
	set_deadline(slot, END_MS);
}

void run_stop(struct slot *slot, uint32_t verdict)
{
	bool is_first = !slot->is_asked_to_end;

	job_stop(&slot->job, verdict);
	switch (slot->state) {
	case SLOT_RUNNING:
		if (verdict == VERDICT_INTERNAL)
			kill_container(slot);
		else if (is_first)
			end_program(slot);
		break;
	case SLOT_EMPTY:
	case SLOT_STOPPING:
	case SLOT_COLLECTING:
	case SLOT_REMOVING:
		break; /* it is on its way out */
	default:
		slot_remove(slot);
	}
}

/* --- the end ------------------------------------------------------------------------------------------------------------------ */

/* Nothing in a container can kill its process 1 (pid_namespaces(7)), and ours does not end by itself: somebody killed the container, or stopped
 * the Engine. What an Engine says of a process 1 that is Python may also be its exit status. */
static bool was_ended_by_others(const struct slot *slot)
{
	const struct evidence *evidence = &slot->job.evidence;
	bool is_killed = WIFSIGNALED(evidence->status) && WTERMSIG(evidence->status) == SIGKILL && slot->is_status_sure;

	if (evidence->stopped_for != VERDICT_OK || slot->has_report || evidence->is_oom || !evidence->has_status)
		return false;
	return container_is_fed(slot->docker->options) || is_killed;
}

static void finish(struct slot *slot)
{
	if (was_ended_by_others(slot))
		job_fail(&slot->job, "a container was ended from outside, or with its Engine");
	run_answer(slot);
	slot_remove(slot);
}

static void look(struct slot *slot);

static void on_looked(const struct engine_answer *answer, void *arg)
{
	struct slot *slot = arg;
	struct container_state state = { 0 };
	bool is_known = answer->status == 200 && container_read_state(answer->body, answer->size, &state) == 0;

	slot->calls--;
	if (slot->is_doomed) {
		slot_remove(slot);
		return;
	}
	slot->job.evidence.is_oom |= is_known && state.is_oom_killed;
	/* The Engine hears of the OOM killer and of the end by different ways, and the first may be the later one. */
	if (is_known && !state.is_oom_killed && state.exit_code != 0 && !slot->was_looked_at_twice) {
		slot->was_looked_at_twice = true;
		set_deadline(slot, SECOND_LOOK_MS);
		return;
	}
	finish(slot);
}

static void look(struct slot *slot)
{
	if (slot_call(slot, "GET", "/json", NULL, on_looked) < 0)
		finish(slot);
}

/* The container has ended, and so has its output, or that was waited for in vain. Its status may still be the Engine's to tell. */
static void collect(struct slot *slot)
{
	struct evidence *evidence = &slot->job.evidence;
	int status;

	if (slot->calls > 0)
		return; /* the kill's answer comes first */
	if (!slot->has_report && !slot->docker->options->runtime && watch_status(&slot->watch, &status) == 0) {
		evidence->status = status;
		evidence->has_status = slot->is_status_sure = true;
	}
	if (evidence->stopped_for == VERDICT_OK && !evidence->has_status) {
		if (slot->is_overdue)
			slot_fail(slot, "the Engine does not say how a container ended");
		return;
	}
	(void)evtimer_del(slot->on_deadline);

	bool is_success = WIFEXITED(evidence->status) && WEXITSTATUS(evidence->status) == 0;

	if (evidence->stopped_for == VERDICT_OK && !is_success && !slot->is_measured)
		recall(slot);
	if (evidence->stopped_for != VERDICT_OK || is_success || slot->is_measured || evidence->is_oom || evidence->is_pids_full)
		finish(slot); /* nothing more to learn */
	else
		look(slot);
}

/* The output, or how it ended, is overdue. */
static void collect_late(struct slot *slot)
{
	set_deadline(slot, STOP_SECONDS * UINT64_C(1000));
	collect(slot);
	slot->is_overdue = true;
}

void run_output_ended(struct slot *slot)
{
	if (slot->state == SLOT_COLLECTING && slot->has_output_ended)
		collect(slot);
}

/* No process of the container lives. What it has written may still be on its way. */
static void begin_collecting(struct slot *slot)
{
	if (!slot->job.ended_at)
		slot->job.ended_at = clock_now();
	slot->state = SLOT_COLLECTING;
	set_deadline(slot, slot->job.evidence.stopped_for == VERDICT_OK ? DRAIN_MS : STOPPED_DRAIN_MS);
}

void run_died(struct slot *slot)
{
	slot->is_dead = true;
	slot->is_measured = measure(slot); /* its cgroup is there until the Engine has seen the end */
	if (slot->state == SLOT_RUNNING || slot->state == SLOT_STOPPING) {
		begin_collecting(slot);
		run_output_ended(slot);
	} else if (slot->job.is_given) { /* before the Engine said that it had begun */
		slot->job.ended_at = clock_now();
	}
}

void run_exited(struct slot *slot, int exit_code)
{
	struct evidence *evidence = &slot->job.evidence;

	if (slot->state != SLOT_RUNNING && slot->state != SLOT_STOPPING && slot->state != SLOT_COLLECTING) {
		slot_fail(slot, "a container ended before it had a program");
		return;
	}
	if (slot->state != SLOT_COLLECTING)
		begin_collecting(slot);
	if (!evidence->has_status)
		evidence->status = container_wait_status(exit_code);
	evidence->has_status = true;
	run_output_ended(slot);
}

/* What stopped a job before its program began. */
static void refuse(struct slot *slot, int r, const char *reason)
{
	bool is_the_runs_fault = r == -ENOSPC || r == -EBADMSG || r == -EEXIST || r == -ENOTDIR || r == -EISDIR;

	job_fail(&slot->job, reason);
	if (is_the_runs_fault)
		slot->job.evidence.stopped_for = r == -ENOSPC ? VERDICT_DISK : VERDICT_REFUSED;
	slot->job.is_started = false;
}

bool run_fill_folder(struct slot *slot)
{
	_cleanup_(fd_closep) int dir = -EBADF;
	struct bundle bundle = { 0 };
	struct err err = { 0 };
	int r = 0;

	if (!(slot->job.frame.flags & WIRE_JOB_BUNDLE)) {
		if (scratch_write(slot->folder, slot->code) == 0)
			return true;
		slot_fail(slot, "the program cannot be written for its container");
		return false;
	}
	r = scratch_write(slot->folder, -EBADF);
	if (r == 0)
		r = scratch_enter(slot->folder, &dir);
	if (r == 0)
		r = bundle_open(slot->code, &bundle);
	if (r == 0) {
		r = unpack_files(dir, &bundle, &err);
		bundle_close(&bundle);
	}
	if (r == 0)
		return true;
	refuse(slot, r, err.text[0] ? err.text : "the files of the run cannot be written");
	slot_remove(slot);
	return false;
}

static void take_files(struct slot *slot, const struct inside_report *report, const char *bytes)
{
	if (report->files_bytes > 0)
		slot->job.files = fd_new_sealed("files", bytes, (size_t)report->files_bytes);
}

static void take_last_stats(struct slot *slot, const struct usage *usage)
{
	if (usage)
		slot->job.usage = stats_between(&slot->used_before, usage);
	finish(slot);
}

/* All that the program was is gone and all that it wrote is passed on; the container lives on, so that its cgroup can be read. */
void run_reported(struct slot *slot, const struct buf *bytes)
{
	struct inside_report report;

	if (bytes->size < sizeof report)
		return;
	memcpy(&report, bytes->bytes, sizeof report);
	report.reason[sizeof report.reason - 1] = '\0';
	if (slot->state == SLOT_STARTING) /* it was quicker than the word that it has its order */
		run_started(slot);
	if (slot->state != SLOT_RUNNING || slot->inspection) /* the last question is asked already */
		return;
	if (!slot->has_report) {
		slot->has_report = true;
		job_end(&slot->job, report.status);
		set_deadline(slot, FILES_MS);
	}
	if (bytes->size - sizeof report < report.files_bytes)
		return; /* more will come */
	slot->is_measured = measure(slot);
	if (report.magic != INSIDE_MAGIC || report.failure != 0)
		refuse(slot, report.failure,
		       report.magic == INSIDE_MAGIC ? report.reason : "the container's process 1 makes no sense");
	slot->job.evidence.is_disk_full = report.is_disk_full != 0;
	if (report.is_over_disk && slot->job.evidence.stopped_for == VERDICT_OK)
		slot->job.evidence.stopped_for = VERDICT_DISK;
	if (report.wall_us * NSEC_PER_USEC < slot->job.ended_at)
		slot->job.started_at = slot->job.ended_at - report.wall_us * NSEC_PER_USEC;
	take_files(slot, &report, bytes->bytes + sizeof report);
	if (slot->is_measured) {
		finish(slot);
		return;
	}
	recall(slot);
	if (stats_ask(slot, take_last_stats) < 0)
		finish(slot);
}

void run_see_deadline(struct slot *slot)
{
	switch (slot->state) {
	case SLOT_RUNNING:
		if (slot->has_report) /* its files do not come */
			finish(slot);
		else if (slot->is_asked_to_end)
			kill_container(slot);
		else
			run_stop(slot, VERDICT_TIMEOUT);
		break;
	case SLOT_STARTING:
		if (container_is_fed(slot->docker->options))
			slot_fail(slot, "a container did not take its program in time");
		else
			run_stop(slot, VERDICT_TIMEOUT);
		break;
	case SLOT_STOPPING:
		log_line("slot %u: a killed container does not end; removing it by force", slot->index);
		slot_remove(slot);
		break;
	case SLOT_COLLECTING:
		if (slot->was_looked_at_twice)
			look(slot);
		else
			collect_late(slot);
		break;
	default:
		slot_fail(slot, "a container was not ready in time");
	}
}

void run_answer(struct slot *slot)
{
	/* The verdict is the last word: whoever could still write is gone before it. */
	attach_free(slot->attach);
	slot->attach = NULL;
	ends_close_writers(&slot->ends);
	job_answer(&slot->job, slot->ends.control);
}
