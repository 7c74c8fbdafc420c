/* SPDX-License-Identifier: Apache-2.0
 * json_in.h: JSON from bytes that nobody trusts. What comes out is whole, of a bounded depth, without a key twice.
 */
#pragma once
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>

enum { JSON_IN_NUL = 1u << 0 }; /* strings may hold NUL: use their lengths */

/* Reads one value of any type. -EINVAL: err says what is wrong and where; -ENOMEM. */
int json_in_load(const char *bytes, size_t size, unsigned flags, json_t **ret_root, struct err *err);

/* For _cleanup_. */
void json_in_freep(json_t **json);

/* A key of a stranger's as text for a sentence: printable, cut when long. */
#define JSON_IN_SHOWN_BYTES (40 * 6 + 4)
void json_in_show(const char *key, char shown[JSON_IN_SHOWN_BYTES]);
