/* SPDX-License-Identifier: Apache-2.0
 * listen.h: ADDR:PORT, strictly, and the socket that listens there. Addresses are numbers: names could mean anything.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>
#include <sys/socket.h>

#define LISTEN_TEXT_BYTES 56 /* the longest IPv6 address, brackets, a colon, the port and NUL */

struct listen_address {
	struct sockaddr_storage sockaddr;
	socklen_t size;
	char text[LISTEN_TEXT_BYTES]; /* in its usual form: 127.0.0.1:5000, [::1]:5000 */
};

/* Reads 127.0.0.1:5000 or [::1]:5000; port 0 is fine. -EINVAL: anything else. */
int listen_parse(const char *text, struct listen_address *ret_address);

/* Whether only this machine reaches it: 127.0.0.0/8 or ::1. */
bool listen_is_loopback(const struct listen_address *address);

/* Binds and listens, non-blocking and close-on-exec; a port 0 becomes the one that the kernel chose. -EADDRINUSE and others,
 * with a sentence that says what to do. */
int listen_open(struct listen_address *address, int *ret_fd, struct err *err);
