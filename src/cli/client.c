/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include "cli/command.h"
#include "cli/listen.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 5000L
#define TICK_MS    100

static size_t take_answer(char *bytes, size_t one, size_t size, void *answer)
{
	(void)one; /* always 1, CURLOPT_WRITEFUNCTION(3) */
	return buf_append(answer, bytes, size) == 0 ? size : CURL_WRITEFUNC_ERROR;
}

/* Called about once a second, CURLOPT_XFERINFOFUNCTION(3). The server ends the run of a client that goes away. */
static int look_whether_cancelled(void *is_cancelled, curl_off_t to_get, curl_off_t got, curl_off_t to_send, curl_off_t sent)
{
	(void)to_get;
	(void)got;
	(void)to_send;
	(void)sent;
	return atomic_load((const atomic_bool *)is_cancelled) ? 1 : 0;
}

/* Each returns CURLE_OK but for an option that this libcurl was built without; those used here are in all. */
static void set_options(CURL *curl, const char *address, const char *path, const char *body, struct curl_slist *headers,
			long wait_ms)
{
	char url[512];

	(void)snprintf(url, sizeof url, "http://%s%s", listen_is_path(address) ? "localhost" : address, path);
	(void)curl_easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	(void)curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* code goes to the server named, not through whatever http_proxy says */
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, wait_ms);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	if (listen_is_path(address))
		(void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, address + strlen(LISTEN_SCHEME));
}

static int say_failure(CURLcode code, const char *address, struct err *err)
{
	if (code == CURLE_COULDNT_CONNECT)
		return err_say(err, -ECONNREFUSED, "No server answers at %s. `safexec serve` starts one.", address);
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return err_say(err, -ECANCELED, "The request was given up.");
	return err_say(err, -EIO, "The server at %s gave no whole answer: %s.", address, curl_easy_strerror(code));
}

static void free_curl(CURL **curl)
{
	curl_easy_cleanup(*curl);
}

static void free_headers(struct curl_slist **headers)
{
	curl_slist_free_all(*headers);
}

static bool add_header(struct curl_slist **headers, const char *name, const char *value)
{
	char field[160];
	struct curl_slist *longer = NULL;

	if ((size_t)snprintf(field, sizeof field, "%s: %s", name, value) < sizeof field)
		longer = curl_slist_append(*headers, field);
	explicit_bzero(field, sizeof field);
	if (longer)
		*headers = longer;
	return longer != NULL;
}

/* accept may be NULL. */
static struct curl_slist *make_headers(const char *accept)
{
	const char *key = getenv("SAFEXEC_KEY");
	char bearer[128];
	struct curl_slist *headers = NULL;
	bool is_whole =
		add_header(&headers, "Content-Type", "application/json") && (!accept || add_header(&headers, "Accept", accept));

	if (is_whole && key) {
		is_whole = (size_t)snprintf(bearer, sizeof bearer, "Bearer %s", key) < sizeof bearer &&
			   add_header(&headers, "Authorization", bearer);
		explicit_bzero(bearer, sizeof bearer);
	}
	if (is_whole)
		return headers;
	curl_slist_free_all(headers);
	return NULL;
}

static int perform(CURL *curl, const char *address, struct buf *answer, long *ret_status, struct err *err)
{
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);

	CURLcode code = curl_easy_perform(curl);

	if (code != CURLE_OK)
		return say_failure(code, address, err);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
	return 0;
}

int client_call(const char *address, const char *method, const char *path, const char *body, long wait_ms, struct buf *answer,
		long *ret_status, struct err *err)
{
	_cleanup_(free_curl) CURL *curl = curl_easy_init();
	_cleanup_(free_headers) struct curl_slist *headers = make_headers(NULL);

	if (!curl || !headers)
		return err_set(err, -ENOMEM, "Cannot make a request");
	set_options(curl, address, path, body ? body : "", headers, wait_ms);
	if (!body)
		(void)curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	return perform(curl, address, answer, ret_status, err);
}

int client_post_run(const char *address, const char *body, long wait_ms, const atomic_bool *is_cancelled, struct buf *answer,
		    long *ret_status, struct err *err)
{
	_cleanup_(free_curl) CURL *curl = curl_easy_init();
	_cleanup_(free_headers) struct curl_slist *headers = make_headers(NULL);

	if (!curl || !headers)
		return err_set(err, -ENOMEM, "Cannot make a request");
	set_options(curl, address, "/run", body, headers, wait_ms);
	if (is_cancelled) {
		(void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		(void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_whether_cancelled);
		(void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, is_cancelled);
	}
	return perform(curl, address, answer, ret_status, err);
}

/* --- an answer as it comes ------------------------------------------------------------------------------------------------- */

struct stream {
	CURL *curl;
	client_piece_fn *take;
	void *arg;
	struct client_answer answer;
	bool is_given_up;
};

static void note_answer(struct stream *stream)
{
	const char *type = NULL;

	if (stream->answer.status != 0)
		return;
	(void)curl_easy_getinfo(stream->curl, CURLINFO_RESPONSE_CODE, &stream->answer.status);
	(void)curl_easy_getinfo(stream->curl, CURLINFO_CONTENT_TYPE, &type);
	(void)snprintf(stream->answer.type, sizeof stream->answer.type, "%.*s", type ? (int)strcspn(type, "; ") : 0,
		       type ? type : "");
}

static size_t take_piece(char *bytes, size_t one, size_t size, void *arg)
{
	struct stream *stream = arg;

	(void)one;
	note_answer(stream);
	stream->is_given_up = stream->take(&stream->answer, bytes, size, stream->arg) != 0;
	return stream->is_given_up ? CURL_WRITEFUNC_ERROR : size;
}

static void free_multi(CURLM **multi)
{
	(void)curl_multi_cleanup(*multi);
}

static CURLcode perform_with_ticks(CURLM *multi, CURL *curl, void (*tick)(void *arg), void *arg)
{
	CURLcode code = CURLE_OK;
	int running = 1, left;

	while (running > 0) {
		if (curl_multi_perform(multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (running > 0)
			(void)curl_multi_poll(multi, NULL, 0, TICK_MS, NULL);
		tick(arg);
	}
	for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
		if (message->msg == CURLMSG_DONE && message->easy_handle == curl)
			code = message->data.result;
	}
	return code;
}

int client_stream(const struct client_request *request, client_piece_fn *take, void (*tick)(void *arg), void *arg, struct err *err)
{
	_cleanup_(free_headers) struct curl_slist *headers = make_headers(request->accept);
	_cleanup_(free_multi) CURLM *multi = curl_multi_init();
	_cleanup_(free_curl) CURL *curl = curl_easy_init();
	struct stream stream = { .curl = curl, .take = take, .arg = arg };

	if (!curl || !multi || !headers || curl_multi_add_handle(multi, curl) != CURLM_OK)
		return err_set(err, -ENOMEM, "Cannot make a request");
	set_options(curl, request->address, request->path, request->body, headers, request->wait_ms);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_piece);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &stream);

	CURLcode code = perform_with_ticks(multi, curl, tick, arg);

	(void)curl_multi_remove_handle(multi, curl);
	if (stream.is_given_up)
		return err_say(err, -ECANCELED, "The request was given up.");
	return code == CURLE_OK ? 0 : say_failure(code, request->address, err);
}

