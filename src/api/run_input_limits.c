/* SPDX-License-Identifier: Apache-2.0 */
#include "api/run_input_parts.h"

#include <string.h>

struct limits_parser {
	const struct limits *most;
	struct limits *limits;
};

static uint64_t *field_of(struct limits *limits, const struct limit_row *row)
{
	return (uint64_t *)(void *)((char *)limits + row->offset);
}

static int take_row(struct input *input, json_t *value, const struct limit_row *row, struct limits_parser *parser)
{
	uint64_t most;

	memcpy(&most, (const char *)parser->most + row->offset, sizeof most);
	return input_u64(input, value, row->min, most, field_of(parser->limits, row));
}

/* Of the table's names but code_chars, which `code` itself is measured by, and cpu_millis, which is said in CPUs. */
#define LIMIT(name, unit, min, max, def, ceiling, help) \
	static int take_##name(struct input *input, json_t *value, void *into) \
	{ \
		return take_row(input, value, &limit_rows[offsetof(struct limits, name) / sizeof(uint64_t)], into); \
	}
#include "spec/limits.def"
#undef LIMIT

static int take_cpus(struct input *input, json_t *value, void *into)
{
	const struct limit_row *row = &limit_rows[offsetof(struct limits, cpu_millis) / sizeof(uint64_t)];
	struct limits_parser *parser = into;

	return input_millis(input, value, row->min, parser->most->cpu_millis, &parser->limits->cpu_millis);
}

int run_input_take_limits(struct input *input, json_t *value, const struct limits *most, struct limits *limits)
{
	static const struct input_field fields[] = {
		{ "cpus", take_cpus, 1 },
#define LIMIT(name, unit, min, max, def, ceiling, help) \
	{ #name, take_##name, \
	  offsetof(struct limits, name) != offsetof(struct limits, code_chars) && \
		  offsetof(struct limits, name) != offsetof(struct limits, cpu_millis) },
#include "spec/limits.def"
#undef LIMIT
	};
	struct limits_parser parser = { .most = most, .limits = limits };

	return input_object(input, value, fields, ARRAY_SIZE(fields), 1, &parser);
}
