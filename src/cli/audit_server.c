/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit_server.h"

#include "base/clock.h"
#include "base/fd.h"
#include "cli/command.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_SECONDS 60 /* an image may have to be looked at first */
#define LINE_BYTES    256

static const char announcement[] = "Listening on http://";

/* 0 or a positive errno, as posix_spawn(3) and its friends return it. In a process group of its own, so that Ctrl-C reaches only
 * us, who then end it. */
static int spawn_server(const struct args *args, const char *secret, int out, pid_t *ret_pid)
{
	char path[PATH_MAX], bait[128];
	char *const environment[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, (char[]){ "LANG=C.UTF-8" }, bait, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r = -spawn_path(args->items[0], path, sizeof path);

	if (r != 0)
		return r;
	(void)snprintf(bait, sizeof bait, "SAFEXEC_AUDIT_BAIT=%s", secret);
	r = posix_spawn_file_actions_init(&actions) ?: posix_spawnattr_init(&attributes);
	assert(r == 0); /* glibc's only fill in a struct */
	(void)sigemptyset(&none);
	r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
		    ?: posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	r = r ?: posix_spawnattr_setsigmask(&attributes, &none) ?: posix_spawnattr_setpgroup(&attributes, 0);
	r = r ?: posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	r = r ?: posix_spawn(ret_pid, path, &actions, &attributes, (char *const *)(uintptr_t)args->items, environment);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	return r;
}

/* Its first line, without the newline. -EPIPE: it ended before there was one; -ETIMEDOUT. */
static int read_line(int fd, char line[LINE_BYTES])
{
	nsec_t deadline = clock_now() + START_SECONDS * NSEC_PER_SEC;
	size_t used = 0;

	while (used + 1 < LINE_BYTES) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		nsec_t now = clock_now();
		int r = now < deadline ? poll(&ready, 1, (int)((deadline - now) / NSEC_PER_MSEC) + 1) : 0;

		if (r == 0)
			return -ETIMEDOUT;

		ssize_t n = r < 0 ? -1 : read(fd, line + used, 1);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EPIPE;
		if (n > 0 && line[used++] == '\n') {
			line[used - 1] = '\0';
			return 0;
		}
	}
	return -EMSGSIZE;
}

static int wait_for_end(struct audit_server *server)
{
	int status;

	while (waitpid(server->pid, &status, 0) < 0 && errno == EINTR)
		;
	server->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_FAILED;
}

static int take_address(const char *line, char address[LISTEN_TEXT_BYTES])
{
	size_t prefix = sizeof announcement - 1;
	size_t length = strlen(line);

	if (length <= prefix + 1 || strncmp(line, announcement, prefix) != 0 || length - prefix > LISTEN_TEXT_BYTES)
		return -EPROTO;
	memcpy(address, line + prefix, length - prefix - 1);
	address[length - prefix - 1] = '\0'; /* over the slash */
	return 0;
}

int audit_server_start(struct audit_server *server, const struct args *args, const char *secret, int *ret_status, struct err *err)
{
	int ends[2];
	char line[LINE_BYTES];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, -errno, "Cannot make a pipe");

	_cleanup_(fd_closep) int ours = ends[0], theirs = ends[1];
	int r = -spawn_server(args, secret, theirs, &server->pid);

	if (r < 0) {
		server->pid = 0;
		return err_set(err, r, "Cannot start %s", args->items[0]);
	}
	(void)fd_close(fd_take(&theirs)); /* so that its end is an end of file */
	r = read_line(ours, line);
	if (r == 0)
		r = take_address(line, server->address);
	if (r == -EPIPE) {
		*ret_status = wait_for_end(server);
		return err_say(err, -ECANCELED, "The server did not start; it has said why.");
	}
	if (r < 0) {
		audit_server_stop(server);
		return err_set(err, r, "The server does not say where it listens");
	}
	server->stdout_fd = fd_take(&ours);
	return 0;
}

void audit_server_stop(struct audit_server *server)
{
	if (server->pid == 0)
		return;
	(void)kill(server->pid, SIGTERM);
	(void)wait_for_end(server);
	server->stdout_fd = fd_close(server->stdout_fd);
}
