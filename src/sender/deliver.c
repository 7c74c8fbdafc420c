/* SPDX-License-Identifier: Apache-2.0
 *
 * The name is resolved here, the answers are checked, and libcurl is given the address that passed: a name that changes between the
 * check and the connection changes nothing. The socket callback checks what it is about to connect to once more.
 */
#include "sender/deliver.h"

#include "base/fd.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netdb.h>
#include <nettle/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOST_BYTES 256

struct target {
	char host[HOST_BYTES], port[8];
	char pin[HOST_BYTES + INET6_ADDRSTRLEN + 32]; /* host:port:[address], for CURLOPT_RESOLVE */
};

struct delivery {
	const struct address_policy *policy;
	size_t read_bytes;
	bool is_refused;
};

void deliver_sign(const uint8_t secret[32], uint64_t seconds, const char *body, size_t size, char text[DELIVER_SIGNATURE_BYTES])
{
	struct hmac_sha256_ctx hash;
	uint8_t digest[SHA256_DIGEST_SIZE];
	char stamp[24];
	int n = snprintf(stamp, sizeof stamp, "%llu.", (unsigned long long)seconds), at;

	hmac_sha256_set_key(&hash, 32, secret);
	hmac_sha256_update(&hash, (size_t)n, (const uint8_t *)stamp);
	hmac_sha256_update(&hash, size, (const uint8_t *)body);
	hmac_sha256_digest(&hash, sizeof digest, digest);
	at = snprintf(text, DELIVER_SIGNATURE_BYTES, "t=%llu,v1=", (unsigned long long)seconds);
	for (size_t i = 0; i < sizeof digest; i++)
		at += snprintf(text + at, DELIVER_SIGNATURE_BYTES - (size_t)at, "%02x", digest[i]);
}

static int say(struct store_callback_done *done, int status, const char *what)
{
	done->status = status;
	(void)snprintf(done->text, sizeof done->text, "%s", what);
	return status;
}

static void free_url(CURLU **url)
{
	curl_url_cleanup(*url);
}

static bool copy_part(CURLU *url, CURLUPart part, unsigned flags, char *room, size_t size)
{
	char *text = NULL;
	bool is_there = curl_url_get(url, part, &text, flags) == CURLUE_OK;
	int n = is_there ? snprintf(room, size, "%s", text) : -1;

	curl_free(text);
	return n >= 0 && (size_t)n < size;
}

/* What libcurl itself would make of the URL. */
static bool read_url(const char *text, struct target *target)
{
	_cleanup_(free_url) CURLU *url = curl_url();
	char scheme[8], unused[8];

	return url && curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER) == CURLUE_OK &&
	       copy_part(url, CURLUPART_SCHEME, 0, scheme, sizeof scheme) &&
	       (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
	       !copy_part(url, CURLUPART_USER, 0, unused, sizeof unused) &&
	       copy_part(url, CURLUPART_HOST, 0, target->host, sizeof target->host) &&
	       copy_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, target->port, sizeof target->port);
}

