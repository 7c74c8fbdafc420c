/* SPDX-License-Identifier: Apache-2.0 */
#include "http/linger.h"

#include <stdlib.h>
#include <sys/socket.h>

#define LINGERS_MAX   32
#define LINGER_MS     2000
#define LINGER_BYTES  (16 * MIB)
#define LINGER_AT_ONE 65536

struct lingering {
	LIST_ENTRY(lingering) link;
	struct http_server *server;
	struct event *event;
	int fd;
	nsec_t deadline;
	uint64_t bytes;
};

static void linger_end(struct lingering *linger)
{
	LIST_REMOVE(linger, link);
	linger->server->lingers_count--;
	event_free(linger->event);
	(void)fd_close(linger->fd);
	free(linger);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct lingering *linger = arg;
	ssize_t n;

	if (what & EV_TIMEOUT || clock_now() > linger->deadline) {
		linger_end(linger);
		return;
	}
	do {
		n = recv(fd, NULL, LINGER_AT_ONE, MSG_TRUNC | MSG_DONTWAIT); /* tcp(7): MSG_TRUNC discards the bytes */
		if (n > 0)
			linger->bytes += (uint64_t)n;
	} while (n == LINGER_AT_ONE && linger->bytes < LINGER_BYTES);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || linger->bytes >= LINGER_BYTES)
		linger_end(linger);
}

void linger_start(struct http_server *server, int fd)
{
	static const struct timeval timeout = { .tv_sec = LINGER_MS / 1000 };
	struct lingering *linger = server->lingers_count < LINGERS_MAX ? calloc(1, sizeof *linger) : NULL;

	if (linger)
		linger->event = event_new(server->base, fd, EV_READ | EV_PERSIST, on_readable, linger);
	if (!linger || !linger->event || event_add(linger->event, &timeout) < 0) {
		if (linger && linger->event)
			event_free(linger->event);
		free(linger);
		(void)fd_close(fd);
		return;
	}
	linger->server = server;
	linger->fd = fd;
	linger->deadline = clock_now() + LINGER_MS * NSEC_PER_MSEC;
	LIST_INSERT_HEAD(&server->lingers, linger, link);
	server->lingers_count++;
}

void linger_end_all(struct http_server *server)
{
	struct lingering *linger;

	while ((linger = LIST_FIRST(&server->lingers)))
		linger_end(linger);
}
