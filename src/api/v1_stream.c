/* SPDX-License-Identifier: Apache-2.0
 * v1_stream.c: POST /v1/runs answered as it happens: start, stdout, stderr, display, then verdict or problem.
 *
 * A client that reads slowly slows the program down and not the server: the program's streams are not read any more, its pipes
 * fill, and it blocks in write(2), where its wall time goes on.
 */
#include "api/event_stream.h"
#include "api/internal.h"
#include "api/outcome.h"
#include "api/run_answer.h"
#include "api/run_submit.h"
#include "api/utf8.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TAIL_BYTES 4

struct stream {
	struct event_stream events;
	struct run *run; /* NULL: it has ended */
	char id[ID_BYTES];
	struct {
		char bytes[TAIL_BYTES];
		size_t size;
	} tails[2]; /* of each stream: the beginning of a character whose end has not come */
	struct run_outcome *outcome;
};

static void end_run(void *arg)
{
	struct stream *stream = arg;

	if (stream->run)
		run_cancel(stream->run);
	stream->run = NULL;
}

static void hold_run(bool is_full, void *arg)
{
	struct stream *stream = arg;

	if (stream->run)
		run_hold(stream->run, is_full);
}

static void send_output(struct stream *stream, enum run_stream which, const char *bytes, size_t size)
{
	struct json_out json = { 0 };

	if (size == 0)
		return;
	event_stream_open(&stream->events, which == RUN_STDOUT ? "stdout" : "stderr", &json);
	json_out_key(&json, "data");
	json_out_string(&json, bytes, size);
	event_stream_send(&stream->events, &json);
}

/* The tail and what follows it, in one piece; to be freed. */
static char *join(const char *tail, size_t tail_size, const char *bytes, size_t size)
{
	char *joined = malloc(tail_size + size);

	if (joined) {
		memcpy(joined, tail, tail_size);
		memcpy(joined + tail_size, bytes, size);
	}
	return joined;
}

/* Characters come whole: the beginning of one waits for its end. */
static void on_output(enum run_stream which, const char *bytes, size_t size, void *arg)
{
	struct stream *stream = arg;
	char *tail = stream->tails[which].bytes, *joined = NULL;
	size_t *tail_size = &stream->tails[which].size;

	if (*tail_size > 0) {
		joined = join(tail, *tail_size, bytes, size);
		if (!joined) {
			stream->events.is_failed = true;
			return;
		}
		bytes = joined;
		size += *tail_size;
	}

	size_t cut = utf8_cut(bytes, size);

	assert(cut <= TAIL_BYTES);
	send_output(stream, which, bytes, size - cut);
	memcpy(tail, bytes + size - cut, cut);
	*tail_size = cut;
	free(joined);
}

static void on_started(void *arg)
{
	struct stream *stream = arg;
	struct json_out json = { 0 };

	event_stream_open(&stream->events, "start", &json);
	json_out_key(&json, "id");
	json_out_text(&json, stream->id);
	json_out_key(&json, "request_id");
	json_out_text(&json, stream->events.call->request_id);
	event_stream_send(&stream->events, &json);
}

static void on_display(const struct run_display *display, void *arg)
{
	struct stream *stream = arg;
	struct json_out json = { 0 };

	event_stream_open(&stream->events, "display", &json);
	json_out_key(&json, "display");
	run_answer_display(display, &json);
	event_stream_send(&stream->events, &json);
}

static void on_done(struct run_outcome *outcome, void *arg)
{
	struct stream *stream = arg;
	struct problem problem;
	struct json_out json = { 0 };

	stream->run = NULL;
	for (enum run_stream which = RUN_STDOUT; which <= RUN_STDERR; which++)
		send_output(stream, which, stream->tails[which].bytes, stream->tails[which].size);
	stream->outcome = outcome_keep(outcome);
	if (run_answer_problem(outcome, &problem)) {
		event_stream_open(&stream->events, "problem", &json);
		problem_write(&problem, stream->events.call->request_id, &json);
	} else if (stream->outcome) {
		event_stream_open(&stream->events, "verdict", &json);
		run_answer_write(stream->id, stream->outcome, RUN_ANSWER_STREAMED, &json);
	} else {
		stream->events.is_failed = true;
	}
	event_stream_finish(&stream->events, &json);
}

static void on_gone(struct call *call)
{
	end_run(call->work);
}

static void on_ended(struct call *call)
{
	struct stream *stream = call->work;

	end_run(stream);
	event_stream_free(&stream->events);
	outcome_free(stream->outcome);
	free(stream);
}

static const struct run_events events = { .on_started = on_started, .on_output = on_output, .on_display = on_display };

static int submit(struct call *call, struct run_input *input, enum accept accept)
{
	struct stream *stream = calloc(1, sizeof *stream);

	if (!stream)
		return -ENOMEM;
	stream->events.on_full = hold_run;
	stream->events.on_failed = end_run;
	stream->events.arg = stream;
	id_make("run_", stream->id);
	call->work = stream;
	call->ended = on_ended;

	int r = event_stream_init(&stream->events, call, accept);

	return r < 0 ? r : run_submit(call, input, &events, on_done, stream, &stream->run);
}

void serve_v1_stream(struct call *call, struct run_input *input, enum accept accept)
{
	int r = submit(call, input, accept);

	if (r < 0) {
		run_submit_refuse(call, r, input);
		return;
	}

	struct stream *stream = call->work;

	call->gone = on_gone;
	if (event_stream_start(&stream->events) < 0)
		end_run(stream);
}
