/* SPDX-License-Identifier: Apache-2.0
 * supervisor.h: what `safexec serve` does once its options are read: it starts the warden, then a front with the ids that the
 * warden names, links the two, replaces whichever dies, reloads, and ends both in order. It sees no untrusted byte.
 */
#pragma once
#include "cli/handover.h"
#include "cli/pair.h"

struct supervisor_config {
	const char *address;             /* of the listening socket, as text */
	struct pair_plan plan;           /* the socket stays the caller's */
	pid_t parent;                    /* whose end is ours, 0: nobody's */
	bool needs_key;                  /* nothing is served before there is an API key */
	const struct handover *handover; /* what the program that was here before has left; NULL: nothing */
};

/* Returns when all have ended: the exit status of `safexec serve`. Blocks signals and takes them from a signalfd. */
int supervisor_run(const struct supervisor_config *config);
