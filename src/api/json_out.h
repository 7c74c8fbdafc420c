/* SPDX-License-Identifier: Apache-2.0
 * json_out.h: writes JSON whose strings may hold anything: what is not UTF-8 becomes U+FFFD, control characters are escaped.
 * It is a list of pieces; what is large stays where it is, and its text is made while it is sent. Commas come by themselves.
 * Starts as all zeroes. Without memory it remembers so (is_failed) and is not to be sent.
 */
#pragma once
#include "base/macro.h"

#include <stdbool.h>

#define JSON_UNIT_BYTES 6 /* the longest escape */

enum json_form {
	JSON_RAW,     /* goes out as it is */
	JSON_CONTENT, /* of a string: escaped */
	JSON_BASE64,  /* of a string: any bytes, encoded */
};

struct json_piece {
	const char *bytes; /* NULL: in the writer's own text, from `start` on */
	size_t start, size;
	enum json_form form;
};

struct json_out {
	struct json_piece *pieces;
	size_t count, room;
	char *text; /* what was copied */
	size_t text_size, text_room;
	size_t piece, at; /* which piece is being read, and where */
	bool needs_comma, is_failed;
};

void json_out_free(struct json_out *json);

/* { } [ ], as a value or an end. */
void json_out_open(struct json_out *json, char bracket);
void json_out_close(struct json_out *json, char bracket);

/* A member's name, which needs no escape; its value follows. */
void json_out_key(struct json_out *json, const char *name);

/* Values. Bytes of a string stay where they are until the JSON is freed; text is copied. */
void json_out_string(struct json_out *json, const void *bytes, size_t size);
void json_out_base64(struct json_out *json, const void *bytes, size_t size);
void json_out_text(struct json_out *json, const char *text); /* NULL: null */
void json_out_u64(struct json_out *json, uint64_t value);
void json_out_i64(struct json_out *json, int64_t value);
void json_out_bool(struct json_out *json, bool value);
void json_out_null(struct json_out *json);

/* JSON that is already written, as one value or as an end; it is copied. */
void json_out_value(struct json_out *json, const char *text);

/* A string in parts: open it, add, close it. */
void json_out_quote(struct json_out *json);
void json_out_content(struct json_out *json, const void *bytes, size_t size);
void json_out_unquote(struct json_out *json);

/* Adds as it is, commas and all; the text stays where it is. */
void json_out_raw(struct json_out *json, const char *text);

/* The size of the whole text. */
size_t json_out_size(const struct json_out *json);

/* Writes the next bytes, at most size, and returns how many. Escapes are not divided: with room for JSON_UNIT_BYTES, or for
 * all that is left, it is 0 at the end only. */
size_t json_out_read(struct json_out *json, char *room, size_t size);
