/* SPDX-License-Identifier: Apache-2.0
 * limits.h: the limits of one run, made from limits.def. A struct limits travels between our programs as it is: only
 * fixed-size integers, and whoever receives one checks it again.
 */
#pragma once
#include "base/err.h"

struct limits {
#define LIMIT(name, unit, min, max, def, ceiling, help) uint64_t name;
#include "spec/limits.def"
#undef LIMIT
};

struct limit_row {
	const char *name, *unit, *help;
	uint64_t min, max, def, ceiling;
	size_t offset; /* of the field in struct limits */
};

extern const struct limit_row limit_rows[];
extern const size_t limit_rows_count;

/* All defaults; all ceilings. */
struct limits limits_default(void);
struct limits limits_ceiling(void);

/* The smaller one of each; the larger one of each. */
struct limits limits_at_most(const struct limits *limits, const struct limits *most);
struct limits limits_at_least(const struct limits *limits, const struct limits *least);

/* Sets the one that text names: "memory_bytes=256M". -EINVAL with a sentence that names the table's range. */
int limits_parse(const char *text, struct limits *limits, struct err *err);

/* 0, or -ERANGE with a sentence, when one is more than the most. */
int limits_check_most(const struct limits *limits, const struct limits *most, struct err *err);

/* 0, or -ERANGE with a sentence that names field, value and range. */
int limits_check(const struct limits *limits, struct err *err);
