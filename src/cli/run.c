/* SPDX-License-Identifier: Apache-2.0
 * run.c: `safexec run SCRIPT [ARG ...]`: sends a program to a server of ours and shows it as if it ran here.
 */
#include "cli/client.h"
#include "cli/command.h"
#include "cli/listen.h"
#include "cli/run_body.h"
#include "cli/run_show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SERVER, ENVIRONMENT, PROVIDER, STDIN, FILES, LIMIT, READ_ONLY, LAST_VALUE, FIGURES, OUTPUT, OUTPUT_DIR, REPLACE, JSON };

static int check_server(const struct option_row *row, const char *text, struct err *err)
{
	struct listen_address address;

	if (listen_parse(text, &address) < 0)
		return err_say(err, -EINVAL,
			       "--%s is \"%s\"; it must be ADDR:PORT, as in 127.0.0.1:5000 or [::1]:5000, or unix:/PATH.",
			       row->name, text);
	return 0;
}

static const struct option_row rows[] = {
	[SERVER] = { .name = "server",
		     .arg = "ADDR:PORT",
		     .help = "where the server listens, or unix:/PATH",
		     .def = "127.0.0.1:5000",
		     .check = check_server },
	[ENVIRONMENT] = { .name = "environment", .arg = "NAME", .help = "where to run it", .check = option_check_name },
	[PROVIDER] = { .name = "provider", .arg = "NAME", .help = "who is to make the sandbox", .check = option_check_name },
	[STDIN] = { .name = "stdin", .arg = "FILE", .help = "what it reads (- is standard input); nothing when not given" },
	[FILES] = { .name = "file", .arg = "FILE", .help = "a file to lie beside it; may be repeated" },
	[LIMIT] = { .name = "limit", .arg = "NAME=VALUE", .help = "as in wall_ms=5000 or memory_bytes=256M; may be repeated" },
	[READ_ONLY] = { .name = "read-only", .help = "let the program write no file" },
	[LAST_VALUE] = { .name = "last-value", .help = "print the value of the last expression" },
	[FIGURES] = { .name = "figures", .arg = "DIR", .help = "where its figures are saved", .def = "." },
	[OUTPUT] = { .name = "output",
		     .arg = "GLOB",
		     .help = "files of its to come back and be saved, as in 'out/*.csv'; may be repeated" },
	[OUTPUT_DIR] = { .name = "output-dir", .arg = "DIR", .help = "where they are saved", .def = "." },
	[REPLACE] = { .name = "replace", .help = "let them take the place of files that are there" },
	[JSON] = { .name = "json", .help = "print the server's answer instead" },
};

static void json_freep(json_t **json)
{
	json_decref(*json);
}

static void text_freep(char **text)
{
	free(*text);
}

struct adding {
	json_t *body;
	struct err *err;
};

static int add_file(const char *text, void *arg)
{
	const struct adding *adding = arg;

	return run_body_add_file(adding->body, text, adding->err);
}

static int add_limit(const char *text, void *arg)
{
	const struct adding *adding = arg;

	return run_body_add_limit(adding->body, text, adding->err);
}

static int add_output(const char *text, void *arg)
{
	const struct adding *adding = arg;

	return run_body_add_output(adding->body, text, adding->err);
}

static int add_words(json_t *body, const char *const *values, char **words, struct err *err)
{
	static const struct {
		int option;
		const char *key;
	} texts[] = { { ENVIRONMENT, "environment" }, { PROVIDER, "provider" } },
	  flags[] = { { READ_ONLY, "read_only" }, { LAST_VALUE, "last_value" } };
	int r = 0;

	array_for_each(texts, text) {
		if (values[text->option])
			r |= json_object_set_new(body, text->key, json_string(values[text->option]));
	}
	array_for_each(flags, flag) {
		if (values[flag->option])
			r |= json_object_set_new(body, flag->key, json_true());
	}
	return r < 0 ? err_say(err, -ENOMEM, "There is no memory for the request.") : run_body_add_args(body, words + 1, err);
}

/* 0, or an exit status after the sentence. */
static int make_body(const char *const *values, int argc, char **argv, char **words, json_t *body, struct err *err)
{
	struct adding adding = { body, err };

	if (values[STDIN] && strcmp(values[STDIN], "-") == 0 && strcmp(words[0], "-") == 0) {
		(void)err_say(err, -EINVAL, "Standard input cannot be both the program and what it reads.");
		return STATUS_USAGE;
	}
	if (command_each(&run_command, argc, argv, LIMIT, add_limit, &adding) < 0 ||
	    command_each(&run_command, argc, argv, OUTPUT, add_output, &adding) < 0)
		return STATUS_USAGE;
	if (run_body_add_code(body, words[0], err) < 0 || command_each(&run_command, argc, argv, FILES, add_file, &adding) < 0 ||
	    (values[STDIN] && run_body_add_stdin(body, values[STDIN], err) < 0) || add_words(body, values, words, err) < 0)
		return RUN_STATUS_FAILED;
	return 0;
}

static int fail(const struct err *err, int status)
{
	fprintf(stderr, "safexec run: %s\n", err->text);
	return status;
}

static int run_words(const char *const *values, int argc, char **argv, char **words)
{
	_cleanup_(json_freep) json_t *request = json_object();
	struct err err = { 0 };
	int status = make_body(values, argc, argv, words, request, &err);
	_cleanup_(text_freep) char *body = status == 0 ? json_dumps(request, JSON_COMPACT) : NULL;

	if (status == 0 && !body)
		status = RUN_STATUS_FAILED;
	if (status != 0)
		return fail(&err, status);

	_cleanup_(run_show_free) struct run_show show = {
		.address = values[SERVER],
		.figures = values[FIGURES],
		.outputs = { .folder = values[OUTPUT_DIR],
			     .globs = json_object_get(request, "outputs"),
			     .may_replace = values[REPLACE] != NULL },
		.is_json = values[JSON] != NULL,
		.is_terminal = isatty(STDERR_FILENO) == 1,
		.began_at = clock_now(),
		.line = buf_new(RUN_SHOW_MAX_EVENT),
	};
	const struct client_request post = {
		.address = values[SERVER],
		.path = "/v1/runs",
		.body = body,
		.accept = show.is_json ? "application/json" : "application/x-ndjson",
		.wait_ms = CLIENT_RUN_MS,
	};
	int r = client_stream(&post, run_show_take, run_show_tick, &show, &err);

	if (r == -ECONNREFUSED || (r < 0 && r != -ECANCELED && show.line.size == 0))
		return fail(&err, RUN_STATUS_FAILED);
	return run_show_end(&show);
}

const struct command run_command = {
	.name = "run",
	.operand = "SCRIPT",
	.summary = "run a Python program on a server",
	.about =
		"Sends SCRIPT (- is standard input) to a running `safexec serve` and shows it as if it ran here: what it prints, "
		"as it\n"
		"comes, and its figures, and the files that --output names, as files. What follows SCRIPT are its arguments.\n"
		"Exit status: the program's own; 128 and the number of the signal that killed it; 124 when its time was over; 125 "
		"when it\n"
		"was ended for another reason, could not run, or left a file that could not be saved; 2 for a wrong command line.\n"
		"An API key is taken from the environment variable SAFEXEC_KEY.",
	.options = rows,
	.options_count = ARRAY_SIZE(rows),
	.run_words = run_words,
};
