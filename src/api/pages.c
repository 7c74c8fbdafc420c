/* SPDX-License-Identifier: Apache-2.0
 * pages.c: what does not run anything: the page and its files.
 */
#include "api/assets.h"
#include "api/internal.h"

#include <string.h>

void serve_asset(struct call *call)
{
	call->status = 200;
	for (size_t i = 0; i < assets_count; i++) {
		if (strcmp(assets[i].path, call->route->path) == 0)
			reply_bytes(call->http, assets[i].type, assets[i].bytes, assets[i].size);
	}
}
