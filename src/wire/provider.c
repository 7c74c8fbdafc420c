/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/provider.h"

#include "spec/layers.h"
#include "wire/bundle.h"

#include <stdbool.h>
#include <string.h>

_Static_assert(sizeof(struct wire_job) <= FRAME_MAX_BYTES, "a job fits a frame");
_Static_assert(sizeof(struct wire_verdict) <= FRAME_MAX_BYTES, "a verdict fits a frame");

_Bool wire_check_head(const void *bytes, ssize_t size, enum wire_type type, size_t want_size)
{
	struct wire_head head;

	if (size < 0 || (size_t)size != want_size)
		return false;
	memcpy(&head, bytes, sizeof head);
	return head.magic == WIRE_MAGIC && head.type == (uint32_t)type;
}

int wire_check_job(const struct wire_job *job, const int *fds, size_t fds_count, struct err *err)
{
	const uint64_t max_bytes[] = { job->flags & WIRE_JOB_BUNDLE ? BUNDLE_MAX_BYTES : WIRE_MAX_FILE_BYTES,
				       WIRE_MAX_STDIN_BYTES };

	if ((job->flags & ~WIRE_JOB_ALL) != 0 || job->zero != 0)
		return err_say(err, -EBADMSG, "the job frame has unknown flags");
	if ((job->flags & WIRE_JOB_OUTPUTS && !(job->flags & WIRE_JOB_BUNDLE)) ||
	    (job->flags & WIRE_JOB_REPORT && !(job->flags & WIRE_JOB_TELL)))
		return err_say(err, -EBADMSG, "the job frame lacks a flag that another one needs");
	if (fds_count != (job->flags & WIRE_JOB_STDIN ? 2u : 1u))
		return err_say(err, -EBADMSG, "the job frame has %zu descriptors", fds_count);
	for (size_t i = 0; i < fds_count; i++) {
		uint64_t size;
		int r = fd_check_sealed(fds[i], &size);

		if (r < 0)
			return err_say(err, -EBADMSG, "a file of the job is not a sealed memfd");
		if (size > max_bytes[i])
			return err_say(err, -EBADMSG, "a file of the job is too long");
	}
	return limits_check(&job->limits, err);
}

static bool is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* As names are in a configuration: they become labels of metrics. */
static bool is_name(const char *text, size_t size)
{
	return is_text(text, size) &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] == '\0';
}

int wire_check_verdict(struct wire_verdict *verdict)
{
	const struct result *result = &verdict->result;

	if (result->verdict >= VERDICT_COUNT || result->exit_code < -1 || result->exit_code > 255 || result->signal < 0 ||
	    result->signal > 64 || result->may_have_run > 1 || !refused_is_valid(&result->refused) || verdict->is_whole > 1 ||
	    !is_text(verdict->reason, sizeof verdict->reason))
		return -EBADMSG;
	return 0;
}

int wire_check_cell(struct wire_cell *cell, size_t fds_count)
{
	if (fds_count != 3 || cell->slots == 0 || cell->slot >= cell->slots || !is_name(cell->provider, sizeof cell->provider) ||
	    !is_name(cell->environment, sizeof cell->environment) || !is_text(cell->python, sizeof cell->python) ||
	    (cell->layers & ~LAYERS_ALL) != 0 || cell->zero != 0)
		return -EBADMSG;
	return 0;
}

int wire_check_environment(const struct wire_environment *environment, size_t fds_count)
{
	bool is_fine = fds_count == 0 && is_name(environment->name, sizeof environment->name) &&
		       is_name(environment->provider, sizeof environment->provider) &&
		       is_text(environment->python, sizeof environment->python) &&
		       is_text(environment->preload, sizeof environment->preload);

	return is_fine && environment->idle <= environment->slots ? 0 : -EBADMSG;
}
