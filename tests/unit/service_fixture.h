/* SPDX-License-Identifier: Apache-2.0
 * service_fixture.h: a service in an event loop, and the far ends of its provider's link and cells, played by the test.
 */
#pragma once
#include "base/fd.h"
#include "service/service.h"
#include "unit.h"
#include "wire/provider.h"

#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The provider's ends of one cell. */
struct far_cell {
	int control, out, err;
};

struct fixture {
	struct event_base *base;
	struct service *service;
	int link; /* the provider's end */
	unsigned ready, lost, faults, done;
	struct run_outcome last;
	char out[64], err[64];
	struct run_segment segments[8]; /* the first of them */
	size_t segments_count;
};

static inline void on_ready(void *arg)
{
	((struct fixture *)arg)->ready++;
}

static inline void on_lost(const char *why, void *arg)
{
	assert_non_null(why);
	((struct fixture *)arg)->lost++;
}

static inline void on_fault(const char *what, void *arg)
{
	assert_non_null(what);
	((struct fixture *)arg)->faults++;
}

static inline void on_done(struct run_outcome *outcome, void *arg)
{
	struct fixture *f = arg;

	f->done++;
	f->last = *outcome;
	f->segments_count = outcome->segments_count;
	for (size_t i = 0; i < outcome->segments_count && i < ARRAY_SIZE(f->segments); i++)
		f->segments[i] = outcome->segments[i];
	snprintf(f->out, sizeof f->out, "%.*s", (int)outcome->out.size, outcome->out.bytes ? outcome->out.bytes : "");
	snprintf(f->err, sizeof f->err, "%.*s", (int)outcome->err.size, outcome->err.bytes ? outcome->err.bytes : "");
}

static struct service_events events = { .on_ready = on_ready, .on_lost = on_lost, .on_fault = on_fault };

static inline void open_fixture(struct fixture *f, unsigned queue_max, uint32_t queue_ms)
{
	struct service_options options = {
		.limits = limits_default(),
		.queue_max = queue_max,
		.queue_ms = queue_ms,
		.guard_ms = 40,
		.drain_ms = 40,
	};
	int pair[2];

	*f = (struct fixture){ 0 };
	options.limits.output_bytes = 8;
	options.limits.wall_ms = 10;
	events.arg = f;
	f->base = event_base_new();
	assert_int_equal(service_new(f->base, &options, &events, &f->service), 0);
	assert_int_equal(frame_new_pair(pair), 0);
	f->link = pair[0];
	assert_int_equal(service_add_provider(f->service, pair[1]), 0);
}

static inline void close_fixture(struct fixture *f)
{
	service_free(f->service);
	event_base_free(f->base);
	(void)fd_close(f->link);
}

static inline void turn(struct fixture *f)
{
	assert_true(event_base_loop(f->base, EVLOOP_NONBLOCK) >= 0);
}

/* Waits for events until count runs are done. */
static inline void wait_done(struct fixture *f, unsigned count)
{
	while (f->done < count)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
}

static inline struct far_cell give_cell_of(struct fixture *f, const char *environment)
{
	struct wire_cell frame = { .head = WIRE_HEAD(WIRE_CELL), .slots = 4, .provider = "test" };
	int control[2], out[2], err[2];

	snprintf(frame.environment, sizeof frame.environment, "%s", environment);
	assert_int_equal(frame_new_pair(control), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);

	const int fds[3] = { control[1], out[0], err[0] };

	assert_int_equal(frame_send(f->link, &frame, sizeof frame, fds, 3), 0);
	for (int i = 0; i < 3; i++)
		(void)fd_close(fds[i]);
	turn(f);
	return (struct far_cell){ .control = control[0], .out = out[1], .err = err[1] };
}

static inline struct far_cell give_cell(struct fixture *f)
{
	return give_cell_of(f, "base");
}

static inline void close_cell(struct far_cell *cell)
{
	fd_closep(&cell->control);
	fd_closep(&cell->out);
	fd_closep(&cell->err);
}

static inline void close_streams(struct far_cell *cell)
{
	fd_closep(&cell->out);
	fd_closep(&cell->err);
}

static inline void send_verdict(const struct far_cell *cell, enum verdict verdict)
{
	const struct wire_verdict frame = { .head = WIRE_HEAD(WIRE_VERDICT), .result.verdict = verdict };

	assert_int_equal(frame_send(cell->control, &frame, sizeof frame, NULL, 0), 0);
}

static inline void send_started(const struct far_cell *cell)
{
	const struct wire_started frame = { .head = WIRE_HEAD(WIRE_STARTED) };

	assert_int_equal(frame_send(cell->control, &frame, sizeof frame, NULL, 0), 0);
}

static inline struct run *start(struct fixture *f, const char *code)
{
	const struct run_request request = { .code = code, .code_bytes = strlen(code), .is_read_only = true };
	struct run *run = NULL;

	assert_int_equal(service_run(f->service, &request, on_done, f, &run), 0);
	assert_non_null(run);
	return run;
}

static inline void read_job(const struct far_cell *cell)
{
	struct wire_job job;
	int code_fd;
	size_t count = 0;

	assert_int_equal(frame_recv(cell->control, &job, sizeof job, &code_fd, 1, &count), sizeof job);
	assert_int_equal(count, 1);
	(void)fd_close(code_fd);
}
