/* SPDX-License-Identifier: Apache-2.0
 * audit_server.h: a private server of an audit: `safexec serve` on a free port of the loopback, with a secret in its environment.
 */
#pragma once
#include "cli/listen.h"
#include "cli/spawn.h"

#include <sys/types.h>

struct audit_server {
	pid_t pid;                       /* 0: not ours, or ended */
	int stdout_fd;                   /* kept open: it may have more to say, and must not die of it */
	char address[LISTEN_TEXT_BYTES]; /* ADDR:PORT */
};

/* Starts it with these arguments, `safexec serve` first, and waits until it listens. -ECANCELED: it ended instead, and has said
 * why on stderr; *ret_status is its exit status. -ETIMEDOUT, others: with a sentence. */
int audit_server_start(struct audit_server *server, const struct args *args, const char *secret, int *ret_status, struct err *err);

/* Asks it to end and waits for that, so that nothing of it is left. For _cleanup_; safe when there is none. */
void audit_server_stop(struct audit_server *server);
