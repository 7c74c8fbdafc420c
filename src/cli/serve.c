/* SPDX-License-Identifier: Apache-2.0
 * serve.c: the options of `safexec serve`, and whom each is for.
 */
#include "base/fd.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/listen.h"
#include "cli/supervisor.h"

#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum owner { OWNER_SELF, OWNER_WARDEN, OWNER_FRONT };

static int check_listen(const struct option_row *row, const char *text, struct err *err)
{
	struct listen_address address;

	if (listen_parse(text, &address) < 0)
		return err_say(err, -EINVAL, "--%s is \"%s\"; it must be ADDR:PORT, as in 127.0.0.1:5000 or [::1]:5000.", row->name,
			       text);
	if (!listen_is_loopback(&address))
		return err_say(err, -EINVAL,
			       "--%s is %s, which other machines could reach; that needs API keys, which come in a later version.",
			       row->name, text);
	return 0;
}

enum { LISTEN }; /* the row that serve() itself reads */

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
	[LISTEN] =
		ROW("listen", "ADDR:PORT", "127.0.0.1:5000", OWNER_SELF, check_listen, "where to listen; port 0 picks a free one"),
	NUMBER("slots", 1, 1000, NULL, OWNER_WARDEN, "runs at once at most; 4 a CPU when not given"),
	NUMBER("idle", 1, 1000, NULL, OWNER_WARDEN, "cells kept ready; all when not given"),
	NUMBER("queue", 1, 10000, "64", OWNER_FRONT, "requests that may wait for a cell"),
	NUMBER("queue-ms", 1, 600000, "30000", OWNER_FRONT, "milliseconds that a request may wait"),
	ROW("python", "PATH", "/usr/bin/python3", OWNER_WARDEN, option_check_path, "the interpreter, inside the environment"),
	ROW("root", "DIR", NULL, OWNER_WARDEN, option_check_path,
	    "the environment's root filesystem; made of this machine's /usr when not given"),
	ROW("name", "NAME", "default", OWNER_WARDEN, option_check_name, "tells this server from others on this machine"),
	NUMBER("zygote-max-forks", 1, 1000000, "10000", OWNER_WARDEN, "replace the warm interpreter after N runs"),
	NUMBER("zygote-max-seconds", 1, 86400, "3600", OWNER_WARDEN, "replace it after N seconds"),
};

#define NAME_BYTES 32 /* "--zygote-max-seconds" */

/* Passes on what was given, or has a default, as `--name value`. */
static void add_options(struct supervisor_config *config, const char *const *values, char names[][NAME_BYTES])
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].owner == OWNER_SELF || !values[i])
			continue;
		(void)snprintf(names[i], NAME_BYTES, "--%s", rows[i].name);
		args_add_option(rows[i].owner == OWNER_WARDEN ? &config->warden : &config->front, names[i], values[i]);
	}
}

static int serve(const char *const *values, const char *operand)
{
	struct supervisor_config config = { 0 };
	struct listen_address address;
	char names[ARRAY_SIZE(rows)][NAME_BYTES];
	struct err err = { 0 };

	(void)operand;
	log_open("safexec");
	/* Whatever the shell left open is no business of our children; SIGPIPE would be ours for a closed terminal. */
	if (close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
		log_line("Cannot prepare: %s", strerrordesc_np(errno));
		return STATUS_FAILED;
	}

	_cleanup_(fd_closep) int listen_fd = -EBADF;
	int r = listen_parse(values[LISTEN], &address);

	if (r == 0)
		r = listen_open(&address, &listen_fd, &err);
	if (r < 0) {
		log_line("%s", err.text);
		return STATUS_FAILED;
	}
	config.listen_fd = listen_fd;
	config.address = address.text;
	args_add(&config.warden, "safexec-warden");
	args_add(&config.front, "safexecd");
	args_add_option(&config.front, "--listen-name", address.text);
	add_options(&config, values, names);
	return supervisor_run(&config);
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
