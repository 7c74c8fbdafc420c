/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/spawn.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Two lines on the Engine, as notes: the provider that most people want is the native one. */
static void ask_docker(void)
{
	struct args args = { 0 };
	struct err err = { 0 };
	const char *host = getenv("DOCKER_HOST");
	pid_t pid;

	args_add(&args, "safexec-docker");
	args_add(&args, "--doctor");
	if (host && host[0])
		args_add_option(&args, "--docker-host", host);
	if (spawn_program(&args, NULL, 0, &pid, &err) < 0)
		fprintf(stderr, "safexec doctor: %s\n", err.text);
	else
		(void)waitpid(pid, NULL, 0);
}

/* The warden makes the sandboxes, so it is the one that can tell: we become it. */
static int doctor(const char *const *values, const char *operand)
{
	char path[PATH_MAX];
	int r = spawn_path("safexec-warden", path, sizeof path);

	(void)values;
	(void)operand;
	if (r == 0) {
		ask_docker();
		execv(path, (char *[]){ path, (char[]){ "--doctor" }, NULL });
		r = -errno;
	}
	fprintf(stderr, "safexec doctor: Cannot start %s: %s\n", path, strerrordesc_np(-r));
	return STATUS_FAILED;
}

const struct command doctor_command = {
	.name = "doctor",
	.summary = "check what this machine's kernel offers, and say what to do about a miss",
	.about = "Checks everything that a sandbox needs from the kernel and the user, a line each, and what to do about a miss.\n"
		 "`safexec serve` makes the same checks before it starts. Exit status 0 when sandboxes can be made here, else 3.",
	.run = doctor,
};
