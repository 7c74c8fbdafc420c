/* SPDX-License-Identifier: Apache-2.0
 * warden.h: the native provider's state: one event loop, one thread, a table of slots, and the generations of nurseries
 * that their cells come from. Every byte that it reads is a fixed-size frame.
 */
#pragma once
#include "base/clock.h"
#include "cell/cgroup.h"
#include "cell/nursery.h"
#include "cell/orders.h"
#include "provider/ends.h"
#include "provider/job.h"
#include "provider/upstream.h"
#include "spec/layers.h"
#include "warden/options.h"
#include "wire/ids.h"

#include <event2/event.h>

struct warden;

/* One of those that runs can ask for: slots of its own, and a chain of generations that their cells come from. */
struct environment {
	struct warden *warden;
	const struct environment_options *options;
	struct slot *slots;                  /* options->slots of the warden's */
	struct generation *current, *coming; /* current may be NULL while the first one warms up */
	unsigned failed_starts;              /* generations in a row that died before they were warm */
	unsigned failed_cells;               /* in a row */
	bool is_proven; /* a first cell was ready; before that, a failure is the environment's own, and final */
};

/* A nursery with its zygote, from its start to the end of its last cell. */
struct generation {
	struct warden *warden;
	struct environment *environment;
	struct generation *next; /* in warden->generations */
	struct nursery nursery;
	struct confine_plan plan;
	struct event *on_death, *on_link, *on_zygote, *on_output, *on_slow;
	nsec_t started;
	uint64_t forks;  /* guests so far */
	unsigned cells;  /* alive, all slots */
	char python[32]; /* its version */
	nsec_t warm_up;
	uint64_t memory_bytes; /* of the zygote when it was warm */
	bool is_warm, is_retired, has_spoken;
};

enum slot_state {
	SLOT_EMPTY,     /* no cell */
	SLOT_ATTACHING, /* version 1: a forker of the current generation is being moved into the slot's groups */
	SLOT_MAKING,    /* a cell is on its way */
	SLOT_READY,     /* it waits, here or at the front */
	SLOT_RUNNING,   /* it has a job */
	SLOT_ASKING,    /* the program has ended; its init is asked whether the disk was full */
	SLOT_ENDING,    /* killed; waiting for the kernel to say that all of it is gone */
};

struct slot {
	struct warden *warden;
	struct environment *environment;
	unsigned index;
	enum slot_state state;
	struct cgroup_group *group;

	struct generation *forker_from; /* version 1: whose copy lives in the groups; NULL: none */
	int forker_link;
	struct event *on_forker, *on_attached;

	struct generation *generation; /* of the cell below */
	uint64_t serial;
	struct ends ends;
	int init_link, init_pidfd;
	int namespaces[NS_COUNT]; /* the cell's, until the zygote has them */
	int guest_gate;           /* the guest's, until the zygote has it */
	int listener;             /* on which the guest's refused calls and its end are heard */
	int report_read;          /* the front's, until the program runs */
	struct event *on_control, *on_init, *on_death, *on_listener, *on_rest, *on_deadline, *on_cpu;
	unsigned answers_left; /* to refused calls, until the guest has to wait for the next ones */
	uint32_t layers;       /* that the guest has verified */
	pid_t guest_pid;       /* as the zygote sees it; 0 before it is born */
	bool is_init_up, is_init_dead, is_guest_ready, has_ended_early;
	nsec_t not_before; /* after a failure: when the next cell is tried */

	struct job job;
};

struct warden {
	const struct options *options;
	struct event_base *loop;
	struct ids ids;
	struct cgroup_tree *tree;
	struct filters filters;
	int landlock_abi, boot_fds[ROOT_BOOT_FILES];
	struct environment environments[ENVIRONMENTS_MAX];
	size_t environments_count;
	struct generation *generations; /* of all environments */
	struct slot *slots;             /* likewise */
	uint64_t last_serial;
	struct upstream upstream;
	struct event *on_term, *on_tick, *on_fill;
	unsigned ticks;
	int exit_status;
};

/* generation.c */
int generation_start(struct environment *environment, struct err *err);
void generation_free(struct generation *generation);           /* kills what is left; no slot may hold a cell of it */
void generation_rotate(struct environment *environment);       /* starts the next one when the current has served its time */
void generation_describe(const struct generation *generation); /* to the front */
void generation_collect(struct warden *warden);                /* frees retired ones without cells */

/* slot.c: a slot and its cell */
int slot_init(struct slot *slot, struct environment *environment, unsigned index, struct err *err);
void slot_free(struct slot *slot);
void slot_make_cell(struct slot *slot);
void slot_kill(struct slot *slot);        /* all of its cell; the slot is empty when the kernel says so */
void slot_retire_cell(struct slot *slot); /* a ready one that is not to be used any more */
void slot_offer(struct slot *slot);       /* hands a ready cell to the front, when there is one */
void slot_lose_generation(struct slot *slot, struct generation *generation);
void slot_cell_born(struct slot *slot, int *pidfd); /* takes it */
void slot_cell_failed(struct slot *slot, const char *reason);
void slot_guest_born(struct slot *slot, pid_t pid);
void slot_hear_init(struct slot *slot); /* reads what init has said and nobody has read yet */
bool slot_ask_init(struct slot *slot);  /* after the end; false: there is nothing to ask */
void slot_guest_exited(struct slot *slot, int status);
int slot_watch(struct slot *slot, struct event **ret_event, int fd, event_callback_fn callback); /* for reading, until freed */
extern const struct timeval slot_setup_time; /* for a cell or a forker to become ready */

/* forker.c */
void forker_ask(struct slot *slot); /* the slot is SLOT_ATTACHING until it has one of the current generation */
void forker_made(struct slot *slot, int pidfd);
void forker_drop(struct slot *slot);

/* run.c: the job of a cell, from the front's frame to the verdict */
void run_read_control(evutil_socket_t fd, short what, void *slot);
void run_started(struct slot *slot);
void run_refused(struct slot *slot, const struct order *order);
void run_check_cpu(evutil_socket_t fd, short what, void *slot);
void run_stop(struct slot *slot, uint32_t verdict); /* kills the cell; the first reason counts */
void run_answer(struct slot *slot);                 /* sends the verdict of a finished run, once */

/* hear.c: what is told of a guest by its filter's listener: calls that are refused, and its end */
void hear_open(struct slot *slot, int *listener); /* takes it; nothing is heard when there is no memory */
void hear_on_rest(evutil_socket_t fd, short what, void *slot);
void hear_close(struct slot *slot);

/* warden.c */
void warden_free_event(struct event **event); /* when there is one, and forgets it */
/* Claims, builds and starts everything; the loop is then ready to run. On failure warden_close is still to be called. */
int warden_open(struct warden *warden, const struct options *options, struct err *err);
void warden_close(struct warden *warden); /* ends and removes all of it */
void warden_fill(struct warden *warden);  /* soon makes cells until each environment has its idle ones, ready or on their way */
/* A cell of it was ready. With the first one of the last environment, the supervisor is told that a front can be served. */
void warden_prove(struct environment *environment);
struct slot *warden_find_cell(struct warden *warden, uint64_t serial);
struct slot *warden_find_guest(struct warden *warden, const struct generation *generation, pid_t pid);
