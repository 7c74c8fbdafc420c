/* SPDX-License-Identifier: Apache-2.0
 * helpers.h: the programs beside a pair that a server can be without: the store, and the sender of callbacks. One that cannot be
 * started, or keeps dying, is said so once, and the server goes on. Front and store, and store and sender, are linked anew
 * whenever one of the two is a new one.
 *
 * A reload adopts those that it finds and puts its own in their place: one store serves the front that goes and the one that comes.
 */
#pragma once
#include "cli/child.h"
#include "cli/spawn.h"

#define HELPER_TEXT_BYTES 16
#define HELPER_FRONTS     2 /* of a reload: the one that goes, and the next */

enum { HELPER_STORE, HELPER_SENDER, HELPERS };

struct helper {
	struct child child;
	int fd; /* our end of its socket; -EBADF: it does not run */
	bool is_given_up;
	uint32_t uid, gid;
	char uid_text[HELPER_TEXT_BYTES], gid_text[HELPER_TEXT_BYTES];
};

struct helpers {
	struct helper list[HELPERS];
	const struct args *args;   /* of HELPERS; their names first */
	int linked[HELPER_FRONTS]; /* sockets of the fronts that the store is linked to; -EBADF: a free place */
	bool is_sender_linked;
	bool is_store_up; /* the store has said how many keys there are: */
	uint32_t keys;
};

/* args is kept by pointer. */
void helpers_init(struct helpers *helpers, const struct args args[HELPERS]);

/* One that was started before a reload, and the front that it serves; each may be none (0, -EBADF). helpers_keep replaces it. */
void helpers_adopt(struct helpers *helpers, int which, pid_t pid, int fd, int front_fd);

/* Starts those that do not run, as users beside the front's, and makes the links that are missing. front_fds: our sockets to the
 * fronts, the one before a reload first; -EBADF: there is none now. */
void helpers_keep(struct helpers *helpers, uint32_t front_uid, uint32_t front_gid, const int front_fds[static HELPER_FRONTS]);

/* What the store says. */
void helpers_read_store(struct helpers *helpers);

/* After waitpid: true when the process was one of them. */
bool helpers_take_exit(struct helpers *helpers, pid_t pid, int wait_status);

/* Tells of those that have died. */
void helpers_look(struct helpers *helpers, bool is_ending);

/* The front at the other end of that socket of ours has gone. */
void helpers_lose_front(struct helpers *helpers, int front_fd);

void helpers_end(struct helpers *helpers);
void helpers_kill(const struct helpers *helpers);
bool helpers_are_there(const struct helpers *helpers);
nsec_t helpers_check_time(struct helpers *helpers, nsec_t now);
