/* SPDX-License-Identifier: Apache-2.0
 * err.h: why something failed, for a person: a negative errno and one sentence that says what to do.
 * Functions return the errno as well; a struct err is filled at borders only, and always ends in NUL.
 */
#pragma once
#include "base/macro.h"

#define ERR_TEXT_BYTES 256

struct err {
	int code;                  /* negative errno; 0 when nothing failed */
	char text[ERR_TEXT_BYTES]; /* one sentence without a full stop's newline; cut when too long */
};

/* Writes the sentence and the errno's own text behind it, and returns code. err may be NULL. */
int err_set(struct err *err, int code, const char *format, ...) _printf_(3, 4);

/* The same without the errno's text, for sentences that already say it all. */
int err_say(struct err *err, int code, const char *format, ...) _printf_(3, 4);
