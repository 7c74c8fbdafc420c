/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/config.h"

#include "base/num.h"
#include "cli/serve_options.h"
#include "spec/environments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MODULE_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_. "

static int check_limit(const struct option_row *row, const char *text, struct err *err)
{
	uint64_t value;
	int r = num_parse_size(text, row->min, row->max, &value);

	if (r < 0)
		return err_say(err, r, "%s is \"%.40s\"; it must be from %" PRIu64 " to %" PRIu64 " %s.", row->name, text, row->min,
			       row->max, row->arg);
	return 0;
}

static int check_modules(const struct option_row *row, const char *text, struct err *err)
{
	if (strspn(text, MODULE_CHARS) != strlen(text))
		return err_say(err, -EINVAL, "%s is \"%.100s\"; it must be names of modules with blanks between them.", row->name,
			       text);
	return 0;
}

#define LIMIT(n, unit, lo, hi, d, ceiling, h) \
	{ .name = #n, .arg = (unit), .help = (h), .check = check_limit, .min = (lo), .max = (hi), .owner = OWNER_FRONT },

static const struct option_row limits_rows[] = {
#include "spec/limits.def"
};

static const struct option_row environment_rows[] = {
	{ .name = "root",
	  .arg = "DIR",
	  .help = "its root filesystem; made of this machine's /usr when not given",
	  .check = option_check_path,
	  .owner = OWNER_NATIVE },
	{ .name = "python",
	  .arg = "PATH",
	  .def = "/usr/bin/python3",
	  .help = "the interpreter, inside it",
	  .check = option_check_path,
	  .owner = OWNER_NATIVE },
	{ .name = "preload",
	  .arg = "MODULES",
	  .help = "imported ahead of every run, with blanks between them",
	  .check = check_modules,
	  .owner = OWNER_NATIVE },
	{ .name = "slots",
	  .arg = "N",
	  .help = "runs at once at most; as in [server] when not given",
	  .check = option_check_number,
	  .min = 1,
	  .max = 1000,
	  .owner = OWNER_NATIVE },
	{ .name = "idle",
	  .arg = "N",
	  .help = "cells kept ready; as in [server] when not given",
	  .check = option_check_number,
	  .min = 1,
	  .max = 1000,
	  .owner = OWNER_NATIVE },
#include "spec/limits.def"
};
#undef LIMIT

const struct config_kind config_kinds[] = {
	{ .name = "server",
	  .help = "the server; the options of `safexec serve`",
	  .rows = serve_options,
	  .rows_count = SERVE_OPTIONS_COUNT },
	{ .name = "limits",
	  .help = "of a run, where neither it nor its environment says otherwise",
	  .rows = limits_rows,
	  .rows_count = ARRAY_SIZE(limits_rows) },
	{ .name = "limits-max",
	  .help = "the most that a request may ask for",
	  .rows = limits_rows,
	  .rows_count = ARRAY_SIZE(limits_rows) },
	{ .name = "environment",
	  .help = "what a run finds, and its limits where it does not say otherwise",
	  .has_name = true,
	  .rows = environment_rows,
	  .rows_count = ARRAY_SIZE(environment_rows) },
};
const size_t config_kinds_count = ARRAY_SIZE(config_kinds);

/* --- looking things up ---------------------------------------------------------------------------------------------------------------- */

const struct config_section *config_find(const struct config *config, const char *kind, const char *name)
{
	for (size_t i = 0; i < config->sections_count; i++) {
		const struct config_section *section = &config->sections[i];

		if (strcmp(section->kind->name, kind) == 0 && strcmp(section->name, name ? name : "") == 0)
			return section;
	}
	return NULL;
}

static const char *default_of(const struct config_section *section, const struct option_row *row, char room[CONFIG_VALUE_BYTES])
{
	bool is_ceiling = strcmp(section->kind->name, "limits-max") == 0;

	if (strcmp(row->name, "preload") == 0)
		return environments_preload(section->name);
	for (size_t i = 0; row->check == check_limit && i < limit_rows_count; i++) {
		if (strcmp(limit_rows[i].name, row->name) == 0) {
			(void)snprintf(room, CONFIG_VALUE_BYTES, "%" PRIu64,
				       is_ceiling ? limit_rows[i].ceiling : limit_rows[i].def);
			return room;
		}
	}
	return row->def;
}

/* What an environment does not say of its limits and slots, these sections say for all of them. */
const char *config_value(const struct config *config, const struct config_section *section, size_t index,
			 char room[CONFIG_VALUE_BYTES], unsigned *ret_line)
{
	const struct option_row *row = &section->kind->rows[index];
	const struct config_section *general = NULL;

	*ret_line = section->lines[index];
	if (section->values[index])
		return section->values[index];
	if (section->kind->has_name)
		general = config_find(config, row->check == check_limit ? "limits" : "server", NULL);
	for (size_t i = 0; general && i < general->kind->rows_count; i++) {
		const struct option_row *other = &general->kind->rows[i];

		if (strcmp(other->name, row->name) == 0 && other->owner != OWNER_ENVIRONMENT && general->values[i]) {
			*ret_line = general->lines[i];
			return general->values[i];
		}
	}
	return default_of(section, row, room);
}

void config_free(struct config *config)
{
	for (size_t i = 0; i < config->sections_count; i++) {
		for (size_t row = 0; row < CONFIG_MAX_ROWS; row++)
			free(config->sections[i].values[row]);
	}
	config->sections_count = 0;
}
