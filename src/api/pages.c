/* SPDX-License-Identifier: Apache-2.0
 * pages.c: what does not run anything: the page and its files, and the server's health.
 */
#include "api/assets.h"
#include "api/internal.h"

#include <string.h>

void serve_health(struct call *call)
{
	static const char ok[] = "{\"status\": \"ok\"}";

	if (service_look(call->api->service).providers > 0) {
		call->status = 200;
		reply_bytes(call->http, "application/json", ok, sizeof ok - 1);
		return;
	}
	call_add_field(call, "Retry-After", "1");
	call_say(call, PROBLEM_NO_SANDBOX, "The sandbox is being restarted.");
}

void serve_asset(struct call *call)
{
	call->status = 200;
	for (size_t i = 0; i < assets_count; i++) {
		if (strcmp(assets[i].path, call->route->path) == 0)
			reply_bytes(call->http, assets[i].type, assets[i].bytes, assets[i].size);
	}
}
