/* SPDX-License-Identifier: Apache-2.0
 * The configuration file: a mistake has a line; what is accepted holds only values that the tables accept, and text that can be shown.
 */
#include "cli/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_section(const struct config *config, const struct config_section *section, unsigned lines)
{
	char room[CONFIG_VALUE_BYTES];

	check(section->line <= lines && section->kind->has_name == (section->name[0] != '\0'));
	check(config_find(config, section->kind->name, section->name) == section);
	for (size_t i = 0; i < section->kind->rows_count; i++) {
		const struct option_row *row = &section->kind->rows[i];
		unsigned line;
		const char *value = config_value(config, section, i, room, &line);

		check(line <= lines && (line == 0 || value));
		check(!value || line == 0 || !row->check || row->check(row, value, NULL) == 0);
		for (const char *c = value; c && *c; c++)
			check((unsigned char)*c >= ' ' || *c == '\t');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct config config;
	struct err err = { 0 };
	unsigned lines = 1;

	if (size > 8 * KIB)
		return 0;
	for (size_t i = 0; i < size; i++)
		lines += bytes[i] == '\n';
	if (config_parse("F", (const char *)bytes, size, &config, &err) < 0) {
		check(strncmp(err.text, "F:", 2) == 0 && config.sections_count == 0);
		return 0;
	}
	check(config.sections_count >= config_kinds_count && config.sections_count <= CONFIG_MAX_SECTIONS);
	for (size_t i = 0; i < config.sections_count; i++)
		check_section(&config, &config.sections[i], lines);
	config_free(&config);
	return 0;
}
