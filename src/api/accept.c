/* SPDX-License-Identifier: Apache-2.0 */
#include "api/accept.h"

#include "base/macro.h"

#include <string.h>
#include <strings.h>

static const char *const types[] = {
	[ACCEPT_JSON] = "application/json",
	[ACCEPT_SSE] = "text/event-stream",
	[ACCEPT_NDJSON] = "application/x-ndjson",
};

static int find_type(const char *text, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strlen(types[i]) == size && strncasecmp(types[i], text, size) == 0)
			return (int)i;
	}
	return -1;
}

enum accept accept_choose(const char *header)
{
	while (header && *header != '\0') {
		header += strspn(header, " \t,");

		int found = find_type(header, strcspn(header, " \t,;"));

		if (found >= 0)
			return (enum accept)found;
		header += strcspn(header, ",");
	}
	return ACCEPT_JSON;
}

const char *accept_type(enum accept accept)
{
	return types[accept];
}
