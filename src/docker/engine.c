/* SPDX-License-Identifier: Apache-2.0
 *
 * libcurl's multi interface tells which descriptors and which timer it waits for (libcurl-multi(3), CURLMOPT_SOCKETFUNCTION(3)); they
 * become events of the loop, and each event is handed back to it.
 */
#include "docker/engine.h"

#include "base/buf.h"
#include "base/num.h"

#include <curl/curl.h>
#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define CONNECT_MS 5000L
#define MAX_KEPT   8L /* connections kept open for later calls; a call that waits has its own */
#define OUR_MINOR  41 /* what this program was written and tested against */
#define MAX_MINOR  999

struct engine_call {
	LIST_ENTRY(engine_call) link;
	struct engine *engine;
	CURL *curl;
	struct curl_slist *headers;
	struct buf answer;
	engine_done_fn *done;
	void *arg;
};

struct engine {
	struct event_base *base;
	const char *socket;
	CURLM *multi;
	struct event *timer;
	LIST_HEAD(, engine_call) calls;
};

const char *engine_socket(const struct engine *engine)
{
	return engine->socket;
}

static void free_call(struct engine_call *call)
{
	LIST_REMOVE(call, link);
	(void)curl_multi_remove_handle(call->engine->multi, call->curl);
	curl_easy_cleanup(call->curl);
	curl_slist_free_all(call->headers);
	buf_free(&call->answer);
	free(call);
}

void engine_call_drop(struct engine_call *call)
{
	if (call)
		free_call(call);
}

/* --- libcurl in the loop ----------------------------------------------------------------------------------------------------- */

static int status_of(CURL *curl, CURLcode code)
{
	long status = 0;

	if (code == CURLE_OPERATION_TIMEDOUT)
		return -ETIMEDOUT;
	if (code == CURLE_COULDNT_CONNECT)
		return -ECONNREFUSED;
	if (code != CURLE_OK)
		return -EIO;
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static void finish(struct engine_call *call, CURLcode code)
{
	struct engine_answer answer = {
		.status = status_of(call->curl, code),
		.body = call->answer.bytes ? call->answer.bytes : "",
		.size = call->answer.size,
	};
	struct buf kept = call->answer;
	engine_done_fn *done = call->done;
	void *arg = call->arg;

	call->answer = buf_new(1);
	free_call(call);
	done(&answer, arg);
	buf_free(&kept);
}

static void take_finished(struct engine *engine)
{
	int left;

	for (CURLMsg *message; (message = curl_multi_info_read(engine->multi, &left));) {
		struct engine_call *call = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		finish(call, message->data.result);
	}
}

static void on_socket_event(evutil_socket_t fd, short what, void *arg)
{
	struct engine *engine = arg;
	int running, mask = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

	(void)curl_multi_socket_action(engine->multi, fd, mask, &running);
	take_finished(engine);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct engine *engine = arg;
	int running;

	(void)fd;
	(void)what;
	(void)curl_multi_socket_action(engine->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_finished(engine);
}

static int watch_socket(CURL *curl, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct engine *engine = arg;
	struct event *event = socket_arg;
	short wanted = (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST);

	(void)curl;
	if (event)
		event_free(event);
	event = what == CURL_POLL_REMOVE ? NULL : event_new(engine->base, fd, wanted, on_socket_event, engine);
	(void)curl_multi_assign(engine->multi, fd, event);
	return what == CURL_POLL_REMOVE || (event && event_add(event, NULL) == 0) ? 0 : -1;
}

static int watch_time(CURLM *multi, long wait_ms, void *arg)
{
	struct engine *engine = arg;
	struct timeval wait = { .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };

	(void)multi;
	return (wait_ms < 0 ? event_del(engine->timer) : event_add(engine->timer, &wait)) < 0 ? -1 : 0;
}

int engine_new(struct event_base *base, const char *socket, struct engine **ret_engine)
{
	struct engine *engine = calloc(1, sizeof *engine);

	if (!engine)
		return -ENOMEM;
	engine->base = base;
	engine->socket = socket;
	LIST_INIT(&engine->calls);
	engine->multi = curl_multi_init();
	engine->timer = evtimer_new(base, on_timer, engine);
	if (!engine->multi || !engine->timer) {
		engine_free(engine);
		return -ENOMEM;
	}
	(void)curl_multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	(void)curl_multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine);
	(void)curl_multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, watch_time);
	(void)curl_multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine);
	(void)curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, MAX_KEPT);
	*ret_engine = engine;
	return 0;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	while (!LIST_EMPTY(&engine->calls))
		free_call(LIST_FIRST(&engine->calls));
	if (engine->multi)
		(void)curl_multi_cleanup(engine->multi);
	if (engine->timer)
		event_free(engine->timer);
	free(engine);
}

