/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client may send to src/http, through the whole skin and the library below it: the input is a connection's bytes, written to
 * a real server in pieces (the first byte says how many), then the client reads and leaves. The owner answers everything.
 */
#include "http/http.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX  2000
#define TURNS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	struct event_base *base;
	struct http_server *server;
	unsigned begun, ends;
} world;

static void reply(struct http_request *request, unsigned status, const char *text)
{
	static const struct http_field field = { "Content-Type", "text/plain" };

	(void)http_reply_static(request, status, &field, 1, text, strlen(text));
}

/* Each request that anything was said about has its end, once. */
static void note(struct http_request *request)
{
	if (!http_data(request))
		world.begun++;
	http_set_data(request, &world);
}

static void on_head(struct http_request *request, void *arg)
{
	(void)arg;
	note(request);
	if (strlen(http_path(request)) > 127 || (http_query(request) && strlen(http_query(request)) > 511))
		abort();
	(void)http_header(request, "Origin");
	if (strcmp(http_method(request), "POST") == 0)
		http_accept_body(request, BODY_MAX);
	else
		reply(request, 200, "page\n");
}

static void on_request(struct http_request *request, void *arg)
{
	(void)arg;
	if (http_body(request)->size > BODY_MAX)
		abort();
	reply(request, 200, "done\n");
}

static void on_gone(struct http_request *request, void *arg)
{
	(void)request;
	(void)arg;
}

static void on_end(struct http_request *request, void *arg)
{
	(void)request;
	(void)arg;
	world.ends++;
}

static void on_bad(struct http_request *request, unsigned status, const char *why, void *arg)
{
	(void)arg;
	if (status != 400 && status != 413 && status != 503)
		abort();
	note(request);
	reply(request, status, why);
}

static void on_quiet(void *arg)
{
	(void)arg;
}

static int listen_anywhere(struct sockaddr_storage *ret_address, socklen_t *ret_size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage any = { .ss_family = AF_UNIX }; /* an abstract name of the kernel's choice, unix(7) */

	*ret_size = sizeof *ret_address;
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(sa_family_t)) < 0 || listen(fd, 16) < 0 ||
	    getsockname(fd, (struct sockaddr *)ret_address, ret_size) < 0)
		abort();
	return fd;
}

static void turn(void)
{
	for (int i = 0; i < 4; i++)
		(void)event_base_loop(world.base, EVLOOP_NONBLOCK);
}

static struct sockaddr_storage address;
static socklen_t address_size;

static int connect_to_it(void)
{
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (client < 0 || connect(client, (const struct sockaddr *)&address, address_size) < 0)
		abort();
	return client;
}

static void open_world(void)
{
	static const struct http_handler handler = { on_head, on_request, on_gone, on_end, on_bad, on_quiet, NULL };
	static const struct http_options options = {
		.connections = 16,
		.connections_per_address = 16,
		.connection_bytes = 4096,
		.bodies_bytes = 8000, /* less than all connections could send: 503 */
		.drain_bytes = 3000,
		.head_ms = 5000,
		.body_ms = 5000,
		.idle_ms = 5000,
		.reply_ms = 5000,
	};
	struct err err;

	(void)signal(SIGPIPE, SIG_IGN);
	world.base = event_base_new();
	if (!world.base ||
	    http_server_new(world.base, listen_anywhere(&address, &address_size), &options, &handler, &world.server, &err) < 0 ||
	    http_server_open(world.server) < 0)
		abort();
	turn();
}

static void send_in_pieces(int client, const uint8_t *data, size_t size)
{
	size_t pieces = size > 0 ? (size_t)data[0] % 8 + 1 : 1, step;

	if (size == 0)
		return;
	data++;
	size--;
	step = size / pieces + 1;
	while (size > 0) {
		size_t now = size < step ? size : step;
		ssize_t n = send(client, data, now, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n <= 0)
			return;
		data += n;
		size -= (size_t)n;
		turn();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char bytes[4096];
	int client;

	if (!world.base)
		open_world();
	client = connect_to_it();
	turn();
	send_in_pieces(client, data, size);
	(void)shutdown(client, SHUT_WR);
	for (int i = 0; i < TURNS_MAX; i++) {
		ssize_t n = recv(client, bytes, sizeof bytes, MSG_DONTWAIT);

		if (n == 0)
			break;
		turn();
	}
	(void)close(client);
	for (int i = 0; i < TURNS_MAX && http_server_is_busy(world.server); i++)
		turn();
	turn();
	if (world.begun != world.ends || http_server_is_busy(world.server))
		abort(); /* a request that was never let go */
	return 0;
}
