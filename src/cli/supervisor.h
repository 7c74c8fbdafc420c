/* SPDX-License-Identifier: Apache-2.0
 * supervisor.h: what `safexec serve` does once its options are read: it starts the warden, then a front with the ids that the
 * warden names, links the two, replaces whichever dies, and ends both in order. It sees no untrusted byte.
 */
#pragma once
#include "cli/spawn.h"

struct supervisor_config {
	int listen_fd;       /* bound and listening; stays the caller's */
	const char *address; /* of it, as text */
	/* What the children are started with, their names first; the supervisor adds descriptors and ids. */
	struct args warden, front;
};

/* Returns when both have ended: the exit status of `safexec serve`. Blocks signals and takes them from a signalfd. */
int supervisor_run(const struct supervisor_config *config);
