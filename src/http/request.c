/* SPDX-License-Identifier: Apache-2.0
 *
 * The library calls request_begin at a request's first line, request_continue at its head, for each piece of its body and
 * at its end, and again after a suspended request was resumed; request_end when the reply is sent or never will be.
 * A reply can be queued at the head, which makes the library close the connection, or at the end, but not in between.
 */
#include "http/gate.h"
#include "http/internal.h"
#include "http/watch.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CUT_OFF_BYTES 1024

static struct http_connection *connection_of(struct MHD_Connection *mhd)
{
	return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void take_target(struct http_request *request, const char *uri)
{
	size_t size = strcspn(uri, "?#");
	const char *query = uri[size] == '?' ? uri + size + 1 : "";
	size_t query_size = strcspn(query, "#");

	request->has_bad_target = strpbrk(uri, " \t\r\n\v\f") != NULL;
	if (size < sizeof request->path)
		memcpy(request->path, uri, size);
	request->has_long_query = query_size >= sizeof request->query;
	if (!request->has_long_query)
		memcpy(request->query, query, query_size);
}

void *request_begin(void *arg, const char *uri, struct MHD_Connection *mhd)
{
	struct http_connection *connection = connection_of(mhd);
	struct http_request *request = connection ? calloc(1, sizeof *request) : NULL;

	if (!request)
		return NULL; /* request_continue then closes the connection */
	request->server = arg;
	request->mhd = mhd;
	request->connection = connection;
	request->body = buf_new(1); /* holds nothing before http_accept_body */
	take_target(request, uri ? uri : "");
	TAILQ_INSERT_TAIL(&request->server->requests, request, link);
	connection_set_deadline(connection, request->server->options.head_ms);
	return request;
}

/* The owner has taken it and its reply is not whole. */
static bool is_unanswered(const struct http_request *request)
{
	return (request->state == REQUEST_TAKEN && !request->response) || request->state == REQUEST_STREAMS;
}

static void let_go_of_bytes(struct http_request *request)
{
	request->server->bodies_bytes -= request->held_bytes;
	request->held_bytes = 0;
}

void request_end(void *arg, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode why)
{
	struct http_server *server = arg;
	struct http_request *request = *context;

	(void)mhd;
	(void)why;
	if (!request)
		return;
	*context = NULL;
	if (is_unanswered(request) && !request->is_gone)
		server->handler->on_gone(request, server->handler->arg);
	if (request->is_counted)
		server->handler->on_end(request, server->handler->arg);
	TAILQ_REMOVE(&server->requests, request, link);
	if (request->is_counted)
		server->busy--;
	if (request->response)
		MHD_destroy_response(request->response);
	buf_free(&request->body);
	let_go_of_bytes(request);
	connection_set_deadline(request->connection, server->options.idle_ms);
	free(request);
}

void request_resume(struct http_request *request)
{
	watch_remove(request);
	request->is_suspended = false;
	MHD_resume_connection(request->mhd);
	server_run_soon(request->server);
}

void request_suspend(struct http_request *request)
{
	connection_set_deadline(request->connection, 0);
	request->is_suspended = true;
	MHD_suspend_connection(request->mhd);
	(void)watch_add(request);
}

void request_forsake(struct http_request *request)
{
	struct http_server *server = request->server;

	request->is_gone = true;
	server->handler->on_gone(request, server->handler->arg);
	request_resume(request); /* request_continue or the stream's reader then closes the connection */
}

static enum MHD_Result queue_reply(struct http_request *request)
{
	struct MHD_Response *response = request->response;

	if (!response)
		return MHD_NO;
	request->state = request->stream.read ? REQUEST_STREAMS : REQUEST_ANSWERED;
	request->response = NULL;
	connection_set_deadline(request->connection, request->server->options.reply_ms);

	enum MHD_Result r = MHD_queue_response(request->mhd, request->status, response);

	MHD_destroy_response(response); /* our reference; the library holds its own */
	return r;
}

/* Keeps the socket open behind the library's back, so that the client can read a reply to a request that was not read. */
static void keep_for_linger(struct http_request *request)
{
	if (request->connection->linger_fd < 0)
		request->connection->linger_fd = fcntl(request->connection->fd, F_DUPFD_CLOEXEC, 3);
}

static enum MHD_Result refuse_unread(struct http_request *request)
{
	keep_for_linger(request);
	return queue_reply(request);
}

static void tell_bad(struct http_request *request, unsigned status, const char *why)
{
	const struct http_handler *handler = request->server->handler;

	handler->on_bad(request, status, why, handler->arg);
}

static enum MHD_Result add_to_gate(void *gate, enum MHD_ValueKind kind, const char *name, size_t name_size, const char *value,
				   size_t value_size)
{
	(void)kind;
	gate_add(gate, name, name_size, value ? value : "", value ? value_size : 0);
	return MHD_YES;
}

static const char too_long[] = "The body is too long.";
static const char no_room[] = "The server reads too many bodies at once; try again.";

/* Whoever fills the room with long bodies that do not end is the one to go, before anybody with a shorter one is refused. */
static bool make_room(struct http_request *request, uint64_t bytes)
{
	struct http_request *longest = NULL, *other;

	TAILQ_FOREACH(other, &request->server->requests, link)
	{
		if (other != request && other->state == REQUEST_BODY && !other->is_gone && other->held_bytes > bytes &&
		    (!longest || other->held_bytes > longest->held_bytes))
			longest = other;
	}
	if (!longest)
		return false;
	longest->is_gone = true;
	buf_free(&longest->body);
	let_go_of_bytes(longest);
	connection_cut_off(longest->connection);
	return true;
}

/* Claims room for a body of so many bytes in all. False: there is none. */
static bool hold_bytes(struct http_request *request, uint64_t bytes)
{
	struct http_server *server = request->server;

	while (bytes > server->options.bodies_bytes ||
	       server->bodies_bytes - request->held_bytes > server->options.bodies_bytes - bytes) {
		if (bytes > server->options.bodies_bytes || !make_room(request, bytes))
			return false;
	}

	uint64_t others = server->bodies_bytes - request->held_bytes;

	server->bodies_bytes = others + bytes;
	request->held_bytes = bytes;
	return true;
}

static enum MHD_Result take_head(struct http_request *request, const char *method, const char *version)
{
	struct http_server *server = request->server;
	struct gate gate = { 0 };

