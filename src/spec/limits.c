/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/limits.h"

#include "base/num.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

const struct limit_row limit_rows[] = {
#define LIMIT(name, unit, min, max, def, ceiling, help) \
	{ #name, unit, help, min, max, def, ceiling, offsetof(struct limits, name) },
#include "spec/limits.def"
#undef LIMIT
};
const size_t limit_rows_count = ARRAY_SIZE(limit_rows);

struct limits limits_default(void)
{
	return (struct limits){
#define LIMIT(name, unit, min, max, def, ceiling, help) .name = (def),
#include "spec/limits.def"
#undef LIMIT
	};
}

struct limits limits_ceiling(void)
{
	return (struct limits){
#define LIMIT(name, unit, min, max, def, ceiling, help) .name = (ceiling),
#include "spec/limits.def"
#undef LIMIT
	};
}

struct limits limits_at_most(const struct limits *limits, const struct limits *most)
{
	return (struct limits){
#define LIMIT(name, unit, min, max, def, ceiling, help) .name = limits->name < most->name ? limits->name : most->name,
#include "spec/limits.def"
#undef LIMIT
	};
}

struct limits limits_at_least(const struct limits *limits, const struct limits *least)
{
	return (struct limits){
#define LIMIT(name, unit, min, max, def, ceiling, help) .name = limits->name > least->name ? limits->name : least->name,
#include "spec/limits.def"
#undef LIMIT
	};
}

int limits_parse(const char *text, struct limits *limits, struct err *err)
{
	size_t name_size = strcspn(text, "=");

	array_for_each(limit_rows, row) {
		uint64_t value;

		if (text[name_size] != '=' || strlen(row->name) != name_size || strncmp(row->name, text, name_size) != 0)
			continue;
		if (num_parse_size(text + name_size + 1, row->min, row->max, &value) < 0)
			return err_say(err, -EINVAL, "%s: not a number from %" PRIu64 " to %" PRIu64, text, row->min, row->max);
		memcpy((char *)limits + row->offset, &value, sizeof value);
		return 0;
	}
	return err_say(err, -EINVAL, "%s: write NAME=VALUE with the name of a limit", text);
}

int limits_check_most(const struct limits *limits, const struct limits *most, struct err *err)
{
	array_for_each(limit_rows, row) {
		uint64_t value, at_most;

		memcpy(&value, (const char *)limits + row->offset, sizeof value);
		memcpy(&at_most, (const char *)most + row->offset, sizeof at_most);
		if (value > at_most)
			return err_say(err, -ERANGE, "%s is %" PRIu64 " %s; this server gives %" PRIu64 " at most.", row->name,
				       value, row->unit, at_most);
	}
	return 0;
}

int limits_check(const struct limits *limits, struct err *err)
{
	array_for_each(limit_rows, row) {
		uint64_t value;

		memcpy(&value, (const char *)limits + row->offset, sizeof value);
		if (value < row->min || value > row->max)
			return err_say(err, -ERANGE, "%s is %" PRIu64 " %s; it must be from %" PRIu64 " to %" PRIu64 ".", row->name,
				       value, row->unit, row->min, row->max);
	}
	return 0;
}
