/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/notify.h"

#include "base/fd.h"
#include "base/num.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_PERIOD_US (UINT64_C(86400) * 1000000)

/* A path, or with '@' an abstract name; false for anything else. */
static bool fill_address(const char *path, struct sockaddr_un *to, socklen_t *ret_size)
{
	size_t length = path ? strlen(path) : 0;

	if (length < 2 || length >= sizeof to->sun_path || (path[0] != '/' && path[0] != '@'))
		return false;
	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(to->sun_path, path, length);
	if (path[0] == '@')
		to->sun_path[0] = '\0';
	*ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return true;
}

void notify_send(const char *format, ...)
{
	struct sockaddr_un to;
	socklen_t size;
	char text[512];
	va_list args;

	if (!fill_address(getenv("NOTIFY_SOCKET"), &to, &size))
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);

	_cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to, size);
}

nsec_t notify_watchdog_period(void)
{
	const char *period = getenv("WATCHDOG_USEC"), *whose = getenv("WATCHDOG_PID");
	uint64_t us, pid;

	if (!period || num_parse_u64(period, 1, MAX_PERIOD_US, &us) < 0)
		return 0;
	if (whose && (num_parse_u64(whose, 1, INT32_MAX, &pid) < 0 || (pid_t)pid != getpid()))
		return 0;
	return us * NSEC_PER_USEC;
}
