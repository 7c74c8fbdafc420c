/* SPDX-License-Identifier: Apache-2.0
 * child.h: one program that the supervisor started: whether it lives, by when it has to be gone, how often it was replaced.
 */
#pragma once
#include "base/clock.h"

#include <stdbool.h>
#include <sys/types.h>

#define CHILD_MAX_STARTS    6                   /* the first and five more ... */
#define CHILD_STARTS_WITHIN (10 * NSEC_PER_SEC) /* ... within this time */

struct child {
	const char *program;
	pid_t pid;                       /* 0: none */
	nsec_t kill_at;                  /* when SIGKILL follows; 0: not asked to end */
	int asked_by;                    /* which signal; 0: none */
	bool was_asked;                  /* it ended, or is ending, because we asked it to */
	bool has_ended;                  /* reaped, and not looked at yet */
	int wait_status;                 /* then: as waitpid(2) gives it */
	nsec_t starts[CHILD_MAX_STARTS]; /* when it was started lately, a ring */
	unsigned next_start;
};

/* False when it was started too often lately, and had better not be started again. */
bool child_may_start(const struct child *child, nsec_t now);

/* Notes that it is being started. */
void child_note_start(struct child *child, nsec_t now);

/* Asks it to end with SIGTERM, or with SIGHUP in its own time, and notes when patience ends. Nothing when it is not there or was asked
 * before; SIGTERM may follow SIGHUP. */
void child_end(struct child *child, int number, nsec_t now, nsec_t grace);

void child_kill(const struct child *child);

/* Kills it when its time is over. Returns when that will be: 0 when no time is running. */
nsec_t child_check_time(struct child *child, nsec_t now);

/* Notes that a process has ended; true when it was this child's. */
bool child_take_exit(struct child *child, pid_t pid, int wait_status);

/* True once for each exit. */
bool child_look(struct child *child);

/* Whether it refused to run and has said why: the command line (2) or the machine (3) is not what it needs. */
bool child_gave_reason(const struct child *child);

/* With status 0, or of a SIGTERM that came before it could take one. */
bool child_ended_well(const struct child *child);

/* "ended with status 1", "was killed by signal 11 (SIGSEGV)". Returns text. */
#define CHILD_TEXT_BYTES 64
const char *child_describe(const struct child *child, char text[CHILD_TEXT_BYTES]);
