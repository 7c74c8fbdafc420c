/* SPDX-License-Identifier: Apache-2.0
 * engine.h: requests to the Docker Engine over its unix socket, many at once inside an event loop, by libcurl. What an answer
 * may hold is bounded. Knows no request but what its callers ask for; those are in container.h, slot.c and startup.c.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>

struct event_base;
struct engine;
struct engine_call;

#define ENGINE_MAX_ANSWER (4 * MIB) /* a list of some thousand containers */
#define ENGINE_NO_LIMIT   0         /* of time, for a call that waits for a container's end */

/* What came back. status: HTTP's, or a negative errno: -ECONNREFUSED when nobody answers there, -ETIMEDOUT, -EIO. body ends in NUL. */
struct engine_answer {
	int status;
	const char *body;
	size_t size;
};

/* Called once, from the loop; the call is gone when it returns. */
typedef void engine_done_fn(const struct engine_answer *answer, void *arg);

/* socket is an absolute path, kept by pointer. -ENOMEM. */
int engine_new(struct event_base *base, const char *socket, struct engine **ret_engine);
void engine_free(struct engine *engine); /* drops what is under way without calling anybody */
const char *engine_socket(const struct engine *engine);

/* Agrees on a version: ours, or the nearest that the Engine speaks. What comes back is for paths: "v1.41". */
#define ENGINE_VERSION_BYTES 16
int engine_negotiate(const char *min, const char *max, char ret_version[ENGINE_VERSION_BYTES]);

/* Sends METHOD /path; body is JSON, copied, or NULL. -ENOMEM; then done is not called. */
int engine_call(struct engine *engine, const char *method, const char *path, const char *body, unsigned timeout_ms,
		engine_done_fn *done, void *arg, struct engine_call **ret_call);

/* Drops one without calling anybody. Only for calls that change nothing. */
void engine_call_drop(struct engine_call *call);

/* The "message" of an error's body, shortened, on one line; or what the status means. */
#define ENGINE_TEXT_BYTES 160
const char *engine_explain(const struct engine_answer *answer, char text[ENGINE_TEXT_BYTES]);
