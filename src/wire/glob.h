/* SPDX-License-Identifier: Apache-2.0
 * glob.h: which paths an output pattern means. The time is at most the product of both
 * lengths, whatever the pattern, unlike that of fnmatch(3).
 */
#pragma once
#include "base/macro.h"

#include <stdbool.h>

/* Whether the whole path matches, part by part: * any bytes, ? one byte, [a-z] and [!a-z] one of them, ** any number of folders.
 * A leading dot of a part is only matched by a dot, as a shell has it. A bracket without its end is itself. */
bool glob_matches(const char *glob, const char *path);

/* Whether anything below the folder could match. */
bool glob_may_match_below(const char *glob, const char *folder);

/* Whether it is a plain path. */
bool glob_is_literal(const char *glob);
