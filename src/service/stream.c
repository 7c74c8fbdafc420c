/* SPDX-License-Identifier: Apache-2.0 */
#include "service/internal.h"

#include <stdlib.h>
#include <unistd.h>

#define FIRST_READ_BYTES 4096
#define FIRST_SEGMENTS   8
#define MAX_SEGMENTS     65536 /* half a megabyte; a power of two times the first */
#define READS_AT_ONCE    16    /* then the other descriptors of the loop have a turn */
#define MAX_DRAIN_READS  4096  /* a pipe holds at most a mebibyte, unless root has it otherwise */

/* Adds a piece to the order of arrival. When there are too many, the order is given up: one last segment a stream. -ENOMEM. */
static int note_segment(struct run *run, enum run_stream which, size_t size)
{
	struct run_segment *last = run->segments_count > 0 ? &run->segments[run->segments_count - 1] : NULL;

	if (run->segments_count == MAX_SEGMENTS && last->stream != which)
		last--;
	if (last && last->stream == which) {
		last->size += (uint32_t)size;
		return 0;
	}
	if (!run->segments || run->segments_count == run->segments_room) {
		size_t room = run->segments_room > 0 ? 2 * run->segments_room : FIRST_SEGMENTS;
		struct run_segment *more = reallocarray(run->segments, room, sizeof *more);

		if (!more)
			return -ENOMEM;
		run->segments = more;
		run->segments_room = room;
	}
	run->segments[run->segments_count++] = (struct run_segment){ .stream = which, .size = (uint32_t)size };
	return 0;
}

static int take_output(struct stream *stream, const char *bytes, size_t size)
{
	struct run *run = stream->run;

	run_note_started(run);
	run->output_bytes += size;
	if (run->events->on_output)
		run->events->on_output(stream->which, bytes, size, run->arg);
	return note_segment(run, stream->which, size);
}

/* Keeps the first bytes. Returns what read(2) returns, or -errno. */
static ssize_t read_kept(struct stream *stream)
{
	struct buf *bytes = &stream->bytes;
	size_t left = bytes->max - bytes->size;
	size_t size = bytes->size < FIRST_READ_BYTES ? FIRST_READ_BYTES : bytes->size;
	char *room;

	if (size > left)
		size = left;

	int r = buf_reserve(bytes, size, &room);

	if (r < 0)
		return r;

	ssize_t n = read(stream->fd, room, size);

	if (n < 0)
		return -errno;
	buf_grow(bytes, (size_t)n);
	r = n > 0 ? take_output(stream, room, (size_t)n) : 0;
	return r < 0 ? r : n;
}

/* Throws the rest away, so that the program is not blocked by a full pipe until it is stopped. */
static ssize_t read_discarded(struct stream *stream)
{
	char room[16384];
	ssize_t n = read(stream->fd, room, sizeof room);

	if (n < 0)
		return -errno;
	if (n > 0) {
		stream->is_truncated = true;
		stream->run->output_bytes += (uint64_t)n;
		run_stop_output(stream->run);
	}
	return n;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *stream = arg;
	ssize_t n = 1;

	(void)fd;
	(void)what;
	for (int i = 0; i < READS_AT_ONCE && n > 0 && !stream->run->is_held; i++)
		n = stream->bytes.size < stream->bytes.max ? read_kept(stream) : read_discarded(stream);
	if (n > 0 || n == -EAGAIN || n == -EINTR)
		return;
	if (n == 0) {
		stream_close(stream);
		run_check_end(stream->run);
	} else {
		run_fault(stream->run, "a stream of the program could not be read");
	}
}

int stream_open(struct stream *stream, struct run *run, int *fd)
{
	stream->run = run;
	if (event_assign(&stream->event, run->service->base, *fd, EV_READ | EV_PERSIST, on_readable, stream) < 0 ||
	    event_add(&stream->event, NULL) < 0)
		return -ENOMEM;
	stream->fd = fd_take(fd);
	return 0;
}

void stream_hold(struct stream *stream, bool is_held)
{
	if (stream->fd < 0)
		return;
	if (is_held)
		(void)event_del(&stream->event);
	else
		(void)event_add(&stream->event, NULL); /* cannot fail: it was added before and its memory is there */
}

int stream_drain(struct stream *stream)
{
	ssize_t n = 1;

	for (int i = 0; i < MAX_DRAIN_READS && (n > 0 || n == -EINTR) && stream->fd >= 0; i++)
		n = stream->bytes.size < stream->bytes.max ? read_kept(stream) : read_discarded(stream);
	stream_close(stream);
	return n < 0 && n != -EAGAIN ? (int)n : 0;
}

void stream_close(struct stream *stream)
{
	if (stream->fd < 0)
		return;
	(void)event_del(&stream->event);
	stream->fd = fd_close(stream->fd);
}
