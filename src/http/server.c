/* SPDX-License-Identifier: Apache-2.0
 *
 * libmicrohttpd 0.9.75 runs without threads of its own: its epoll set is one descriptor of our loop. What it does not do,
 * or not well, is done here and in the neighbouring files:
 *  - its timeouts count inactivity, so that a byte a second holds a connection for ever: each connection has one absolute
 *    deadline for what it is doing now, and is shut down when that passes;
 *  - whoever holds all connections locks everybody out: while none is free, a client has a fraction of its time;
 *  - a suspended connection sees no disconnect: watch.c;
 *  - it accepts heads that two readers could understand differently: gate.c;
 *  - it resets a connection whose request was refused unread: linger.c;
 *  - stopping it would shut the listening socket, which is the supervisor's: it is always quiesced first.
 */
#include "base/stack.h"
#include "http/internal.h"
#include "http/linger.h"
#include "http/watch.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

#define CROWD_SHARE   40  /* of a deadline that counts when every connection is taken: 1/40, */
#define CROWD_MOST_MS 500 /* and never more than this */
#define CROWD_LOOK_MS 50L

#define MANY_TURNS 50 /* in a row that left work over: the library turns in circles (see connection_cut_off) */
#define PAUSE_US   2000
#define CUT_OFF_MS 2000 /* the only time-out that we give the library is a second */

/* The library sees the end of file and closes it; or it has no room left to read anything, as behind a chunk's extension without
 * end, and asks for another turn for ever: then its own time-out of a second helps. */
void connection_cut_off(struct http_connection *connection)
{
	(void)shutdown(connection->fd, SHUT_RDWR);
	(void)MHD_set_connection_option(connection->mhd, MHD_CONNECTION_OPTION_TIMEOUT, 1u);
	server_run_soon(connection->server);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	connection_cut_off(arg);
}

void connection_set_deadline(struct http_connection *connection, uint32_t ms)
{
	struct timeval timeout = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	connection->waits_since = clock_now();
	connection->waits_ms = ms;
	if (ms == 0 || event_add(&connection->deadline, &timeout) < 0)
		(void)event_del(&connection->deadline);
}

void server_run_soon(struct http_server *server)
{
	static const struct timeval now = { 0 }, pause = { .tv_usec = PAUSE_US };

	/* Not event_active(3): what makes itself active again in its own callback keeps all other events waiting. */
	if (!evtimer_pending(server->soon, NULL))
		(void)event_add(server->soon, server->turns_left_over < MANY_TURNS ? &now : &pause);
}

static bool is_in_the_way(const struct http_connection *connection, nsec_t now)
{
	nsec_t ms = connection->waits_ms / CROWD_SHARE;

	return connection->waits_ms > 0 &&
	       now - connection->waits_since > (ms < CROWD_MOST_MS ? ms : CROWD_MOST_MS) * NSEC_PER_MSEC;
}

/* Connections without a request, or with one that does not come on, make room; others wait in the socket's backlog. */
static void thin_crowd(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval again = { .tv_usec = CROWD_LOOK_MS * 1000 };
	struct http_server *server = arg;
	struct http_connection *connection;
	nsec_t now = clock_now();

	(void)fd;
	(void)what;
	if (server->connections_count < server->options.connections)
		return;
	LIST_FOREACH(connection, &server->connections, link)
	{
		if (is_in_the_way(connection, now))
			connection_cut_off(connection);
	}
	(void)event_add(server->crowd, &again);
}

static void open_connection(struct http_server *server, struct MHD_Connection *mhd, void **context)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct http_connection *connection = calloc(1, sizeof *connection);

	if (!connection || event_assign(&connection->deadline, server->base, -1, 0, on_deadline, connection) < 0) {
		free(connection);
		(void)shutdown(info->connect_fd, SHUT_RDWR);
		return;
	}
	connection->server = server;
	connection->mhd = mhd;
	connection->fd = info->connect_fd;
	connection->linger_fd = -EBADF;
	connection_set_deadline(connection, server->options.head_ms);
	LIST_INSERT_HEAD(&server->connections, connection, link);
	server->connections_count++;
	thin_crowd(-1, 0, server);
	*context = connection;
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct http_connection *connection = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		open_connection(arg, mhd, context);
		return;
	}
	if (!connection)
		return;
	(void)event_del(&connection->deadline);
	LIST_REMOVE(connection, link);
	connection->server->connections_count--;
	if (connection->linger_fd >= 0)
		linger_start(connection->server, fd_take(&connection->linger_fd));
	server_run_soon(connection->server); /* at the maximum, only a further turn listens again */
	free(connection);
}

