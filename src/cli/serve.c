/* SPDX-License-Identifier: Apache-2.0
 * serve.c: what `safexec serve` makes of the command line and the configuration file: the command lines of its children.
 */
#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "cli/config.h"
#include "cli/handover.h"
#include "cli/listen.h"
#include "cli/serve_options.h"
#include "cli/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define TEXTS_MAX  ((size_t)3 * ENVIRONMENTS_MAX * CONFIG_MAX_ROWS)
#define TEXT_BYTES 64 /* "--zygote-max-seconds", "memory_bytes=134217728" */

/* What the children's arguments point to. */
struct plan {
	struct config file;
	const char *values[COMMAND_MAX_OPTIONS]; /* of serve_options: the command line's, else the file's, else the default */
	struct supervisor_config supervisor;
	char texts[TEXTS_MAX][TEXT_BYTES];
	size_t texts_count;
};

static const char *keep_text(struct plan *plan, const char *first, const char *second, const char *third)
{
	char *text = plan->texts[plan->texts_count];

	assert(plan->texts_count < TEXTS_MAX);
	plan->texts_count++;
	(void)snprintf(text, TEXT_BYTES, "%s%s%s", first, second, third);
	return text;
}

/* The command line wins. A default is told by its pointer. */
static void merge(struct plan *plan, const char *const *given)
{
	const struct config_section *server = config_find(&plan->file, "server", NULL);

	for (size_t i = 0; i < SERVE_OPTIONS_COUNT; i++) {
		bool is_default = given[i] == serve_options[i].def;

		plan->values[i] = is_default && server->values[i] ? server->values[i] : given[i];
	}
}

static struct args *args_of(struct pair_plan *plan, int owner)
{
	switch (owner) {
	case OWNER_FRONT:
		return &plan->front;
	case OWNER_STORE:
		return &plan->helpers[HELPER_STORE];
	case OWNER_SENDER:
		return &plan->helpers[HELPER_SENDER];
	default:
		return &plan->warden;
	}
}

/* Passes on what was said, or has a default, as `--name value`. */
static void add_server_options(struct plan *plan, int foreign)
{
	for (size_t i = 0; i < SERVE_OPTIONS_COUNT; i++) {
		const struct option_row *row = &serve_options[i];
		bool is_ours = row->owner == OWNER_SELF || row->owner == OWNER_COMMAND_LINE || row->owner == OWNER_ENVIRONMENT;

		if (is_ours || row->owner == foreign || !plan->values[i])
			continue;
		args_add_option(args_of(&plan->supervisor.plan, row->owner), keep_text(plan, "--", row->name, ""), plan->values[i]);
	}
}

/* To the front, which asks, and to the provider, which trusts it with no more than the server was told. */
static void add_limit(struct plan *plan, const char *option, const char *name, const char *value)
{
	const char *text = keep_text(plan, name, "=", value);

	args_add_option(&plan->supervisor.plan.front, option, text);
	args_add_option(&plan->supervisor.plan.warden, option, text);
}

/* Of an environment: where it is goes to the native provider, how much its runs may use to the front. */
static void add_environment(struct plan *plan, const struct config_section *section, bool is_native)
{
	static const char *const own[] = { "root", "python" }; /* options of the command line too, for base */
	struct args *front = &plan->supervisor.plan.front, *warden = &plan->supervisor.plan.warden;
	bool is_base = strcmp(section->name, ENVIRONMENTS_DEFAULT) == 0;
	char room[CONFIG_VALUE_BYTES];
	unsigned line;

	args_add_option(front, "--environment", section->name);
	if (is_native)
		args_add_option(warden, "--environment", section->name);
	for (size_t i = 0; i < section->kind->rows_count; i++) {
		const struct option_row *row = &section->kind->rows[i];
		const char *value = config_value(&plan->file, section, i, room, &line);
		bool is_number = row->check == option_check_number; /* slots and idle; all environments' have names of their own */

		if (is_base && strcmp(row->name, own[0]) == 0 && plan->values[SERVE_ROOT])
			args_add_option(warden, "--root", plan->values[SERVE_ROOT]);
		else if (is_base && strcmp(row->name, own[1]) == 0 && plan->values[SERVE_PYTHON])
			args_add_option(warden, "--python", plan->values[SERVE_PYTHON]);
		else if (row->owner == OWNER_FRONT && line != 0)
			add_limit(plan, "--limit", row->name, value);
		else if (row->owner == OWNER_NATIVE && is_native && section->values[i])
			args_add_option(warden, keep_text(plan, is_number ? "--own-" : "--", row->name, ""), section->values[i]);
	}
}

