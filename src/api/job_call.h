/* SPDX-License-Identifier: Apache-2.0
 * job_call.h: what every handler below /v1/jobs does: ask the store, and say why it did not do it.
 */
#pragma once
#include "api/internal.h"

/* link_call for a request, which waits for the answer unless its client leaves; refuses it when nobody can be asked. */
void job_call_ask(struct call *call, enum store_type type, void *frame, size_t size, int *parcel, link_done_fn *done);

/* Refuses with the problem that an answer's status stands for. */
void job_call_refuse(struct call *call, int status);

/* A reply that points into a parcel, which it owns. NULL: no memory, or no parcel. */
struct reply *job_call_reply(int fd, char **ret_parcel, size_t *ret_size);
