/* SPDX-License-Identifier: Apache-2.0
 * api.h: what the server answers: routes, their checks, and the wiring between an HTTP request and a run.
 */
#pragma once
#include "http/http.h"
#include "service/service.h"
#include "spec/environments.h"

struct api;

struct api_options {
	struct event_base *base;
	const char *listen_name;                       /* "127.0.0.1:5000"; kept by pointer */
	struct limits limits;                          /* of a run that asks for nothing */
	const struct environment_limits *environments; /* that runs may name, base first; kept by pointer */
	size_t environments_count;
	struct limits most;    /* what a request under /v1 may ask for */
	uint32_t heartbeat_ms; /* between two signs of life in a stream */
	void (*on_quiet)(void *arg);
	void *arg;
};

/* service must outlive the api. */
int api_new(const struct api_options *options, struct service *service, struct api **ret_api);

/* After the HTTP server, which calls it, is gone. */
void api_free(struct api *api);

/* For http_server_new. */
const struct http_handler *api_handler(const struct api *api);
