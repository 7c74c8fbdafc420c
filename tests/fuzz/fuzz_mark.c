/* SPDX-License-Identifier: Apache-2.0
 * A stream with or without the mark (here 16 bytes that the corpus knows): however it is cut, the same bytes go on, and they are
 * what precedes the first mark.
 */
#include "docker/mark.h"

#include <stdlib.h>
#include <string.h>

#define ROOM 4096

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct mark mark = { "\0abcdefghijklmno" };

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* What goes on, in room; returns how much. */
static size_t feed(const char *bytes, size_t size, size_t step, char room[ROOM], bool *ret_is_found)
{
	struct mark_search search = { .mark = &mark };
	const char *piece;
	size_t used = 0, piece_size;

	for (size_t done = 0; done < size && !mark_is_found(&search); done += step) {
		const char *at = bytes + done;
		size_t left = size - done < step ? size - done : step;

		while (mark_next(&search, &at, &left, &piece, &piece_size)) {
			check(piece_size > 0 && used + piece_size <= size);
			memcpy(room + used, piece, piece_size);
			used += piece_size;
		}
		check(left == 0 || mark_is_found(&search));
	}
	*ret_is_found = mark_is_found(&search);
	piece_size = mark_rest(&search, &piece);
	memcpy(room + used, piece, piece_size);
	return used + piece_size;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *begin = size > 0 ? memmem(bytes, size, mark.bytes, MARK_BYTES) : NULL;

	if (size > ROOM)
		return 0;

	size_t want = begin ? (size_t)(begin - (const char *)bytes) : size;

	for (size_t step = 1; step <= size + 1; step += step < 20 ? 1 : size) {
		char room[ROOM];
		bool is_found;
		size_t got = feed((const char *)bytes, size, step, room, &is_found);

		check(is_found == (begin != NULL) && got == want && (got == 0 || memcmp(room, bytes, got) == 0));
	}
	return 0;
}
