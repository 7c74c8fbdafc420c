/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/attach.h"

#include "base/fd.h"
#include "docker/demux.h"
#include "docker/mark.h"
#include "wire/bundle.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_HEAD   8192 /* of the answer */
#define ROOM_BYTES 65536
#define READS      8 /* then others have a turn */
#define MAX_REPORT (BUNDLE_MAX_BYTES + 4 * KIB)

struct attach {
	struct event_base *base;
	const struct attach_events *events;
	void *arg;
	int socket, file;
	int pipes[2]; /* by stream - 1 */
	off_t file_at;
	struct event *on_read, *on_write, *on_pipe; /* on_pipe: while one is full */
	bool is_open;
	struct demux demux;
	struct demux_piece piece;       /* of it, with a mark perhaps */
	struct mark_search searches[2]; /* by stream - 1 */
	const char *part;               /* of the piece, without a mark, what a full pipe has not taken yet */
	size_t part_size;
	struct inside_greeting greeting;
	size_t greeting_left; /* of its bytes, on standard error */
	bool has_greeted;     /* and it was told of */
	struct buf report;
	const char *at; /* the rest of what was read */
	size_t left, head_bytes;
	char room[ROOM_BYTES];
};

static void free_event(struct event **event)
{
	if (*event)
		event_free(*event);
	*event = NULL;
}

void attach_free(struct attach *attach)
{
	if (!attach)
		return;
	free_event(&attach->on_read);
	free_event(&attach->on_write);
	free_event(&attach->on_pipe);
	(void)fd_close(attach->socket);
	(void)fd_close(attach->file);
	(void)fd_close(attach->pipes[0]);
	(void)fd_close(attach->pipes[1]);
	buf_free(&attach->report);
	free(attach);
}

/* The stream is at its end without a mark: what was held back for one is the program's. A pipe that is full loses it. */
static void pass_rest(struct attach *attach)
{
	for (size_t i = 0; i < ARRAY_SIZE(attach->searches); i++) {
		const char *rest;
		size_t size = mark_rest(&attach->searches[i], &rest);

		if (size > 0 && attach->pipes[i] >= 0)
			(void)!write(attach->pipes[i], rest, size);
	}
}

static void end(struct attach *attach, const char *why)
{
	free_event(&attach->on_read);
	free_event(&attach->on_write);
	free_event(&attach->on_pipe);
	pass_rest(attach);
	attach->pipes[0] = fd_close(attach->pipes[0]);
	attach->pipes[1] = fd_close(attach->pipes[1]);
	attach->events->ended(why, attach->arg); /* may free it */
}

/* --- from the Engine to the pipes ------------------------------------------------------------------------------------------- */

static void on_pipe(evutil_socket_t fd, short what, void *arg);

