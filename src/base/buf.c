/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 256

struct buf buf_new(size_t max)
{
	assert(max > 0 && max < SIZE_MAX / 2);
	return (struct buf){ .max = max };
}

void buf_free(struct buf *buf)
{
	free(buf->bytes);
	*buf = buf_new(buf->max);
}

int buf_reserve(struct buf *buf, size_t size, char **ret_room)
{
	if (size > buf->max - buf->size)
		return -ENOBUFS;

	size_t want = buf->size + size + 1; /* the NUL */

	if (want > buf->room) {
		size_t room = buf->room ? buf->room : FIRST_ROOM;

		while (room < want)
			room *= 2;
		if (room > buf->max + 1)
			room = buf->max + 1;

		char *bytes = realloc(buf->bytes, room);

		if (!bytes)
			return -ENOMEM;
		buf->bytes = bytes;
		buf->room = room;
	}
	*ret_room = buf->bytes + buf->size;
	return 0;
}

void buf_grow(struct buf *buf, size_t size)
{
	assert(buf->size + size < buf->room);
	buf->size += size;
	buf->bytes[buf->size] = '\0';
}

int buf_append(struct buf *buf, const void *bytes, size_t size)
{
	char *room;
	int r = buf_reserve(buf, size, &room);

	if (r < 0)
		return r;
	if (size > 0)
		memcpy(room, bytes, size);
	buf_grow(buf, size);
	return 0;
}

int buf_append_text(struct buf *buf, const char *text)
{
	return buf_append(buf, text, strlen(text));
}

int buf_appendf(struct buf *buf, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof text)
		return -ENOBUFS;
	return buf_append(buf, text, (size_t)n);
}
