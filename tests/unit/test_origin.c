/* SPDX-License-Identifier: Apache-2.0 */
#include "api/origin.h"
#include "base/macro.h"
#include "unit.h"

static const struct {
	const char *host, *listen_name;
	bool want;
} hosts[] = {
	{ "127.0.0.1:5000", "127.0.0.1:5000", true },
	{ "localhost", "127.0.0.1:5000", true },
	{ "[::1]:9", "127.0.0.1:5000", true },
	{ "box.example:443", "box.example:5000", true },
	{ "BOX.example", "box.example:5000", true },
	{ "box.example", "127.0.0.1:5000", false },
	{ "[fe80::1]:80", "[fe80::1]:5000", true },
	{ "[fe80::2]:80", "[fe80::1]:5000", false },
	{ "localhost.", "127.0.0.1:5000", false },
	{ "127.0.0.1.evil", "127.0.0.1:5000", false },
	{ "127.0.0.1:80:80", "127.0.0.1:5000", false },
	{ "[::1", "127.0.0.1:5000", false },
	{ "[", "127.0.0.1:5000", false },
	{ "", "127.0.0.1:5000", false },
	{ ":", "127.0.0.1:5000", false },
	{ NULL, "127.0.0.1:5000", false },
};

static void only_loopback_and_the_listen_name_are_our_host(void **state)
{
	(void)state;
	array_for_each(hosts, h) {
		if (origin_is_our_host(h->host, h->listen_name) != h->want)
			fail_msg("%s on %s", h->host, h->listen_name);
	}
}

static const struct {
	struct origin_headers headers;
	bool is_page, want;
} origins[] = {
	{ { .host = "localhost:5000" }, false, true },
	{ { .host = "localhost:5000", .origin = "http://localhost:5000" }, false, true },
	{ { .host = "localhost:5000", .origin = "http://localhost:5001" }, false, false },
	{ { .host = "localhost:5000", .origin = "http://localhost:5000.evil" }, false, false },
	{ { .host = "localhost:5000", .origin = "http://localhost:50" }, false, false },
	{ { .host = "localhost:5000", .origin = "null" }, true, false },
	{ { .host = "localhost:5000", .origin = "" }, false, false },
	{ { .origin = "http://localhost" }, false, false },
	{ { .host = "localhost", .fetch_site = "same-origin" }, false, true },
	{ { .host = "localhost", .fetch_site = "none" }, false, true },
	{ { .host = "localhost", .fetch_site = "same-site" }, false, false },
	{ { .host = "localhost", .fetch_site = "cross-site", .fetch_mode = "navigate" }, true, true },
	{ { .host = "localhost", .fetch_site = "cross-site", .fetch_mode = "navigate" }, false, false },
	{ { .host = "localhost", .fetch_site = "cross-site", .fetch_mode = "cors" }, true, false },
	{ { .host = "localhost", .fetch_site = "cross-site" }, true, false },
	{ { .host = "localhost", .fetch_site = "whatever" }, false, false },
};

static void the_page_of_another_site_is_foreign(void **state)
{
	(void)state;
	array_for_each(origins, o) {
		if (origin_is_ours(&o->headers, o->is_page) != o->want)
			fail_msg("case %td", o - origins);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(only_loopback_and_the_listen_name_are_our_host),
	cmocka_unit_test(the_page_of_another_site_is_foreign),
};

unit_main(tests)
