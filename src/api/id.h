/* SPDX-License-Identifier: Apache-2.0
 * id.h: names for requests, runs and jobs that nobody can guess: a prefix and 128 random bits, "run_0f3a...".
 */
#pragma once
#include "base/macro.h"

#include <stdbool.h>

#define ID_PREFIX_MAX 8
#define ID_BYTES      (ID_PREFIX_MAX + 32 + 1) /* of the text, its NUL included */

/* prefix as "run_", at most ID_PREFIX_MAX bytes. */
void id_make(const char *prefix, char id[ID_BYTES]);

/* True for 1 to ID_BYTES - 1 letters, digits, '_' and '-': what a client may call its own request. */
bool id_is_valid(const char *id);
