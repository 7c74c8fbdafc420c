/* SPDX-License-Identifier: Apache-2.0
 *
 * `safexec keys` changes the database itself, then connects here: the connection is closed when the running front goes by the keys
 * as they are now. A revoked key is of no use when the command returns.
 */
#include "store/store.h"

#include "base/log.h"
#include "store/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 16

struct client {
	struct client *next;
	int fd;
};

static struct sockaddr_un control_name(void)
{
	return (struct sockaddr_un){ .sun_family = AF_UNIX, .sun_path = CONTROL_NAME }; /* relative: the state folder is ours */
}

void control_release(struct store *store)
{
	while (store->waiting) {
		struct client *client = store->waiting;

		store->waiting = client->next;
		(void)fd_close(client->fd);
		free(client);
	}
}

static unsigned count_waiting(const struct store *store)
{
	unsigned count = 0;

	for (const struct client *client = store->waiting; client; client = client->next)
		count++;
	return count;
}

static void on_client(evutil_socket_t listener, short what, void *arg)
{
	struct store *store = arg;
	_cleanup_(fd_closep) int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client = NULL;

	(void)what;
	if (fd < 0)
		return;
	if (store->front >= 0 && count_waiting(store) < CLIENTS_MAX)
		client = malloc(sizeof *client);
	if (client) {
		*client = (struct client){ .next = store->waiting, .fd = fd_take(&fd) };
		store->waiting = client;
	}
	link_push_keys(store);
}

int control_open(struct store *store, struct err *err)
{
	const struct sockaddr_un name = control_name();
	const struct sandbox_ids *ids = &store->options->ids;
	_cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)unlink(CONTROL_NAME); /* of a store that was killed: the lock says that it is gone */
	if (fd < 0 || bind(fd, (const struct sockaddr *)&name, sizeof name) < 0 || chmod(CONTROL_NAME, 0600) < 0 ||
	    (ids->is_set && lchown(CONTROL_NAME, ids->uid, ids->gid) < 0) || listen(fd, CLIENTS_MAX) < 0)
		return err_set(err, -errno, "Cannot listen in the state folder");
	store->on_control = event_new(store->loop, fd, EV_READ | EV_PERSIST, on_client, store);
	if (!store->on_control || event_add(store->on_control, NULL) < 0)
		return err_say(err, -ENOMEM, "There is no memory.");
	store->control = fd_take(&fd);
	return 0;
}

void control_close(struct store *store)
{
	control_release(store);
	if (store->on_control)
		event_free(store->on_control);
	store->on_control = NULL;
	store->control = fd_close(store->control);
}

int control_announce(void)
{
	const struct sockaddr_un name = control_name();
	const struct timeval patience = { .tv_sec = CONTROL_PATIENCE_S };
	char nothing;
	_cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&name, sizeof name) < 0)
		return errno == ENOENT || errno == ECONNREFUSED ? 0 : -errno;
	return read(fd, &nothing, 1) == 0 ? 1 : -ETIMEDOUT;
}
