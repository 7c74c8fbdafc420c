/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/limits.h"

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
