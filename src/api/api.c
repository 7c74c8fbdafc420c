/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api.h"

#include "api/internal.h"
#include "api/job_runner.h"
#include "api/observe.h"
#include "api/origin.h"
#include "api/run_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RUN_BODY_BYTES (8 * MIB) /* 1 MiB of code however its JSON escapes it, and 2 MiB beside it */

static const struct route routes[] = {
#define ROUTE(method, path, scope, body, handler) { method, path, SCOPE_##scope, BODY_##body, handler },
#include "api/routes.def"
#undef ROUTE
};

static const char v1_prefix[] = "/v1/";

static struct call *call_new(struct api *api, struct http_request *request)
{
	struct call *call = calloc(1, sizeof *call);
	const char *id = http_header(request, "X-Request-Id");

	if (!call)
		return NULL;
	call->api = api;
	call->http = request;
	call->began_at = clock_now();
	call->is_v1 = strncmp(http_path(request), v1_prefix, sizeof v1_prefix - 1) == 0;
	if (id && id_is_valid(id))
		memcpy(call->request_id, id, strlen(id) + 1);
	else
		id_make("req_", call->request_id);
	if (call->is_v1)
		call_add_field(call, "X-Request-Id", "%s", call->request_id);
	http_set_data(request, call);
	return call;
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
static bool refuse_foreign(struct call *call)
{
	struct http_request *request = call->http;
	const struct origin_headers headers = {
		.host = http_header(request, "Host"),
		.origin = http_header(request, "Origin"),
		.fetch_site = http_header(request, "Sec-Fetch-Site"),
		.fetch_mode = http_header(request, "Sec-Fetch-Mode"),
	};
	bool is_page = strcmp(http_method(request), "GET") == 0 && strcmp(http_path(request), "/") == 0;

	/* Where keys are needed there may be a name, or a proxy, that we do not know of; a page of another site has no key. */
	if (!call->api->options.needs_key && !origin_is_our_host(headers.host, call->api->options.listen_name)) {
		call_say(call, PROBLEM_FOREIGN_SITE,
			 "The Host header names another server; use the address that this one printed at its start.");
		return true;
	}
	if (!origin_is_ours(&headers, is_page)) {
		call_say(call, PROBLEM_FOREIGN_SITE, "The request comes from the page of another site.");
		return true;
	}
	return false;
}

/* Finds the route, or refuses. */
static bool find_route(struct call *call)
{
	struct route_match match;

	route_find(routes, ARRAY_SIZE(routes), http_method(call->http), http_path(call->http), &match);
	if (!match.route && match.allow[0] == '\0') {
		call_say(call, PROBLEM_NOT_FOUND, "There is nothing here: POST /run runs a program, GET / is the page.");
		return false;
	}
	if (!match.route) {
		call_add_field(call, "Allow", "%s", match.allow);
		call_say(call, PROBLEM_METHOD_NOT_ALLOWED, "Another method is needed here; the Allow header names it.");
		return false;
	}
	call->route = match.route;
	memcpy(call->id, match.id, sizeof call->id);
	return true;
}

static void on_head(struct http_request *request, void *arg)
{
	struct api *api = arg;
	struct call *call = call_new(api, request);

	if (!call) {
		reply_send(request, 500, NULL, NULL, 0);
		return;
	}
	if (refuse_foreign(call) || !find_route(call))
		return;
	if (call->route->body != BODY_NONE && !is_json_type(http_header(request, "Content-Type")))
		call_say(call, PROBLEM_NOT_JSON, "The body must be JSON: send it with Content-Type: application/json.");
	else if (caller_admit(call) && call->route->body != BODY_NONE)
		http_accept_body(request, api->body_max[call->route->body]);
}

static void on_request(struct http_request *request, void *arg)
{
	struct call *call = http_data(request);

	(void)arg;
	call->route->serve(call);
}

static void on_gone(struct http_request *request, void *arg)
{
	struct call *call = http_data(request);

	(void)arg;
	if (call->gone)
		call->gone(call);
	call->gone = NULL;
}

static enum problem_kind bad_kind(unsigned status)
{
	if (status == 413)
		return PROBLEM_BODY_TOO_LONG;
	return status == 503 ? PROBLEM_TOO_MANY_BODIES : PROBLEM_BAD_HTTP;
}

static void on_bad(struct http_request *request, unsigned status, const char *why, void *arg)
{
	struct call *call = http_data(request) ? http_data(request) : call_new(arg, request);

	if (!call) {
		reply_send(request, 500, NULL, NULL, 0);
		return;
	}
	if (status == 503)
		call_add_field(call, "Retry-After", "1");
	call_say(call, bad_kind(status), "%s", why);
}

static const char *on_cut(struct http_request *request, unsigned status, const char *why, char *room, size_t size, void *arg)
{
	struct call *call = http_data(request);
	struct problem problem;
	struct json_out json = { 0 };

	(void)arg;
	(void)problem_say(&problem, bad_kind(status), "%s", why);
	call->status = status;
	json_out_open(&json, '{');
	if (call->is_v1) {
		problem_write(&problem, call->request_id, &json);
	} else {
		json_out_key(&json, "success");
		json_out_bool(&json, false);
		json_out_key(&json, "error");
		json_out_text(&json, why);
	}
	json_out_close(&json, '}');

	size_t n = json.is_failed ? 0 : json_out_read(&json, room, size - 1);

	room[n] = '\0';
	json_out_free(&json);
	return call->is_v1 ? "application/problem+json" : "application/json";
}

static void on_end(struct http_request *request, void *arg)
{
	struct call *call = http_data(request);

	(void)arg;
	if (call && call->ended)
		call->ended(call);
	if (call) {
		caller_leave(call);
		observe_request(call);
	}
	free(call);
}

static void on_quiet(void *arg)
{
	struct api *api = arg;

	api->options.on_quiet(api->options.arg);
}

/* In characters, of the environment that takes most. */
static uint64_t longest_code(const struct api_options *options)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < options->environments_count; i++) {
		if (options->environments[i].limits.code_chars > longest)
			longest = options->environments[i].limits.code_chars;
	}
	return longest;
}

