/* SPDX-License-Identifier: Apache-2.0
 * client.h: one request to a server of ours: POST /run.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

#include <stdatomic.h>

#define CLIENT_MAX_ANSWER (64 * MIB)

/* Posts a JSON body to http://address/run. The answer's body goes to answer, its status to *ret_status, whatever it is.
 * -ECONNREFUSED: nobody listens there; -ECANCELED: *is_cancelled (which may be NULL) has become true, within a second or two; others;
 * with a sentence. */
int client_post_run(const char *address, const char *body, const atomic_bool *is_cancelled, struct buf *answer, long *ret_status,
		    struct err *err);
