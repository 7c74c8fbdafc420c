/* SPDX-License-Identifier: Apache-2.0
 * internal.h: what the files of this folder share. A connection carries at most one request at a time.
 */
#pragma once
#include "base/clock.h"
#include "base/fd.h"
#include "http/http.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <microhttpd.h>
#include <sys/queue.h>

#define HTTP_PATH_BYTES  128
#define HTTP_QUERY_BYTES 512

struct lingering;
TAILQ_HEAD(http_requests, http_request);
LIST_HEAD(lingers, lingering);
LIST_HEAD(http_connections, http_connection);

struct http_server {
	struct event_base *base;
	struct MHD_Daemon *daemon;
	struct http_options options;
	const struct http_handler *handler;
	struct event *ready; /* the library's epoll set has something */
	struct event *soon;  /* or it has work without that: somebody was resumed, a turn left some over */
	unsigned turns_left_over;
	struct event *watch; /* the second epoll set: clients that leave while their request is suspended */
	int watch_fd;
	struct event *crowd; /* looks again while every connection is taken */
	struct http_connections connections;
	unsigned connections_count;
	struct http_requests requests;
	unsigned busy;         /* requests whose head is complete and whose reply is not sent */
	uint64_t bodies_bytes; /* of all bodies that are held, or announced */
	struct lingers lingers;
	unsigned lingers_count;
	bool is_stopping;
};

struct http_connection {
	LIST_ENTRY(http_connection) link;
	struct http_server *server;
	struct MHD_Connection *mhd;
	int fd;
	nsec_t waits_since; /* what the client is to do now began then */
	uint32_t waits_ms;  /* and may take so long; 0: it waits for us */
	int linger_fd;      /* a duplicate that outlives the library's own, or -EBADF */
	struct event deadline;
};

enum request_state {
	REQUEST_HEAD,     /* its head is being read */
	REQUEST_BODY,     /* its body is being read */
	REQUEST_DRAIN,    /* the reply is there already, the body is thrown away first */
	REQUEST_REFUSED,  /* the same, and the reply will be refusal_status */
	REQUEST_TAKEN,    /* on_request was called */
	REQUEST_ANSWERED, /* the reply is with the library */
	REQUEST_STREAMS,  /* the same, and its body goes on */
};

struct http_request {
	TAILQ_ENTRY(http_request) link;
	struct http_server *server;
	struct MHD_Connection *mhd;
	struct http_connection *connection;
	enum request_state state;
	bool is_counted, is_suspended, is_gone, has_bad_target, has_long_query;
	const char *method;
	char path[HTTP_PATH_BYTES], query[HTTP_QUERY_BYTES];
	struct buf body;
	size_t body_max;
	uint64_t held_bytes, body_bytes; /* of server->bodies_bytes; that came */
	unsigned refusal_status;
	const char *refusal;
	size_t drained_bytes;
	struct MHD_Response *response;
	unsigned status;
	void *data;
	struct http_stream_source stream; /* read is NULL: none */
	bool is_last;                     /* of a stream: no more is to come than its source has */
};

/* request.c: the library's callbacks for requests. */
void *request_begin(void *server, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result request_continue(void *server, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
				 const char *bytes, size_t *size, void **request);
void request_end(void *server, struct MHD_Connection *mhd, void **request, enum MHD_RequestTerminationCode why);

/* Tells the owner that the client has left, once, and lets the library close the connection. */
void request_forsake(struct http_request *request);

/* Lets the library go on with a request that waits for the owner. */
void request_resume(struct http_request *request);
/* Takes it out of the library's hands until then, and watches for the client's end. */
void request_suspend(struct http_request *request);

/* server.c */
void connection_set_deadline(struct http_connection *connection, uint32_t ms); /* 0: none */
void server_run_soon(struct http_server *server);
void connection_cut_off(struct http_connection *connection);
