/* SPDX-License-Identifier: Apache-2.0
 * origin.h: keeps other web sites away. A page anywhere can make its visitor's browser send requests to loopback; they
 * carry a foreign Origin, or a foreign Host when the name was rebound to 127.0.0.1, or say cross-site outright.
 */
#pragma once
#include <stdbool.h>

struct origin_headers { /* NULL: not sent */
	const char *host, *origin, *fetch_site, *fetch_mode;
};

/* True when Host is 127.0.0.1, localhost, [::1] or listen_name's host, with any port or none; any host when we listen on a path. listen_name:
 * "127.0.0.1:5000", "unix:/run/safexec/http.sock". */
bool origin_is_our_host(const char *host, const char *listen_name);

/* True when the request was not made by the page of another site. A link that a person follows is allowed for is_page. */
bool origin_is_ours(const struct origin_headers *headers, bool is_page);
