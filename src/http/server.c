/* SPDX-License-Identifier: Apache-2.0
 *
 * libmicrohttpd 0.9.75 runs without threads of its own: its epoll set is one descriptor of our loop. What it does not do,
 * or not well, is done here and in the neighbouring files:
 *  - its timeouts count inactivity, so that a byte a second holds a connection for ever: each connection has one absolute
 *    deadline for what it is doing now, and is shut down when that passes;
 *  - a suspended connection sees no disconnect: watch.c;
 *  - it accepts heads that two readers could understand differently: gate.c;
 *  - it resets a connection whose request was refused unread: linger.c;
 *  - stopping it would shut the listening socket, which is the supervisor's: it is always quiesced first.
 */
#include "http/internal.h"
#include "http/linger.h"
#include "http/watch.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct http_connection *connection = arg;

	(void)fd;
	(void)what;
	(void)shutdown(connection->fd, SHUT_RDWR); /* the library sees the end of file and closes it */
}

void connection_set_deadline(struct http_connection *connection, uint32_t ms)
{
	struct timeval timeout = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	if (ms == 0 || event_add(&connection->deadline, &timeout) < 0)
		(void)event_del(&connection->deadline);
}

void server_run_soon(struct http_server *server)
{
	event_active(server->ready, EV_TIMEOUT, 0);
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
	connection->fd = info->connect_fd;
	connection->linger_fd = -EBADF;
	connection_set_deadline(connection, server->options.head_ms);
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
	if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES && wait_ms == 0) /* we set no timeouts: it has work left */
		server_run_soon(server);
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
	if (!server->ready || event_add(server->ready, NULL) < 0)
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

	r = watch_open(server);
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
	free(server);
}

void http_server_freep(struct http_server **server)
{
	http_server_free(*server);
}
