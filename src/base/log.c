/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *log_program = "safexec"; /* listed in ARCHITECTURE.md under "Mutable globals" */

void log_open(const char *program)
{
	log_program = program;
}

void log_line(const char *format, ...)
{
	char line[1024];
	int used = snprintf(line, sizeof line, "%s: ", log_program);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line + used, sizeof line - (size_t)used - 1, format, args);
	va_end(args);

	size_t size = strlen(line);

	for (size_t i = 0; i < size; i++) { /* a line stays one line, whatever a name or an error text held */
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
	line[size++] = '\n';
	if (write(STDERR_FILENO, line, size) < 0)
		return; /* nobody is left to be told */
}
