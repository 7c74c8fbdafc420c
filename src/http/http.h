/* SPDX-License-Identifier: Apache-2.0
 * http.h: an HTTP/1.1 server on one listening socket, inside an event loop, for a handful of small requests at a time.
 * It is the only header through which the rest of the tree sees the HTTP library, so that another can replace it.
 *
 * A request passes three points: its head is complete (on_head), its body is too (on_request), it has been answered
 * (http_reply, http_stream), at once or much later. A client that leaves in between is reported (on_gone). Single-threaded.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct event_base;
struct http_server;
struct http_request;

struct http_options {
	unsigned connections;             /* at once; more wait in the listening socket's backlog */
	unsigned connections_per_address; /* more are closed at once */
	size_t connection_bytes;          /* memory for the head of a request and of its reply */
	size_t bodies_bytes;              /* of all bodies that are held at once; one more is refused with 503 */
	size_t drain_bytes;               /* of a refused body that are read and thrown away to keep the connection */
	/* Absolute, whatever trickles in: */
	uint32_t head_ms;  /* from the connection's start to a request's first line, and from there to the end of its head */
	uint32_t body_ms;  /* from there to the end of its body */
	uint32_t idle_ms;  /* from a reply to the next request's first line */
	uint32_t reply_ms; /* for the client to read the reply */
};

/* What the owner of a server is told. Replying is allowed in every call that hands over a request, but on_gone. */
struct http_handler {
	/* The head is complete. Either replies, or states with http_accept_body how long the body may be (default: 0). */
	void (*on_head)(struct http_request *request, void *arg);
	/* The body is complete. Replies now or later; until then the request stays valid. */
	void (*on_request)(struct http_request *request, void *arg);
	/* The client has left before the reply, or before the end of a stream, or the server ends: nothing can be sent any more. */
	void (*on_gone)(struct http_request *request, void *arg);
	/* The library is done with the request, answered or not: the last call about it, for each that any other was made about. */
	void (*on_end)(struct http_request *request, void *arg);
	/* The request breaks HTTP or is too long. Must reply with this status. */
	void (*on_bad)(struct http_request *request, unsigned status, const char *why, void *arg);
	/* The same where only so many bytes can be sent, at once: writes the body and returns its MIME type. */
	const char *(*on_cut)(struct http_request *request, unsigned status, const char *why, char *room, size_t size, void *arg);
	/* After http_server_stop: the last reply has been sent. May come at once. */
	void (*on_quiet)(void *arg);
	void *arg;
};

/* Serves on listen_fd, which stays the caller's and is made non-blocking, from http_server_open on. handler is kept by pointer. */
int http_server_new(struct event_base *base, int listen_fd, const struct http_options *options, const struct http_handler *handler,
		    struct http_server **ret_server, struct err *err);

/* Begins to accept connections; until then they wait in the socket's backlog. Nothing once it was stopped. -ENOMEM */
int http_server_open(struct http_server *server);

/* Accepts no more connections; every reply from now on closes its connection. Safe to repeat. */
void http_server_stop(struct http_server *server);

/* Whether a request has begun and is not answered yet. */
bool http_server_is_busy(const struct http_server *server);

/* Ends every connection; requests without a reply get on_gone. */
void http_server_free(struct http_server *server);
void http_server_freep(struct http_server **server);

/* "POST", as sent. */
const char *http_method(const struct http_request *request);

/* What stands before a '?', as sent: nothing is unescaped. "" when it is too long to be a path of ours. */
const char *http_path(const struct http_request *request);

/* What stands behind the '?', as sent; "" when there is none; NULL when it is too long to be a query of ours. */
const char *http_query(const struct http_request *request);

/* A header's value, or NULL; the first one when there are several. name in any case. */
const char *http_header(struct http_request *request, const char *name);

/* The whole body, from on_request on. */
const struct buf *http_body(const struct http_request *request);

/* Lets the body go: nobody reads it any more. Its size stays known. */
void http_drop_body(struct http_request *request);
uint64_t http_body_size(const struct http_request *request);

/* In on_head: the longest body to be read; a longer one comes back as on_bad with 413. */
void http_accept_body(struct http_request *request, size_t max_bytes);

/* A pointer of the caller's own; NULL at first. */
void http_set_data(struct http_request *request, void *data);
void *http_data(const struct http_request *request);

struct http_field {
	const char *name, *value;
};

/* A body that is made while it is sent. */
struct http_source {
	uint64_t size; /* exact */
	/* Writes the next 1 to size bytes into room and returns how many; 0 never, before the announced size is reached. */
	size_t (*read)(void *state, char *room, size_t size);
	void (*free)(void *state); /* called once, whatever happens to the reply */
	void *state;
};

/* Answers the request, which is not to be touched afterwards. Fields are copied. On failure (-ENOMEM) the connection is closed. */
int http_reply(struct http_request *request, unsigned status, const struct http_field *fields, size_t fields_count,
	       const struct http_source *body);

/* The same with a body that stays where it is for ever. */
int http_reply_static(struct http_request *request, unsigned status, const struct http_field *fields, size_t fields_count,
		      const void *bytes, size_t size);

/* A body of unknown length, sent in chunks as it comes. */
struct http_stream_source {
	/* Writes the next bytes, at most size, and returns how many; 0: none now, http_stream_wake will tell; HTTP_STREAM_END. */
	ssize_t (*read)(void *state, char *room, size_t size);
	void *state; /* not to go away before the stream's end is read or on_gone is called */
};
#define HTTP_STREAM_END (-1)

/* Begins such an answer; the request stays valid until on_end. Fields are copied. On failure (-ENOMEM) the connection is closed. */
int http_stream(struct http_request *request, unsigned status, const struct http_field *fields, size_t fields_count,
		const struct http_stream_source *source);

/* There is something to read. From now on the client has reply_ms for all of it when it is the last, else for each block. */
void http_stream_wake(struct http_request *request, bool is_last);
