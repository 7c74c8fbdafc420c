/* SPDX-License-Identifier: Apache-2.0
 * listener.h: the other end of a guest's filter (seccomp_unotify(2)): hears of a call that the filter does not let through, and answers it
 * with an errno. There is nothing here that lets a call go on.
 */
#pragma once
#include "cell/filter.h"

#include <stdbool.h>

/* A call that waits for its answer. */
struct listener_call {
	uint64_t id;
	bool is_end;   /* the guest says that only its end is left */
	int status;    /* with it, as exit(3) was called */
	uint32_t what; /* else: the refusal's number, spec/refused.h; REFUSED_COUNT when the filter and its table disagree */
	int error;
};

/* Never blocks. 1: a call; 0: none waits; -EPIPE: nobody is left who could make one; else -errno. */
int listener_hear(int fd, struct listener_call *ret_call);

/* Lets the caller have the call's errno. -ENOENT: it does not wait any more, for a signal or its death. */
int listener_refuse(int fd, const struct listener_call *call);
