/* SPDX-License-Identifier: Apache-2.0
 * event_stream.h: an answer that is told as it happens: events, each one JSON object, as server-sent events or as NDJSON, and
 * heart-beats between them, so that client and proxies know that nobody has died. What waits for a slow client is bounded.
 */
#pragma once
#include "api/accept.h"
#include "api/call.h"
#include "api/json_out.h"

#include <event2/event_struct.h>

struct event_stream {
	struct call *call;
	enum accept accept;
	struct buf pending; /* events that are not sent yet, from `sent` on */
	size_t sent;
	struct event heartbeat;
	struct json_out last; /* the event that ends it; made while it is sent */
	bool has_last, is_full, is_failed;

	/* The owner's: told that the client is behind, so that nothing more should come for now, or has caught up. */
	void (*on_full)(bool is_full, void *arg);
	/* The stream cannot go on; it ends without its last event. Not called from within another function of this header. */
	void (*on_failed)(void *arg);
	void *arg;
};

/* Prepares it; on_full, on_failed and arg are set by then. -ENOMEM. In any case event_stream_free is to follow. */
int event_stream_init(struct event_stream *stream, struct call *call, enum accept accept);
void event_stream_free(struct event_stream *stream);

/* Begins the answer. On failure (-ENOMEM) the connection is closed. */
int event_stream_start(struct event_stream *stream);

/* An event: open it, add members, send it. What the JSON points to may go away afterwards. */
void event_stream_open(const struct event_stream *stream, const char *name, struct json_out *json);
void event_stream_send(struct event_stream *stream, struct json_out *json);

/* The same for the one that ends the stream; what it points to has to live until event_stream_free. */
void event_stream_finish(struct event_stream *stream, struct json_out *json);
