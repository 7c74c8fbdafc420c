/* SPDX-License-Identifier: Apache-2.0
 * utf8.h: UTF-8 that may be broken, read the way Python's bytes.decode(errors="replace") reads it (Unicode 15, 3.9 "U+FFFD
 * Substitution of Maximal Subparts").
 */
#pragma once
#include "base/macro.h"

#include <stdbool.h>

/* Looks at what stands at text, size > 0. Returns how many bytes belong together: one whole character when *ret_is_valid, else
 * what one U+FFFD stands for. */
size_t utf8_next(const char *text, size_t size, bool *ret_is_valid);

/* How many characters (code points) the text has; what is broken counts as utf8_next divides it. */
size_t utf8_count(const char *text, size_t size);

/* How many bytes at the end, 0 to 3, are the beginning of a character whose other bytes may follow. */
size_t utf8_cut(const char *text, size_t size);
