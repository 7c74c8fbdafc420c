/* SPDX-License-Identifier: Apache-2.0
 * run_input.h: the body of POST /v1/runs and /v1/check, from bytes that nobody trusts to a checked request. Knows nothing of HTTP.
 */
#pragma once
#include "api/compare.h"
#include "api/problem.h"
#include "service/run.h"
#include "spec/environments.h"

#include <jansson.h>

#define RUN_INPUT_CASES_MAX    128
#define RUN_INPUT_KEPT_MAX     (256 * MIB) /* of the output of all cases together: it is kept until the last one has ended */
#define RUN_INPUT_NAME_MAX     31          /* of an environment or a provider */
#define RUN_INPUT_PRIORITY_MAX 9
#define RUN_INPUT_DEADLINE_MAX 3600000 /* ms */

enum run_input_kind { RUN_INPUT_RUN = 1u << 0, RUN_INPUT_CHECK = 1u << 1 };

struct run_input_rules {
	enum run_input_kind kind;
	const struct environment_limits
		*environments; /* that may be named, and what a run there gets unasked; the first is the usual one */
	size_t environments_count;
	const struct limits *most; /* what it may ask for */
	const char *const *also;   /* names of members that the caller reads itself; ends in NULL; NULL: none */
};

/* One stdin and what is to come out. */
struct run_case {
	const char *name; /* NULL: none */
	const char *in;   /* NULL: none */
	size_t in_bytes;
	const char *expected; /* NULL: nothing is compared, it only has to end well */
	size_t expected_bytes;
	enum compare_how how;
	double tolerance;
};

/* A checked request. Everything in it points into itself. */
struct run_input {
	struct run_request request; /* without events and start_by */
	struct limits limits;
	bool may_drop_displays; /* they were not asked for by name */
	uint64_t deadline_ms;   /* within which it has to begin; 0: whenever */
	struct run_case *cases;
	size_t cases_count;

	json_t *root; /* the texts are here */
	struct run_file *files;
	char **owned; /* and what had to be made of them is here */
	size_t owned_count;
	const char **args, **env, **outputs;
};

/* Fills *ret_input, to be freed also when it fails. -EINVAL: the problem says what is wrong; -ENOMEM. */
int run_input_parse(const char *bytes, size_t size, const struct run_input_rules *rules, struct run_input *ret_input,
		    struct problem *problem);
void run_input_free(struct run_input *input);
