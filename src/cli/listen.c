/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/listen.h"

#include "base/fd.h"
#include "base/num.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG         1024 /* requests wait here until the first cell is ready, and while a front is replaced */
#define SOCKET_MODE     0660
#define FIRST_PASSED_FD 3 /* sd_listen_fds(3) */

union any_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un path;
	struct sockaddr_storage storage;
};

/* Brings the text in step with the address. */
static void write_text(struct listen_address *address)
{
	union any_address from = { .storage = address->sockaddr };
	bool is_v6 = from.any.sa_family == AF_INET6;
	char host[INET6_ADDRSTRLEN] = "";

	if (from.any.sa_family == AF_UNIX) {
		(void)snprintf(address->text, sizeof address->text, LISTEN_SCHEME "%.*s", (int)sizeof from.path.sun_path,
			       from.path.sun_path);
		return;
	}
	(void)inet_ntop(from.any.sa_family, is_v6 ? (void *)&from.v6.sin6_addr : (void *)&from.v4.sin_addr, host, sizeof host);
	(void)snprintf(address->text, sizeof address->text, is_v6 ? "[%s]:%u" : "%s:%u", host,
		       ntohs(is_v6 ? from.v6.sin6_port : from.v4.sin_port));
}

bool listen_is_path(const char *text)
{
	return strncmp(text, LISTEN_SCHEME, strlen(LISTEN_SCHEME)) == 0;
}

static int parse_path(const char *path, struct listen_address *ret_address)
{
	union any_address to = { .path = { .sun_family = AF_UNIX } };
	size_t length = strlen(path);

	if (path[0] != '/' || length >= sizeof to.path.sun_path || path[length - 1] == '/')
		return -EINVAL;
	for (size_t i = 0; i < length; i++) { /* it is printed, and handed on as a word of a text */
		if ((unsigned char)path[i] <= ' ' || path[i] == 0x7f)
			return -EINVAL;
	}
	memcpy(to.path.sun_path, path, length);
	*ret_address = (struct listen_address){ .sockaddr = to.storage, .size = sizeof to.path };
	write_text(ret_address);
	return 0;
}

int listen_parse(const char *text, struct listen_address *ret_address)
{
	if (listen_is_path(text))
		return parse_path(text + strlen(LISTEN_SCHEME), ret_address);

	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	char host[INET6_ADDRSTRLEN + 2];
	uint64_t port;
	union any_address to = { 0 };
	socklen_t size;

	if (length == 0 || length >= sizeof host || num_parse_u64(colon + 1, 0, UINT16_MAX, &port) < 0)
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, &to.v6.sin6_addr) != 1)
			return -EINVAL;
		to.v6.sin6_family = AF_INET6;
		to.v6.sin6_port = htons((uint16_t)port);
		size = sizeof to.v6;
	} else {
		if (inet_pton(AF_INET, host, &to.v4.sin_addr) != 1)
			return -EINVAL;
		to.v4.sin_family = AF_INET;
		to.v4.sin_port = htons((uint16_t)port);
		size = sizeof to.v4;
	}
	*ret_address = (struct listen_address){ .sockaddr = to.storage, .size = size };
	write_text(ret_address);
	return 0;
}

bool listen_is_loopback(const struct listen_address *address)
{
	union any_address from = { .storage = address->sockaddr };

	if (from.any.sa_family == AF_UNIX)
		return true;
	if (from.any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&from.v6.sin6_addr);
	return ntohl(from.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static int explain(const struct listen_address *address, int error, struct err *err)
{
	if (listen_is_path(address->text))
		return err_set(err, -error,
			       error == EADDRINUSE
				       ? "%s exists and is in use, or is no socket; stop what uses it, or choose another path"
				       : "Cannot listen on %s",
			       address->text);
	switch (error) {
	case EADDRINUSE:
		return err_say(err, -error,
			       "%s is in use by another program. Stop it, or choose another port with --listen 127.0.0.1:PORT.",
			       address->text);
	case EACCES:
		return err_say(err, -error,
			       "Ports below 1024, as in %s, belong to root. Choose another with --listen 127.0.0.1:PORT.",
			       address->text);
	default:
		return err_set(err, -error, "Cannot listen on %s", address->text);
	}
}

/* What a server that was killed has left: a socket that refuses connections. Anything else stays where it is. */
static void remove_stale(const union any_address *to, socklen_t size)
{
	struct stat st;
	_cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || lstat(to->path.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	if (connect(fd, &to->any, size) < 0 && errno == ECONNREFUSED)
		(void)unlink(to->path.sun_path);
}

/* A path's permissions are set by the umask, so that the file is never there with others. */
static int bind_to(int fd, const union any_address *to, socklen_t size)
{
	if (to->any.sa_family != AF_UNIX)
		return bind(fd, &to->any, size);
	remove_stale(to, size);

	mode_t mask = umask(0777 & ~SOCKET_MODE);
	int r = bind(fd, &to->any, size);

	(void)umask(mask);
	return r;
}

int listen_open(struct listen_address *address, int *ret_fd, struct err *err)
{
	union any_address to = { .storage = address->sockaddr };
	_cleanup_(fd_closep) int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd < 0)
		return explain(address, errno, err);
	/* Connections of a server that has just ended would hold the port for a minute; a live listener still does. socket(7) */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 || bind_to(fd, &to, address->size) < 0 ||
	    listen(fd, BACKLOG) < 0 || getsockname(fd, &to.any, &address->size) < 0)
		return explain(address, errno, err);
	address->sockaddr = to.storage;
	write_text(address);
	*ret_fd = fd_take(&fd);
	return 0;
}

int listen_take(int fd, struct listen_address *ret_address, struct err *err)
{
	union any_address from = { 0 };
	socklen_t size = sizeof from, type_size = sizeof(int), is_size = sizeof(int);
	int type = 0, is_listening = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &is_size) < 0 || getsockname(fd, &from.any, &size) < 0)
		return err_set(err, -errno, "The descriptor handed over is no socket");

	int family = from.any.sa_family;
	bool is_path = family == AF_UNIX && from.path.sun_path[0] == '/';

	if (type != SOCK_STREAM || !is_listening || (family != AF_INET && family != AF_INET6 && !is_path))
		return err_say(
			err, -EINVAL,
			"The socket handed over is not one to listen on: it must be of ListenStream=, an address or a path.");
	*ret_address = (struct listen_address){ .sockaddr = from.storage, .size = size };
	write_text(ret_address);
	return 0;
}

int listen_find_passed(int *ret_fd, struct err *err)
{
	const char *count = getenv("LISTEN_FDS"), *whose = getenv("LISTEN_PID");
	uint64_t pid, fds;

	*ret_fd = -EBADF;
	if (!count || !whose || num_parse_u64(whose, 1, INT32_MAX, &pid) < 0 || (pid_t)pid != getpid() ||
	    num_parse_u64(count, 0, INT32_MAX, &fds) < 0 || fds == 0)
		return 0;
	if (fds > 1)
		return err_say(err, -EINVAL,
			       "%d sockets were handed over; the server takes one: leave one ListenStream= in its unit.", (int)fds);
	*ret_fd = FIRST_PASSED_FD;
	return 0;
}

void listen_remove(const struct listen_address *address)
{
	if (listen_is_path(address->text))
		(void)unlink(address->text + strlen(LISTEN_SCHEME));
}
