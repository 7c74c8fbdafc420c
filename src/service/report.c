/* SPDX-License-Identifier: Apache-2.0 */
#include "service/internal.h"

#include <unistd.h>

#define READ_BYTES    (16 * KIB)
#define READS_AT_ONCE 16 /* then the other descriptors of the loop have a turn */

static void tell_displays(struct run *run, size_t first)
{
	if (!run->events->on_display)
		return;
	for (size_t i = first; i < run->report.displays_count; i++)
		run->events->on_display(&run->report.displays[i], run->arg);
}

/* What read(2) returns, or -errno. */
static ssize_t read_some(struct run *run)
{
	char bytes[READ_BYTES];
	size_t before = run->report.displays_count;
	ssize_t n = read(run->report_fd, bytes, sizeof bytes);

	if (n < 0)
		return -errno;

	int r = report_feed(&run->report, bytes, (size_t)n);

	tell_displays(run, before);
	return r < 0 ? r : n;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;
	ssize_t n = 1;

	(void)fd;
	(void)what;
	for (int i = 0; i < READS_AT_ONCE && n > 0; i++)
		n = read_some(run);
	if (n > 0 || n == -EAGAIN || n == -EINTR)
		return;
	if (n == 0) {
		run_close_report(run);
		run_check_end(run);
	} else {
		run_fault(run, "its report could not be read");
	}
}

int run_open_report(struct run *run, int *fd)
{
	int r = fd_set_nonblock(*fd, true);

	if (r < 0)
		return r;
	if (event_assign(&run->report_event, run->service->base, *fd, EV_READ | EV_PERSIST, on_readable, run) < 0 ||
	    event_add(&run->report_event, NULL) < 0)
		return -ENOMEM;
	run->report_fd = fd_take(fd);
	return 0;
}

void run_close_report(struct run *run)
{
	if (run->report_fd < 0)
		return;
	(void)event_del(&run->report_event);
	run->report_fd = fd_close(run->report_fd);
}
