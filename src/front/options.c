/* SPDX-License-Identifier: Apache-2.0 */
#include "front/options.h"

#include "base/num.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct option_row {
	const char *name, *argument, *help;
	uint64_t min, max, def;
	size_t offset; /* of a uint64_t in struct options; 0: read by hand */
};

enum {
	ROW_LISTEN_FD,
	ROW_PROVIDER_FD,
	ROW_SUPERVISOR_FD,
	ROW_REQUIRE_KEY,
	ROW_LOG_FORMAT,
	ROW_UID,
	ROW_GID,
	ROW_LISTEN_NAME,
	ROW_ENVIRONMENT,
	ROW_LIMIT,
	ROW_LIMIT_MAX,
	ROW_HELP
};

static const struct option_row rows[] = {
#define AT(field) offsetof(struct options, field)
	[ROW_LISTEN_FD] = { "listen-fd", "FD", "the listening socket (needed)", .min = 0, .max = INT_MAX },
	[ROW_PROVIDER_FD] = { "provider-fd", "FD", "the front's end of the provider's link (needed)", .min = 0, .max = INT_MAX },
	[ROW_SUPERVISOR_FD] = { "supervisor-fd", "FD", "the supervisor's socket, over which links to the store come", .min = 0,
				.max = INT_MAX },
	[ROW_REQUIRE_KEY] = { "require-key", NULL, "answer nobody without an API key" },
	[ROW_LOG_FORMAT] = { "log-format", "text|json", "json: also a line for each request and run, as a JSON object (text)" },
	[ROW_UID] = { "uid", "UID", "the user to become (needed when started as root)", .min = 1, .max = UINT32_MAX - 1 },
	[ROW_GID] = { "gid", "GID", "the group to become", .min = 1, .max = UINT32_MAX - 1 },
	[ROW_LISTEN_NAME] = { "listen-name", "ADDR:PORT", "the address as people write it (127.0.0.1:5000)" },
	[ROW_ENVIRONMENT] = { "environment", "NAME", "one that runs may ask for; the --limit after it are its own" },
	[ROW_LIMIT] = { "limit", "NAME=VALUE", "one limit of a run that does not ask for another; may be repeated" },
	[ROW_LIMIT_MAX] = { "limit-max", "NAME=VALUE", "the most that a request may ask for; may be repeated" },
	[ROW_HELP] = { "help", NULL, "prints this" },
	{ "queue", "N", "requests that may wait for a cell at once", 0, 10000, 128, AT(queue) },
	{ "queue-ms", "MS", "how long one may wait", 1, 600000, 30000, AT(queue_ms) },
	{ "connections", "N", "connections at once", 1, 10000, 256, AT(connections) },
	{ "head-ms", "MS", "for a request's head to arrive, from its first line", 10, 600000, 10000, AT(head_ms) },
	{ "body-ms", "MS", "for its body to arrive", 10, 600000, 20000, AT(body_ms) },
	{ "idle-ms", "MS", "for the next request to begin on a connection", 10, 600000, 75000, AT(idle_ms) },
	{ "reply-ms", "MS", "for the client to read a reply", 10, 600000, 60000, AT(reply_ms) },
	{ "bodies-bytes", "BYTES", "of all requests' bodies that are held at once", 131072, 4294967296, 268435456,
	  AT(bodies_bytes) },
	{ "heartbeat-ms", "MS", "between two signs of life in a streamed answer", 10, 600000, 5000, AT(heartbeat_ms) },
#undef AT
};

#define ROWS ARRAY_SIZE(rows)

void options_print_help(void)
{
	puts("Usage: safexecd --listen-fd FD --provider-fd FD [OPTION]...\n"
	     "Serves HTTP on a socket and runs programs in the cells that a provider hands over.\n"
	     "`safexec serve` starts it; there is no need to do so by hand.\n");
	array_for_each(rows, row) {
		char left[40];

		(void)snprintf(left, sizeof left, "--%s %s", row->name, row->argument ? row->argument : "");
		printf("  %-24s %s", left, row->help);
		if (row->offset != 0)
			printf(" (%" PRIu64 ")", row->def);
		puts("");
	}
	puts("\nLimits (default, and the most that a request may ask for):");
	for (size_t i = 0; i < limit_rows_count; i++)
		printf("  %-14s %12" PRIu64 " %12" PRIu64 " %-13s %s\n", limit_rows[i].name, limit_rows[i].def,
		       limit_rows[i].ceiling, limit_rows[i].unit, limit_rows[i].help);
}

