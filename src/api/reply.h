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
	struct buf out, err;
	char text[ERR_TEXT_BYTES]; /* a sentence of ours */
};

/* NULL: no memory; reply_send bears that. */
struct reply *reply_new(void);
void reply_free(struct reply *reply);

/* Sends it with the common header fields and, when extra is not NULL, one more. Takes the reply over. */
void reply_send(struct http_request *request, unsigned status, struct reply *reply, const struct http_field *extra);

/* Sends {"success": false, "error": text}. */
void reply_error(struct http_request *request, unsigned status, const char *text, const struct http_field *extra);

/* Sends bytes that live for ever, with the common header fields. */
void reply_bytes(struct http_request *request, const char *type, const void *bytes, size_t size);
