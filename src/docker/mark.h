/* SPDX-License-Identifier: Apache-2.0
 * mark.h: finds a secret mark in a stream. What comes before it is the program's and goes on; what follows is not. Bytes that
 * may be the mark's beginning are held back until the next ones tell. Pure.
 */
#pragma once
#include "base/macro.h"

#include <stdbool.h>

#define MARK_BYTES 16

/* Its first byte is 0 and no other one is, so that a mark never overlaps itself; the others are random. */
struct mark {
	uint8_t bytes[MARK_BYTES];
};

/* -errno of getrandom(2). */
int mark_make(struct mark *ret_mark);

struct mark_search {
	const struct mark *mark; /* NULL: nothing is searched for, and all bytes go on */
	size_t matched;          /* of it, at the end of what has come so far */
};

bool mark_is_found(const struct mark_search *search);

/* Moves *at and *size past the next piece that is the program's, and stores it; it points into the caller's bytes or the mark's.
 * False: all bytes are taken, or the mark was found and *at stands behind it. */
bool mark_next(struct mark_search *search, const char **at, size_t *size, const char **ret_piece, size_t *ret_size);

/* At the end of a stream without the mark: what was held back. It may be empty. */
size_t mark_rest(struct mark_search *search, const char **ret_piece);
