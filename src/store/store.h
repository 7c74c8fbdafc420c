/* SPDX-License-Identifier: Apache-2.0
 * store.h: what safexec-store keeps while it runs, and what its files do for each other. One thread, one event loop.
 *
 * Where the state cannot be used (no such folder, read-only, another server's, broken), the program lives all the same and
 * answers every call with -ENODATA and the reason: its clients are told, instead of a server that does not start.
 */
#pragma once
#include "base/clock.h"
#include "base/fd.h"
#include "store/audit.h"
#include "store/jobs.h"
#include "store/keys.h"
#include "store/options.h"

#include <event2/event.h>

#define CALLBACK_SECRET "callback secret" /* its name in the database */

#define STORE_FRONTS_MAX 4 /* one; while a reload goes on, and a front is being replaced besides, three */

struct front {
	struct store *store;
	struct event *on_call;
	int fd;            /* -EBADF: a free place */
	uint64_t runner;   /* its number among all that there were; from 1 */
	uint64_t seen_tag; /* of the last STORE_KEYS that it goes by */
	bool has_greeted;  /* and so said which jobs it has begun: */
	uint64_t *kept;    /* these, until the lock is ours; owned */
	size_t kept_count;
};

struct store {
	const struct options *options;
	struct event_base *loop;
	struct event *on_terminate, *on_supervisor, *on_sender, *on_control, *on_tick;
	struct front fronts[STORE_FRONTS_MAX];
	uint64_t runners;          /* how many fronts there were */
	bool awaits_front;         /* another one is to be linked, which may have begun jobs */
	int sender, control, lock; /* -EBADF: not there */
	struct err fault;          /* code 0: the state can be used */
	struct db db;
	struct jobs jobs;
	struct audit audit;
	uint64_t keys_tag;      /* of the last STORE_KEYS */
	struct client *waiting; /* who has changed keys and waits until the front goes by them */
	uint64_t sending;       /* the job whose callback the sender has; 0: none */
	uint8_t secret[32];     /* signs callbacks */
	nsec_t sender_waits;    /* no callback before that: the outcome of the last could not be noted */
	int broken;             /* of the transaction under way: 0, or why it cannot be committed any more */
	unsigned ticks;         /* since the state could not be used */
	bool needs_expiry;
	bool has_lock;  /* jobs and the audit log are ours; without it only keys are read */
	bool is_ending; /* fronts that leave us are not gone */
};

/* Milliseconds since 1970. */
uint64_t store_now_ms(void);

/* main.c: takes the lock if it is free now, and then opens what it is for. */
void store_try_lock(struct store *store);

/* calls.c: serves what a front has sent, at most STORE_CALLS_MAX calls. How many; -errno: the link is of no use any more. */
int calls_take(struct front *front);

/* Ends the transaction; -errno, after a line in the log, when it was rolled back. */
int calls_commit(struct store *store);

/* link.c: the fronts. Takes the descriptor over. */
void link_take(struct store *store, int *fd);
void link_drop_all(struct store *store);
void link_push_keys(struct store *store);
bool link_is_there(const struct store *store);

/* The jobs that had begun belong to the fronts that said so; once all have, those of nobody are broken off. Part of a transaction. */
int link_settle(struct store *store);

/* Answers what has been sent already; what is sent after this waits for the next store. */
void link_finish(struct store *store);

/* control.c: `safexec keys` on this machine, through a socket in the state folder. */
int control_open(struct store *store, struct err *err);
void control_release(struct store *store); /* the front goes by the keys: whoever waits is told */
void control_close(struct store *store);

/* sender.c: callbacks, to the process that sends them. */
void sender_take(struct store *store, int *fd);
void sender_drop(struct store *store);
void sender_look(struct store *store); /* hands it the next callback that is due */
