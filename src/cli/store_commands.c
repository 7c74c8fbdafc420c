/* SPDX-License-Identifier: Apache-2.0
 * store_commands.c: `safexec keys` and `safexec log`: safexec-store reads the state folder, so we become it.
 */
#include "cli/command.h"
#include "cli/config.h"
#include "cli/serve_options.h"
#include "cli/spawn.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The folder that the server uses: as the command line has it, else the configuration file. */
static int find_state(int *argc, char ***argv, char *state, size_t size, struct err *err)
{
	struct config config;
	const struct config_section *server;
	int r = 0;

	if (*argc > 2 && strcmp((*argv)[1], "--state") == 0) {
		(void)snprintf(state, size, "%s", (*argv)[2]);
		*argc -= 2;
		*argv += 2;
		return option_check_path(&serve_options[SERVE_STATE], state, err);
	}
	r = config_load(NULL, &config, err);
	if (r < 0)
		return r;
	server = config_find(&config, "server", NULL);
	(void)snprintf(state, size, "%s",
		       server->values[SERVE_STATE] ? server->values[SERVE_STATE] : serve_options[SERVE_STATE].def);
	config_free(&config);
	return 0;
}

static int become_store(const char *group, int argc, char **argv)
{
	char path[PATH_MAX], state[PATH_MAX];
	struct args args = { 0 };
	struct err err = { 0 };
	int r = find_state(&argc, &argv, state, sizeof state, &err);

	if (r == 0 && argc > ARGS_MAX - 8)
		r = err_say(&err, -E2BIG, "These are too many arguments.");
	if (r < 0) {
		(void)fprintf(stderr, "safexec %s: %s\n", group, err.text);
		return STATUS_USAGE;
	}
	args_add(&args, "safexec-store");
	args_add_option(&args, "--state", state);
	args_add(&args, group);
	for (int i = 1; i < argc; i++)
		args_add(&args, argv[i]);
	r = spawn_path("safexec-store", path, sizeof path);
	if (r == 0) {
		(void)execv(path, (char *const *)(uintptr_t)args.items);
		r = -errno;
	}
	(void)fprintf(stderr, "safexec %s: Cannot start %s: %s\n", group, path, strerrordesc_np(-r));
	return STATUS_FAILED;
}

static int keys(int argc, char **argv)
{
	return become_store("keys", argc, argv);
}

static int log_command_run(int argc, char **argv)
{
	return become_store("log", argc, argv);
}

const struct command keys_command = {
	.name = "keys",
	.operand = "add|list|revoke|rotate|callback-secret",
	.summary = "make, list and revoke API keys",
	.about = "safexec keys [--state DIR] COMMAND ...\n\n"
		 "  add NAME [--scopes run,jobs,admin] [--rate N] [--burst N] [--concurrency N] [--priority-max N]\n"
		 "           [--environments E,...] [--providers P,...] [--max \"wall_ms=5000 memory_bytes=64M ...\"]\n"
		 "  list\n  revoke NAME\n  rotate NAME\n  callback-secret\n\n"
		 "A key is shown once, on standard output; what is stored is its SHA-256. A running server goes by the change when "
		 "the\n"
		 "command returns.",
	.run_raw = keys,
};

const struct command log_command = {
	.name = "log",
	.operand = "verify",
	.summary = "check that nobody has changed the audit log",
	.about = "safexec log [--state DIR] verify [FILE ...]\n\n"
		 "Checks the chain of hashes of the audit log: of all files of the state folder, or of those named, in their "
		 "order. Says\n"
		 "how many lines there are and the last one's hash; keep that elsewhere, and nobody can take lines off the end "
		 "either.",
	.run_raw = log_command_run,
};
