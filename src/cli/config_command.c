/* SPDX-License-Identifier: Apache-2.0
 * `safexec config`: checks the configuration file, or prints what holds and where it comes from, as a configuration file again.
 */
#include "cli/config.h"
#include "cli/serve_options.h"

#include <errno.h>
#include <string.h>

#define COMMENT_COLUMN 60

enum { CONFIG };

static const struct option_row rows[] = {
	[CONFIG] = { .name = "config",
		     .arg = "FILE",
		     .help = "the file; " CONFIG_PATH ", where it exists, when not given",
		     .check = option_check_path },
};

static void show_row(const struct config *config, const struct config_section *section, size_t index)
{
	const struct option_row *row = &section->kind->rows[index];
	char room[CONFIG_VALUE_BYTES];
	unsigned line;
	const char *value = config_value(config, section, index, room, &line);
	int width = printf("%s%s = %s", value ? "" : "; ", row->name, value ? value : "");

	printf("%*s; ", width < COMMENT_COLUMN ? COMMENT_COLUMN - width : 1, "");
	if (line)
		printf("%s:%u\n", config->path, line);
	else
		printf("%s\n", value ? "default" : row->help);
}

static void show(const struct config *config)
{
	printf("; %s%s\n", config->path ? "from " : "there is no configuration file; ",
	       config->path ? config->path : "all defaults");
	for (size_t i = 0; i < config->sections_count; i++) {
		const struct config_section *section = &config->sections[i];

		printf("\n[%s%s%s]\n", section->kind->name, section->name[0] ? " " : "", section->name);
		for (size_t row = 0; row < section->kind->rows_count; row++) {
			if (section->kind->rows[row].owner != OWNER_COMMAND_LINE &&
			    section->kind->rows[row].owner != OWNER_ENVIRONMENT)
				show_row(config, section, row);
		}
	}
}

static int configure(const char *const *values, const char *operand)
{
	bool wants_show = strcmp(operand, "show") == 0;
	struct config config;
	struct err err = { 0 };

	if (!wants_show && strcmp(operand, "check") != 0) {
		fprintf(stderr, "safexec config: \"%s\" is neither check nor show.\n", operand);
		return STATUS_USAGE;
	}
	if (config_load(values[CONFIG], &config, &err) < 0) {
		fprintf(stderr, "safexec config: %s\n", err.text);
		return STATUS_FAILED;
	}
	if (wants_show)
		show(&config);
	else
		printf("%s%s\n", config.path ? config.path : "There is no " CONFIG_PATH,
		       config.path ? ": no mistake" : "; all is by default");
	config_free(&config);
	return STATUS_OK;
}

const struct command config_command = {
	.name = "config",
	.operand = "check|show",
	.summary = "check the configuration file, or show what holds and where it comes from",
	.about = "check: says whether the configuration file can be used, and where its first mistake is.\n"
		 "show:  prints every key with the value that holds and where it comes from, as a configuration file again.",
	.options = rows,
	.options_count = ARRAY_SIZE(rows),
	.run = configure,
};
