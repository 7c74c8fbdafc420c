/* SPDX-License-Identifier: Apache-2.0
 * internal.h: what the files of this folder share.
 */
#pragma once
#include "base/fd.h"
#include "service/service.h"
#include "spec/environments.h"
#include "wire/bundle.h"
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
	struct run_place place;
};

TAILQ_HEAD(cells, cell);
TAILQ_HEAD(runs, run);
LIST_HEAD(providers, provider);

/* An environment of a provider that has sent a cell once: a run may ask for it. */
struct known {
	char provider[16], environment[32];
	unsigned slots;
};

#define MAX_TURNS 64

struct owner_turn {
	uint64_t owner, next; /* next 0: nobody's */
};

#define MAX_KNOWN 64

struct service {
	struct event_base *base;
	struct service_options options;
	const struct service_events *events;
	struct providers providers;
	struct cells ready;  /* newest first: its memory is still in the cache */
	struct runs waiting; /* by priority, then by turn */
	struct runs running;
	unsigned cells_count, waiting_count, running_count;
	bool was_ready, is_stopping;
	struct wire_environment environments[ENVIRONMENTS_MAX];
	size_t environments_count;
	struct known known[MAX_KNOWN];
	unsigned known_count;
	uint64_t cells_total;
	struct owner_turn turns[MAX_TURNS];
	uint64_t turn; /* of the run that began last */
};

struct stream {
	struct run *run;
	enum run_stream which;
	int fd; /* -EBADF: not there, or ended */
	struct event event;
	struct buf bytes;
	bool is_truncated;
};

struct run {
	TAILQ_ENTRY(run) link;
	struct service *service;
	run_done_fn *done;
	void *arg;
	const struct run_events *events; /* never NULL */
	struct limits limits;
	char wanted_provider[16], wanted_environment[32]; /* "": any */
	int priority;
	uint64_t owner;
	struct run_tag tag;
	uint64_t turn; /* of its owner's */
	nsec_t start_by;
	struct run_place place;
	int program_fd, stdin_fd; /* what the job sends; the first is code or a bundle */
	int control;
	uint32_t flags; /* WIRE_JOB_... */
	bool is_running, has_started, was_told, has_verdict, has_overflown, is_held;
	unsigned requeues; /* times that a cell was closed before its job was read */
	nsec_t admitted_at, started_at;
	struct event timer; /* waiting: queue_ms; running: the guard; after the verdict: drain_ms */
	struct event control_event;
	struct stream out, err;
	struct run_segment *segments;
	size_t segments_count, segments_room;
	uint64_t output_bytes;
	struct report report;
	int report_fd; /* -EBADF: there is none, or it has ended */
	struct event report_event;
	struct result result;
	char refusal[ERR_TEXT_BYTES]; /* with VERDICT_REFUSED: why */
	struct bundle returned;       /* the files that came back; the array points into it */
	struct run_returned *files;
	size_t files_count;
	bool are_files_truncated;
};

/* provider.c */
void provider_free(struct provider *provider);
void cell_drop(struct cell *cell);
struct cell *cell_find(struct service *service, const struct run *run); /* the newest ready one that it may have, or NULL */
void cell_take(struct cell *cell);                                      /* out of the list */
void cell_free(struct cell *cell);                                      /* of a taken one: closes what was not moved out */
bool provider_is_known(const struct service *service, const struct run *run);

/* request.c: a run made from what was asked, without a cell, then its files for one. Errors as service_run. */
int run_new(struct service *service, const struct run_request *request, struct run **ret_run);
int run_load(struct run *run, const struct run_request *request);

/* run.c: gives a waiting run its cell, whose descriptors it takes. -errno: the cell is dead and the run can have another. */
int run_start(struct run *run, struct cell *cell);
void run_on_timer(evutil_socket_t fd, short what, void *run);
void run_wait(struct run *run);       /* sets the timer of a waiting one */
void run_drop_cell(struct run *run);  /* closing its control socket ends it */
void run_wait_again(struct run *run); /* as before it had a cell */
void run_fault(struct run *run, const char *why);
void run_check_end(struct run *run);
void run_note_started(struct run *run);
void run_stop_output(struct run *run);
void run_free(struct run *run);

/* report.c: values and displays of a run; takes fd only when it returns 0 */
int run_open_report(struct run *run, int *fd);
void run_close_report(struct run *run);

/* returned.c: takes over the bundle of files that came with a verdict. -EBADMSG: it is none; -ENOMEM. */
int run_take_files(struct run *run, int *fd);

/* stream.c */
int stream_open(struct stream *stream, struct run *run, int *fd); /* takes fd only when it returns 0 */
void stream_close(struct stream *stream);
int stream_drain(struct stream *stream); /* takes what is there and closes it: no more will come. -errno */
void stream_hold(struct stream *stream, bool is_held);

/* service.c */
void service_queue(struct run *run); /* by priority, and by turn */
void service_dispatch(struct service *service);
void service_requeue(struct run *run); /* first in the queue again: its cell was retired before it read the job */
void service_end_waiting(struct service *service, enum run_end end);
void service_finish(struct run *run, enum run_end end);
