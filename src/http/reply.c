/* SPDX-License-Identifier: Apache-2.0 */
#include "http/internal.h"
#include "http/watch.h"

#include <assert.h>
#include <stdlib.h>

#define BLOCK_BYTES 16384 /* made at once of a body that is made while it is sent */

struct sending {
	struct http_source source;
	struct http_server *server;
};

static ssize_t read_source(void *arg, uint64_t position, char *room, size_t size)
{
	struct sending *sending = arg;

	(void)position;
	sending->server->turns_left_over = 0; /* a long body takes many turns, and each gets on */
	return (ssize_t)sending->source.read(sending->source.state, room, size);
}

static void free_source(void *arg)
{
	struct sending *sending = arg;

	sending->source.free(sending->source.state);
	free(sending);
}

static struct MHD_Response *make_from_source(struct http_server *server, const struct http_source *body)
{
	struct sending *sending = malloc(sizeof *sending);

	if (!sending)
		return NULL;
	*sending = (struct sending){ .source = *body, .server = server };

	struct MHD_Response *response =
		MHD_create_response_from_callback(body->size, BLOCK_BYTES, read_source, sending, free_source);

	if (!response)
		free(sending);
	return response;
}

static bool add_fields(struct MHD_Response *response, const struct http_field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (MHD_add_response_header(response, fields[i].name, fields[i].value) != MHD_YES)
			return false;
	}
	return true;
}

/* Hands the reply to the library: now when it is calling us, else as soon as the connection runs again. */
static int answer(struct http_request *request, unsigned status, const struct http_field *fields, size_t count,
		  struct MHD_Response *response)
{
	static const struct http_field close_field = { "Connection", "close" };
	bool is_whole = response && add_fields(response, fields, count) &&
			(!request->server->is_stopping || add_fields(response, &close_field, 1));

	assert(!request->response && request->state < REQUEST_ANSWERED);
	if (response && !is_whole)
		MHD_destroy_response(response);
	request->response = is_whole ? response : NULL;
	request->status = status;
	request->is_gone = !is_whole;
	if (request->is_suspended)
		request_resume(request);
	return is_whole ? 0 : -ENOMEM;
}

int http_reply(struct http_request *request, unsigned status, const struct http_field *fields, size_t fields_count,
	       const struct http_source *body)
{
	struct MHD_Response *response = make_from_source(request->server, body);

	if (!response)
		body->free(body->state);
	return answer(request, status, fields, fields_count, response);
}

int http_reply_static(struct http_request *request, unsigned status, const struct http_field *fields, size_t fields_count,
		      const void *bytes, size_t size)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(size, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT);

	return answer(request, status, fields, fields_count, response);
}

/* The library asks for more: either there is some, or the request sleeps until http_stream_wake. It would ask without a pause. */
static ssize_t read_stream(void *arg, uint64_t position, char *room, size_t size)
{
	struct http_request *request = arg;

	(void)position;
	if (request->is_gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;

	ssize_t n = request->stream.read(request->stream.state, room, size);

	if (n > 0)
		request->server->turns_left_over = 0;
	if (n == 0) {
		request_suspend(request);
		return 0;
	}
	if (n == HTTP_STREAM_END) {
		request->state = REQUEST_ANSWERED;
		return MHD_CONTENT_READER_END_OF_STREAM;
	}
	if (!request->is_last)
		connection_set_deadline(request->connection, request->server->options.reply_ms);
	return n;
}

int http_stream(struct http_request *request, unsigned status, const struct http_field *fields, size_t fields_count,
		const struct http_stream_source *source)
{
	request->stream = *source;
	return answer(request, status, fields, fields_count,
		      MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, request, NULL));
}

void http_stream_wake(struct http_request *request, bool is_last)
{
	if (is_last && !request->is_last)
		connection_set_deadline(request->connection, request->server->options.reply_ms);
	request->is_last = is_last;
	if (request->is_suspended && request->state == REQUEST_STREAMS)
		request_resume(request);
}