static void check_quiet(struct http_server *server)
{
	if (server->is_stopping && server->busy == 0)
		server->handler->on_quiet(server->handler->arg);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *server = arg;
	MHD_UNSIGNED_LONG_LONG wait_ms;

	(void)fd;
	(void)what;
	(void)MHD_run(server->daemon);
	stack_wipe(); /* of heads and bodies */
	/* It has work left, or is about to cut somebody off. */
	if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES && wait_ms < CUT_OFF_MS) {
		server->turns_left_over++;
		server_run_soon(server);
	} else {
		server->turns_left_over = 0;
	}
	check_quiet(server);
}

static int start_library(struct http_server *server, int listen_fd)
{
	const struct http_options *options = &server->options;
	const struct MHD_OptionItem items[] = {
		{ MHD_OPTION_LISTEN_SOCKET, listen_fd, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, options->connections, NULL },
		{ MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->connections_per_address, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)options->connection_bytes, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, 0, NULL },
		{ MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL },
		/* Level 1 would refuse a missing Host and a space in the target with malformed replies; the gate does both. */
		{ MHD_OPTION_STRICT_FOR_CLIENT, 0, NULL },
		{ MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)request_begin, server },
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)request_end, server },
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, server },
		{ MHD_OPTION_END, 0, NULL },
	};

	server->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, request_continue, server,
					  MHD_OPTION_ARRAY, items, MHD_OPTION_END);
	if (!server->daemon)
		return -EIO;

	const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	server->ready = event_new(server->base, info->epoll_fd, EV_READ | EV_PERSIST, on_ready, server);
	server->soon = evtimer_new(server->base, on_ready, server);
	return server->ready && server->soon ? 0 : -ENOMEM;
}

int http_server_open(struct http_server *server)
{
	if (server->is_stopping)
		return 0;
	if (event_add(server->ready, NULL) < 0)
		return -ENOMEM;
	server_run_soon(server); /* only a first turn puts the listening socket into the epoll set */
	return 0;
}

int http_server_new(struct event_base *base, int listen_fd, const struct http_options *options, const struct http_handler *handler,
		    struct http_server **ret_server, struct err *err)
{
	_cleanup_(http_server_freep) struct http_server *server = calloc(1, sizeof *server);
	int r = server ? fd_set_nonblock(listen_fd, true) : -ENOMEM;

	if (r < 0)
		return err_set(err, r, "Cannot use the listening socket");
	server->base = base;
	server->options = *options;
	server->handler = handler;
	server->watch_fd = -EBADF;
	TAILQ_INIT(&server->requests);
	LIST_INIT(&server->lingers);
	LIST_INIT(&server->connections);
	server->crowd = evtimer_new(base, thin_crowd, server);

	r = server->crowd ? watch_open(server) : -ENOMEM;
	if (r == 0)
		r = start_library(server, listen_fd);
	if (r < 0)
		return err_set(err, r, "Cannot start the HTTP server");
	*ret_server = server;
	server = NULL;
	return 0;
}

void http_server_stop(struct http_server *server)
{
	if (!server->is_stopping)
		(void)MHD_quiesce_daemon(server->daemon);
	server->is_stopping = true;
	server_run_soon(server);
}

bool http_server_is_busy(const struct http_server *server)
{
	return server->busy > 0;
}

void http_server_free(struct http_server *server)
{
	struct http_request *request;

	if (!server)
		return;
	if (server->daemon) {
		(void)MHD_quiesce_daemon(server->daemon);
		TAILQ_FOREACH(request, &server->requests, link)
		{
			if (request->is_suspended) /* the library aborts the program when one is left */
				request_forsake(request);
		}
		MHD_stop_daemon(server->daemon);
	}
	assert(TAILQ_EMPTY(&server->requests));
	linger_end_all(server);
	watch_close(server);
	if (server->ready)
		event_free(server->ready);
	if (server->soon)
		event_free(server->soon);
	if (server->crowd)
		event_free(server->crowd);
	free(server);
}

void http_server_freep(struct http_server **server)
{
	http_server_free(*server);
}
