/* SPDX-License-Identifier: Apache-2.0
 * address.h: to which addresses callbacks may go. Whoever submits a job names a URL, and the server's network is not theirs: without
 * more only public unicast addresses are allowed, checked after names are resolved (IANA's special-purpose registries, RFC 6890).
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>
#include <sys/socket.h>

#define ADDRESS_RANGES_MAX 32

struct address_range {
	unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned bits;           /* of 128 */
};

struct address_policy {
	bool is_public; /* public addresses are allowed ... */
	struct address_range ranges[ADDRESS_RANGES_MAX];
	size_t ranges_count; /* ... and these */
};

/* Reads "public,10.1.0.0/16,[fd00::]/8,127.0.0.1" or "none". -EINVAL with a sentence. */
int address_parse_policy(const char *text, struct address_policy *ret_policy, struct err *err);

/* Whether a connection may be made there. Anything but IPv4 and IPv6 is refused. */
bool address_is_allowed(const struct address_policy *policy, const struct sockaddr *address);
