/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/ends.h"

#include "wire/frame.h"

#include <fcntl.h>
#include <unistd.h>

static int open_pipe(int *ret_read, int *ret_write)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ret_read = fds[0];
	*ret_write = fds[1];
	return 0;
}

static int open_control(struct ends *ends)
{
	int pair[2];
	int r = frame_new_pair(pair);

	if (r < 0)
		return r;
	ends->control = pair[0];
	ends->front_control = pair[1];
	r = frame_note_senders(ends->control);
	return r < 0 ? r : fd_set_nonblock(ends->control, true);
}

int ends_open(struct ends *ret_ends)
{
	*ret_ends = ENDS_NONE;

	int r = open_control(ret_ends);

	if (r == 0)
		r = open_pipe(&ret_ends->stdout_read, &ret_ends->stdout_write);
	if (r == 0)
		r = open_pipe(&ret_ends->stderr_read, &ret_ends->stderr_write);
	if (r < 0)
		ends_close(ret_ends);
	return r;
}

void ends_close_writers(struct ends *ends)
{
	ends->stdout_write = fd_close(ends->stdout_write);
	ends->stderr_write = fd_close(ends->stderr_write);
}

void ends_close(struct ends *ends)
{
	int *const fds[] = { &ends->control, &ends->front_control, &ends->stdout_read, &ends->stderr_read };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		*fds[i] = fd_close(*fds[i]);
	ends_close_writers(ends);
}
