/* SPDX-License-Identifier: Apache-2.0
 * json_out.h: writes JSON whose strings may hold anything: what is not UTF-8 becomes U+FFFD, control characters are escaped.
 * It is a list of pieces that stay where they are; the text is made while it is sent, and its size is known before.
 */
#pragma once
#include "base/macro.h"

#include <stdbool.h>

#define JSON_PIECES_MAX 12
#define JSON_UNIT_BYTES 6 /* the longest escape */

struct json_piece {
	const char *bytes;
	size_t size;
	bool is_content; /* of a string: to be escaped */
};

struct json_out {
	struct json_piece pieces[JSON_PIECES_MAX];
	size_t count, piece, at; /* how many; which one is being read, and where */
};

/* Adds JSON as it is: punctuation, keys, numbers. */
void json_out_raw(struct json_out *json, const char *text);

/* Adds to the content of a string; the quotes are given as raw. */
void json_out_content(struct json_out *json, const void *bytes, size_t size);
void json_out_text(struct json_out *json, const char *text);

/* The size of the whole text. */
size_t json_out_size(const struct json_out *json);

/* Writes the next bytes, at most size, and returns how many. Escapes are not divided: with room for JSON_UNIT_BYTES, or for
 * all that is left, it is 0 at the end only. */
size_t json_out_read(struct json_out *json, char *room, size_t size);
