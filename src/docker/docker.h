/* SPDX-License-Identifier: Apache-2.0
 * docker.h: the Docker provider's state: one event loop, one thread, a table of slots, each with at most one container. From
 * the front it reads fixed-size frames; from the Engine answers, and streams that it takes apart and passes on unread.
 */
#pragma once
#include "base/clock.h"
#include "base/fd.h"
#include "docker/attach.h"
#include "docker/container.h"
#include "docker/engine.h"
#include "docker/inside.h"
#include "docker/options.h"
#include "docker/scratch.h"
#include "docker/watch.h"
#include "provider/ends.h"
#include "provider/job.h"
#include "provider/upstream.h"
#include "wire/ids.h"

#include <event2/event.h>

struct docker;

/*
 *   EMPTY -> MAKING -> READY -> STARTING -> RUNNING -> COLLECTING -> REMOVING -> EMPTY
 *                         \        ^ \        |  \        ^             ^  ^
 *                          SWAPPING   \       |   STOPPING             /   \
 *                                      \       `- a report ------------'    |
 *                                       `------ whatever goes wrong -------'
 */
enum slot_state {
	SLOT_EMPTY,      /* no container */
	SLOT_MAKING,     /* one is on its way: created, and started when it is fed */
	SLOT_READY,      /* it waits, here or at the front */
	SLOT_SWAPPING,   /* a job needs another kind: the ready one is being removed */
	SLOT_STARTING,   /* it has a job whose program does not run yet */
	SLOT_RUNNING,    /* it does */
	SLOT_STOPPING,   /* it is being killed; waiting for the Engine to say that it has ended */
	SLOT_COLLECTING, /* it has ended; the streams, then the cause are being fetched */
	SLOT_REMOVING,   /* until the Engine says that there is no such container */
};

struct slot {
	struct docker *docker;
	unsigned index;
	enum slot_state state;
	nsec_t not_before; /* after a failure: when the next container is tried */

	/* The container. */
	struct kind kind;
	char id[CONTAINER_ID_BYTES];     /* "": none yet */
	char folder[SCRATCH_PATH_BYTES]; /* bound to its /app; "": none */
	bool is_measured;                /* after its end, while its cgroup was there */
	bool is_dead, has_report, is_overdue;
	bool is_status_sure;                   /* the kernel's word */
	bool is_asked_to_end;                  /* its process 1 ends the program and reports */
	bool is_doomed;                        /* remove it as soon as the call under way is answered */
	unsigned calls;                        /* that change something, under way: 0 or 1 */
	unsigned removals;                     /* tried so far */
	struct engine_call *wait, *inspection; /* for its end; for its pid */
	struct watch watch;
	struct inside_greeting greeting; /* of its process 1, where that is ours */
	bool has_greeted, is_inspected;  /* then it is ready */
	struct mark mark;                /* of its report */
	struct usage used_before;        /* as the Engine says, where the kernel cannot be asked */
	void (*stats_done)(struct slot *slot, const struct usage *usage);
	struct attach *attach;
	bool has_output_ended;

	/* The cell. */
	struct ends ends; /* stdout_write, stderr_write: until the program runs; the attach has its own */
	struct event *on_control, *on_deadline, *on_cpu, *on_find;

	/* The job. */
	struct job job;
	int code, input; /* the program or a bundle; its standard input; -EBADF: none */
	nsec_t seen_at;  /* process 1 of a container under start */
	bool was_looked_at_twice;
};

struct docker {
	const struct options *options;
	struct event_base *loop;
	struct engine *engine;
	char version[ENGINE_VERSION_BYTES]; /* of the Engine's API that both speak */
	char python[INSIDE_VERSION_SIZE];   /* of the image; "" until a container has told */
	struct ids ids;
	int name_claim; /* no other server of this name while it is held */
	struct scratch scratch;
	char init_path[SCRATCH_PATH_BYTES]; /* of our copy of safexec-docker-init, which containers are bound to */
	struct slot *slots;
	unsigned cpus;
	struct upstream upstream;
	struct event *on_term, *on_tick, *on_fill, *on_patience;
	unsigned ticks;
	bool has_announced;     /* a first container was ready; before that, a failure is final */
	bool is_ending;         /* everything is being removed */
	unsigned failed_cells;  /* in a row */
	bool is_engine_mourned; /* its silence was told of */
	int exit_status;
};

/* startup.c: one call after the other, before there is a loop to hold up. Each with a sentence that says what to do. */
int startup_find_engine(struct docker *docker, struct err *err);
int startup_find_image(struct docker *docker, struct err *err);
int startup_sweep(struct docker *docker, struct err *err);        /* removes the containers of a dead server of this name */
int startup_install_init(struct docker *docker, struct err *err); /* copies it to where the Engine finds it */
int startup_claim_name(const char *name, int *ret_claim, struct err *err);
int doctor_report(const struct options *options); /* two lines on standard output; returns the exit status */

/* slot.c: a slot and its container */
int slot_init(struct slot *slot, struct docker *docker, unsigned index);
void slot_free(struct slot *slot);
void slot_make(struct slot *slot);
void slot_offer(struct slot *slot);                    /* hands a ready cell to the front, when there is one */
void slot_create(struct slot *slot);                   /* the container of its kind */
void slot_begin(struct slot *slot);                    /* the job, in a container that is there */
void slot_fail(struct slot *slot, const char *reason); /* ours or the Engine's fault: the container goes */
void slot_remove(struct slot *slot);                   /* the container; then the verdict, if one is owed, and the slot is empty */
void slot_see_death(void *slot);                       /* of its process 1 */
int slot_call(struct slot *slot, const char *method, const char *action, const char *body, engine_done_fn *done);

/* run.c: the job of a cell, from the front's frame to the verdict */
void run_read_control(evutil_socket_t fd, short what, void *slot);
void run_see_deadline(struct slot *slot);
bool run_fill_folder(struct slot *slot); /* of a read-only run, before its container starts; false: the run is refused or failed */
void run_started(struct slot *slot);
void run_starts(struct slot *slot);                             /* the Engine is asked to start the program itself */
void run_find(evutil_socket_t fd, short what, void *slot);      /* looks for the program while the Engine starts it */
void run_stop(struct slot *slot, uint32_t verdict);             /* the first reason counts */
void run_exited(struct slot *slot, int exit_code);              /* as the Engine says */
void run_died(struct slot *slot);                               /* as the kernel says */
void run_reported(struct slot *slot, const struct buf *report); /* as safexec-docker-init says */
void run_check_cpu(evutil_socket_t fd, short what, void *slot);
void run_output_ended(struct slot *slot);
void run_answer(struct slot *slot); /* sends the verdict, once */

/* docker.c */
int docker_open(struct docker *docker, const struct options *options, struct err *err);
void docker_close(struct docker *docker);
void docker_fill(struct docker *docker); /* soon makes what is missing */
void docker_end(struct docker *docker, int exit_status);
void docker_learn_python(struct docker *docker, const char *version); /* the image's; the front is told */
