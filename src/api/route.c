/* SPDX-License-Identifier: Apache-2.0 */
#include "api/route.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ID_MARK "{id}"

static bool take_id(const char **path, char id[ROUTE_ID_BYTES])
{
	size_t length = strspn(*path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

	if (length == 0 || length >= ROUTE_ID_BYTES)
		return false;
	memcpy(id, *path, length);
	id[length] = '\0';
	*path += length;
	return true;
}

static bool matches(const char *pattern, const char *path, char id[ROUTE_ID_BYTES])
{
	id[0] = '\0';
	while (*pattern != '\0') {
		if (strncmp(pattern, ID_MARK, sizeof ID_MARK - 1) == 0) {
			if (!take_id(&path, id))
				return false;
			pattern += sizeof ID_MARK - 1;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return *path == '\0';
}

void route_find(const struct route *table, size_t count, const char *method, const char *path, struct route_match *ret_match)
{
	*ret_match = (struct route_match){ 0 };
	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(ret_match->allow);

		if (!matches(table[i].path, path, ret_match->id))
			continue;
		if (strcmp(table[i].method, method) == 0) {
			ret_match->route = &table[i];
			return;
		}
		(void)snprintf(ret_match->allow + used, sizeof ret_match->allow - used, "%s%s", used > 0 ? ", " : "",
			       table[i].method);
	}
}
