/* SPDX-License-Identifier: Apache-2.0 */
#include "service/internal.h"
#include "wire/bundle.h"

#include <stdlib.h>
#include <string.h>

static const struct run_events no_events = { 0 };

/* --- what is allowed -------------------------------------------------------------------------------------------------------- */

static const char *entry_of(const struct run_request *request)
{
	return request->entrypoint ? request->entrypoint : "script.py";
}

static bool needs_bundle(const struct run_request *request)
{
	return !request->code || strcmp(entry_of(request), "script.py") != 0 || request->files_count > 0 ||
	       request->args_count > 0 || request->env_count > 0 || request->outputs_count > 0;
}

static int check_each(const char *const *words, size_t count, size_t max, const char *what,
		      int (*check)(const char *text, size_t size, struct err *err), struct err *err)
{
	int r = count > max ? err_say(err, -E2BIG, "there are %zu %s; the limit is %zu", count, what, max) : 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = check(words[i], strlen(words[i]), err);
	return r;
}

/* The program is there once: as the code, or as one of the files. */
static int check_files(const struct run_request *request, struct err *err)
{
	size_t count = request->files_count, named = 0;
	const char **paths = calloc(count + 1, sizeof *paths);
	int r = paths ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < count; i++) {
		paths[i] = request->files[i].path;
		named += strcmp(paths[i], entry_of(request)) == 0;
	}
	if (r == 0)
		r = check_each(paths, count, BUNDLE_MAX_FILES - 1, "files", bundle_check_path, err);
	if (r == 0)
		r = bundle_check_path(entry_of(request), strlen(entry_of(request)), err);
	if (r == 0 && !request->code && named == 0)
		r = err_say(err, -EINVAL, "the entrypoint is not among the files");
	if (r == 0 && request->code)
		paths[count++] = entry_of(request);
	if (r == 0)
		r = bundle_check_paths(paths, count, err);
	free(paths);
	return r;
}

int run_request_check(const struct run_request *request, struct err *err)
{
	int r = check_files(request, err);

	if (r == 0)
		r = check_each(request->args, request->args_count, BUNDLE_MAX_WORDS, "arguments", bundle_check_arg, err);
	if (r == 0)
		r = check_each(request->env, request->env_count, BUNDLE_MAX_WORDS, "variables", bundle_check_env, err);
	if (r == 0)
		r = check_each(request->outputs, request->outputs_count, BUNDLE_MAX_GLOBS, "output patterns", bundle_check_glob,
			       err);
	if (r == 0 && !needs_bundle(request) && request->code_bytes > WIRE_MAX_FILE_BYTES)
		r = err_say(err, -E2BIG, "the program is %zu bytes long; the limit is %d", request->code_bytes,
			    (int)WIRE_MAX_FILE_BYTES);
	if (r == 0 && request->in && request->in_bytes > WIRE_MAX_STDIN_BYTES)
		r = err_say(err, -E2BIG, "the standard input is %zu bytes long; the limit is %d", request->in_bytes,
			    (int)WIRE_MAX_STDIN_BYTES);
	return r;
}

/* --- a run ------------------------------------------------------------------------------------------------------------------- */

/* A name as long as the room is none that a provider has. */
static int copy_name(const char *name, char *room, size_t size)
{
	size_t length = name ? strlen(name) : 0;

	if (length >= size)
		return -ENOENT;
	memcpy(room, name ? name : "", length + 1);
	return 0;
}

static uint32_t flags_of(const struct run_request *request)
{
	bool is_told = request->events && request->events->on_started;
	uint32_t flags = 0;

	flags |= request->is_read_only ? WIRE_JOB_READ_ONLY : 0;
	flags |= request->in ? WIRE_JOB_STDIN : 0;
	flags |= needs_bundle(request) ? WIRE_JOB_BUNDLE : 0;
	flags |= request->outputs_count > 0 ? WIRE_JOB_OUTPUTS : 0;
	flags |= request->wants_value ? WIRE_JOB_VALUE : 0;
	flags |= request->wants_displays ? WIRE_JOB_DISPLAYS : 0;
	flags |= request->is_check ? WIRE_JOB_CHECK : 0;
	flags |= is_told || flags & WIRE_JOB_REPORT ? WIRE_JOB_TELL : 0;
	return flags;
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
	r = run_request_check(request, NULL);
	if (r < 0)
		return r;
	run->flags = flags_of(request);
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
		.program_fd = -EBADF,
		.stdin_fd = -EBADF,
		.control = -EBADF,
		.report_fd = -EBADF,
		.report = report_new(),
		.events = request->events ? request->events : &no_events,
		.priority = request->priority,
		.owner = request->owner,
		.tag = request->tag ? *request->tag : (struct run_tag){ 0 },
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

/* --- its files --------------------------------------------------------------------------------------------------------------- */

static int add_words(struct bundle_writer *writer, enum bundle_type type, const char *const *words, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		size_t size = strlen(words[i]);
		bool is_named = type == BUNDLE_GLOB;
		const struct bundle_record record = {
			.type = type,
			.name = is_named ? words[i] : NULL,
			.name_size = is_named ? size : 0,
			.bytes = is_named ? NULL : words[i],
			.size = is_named ? 0 : size,
		};

		r = bundle_add(writer, &record);
	}
	return r;
}

static int add_file(struct bundle_writer *writer, const char *path, const char *bytes, size_t size)
{
	const struct bundle_record record = { BUNDLE_FILE, path, strlen(path), bytes, size };

	return bundle_add(writer, &record);
}

static int write_bundle(const struct run_request *request, int *ret_fd)
{
	const char *entry = entry_of(request);
	const struct bundle_record named = { .type = BUNDLE_ENTRY, .name = entry, .name_size = strlen(entry) };
	struct bundle_writer writer = { .fd = -EBADF };
	int r = bundle_add(&writer, &named);

	if (r == 0 && request->code)
		r = add_file(&writer, entry, request->code, request->code_bytes);
	for (size_t i = 0; r == 0 && i < request->files_count; i++)
		r = add_file(&writer, request->files[i].path, request->files[i].bytes, request->files[i].size);
	if (r == 0)
		r = add_words(&writer, BUNDLE_ARG, request->args, request->args_count);
	if (r == 0)
		r = add_words(&writer, BUNDLE_ENV, request->env, request->env_count);
	if (r == 0)
		r = add_words(&writer, BUNDLE_GLOB, request->outputs, request->outputs_count);
	if (r == 0)
		r = bundle_seal(&writer, ret_fd);
	(void)fd_close(writer.fd);
	return r;
}

int run_load(struct run *run, const struct run_request *request)
{
	int r = 0;

	if (run->flags & WIRE_JOB_BUNDLE) {
		r = write_bundle(request, &run->program_fd);
	} else {
		run->program_fd = fd_new_sealed("code", request->code, request->code_bytes);
		r = run->program_fd < 0 ? run->program_fd : 0;
	}
	if (r == 0 && run->flags & WIRE_JOB_STDIN) {
		run->stdin_fd = fd_new_sealed("stdin", request->in, request->in_bytes);
		r = run->stdin_fd < 0 ? run->stdin_fd : 0;
	}
	return r;
}
