/* SPDX-License-Identifier: Apache-2.0 */
#include "api/origin.h"

#include "base/macro.h"

#include <string.h>
#include <strings.h>

/* The length of the name in "name", "name:port", "[v6]" or "[v6]:port"; 0 when it is none of these. */
static size_t name_length(const char *host)
{
	size_t length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	const char *rest = host + length;

	if (length > strlen(host) || (*rest != '\0' && *rest != ':'))
		return 0;
	if (*rest == ':')
		rest++;
	return rest[strspn(rest, "0123456789")] == '\0' ? length : 0;
}

static bool is_name(const char *name, size_t length, const char *other, size_t other_length)
{
	return length == other_length && strncasecmp(name, other, length) == 0;
}

bool origin_is_our_host(const char *host, const char *listen_name)
{
	static const char *const names[] = { "127.0.0.1", "localhost", "[::1]" };
	size_t length = host ? name_length(host) : 0;

	if (length == 0)
		return false;
	if (strncmp(listen_name, "unix:", strlen("unix:")) == 0)
		return true; /* no browser reaches it but through a proxy, which knows its own names */
	array_for_each(names, name) {
		if (is_name(host, length, *name, strlen(*name)))
			return true;
	}
	return is_name(host, length, listen_name, name_length(listen_name));
}

static bool is_same_origin(const char *origin, const char *host)
{
	static const char *const schemes[] = { "http://", "https://" }; /* https: behind a proxy that ends TLS */

	array_for_each(schemes, scheme) {
		size_t length = strlen(*scheme);

		if (strncasecmp(origin, *scheme, length) == 0 && strcasecmp(origin + length, host) == 0)
			return true;
	}
	return false;
}

bool origin_is_ours(const struct origin_headers *headers, bool is_page)
{
	const char *site = headers->fetch_site;

	if (headers->origin && (!headers->host || !is_same_origin(headers->origin, headers->host)))
		return false;
	if (!site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0)
		return true;
	return is_page && headers->fetch_mode && strcmp(headers->fetch_mode, "navigate") == 0;
}
