/* SPDX-License-Identifier: Apache-2.0
 * serve.c: the options of `safexec serve`, and whom each is for.
 */
#include "base/fd.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/handover.h"
#include "cli/listen.h"
#include "cli/supervisor.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* PROVIDER: whichever is chosen; NATIVE and DOCKER: that one only. */
enum owner { OWNER_SELF, OWNER_FRONT, OWNER_PROVIDER, OWNER_NATIVE, OWNER_DOCKER };

#define ENGINE_SCHEME    "unix://"
#define ENGINE_DEFAULT   ENGINE_SCHEME "/var/run/docker.sock"
#define IMAGE_CHARS      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@"
#define RUNTIME_CHARS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define IMAGE_MAX_CHARS  255
#define ENGINE_MAX_CHARS 100 /* a socket's path, unix(7), and the scheme */

static int check_listen(const struct option_row *row, const char *text, struct err *err)
{
	struct listen_address address;

	if (listen_parse(text, &address) < 0)
		return err_say(err, -EINVAL,
			       "--%s is \"%s\"; it must be ADDR:PORT, as in 127.0.0.1:5000 or [::1]:5000, or unix:/PATH.",
			       row->name, text);
	if (!listen_is_loopback(&address))
		return err_say(err, -EINVAL,
			       "--%s is %s, which other machines could reach; that needs API keys, which come in a later version.",
			       row->name, text);
	return 0;
}

static int check_provider(const struct option_row *row, const char *text, struct err *err)
{
	if (strcmp(text, "native") != 0 && strcmp(text, "docker") != 0)
		return err_say(err, -EINVAL, "--%s is \"%s\"; it must be native or docker.", row->name, text);
	return 0;
}

static int check_profile(const struct option_row *row, const char *text, struct err *err)
{
	if (strcmp(text, "original") != 0 && strcmp(text, "hardened") != 0)
		return err_say(err, -EINVAL, "--%s is \"%s\"; it must be original or hardened.", row->name, text);
	return 0;
}

static int check_image(const struct option_row *row, const char *text, struct err *err)
{
	size_t length = strlen(text);

	if (length == 0 || length > IMAGE_MAX_CHARS || strspn(text, IMAGE_CHARS) != length || strstr(text, "..") ||
	    !isalnum(text[0]))
		return err_say(err, -EINVAL, "--%s is \"%.100s\"; it must be an image's name, as in python:3.11-slim.", row->name,
			       text);
	return 0;
}

static int check_engine(const struct option_row *row, const char *text, struct err *err)
{
	size_t length = strlen(ENGINE_SCHEME);

	if (strncmp(text, ENGINE_SCHEME, length) != 0 || text[length] != '/' || strlen(text) > ENGINE_MAX_CHARS)
		return err_say(err, -EINVAL, "--%s is \"%.100s\"; it must be unix:// and the absolute path of the Engine's socket.",
			       row->name, text);
	return 0;
}

static int check_runtime(const struct option_row *row, const char *text, struct err *err)
{
	size_t length = strlen(text);

	if (length == 0 || length > IMAGE_MAX_CHARS || strspn(text, RUNTIME_CHARS) != length || !isalnum(text[0]))
		return err_say(err, -EINVAL, "--%s is \"%.100s\"; it must be a runtime's name in the Engine, as in runc.",
			       row->name, text);
	return 0;
}

enum { LISTEN, PROVIDER, DOCKER_HOST }; /* the rows that serve() itself reads */

#define ROW(n, a, d, who, how, h) \
	{ \
		.name = (n), .arg = (a), .help = (h), .def = (d), .check = (how), .owner = (who) \
	}
#define NUMBER(n, lo, hi, d, who, h) \
	{ \
		.name = (n), .arg = "N", .help = (h), .def = (d), .check = option_check_number, .min = (lo), .max = (hi), \
		.owner = (who) \
	}

static const struct option_row rows[] = {
	[LISTEN] = ROW("listen", "ADDR:PORT", "127.0.0.1:5000", OWNER_SELF, check_listen,
		       "where to listen, or unix:/PATH; port 0 picks a free one"),
	[PROVIDER] = ROW("provider", "NAME", "native", OWNER_SELF, check_provider,
			 "what makes the sandboxes: native, or docker, a Docker Engine"),
	[DOCKER_HOST] = ROW("docker-host", "unix://PATH", NULL, OWNER_DOCKER, check_engine,
			    "the Engine's socket; DOCKER_HOST or " ENGINE_DEFAULT " when not given"),
	ROW("profile", "NAME", "hardened", OWNER_DOCKER, check_profile,
	    "of a container: hardened, or original, the plain docker run of old"),
	ROW("image", "NAME", "python:3.11-slim", OWNER_DOCKER, check_image, "of a container; it has to be there already"),
	ROW("runtime", "NAME", NULL, OWNER_DOCKER, check_runtime,
	    "the Engine's OCI runtime; the Engine's own choice when not given"),
	NUMBER("slots", 1, 1000, NULL, OWNER_PROVIDER, "runs at once at most; 4 a CPU when not given"),
	NUMBER("idle", 1, 1000, NULL, OWNER_PROVIDER, "cells kept ready; all when not given"),
	NUMBER("queue", 1, 10000, "64", OWNER_FRONT, "requests that may wait for a cell"),
	NUMBER("queue-ms", 1, 600000, "30000", OWNER_FRONT, "milliseconds that a request may wait"),
	ROW("python", "PATH", "/usr/bin/python3", OWNER_NATIVE, option_check_path, "the interpreter, inside the environment"),
	ROW("root", "DIR", NULL, OWNER_NATIVE, option_check_path,
	    "the environment's root filesystem; made of this machine's /usr when not given"),
	ROW("name", "NAME", "default", OWNER_PROVIDER, option_check_name, "tells this server from others on this machine"),
	NUMBER("zygote-max-forks", 1, 1000000, "10000", OWNER_NATIVE, "replace the warm interpreter after N runs"),
	NUMBER("zygote-max-seconds", 1, 86400, "3600", OWNER_NATIVE, "replace it after N seconds"),
};

