/* SPDX-License-Identifier: Apache-2.0
 * reply.h: JSON replies. A reply owns what its JSON points to and lives until the last byte is sent.
 */
#pragma once
#include "api/json_out.h"
#include "base/buf.h"
#include "base/err.h"
#include "http/http.h"

struct reply {
	struct json_out json;
	const char *type; /* of its content; lives for ever */
	struct buf out, err;
	char text[ERR_TEXT_BYTES]; /* a sentence of ours */
	void *owned;               /* what the JSON points to beside these; NULL: nothing */
	void (*free_owned)(void *owned);
};

/* NULL: no memory; reply_send bears that. */
struct reply *reply_new(void);
void reply_free(struct reply *reply);

/* {"success": false, "error": text}. */
struct reply *reply_new_error(const char *text);

/* Sends it with the common header fields and these, at most REPLY_FIELDS_MAX. Takes the reply over. */
#define REPLY_FIELDS_MAX 8
void reply_send(struct http_request *request, unsigned status, struct reply *reply, const struct http_field *fields, size_t count);

/* Begins an answer of 200 that goes on. On failure (-ENOMEM) the connection is closed. */
int reply_stream(struct http_request *request, const char *type, const struct http_field *fields, size_t count,
		 const struct http_stream_source *source);

/* Sends bytes that live for ever, with the common header fields. */
void reply_bytes(struct http_request *request, const char *type, const void *bytes, size_t size);
