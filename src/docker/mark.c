/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/mark.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

int mark_make(struct mark *ret_mark)
{
	struct mark mark;

	if (getrandom(mark.bytes, sizeof mark.bytes, 0) != sizeof mark.bytes)
		return -errno;
	mark.bytes[0] = 0;
	for (size_t i = 1; i < MARK_BYTES; i++) {
		if (mark.bytes[i] == 0)
			mark.bytes[i] = 1;
	}
	*ret_mark = mark;
	return 0;
}

bool mark_is_found(const struct mark_search *search)
{
	return search->matched == MARK_BYTES;
}

size_t mark_rest(struct mark_search *search, const char **ret_piece)
{
	size_t size = mark_is_found(search) ? 0 : search->matched;

	*ret_piece = search->mark ? (const char *)search->mark->bytes : "";
	if (size > 0)
		search->matched = 0;
	return size;
}

/* Goes on with a mark that has begun, as far as it does; true when that ended with a byte that is not the mark's. */
static bool compare(struct mark_search *search, const char **at, size_t *size)
{
	while (*size > 0 && search->matched < MARK_BYTES) {
		if ((uint8_t)(*at)[0] != search->mark->bytes[search->matched])
			return true;
		search->matched++;
		(*at)++;
		(*size)--;
	}
	return false;
}

bool mark_next(struct mark_search *search, const char **at, size_t *size, const char **ret_piece, size_t *ret_size)
{
	if (*size == 0 || mark_is_found(search))
		return false;
	if (search->matched > 0) {
		if (!compare(search, at, size))
			return false;
		*ret_size = mark_rest(search, ret_piece);
		return true;
	}

	const char *begin = search->mark ? memchr(*at, 0, *size) : NULL;
	size_t plain = begin ? (size_t)(begin - *at) : *size;

	if (plain == 0) {
		search->matched = 1;
		(*at)++;
		(*size)--;
		return mark_next(search, at, size, ret_piece, ret_size);
	}
	*ret_piece = *at;
	*ret_size = plain;
	*at += plain;
	*size -= plain;
	return true;
}
