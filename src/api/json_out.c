/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_out.h"

#include "api/utf8.h"

#include <assert.h>
#include <string.h>

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static size_t escape_ascii(char c, char unit[JSON_UNIT_BYTES])
{
	static const char hex[] = "0123456789abcdef";
	static const char short_forms[][2] = { { '"', '"' },  { '\\', '\\' }, { '\n', 'n' }, { '\r', 'r' },
					       { '\t', 't' }, { '\b', 'b' },  { '\f', 'f' } };

	array_for_each(short_forms, form) {
		if (c == (*form)[0]) {
			unit[0] = '\\';
			unit[1] = (*form)[1];
			return 2;
		}
	}
	if (is_plain(c)) {
		unit[0] = c;
		return 1;
	}

	const char form[JSON_UNIT_BYTES] = { '\\', 'u', '0', '0', hex[(unsigned char)c >> 4], hex[c & 15] };

	memcpy(unit, form, sizeof form);
	return sizeof form;
}

/* Writes the character at bytes into unit; *ret_used is how many bytes of the source it took. */
static size_t escape_one(const char *bytes, size_t size, char unit[JSON_UNIT_BYTES], size_t *ret_used)
{
	static const unsigned char replacement[] = { 0xef, 0xbf, 0xbd }; /* U+FFFD */
	bool is_valid;
	size_t used = utf8_next(bytes, size, &is_valid);

	*ret_used = used;
	if (!is_valid) {
		memcpy(unit, replacement, sizeof replacement);
		return sizeof replacement;
	}
	if (used == 1)
		return escape_ascii(bytes[0], unit);
	memcpy(unit, bytes, used);
	return used;
}

/* How many bytes at the start go out as they are, at most size. */
static size_t plain_run(const char *bytes, size_t size)
{
	size_t n = 0;

	while (n < size && is_plain(bytes[n]))
		n++;
	return n;
}

static void add(struct json_out *json, struct json_piece piece)
{
	assert(json->count < JSON_PIECES_MAX);
	json->pieces[json->count++] = piece;
}

void json_out_raw(struct json_out *json, const char *text)
{
	add(json, (struct json_piece){ .bytes = text, .size = strlen(text) });
}

void json_out_content(struct json_out *json, const void *bytes, size_t size)
{
	add(json, (struct json_piece){ .bytes = bytes, .size = size, .is_content = true });
}

void json_out_text(struct json_out *json, const char *text)
{
	json_out_content(json, text, strlen(text));
}

static size_t piece_size(const struct json_piece *piece)
{
	size_t size = 0, used;
	char unit[JSON_UNIT_BYTES];

	if (!piece->is_content)
		return piece->size;
	for (size_t at = 0; at < piece->size;) {
		size_t run = plain_run(piece->bytes + at, piece->size - at);

		at += run;
		size += run;
		if (at < piece->size) {
			size += escape_one(piece->bytes + at, piece->size - at, unit, &used);
			at += used;
		}
	}
	return size;
}

size_t json_out_size(const struct json_out *json)
{
	size_t size = 0;

	for (size_t i = 0; i < json->count; i++)
		size += piece_size(&json->pieces[i]);
	return size;
}

/* Writes what fits of one piece from *at on. */
static size_t read_piece(const struct json_piece *piece, size_t *at, char *room, size_t size)
{
	size_t written = 0, used;
	char unit[JSON_UNIT_BYTES];

	while (*at < piece->size) {
		const char *bytes = piece->bytes + *at;
		size_t left = piece->size - *at;
		size_t free_bytes = size - written;
		size_t run = left < free_bytes ? left : free_bytes;

		if (piece->is_content)
			run = plain_run(bytes, run);
		memcpy(room + written, bytes, run);
		*at += run;
		written += run;
		if (*at == piece->size || written == size || !piece->is_content)
			break;

		size_t unit_size = escape_one(piece->bytes + *at, piece->size - *at, unit, &used);

		if (unit_size > size - written)
			break;
		memcpy(room + written, unit, unit_size);
		written += unit_size;
		*at += used;
	}
	return written;
}

size_t json_out_read(struct json_out *json, char *room, size_t size)
{
	size_t written = 0;

	while (json->piece < json->count) {
		const struct json_piece *piece = &json->pieces[json->piece];

		written += read_piece(piece, &json->at, room + written, size - written);
		if (json->at < piece->size)
			break; /* the room is used up */
		json->piece++;
		json->at = 0;
	}
	return written;
}