/* 1: written, or nobody wants it; 0: the pipe is full, and we wait for it; -errno. */
static int write_part(struct attach *attach)
{
	int *fd = &attach->pipes[attach->piece.stream - 1];

	while (attach->part_size > 0 && *fd >= 0) {
		ssize_t n = write(*fd, attach->part, attach->part_size);

		if (n >= 0) {
			attach->part += n;
			attach->part_size -= (size_t)n;
		} else if (errno == EPIPE) {
			*fd = fd_close(*fd); /* the front has let the run go */
		} else if (errno == EAGAIN) {
			attach->on_pipe = event_new(attach->base, *fd, EV_WRITE, on_pipe, attach);
			return attach->on_pipe && event_add(attach->on_pipe, NULL) == 0 ? 0 : -ENOMEM;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	attach->part_size = 0;
	return 1;
}

static void take_greeting(struct attach *attach)
{
	struct demux_piece *piece = &attach->piece;
	size_t part = piece->size < attach->greeting_left ? piece->size : attach->greeting_left;

	if (piece->stream != DEMUX_STDERR)
		return;
	memcpy((char *)&attach->greeting + sizeof attach->greeting - attach->greeting_left, piece->bytes, part);
	attach->greeting_left -= part;
	piece->bytes += part;
	piece->size -= part;
}

/* Takes a piece apart into what is the program's and what follows the mark. Returns as write_part. */
static int pass_piece(struct attach *attach)
{
	struct demux_piece *piece = &attach->piece;
	struct mark_search *search = &attach->searches[piece->stream - 1];

	if (attach->greeting_left > 0)
		take_greeting(attach);

	int r = write_part(attach);

	while (r > 0 && mark_next(search, &piece->bytes, &piece->size, &attach->part, &attach->part_size))
		r = write_part(attach);
	if (r <= 0 || piece->size == 0)
		return r;
	if (piece->stream == DEMUX_STDERR)
		r = buf_append(&attach->report, piece->bytes, piece->size);
	piece->size = 0;
	return r < 0 ? r : 1;
}

/* Writes all that was read: 1, or 0 when a pipe is full. */
static int pass_on(struct attach *attach)
{
	int r = pass_piece(attach);

	while (r > 0) {
		r = demux_next(&attach->demux, &attach->at, &attach->left, &attach->piece);
		if (r == 0)
			return 1;
		if (r > 0)
			r = pass_piece(attach);
	}
	return r;
}

static bool has_report(const struct attach *attach)
{
	return mark_is_found(&attach->searches[0]) && mark_is_found(&attach->searches[1]) && attach->report.size > 0;
}

/* Once: it is there, and the caller tells of it. */
static bool is_greeting(struct attach *attach)
{
	if (!attach->searches[0].mark || attach->has_greeted || attach->greeting_left > 0)
		return false;
	attach->has_greeted = true;
	return true;
}

/* Looks for the end of the answer's head. 1: it is there; 0: more is needed. */
static int read_head(struct attach *attach)
{
	char *end_of_head = memmem(attach->room, attach->head_bytes, "\r\n\r\n", 4);
	bool is_upgraded = attach->head_bytes >= 12 && (memcmp(attach->room, "HTTP/1.1 101", 12) == 0);

	if (!end_of_head)
		return attach->head_bytes >= MAX_HEAD ? -EBADMSG : 0;
	if (!is_upgraded)
		return -ECONNREFUSED;
	attach->at = end_of_head + 4;
	attach->left = attach->head_bytes - (size_t)(attach->at - attach->room);
	attach->is_open = true;
	return 1;
}

static const char *explain(int r)
{
	switch (r) {
	case -ECONNREFUSED:
		return "the Engine does not attach to the container";
	case -EBADMSG:
		return "the Engine's stream of the container's output makes no sense";
	default:
		return "the container's output cannot be passed on";
	}
}

/* One read(2). 1: there may be more; 0: nothing for now; -EPIPE: the end; other -errno. */
static int read_some(struct attach *attach, bool *ret_has_opened)
{
	size_t used = attach->is_open ? 0 : attach->head_bytes;
	ssize_t n = recv(attach->socket, attach->room + used, (attach->is_open ? ROOM_BYTES : MAX_HEAD) - used, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : errno == ECONNRESET ? -EPIPE : -errno;
	if (n == 0)
		return -EPIPE;
	if (attach->is_open) {
		attach->at = attach->room;
		attach->left = (size_t)n;
	} else {
		attach->head_bytes += (size_t)n;

		int r = read_head(attach);

		if (r <= 0)
			return r;
		*ret_has_opened = true;
	}
	return pass_on(attach);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct attach *attach = arg;
	bool has_opened = false;
	int r = 1;

	(void)fd;
	(void)what;
	for (int i = 0; i < READS && r > 0 && !has_opened; i++)
		r = read_some(attach, &has_opened);
	if (r == -EPIPE) {
		end(attach,
		    attach->is_open && demux_may_end(&attach->demux) ? NULL : "the Engine broke off the container's output");
		return;
	}
	if (r < 0) {
		end(attach, explain(r));
		return;
	}
	if (attach->on_pipe)
		(void)event_del(attach->on_read);
	if (has_opened)
		attach->events->opened(attach->arg);
	else if (is_greeting(attach))
		attach->events->greeted(&attach->greeting, attach->arg);
	else if (has_report(attach))
		attach->events->reported(&attach->report, attach->arg); /* may free it */
}

static void on_pipe(evutil_socket_t fd, short what, void *arg)
{
	struct attach *attach = arg;

	(void)fd;
	(void)what;
	free_event(&attach->on_pipe);

	int r = pass_on(attach);

	if (r > 0)
		r = event_add(attach->on_read, NULL);
	if (r < 0)
		end(attach, explain(r));
	else if (has_report(attach))
		attach->events->reported(&attach->report, attach->arg);
}

/* --- from a file to the Engine ---------------------------------------------------------------------------------------------- */

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct attach *attach = arg;
	ssize_t n;

	(void)what;
	do {
		n = sendfile(fd, attach->file, &attach->file_at, ROOM_BYTES);
	} while (n > 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	free_event(&attach->on_write);
	attach->file = fd_close(attach->file);
	if (n < 0)
		end(attach, "the program cannot be sent to the container");
	else
		attach->events->fed(attach->arg);
}

void attach_feed(struct attach *attach, int file_fd)
{
	attach->file = file_fd;
	attach->on_write = event_new(attach->base, attach->socket, EV_WRITE | EV_PERSIST, on_writable, attach);
	if (!attach->on_write || event_add(attach->on_write, NULL) < 0)
		end(attach, "there is no memory to send the program");
}

void attach_end_input(struct attach *attach)
{
	free_event(&attach->on_write);
	(void)shutdown(attach->socket, SHUT_WR);
}

/* --- opening ------------------------------------------------------------------------------------------------------------------ */

/* A unix socket connects at once or not at all; the request is far smaller than its buffer. */
static int ask(const struct attach *attach, const char *socket_path, const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	char request[512];
	int n = snprintf(request, sizeof request,
			 "POST %s HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n",
			 path);

	if (n < 0 || (size_t)n >= sizeof request || strlen(socket_path) >= sizeof name.sun_path)
		return -ENAMETOOLONG;
	(void)snprintf(name.sun_path, sizeof name.sun_path, "%s", socket_path);
	if (connect(attach->socket, (struct sockaddr *)&name, sizeof name) < 0)
		return -errno;
	return send(attach->socket, request, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -EIO;
}

int attach_open(struct event_base *base, const char *socket_path, const char *path, int out_fd, int error_fd,
		const struct mark *mark, const struct attach_events *events, void *arg, struct attach **ret_attach)
{
	struct attach *attach = calloc(1, sizeof *attach);

	if (!attach) {
		(void)fd_close(out_fd);
		(void)fd_close(error_fd);
		return -ENOMEM;
	}
	attach->base = base;
	attach->events = events;
	attach->arg = arg;
	attach->file = -EBADF;
	attach->pipes[0] = out_fd;
	attach->pipes[1] = error_fd;
	attach->piece.stream = DEMUX_STDOUT;
	attach->searches[0].mark = attach->searches[1].mark = mark;
	attach->greeting_left = mark ? sizeof attach->greeting : 0;
	attach->report = buf_new(MAX_REPORT);
	attach->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	int r = attach->socket < 0 ? -errno : ask(attach, socket_path, path);

	for (size_t i = 0; i < ARRAY_SIZE(attach->pipes) && r == 0; i++)
		r = fd_set_nonblock(attach->pipes[i], true);
	if (r == 0) {
		attach->on_read = event_new(base, attach->socket, EV_READ | EV_PERSIST, on_readable, attach);
		r = attach->on_read && event_add(attach->on_read, NULL) == 0 ? 0 : -ENOMEM;
	}
	if (r < 0) {
		attach_free(attach);
		return r;
	}
	*ret_attach = attach;
	return 0;
}
