/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/upstream.h"

#include "wire/provider.h"

#include <event2/event.h>
#include <unistd.h>

void upstream_drop_front(struct upstream *upstream)
{
	if (upstream->on_front)
		event_free(upstream->on_front);
	upstream->on_front = NULL;
	upstream->front = fd_close(upstream->front);
}

/* A front never writes to the link; whatever comes is its end. Its cells see the end of their own control sockets. */
static void read_front(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	upstream_drop_front(arg);
}

void upstream_take_front(struct upstream *upstream, int *link)
{
	upstream_drop_front(upstream);
	upstream->front = fd_take(link);
	if (fd_set_nonblock(upstream->front, true) < 0)
		return;
	upstream->on_front = event_new(upstream->loop, upstream->front, EV_READ | EV_PERSIST, read_front, upstream);
	if (upstream->on_front)
		(void)event_add(upstream->on_front, NULL);
	upstream->events->front_came(upstream->arg);
}

static void read_supervisor(evutil_socket_t fd, short what, void *arg)
{
	struct upstream *upstream = arg;
	struct wire_front frame;
	_cleanup_(fd_closep) int link = -EBADF;
	size_t count = 0;
	const uid_t user = getuid(); /* the supervisor's too */
	ssize_t n = frame_recv_of(fd, &frame, sizeof frame, &link, 1, &count, &user, 1);

	(void)what;
	if (n == -EAGAIN)
		return;
	if (wire_is(&frame, n, WIRE_FRONT, wire_front) && count == 1) {
		upstream_take_front(upstream, &link);
		return;
	}
	(void)event_del(upstream->on_supervisor);
	upstream->events->ended(n > 0 ? "the supervisor sent an unknown frame" : NULL, upstream->arg);
}

int upstream_open(struct upstream *upstream, struct event_base *loop, int supervisor, const struct upstream_events *events,
		  void *arg)
{
	*upstream = UPSTREAM_NONE;
	upstream->loop = loop;
	upstream->supervisor = supervisor;
	upstream->events = events;
	upstream->arg = arg;
	if (supervisor < 0)
		return 0;
	upstream->on_supervisor = event_new(loop, supervisor, EV_READ | EV_PERSIST, read_supervisor, upstream);
	if (!upstream->on_supervisor || event_add(upstream->on_supervisor, NULL) < 0)
		return -ENOMEM;

	int r = frame_note_senders(supervisor);

	return r < 0 ? r : fd_set_nonblock(supervisor, true);
}

void upstream_close(struct upstream *upstream)
{
	upstream_drop_front(upstream);
	if (upstream->on_supervisor)
		event_free(upstream->on_supervisor);
	upstream->on_supervisor = NULL;
}

int upstream_announce(const struct upstream *upstream, const struct ids *ids)
{
	struct wire_ready ready = {
		.head = WIRE_HEAD(WIRE_READY),
		.front_uid = ids->base + IDS_FRONT_OFFSET,
		.front_gid = ids->base + IDS_FRONT_OFFSET,
	};

	return upstream->supervisor < 0 ? 0 : frame_send(upstream->supervisor, &ready, sizeof ready, NULL, 0);
}

void upstream_tell(const struct upstream *upstream, const void *frame, size_t size)
{
	if (upstream->front >= 0)
		(void)frame_send(upstream->front, frame, size, NULL, 0); /* a front that is going needs not know */
}

int upstream_offer(const struct upstream *upstream, const struct wire_cell *cell, struct ends *ends)
{
	int *const theirs[] = { &ends->front_control, &ends->stdout_read, &ends->stderr_read };
	int fds[ARRAY_SIZE(theirs)];

	if (upstream->front < 0 || ends->front_control < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(theirs); i++)
		fds[i] = *theirs[i];

	int r = frame_send(upstream->front, cell, sizeof *cell, fds, ARRAY_SIZE(fds));

	if (r == -EPIPE || r == -ECONNRESET)
		return 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(theirs); i++)
		*theirs[i] = fd_close(*theirs[i]);
	return r;
}
