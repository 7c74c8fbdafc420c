/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define JOURNAL "/run/systemd/journal/stdout"

enum priority { PRIORITY_ERROR = 3, PRIORITY_WARNING = 4, PRIORITY_INFO = 6 }; /* syslog(3) */

/* Listed in ARCHITECTURE.md under "Mutable globals". */
static struct {
	const char *program;
	bool is_journal;
} log_to = { .program = "safexec" };

/* JOURNAL_STREAM would tell too, but the programs that the supervisor starts have no environment. */
static bool is_journal(void)
{
	struct sockaddr_un peer = { 0 };
	socklen_t size = sizeof peer - 1;

	return getpeername(STDERR_FILENO, (struct sockaddr *)&peer, &size) == 0 && peer.sun_family == AF_UNIX &&
	       strcmp(peer.sun_path, JOURNAL) == 0;
}

void log_open(const char *program)
{
	log_to.program = program;
	log_to.is_journal = is_journal();
}

static void _printf_(2, 0) write_line(enum priority priority, const char *format, va_list args)
{
	char line[1024];
	int used = log_to.is_journal ? snprintf(line, sizeof line, "<%d>%s: ", priority, log_to.program)
				     : snprintf(line, sizeof line, "%s: ", log_to.program);

	(void)vsnprintf(line + used, sizeof line - (size_t)used - 1, format, args);

	size_t size = strlen(line);

	for (size_t i = 0; i < size; i++) { /* a line stays one line, whatever a name or an error text held */
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
	line[size++] = '\n';
	if (write(STDERR_FILENO, line, size) < 0)
		return; /* nobody is left to be told */
}

#define DEFINE(name, priority) \
	void name(const char *format, ...) \
	{ \
		va_list args; \
\
		va_start(args, format); \
		write_line(priority, format, args); \
		va_end(args); \
	}

DEFINE(log_error, PRIORITY_ERROR)
DEFINE(log_line, PRIORITY_WARNING)
DEFINE(log_note, PRIORITY_INFO)
