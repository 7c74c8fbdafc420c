/* SPDX-License-Identifier: Apache-2.0
 * internal.h: what the files of this folder share.
 */
#pragma once
#include "base/fd.h"
#include "service/service.h"
#include "wire/provider.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

struct provider {
	LIST_ENTRY(provider) link;
	struct service *service;
	int link_fd;
	struct event *event;
	unsigned cells; /* ready ones, at most as many as it has slots */
};

/* A ready cell. Something that comes from it before it has a job can only be its end. */
struct cell {
	TAILQ_ENTRY(cell) link;
	struct provider *provider;
	int control, out, err;
	struct event *event;
};

TAILQ_HEAD(cells, cell);
TAILQ_HEAD(runs, run);
LIST_HEAD(providers, provider);

struct service {
	struct event_base *base;
	struct service_options options;
	const struct service_events *events;
	struct providers providers;
	struct cells ready;  /* oldest first */
	struct runs waiting; /* first come first served */
	struct runs running;
	unsigned cells_count, waiting_count, running_count;
	bool was_ready, is_stopping;
};

struct stream {
	struct run *run;
	int fd; /* -EBADF: not there, or ended */
	struct event event;
	struct buf bytes;
};

struct run {
	TAILQ_ENTRY(run) link;
	struct service *service;
	run_done_fn *done;
	void *arg;
	int code_fd, control;
	uint32_t flags; /* WIRE_JOB_... */
	bool is_running, has_verdict, has_overflown;
	unsigned requeues; /* times that a cell was closed before its job was read */
	nsec_t admitted_at, started_at;
	struct event timer; /* waiting: queue_ms; running: the guard; after the verdict: drain_ms */
	struct event control_event;
	struct stream out, err;
	struct result result;
};

/* provider.c */
void provider_free(struct provider *provider);
void cell_drop(struct cell *cell);
struct cell *cell_take(struct service *service); /* the oldest ready one out of the list, or NULL */
void cell_free(struct cell *cell);               /* of a taken one: closes what was not moved out */

/* run.c: gives a waiting run its cell, whose descriptors it takes. -errno: the cell is dead and the run can have another. */
int run_start(struct run *run, struct cell *cell);
void run_drop_cell(struct run *run);  /* closing its control socket ends it */
void run_wait_again(struct run *run); /* as before it had a cell */
void run_fault(struct run *run, const char *why);
void run_check_end(struct run *run);
void run_stop_output(struct run *run);
void run_free(struct run *run);

/* stream.c */
int stream_open(struct stream *stream, struct run *run, int *fd); /* takes fd only when it returns 0 */
void stream_close(struct stream *stream);

/* service.c */
void service_dispatch(struct service *service);
void service_requeue(struct run *run); /* first in the queue again: its cell was retired before it read the job */
void service_end_waiting(struct service *service, enum run_end end);
void service_finish(struct run *run, enum run_end end);
