/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/listen.h"

#include "base/fd.h"
#include "base/num.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define BACKLOG 1024 /* requests wait here until the first cell is ready, and while a front is replaced */

union any_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage storage;
};

/* Brings the text in step with the address. */
static void write_text(struct listen_address *address)
{
	union any_address from = { .storage = address->sockaddr };
	bool is_v6 = from.any.sa_family == AF_INET6;
	char host[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(from.any.sa_family, is_v6 ? (void *)&from.v6.sin6_addr : (void *)&from.v4.sin_addr, host, sizeof host);
	(void)snprintf(address->text, sizeof address->text, is_v6 ? "[%s]:%u" : "%s:%u", host,
		       ntohs(is_v6 ? from.v6.sin6_port : from.v4.sin_port));
}

int listen_parse(const char *text, struct listen_address *ret_address)
{
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

	if (from.any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&from.v6.sin6_addr);
	return ntohl(from.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static int explain(const struct listen_address *address, int error, struct err *err)
{
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

int listen_open(struct listen_address *address, int *ret_fd, struct err *err)
{
	union any_address to = { .storage = address->sockaddr };
	_cleanup_(fd_closep) int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd < 0)
		return explain(address, errno, err);
	/* Connections of a server that has just ended would hold the port for a minute; a live listener still does. socket(7) */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 || bind(fd, &to.any, address->size) < 0 ||
	    listen(fd, BACKLOG) < 0 || getsockname(fd, &to.any, &address->size) < 0)
		return explain(address, errno, err);
	address->sockaddr = to.storage;
	write_text(address);
	*ret_fd = fd_take(&fd);
	return 0;
}
