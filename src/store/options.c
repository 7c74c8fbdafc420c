/* SPDX-License-Identifier: Apache-2.0 */
#include "store/options.h"

#include "base/macro.h"
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

enum { ROW_STATE, ROW_SUPERVISOR_FD, ROW_UID, ROW_GID, ROW_HELP };

static const struct option_row rows[] = {
#define AT(field) offsetof(struct options, field)
	[ROW_STATE] = { "state", "DIR", "the folder of the database and the audit log (needed)" },
	[ROW_SUPERVISOR_FD] = { "supervisor-fd", "FD", "the supervisor's socket", .min = 3, .max = INT_MAX },
	[ROW_UID] = { "uid", "UID", "the user to become (needed when started as root)", .min = 1, .max = UINT32_MAX - 1 },
	[ROW_GID] = { "gid", "GID", "the group to become", .min = 1, .max = UINT32_MAX - 1 },
	[ROW_HELP] = { "help", NULL, "prints this" },
	{ "jobs-queued", "N", "jobs that may wait at once", 1, 1000000, 10000, AT(queued_max) },
	{ "results-seconds", "N", "how long an ended job is kept", 1, 31536000, 604800, AT(age_seconds_max) },
	{ "results-bytes", "BYTES", "how many bytes ended jobs may fill", 65536, UINT64_C(1) << 40, UINT64_C(1) << 30,
	  AT(bytes_max) },
	{ "audit-bytes", "BYTES", "how long a file of the audit log grows", 4096, UINT64_C(1) << 40, UINT64_C(1) << 28,
	  AT(audit_bytes_max) },
#undef AT
};

#define ROWS ARRAY_SIZE(rows)

void options_print_help(void)
{
	puts("Usage: safexec-store --state DIR --supervisor-fd FD [OPTION]...\n"
	     "       safexec-store --state DIR keys|log COMMAND [OPTION]...\n"
	     "Keeps jobs, keys and the audit log of a server. `safexec serve` starts it; `safexec keys` and `safexec log` become "
	     "it.\n");
	array_for_each(rows, row) {
		char left[40];

		(void)snprintf(left, sizeof left, "--%s %s", row->name, row->argument ? row->argument : "");
		printf("  %-24s %s", left, row->help);
		if (row->offset != 0)
			printf(" (%" PRIu64 ")", row->def);
		puts("");
	}
}

static int take_option(int index, const char *text, struct options *options, struct err *err)
{
	const struct option_row *row = &rows[index];
	uint64_t value = 0;

	if (row->max != 0 && num_parse_size(text, row->min, row->max, &value) < 0)
		return err_say(err, -EINVAL, "--%s %s: not a number from %" PRIu64 " to %" PRIu64, row->name, text, row->min,
			       row->max);
	if (row->offset != 0) {
		memcpy((char *)options + row->offset, &value, sizeof value);
		return 0;
	}
	switch (index) {
	case ROW_STATE:
		options->state = text;
		return text[0] == '/' ? 0 : err_say(err, -EINVAL, "--state %s: not an absolute path", text);
	case ROW_SUPERVISOR_FD:
		options->supervisor_fd = (int)value;
		return 0;
	case ROW_UID:
		options->ids.uid = (uid_t)value;
		return 0;
	case ROW_GID:
		options->ids.gid = (gid_t)value;
		return 0;
	default:
		options->wants_help = true;
		return 0;
	}
}

static int check(struct options *options, struct err *err)
{
	bool has_ids = options->ids.uid != 0 && options->ids.gid != 0;

	if (options->wants_help)
		return 0;
	if (!options->state)
		return err_say(err, -EINVAL, "--state is needed");
	if ((options->supervisor_fd < 0) == (options->command_count == 0))
		return err_say(err, -EINVAL, "either --supervisor-fd or a command is needed; see safexec-store --help");
	if (!has_ids && (options->ids.uid != 0 || options->ids.gid != 0))
		return err_say(err, -EINVAL, "--uid and --gid are needed together");
	options->ids.is_set = has_ids;
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret_options, struct err *err)
{
	struct options options = { .supervisor_fd = -EBADF };
	struct option longs[ROWS + 1] = { 0 };

	for (size_t i = 0; i < ROWS; i++) {
		longs[i] = (struct option){ .name = rows[i].name, .has_arg = rows[i].argument ? required_argument : no_argument };
		if (rows[i].offset != 0)
			memcpy((char *)&options + rows[i].offset, &rows[i].def, sizeof rows[i].def);
	}
	for (int index = 0, c; (c = getopt_long(argc, argv, "+", longs, &index)) != -1;) { /* +: a command has its own options */
		if (c == '?')                                                              /* getopt_long has said why */
			return err_say(err, -EINVAL, "see safexec-store --help");

		int r = take_option(index, optarg, &options, err);

		if (r < 0)
			return r;
	}
	options.command = argv + optind;
	options.command_count = argc - optind;
	*ret_options = options;
	return check(ret_options, err);
}