static void add_maxima(struct plan *plan)
{
	const struct config_section *section = config_find(&plan->file, "limits-max", NULL);

	for (size_t i = 0; i < section->kind->rows_count; i++) {
		if (section->values[i])
			add_limit(plan, "--limit-max", section->kind->rows[i].name, section->values[i]);
	}
}

/* A file may describe both providers; a command line that names what would have no effect is a mistake. */
static int check_plan(struct plan *plan, const char *const *given, bool is_docker, struct err *err)
{
	int r = serve_refuse_foreign(given, is_docker ? OWNER_NATIVE : OWNER_DOCKER, err);

	if (r == 0 && is_docker)
		r = serve_find_engine(&plan->values[SERVE_DOCKER_HOST], err);
	for (size_t i = config_kinds_count; r == 0 && is_docker && i < plan->file.sections_count; i++) {
		const struct config_section *section = &plan->file.sections[i];

		if (section->kind->has_name)
			r = err_say(err, -EINVAL, "%s:%u: --provider docker has one environment, base, and not %s.",
				    plan->file.path, section->line, section->name);
	}
	return r;
}

static void write_command_lines(struct plan *plan, bool is_docker)
{
	struct supervisor_config *supervisor = &plan->supervisor;

	args_add(&supervisor->plan.warden, is_docker ? "safexec-docker" : "safexec-warden");
	args_add(&supervisor->plan.front, "safexecd");
	args_add(&supervisor->plan.helpers[HELPER_STORE], "safexec-store");
	args_add(&supervisor->plan.helpers[HELPER_SENDER], "safexec-sender");
	supervisor->needs_key = strcmp(plan->values[SERVE_REQUIRE_KEY], "yes") == 0;
	add_server_options(plan, is_docker ? OWNER_NATIVE : OWNER_DOCKER);
	add_maxima(plan);
	for (size_t i = 0; i < plan->file.sections_count; i++) {
		if (plan->file.sections[i].kind->has_name)
			add_environment(plan, &plan->file.sections[i], !is_docker);
	}
}

/* The socket of the program that was here before a reload, one that a service manager hands over, or a new one. */
static int find_socket(const char *text, const struct handover *handover, struct listen_address *ret_address, bool *ret_is_own,
		       struct err *err)
{
	int passed, fd = -EBADF;
	int r = listen_find_passed(&passed, err);

	if (r < 0)
		return r;
	if (handover->listen_fd > 0)
		fd = handover->listen_fd;
	else if (passed >= 0)
		fd = passed;
	*ret_is_own = passed < 0;
	if (fd >= 0)
		r = listen_take(fd, ret_address, err);
	else if ((r = listen_parse(text, ret_address)) == 0)
		r = listen_open(ret_address, &fd, err);
	return r < 0 ? r : fd;
}

/* A reload keeps the socket. Port 0 was whatever the kernel chose. */
static void tell_of_another_address(const char *text, const struct listen_address *address)
{
	struct listen_address wanted;
	const char *colon = strrchr(text, ':');

	if (listen_parse(text, &wanted) == 0 && strcmp(wanted.text, address->text) != 0 && strcmp(colon, ":0") != 0)
		log_line("To listen on %s takes a restart; this reload goes on with %s.", wanted.text, address->text);
}

