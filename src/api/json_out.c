/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_out.h"

#include "api/utf8.h"
#include "base/base64.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_PIECES 16
#define FIRST_TEXT   512
#define BASE64_IN    3
#define BASE64_OUT   4

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

void json_out_free(struct json_out *json)
{
	free(json->pieces);
	free(json->text);
	*json = (struct json_out){ 0 };
}

/* How much room to have when `want` are needed: doubled, so that adding stays cheap. */
static size_t next_room(size_t room, size_t first, size_t want)
{
	size_t next = room > 0 ? room : first;

	while (next < want)
		next *= 2;
	return next;
}

static void add(struct json_out *json, struct json_piece piece)
{
	if (json->count == json->room && !json->is_failed) {
		size_t room = next_room(json->room, FIRST_PIECES, json->count + 1);
		struct json_piece *pieces = reallocarray(json->pieces, room, sizeof *pieces);

		json->is_failed = !pieces;
		if (pieces) {
			json->pieces = pieces;
			json->room = room;
		}
	}
	if (!json->is_failed && json->pieces)
		json->pieces[json->count++] = piece;
}

static bool reserve_text(struct json_out *json, size_t size)
{
	size_t room = next_room(json->text_room, FIRST_TEXT, json->text_size + size);

	if (room == json->text_room)
		return true;

	char *text = realloc(json->text, room);

	if (!text)
		return false;
	json->text = text;
	json->text_room = room;
	return true;
}

/* Copies into the writer's own text; what follows such a piece at once becomes a part of it. */
static void copy(struct json_out *json, const char *bytes, size_t size, enum json_form form)
{
	struct json_piece *last = json->count > 0 ? &json->pieces[json->count - 1] : NULL;

	json->is_failed = json->is_failed || !reserve_text(json, size);
	if (json->is_failed || size == 0)
		return;
	memcpy(json->text + json->text_size, bytes, size);
	if (last && !last->bytes && last->form == form)
		last->size += size;
	else
		add(json, (struct json_piece){ .start = json->text_size, .size = size, .form = form });
	json->text_size += size;
}

static void write_text(struct json_out *json, const char *text)
{
	copy(json, text, strlen(text), JSON_RAW);
}

static void begin_value(struct json_out *json)
{
	if (json->needs_comma)
		write_text(json, ", ");
	json->needs_comma = true;
}

void json_out_raw(struct json_out *json, const char *text)
{
	add(json, (struct json_piece){ .bytes = text, .size = strlen(text), .form = JSON_RAW });
}

void json_out_content(struct json_out *json, const void *bytes, size_t size)
{
	if (size > 0)
		add(json, (struct json_piece){ .bytes = bytes, .size = size, .form = JSON_CONTENT });
}

void json_out_open(struct json_out *json, char bracket)
{
	begin_value(json);
	copy(json, &bracket, 1, JSON_RAW);
	json->needs_comma = false;
}

void json_out_close(struct json_out *json, char bracket)
{
	copy(json, &bracket, 1, JSON_RAW);
	json->needs_comma = true;
}

void json_out_key(struct json_out *json, const char *name)
{
	begin_value(json);
	write_text(json, "\"");
	write_text(json, name);
	write_text(json, "\": ");
	json->needs_comma = false;
}

void json_out_quote(struct json_out *json)
{
	begin_value(json);
	write_text(json, "\"");
}

void json_out_unquote(struct json_out *json)
{
	write_text(json, "\"");
}

void json_out_string(struct json_out *json, const void *bytes, size_t size)
{
	json_out_quote(json);
	json_out_content(json, bytes, size);
	json_out_unquote(json);
}

void json_out_base64(struct json_out *json, const void *bytes, size_t size)
{
	json_out_quote(json);
	if (size > 0)
		add(json, (struct json_piece){ .bytes = bytes, .size = size, .form = JSON_BASE64 });
	json_out_unquote(json);
}