int client_check_address(const struct option_row *row, const char *text, struct err *err)
{
	struct listen_address address;

	if (listen_parse(text, &address) < 0)
		return err_say(err, -EINVAL,
			       "--%s is \"%s\"; it must be ADDR:PORT, as in 127.0.0.1:5000 or [::1]:5000, or unix:/PATH.",
			       row->name, text);
	return 0;
}

/* --- again and again ------------------------------------------------------------------------------------------------------- */

struct repeated {
	CURL *curl;
	struct buf answer;
};

struct repetition {
	CURLM *multi;
	struct repeated each[CLIENT_MAX_AT_ONCE];
	unsigned at_once, running;
	uint64_t left;
};

static void repetition_end(struct repetition *repetition)
{
	for (unsigned i = 0; i < repetition->at_once; i++) {
		struct repeated *one = &repetition->each[i];

		if (one->curl)
			(void)curl_multi_remove_handle(repetition->multi, one->curl);
		curl_easy_cleanup(one->curl);
		buf_free(&one->answer);
	}
	(void)curl_multi_cleanup(repetition->multi);
}

static void start_one(struct repetition *repetition, struct repeated *one)
{
	if (repetition->left == 0)
		return;
	buf_free(&one->answer);
	one->answer = buf_new(CLIENT_MAX_ANSWER);
	if (curl_multi_add_handle(repetition->multi, one->curl) != CURLM_OK)
		return;
	repetition->left--;
	repetition->running++;
}

static void finish_one(struct repetition *repetition, const CURLMsg *message, client_done_fn *done, void *arg)
{
	CURL *curl = message->easy_handle;
	bool has_answer = message->data.result == CURLE_OK;
	struct repeated *one = NULL;
	curl_off_t us = 0;
	long status = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&one);
	(void)curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &us);
	if (has_answer)
		(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_multi_remove_handle(repetition->multi, curl);
	repetition->running--;
	if (!done(status, &one->answer, (uint64_t)us, arg))
		repetition->left = 0;
	start_one(repetition, one);
}

static int prepare_each(struct repetition *repetition, const struct client_request *request, struct curl_slist *headers)
{
	for (unsigned i = 0; i < repetition->at_once; i++) {
		struct repeated *one = &repetition->each[i];

		one->curl = curl_easy_init();
		if (!one->curl)
			return -ENOMEM;
		one->answer = buf_new(CLIENT_MAX_ANSWER);
		set_options(one->curl, request->address, request->path, request->body, headers, request->wait_ms);
		(void)curl_easy_setopt(one->curl, CURLOPT_WRITEFUNCTION, take_answer);
		(void)curl_easy_setopt(one->curl, CURLOPT_WRITEDATA, &one->answer);
		(void)curl_easy_setopt(one->curl, CURLOPT_PRIVATE, one);
	}
	return 0;
}

int client_repeat(const struct client_request *request, unsigned at_once, uint64_t times, client_done_fn *done, void *arg,
		  struct err *err)
{
	_cleanup_(free_headers) struct curl_slist *headers = make_headers(request->accept);
	_cleanup_(repetition_end) struct repetition repetition = { .multi = curl_multi_init(), .at_once = at_once, .left = times };
	int running = 1, left;

	if (!headers || !repetition.multi || prepare_each(&repetition, request, headers) < 0)
		return err_set(err, -ENOMEM, "Cannot make requests");
	for (unsigned i = 0; i < at_once; i++)
		start_one(&repetition, &repetition.each[i]);
	while (repetition.running > 0) {
		if (curl_multi_perform(repetition.multi, &running) != CURLM_OK)
			return err_say(err, -EIO, "The requests cannot go on.");
		for (CURLMsg *message; (message = curl_multi_info_read(repetition.multi, &left));) {
			if (message->msg == CURLMSG_DONE)
				finish_one(&repetition, message, done, arg);
		}
		if (repetition.running > 0)
			(void)curl_multi_poll(repetition.multi, NULL, 0, TICK_MS, NULL);
	}
	return 0;
}
