/* SPDX-License-Identifier: Apache-2.0
 * observe.h: what is told of requests and runs once they have ended: counted, written to the audit log, and on request to standard
 * error, a JSON object a line. Code, output, environment values and keys are in none of these.
 */
#pragma once
#include "service/run.h"

struct api;
struct call;

/* Who asked for a run, and for what: the SHA-256 of the request's body. */
struct run_tag observe_tag(uint64_t key, const char *request_id, const void *body, size_t size);

/* A run has ended; outcome NULL: its client left. */
void observe_run(struct api *api, const struct run_tag *tag, const struct run_outcome *outcome);

/* How long who comes now will wait for a cell, roughly, by what runs took lately, with so many jobs before them. */
uint64_t observe_guess_wait_ms(const struct api *api, uint64_t jobs_before);

/* A request was answered, or its client left. */
void observe_request(const struct call *call);
