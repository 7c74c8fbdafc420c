/* SPDX-License-Identifier: Apache-2.0
 * caller.h: who asks, and what they may have. Decided once a request, at its head, before its body is read.
 */
#pragma once
#include "spec/limits.h"

#include <stdbool.h>

struct call;
struct problem;
struct store_key;
struct run_input;

enum scope {
	SCOPE_NONE, /* open to everybody: the page, health */
	SCOPE_RUN,
	SCOPE_JOBS,
	SCOPE_ADMIN,
};

struct caller {
	uint64_t key;                          /* id of the API key; 0: none was needed */
	char name[64];                         /* of the key; "" without one */
	struct limits most;                    /* what a request of theirs may ask for */
	unsigned share;                        /* runs of theirs at once */
	bool is_admin;                         /* sees everybody's jobs */
	bool has_entered;                      /* counts as one of the key's runs at once */
	int priority_max;                      /* of a run or a job */
	char environments[256], providers[64]; /* that they may use, with blanks between; "": any */
};

/* Fills call->caller. False: it has refused the request. */
bool caller_admit(struct call *call);

/* Takes count more requests off the key's rate. False: it has refused the request. */
bool caller_take(struct call *call, uint32_t count);

/* Counts the request as one of the key's runs at once, until it has ended. False: it has refused the request. */
bool caller_enter(struct call *call);
void caller_leave(struct call *call);

/* Whether the caller may have what a request asks for; names an environment or a provider where the request does not and the key has to.
 * -EINVAL with the problem. The caller has to live as long as the input is used. */
int caller_check_input(struct caller *caller, struct run_input *input, struct problem *problem);

/* How many runs of one request, of a key or of nobody in particular (NULL), are under way at once. */
unsigned caller_share(const struct store_key *key);

bool caller_sees_all(const struct caller *caller);
