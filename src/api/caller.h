/* SPDX-License-Identifier: Apache-2.0
 * caller.h: who asks, and what they may have. Decided once a request, at its head, before its body is read.
 */
#pragma once
#include "spec/limits.h"

#include <stdbool.h>

struct call;

enum scope {
	SCOPE_NONE, /* open to everybody: the page, health */
	SCOPE_RUN,
	SCOPE_JOBS,
	SCOPE_ADMIN,
};

struct caller {
	struct limits most; /* what a request of theirs may ask for */
	unsigned share;     /* runs of theirs at once */
};

/* Fills call->caller. False: it has refused the request. */
bool caller_admit(struct call *call);
