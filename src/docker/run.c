/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/docker.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define START_SECONDS   60 /* for the Engine to have the program running */
#define STOP_SECONDS    10 /* for a killed container to end; then it is removed by force */
#define DRAIN_MS        1500
#define SECOND_LOOK_MS  100
#define SIGNAL_EXIT     128 /* and the signal's number: how an Engine reports it */
#define MAX_SIGNAL      64
#define EXIT_OF_SIGKILL (SIGNAL_EXIT + 9)

static void set_deadline(struct slot *slot, uint64_t ms)
{
	struct timeval time = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	(void)evtimer_add(slot->on_deadline, &time);
}

/* --- the job ------------------------------------------------------------------------------------------------------------------ */

/* What a container cannot keep is refused, not ignored. */
static int check_job(const struct wire_job *job, const int *fds, size_t fds_count, struct err *err)
{
	const struct limits *limits = &job->limits;
	int r = wire_check_job(job, fds, fds_count, err);

	if (r < 0)
		return r;
	if (job->flags & ~(uint32_t)(WIRE_JOB_READ_ONLY | WIRE_JOB_TELL))
		return err_say(err, -EOPNOTSUPP, "the docker provider takes a program alone: no files, input, value or displays");
	if (limits->cpu_ms * 1000 / limits->cpu_millis < limits->wall_ms)
		return err_say(err, -EOPNOTSUPP,
			       "the docker provider does not measure CPU time: with cpu_millis %" PRIu64 ", cpu_ms must be %" PRIu64
			       " at least",
			       limits->cpu_millis, limits->wall_ms * limits->cpu_millis / 1000);
	return 0;
}

static void take_job(struct slot *slot, int *fds, size_t fds_count)
{
	struct kind wanted = { .is_read_only = (slot->job.frame.flags & WIRE_JOB_READ_ONLY) != 0,
			       .limits = slot->job.frame.limits };
	struct err err = { 0 };

	if (check_job(&slot->job.frame, fds, fds_count, &err) < 0) {
		slot->job.fault = err;
		run_stop(slot, VERDICT_REFUSED);
		return;
	}
	slot->code = fd_take(&fds[0]);
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
	if (slot->state == SLOT_STARTING)
		set_deadline(slot, START_SECONDS * UINT64_C(1000));
}

void run_read_control(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;
	int fds[JOB_FDS];
	size_t fds_count;
	enum job_word word = job_read(fd, slot->state == SLOT_READY, &slot->job, fds, &fds_count);

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

void run_started(struct slot *slot)
{
	slot->state = SLOT_RUNNING;
	job_begin(&slot->job, slot->ends.control, -EBADF);
	ends_close_writers(&slot->ends); /* the attach has its own */
	set_deadline(slot, slot->job.frame.limits.wall_ms);
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

void run_stop(struct slot *slot, uint32_t verdict)
{
	job_stop(&slot->job, verdict);
	switch (slot->state) {
	case SLOT_RUNNING:
		slot->state = SLOT_STOPPING;
		set_deadline(slot, STOP_SECONDS * UINT64_C(1000));
		if (slot_call(slot, "POST", "/kill", NULL, on_killed) < 0)
			slot_remove(slot);
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

static void finish(struct slot *slot)
{
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
	slot->job.evidence.is_oom = is_known && state.is_oom_killed;
	/* The Engine hears of the OOM killer and of the end by different ways, and the first may be the later one. */
	if (is_known && !state.is_oom_killed && state.exit_code == EXIT_OF_SIGKILL && !slot->was_looked_at_twice) {
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

/* The container has ended and so has its output, or it was waited for in vain. */
static void collect(struct slot *slot)
{
	bool is_success = WIFEXITED(slot->job.evidence.status) && WEXITSTATUS(slot->job.evidence.status) == 0;

	if (slot->calls > 0)
		return; /* the kill's answer comes first */
	(void)evtimer_del(slot->on_deadline);
	if (slot->job.evidence.stopped_for != VERDICT_OK || is_success)
		finish(slot); /* nothing more to learn */
	else
		look(slot);
}

void run_output_ended(struct slot *slot)
{
	if (slot->state == SLOT_COLLECTING && slot->has_output_ended)
		collect(slot);
}

void run_exited(struct slot *slot, int exit_code)
{
	int number = exit_code - SIGNAL_EXIT;

	if (slot->state != SLOT_RUNNING && slot->state != SLOT_STOPPING) {
		slot_fail(slot, "a container ended before it had a program");
		return;
	}
	/* As wait(2) has it: a signal in the low bits, else an exit status above them. */
	job_end(&slot->job, number > 0 && number <= MAX_SIGNAL ? number : exit_code << 8);
	slot->state = SLOT_COLLECTING;
	set_deadline(slot, DRAIN_MS);
	run_output_ended(slot);
}

void run_see_deadline(struct slot *slot)
{
	switch (slot->state) {
	case SLOT_RUNNING:
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
			collect(slot);
		break;
	default:
		slot_fail(slot, "a container did not take its program in time");
	}
}

void run_answer(struct slot *slot)
{
	/* The verdict is the last word: whoever could still write is gone before it. */
	attach_free(slot->attach);
	slot->attach = NULL;
	ends_close_writers(&slot->ends);
	/* The Engine tells CPU time and memory of running containers only; a zero says "not known". */
	job_answer(&slot->job, slot->ends.control);
}