static void write_pin(struct target *target, const struct sockaddr *address)
{
	char text[INET6_ADDRSTRLEN];
	bool is_v6 = address->sa_family == AF_INET6;
	const void *bytes = is_v6 ? (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
				  : (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;

	(void)inet_ntop(address->sa_family, bytes, text, sizeof text);
	(void)snprintf(target->pin, sizeof target->pin, is_v6 ? "%s:%s:[%s]" : "%s:%s:%s", target->host, target->port, text);
}

/* Finds an address of the target that is allowed. */
static int resolve(const struct address_policy *policy, struct target *target, struct store_callback_done *done)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *found = NULL;
	char name[HOST_BYTES];
	size_t size = strlen(target->host);
	int r;

	(void)snprintf(name, sizeof name, "%s", target->host);
	if (size > 2 && name[0] == '[') /* an IPv6 address: getaddrinfo(3) wants it bare */
		(void)snprintf(name, sizeof name, "%.*s", (int)size - 2, target->host + 1);
	r = getaddrinfo(name, target->port, &hints, &found);
	if (r != 0)
		return say(done, -EHOSTUNREACH, "the host's name cannot be resolved");
	r = -EPERM;
	for (const struct addrinfo *at = found; at && r < 0; at = at->ai_next) {
		if (!address_is_allowed(policy, at->ai_addr))
			continue;
		write_pin(target, at->ai_addr);
		r = 0;
	}
	freeaddrinfo(found);
	return r == 0 ? 0 : say(done, r, "the host's address is not one that callbacks may go to");
}

static curl_socket_t open_checked(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct delivery *delivery = arg;
	const struct sockaddr *sockaddr = (const struct sockaddr *)&address->addr;

	if (purpose != CURLSOCKTYPE_IPCXN || !address_is_allowed(delivery->policy, sockaddr)) {
		delivery->is_refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t throw_away(char *bytes, size_t size, size_t count, void *arg)
{
	struct delivery *delivery = arg;

	(void)bytes;
	delivery->read_bytes += size * count;
	return delivery->read_bytes > DELIVER_READ_MAX ? 0 : size * count;
}

static void free_easy(CURL **easy)
{
	curl_easy_cleanup(*easy);
}

static void free_list(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

static struct curl_slist *make_fields(const struct store_callback *callback, const char *body)
{
	char signature[DELIVER_SIGNATURE_BYTES], fields[2][DELIVER_SIGNATURE_BYTES + 32];
	struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");

	deliver_sign(callback->secret, callback->at_ms / 1000, body, callback->body_size, signature);
	(void)snprintf(fields[0], sizeof fields[0], "Safexec-Signature: %s", signature);
	(void)snprintf(fields[1], sizeof fields[1], "Safexec-Job: %s", callback->id);
	array_for_each(fields, field) {
		struct curl_slist *longer = list ? curl_slist_append(list, *field) : NULL;

		if (!longer)
			curl_slist_free_all(list);
		list = longer;
	}
	return list;
}

static void set_options(CURL *easy, struct delivery *delivery, const char *url, const char *body, size_t body_size)
{
	(void)curl_easy_setopt(easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)DELIVER_MS);
	(void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)DELIVER_CONNECT_MS);
	(void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "safexec/" SAFEXEC_VERSION);
	(void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)body_size);
	(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_checked);
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, delivery);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, throw_away);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, delivery);
}

static void judge(CURL *easy, CURLcode code, const struct delivery *delivery, struct store_callback_done *done)
{
	long status = 0;

	(void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	done->http_status = (uint32_t)status;
	if (delivery->is_refused) {
		(void)say(done, -EPERM, "the address is not one that callbacks may go to");
	} else if (status >= 200 && status < 300) {
		(void)say(done, 0, "");
	} else if (status != 0) {
		done->status = -EPROTO;
		(void)snprintf(done->text, sizeof done->text, "the receiver answered %ld", status);
	} else {
		(void)say(done, -EIO, curl_easy_strerror(code));
	}
}

void deliver(const struct address_policy *policy, const struct store_callback *callback, const char *url, const char *body,
	     struct store_callback_done *done)
{
	struct target target;
	struct delivery delivery = { .policy = policy };
	_cleanup_(free_easy) CURL *easy = curl_easy_init();
	_cleanup_(free_list) struct curl_slist *fields = make_fields(callback, body), *pin = NULL;

	if (!read_url(url, &target)) {
		(void)say(done, -EPERM, "the URL is not of the form http://HOST or https://HOST");
		return;
	}
	if (resolve(policy, &target, done) < 0)
		return;
	pin = curl_slist_append(NULL, target.pin);
	if (!easy || !fields || !pin) {
		(void)say(done, -ENOMEM, "there is no memory");
		return;
	}
	set_options(easy, &delivery, url, body, callback->body_size);
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields);
	(void)curl_easy_setopt(easy, CURLOPT_RESOLVE, pin);
	judge(easy, curl_easy_perform(easy), &delivery, done);
}
