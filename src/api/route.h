/* SPDX-License-Identifier: Apache-2.0
 * route.h: which handler serves which method and path. The table is routes.def.
 */
#pragma once
#include "api/caller.h"

#include <stddef.h>

#define ROUTE_ID_BYTES    65 /* of what stands for {id}, its NUL included */
#define ROUTE_ALLOW_BYTES 32

enum body {
	BODY_NONE,
	BODY_SIMPLE, /* JSON of POST /run */
	BODY_RUN,    /* JSON of one run under /v1 */
	BODY_BATCH,  /* JSON of many jobs */
	BODY_COUNT,
};

struct route {
	const char *method;
	const char *path; /* "/v1/jobs/{id}" */
	enum scope scope;
	enum body body;
	void (*serve)(struct call *call); /* the body is complete; replies now or later */
};

struct route_match {
	const struct route *route;     /* NULL: none */
	char id[ROUTE_ID_BYTES];       /* "" without {id} */
	char allow[ROUTE_ALLOW_BYTES]; /* "GET, DELETE": the path's other methods, when route is NULL; "": there is no such path */
};

/* Looks for the row of that method and path. */
void route_find(const struct route *table, size_t count, const char *method, const char *path, struct route_match *ret_match);