void api_note_run(struct api *api, const struct run_tag *tag, const struct run_outcome *outcome)
{
	observe_run(api, tag, outcome);
}

bool api_stop(struct api *api)
{
	job_runner_stop(api->runner, api->options.on_quiet, api->options.arg);
	return job_runner_is_idle(api->runner);
}

static void list_begun(struct buf *numbers, void *arg)
{
	const struct api *api = arg;

	job_runner_list(api->runner, numbers);
}

static void on_store(void *arg)
{
	const struct api *api = arg;

	job_runner_on_up(api->runner);
}

/* Whoever comes before the keys are there would be told so. */
static void open_once(struct api *api)
{
	if (!api->is_open)
		api->options.on_open(api->options.arg);
	api->is_open = true;
}

static void on_store_lost(void *arg)
{
	struct api *api = arg;

	job_runner_on_lost(api->runner);
	open_once(api);
}

static void on_canceled(uint64_t number, void *arg)
{
	const struct api *api = arg;

	job_runner_cancel(api->runner, number);
}

static int on_keys(const char *keys, size_t size, uint32_t count, void *arg)
{
	struct api *api = arg;
	int r = keys_replace(api->keys, keys, size, count);

	open_once(api);
	return r;
}

static int open_store(struct api *api)
{
	int r = keys_new(&api->keys);

	api->link_events = (struct link_events){
		.list_begun = list_begun,
		.on_up = on_store,
		.on_lost = on_store_lost,
		.on_canceled = on_canceled,
		.on_keys = on_keys,
		.arg = api,
	};
	if (r == 0)
		r = link_new(api->options.base, api->options.supervisor_fd, &api->link_events, &api->link);
	return r == 0 ? job_runner_new(api, api->options.base, &api->runner) : r;
}

int api_new(const struct api_options *options, struct service *service, struct api **ret_api)
{
	struct api *api = malloc(sizeof *api);

	if (!api)
		return -ENOMEM;
	*api = (struct api){
		.options = *options,
		.service = service,
		.body_max = {
			[BODY_SIMPLE] = run_request_max_bytes(longest_code(options)),
			[BODY_RUN] = RUN_BODY_BYTES,
			[BODY_BATCH] = STORE_BATCH_MAX_BYTES,
		},
		.handler = {
			.on_head = on_head,
			.on_request = on_request,
			.on_gone = on_gone,
			.on_bad = on_bad,
			.on_cut = on_cut,
			.on_end = on_end,
			.on_quiet = on_quiet,
			.arg = api,
		},
	};

	int r = open_store(api);

	if (r < 0) {
		api_free(api);
		return r;
	}
	*ret_api = api;
	return 0;
}

void api_free(struct api *api)
{
	if (!api)
		return;
	if (api->link)
		link_free(api->link);
	keys_free(api->keys);
	free(api);
}

void api_drop_jobs(struct api *api)
{
	if (!api)
		return;
	job_runner_free(api->runner);
	api->runner = NULL;
}

const struct http_handler *api_handler(const struct api *api)
{
	return &api->handler;
}
