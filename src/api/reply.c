/* SPDX-License-Identifier: Apache-2.0 */
#include "api/reply.h"

#include "api/asset_hashes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a browser may do with anything that comes from here: the page's own files, and nothing else. Images as data are the figures of
 * programs; the style that is named by its hash is that of the frame which shows their HTML, and which inherits all of this. */
static const struct http_field common_fields[] = {
	{ "Content-Security-Policy",
	  "default-src 'none'; script-src 'self'; style-src 'self' '" ASSET_HASH_DISPLAY_CSS "'; img-src 'self' data:; "
	  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
};

struct fields {
	struct http_field list[2 + ARRAY_SIZE(common_fields) + REPLY_FIELDS_MAX];
	size_t count;
};

static struct fields make_fields(const char *type, const char *cache, const struct http_field *extra, size_t extra_count)
{
	struct fields fields = { .list = { { "Content-Type", type }, { "Cache-Control", cache } }, .count = 2 };

	assert(extra_count <= REPLY_FIELDS_MAX);
	array_for_each(common_fields, field)
		fields.list[fields.count++] = *field;
	for (size_t i = 0; i < extra_count; i++)
		fields.list[fields.count++] = extra[i];
	return fields;
}

struct reply *reply_new(void)
{
	struct reply *reply = calloc(1, sizeof *reply);

	if (reply) {
		reply->out = reply->err = buf_new(1);
		reply->type = "application/json";
	}
	return reply;
}

void reply_free(struct reply *reply)
{
	if (!reply)
		return;
	buf_free(&reply->out);
	buf_free(&reply->err);
	json_out_free(&reply->json);
	if (reply->owned)
		reply->free_owned(reply->owned);
	free(reply);
}

static size_t read_reply(void *state, char *room, size_t size)
{
	struct reply *reply = state;

	return json_out_read(&reply->json, room, size);
}

static void free_reply(void *state)
{
	reply_free(state);
}

static void send_no_memory(struct http_request *request)
{
	static const char text[] = "{\"success\": false, \"error\": \"The server has no memory for the reply.\"}";
	const struct fields fields = make_fields("application/json", "no-store", NULL, 0);

	(void)http_reply_static(request, 500, fields.list, fields.count, text, sizeof text - 1);
}

void reply_send(struct http_request *request, unsigned status, struct reply *reply, const struct http_field *extra, size_t count)
{
	if (!reply || reply->json.is_failed) {
		reply_free(reply);
		send_no_memory(request);
		return;
	}

	const struct fields fields = make_fields(reply->type, "no-store", extra, count);
	const struct http_source body = {
		.size = json_out_size(&reply->json),
		.read = read_reply,
		.free = free_reply,
		.state = reply,
	};

	(void)http_reply(request, status, fields.list, fields.count, &body); /* a failure closes the connection */
}

struct reply *reply_new_error(const char *text)
{
	struct reply *reply = reply_new();

	if (!reply)
		return NULL;
	(void)snprintf(reply->text, sizeof reply->text, "%s", text);
	json_out_raw(&reply->json, "{\"success\": false, \"error\": \"");
	json_out_content(&reply->json, reply->text, strlen(reply->text));
	json_out_raw(&reply->json, "\"}");
	return reply;
}

int reply_stream(struct http_request *request, const char *type, const struct http_field *extra, size_t count,
		 const struct http_stream_source *source)
{
	const struct fields fields = make_fields(type, "no-store", extra, count);

	return http_stream(request, 200, fields.list, fields.count, source);
}

void reply_bytes(struct http_request *request, const char *type, const void *bytes, size_t size)
{
	const struct fields fields = make_fields(type, "no-cache", NULL, 0);

	(void)http_reply_static(request, 200, fields.list, fields.count, bytes, size);
}
