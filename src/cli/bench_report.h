/* SPDX-License-Identifier: Apache-2.0
 * bench_report.h: what `safexec bench` has measured, as text, JSON, or one HTML page with its chart inside.
 */
#pragma once
#include "base/clock.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct bench_result {
	const char *server;
	unsigned at_once;
	const uint32_t *us; /* of each run, microseconds, the quickest first */
	size_t count;       /* at least 1 */
	nsec_t time;        /* of all of them */
};

struct bench_format {
	const char *name;
	void (*write)(const struct bench_result *result, FILE *to);
};

/* The first one is the default. */
extern const struct bench_format bench_formats[3];
