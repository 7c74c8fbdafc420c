/* SPDX-License-Identifier: Apache-2.0
 * linger.h: lets a client read a reply that was sent before its request was read to the end. Closing a socket with unread
 * bytes makes the kernel send a reset, and the reset overtakes the reply (RFC 9112, section 9.6); so the bytes are read
 * and thrown away for a moment first.
 */
#pragma once
#include "http/internal.h"

/* Takes over fd, whose writing half is shut already; closes it at once when too many linger. */
void linger_start(struct http_server *server, int fd);

void linger_end_all(struct http_server *server);
