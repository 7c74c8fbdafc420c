/* SPDX-License-Identifier: Apache-2.0 */
#include "warden/options.h"

#include "wire/ids.h"

#include <errno.h>
#include <string.h>

_Static_assert(CMDLINE_MAX_SLOTS <= IDS_MAX_SLOTS, "each slot has ids of its own");

/* field is the environments_count; the environment that is begun takes the options after it. */
static int begin_environment(const struct cmdline_row *row, const char *text, void *field, struct err *err)
{
	struct options *options = (struct options *)(void *)((char *)field - row->offset);

	if (options->environments_count == ENVIRONMENTS_MAX || text[0] == '\0' || strlen(text) >= ENVIRONMENTS_NAME_BYTES)
		return err_say(err, -EINVAL, "--%s %.40s is one too many, or not a name", row->name, text);
	for (size_t i = 0; i < options->environments_count; i++) {
		if (strcmp(options->environments[i].name, text) == 0)
			return err_say(err, -EINVAL, "--%s %.40s is there twice", row->name, text);
	}
	options->environments[options->environments_count++] = (struct environment_options){ .name = text };
	return 0;
}

/* Where an option of an environment is stored: field is its place in `all`. */
static void *own_field(const struct cmdline_row *row, void *field)
{
	struct options *options = (struct options *)(void *)((char *)field - row->offset);
	size_t offset = row->offset - offsetof(struct options, all);

	if (options->environments_count == 0)
		return field;
	return (char *)&options->environments[options->environments_count - 1] + offset;
}

static int parse_own_path(const struct cmdline_row *row, const char *text, void *field, struct err *err)
{
	return cmdline_parse_path(row, text, own_field(row, field), err);
}

static int parse_own_text(const struct cmdline_row *row, const char *text, void *field, struct err *err)
{
	return cmdline_parse_text(row, text, own_field(row, field), err);
}

static int parse_own_number(const struct cmdline_row *row, const char *text, void *field, struct err *err)
{
	return cmdline_parse_unsigned(row, text, own_field(row, field), err);
}

static const struct cmdline_row rows[] = {
#define AT(field) offsetof(struct options, field)
	{ "turn", "N", "which warden of that server this is: a reload has two at once (default: 1)", cmdline_parse_unsigned,
	  AT(turn), 1, UINT32_MAX },
	{ "environment", "NAME", "begins one; the next five are its own, and all environments' before the first", begin_environment,
	  AT(environments_count) },
	{ "root", "DIR", "environment's root filesystem (default: the host's own /usr)", parse_own_path, AT(all.root) },
	{ "python", "PATH", "interpreter inside the environment (default: /usr/bin/python3)", parse_own_path, AT(all.python) },
	{ "preload", "MODULES", "imported ahead of every run, separated by blanks", parse_own_text, AT(all.preload) },
	{ "own-slots", "N", "its runs at once (default: --slots)", parse_own_number, AT(all.slots), 1, CMDLINE_MAX_SLOTS },
	{ "own-idle", "N", "its sandboxes kept ready (default: --idle)", parse_own_number, AT(all.idle), 1, CMDLINE_MAX_SLOTS },
	{ "zygote-max-forks", "N", "runs after which the warm interpreter is replaced (default: 10000)", cmdline_parse_u64,
	  AT(zygote_max_forks), 1, UINT32_MAX },
	{ "zygote-max-seconds", "N", "age at which it is replaced (default: 3600)", cmdline_parse_u64, AT(zygote_max_seconds), 1,
	  UINT32_MAX },
#ifdef SAFEXEC_TEST_STAGES
	{ "skip-stage", "NAME", NULL, cmdline_parse_text, AT(skip_stage) },
#endif
#undef AT
};

const struct cmdline options_cmdline = {
	.program = "safexec-warden",
	.usage = "Usage: safexec-warden --supervisor-fd N [OPTION]...\n"
		 "       safexec-warden --doctor\n"
		 "The native provider of safexec: makes sandboxed cells and hands them to the front. `safexec serve` starts it.\n",
	.started_by = "safexec serve",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
};

struct options options_default(void)
{
	return (struct options){
		.common = COMMON_OPTIONS_DEFAULT,
		.turn = 1,
		.all = { .python = "/usr/bin/python3", .root = "" },
		.zygote_max_forks = 10000,
		.zygote_max_seconds = 3600,
		.skip_stage = "",
	};
}

static void complete_one(const struct options *options, struct environment_options *one)
{
	const struct environment_options *all = &options->all;

	if (!one->python)
		one->python = all->python;
	if (!one->root)
		one->root = all->root;
	if (!one->preload)
		one->preload = all->preload ? all->preload : environments_preload(one->name);
	if (one->slots == 0)
		one->slots = all->slots > 0 ? all->slots : options->common.slots;
	if (one->idle == 0)
		one->idle = all->idle > 0 ? all->idle : options->common.idle;
	if (one->idle > one->slots)
		one->idle = one->slots;
}

int options_complete(struct options *options, struct err *err)
{
	unsigned slots = 0;

	if (options->environments_count == 0)
		options->environments[options->environments_count++].name = ENVIRONMENTS_DEFAULT;
	for (size_t i = 0; i < options->environments_count; i++) {
		complete_one(options, &options->environments[i]);
		slots += options->environments[i].slots;
	}
	if (slots > IDS_MAX_SLOTS)
		return err_say(err, -EINVAL, "the environments have %u slots together; there are %u at most", slots,
			       (unsigned)IDS_MAX_SLOTS);
	options->common.slots = slots;
	return 0;
}
