/* SPDX-License-Identifier: Apache-2.0
 * log.h: one line to standard error for the person who runs the server: `program: sentence`; with its priority in front, as `<4>`, when
 * standard error is systemd's journal (sd-daemon(3)). Code, environment values and keys are never given to it. Only programs log;
 * library code returns errors.
 */
#pragma once
#include "base/macro.h"

/* Names the program in every line; kept by pointer. Call it first in main(). */
void log_open(const char *program);

void log_error(const char *format, ...) _printf_(1, 2); /* it cannot start, or cannot go on */
void log_line(const char *format, ...) _printf_(1, 2);  /* something went wrong, and is being dealt with */
void log_note(const char *format, ...) _printf_(1, 2);  /* all is well */