/* --- a call ------------------------------------------------------------------------------------------------------------------ */

static size_t take_answer(char *bytes, size_t one, size_t size, void *answer)
{
	(void)one; /* always 1, CURLOPT_WRITEFUNCTION(3) */
	return buf_append(answer, bytes, size) == 0 ? size : CURL_WRITEFUNC_ERROR;
}

/* Each returns CURLE_OK but for an option that this libcurl was built without; those used here are in all. */
static void set_options(struct engine_call *call, const char *method, const char *url, const char *body, unsigned timeout_ms)
{
	CURL *curl = call->curl;

	(void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, call->engine->socket);
	(void)curl_easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	(void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, call->headers);
	(void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	if (strcmp(method, "POST") == 0)
		(void)curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body ? body : "");
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &call->answer);
	(void)curl_easy_setopt(curl, CURLOPT_PRIVATE, call);
}

int engine_call(struct engine *engine, const char *method, const char *path, const char *body, unsigned timeout_ms,
		engine_done_fn *done, void *arg, struct engine_call **ret_call)
{
	char url[512];
	struct engine_call *call = calloc(1, sizeof *call);

	if (!call || (size_t)snprintf(url, sizeof url, "http://engine%s", path) >= sizeof url) {
		free(call);
		return -ENOMEM;
	}
	*call = (struct engine_call){ .engine = engine, .answer = buf_new(ENGINE_MAX_ANSWER), .done = done, .arg = arg };
	LIST_INSERT_HEAD(&engine->calls, call, link);
	call->curl = curl_easy_init();
	call->headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (call->curl && call->headers) {
		set_options(call, method, url, body, timeout_ms);
		if (curl_multi_add_handle(engine->multi, call->curl) == CURLM_OK) {
			if (ret_call)
				*ret_call = call;
			return 0;
		}
	}
	free_call(call);
	return -ENOMEM;
}

/* --- versions and errors ------------------------------------------------------------------------------------------------------ */

static int read_minor(const char *version, uint64_t *ret_minor)
{
	if (!version || strncmp(version, "1.", 2) != 0)
		return -EBADMSG;
	return num_parse_u64(version + 2, 0, MAX_MINOR, ret_minor) < 0 ? -EBADMSG : 0;
}

int engine_negotiate(const char *min, const char *max, char ret_version[ENGINE_VERSION_BYTES])
{
	uint64_t lowest, highest;
	unsigned minor = OUR_MINOR;

	if (read_minor(min, &lowest) < 0 || read_minor(max, &highest) < 0 || lowest > highest)
		return -EBADMSG;
	if (minor < lowest)
		minor = (unsigned)lowest;
	if (minor > highest)
		minor = (unsigned)highest;
	(void)snprintf(ret_version, ENGINE_VERSION_BYTES, "v1.%u", minor);
	return 0;
}

const char *engine_explain(const struct engine_answer *answer, char text[ENGINE_TEXT_BYTES])
{
	json_t *body = answer->status > 0 ? json_loadb(answer->body, answer->size, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const char *message = body ? json_string_value(json_object_get(body, "message")) : NULL;

	if (answer->status < 0)
		(void)snprintf(text, ENGINE_TEXT_BYTES, "%s", strerrordesc_np(-answer->status));
	else if (message)
		(void)snprintf(text, ENGINE_TEXT_BYTES, "%s", message);
	else
		(void)snprintf(text, ENGINE_TEXT_BYTES, "HTTP status %d", answer->status);
	json_decref(body);
	for (char *at = text; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
	}
	return text;
}
