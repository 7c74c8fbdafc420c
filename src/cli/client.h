/* SPDX-License-Identifier: Apache-2.0
 * client.h: one request to a server of ours.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

#include <stdatomic.h>
#include <stdbool.h>

#define CLIENT_MAX_ANSWER (64 * MIB)
#define CLIENT_RUN_MS     900000L /* the longest wait for a cell and the longest run that a server can be set to */

/* For tables of options: an address as client_call takes it. -EINVAL with a sentence. */
struct option_row;
int client_check_address(const struct option_row *row, const char *text, struct err *err);

/* One request of method "GET", "POST" or "DELETE" to a path; body may be NULL. An API key is taken from the environment variable
 * SAFEXEC_KEY. Otherwise as the next. */
int client_call(const char *address, const char *method, const char *path, const char *body, long wait_ms, struct buf *answer,
		long *ret_status, struct err *err);

/* Posts a JSON body to http://address/run, or over the socket of unix:/PATH. The answer's body goes to answer, its status to *ret_status, whatever it is.
 * wait_ms is for all of it. -ECONNREFUSED: nobody listens there; -ECANCELED: *is_cancelled (which may be NULL) has become true, within a second or two; others;
 * with a sentence. */
int client_post_run(const char *address, const char *body, long wait_ms, const atomic_bool *is_cancelled, struct buf *answer,
		    long *ret_status, struct err *err);

struct client_request {
	const char *address; /* ADDR:PORT or unix:/PATH */
	const char *path;    /* "/v1/runs" */
	const char *body;    /* JSON */
	const char *accept;  /* a MIME type */
	long wait_ms;        /* for all of it */
};

/* What is told of an answer while it comes. */
struct client_answer {
	long status;
	char type[64]; /* of its content, without parameters */
};

/* Posts, and hands each piece of the answer over as it comes; a piece_fn that returns other than 0 ends it with -ECANCELED. tick is called
 * about ten times a second. Errors as client_post_run's. */
typedef int client_piece_fn(const struct client_answer *answer, const char *bytes, size_t size, void *arg);
int client_stream(const struct client_request *request, client_piece_fn *take, void (*tick)(void *arg), void *arg, struct err *err);

/* The same request again and again, over so many connections, which are kept. done is called after each with its status (0: no answer
 * came), the answer, and how long it took; it returns false to end all. -ENOMEM with a sentence. */
#define CLIENT_MAX_AT_ONCE 256
typedef bool client_done_fn(long status, const struct buf *answer, uint64_t us, void *arg);
int client_repeat(const struct client_request *request, unsigned at_once, uint64_t times, client_done_fn *done, void *arg,
		  struct err *err);
