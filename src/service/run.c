/* SPDX-License-Identifier: Apache-2.0
 *
 * A run waits, runs, has its verdict, has ended. It has ended when the verdict is there *and* both streams are at their
 * end: the verdict overtakes what the program wrote last. Whatever does not come in time, the cell is let go, and closing
 * its control socket makes the provider kill it.
 */
#include "service/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_REQUEUES 3

static void set_timer(struct run *run, uint64_t ms)
{
	struct timeval timeout = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	(void)event_add(&run->timer, &timeout); /* cannot fail: it was added before and its memory is there */
}

void run_wait(struct run *run)
{
	uint64_t wait_ms = run->service->options.queue_ms;
	nsec_t now = clock_now();

	if (run->start_by > 0) {
		uint64_t left_ms = run->start_by > now ? (run->start_by - now) / NSEC_PER_MSEC : 0;

		if (left_ms < wait_ms)
			wait_ms = left_ms;
	}
	set_timer(run, wait_ms);
}

void run_wait_again(struct run *run)
{
	run_drop_cell(run);
	run->is_running = false;
	run->requeues++;
	run_wait(run);
}

void run_fault(struct run *run, const char *why)
{
	const struct service_events *events = run->service->events;
	char text[ERR_TEXT_BYTES + 32];

	(void)snprintf(text, sizeof text, "A run failed: %s", why);
	events->on_fault(text, events->arg);
	run->result = (struct result){ .verdict = VERDICT_INTERNAL, .exit_code = -1, .may_have_run = 1 };
	service_finish(run, RUN_ENDED);
}

void run_check_end(struct run *run)
{
	if (!run->has_verdict || run->out.fd >= 0 || run->err.fd >= 0 || run->report_fd >= 0)
		return;
	if (run->has_overflown && run->result.verdict != VERDICT_INTERNAL && run->result.verdict != VERDICT_REFUSED)
		run->result.verdict = VERDICT_OUTPUT;
	service_finish(run, RUN_ENDED);
}

void run_note_started(struct run *run)
{
	if (!run->has_started && run->events->on_started)
		run->events->on_started(run->arg);
	run->has_started = true;
}

void run_stop_output(struct run *run)
{
	const struct wire_stop stop = { .head = WIRE_HEAD(WIRE_STOP), .verdict = VERDICT_OUTPUT };

	if (!run->has_overflown && !run->has_verdict)
		(void)frame_send(run->control, &stop, sizeof stop, NULL, 0); /* if it cannot, the cell is ending already */
	run->has_overflown = true;
}

void run_hold(struct run *run, bool is_held)
{
	is_held = is_held && !run->has_verdict;
	if (run->is_held == is_held)
		return;
	run->is_held = is_held;
	stream_hold(&run->out, is_held);
	stream_hold(&run->err, is_held);
}

void run_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;

	(void)fd;
	(void)what;
	if (!run->is_running)
		service_finish(run, RUN_WAITED);
	else if (run->has_verdict)
		run_fault(run, "its streams did not end after its verdict");
	else
		run_fault(run, "its provider is silent");
}

static void take_verdict(struct run *run, const struct wire_verdict *verdict, int *files)
{
	const struct service_events *events = run->service->events;

	if (*files < 0)
		run->are_files_truncated = run->flags & WIRE_JOB_OUTPUTS;
	else if (run_take_files(run, files) < 0) {
		run_fault(run, "its provider sent what are not files");
		return;
	}
	run->has_verdict = true;
	run_hold(run, false);
	run->result = verdict->result;
	(void)event_del(&run->control_event);
	if (run->result.verdict == VERDICT_REFUSED)
		memcpy(run->refusal, verdict->reason, sizeof run->refusal);
	if (run->result.verdict == VERDICT_INTERNAL || run->result.verdict == VERDICT_REFUSED) {
		char text[ERR_TEXT_BYTES + 32];

		(void)snprintf(text, sizeof text, "A provider reports: %s", verdict->reason);
		events->on_fault(text, events->arg);
	}
	set_timer(run, run->service->options.drain_ms);
	if (verdict->is_whole && (stream_drain(&run->out) < 0 || stream_drain(&run->err) < 0)) {
		run_fault(run, "a stream of the program could not be read");
		return;
	}
	run_check_end(run);
}

/* Output may have overtaken it. */
static void take_start(struct run *run, int *report)
{
	run->was_told = true;
	run_note_started(run);
	if (*report >= 0 && (!(run->flags & WIRE_JOB_REPORT) || run_open_report(run, report) < 0))
		run_fault(run, "its report cannot be read");
}

static void on_control(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;
	union {
		struct wire_started started;
		struct wire_verdict verdict;
	} frame;
	_cleanup_(fd_closep) int brought = -EBADF;
	size_t fds_count = 0;
	ssize_t size = frame_recv(run->control, &frame, sizeof frame, &brought, 1, &fds_count);

	(void)fd;
	(void)what;
	if (size == -EAGAIN)
		return;
	if (size == -ECONNRESET && !run->has_overflown && run->requeues < MAX_REQUEUES)
		service_requeue(run); /* unix(7): closed with our job unread, so that it never ran */
	else if (size <= 0)
		run_fault(run, "its provider closed the cell without a verdict");
	else if (wire_is(&frame, size, WIRE_STARTED, wire_started) && run->flags & WIRE_JOB_TELL && !run->was_told)
		take_start(run, &brought);
	else if (!wire_is(&frame, size, WIRE_VERDICT, wire_verdict) || wire_check_verdict(&frame.verdict) < 0)
		run_fault(run, "its provider sent what is not a verdict");
	else
		take_verdict(run, &frame.verdict, &brought);
}

static int send_job(const struct run *run, int control)
{
	const struct wire_job job = {
		.head = WIRE_HEAD(WIRE_JOB),
		.flags = run->flags,
		.limits = run->limits,
	};

	return frame_send(control, &job, sizeof job, (int[]){ run->program_fd, run->stdin_fd }, run->stdin_fd >= 0 ? 2 : 1);
}

void run_drop_cell(struct run *run)
{
	if (run->control >= 0) {
		(void)event_del(&run->control_event);
		fd_closep(&run->control);
	}
	stream_close(&run->out);
	stream_close(&run->err);
	run_close_report(run);
}

static int take_cell(struct run *run, struct cell *cell)
{
	int r = stream_open(&run->out, run, &cell->out);

	if (r == 0)
		r = stream_open(&run->err, run, &cell->err);
	if (r < 0)
		return r;
	if (event_assign(&run->control_event, run->service->base, cell->control, EV_READ | EV_PERSIST, on_control, run) < 0 ||
	    event_add(&run->control_event, NULL) < 0)
		return -ENOMEM;
	run->control = fd_take(&cell->control);
	return 0;
}

int run_start(struct run *run, struct cell *cell)
{
	int r = take_cell(run, cell);

	run->place = cell->place;
	if (r == 0)
		r = send_job(run, run->control);
	if (r < 0) {
		run_drop_cell(run);
		return r;
	}
	run->is_running = true;
	run->started_at = clock_now();
	set_timer(run, run->limits.wall_ms + run->service->options.guard_ms);
	return 0;
}

void run_free(struct run *run)
{
	run_drop_cell(run);
	(void)event_del(&run->timer);
	(void)fd_close(run->program_fd);
	(void)fd_close(run->stdin_fd);
	buf_free(&run->out.bytes);
	buf_free(&run->err.bytes);
	free(run->segments);
	free(run->files);
	report_free(&run->report);
	bundle_close(&run->returned);
	free(run);
}