	request->method = method;
	request->is_counted = true;
	server->busy++;
	(void)MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, add_to_gate, &gate);
	gate_finish(&gate, version);
	if (gate.problem != GATE_OK || request->has_bad_target) {
		tell_bad(request, 400,
			 gate.problem != GATE_OK ? gate_problem_text(gate.problem) : "The request's target holds a space.");
		return refuse_unread(request);
	}

	server->handler->on_head(request, server->handler->arg);
	if (request->response) {
		if (gate.is_chunked || gate.expects_continue || gate.length > server->options.drain_bytes)
			return refuse_unread(request);
		request->state = REQUEST_DRAIN;
	} else if (gate.length > request->body_max) {
		tell_bad(request, 413, too_long);
		return refuse_unread(request);
	} else if (!hold_bytes(request, gate.length)) {
		tell_bad(request, 503, no_room);
		return refuse_unread(request);
	} else {
		request->state = REQUEST_BODY;
	}
	connection_set_deadline(request->connection, server->options.body_ms);
	return MHD_YES;
}

/* A refused chunked body that does not end: nothing can be queued now, but nothing else was written either. */
static enum MHD_Result cut_off(struct http_request *request)
{
	const struct http_handler *handler = request->server->handler;
	char body[CUT_OFF_BYTES], reply[CUT_OFF_BYTES + 256];
	const char *type = handler->on_cut(request, request->refusal_status, request->refusal, body, sizeof body, handler->arg);
	int size = snprintf(reply, sizeof reply,
			    "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
			    request->refusal_status, request->refusal_status == 413 ? "Content Too Large" : "Service Unavailable",
			    type, strlen(body), body);

	keep_for_linger(request);
	if (size > 0 && (size_t)size < sizeof reply)
		(void)send(request->connection->fd, reply, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
	return MHD_NO;
}

static void refuse_rest(struct http_request *request, unsigned status, const char *why)
{
	buf_free(&request->body);
	let_go_of_bytes(request);
	request->refusal_status = status;
	request->refusal = why;
	request->state = REQUEST_REFUSED;
}

static enum MHD_Result take_body(struct http_request *request, const char *bytes, size_t size)
{
	if (request->state == REQUEST_BODY) {
		uint64_t end = request->body.size + size;

		if (end > request->body_max)
			refuse_rest(request, 413, too_long);
		else if (end > request->held_bytes && !hold_bytes(request, end))
			refuse_rest(request, 503, no_room);
		else if (buf_append(&request->body, bytes, size) < 0)
			return MHD_NO;
		else
			request->body_bytes = end;
	}
	if (request->state == REQUEST_BODY)
		return MHD_YES;
	request->drained_bytes += size;
	if (request->drained_bytes <= request->server->options.drain_bytes)
		return MHD_YES;
	return request->state == REQUEST_REFUSED ? cut_off(request) : MHD_NO;
}

static enum MHD_Result take_end(struct http_request *request)
{
	const struct http_handler *handler = request->server->handler;

	if (request->state == REQUEST_BODY) {
		request->state = REQUEST_TAKEN;
		handler->on_request(request, handler->arg);
	} else if (request->state == REQUEST_REFUSED) {
		tell_bad(request, request->refusal_status, request->refusal);
	}
	if (request->response)
		return queue_reply(request);
	if (request->state != REQUEST_TAKEN)
		return MHD_NO;
	request_suspend(request);
	return MHD_YES;
}

enum MHD_Result request_continue(void *arg, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
				 const char *bytes, size_t *size, void **context)
{
	struct http_request *request = *context;

	(void)arg;
	(void)mhd;
	(void)url; /* unescaped by the library; ours is as sent */
	if (!request || request->is_gone)
		return MHD_NO;
	if (request->state == REQUEST_HEAD)
		return take_head(request, method, version);
	if (*size == 0)
		return take_end(request);

	enum MHD_Result r = take_body(request, bytes, *size);

	*size = 0;
	return r;
}

const char *http_method(const struct http_request *request)
{
	return request->method;
}

const char *http_path(const struct http_request *request)
{
	return request->path;
}

const char *http_query(const struct http_request *request)
{
	return request->has_long_query ? NULL : request->query;
}

const char *http_header(struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name);
}

const struct buf *http_body(const struct http_request *request)
{
	return &request->body;
}

void http_drop_body(struct http_request *request)
{
	buf_free(&request->body);
	let_go_of_bytes(request);
}

uint64_t http_body_size(const struct http_request *request)
{
	return request->body_bytes;
}

void http_accept_body(struct http_request *request, size_t max_bytes)
{
	assert(request->state == REQUEST_HEAD);
	request->body_max = max_bytes;
	request->body = buf_new(max_bytes > 0 ? max_bytes : 1);
}

void http_set_data(struct http_request *request, void *data)
{
	request->data = data;
}

void *http_data(const struct http_request *request)
{
	return request->data;
}
