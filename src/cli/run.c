/* SPDX-License-Identifier: Apache-2.0
 * run.c: `safexec run FILE`: sends a program to a server of ours and shows what it printed, as if it had run here.
 */
#include "base/buf.h"
#include "base/fd.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_CODE_BYTES (4 * MIB) /* more than any server takes: it is the server that knows the limit */
#define BLOCK_BYTES    65536

enum { SERVER, READ_ONLY };

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
	[READ_ONLY] = { .name = "read-only", .help = "let the program write no file" },
};

static int read_code(const char *path, struct buf *code, struct err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	_cleanup_(fd_closep) int opened = is_stdin ? -EBADF : open(path, O_RDONLY | O_CLOEXEC);
	int fd = is_stdin ? STDIN_FILENO : opened;

	if (fd < 0)
		return err_set(err, -errno, "Cannot open %s", path);
	for (;;) {
		char *room;
		int r = buf_reserve(code, BLOCK_BYTES, &room);

		if (r < 0)
			return err_say(err, r, "%s is too long to be a program.", path);

		ssize_t n = read(fd, room, BLOCK_BYTES);

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_set(err, -errno, "Cannot read %s", path);
		if (n > 0)
			buf_grow(code, (size_t)n);
	}
}

static void json_freep(json_t **json)
{
	json_decref(*json);
}

static void text_freep(char **text)
{
	free(*text);
}

/* Prints a text member; true when it was there. NUL and all: what the program wrote is what the terminal gets. */
static bool print_member(const json_t *answer, const char *name, FILE *to)
{
	const json_t *text = json_object_get(answer, name);

	return json_is_string(text) && fwrite(json_string_value(text), 1, json_string_length(text), to) == json_string_length(text);
}

static int show(const struct buf *bytes, long status, const char *address)
{
	_cleanup_(json_freep) json_t *answer =
		bytes->size > 0 ? json_loadb(bytes->bytes, bytes->size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL) : NULL;
	const json_t *success = json_object_get(answer, "success");

	if (!json_is_boolean(success)) {
		fprintf(stderr, "safexec run: What answers at %s is no server of ours (status %ld).\n", address, status);
		return STATUS_FAILED;
	}

	bool is_printed = print_member(answer, "output", stdout) && fflush(stdout) == 0;

	if (json_is_true(success))
		return is_printed ? STATUS_OK : STATUS_FAILED;
	if (status != 200)
		fprintf(stderr, "safexec run: ");
	if (print_member(answer, "error", stderr)) {
		const json_t *error = json_object_get(answer, "error");
		size_t length = json_string_length(error);

		if (length == 0 || json_string_value(error)[length - 1] != '\n')
			fprintf(stderr, "\n");
	}
	return STATUS_FAILED;
}

static int fail(const struct err *err)
{
	fprintf(stderr, "safexec run: %s\n", err->text);
	return STATUS_FAILED;
}

static int run(const char *const *values, const char *path)
{
	_cleanup_(buf_free) struct buf code = buf_new(MAX_CODE_BYTES + BLOCK_BYTES);
	_cleanup_(buf_free) struct buf answer = buf_new(CLIENT_MAX_ANSWER);
	struct err err = { 0 };
	long status;

	if (read_code(path, &code, &err) < 0)
		return fail(&err);

	_cleanup_(json_freep) json_t *request =
		json_pack("{s:s%,s:b}", "code", code.size > 0 ? code.bytes : "", code.size, "read_only", values[READ_ONLY] != NULL);
	_cleanup_(text_freep) char *body = request ? json_dumps(request, JSON_COMPACT) : NULL;

	if (!body) {
		(void)err_say(&err, -EILSEQ, "%s is not UTF-8 text.", path);
		return fail(&err);
	}
	if (client_post_run(values[SERVER], body, CLIENT_RUN_MS, NULL, &answer, &status, &err) < 0)
		return fail(&err);
	return show(&answer, status, values[SERVER]);
}

const struct command run_command = {
	.name = "run",
	.operand = "FILE",
	.summary = "run a Python file on a server",
	.about = "Sends FILE (- is standard input) to a running `safexec serve` and prints what the program printed. Exit status 0 "
		 "when it\n"
		 "ended with 0, else 1.",
	.options = rows,
	.options_count = ARRAY_SIZE(rows),
	.run = run,
};
