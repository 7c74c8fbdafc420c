/* SPDX-License-Identifier: Apache-2.0
 * pair.h: a warden and the front that serves its cells: started together, replaced one by one when they die, ended front first. Of
 * one supervisor there are two while it reloads: the pair that finishes what it runs, and the next.
 */
#pragma once
#include "cli/child.h"
#include "cli/helpers.h"
#include "cli/spawn.h"

#define PAIR_TEXT_BYTES 16

#define PAIR_FRONT_GRACE  (60 * NSEC_PER_SEC) /* the longest wait for a cell and the longest run, and some */
#define PAIR_WARDEN_GRACE (10 * NSEC_PER_SEC)
#define PAIR_LOST_GRACE   (2 * NSEC_PER_SEC)    /* for a front whose warden has died */
#define PAIR_RELOAD_GRACE (1200 * NSEC_PER_SEC) /* nobody waits for its end: the longest of all waits and runs that can be set */

struct pair {
	struct child warden, front;
	int warden_fd; /* to the warden; -EBADF: none */
	int front_fd;  /* to the front; -EBADF: none */
	bool is_ready; /* this warden has passed its checks, and these ids are its own: */
	uint32_t front_uid, front_gid;
	char uid_text[PAIR_TEXT_BYTES], gid_text[PAIR_TEXT_BYTES], turn_text[PAIR_TEXT_BYTES];
	unsigned turn;   /* tells the pairs of one supervisor apart; from 1 */
	nsec_t lived_at; /* when the warden last said that its cells work */
};

/* What a pair is started with: programs' names first. */
struct pair_plan {
	struct args warden, front;
	struct args helpers[HELPERS];
	int listen_fd;
	bool is_alone; /* two wardens of this kind cannot live side by side: a reload ends the one before first */
};

void pair_init(struct pair *pair, const struct pair_plan *plan, unsigned turn);

/* False when neither lives. */
bool pair_is_there(const struct pair *pair);

/* Starts the warden; -EAGAIN with a sentence when it was started too often lately. */
int pair_start_warden(struct pair *pair, const struct pair_plan *plan, struct err *err);

/* Starts a front for a warden that is ready, and links the two. */
int pair_start_front(struct pair *pair, const struct pair_plan *plan, struct err *err);

/* Reads what the warden says. True: it is ready (again). False: it ends, or had to be ended; its front goes too. */
bool pair_read_warden(struct pair *pair);

/* Forgets a warden that has died; its front gets a moment to answer what it has. */
void pair_lose_warden(struct pair *pair);

/* Forgets a front that has died. */
void pair_lose_front(struct pair *pair);

/* Asks the front, and once that is gone the warden, to end. Safe to repeat. is_reload: the front answers whoever still asks it. */
void pair_end(struct pair *pair, bool is_reload);

/* When one of them has to be gone; 0: no time runs. Kills those whose time is over. */
nsec_t pair_check_time(struct pair *pair, nsec_t now);