static int parse_limit(const char *option, const char *text, struct limits *limits, struct err *err)
{
	struct err why;

	return limits_parse(text, limits, &why) < 0 ? err_say(err, -EINVAL, "--%s %.200s; --help lists them", option, why.text) : 0;
}

/* base is there from the beginning. */
static int add_environment(const char *name, struct options *options, struct err *err)
{
	if (options->environments_count == 1 && strcmp(name, ENVIRONMENTS_DEFAULT) == 0)
		return 0;
	if (options->environments_count == ENVIRONMENTS_MAX || strlen(name) >= ENVIRONMENTS_NAME_BYTES)
		return err_say(err, -EINVAL, "--environment %s: too many, or too long a name", name);
	options->environments[options->environments_count++] = (struct environment_limits){ name, limits_default() };
	return 0;
}

static int parse_number(const struct option_row *row, const char *text, uint64_t *ret_value, struct err *err)
{
	if (num_parse_u64(text, row->min, row->max, ret_value) < 0)
		return err_say(err, -EINVAL, "--%s %s: not a number from %" PRIu64 " to %" PRIu64, row->name, text, row->min,
			       row->max);
	return 0;
}

static int take_option(int index, const char *text, struct options *options, struct err *err)
{
	const struct option_row *row = &rows[index];
	uint64_t value = 0;
	int r = 0;

	if (row->offset != 0)
		return parse_number(row, text, (uint64_t *)((char *)options + row->offset), err);
	if (row->max != 0)
		r = parse_number(row, text, &value, err);
	if (r < 0)
		return r;
	switch (index) {
	case ROW_LISTEN_FD:
		options->listen_fd = (int)value;
		break;
	case ROW_PROVIDER_FD:
		options->provider_fd = (int)value;
		break;
	case ROW_SUPERVISOR_FD:
		options->supervisor_fd = (int)value;
		break;
	case ROW_REQUIRE_KEY:
		options->needs_key = true;
		break;
	case ROW_LOG_FORMAT:
		if (strcmp(text, "json") != 0 && strcmp(text, "text") != 0)
			return err_say(err, -EINVAL, "--log-format %s: it must be text or json", text);
		options->wants_json_log = strcmp(text, "json") == 0;
		break;
	case ROW_UID:
		options->uid = (uid_t)value;
		break;
	case ROW_GID:
		options->gid = (gid_t)value;
		break;
	case ROW_LISTEN_NAME:
		options->listen_name = text;
		break;
	case ROW_ENVIRONMENT:
		return add_environment(text, options, err);
	case ROW_LIMIT:
		return parse_limit(row->name, text, &options->environments[options->environments_count - 1].limits, err);
	case ROW_LIMIT_MAX:
		return parse_limit(row->name, text, &options->most, err);
	default:
		options->wants_help = true;
	}
	return 0;
}

static int check_options(struct options *options, struct err *err)
{
	if (options->wants_help)
		return 0;
	if (options->listen_fd < 0 || options->provider_fd < 0)
		return err_say(err, -EINVAL, "--listen-fd and --provider-fd are needed; start the server with `safexec serve`");
	for (size_t i = 0; i < options->environments_count; i++)
		options->most = limits_at_least(&options->most,
						&options->environments[i].limits); /* what comes unasked, may be asked for */
	options->has_ids = options->uid != 0 && options->gid != 0;
	if (!options->has_ids && (options->uid != 0 || options->gid != 0))
		return err_say(err, -EINVAL, "--uid and --gid are needed together");
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret_options, struct err *err)
{
	struct options options = {
		.listen_fd = -1,
		.provider_fd = -1,
		.supervisor_fd = -1,
		.listen_name = "127.0.0.1:5000",
		.environments = { { ENVIRONMENTS_DEFAULT, limits_default() } },
		.environments_count = 1,
		.most = limits_ceiling(),
	};
	struct option longs[ROWS + 1] = { 0 };

	for (size_t i = 0; i < ROWS; i++) {
		longs[i] = (struct option){ .name = rows[i].name, .has_arg = rows[i].argument ? required_argument : no_argument };
		if (rows[i].offset != 0)
			memcpy((char *)&options + rows[i].offset, &rows[i].def, sizeof rows[i].def);
	}
	for (int index = 0, c; (c = getopt_long(argc, argv, "", longs, &index)) != -1;) {
		if (c == '?') /* getopt_long has said why */
			return err_say(err, -EINVAL, "see safexecd --help");

		int r = take_option(index, optarg, &options, err);

		if (r < 0)
			return r;
	}
	if (optind < argc)
		return err_say(err, -EINVAL, "%s: no argument is expected", argv[optind]);
	*ret_options = options;
	return check_options(ret_options, err);
}
