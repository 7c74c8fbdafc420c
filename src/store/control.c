/* SPDX-License-Identifier: Apache-2.0
 *
 * `safexec keys` changes the database itself, then connects here: the connection is closed when the running front goes by the keys
 * as they are now. A revoked key is of no use when the command returns.
 */
#include "store/store.h"

#include "base/log.h"
#include "store/control.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 16

struct client {
	struct client *next;
	int fd;
};

/* Relative: the state folder is ours. */
static struct sockaddr_un control_name(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%.100s", name);
	return address;
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
	if (link_is_there(store) && count_waiting(store) < CLIENTS_MAX)
		client = malloc(sizeof *client);
	if (client) {
		*client = (struct client){ .next = store->waiting, .fd = fd_take(&fd) };
		store->waiting = client;
	}
	link_push_keys(store);
}

int control_open(struct store *store, struct err *err)
{
	char text[32];
	const struct sandbox_ids *ids = &store->options->ids;
	_cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(text, sizeof text, CONTROL_PREFIX "%d", (int)getpid());
	const struct sockaddr_un name = control_name(text);

	(void)unlink(text); /* of a process that had our number */
	if (fd < 0 || bind(fd, (const struct sockaddr *)&name, sizeof name) < 0 || chmod(text, 0600) < 0 ||
	    (ids->is_set && lchown(text, ids->uid, ids->gid) < 0) || listen(fd, CLIENTS_MAX) < 0)
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
	if (store->control >= 0) {
		char text[32];

		(void)snprintf(text, sizeof text, CONTROL_PREFIX "%d", (int)getpid());
		(void)unlink(text);
	}
	store->control = fd_close(store->control);
}

/* 1: the store there goes by the keys; 0: there is none any more. */
static int announce_to(const char *text)
{
	const struct sockaddr_un name = control_name(text);
	const struct timeval patience = { .tv_sec = CONTROL_PATIENCE_S };
	char nothing;
	_cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&name, sizeof name) < 0) {
		if (errno != ENOENT && errno != ECONNREFUSED)
			return -errno;
		(void)unlink(text); /* of a store that was killed */
		return 0;
	}
	return read(fd, &nothing, 1) == 0 ? 1 : -ETIMEDOUT;
}

int control_announce(void)
{
	glob_t found = { 0 };
	int r = 0;

	(void)glob(CONTROL_PREFIX "*", 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc && r >= 0; i++) {
		int told = announce_to(found.gl_pathv[i]);

		r = told < 0 ? told : r | told;
	}
	globfree(&found);
	return r;
}
