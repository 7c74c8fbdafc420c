/* SPDX-License-Identifier: Apache-2.0 */
#include "api/event_stream.h"

#include "api/internal.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>

#define FULL_BYTES    (256 * KIB)
#define GO_ON_BYTES   (64 * KIB)
#define PENDING_BYTES (64 * MIB) /* what made it full, what was in the pipes, and the largest event */
#define BLOCK_BYTES   (64 * KIB)

static void check_full(struct event_stream *stream)
{
	size_t waiting = stream->pending.size - stream->sent;
	bool is_full = waiting > (stream->is_full ? GO_ON_BYTES : FULL_BYTES);

	if (is_full == stream->is_full)
		return;
	stream->is_full = is_full;
	if (stream->on_full)
		stream->on_full(is_full, stream->arg);
}

/* Moves up to `most` bytes of the JSON to what is to be sent. */
static int append(struct event_stream *stream, struct json_out *json, size_t most)
{
	char *room;
	int r = json->is_failed ? -ENOMEM : buf_reserve(&stream->pending, most, &room);

	if (r == 0)
		buf_grow(&stream->pending, json_out_read(json, room, most));
	return r;
}

void event_stream_open(const struct event_stream *stream, const char *name, struct json_out *json)
{
	if (stream->accept == ACCEPT_SSE) {
		json_out_raw(json, "event: ");
		json_out_raw(json, name);
		json_out_raw(json, "\ndata: ");
	}
	json_out_open(json, '{');
	json_out_key(json, "event");
	json_out_text(json, name);
}

static void close_event(const struct event_stream *stream, struct json_out *json)
{
	json_out_close(json, '}');
	json_out_raw(json, stream->accept == ACCEPT_SSE ? "\n\n" : "\n");
}

void event_stream_send(struct event_stream *stream, struct json_out *json)
{
	close_event(stream, json);
	if (append(stream, json, json_out_size(json)) < 0)
		stream->is_failed = true;
	json_out_free(json);
	check_full(stream);
	http_stream_wake(stream->call->http, false);
}

void event_stream_finish(struct event_stream *stream, struct json_out *json)
{
	close_event(stream, json);
	stream->last = *json;
	stream->has_last = true;
	*json = (struct json_out){ 0 };
	(void)event_del(&stream->heartbeat);
	http_stream_wake(stream->call->http, true);
}

static void on_heartbeat(evutil_socket_t fd, short what, void *arg)
{
	struct event_stream *stream = arg;
	struct json_out json = { 0 };

	(void)fd;
	(void)what;
	if (stream->is_full)
		return; /* there is more than enough to read */
	if (stream->accept == ACCEPT_NDJSON) {
		event_stream_open(stream, "heartbeat", &json);
		event_stream_send(stream, &json);
		return;
	}
	if (buf_append_text(&stream->pending, ": heart-beat\n\n") < 0)
		stream->is_failed = true;
	http_stream_wake(stream->call->http, false);
}

/* The next block of the last event, when all before it has been sent. */
static int refill(struct event_stream *stream)
{
	if (stream->sent < stream->pending.size)
		return 0;
	buf_free(&stream->pending);
	stream->sent = 0;
	return stream->has_last ? append(stream, &stream->last, BLOCK_BYTES) : 0;
}

static ssize_t read_events(void *state, char *room, size_t size)
{
	struct event_stream *stream = state;

	if (stream->is_failed || refill(stream) < 0) {
		(void)event_del(&stream->heartbeat);
		stream->on_failed(stream->arg);
		return HTTP_STREAM_END;
	}

	size_t left = stream->pending.size - stream->sent, n = left < size ? left : size;

	if (n > 0)
		memcpy(room, stream->pending.bytes + stream->sent, n);
	stream->sent += n;
	check_full(stream);
	return n == 0 && stream->has_last ? HTTP_STREAM_END : (ssize_t)n;
}

int event_stream_init(struct event_stream *stream, struct call *call, enum accept accept)
{
	stream->call = call;
	stream->accept = accept;
	stream->pending = buf_new(PENDING_BYTES);
	return event_assign(&stream->heartbeat, call->api->options.base, -1, EV_PERSIST, on_heartbeat, stream) < 0 ? -ENOMEM : 0;
}

int event_stream_start(struct event_stream *stream)
{
	uint32_t ms = stream->call->api->options.heartbeat_ms;
	const struct timeval interval = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };
	const struct http_stream_source source = { .read = read_events, .state = stream };

	if (event_add(&stream->heartbeat, &interval) < 0)
		stream->is_failed = true;
	return call_stream(stream->call, accept_type(stream->accept), &source);
}

void event_stream_free(struct event_stream *stream)
{
	if (event_initialized(&stream->heartbeat))
		(void)event_del(&stream->heartbeat);
	json_out_free(&stream->last);
	buf_free(&stream->pending);
}
