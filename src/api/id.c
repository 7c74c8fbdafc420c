/* SPDX-License-Identifier: Apache-2.0 */
#include "api/id.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define RANDOM_BYTES 16

void id_make(const char *prefix, char id[ID_BYTES])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char bits[RANDOM_BYTES];
	size_t at = strlen(prefix);

	assert(at <= ID_PREFIX_MAX);
	if (getrandom(bits, sizeof bits, 0) != sizeof bits) /* up to 256 bytes come whole, getrandom(2) */
		abort();
	memcpy(id, prefix, at);
	array_for_each(bits, byte) {
		id[at++] = hex[*byte >> 4];
		id[at++] = hex[*byte & 15];
	}
	id[at] = '\0';
}

bool id_is_valid(const char *id)
{
	size_t length = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

	return length > 0 && length < ID_BYTES && id[length] == '\0';
}
