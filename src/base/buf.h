/* SPDX-License-Identifier: Apache-2.0
 * buf.h: a byte buffer that grows up to a maximum given at birth. The bytes are always followed by a NUL that does not
 * count, so that text can be used as a C string.
 */
#pragma once
#include "base/macro.h"

#include <stdarg.h>

struct buf {
	char *bytes; /* NULL until the first append */
	size_t size, room, max;
};

/* An empty buffer that will hold at most max bytes. Owns nothing yet. */
struct buf buf_new(size_t max);

/* Frees the bytes; the buffer is empty again and keeps its maximum. */
void buf_free(struct buf *buf);

/* Appends. -ENOBUFS: it would pass the maximum; -ENOMEM. In both cases nothing was appended. */
int buf_append(struct buf *buf, const void *bytes, size_t size);
int buf_append_text(struct buf *buf, const char *text);
int buf_appendf(struct buf *buf, const char *format, ...) _printf_(2, 3);

/* Makes room for size more bytes and stores where they go; buf_grow counts them in. Errors as buf_append. */
int buf_reserve(struct buf *buf, size_t size, char **ret_room);
void buf_grow(struct buf *buf, size_t size);
