/* SPDX-License-Identifier: Apache-2.0
 * ends.h: the descriptors of one cell, as every provider makes them: its control socket and the pipes of its streams.
 */
#pragma once
#include "base/fd.h"

/* Each is -EBADF when it is not there. */
struct ends {
	int control;                                 /* ours */
	int front_control, stdout_read, stderr_read; /* the front's, until it has them */
	int stdout_write, stderr_write;              /* the program's, until they are where it is */
};

#define ENDS_NONE \
	((struct ends){ .control = -EBADF, \
			.front_control = -EBADF, \
			.stdout_read = -EBADF, \
			.stderr_read = -EBADF, \
			.stdout_write = -EBADF, \
			.stderr_write = -EBADF })

/* Makes all six, ours not blocking. -errno; then none is open. */
int ends_open(struct ends *ret_ends);

void ends_close(struct ends *ends);         /* those that are there */
void ends_close_writers(struct ends *ends); /* of both streams */
