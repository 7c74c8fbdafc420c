/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include "cli/command.h"
#include "cli/listen.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 5000L

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
static void set_options(CURL *curl, const char *url, const char *body, struct curl_slist *headers, long wait_ms, struct buf *answer)
{
	(void)curl_easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	(void)curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* code goes to the server named, not through whatever http_proxy says */
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, wait_ms);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
}

static void free_curl(CURL **curl)
{
	curl_easy_cleanup(*curl);
}

static void free_headers(struct curl_slist **headers)
{
	curl_slist_free_all(*headers);
}

static struct curl_slist *make_headers(void)
{
	const char *key = getenv("SAFEXEC_KEY");
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json"), *longer;
	char field[160];

	if (!headers || !key)
		return headers;
	(void)snprintf(field, sizeof field, "Authorization: Bearer %s", key);
	longer = curl_slist_append(headers, field);
	explicit_bzero(field, sizeof field);
	if (!longer)
		curl_slist_free_all(headers);
	return longer;
}

static int judge(CURL *curl, CURLcode code, const char *address, long *ret_status, struct err *err)
{
	if (code == CURLE_COULDNT_CONNECT)
		return err_say(err, -ECONNREFUSED, "No server answers at %s. `safexec serve` starts one.", address);
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return err_say(err, -ECANCELED, "The request was given up.");
	if (code != CURLE_OK)
		return err_say(err, -EIO, "The server at %s gave no whole answer: %s.", address, curl_easy_strerror(code));
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
	return 0;
}

int client_call(const char *address, const char *method, const char *path, const char *body, long wait_ms, struct buf *answer,
		long *ret_status, struct err *err)
{
	char url[512];
	_cleanup_(free_curl) CURL *curl = curl_easy_init();
	_cleanup_(free_headers) struct curl_slist *headers = make_headers();

	if (!curl || !headers)
		return err_set(err, -ENOMEM, "Cannot make a request");
	(void)snprintf(url, sizeof url, "http://%s%s", listen_is_path(address) ? "localhost" : address, path);
	set_options(curl, url, body ? body : "", headers, wait_ms, answer);
	if (!body)
		(void)curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	if (listen_is_path(address))
		(void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, address + strlen(LISTEN_SCHEME));
	return judge(curl, curl_easy_perform(curl), address, ret_status, err);
}

int client_post_run(const char *address, const char *body, long wait_ms, const atomic_bool *is_cancelled, struct buf *answer,
		    long *ret_status, struct err *err)
{
	char url[128];
	_cleanup_(free_curl) CURL *curl = curl_easy_init();
	_cleanup_(free_headers) struct curl_slist *headers = make_headers();

	if (!curl || !headers)
		return err_set(err, -ENOMEM, "Cannot make a request");
	(void)snprintf(url, sizeof url, "http://%s/run", listen_is_path(address) ? "localhost" : address);
	set_options(curl, url, body, headers, wait_ms, answer);
	if (listen_is_path(address))
		(void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, address + strlen(LISTEN_SCHEME));
	if (is_cancelled) {
		(void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		(void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_whether_cancelled);
		(void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, is_cancelled);
	}

	return judge(curl, curl_easy_perform(curl), address, ret_status, err);
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
