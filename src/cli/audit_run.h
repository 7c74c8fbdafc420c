/* SPDX-License-Identifier: Apache-2.0
 * audit_run.h: makes the attempts of one column: several at once, each judged as soon as it is over.
 */
#pragma once
#include "cli/audit_host.h"

#include <stdatomic.h>

struct audit_course {
	const char *address; /* of the server: ADDR:PORT */
	const struct audit_host *host;
	struct audit_column *column;
	bool is_private; /* the server is ours, and has the secret in its environment */
	bool is_verbose; /* a line a case on stderr */
	atomic_bool is_cancelled;
	atomic_uint next, done; /* of the order in which cases are begun; how many have ended */
};

/* Asks the server for its Python, which also shows that it runs programs at all. An error with a sentence when it does not. */
int audit_run_first(struct audit_course *course, struct err *err);

/* Judges what is left of a server of ours that has ended; -1: not known. */
void audit_run_last(struct audit_column *column, int left);

/* All cases. Returns when they are over, or soon after is_cancelled; -ECANCELED then. Threads of its own, signals blocked in them. */
int audit_run_cases(struct audit_course *course, struct err *err);
