/* SPDX-License-Identifier: Apache-2.0
 * run_input_parts.h: the larger members of a request, a file each. They return as input.h says.
 */
#pragma once
#include "api/input.h"
#include "api/run_input.h"

/* [{path, content, encoding}]: utf-8 (default) or base64. */
int run_input_take_files(struct input *input, json_t *value, struct run_input *run);

/* {wall_ms, memory_bytes, cpus, ...}: each from the table's minimum to the caller's maximum. */
int run_input_take_limits(struct input *input, json_t *value, const struct limits *most, struct limits *limits);

/* [{name, stdin, expected, compare, tolerance}] */
int run_input_take_cases(struct input *input, json_t *value, struct run_input *run);

/* Makes room for so many more texts in run->owned. */
int run_input_own(struct run_input *run, size_t count);
