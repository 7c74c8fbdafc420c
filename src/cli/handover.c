/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/handover.h"

#include "base/fd.h"
#include "cli/spawn.h"

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION    2
#define MAX_WORDS  256
#define LINE_BYTES (64 * KIB)

void handover_write(const struct handover *h, char text[static HANDOVER_TEXT_BYTES])
{
	(void)snprintf(text, HANDOVER_TEXT_BYTES,
		       "%d listen=%d turn=%u warden=%d/%d front=%d/%d ids=%u/%u store=%d/%d sender=%d/%d", VERSION, h->listen_fd,
		       h->turn, h->warden, h->warden_fd, h->front, h->front_fd, h->front_uid, h->front_gid, h->store, h->store_fd,
		       h->sender, h->sender_fd);
}

/* Who is there has a descriptor, who is not has none. */
static bool is_helper(pid_t pid, int fd)
{
	return pid > 0 ? fd >= 3 || fd == -EBADF : pid == 0 && fd == -EBADF;
}

int handover_read(const char *text, struct handover *ret_handover)
{
	struct handover h = { 0 };
	int version, end = 0;

	if (sscanf(text, "%d listen=%d turn=%u warden=%d/%d front=%d/%d ids=%u/%u store=%d/%d sender=%d/%d%n", &version,
		   &h.listen_fd, &h.turn, &h.warden, &h.warden_fd, &h.front, &h.front_fd, &h.front_uid, &h.front_gid, &h.store,
		   &h.store_fd, &h.sender, &h.sender_fd, &end) != 13 ||
	    text[end] != '\0' || version != VERSION)
		return -EBADMSG;
	if (h.listen_fd < 3 || h.warden_fd < 3 || h.warden < 1 || h.turn < 1 || !is_helper(h.front, h.front_fd) ||
	    !is_helper(h.store, h.store_fd) || !is_helper(h.sender, h.sender_fd))
		return -EBADMSG;
	*ret_handover = h;
	return 0;
}

/* Our own command line, which the subcommand's functions no longer have. words point into line. proc(5) */
static int read_words(char *line, size_t size, char *words[static MAX_WORDS + 1])
{
	_cleanup_(fd_closep) int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	size_t used = 0, count = 0;

	if (fd < 0)
		return -errno;
	for (ssize_t n; (n = read(fd, line + used, size - used)) != 0; used += (size_t)n) {
		if (n < 0)
			return -errno;
	}
	if (used == size || used == 0)
		return -E2BIG;
	for (size_t at = 0; at < used; at += strlen(line + at) + 1) {
		if (count == MAX_WORDS)
			return -E2BIG;
		words[count++] = line + at;
	}
	words[count] = NULL;
	return 0;
}

/* The file that a new version is put in the place of: the kernel marks ours as deleted then, but its folder is right. */
static int prepare(char path[static PATH_MAX], char *line, char *words[static MAX_WORDS + 1], struct err *err)
{
	int r = spawn_path("safexec", path, PATH_MAX);

	if (r == 0)
		r = read_words(line, LINE_BYTES, words);
	return r < 0 ? err_set(err, r, "Cannot tell how this server was started") : 0;
}

int handover_start_check(pid_t *ret_pid, struct err *err)
{
	char path[PATH_MAX], line[LINE_BYTES], *words[MAX_WORDS + 1];
	int r = prepare(path, line, words, err);

	if (r < 0)
		return r;
	(void)setenv(HANDOVER_VARIABLE, HANDOVER_CHECK, 1);
	r = posix_spawn(ret_pid, path, NULL, NULL, words, environ);
	(void)unsetenv(HANDOVER_VARIABLE);
	return r != 0 ? err_set(err, -r, "Cannot start %s", path) : 0;
}

static void keep_open(const int *fds, size_t count, bool is_kept)
{
	for (size_t i = 0; i < count; i++) {
		if (fds[i] >= 0)
			(void)fcntl(fds[i], F_SETFD, is_kept ? 0 : FD_CLOEXEC);
	}
}

int handover_exec(const struct handover *handover, struct err *err)
{
	char path[PATH_MAX], line[LINE_BYTES], *words[MAX_WORDS + 1], text[HANDOVER_TEXT_BYTES];
	const int fds[] = { handover->listen_fd, handover->warden_fd, handover->front_fd, handover->store_fd, handover->sender_fd };
	int r = prepare(path, line, words, err);

	if (r < 0)
		return r;
	keep_open(fds, ARRAY_SIZE(fds), true);
	handover_write(handover, text);
	(void)setenv(HANDOVER_VARIABLE, text, 1);
	(void)execv(path, words);
	r = -errno;
	(void)unsetenv(HANDOVER_VARIABLE);
	keep_open(fds, ARRAY_SIZE(fds), false);
	return err_set(err, r, "Cannot start %s", path);
}
