/* SPDX-License-Identifier: Apache-2.0
 * log.h: one line to standard error for the person who runs the server: `program: sentence`.
 * Code, environment values and keys are never given to it. Only programs log; library code returns errors.
 */
#pragma once
#include "base/macro.h"

/* Names the program in every line; kept by pointer. Call it first in main(). */
void log_open(const char *program);

void log_line(const char *format, ...) _printf_(1, 2);
