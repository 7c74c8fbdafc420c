/* SPDX-License-Identifier: Apache-2.0 */
#include "api/job_call.h"

#include "api/reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void say_no_store(struct call *call)
{
	char why[ERR_TEXT_BYTES];

	call_add_field(call, "Retry-After", "1");
	if (link_has_state(call->api->link, why) || why[0] == '\0')
		(void)snprintf(why, sizeof why, "The store is being restarted.");
	call_say(call, PROBLEM_JOBS_UNAVAILABLE, "Jobs cannot be kept now: %s", why);
}

void job_call_refuse(struct call *call, int status)
{
	switch (status) {
	case -ENOENT:
		call_say(call, PROBLEM_NOT_FOUND, "There is no such job, or it has expired.");
		break;
	case -ENOSPC:
		call_add_field(call, "Retry-After", "5");
		call_say(call, PROBLEM_QUEUE_FULL, "As many jobs wait as may. None of these was accepted; try again.");
		break;
	case -EBUSY:
		call_add_field(call, "Retry-After", "1");
		call_say(call, PROBLEM_QUEUE_FULL, "The store has too much to do. Nothing was accepted; try again.");
		break;
	case -EDQUOT:
		call_add_field(call, "Retry-After", "5");
		call_say(call, PROBLEM_JOBS_UNAVAILABLE,
			 "Jobs cannot be kept now: the disk with the state folder is full. Nothing was changed; programs still "
			 "run.");
		break;
	case -ECONNRESET:
	case -ETIMEDOUT:
		call_add_field(call, "Retry-After", "1");
		call_say(call, PROBLEM_JOBS_UNCERTAIN,
			 "The store broke off, or does not answer. Whether this was done is not known: ask again, with the same "
			 "idempotency_key.");
		break;
	case -ENODATA:
	case -ENOTCONN:
		say_no_store(call);
		break;
	default:
		call_say(call, PROBLEM_INTERNAL, "The store failed; nothing was changed.");
	}
}

static void forget_call(struct call *call)
{
	link_forget(call->api->link, call);
}

void job_call_ask(struct call *call, enum store_type type, void *frame, size_t size, int *parcel, link_done_fn *done)
{
	int r = link_ask(call->api->link, type, frame, size, parcel, done, call);

	if (r < 0)
		job_call_refuse(call, r);
	else
		call->gone = forget_call;
}

struct reply *job_call_reply(int fd, char **ret_parcel, size_t *ret_size)
{
	struct reply *reply = reply_new();

	if (reply && store_read_parcel(fd, STORE_RESULT_MAX_BYTES + MIB, ret_parcel, ret_size) < 0) {
		reply_free(reply);
		reply = NULL;
	}
	if (reply) {
		reply->owned = *ret_parcel;
		reply->free_owned = free;
	}
	return reply;
}
