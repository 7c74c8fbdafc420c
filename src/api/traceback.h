/* SPDX-License-Identifier: Apache-2.0
 * traceback.h: the exception that ended a program, read out of its stderr. The text is the program's own and may say anything;
 * nothing but the answer's "error" depends on it.
 *
 * The last traceback counts: after "During handling of the above exception" the later one is what ended the program. One that
 * Python only reports and goes on after ("Exception ignored in") never counts, one of a thread only when there is no other. Of an
 * exception group the group itself is the error, not what it holds.
 */
#pragma once
#include "base/macro.h"

#include <stdbool.h>

#define TRACEBACK_FRAMES_MAX 64 /* the outermost and the innermost halves of more */

/* A piece of the text that was parsed. */
struct traceback_text {
	const char *bytes; /* NULL: not there */
	size_t size;
};

struct traceback_frame {
	struct traceback_text file, function, source; /* function: none where a SyntaxError points */
	uint64_t line;
};

struct traceback {
	struct traceback_text type, message; /* "ZeroDivisionError"; message may have many lines, without the last newline */
	struct traceback_frame frames[TRACEBACK_FRAMES_MAX];
	size_t frames_count;
	uint64_t frames_left_out; /* from the middle */
};

/* Fills *ret_traceback with pieces of text. False: there is no traceback in it. */
bool traceback_parse(const char *text, size_t size, struct traceback *ret_traceback);