void json_out_text(struct json_out *json, const char *text)
{
	if (!text) {
		json_out_null(json);
		return;
	}
	json_out_quote(json);
	copy(json, text, strlen(text), JSON_CONTENT);
	json_out_unquote(json);
}

void json_out_value(struct json_out *json, const char *text)
{
	begin_value(json);
	write_text(json, text);
}

void json_out_u64(struct json_out *json, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%" PRIu64, value);
	json_out_value(json, text);
}

void json_out_i64(struct json_out *json, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%" PRId64, value);
	json_out_value(json, text);
}

void json_out_bool(struct json_out *json, bool value)
{
	json_out_value(json, value ? "true" : "false");
}

void json_out_null(struct json_out *json)
{
	json_out_value(json, "null");
}

static const char *bytes_of(const struct json_out *json, const struct json_piece *piece)
{
	return piece->bytes ? piece->bytes : json->text + piece->start;
}

static size_t escaped_size(const char *bytes, size_t size)
{
	size_t sum = 0, used;
	char unit[JSON_UNIT_BYTES];

	for (size_t at = 0; at < size;) {
		size_t run = plain_run(bytes + at, size - at);

		at += run;
		sum += run;
		if (at < size) {
			sum += escape_one(bytes + at, size - at, unit, &used);
			at += used;
		}
	}
	return sum;
}

size_t json_out_size(const struct json_out *json)
{
	size_t size = 0;

	for (size_t i = 0; i < json->count; i++) {
		const struct json_piece *piece = &json->pieces[i];

		if (piece->form == JSON_CONTENT)
			size += escaped_size(bytes_of(json, piece), piece->size);
		else if (piece->form == JSON_BASE64)
			size += base64_encoded_size(piece->size);
		else
			size += piece->size;
	}
	return size;
}

/* Each reader writes what fits of `size` bytes, stores in *ret_used how many it took, and returns how many it wrote. */
static size_t read_raw(const char *bytes, size_t size, char *room, size_t room_size, size_t *ret_used)
{
	size_t n = size < room_size ? size : room_size;

	memcpy(room, bytes, n);
	*ret_used = n;
	return n;
}

static size_t read_content(const char *bytes, size_t size, char *room, size_t room_size, size_t *ret_used)
{
	size_t written = 0, at = 0, used;
	char unit[JSON_UNIT_BYTES];

	while (at < size && written < room_size) {
		size_t most = size - at < room_size - written ? size - at : room_size - written;
		size_t run = plain_run(bytes + at, most);

		memcpy(room + written, bytes + at, run);
		at += run;
		written += run;
		if (at == size || written == room_size)
			break;

		size_t unit_size = escape_one(bytes + at, size - at, unit, &used);

		if (unit_size > room_size - written)
			break;
		memcpy(room + written, unit, unit_size);
		written += unit_size;
		at += used;
	}
	*ret_used = at;
	return written;
}

static size_t read_base64(const char *bytes, size_t size, char *room, size_t room_size, size_t *ret_used)
{
	size_t most = room_size / BASE64_OUT * BASE64_IN; /* whole groups: only the last one of all may be shorter */
	size_t n = size < most ? size : most;

	base64_encode(bytes, n, room);
	*ret_used = n;
	return base64_encoded_size(n);
}

size_t json_out_read(struct json_out *json, char *room, size_t size)
{
	static size_t (*const readers[])(const char *, size_t, char *, size_t, size_t *) = {
		[JSON_RAW] = read_raw,
		[JSON_CONTENT] = read_content,
		[JSON_BASE64] = read_base64,
	};
	size_t written = 0, used;

	while (json->piece < json->count) {
		const struct json_piece *piece = &json->pieces[json->piece];

		written += readers[piece->form](bytes_of(json, piece) + json->at, piece->size - json->at, room + written,
						size - written, &used);
		json->at += used;
		if (json->at < piece->size)
			break; /* the room is used up */
		json->piece++;
		json->at = 0;
	}
	return written;
}
