/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api.h"

#include "api/assets.h"
#include "api/origin.h"
#include "api/reply.h"
#include "api/run_reply.h"
#include "api/run_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct api {
	struct api_options options;
	struct service *service;
	struct http_handler handler;
	size_t run_max_bytes;
};

/* A request that waits for its run. */
struct job {
	struct api *api;
	struct http_request *request;
	struct run *run;
};

struct route {
	const char *method, *path;
	bool takes_json;
	void (*serve)(struct api *api, struct http_request *request);
};

static const struct http_field retry_soon = { "Retry-After", "1" };

static void on_run_done(struct run_outcome *outcome, void *arg)
{
	struct job *job = arg;
	struct reply *reply = reply_new();
	char timing[160];
	struct http_field field = retry_soon;
	unsigned status = 500;

	if (reply)
		status = run_reply_write(reply, outcome, &job->api->options.limits);
	if (outcome->end == RUN_ENDED) {
		run_reply_timing(outcome, timing, sizeof timing);
		field = (struct http_field){ "Server-Timing", timing };
	}
	reply_send(job->request, status, reply, &field);
	free(job);
}

static void refuse_run(struct http_request *request, int r)
{
	switch (r) {
	case -EBUSY:
		reply_error(request, 503, "The server is busy and its queue is full. Nothing ran; try again.", &retry_soon);
		break;
	case -ENOTCONN:
		reply_error(request, 503, "The sandbox is being restarted. Nothing ran; try again.", &retry_soon);
		break;
	case -ESHUTDOWN:
		reply_error(request, 503, "The server is stopping. Nothing ran.", &retry_soon);
		break;
	default:
		reply_error(request, 500, "The server failed; the program did not run.", NULL);
	}
}

static int submit(struct api *api, struct http_request *request, const struct run_params *params)
{
	const struct run_request run = {
		.code = params->code,
		.code_bytes = params->code_bytes,
		.is_read_only = params->is_read_only,
	};
	struct job *job = malloc(sizeof *job);

	if (!job)
		return -ENOMEM;
	*job = (struct job){ .api = api, .request = request };

	int r = service_run(api->service, &run, on_run_done, job, &job->run);

	if (r < 0)
		free(job);
	else
		http_set_data(request, job);
	return r;
}

static void serve_run(struct api *api, struct http_request *request)
{
	const struct buf *body = http_body(request);
	struct run_params params = { 0 };
	struct err err;
	int r = run_request_parse(body->bytes, body->size, api->options.limits.code_chars, &params, &err);

	if (r == -EINVAL) {
		reply_error(request, 400, err.text, NULL);
		return;
	}
	if (r == 0)
		r = submit(api, request, &params);
	if (r < 0)
		refuse_run(request, r);
	run_params_free(&params);
}

static void serve_health(struct api *api, struct http_request *request)
{
	static const char ok[] = "{\"status\": \"ok\"}";

	if (service_look(api->service).providers == 0)
		reply_error(request, 503, "The sandbox is being restarted.", &retry_soon);
	else
		reply_bytes(request, "application/json", ok, sizeof ok - 1);
}

static void serve_asset(struct api *api, struct http_request *request)
{
	(void)api;
	for (size_t i = 0; i < assets_count; i++) {
		if (strcmp(assets[i].path, http_path(request)) == 0)
			reply_bytes(request, assets[i].type, assets[i].bytes, assets[i].size);
	}
}

static const struct route routes[] = {
	{ "POST", "/run", true, serve_run },         { "GET", "/healthz", false, serve_health },
	{ "GET", "/", false, serve_asset },          { "GET", "/app.js", false, serve_asset },
	{ "GET", "/style.css", false, serve_asset }, { "GET", "/icon.svg", false, serve_asset },
};

static const struct route *find_route(const char *path)
{
	array_for_each(routes, route) {
		if (strcmp(route->path, path) == 0)
			return route;
	}
	return NULL;
}

static bool is_json_type(const char *type)
{
	static const char json[] = "application/json";

	if (!type || strncasecmp(type, json, sizeof json - 1) != 0)
		return false;
	type += sizeof json - 1;
	return type[strspn(type, " \t")] == '\0' || type[strspn(type, " \t")] == ';';
}

/* Refuses what another site's page has sent. True when it did. */
static bool refuse_foreign(const struct api *api, struct http_request *request)
{
	const struct origin_headers headers = {
		.host = http_header(request, "Host"),
		.origin = http_header(request, "Origin"),
		.fetch_site = http_header(request, "Sec-Fetch-Site"),
		.fetch_mode = http_header(request, "Sec-Fetch-Mode"),
	};
	bool is_page = strcmp(http_method(request), "GET") == 0 && strcmp(http_path(request), "/") == 0;

	if (!origin_is_our_host(headers.host, api->options.listen_name)) {
		reply_error(request, 403,
			    "The Host header names another server; use the address that this one printed at its start.", NULL);
		return true;
	}
	if (!origin_is_ours(&headers, is_page)) {
		reply_error(request, 403, "The request comes from the page of another site.", NULL);
		return true;
	}
	return false;
}

static void on_head(struct http_request *request, void *arg)
{
	struct api *api = arg;

	if (refuse_foreign(api, request))
		return;

	const struct route *route = find_route(http_path(request));

	if (!route) {
		reply_error(request, 404, "There is nothing here: POST /run runs a program, GET / is the page.", NULL);
	} else if (strcmp(route->method, http_method(request)) != 0) {
		const struct http_field allow = { "Allow", route->method };

		reply_error(request, 405, "Another method is needed here; the Allow header names it.", &allow);
	} else if (route->takes_json && !is_json_type(http_header(request, "Content-Type"))) {
		reply_error(request, 415, "The body must be JSON: send it with Content-Type: application/json.", NULL);
	} else if (route->takes_json) {
		http_accept_body(request, api->run_max_bytes);
	}
}

static void on_request(struct http_request *request, void *arg)
{
	const struct route *route = find_route(http_path(request)); /* never NULL: on_head has refused the others */

	if (route)
		route->serve(arg, request);
}

static void on_gone(struct http_request *request, void *arg)
{
	struct job *job = http_data(request);

	(void)arg;
	if (job)
		run_cancel(job->run);
	free(job);
}

static void on_bad(struct http_request *request, unsigned status, const char *why, void *arg)
{
	(void)arg;
	reply_error(request, status, why, NULL);
}

static void on_quiet(void *arg)
{
	struct api *api = arg;

	api->options.on_quiet(api->options.arg);
}

int api_new(const struct api_options *options, struct service *service, struct api **ret_api)
{
	struct api *api = malloc(sizeof *api);

	if (!api)
		return -ENOMEM;
	*api = (struct api){
		.options = *options,
		.service = service,
		.run_max_bytes = run_request_max_bytes(options->limits.code_chars),
		.handler = {
			.on_head = on_head,
			.on_request = on_request,
			.on_gone = on_gone,
			.on_bad = on_bad,
			.on_quiet = on_quiet,
			.arg = api,
		},
	};
	*ret_api = api;
	return 0;
}

void api_free(struct api *api)
{
	free(api);
}

const struct http_handler *api_handler(const struct api *api)
{
	return &api->handler;
}
