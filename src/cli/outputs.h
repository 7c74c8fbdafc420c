/* SPDX-License-Identifier: Apache-2.0
 * outputs.h: saves the files that a run has given back. They come from a program that nobody trusts, by way of a server that may be
 * anybody's: a file that was not asked for, or whose name leads out of the folder, is refused; no link is followed; what is there
 * already is kept, unless it is a regular file and may be replaced.
 */
#pragma once
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>

struct outputs {
	const char *folder;
	const json_t *globs; /* array of the patterns that were asked for, as wire/glob.h has them; NULL: none */
	bool may_replace;
};

/* Saves one, {"path", "content", "encoding"}, below the folder, and makes folders on the way. -EEXIST, -EPERM (its name), -EFBIG (its
 * content did not come), -EPROTO and others, with a sentence. */
int outputs_save(const struct outputs *outputs, const json_t *file, struct err *err);
