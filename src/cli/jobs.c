/* SPDX-License-Identifier: Apache-2.0
 * jobs.c: `safexec jobs`: /v1/jobs of a running server, from a shell.
 */
#include "base/buf.h"
#include "base/fd.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_CODE_BYTES (4 * MIB)
#define BLOCK_BYTES    65536
#define WAIT_MS        60000L
#define PATH_BYTES     256

struct server {
	const char *address;
};

static void json_freep(json_t **json)
{
	json_decref(*json);
}

static void text_freep(char **text)
{
	free(*text);
}

static int fail(const char *text)
{
	(void)fprintf(stderr, "safexec jobs: %s\n", text);
	return STATUS_FAILED;
}

/* Asks the server. NULL: it has said why not, and so have we. */
static json_t *ask(const struct server *server, const char *method, const char *path, const char *body)
{
	_cleanup_(buf_free) struct buf answer = buf_new(CLIENT_MAX_ANSWER);
	struct err err = { 0 };
	long status = 0;
	json_t *json;

	if (client_call(server->address, method, path, body, WAIT_MS, &answer, &status, &err) < 0) {
		(void)fail(err.text);
		return NULL;
	}
	json = answer.size > 0 ? json_loadb(answer.bytes, answer.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL) : NULL;
	if (json && status < 300)
		return json;

	const char *detail = json_string_value(json_object_get(json, "detail"));

	(void)fail(detail ? detail : "What answers there is no server of ours.");
	json_decref(json);
	return NULL;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "-";
}

static int list(const struct server *server, int argc, char **argv)
{
	char path[PATH_BYTES];
	const json_t *job;
	size_t index;

	(void)snprintf(path, sizeof path, "/v1/jobs?limit=100%s%.100s", argc > 1 ? "&state=" : "", argc > 1 ? argv[1] : "");

	_cleanup_(json_freep) json_t *answer = ask(server, "GET", path, NULL);

	if (!answer)
		return STATUS_FAILED;
	printf("%-36s %-9s %-12s %s\n", "ID", "STATE", "VERDICT", "CREATED");
	json_array_foreach(json_object_get(answer, "jobs"), index, job)
		printf("%-36s %-9s %-12s %s\n", text_of(job, "id"), text_of(job, "state"), text_of(job, "verdict"),
		       text_of(job, "created_at"));
	return STATUS_OK;
}

static int one(const struct server *server, const char *method, char **argv)
{
	char path[PATH_BYTES];
	int n = snprintf(path, sizeof path, "/v1/jobs/%s", argv[1]);

	if (n < 0 || (size_t)n >= sizeof path || strspn(argv[1], "job_0123456789abcdef") != strlen(argv[1]))
		return fail("That is not the id of a job.");

	_cleanup_(json_freep) json_t *answer = ask(server, method, path, NULL);
	_cleanup_(text_freep) char *text = answer ? json_dumps(answer, JSON_INDENT(2)) : NULL;

	return text && puts(text) >= 0 ? STATUS_OK : STATUS_FAILED;
}

static int show(const struct server *server, int argc, char **argv)
{
	(void)argc;
	return one(server, "GET", argv);
}

static int cancel(const struct server *server, int argc, char **argv)
{
	(void)argc;
	return one(server, "DELETE", argv);
}

static int read_file(const char *path, struct buf *code)
{
	_cleanup_(fd_closep) int opened = strcmp(path, "-") == 0 ? -EBADF : open(path, O_RDONLY | O_CLOEXEC);
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : opened;

	for (;;) {
		char *room;
		int r = fd < 0 ? -EBADF : buf_reserve(code, BLOCK_BYTES, &room);
		ssize_t n = r < 0 ? -1 : read(fd, room, BLOCK_BYTES);

		if (n == 0)
			return 0;
		if (n < 0)
			return r < 0 ? r : -errno;
		buf_grow(code, (size_t)n);
	}
}

static int submit(const struct server *server, int argc, char **argv)
{
	_cleanup_(buf_free) struct buf code = buf_new(MAX_CODE_BYTES + BLOCK_BYTES);

	(void)argc;
	if (read_file(argv[1], &code) < 0)
		return fail("The file cannot be read, or is too long.");

	_cleanup_(json_freep) json_t *request = json_pack("{s:s%}", "code", code.size > 0 ? code.bytes : "", code.size);
	_cleanup_(text_freep) char *body = request ? json_dumps(request, JSON_COMPACT) : NULL;

	if (!body)
		return fail("The file is not UTF-8 text.");

	_cleanup_(json_freep) json_t *answer = ask(server, "POST", "/v1/jobs", body);

	return answer && puts(text_of(answer, "id")) >= 0 ? STATUS_OK : STATUS_FAILED;
}

static const struct {
	const char *name;
	int least, most; /* arguments, the name included */
	int (*run)(const struct server *server, int argc, char **argv);
} commands[] = { { "list", 1, 2, list }, { "show", 2, 2, show }, { "cancel", 2, 2, cancel }, { "submit", 2, 2, submit } };

static int jobs(int argc, char **argv)
{
	struct server server = { .address = "127.0.0.1:5000" };
	struct listen_address address;

	argc--;
	argv++;
	if (argc > 1 && strcmp(argv[0], "--server") == 0) {
		server.address = argv[1];
		argc -= 2;
		argv += 2;
	}
	if (listen_parse(server.address, &address) < 0) {
		(void)fail("--server must be ADDR:PORT, as in 127.0.0.1:5000, or unix:/PATH.");
		return STATUS_USAGE;
	}
	array_for_each(commands, command) {
		if (argc >= command->least && argc <= command->most && strcmp(argv[0], command->name) == 0)
			return command->run(&server, argc, argv);
	}
	(void)fail("Write list [STATES], show ID, cancel ID or submit FILE; `safexec jobs --help` tells more.");
	return STATUS_USAGE;
}

const struct command jobs_command = {
	.name = "jobs",
	.operand = "list|show|cancel|submit",
	.summary = "submit programs to be run later, and ask what became of them",
	.about = "safexec jobs [--server ADDR:PORT] COMMAND ...\n\n"
		 "  submit FILE    accept the program in FILE (- is standard input) as a job; prints its id\n"
		 "  list [STATES]  the newest hundred, or those in queued,started,done,canceled\n"
		 "  show ID        the job, with its result once it is done\n"
		 "  cancel ID      end it\n\n"
		 "An API key is taken from the environment variable SAFEXEC_KEY.",
	.run_raw = jobs,
};
