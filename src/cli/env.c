/* SPDX-License-Identifier: Apache-2.0
 * env.c: `safexec env`: the environments of a running server, as a table.
 */
#include "cli/client.h"
#include "cli/command.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define WAIT_MS    10000L
#define MAX_ANSWER (1 * MIB)

enum { SERVER, JSON };

static const struct option_row rows[] = {
	[SERVER] = { .name = "server",
		     .arg = "ADDR:PORT",
		     .help = "where the server listens, or unix:/PATH",
		     .def = "127.0.0.1:5000",
		     .check = client_check_address },
	[JSON] = { .name = "json", .help = "print the server's own answer" },
};

static void json_freep(json_t **json)
{
	json_decref(*json);
}

static const char *text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text ? text : "-";
}

/* A number divided, or "-" where the server does not know. */
static const char *number_of(const json_t *row, const char *name, json_int_t divisor, char text[static 24])
{
	const json_t *number = json_object_get(row, name);

	if (json_is_integer(number))
		(void)snprintf(text, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(number) / divisor);
	else
		(void)snprintf(text, 24, "-");
	return text;
}

static void print_row(const json_t *row)
{
	char warm_up[24], memory[24], ready[24], slots[24];
	const json_t *module;
	size_t index;

	printf("%-16s %-8s %7s ms %6s MiB %5s of %-4s", text_of(row, "name"), text_of(row, "python"),
	       number_of(row, "warm_up_ms", 1, warm_up), number_of(row, "memory_bytes", MIB, memory),
	       number_of(row, "ready", 1, ready), number_of(row, "slots", 1, slots));
	json_array_foreach(json_object_get(row, "preload"), index, module)
		printf(" %s", json_string_value(module) ? json_string_value(module) : "");
	printf("\n");
}

static int print_table(const char *server, const struct buf *answer)
{
	_cleanup_(json_freep) json_t *root = json_loadb(answer->bytes, answer->size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *list = json_object_get(root, "environments"), *row;
	size_t index;

	if (!json_is_array(list)) {
		fprintf(stderr, "safexec env: What answers at %s does not list environments: %s\n", server,
			text_of(root, "detail"));
		return STATUS_FAILED;
	}
	printf("%-16s %-8s %10s %10s %13s  %s\n", "ENVIRONMENT", "PYTHON", "WARM-UP", "MEMORY", "READY", "PRELOADED");
	json_array_foreach(list, index, row) print_row(row);
	return STATUS_OK;
}

static int env(const char *const *values, const char *operand)
{
	_cleanup_(buf_free) struct buf answer = buf_new(MAX_ANSWER);
	struct err err = { 0 };
	long status;

	(void)operand;
	if (client_call(values[SERVER], "GET", "/v1/environments", NULL, WAIT_MS, &answer, &status, &err) < 0) {
		fprintf(stderr, "safexec env: %s\n", err.text);
		return STATUS_FAILED;
	}
	if (!values[JSON] || status != 200)
		return print_table(values[SERVER], &answer);
	(void)fwrite(answer.bytes, 1, answer.size, stdout);
	(void)putchar('\n');
	return STATUS_OK;
}

const struct command env_command = {
	.name = "env",
	.summary = "list the environments of a running server",
	.about =
		"Lists the environments that runs may ask a running `safexec serve` for: Python's version, how long its "
		"interpreter took\n"
		"to warm up and what it holds, the sandboxes that are ready of those there may be, and the modules imported ahead.",
	.options = rows,
	.options_count = ARRAY_SIZE(rows),
	.run = env,
};
