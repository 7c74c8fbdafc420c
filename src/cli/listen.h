/* SPDX-License-Identifier: Apache-2.0
 * listen.h: ADDR:PORT or unix:/PATH, strictly, and the socket that listens there. Addresses are numbers: names could mean anything.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>
#include <sys/socket.h>

#define LISTEN_TEXT_BYTES 120 /* the longest path, unix(7), "unix:" and NUL; the longest IPv6 address takes 56 */
#define LISTEN_SCHEME     "unix:"

struct listen_address {
	struct sockaddr_storage sockaddr;
	socklen_t size;
	char text[LISTEN_TEXT_BYTES]; /* in its usual form: 127.0.0.1:5000, [::1]:5000, unix:/run/safexec/http.sock */
};

/* Whether it is written as a path: unix:/run/safexec/http.sock. */
bool listen_is_path(const char *text);

/* Reads 127.0.0.1:5000 or [::1]:5000; port 0 is fine; or unix: and an absolute path. -EINVAL: anything else. */
int listen_parse(const char *text, struct listen_address *ret_address);

/* Whether only this machine reaches it: 127.0.0.0/8, ::1, or a path, whose permissions then say who. */
bool listen_is_loopback(const struct listen_address *address);

/* Binds and listens, non-blocking and close-on-exec; a port 0 becomes the one that the kernel chose. A socket file that nobody listens
 * on any more is replaced; the new one is for its owner and group (0660). -EADDRINUSE and others, with a sentence that says what to
 * do. */
int listen_open(struct listen_address *address, int *ret_fd, struct err *err);

/* Takes over a socket that somebody else has opened, and stores its address. -ENOTSOCK, -EINVAL: not a listening stream socket of
 * these families. */
int listen_take(int fd, struct listen_address *ret_address, struct err *err);

/* The one socket that a service manager hands over, sd_listen_fds(3). 0: stored, or -EBADF stored because there is none; -EINVAL
 * with a sentence: there are several. */
int listen_find_passed(int *ret_fd, struct err *err);

/* Removes the socket's file, if it has one. */
void listen_remove(const struct listen_address *address);
