/* SPDX-License-Identifier: Apache-2.0 */
#include "service/internal.h"

#include <stdlib.h>
#include <string.h>

static const struct run_events no_events = { 0 };

/* What no part below can do yet. */
static bool is_unsupported(const struct run_request *request)
{
	return !request->code || request->files_count > 0 || request->in || request->args_count > 0 || request->env_count > 0 ||
	       request->outputs_count > 0 || request->wants_value || request->wants_displays || request->is_check ||
	       (request->entrypoint && strcmp(request->entrypoint, "script.py") != 0);
}

/* A name as long as the room is none that a provider has. */
static int copy_name(const char *name, char *room, size_t size)
{
	size_t length = name ? strlen(name) : 0;

	if (length >= size)
		return -ENOENT;
	memcpy(room, name ? name : "", length + 1);
	return 0;
}

static int fill(struct run *run, const struct run_request *request)
{
	const struct limits *limits = request->limits ? request->limits : &run->service->options.limits;
	int r = limits_check(limits, NULL);

	if (r == 0)
		r = copy_name(request->provider, run->wanted_provider, sizeof run->wanted_provider);
	if (r == 0)
		r = copy_name(request->environment, run->wanted_environment, sizeof run->wanted_environment);
	if (r < 0)
		return r;
	if (is_unsupported(request))
		return -ENOTSUP;
	run->limits = *limits;
	run->out.bytes = buf_new(limits->output_bytes);
	run->err.bytes = buf_new(limits->output_bytes);
	return 0;
}

int run_new(struct service *service, const struct run_request *request, struct run **ret_run)
{
	struct run *run = calloc(1, sizeof *run);

	if (!run)
		return -ENOMEM;
	*run = (struct run){
		.service = service,
		.code_fd = -EBADF,
		.control = -EBADF,
		.flags = request->is_read_only ? WIRE_JOB_READ_ONLY : 0,
		.events = request->events ? request->events : &no_events,
		.priority = request->priority,
		.start_by = request->start_by,
		.admitted_at = clock_now(),
		.out = { .which = RUN_STDOUT, .fd = -EBADF, .bytes = buf_new(1) },
		.err = { .which = RUN_STDERR, .fd = -EBADF, .bytes = buf_new(1) },
	};

	int r = evtimer_assign(&run->timer, service->base, run_on_timer, run) < 0 ? -ENOMEM : fill(run, request);

	if (r < 0) {
		run_free(run);
		return r;
	}
	*ret_run = run;
	return 0;
}

int run_load(struct run *run, const struct run_request *request)
{
	run->code_fd = fd_new_sealed("code", request->code, request->code_bytes);
	return run->code_fd < 0 ? run->code_fd : 0;
}
