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
	struct limits most;         /* what a request under /v1 may ask for */
	int supervisor_fd;          /* where links to the store come from; -1: there is none */
	bool needs_key;             /* nobody is served without an API key */
	bool wants_json_log;        /* a line a request and a run on standard error */
	int statm_fd;               /* /proc/self/statm; -1: not there */
	uint32_t heartbeat_ms;      /* between two signs of life in a stream */
	void (*on_open)(void *arg); /* once: the API keys are known, or nobody waits for them any more */
	void (*on_quiet)(void *arg);
	void *arg;
};

/* service must outlive the api. */
int api_new(const struct api_options *options, struct service *service, struct api **ret_api);

/* Cancels the jobs that run here: before the service goes. */
void api_drop_jobs(struct api *api);

/* After the HTTP server, which calls it, is gone. */
void api_free(struct api *api);

/* Begins no more jobs. True: none is under way; false: on_quiet is called again when none is. */
bool api_stop(struct api *api);

/* For struct service_events: keeps books of a run that has ended. */
void api_note_run(struct api *api, const struct run_tag *tag, const struct run_outcome *outcome);

/* For http_server_new. */
const struct http_handler *api_handler(const struct api *api);
