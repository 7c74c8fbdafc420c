/* SPDX-License-Identifier: Apache-2.0
 * call.h: one request on its way through the API, from its head to its last byte, and the ways to answer it. It lives until the
 * HTTP library is done with the request; answering twice is a bug.
 */
#pragma once
#include "api/caller.h"
#include "api/id.h"
#include "api/problem.h"
#include "api/reply.h"
#include "api/route.h"
#include "base/clock.h"

#define CALL_FIELDS_MAX  8
#define CALL_FIELD_BYTES 192

struct api;

struct call {
	struct api *api;
	struct http_request *http;
	const struct route *route; /* NULL: none was found */
	bool is_v1;                /* its errors are problem+json */
	char id[ROUTE_ID_BYTES];   /* what stands for the route's {id} */
	char request_id[ID_BYTES];
	struct caller caller;
	nsec_t began_at;
	unsigned status; /* of the answer; 0 before */

	/* A handler that answers later keeps its state here. gone is called when the client leaves before it has its answer, ended
	 * in the end, whatever happened; each may be NULL. */
	void *work;
	void (*gone)(struct call *call);
	void (*ended)(struct call *call);

	struct {
		const char *name; /* lives for ever */
		char value[CALL_FIELD_BYTES];
	} fields[CALL_FIELDS_MAX]; /* of the answer's header, beside the common ones */
	size_t fields_count;
};

/* Adds a header field to the answer. One too many, or one too long, is left out. */
void call_add_field(struct call *call, const char *name, const char *format, ...) _printf_(3, 4);

/* Answers with JSON. Takes the reply over; NULL and a failed one are answered as "no memory". */
void call_answer(struct call *call, unsigned status, struct reply *reply);

/* Begins an answer that goes on (http_stream); gone stays. */
int call_stream(struct call *call, const char *type, const struct http_stream_source *source);

/* Answers with a problem, in the older form {"success": false, "error": detail} outside of /v1. */
void call_refuse(struct call *call, const struct problem *problem);
void call_say(struct call *call, enum problem_kind kind, const char *format, ...) _printf_(3, 4);
