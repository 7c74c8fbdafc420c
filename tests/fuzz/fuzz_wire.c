/* SPDX-License-Identifier: Apache-2.0
 * Frames: whatever bytes come as a frame with a descriptor or two, each check refuses them or vouches for what it promises.
 */
#include "wire/provider.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_job(const void *bytes, ssize_t size)
{
	_cleanup_(fd_closep) int code = fd_new_sealed("code", "1", 1);
	struct wire_job job;
	struct err err = { 0 };

	if (!wire_is(bytes, size, WIRE_JOB, wire_job))
		return;
	memcpy(&job, bytes, sizeof job);
	if (wire_check_job(&job, (int[]){ code, code }, job.flags & WIRE_JOB_STDIN ? 2 : 1, &err) < 0)
		check(err.text[0] != '\0');
	else
		check(limits_check(&job.limits, NULL) == 0 && job.zero == 0);
}

/* What it says of refused calls can be shown: each has a name of its own, and the sentence ends. */
static void check_refused(const struct refused *refused)
{
	char name[REFUSED_NAME_BYTES], sentence[ERR_TEXT_BYTES];

	refused_sentence(refused, sentence, sizeof sentence);
	check(sentence[0] == '\0' || sentence[strlen(sentence) - 1] == '.');
	check((refused_sum(refused) == 0) == (sentence[0] == '\0'));
	array_for_each(refused->calls, call) {
		refused_name(call->what, name);
		check(call->count == 0 || strcmp(name, "other") != 0);
	}
}

static void check_verdict(const void *bytes, ssize_t size)
{
	struct wire_verdict verdict;

	if (!wire_is(bytes, size, WIRE_VERDICT, wire_verdict))
		return;
	memcpy(&verdict, bytes, sizeof verdict);
	if (wire_check_verdict(&verdict) < 0)
		return;
	check_refused(&verdict.result.refused);
	check(strlen(verdict.reason) < sizeof verdict.reason && strcmp(verdict_name(verdict.result.verdict), "unknown") != 0 &&
	      signal_name(verdict.result.signal) != NULL);
}

static void check_cell(const void *bytes, ssize_t size)
{
	struct wire_cell cell;

	if (!wire_is(bytes, size, WIRE_CELL, wire_cell))
		return;
	memcpy(&cell, bytes, sizeof cell);
	if (wire_check_cell(&cell, 3) == 0)
		check(strlen(cell.provider) < sizeof cell.provider && strlen(cell.environment) < sizeof cell.environment &&
		      cell.slot < cell.slots);
}

static void check_environment(const void *bytes, ssize_t size)
{
	struct wire_environment environment;

	if (!wire_is(bytes, size, WIRE_ENVIRONMENT, wire_environment))
		return;
	memcpy(&environment, bytes, sizeof environment);
	if (wire_check_environment(&environment, 0) == 0)
		check(strlen(environment.name) < sizeof environment.name && !strchr(environment.name, '"') &&
		      strlen(environment.preload) < sizeof environment.preload &&
		      strlen(environment.python) < sizeof environment.python && environment.idle <= environment.slots);
}

/* The frame goes through a real socket, so that what frame_recv says of its size is what the checks see. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char frame[FRAME_MAX_BYTES];
	size_t fds_count;
	int ends[2];

	if (size == 0 || size > FRAME_MAX_BYTES || frame_new_pair(ends) < 0)
		return 0;
	check(frame_send(ends[0], bytes, size, NULL, 0) == 0);

	ssize_t got = frame_recv(ends[1], frame, sizeof frame, NULL, 0, &fds_count);

	check(got == (ssize_t)size && fds_count == 0);
	check_job(frame, got);
	check_verdict(frame, got);
	check_cell(frame, got);
	check_environment(frame, got);
	(void)fd_close(ends[0]);
	(void)fd_close(ends[1]);
	return 0;
}