#define NAME_BYTES 32 /* "--zygote-max-seconds" */

/* An option of the provider that is not chosen would do nothing: that is a mistake to be told of. A default is none. */
static int refuse_foreign(const char *const *values, int foreign, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].owner == foreign && values[i] && values[i] != rows[i].def)
			return err_say(err, -EINVAL, "--%s is for --provider %s only.", rows[i].name,
				       foreign == OWNER_DOCKER ? "docker" : "native");
	}
	return 0;
}

/* The environment is not passed on, so DOCKER_HOST becomes an option. */
static int find_engine(const char **value, struct err *err)
{
	const char *host = getenv("DOCKER_HOST");

	if (*value)
		return 0;
	*value = host && host[0] ? host : ENGINE_DEFAULT;
	if (check_engine(&rows[DOCKER_HOST], *value, NULL) < 0)
		return err_say(err, -EINVAL,
			       "DOCKER_HOST is \"%.100s\"; it must be unix:// and the absolute path of the Engine's socket.", host);
	return 0;
}

/* Passes on what was given, or has a default, as `--name value`. */
static void add_options(struct supervisor_config *config, const char *const *values, int foreign, char names[][NAME_BYTES])
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].owner == OWNER_SELF || rows[i].owner == foreign || !values[i])
			continue;
		(void)snprintf(names[i], NAME_BYTES, "--%s", rows[i].name);
		args_add_option(rows[i].owner == OWNER_FRONT ? &config->plan.front : &config->plan.warden, names[i], values[i]);
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

static int run_with(struct supervisor_config *config, const char *listen_on, struct handover *handover)
{
	struct listen_address address;
	struct err err = { 0 };
	bool is_own;
	_cleanup_(fd_closep) int fd = find_socket(listen_on, handover, &address, &is_own, &err);

	if (fd < 0) {
		log_line("%s", err.text);
		return STATUS_FAILED;
	}
	config->plan.listen_fd = fd;
	config->address = address.text;
	config->handover = handover->listen_fd > 0 ? handover : NULL;
	args_add_option(&config->plan.front, "--listen-name", address.text);

	int status = supervisor_run(config);

	if (is_own)
		listen_remove(&address);
	return status;
}

static int serve(const char *const *given, const char *operand)
{
	const char *values[ARRAY_SIZE(rows)], *left = getenv(HANDOVER_VARIABLE);
	bool is_docker = strcmp(given[PROVIDER], "docker") == 0;
	bool is_check = left && strcmp(left, HANDOVER_CHECK) == 0;
	int foreign = is_docker ? OWNER_NATIVE : OWNER_DOCKER;
	struct supervisor_config config = { .plan.is_alone = is_docker };
	struct handover handover = { 0 };
	char names[ARRAY_SIZE(rows)][NAME_BYTES];
	struct err err = { 0 };

	(void)operand;
	log_open("safexec");
	/* Whatever the shell left open is no business of our children; SIGPIPE would be ours for a closed terminal. */
	if (close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
		log_line("Cannot prepare: %s", strerrordesc_np(errno));
		return STATUS_FAILED;
	}
	if (left && !is_check && handover_read(left, &handover) < 0) {
		log_line(HANDOVER_VARIABLE " is set, and not by this version; unset it.");
		return STATUS_USAGE;
	}
	(void)unsetenv(HANDOVER_VARIABLE);

	memcpy(values, given, sizeof values);
	if (refuse_foreign(values, foreign, &err) < 0 || (is_docker && find_engine(&values[DOCKER_HOST], &err) < 0)) {
		log_line("%s", err.text);
		return STATUS_USAGE;
	}
	if (is_check)
		return STATUS_OK;
	args_add(&config.plan.warden, is_docker ? "safexec-docker" : "safexec-warden");
	args_add(&config.plan.front, "safexecd");
	add_options(&config, values, foreign, names);
	return run_with(&config, values[LISTEN], &handover);
}

const struct command serve_command = {
	.name = "serve",
	.summary = "serve the page and POST /run on this machine",
	.about = "Serves the page at / and POST /run until SIGTERM or Ctrl-C: then finishes what runs and leaves nothing behind. A "
		 "second\n"
		 "one ends it at once.",
	.options = rows,
	.options_count = ARRAY_SIZE(rows),
	.run = serve,
};
