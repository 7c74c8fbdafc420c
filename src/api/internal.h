/* SPDX-License-Identifier: Apache-2.0
 * internal.h: what the handlers of this folder share.
 */
#pragma once
#include "api/api.h"
#include "api/call.h"

struct api {
	struct api_options options;
	struct service *service;
	struct http_handler handler;
	size_t body_max[BODY_COUNT]; /* bytes, by enum body */
};

/* Handlers, a file each. */
void serve_simple_run(struct call *call); /* POST /run */
void serve_asset(struct call *call);
void serve_health(struct call *call);
