/* SPDX-License-Identifier: Apache-2.0 */
#include "http/watch.h"

#include <sys/epoll.h>

static void on_left(evutil_socket_t fd, short what, void *arg)
{
	struct epoll_event events[32];
	int count = epoll_wait(fd, events, ARRAY_SIZE(events), 0);

	(void)what;
	(void)arg;
	for (int i = 0; i < count; i++) {
		struct http_request *request = events[i].data.ptr; /* alive: requests are freed by the library's callbacks only */

		if (request->is_suspended) /* the one before may have led to its reply */
			request_forsake(request);
	}
}

int watch_open(struct http_server *server)
{
	server->watch_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server->watch_fd < 0)
		return -errno;
	server->watch = event_new(server->base, server->watch_fd, EV_READ | EV_PERSIST, on_left, server);
	if (!server->watch || event_add(server->watch, NULL) < 0)
		return -ENOMEM;
	return 0;
}

void watch_close(struct http_server *server)
{
	if (server->watch)
		event_free(server->watch);
	server->watch = NULL;
	server->watch_fd = fd_close(server->watch_fd);
}

int watch_add(struct http_request *request)
{
	struct epoll_event event = { .events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = request };

	return epoll_ctl(request->server->watch_fd, EPOLL_CTL_ADD, request->connection->fd, &event) < 0 ? -errno : 0;
}

void watch_remove(struct http_request *request)
{
	(void)epoll_ctl(request->server->watch_fd, EPOLL_CTL_DEL, request->connection->fd, NULL);
}
