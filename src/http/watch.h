/* SPDX-License-Identifier: Apache-2.0
 * watch.h: notices a client that leaves while its request is suspended. The library takes such a connection out of its
 * epoll set, and libevent's EV_CLOSED spins after a reset; so a second epoll set watches for EPOLLRDHUP alone.
 */
#pragma once
#include "http/internal.h"

int watch_open(struct http_server *server);
void watch_close(struct http_server *server);

/* -errno when the client cannot be watched; then it is found gone when the reply is sent, no earlier. */
int watch_add(struct http_request *request);
void watch_remove(struct http_request *request);
