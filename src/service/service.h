/* SPDX-License-Identifier: Apache-2.0
 * service.h: runs programs in the cells that providers hand over: a bounded queue in front, one state machine a run.
 * Single-threaded, inside an event loop. A run ends in exactly one call of its done function, or is cancelled.
 */
#pragma once
#include "base/err.h"
#include "service/run.h"

struct event_base;
struct service;
struct run;

struct service_options {
	struct limits limits; /* of every run */
	unsigned queue_max;   /* runs that wait for a cell at once; 0: none may wait */
	uint32_t queue_ms;    /* how long one waits */
	uint32_t guard_ms;    /* past the wall time before a silent provider is given up */
	uint32_t drain_ms;    /* from the verdict to the end of both streams */
};

/* What the owner of a service is told. */
struct service_events {
	void (*on_ready)(void *arg);                   /* the first cell is here; once */
	void (*on_lost)(const char *why, void *arg);   /* a provider has closed its link; the runs that waited have ended */
	void (*on_fault)(const char *what, void *arg); /* something of ours went wrong, for the log */
	/* A run has ended, before its done function is called; outcome NULL: it was cancelled. NULL: nobody keeps books. */
	void (*on_end)(const struct run_tag *tag, const struct run_outcome *outcome, void *arg);
	void *arg;
};

/* Called once, never from within service_run, no more than the events. The run is gone when it returns. */
typedef void run_done_fn(struct run_outcome *outcome, void *arg);

/* events is kept by pointer. */
int service_new(struct event_base *base, const struct service_options *options, const struct service_events *events,
		struct service **ret_service);

/* Cancels what runs without calling anybody. */
void service_free(struct service *service);

/* Takes over the front's end of a link (wire/provider.h). */
int service_add_provider(struct service *service, int link_fd);

/* Admits a run: it begins now or waits for a cell. -EBUSY: too many wait; -ENOTCONN: there is no provider;
 * -ENOENT: no cell of that environment or provider has ever come; -ERANGE: a limit is out of the table's range; -E2BIG: files, arguments or
 * variables are too many or too long; -EINVAL: one of them is none; -ESHUTDOWN: stopping; or an errno of
 * memfd_create(2). */
int service_run(struct service *service, const struct run_request *request, run_done_fn *done, void *arg, struct run **ret_run);

/* Stops reading what the program writes, so that it blocks when its pipes are full, or goes on. Ends by itself at the verdict, after
 * which at most two pipes full are left. For whoever passes on_output on to a slow reader. */
void run_hold(struct run *run, bool is_held);

/* Ends a run whose result nobody wants; done is not called. */
void run_cancel(struct run *run);

/* Admits no more, ends the runs that wait with RUN_STOPPED; those that run, run on. */
void service_stop(struct service *service);

struct service_state {
	unsigned providers, cells_ready, running, waiting;
	uint64_t cells_total; /* that came */
	unsigned slots;       /* runs at once at most, in all environments together */
};

struct service_state service_look(const struct service *service);

/* What providers have told of the environment of that name; NULL: nothing yet. */
struct wire_environment;
const struct wire_environment *service_environment(const struct service *service, const char *name);

/* Cells of it that are ready. */
unsigned service_cells_ready(const struct service *service, const char *environment);
