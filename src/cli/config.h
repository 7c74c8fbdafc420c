/* SPDX-License-Identifier: Apache-2.0
 * config.h: the configuration file: sections of `key = value` lines. Every key stands in a table, with the check that the command
 * line makes too; what is not in one is an error that names file and line. An empty configuration is all defaults.
 */
#pragma once
#include "cli/command.h"
#include "spec/environments.h"

#include <stdbool.h>

#define CONFIG_PATH         "/etc/safexec/safexec.conf"
#define CONFIG_MAX_BYTES    (64 * KIB)
#define CONFIG_MAX_ROWS     40
#define CONFIG_MAX_SECTIONS (8 + ENVIRONMENTS_MAX) /* more than kinds */
#define CONFIG_VALUE_BYTES  24                     /* a number that config_value writes */

/* A kind of section and its keys. */
struct config_kind {
	const char *name, *help;
	bool has_name; /* "[environment NAME]", as often as there are names */
	const struct option_row *rows;
	size_t rows_count;
};

extern const struct config_kind config_kinds[];
extern const size_t config_kinds_count;

struct config_section {
	const struct config_kind *kind;
	char name[ENVIRONMENTS_NAME_BYTES];
	unsigned line;                   /* of its heading; 0: it is not in the file */
	char *values[CONFIG_MAX_ROWS];   /* in the order of the kind's rows; NULL: not given */
	unsigned lines[CONFIG_MAX_ROWS]; /* where each was given */
};

struct config {
	const char *path;                                    /* kept by pointer; NULL: there is no file */
	struct config_section sections[CONFIG_MAX_SECTIONS]; /* a section of each kind first, [environment base] among them */
	size_t sections_count;
};

/* Reads a file, or CONFIG_PATH where that exists when path is NULL. -EINVAL with "FILE:LINE: sentence", or why it cannot be read;
 * ret_config is then empty. */
int config_load(const char *path, struct config *ret_config, struct err *err);

/* The same from memory. path is for sentences. */
int config_parse(const char *path, const char *text, size_t size, struct config *ret_config, struct err *err);

void config_free(struct config *config);

/* The section of a kind, with a name where its kind has names; NULL: the file has none. */
const struct config_section *config_find(const struct config *config, const char *kind, const char *name);

/* The value that holds for a row of a section and the line that it stands on, which may be another section's line; line 0: it is the
 * default, maybe written into room. NULL when nothing is said and that depends on the machine. */
const char *config_value(const struct config *config, const struct config_section *section, size_t index,
			 char room[CONFIG_VALUE_BYTES], unsigned *ret_line);
