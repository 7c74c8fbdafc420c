/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit_engine.h"

#include "base/buf.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME     "unix://"
#define MAX_ANSWER (1 * MIB)
#define ANSWER_MS  5000L

const char *audit_engine_address(const char *given)
{
	const char *host = getenv("DOCKER_HOST");

	return given ? given : host && host[0] ? host : SCHEME "/var/run/docker.sock";
}

static size_t take_answer(char *bytes, size_t one, size_t size, void *answer)
{
	(void)one; /* always 1, CURLOPT_WRITEFUNCTION(3) */
	return buf_append(answer, bytes, size) == 0 ? size : CURL_WRITEFUNC_ERROR;
}

static void free_curl(CURL **curl)
{
	curl_easy_cleanup(*curl);
}

static void json_freep(json_t **json)
{
	json_decref(*json);
}

/* The Engine's answer to a GET; NULL when there is none. */
static json_t *get(const char *address, const char *url)
{
	_cleanup_(buf_free) struct buf answer = buf_new(MAX_ANSWER);
	_cleanup_(free_curl) CURL *curl = curl_easy_init();

	if (!curl || strncmp(address, SCHEME, strlen(SCHEME)) != 0)
		return NULL;
	(void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, address + strlen(SCHEME));
	(void)curl_easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ANSWER_MS);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	if (curl_easy_perform(curl) != CURLE_OK || answer.size == 0)
		return NULL;
	return json_loadb(answer.bytes, answer.size, 0, NULL);
}

void audit_engine_version(const char *address, char *text, size_t size)
{
	_cleanup_(json_freep) json_t *json = get(address, "http://localhost/version");
	const char *version = json_string_value(json_object_get(json, "Version"));

	text[0] = '\0';
	if (version)
		(void)snprintf(text, size, "Docker Engine %.40s", version);
}

int audit_engine_check_runtime(const char *address, const char *runtime, struct err *err)
{
	_cleanup_(json_freep) json_t *json = get(address, "http://localhost/info");
	json_t *runtimes = json_object_get(json, "Runtimes");

	if (json_object_get(runtimes, runtime))
		return 0;
	if (!runtimes)
		return err_say(err, -ENOENT, "No Docker Engine answers at %.100s, so there is no runtime %.60s either.", address,
			       runtime);
	return err_say(
		err, -ENOENT,
		"The Engine at %.100s has no runtime %.60s; start it with --add-runtime %.60s=PATH, or name it in its daemon.json.",
		address, runtime, runtime);
}

int audit_engine_count(const char *address, const char *name)
{
	char url[256];

	/* {"label":["safexec=NAME"]} in the way of URLs; a name needs no such writing. */
	(void)snprintf(url, sizeof url,
		       "http://localhost/containers/json?all=1&filters=%%7B%%22label%%22%%3A%%5B%%22safexec%%3D%s%%22%%5D%%7D",
		       name);

	_cleanup_(json_freep) json_t *json = get(address, url);

	return json_is_array(json) ? (int)json_array_size(json) : -1;
}