static int run_with(struct supervisor_config *config, const char *listen_on, struct handover *handover)
{
	struct listen_address address;
	struct err err = { 0 };
	bool is_own;
	_cleanup_(fd_closep) int fd = find_socket(listen_on, handover, &address, &is_own, &err);

	if (fd < 0) {
		log_error("%s", err.text);
		return STATUS_FAILED;
	}
	if (handover->listen_fd > 0 && is_own)
		tell_of_another_address(listen_on, &address);
	config->plan.listen_fd = fd;
	config->address = address.text;
	config->handover = handover->listen_fd > 0 ? handover : NULL;
	args_add_option(&config->plan.front, "--listen-name", address.text);
	config->needs_key |= !listen_is_loopback(&address);
	if (config->needs_key)
		args_add(&config->plan.front, "--require-key");

	int status = supervisor_run(config);

	if (is_own)
		listen_remove(&address);
	return status;
}

static int serve_plan(struct plan *plan, const char *const *given, struct handover *handover, bool is_check)
{
	bool is_docker = strcmp(plan->values[SERVE_PROVIDER], "docker") == 0;
	struct err err = { 0 };

	if (check_plan(plan, given, is_docker, &err) < 0) {
		log_error("%s", err.text);
		return STATUS_USAGE;
	}
	if (is_check)
		return STATUS_OK;
	plan->supervisor.plan.is_alone = is_docker;
	write_command_lines(plan, is_docker);
	return run_with(&plan->supervisor, plan->values[SERVE_LISTEN], handover);
}

/* prctl(2): kept over the execve(2) of a reload. It comes too late for a parent that has ended by then. */
static int follow_parent(const char *given, pid_t *ret_parent)
{
	uint64_t pid;

	if (!given)
		return 0;
	if (num_parse_u64(given, 1, INT32_MAX, &pid) < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != (pid_t)pid)
		return -ESRCH;
	*ret_parent = (pid_t)pid;
	return 0;
}

static int serve(const char *const *given, const char *operand)
{
	const char *left = getenv(HANDOVER_VARIABLE);
	bool is_check = left && strcmp(left, HANDOVER_CHECK) == 0;
	struct handover handover = { 0 };
	struct plan plan = { 0 };
	struct err err = { 0 };

	(void)operand;
	log_open("safexec");
	/* Whatever the shell left open is no business of our children; SIGPIPE would be ours for a closed terminal. */
	if (close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
		log_error("Cannot prepare: %s", strerrordesc_np(errno));
		return STATUS_FAILED;
	}
	if (left && !is_check && handover_read(left, &handover) < 0) {
		log_error(HANDOVER_VARIABLE " is set, and not by this version; unset it.");
		return STATUS_USAGE;
	}
	(void)unsetenv(HANDOVER_VARIABLE);
	if (follow_parent(given[SERVE_PARENT], &plan.supervisor.parent) < 0) {
		log_error("Process %s, which --parent names, is not this one's parent.", given[SERVE_PARENT]);
		return STATUS_FAILED;
	}
	if (config_load(given[SERVE_CONFIG], &plan.file, &err) < 0) {
		log_error("%s", err.text);
		return STATUS_USAGE;
	}
	merge(&plan, given);

	int status = serve_plan(&plan, given, &handover, is_check);

	config_free(&plan.file);
	return status;
}

const struct command serve_command = {
	.name = "serve",
	.summary = "serve the page, POST /run and /v1 on this machine",
	.about = "Serves the page at /, POST /run, and /v1, which /docs describes, until SIGTERM or Ctrl-C: then finishes\n"
		 "what runs and leaves nothing behind. A second one ends it at once. Options that are not given are taken\n"
		 "from the configuration file.",
	.options = serve_options,
	.options_count = SERVE_OPTIONS_COUNT,
	.run = serve,
};
