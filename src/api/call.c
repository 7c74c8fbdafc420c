/* SPDX-License-Identifier: Apache-2.0 */
#include "api/call.h"

#include <stdarg.h>
#include <stdio.h>

void call_add_field(struct call *call, const char *name, const char *format, ...)
{
	va_list args;

	if (call->fields_count == CALL_FIELDS_MAX)
		return;
	va_start(args, format);
	int n = vsnprintf(call->fields[call->fields_count].value, CALL_FIELD_BYTES, format, args);
	va_end(args);
	if (n < 0 || n >= CALL_FIELD_BYTES)
		return;
	call->fields[call->fields_count++].name = name;
}

static void list_fields(const struct call *call, struct http_field fields[CALL_FIELDS_MAX])
{
	for (size_t i = 0; i < call->fields_count; i++)
		fields[i] = (struct http_field){ call->fields[i].name, call->fields[i].value };
}

static void send(struct call *call, unsigned status, struct reply *reply)
{
	struct http_field fields[CALL_FIELDS_MAX];

	list_fields(call, fields);
	call->status = status;
	call->gone = NULL;
	reply_send(call->http, status, reply, fields, call->fields_count);
}

void call_answer(struct call *call, unsigned status, struct reply *reply)
{
	send(call, status, reply);
}

int call_stream(struct call *call, const char *type, const struct http_stream_source *source)
{
	struct http_field fields[CALL_FIELDS_MAX];

	list_fields(call, fields);
	call->status = 200;
	return reply_stream(call->http, type, fields, call->fields_count, source);
}

void call_refuse(struct call *call, const struct problem *problem)
{
	const struct problem_row *row = &problem_rows[problem->kind];
	struct reply *reply = reply_new();

	if (!call->is_v1) {
		reply_free(reply);
		reply = reply_new_error(problem->detail);
	} else if (reply) {
		reply->type = "application/problem+json";
		json_out_open(&reply->json, '{');
		problem_write(problem, call->request_id, &reply->json);
		json_out_close(&reply->json, '}');
	}
	send(call, row->status, reply);
}

void call_say(struct call *call, enum problem_kind kind, const char *format, ...)
{
	struct problem problem = { .kind = kind };
	va_list args;

	va_start(args, format);
	(void)vsnprintf(problem.detail, sizeof problem.detail, format, args);
	va_end(args);
	call_refuse(call, &problem);
}
