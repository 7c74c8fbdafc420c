/* SPDX-License-Identifier: Apache-2.0
 *
 * Each table row takes one member. What a member must be by itself is checked there; what members must be to each other, at the end.
 */
#include "api/run_input.h"

#include "api/input.h"
#include "api/json_in.h"
#include "api/run_input_parts.h"
#include "api/utf8.h"
#include "wire/bundle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE_MAX_BYTES (4 * MIB)  /* of UTF-8; the limit is one of characters */
#define TEXT_MAX_BYTES (16 * MIB) /* of a stdin or an expected output: the body is shorter */

struct parser {
	struct run_input *input;
	const struct run_input_rules *rules;
};

/* --- members --------------------------------------------------------------------------------------------------------------- */

static int take_code(struct input *input, json_t *value, void *into)
{
	struct parser *parser = into;
	struct run_request *request = &parser->input->request;
	uint64_t most = parser->rules->most->code_chars;
	int r = input_string(input, value, CODE_MAX_BYTES, &request->code);

	if (r < 0)
		return r;
	request->code_bytes = json_string_length(value);

	size_t chars = utf8_count(request->code, request->code_bytes);

	if (chars > most) {
		r = input_fail(input, PROBLEM_LIMIT_OUT_OF_RANGE, NULL, "code is %zu characters long; it may be at most %ju.",
			       chars, (uintmax_t)most);
		problem_set_range(input->problem, 0, most);
		(void)snprintf(input->problem->value, sizeof input->problem->value, "%zu", chars);
	}
	return r;
}

static int take_files(struct input *input, json_t *value, void *into)
{
	struct parser *parser = into;

	return run_input_take_files(input, value, parser->input);
}

static int take_entrypoint(struct input *input, json_t *value, void *into)
{
	struct parser *parser = into;
	struct err err;
	int r = input_string(input, value, BUNDLE_MAX_PATH, &parser->input->request.entrypoint);

	if (r == 0 && bundle_check_path(json_string_value(value), json_string_length(value), &err) < 0)
		return input_fail(input, PROBLEM_INVALID_FIELD, value, "%s: %s.", input->place, err.text);
	return r;
}

static int take_stdin(struct input *input, json_t *value, void *into)
{
	struct parser *parser = into;

	return input_text(input, value, TEXT_MAX_BYTES, &parser->input->request.in, &parser->input->request.in_bytes);
}

/* Adds a checked word to a list that has room for all. */
struct words {
	const char **list;
	size_t *count;
	int (*check)(const char *text, size_t size, struct err *err);
};

static int take_word(struct input *input, json_t *value, void *into)
{
	struct words *words = into;
	struct err err;
	const char *text;
	int r = input_string(input, value, BUNDLE_MAX_WORD, &text);

	if (r == 0 && words->check(text, json_string_length(value), &err) < 0)
		return input_fail(input, PROBLEM_INVALID_FIELD, value, "%s: %s.", input->place, err.text);
	if (r == 0)
		words->list[(*words->count)++] = text;
	return r;
}

static int take_words(struct input *input, json_t *value, size_t max, const char ***list, size_t *count,
		      int (*check)(const char *text, size_t size, struct err *err))
{
	*list = calloc(json_array_size(value) + 1, sizeof **list);
	if (!*list)
		return -ENOMEM;

	struct words words = { .list = *list, .count = count, .check = check };

	return input_array(input, value, max, take_word, &words);
}

static int take_args(struct input *input, json_t *value, void *into)
{
	struct run_input *run = ((struct parser *)into)->input;

	return take_words(input, value, BUNDLE_MAX_WORDS, &run->args, &run->request.args_count, bundle_check_arg);
}

static int take_outputs(struct input *input, json_t *value, void *into)
{
	struct run_input *run = ((struct parser *)into)->input;

	return take_words(input, value, BUNDLE_MAX_GLOBS, &run->outputs, &run->request.outputs_count, bundle_check_glob);
}

/* {"NAME": "value"} becomes "NAME=value". The values are never shown. */
static int add_variable(struct input *input, const char *name, json_t *value, struct run_input *run)
{
	const char *text;
	struct err err;
	char *word;
	int r = input_string(input, value, BUNDLE_MAX_WORD, &text);

	if (r == 0 && strchr(name, '='))
		return input_fail(input, PROBLEM_INVALID_FIELD, NULL,
				  "A name in env holds '='; it may hold letters, digits and '_'.");
	if (r < 0) {
		input->problem->value[0] = '\0';
		input->problem->is_value_text = false;
		return r;
	}
	if (asprintf(&word, "%s=%s", name, text) < 0)
		return -ENOMEM;
	run->owned[run->owned_count++] = word;
	if (bundle_check_env(word, strlen(word), &err) < 0)
		return input_fail(input, PROBLEM_INVALID_FIELD, NULL, "%s: %s.", input->place, err.text);
	run->env[run->request.env_count++] = word;
	return 0;
}

static int take_env(struct input *input, json_t *value, void *into)
{
	struct run_input *run = ((struct parser *)into)->input;
	size_t count = json_object_size(value);
	int r = 0;

	if (!json_is_object(value))
		return input_fail(input, PROBLEM_INVALID_FIELD, NULL, "env is not an object of names and values.");
	if (count > BUNDLE_MAX_WORDS) {
		r = input_fail(input, PROBLEM_LIMIT_OUT_OF_RANGE, NULL, "env has %zu members; there may be at most %d.", count,
			       BUNDLE_MAX_WORDS);
		problem_set_range(input->problem, 0, BUNDLE_MAX_WORDS);
		return r;
	}
	run->env = calloc(count + 1, sizeof *run->env);
	if (!run->env || run_input_own(run, count) < 0)
		return -ENOMEM;
	for (void *at = json_object_iter(value); at && r == 0; at = json_object_iter_next(value, at))
		r = add_variable(input, json_object_iter_key(at), json_object_iter_value(at), run);
	return r;
}

static const struct environment_limits *find_environment(const struct run_input_rules *rules, const char *name)
{
	for (size_t i = 0; i < rules->environments_count; i++) {
		if (strcmp(rules->environments[i].name, name) == 0)
			return &rules->environments[i];
	}
	return NULL;
}

static int take_environment(struct input *input, json_t *value, void *into)
{
	struct parser *parser = into;
	const char *name;
	int r = input_string(input, value, RUN_INPUT_NAME_MAX, &name);

	if (r == 0 && !find_environment(parser->rules, name))
		return input_fail(input, PROBLEM_UNKNOWN_ENVIRONMENT, value, "There is no environment of that name here.");
	return r;
}

static int take_provider(struct input *input, json_t *value, void *into)
{
	return input_string(input, value, RUN_INPUT_NAME_MAX, &((struct parser *)into)->input->request.provider);
}

static int take_read_only(struct input *input, json_t *value, void *into)
{
	return input_bool(input, value, &((struct parser *)into)->input->request.is_read_only);
}

static int take_last_value(struct input *input, json_t *value, void *into)
{
	return input_bool(input, value, &((struct parser *)into)->input->request.wants_value);
}

static int take_displays(struct input *input, json_t *value, void *into)
{
	struct run_input *run = ((struct parser *)into)->input;

	run->may_drop_displays = false;
	return input_bool(input, value, &run->request.wants_displays);
}

static int take_priority(struct input *input, json_t *value, void *into)
{
	uint64_t priority = 0;
	int r = input_u64(input, value, 0, RUN_INPUT_PRIORITY_MAX, &priority);

	((struct parser *)into)->input->request.priority = (int)priority;
	return r;
}

static int take_deadline(struct input *input, json_t *value, void *into)
{
	return input_u64(input, value, 1, RUN_INPUT_DEADLINE_MAX, &((struct parser *)into)->input->deadline_ms);
}

static int take_limits(struct input *input, json_t *value, void *into)
{
	struct parser *parser = into;

	return run_input_take_limits(input, value, parser->rules->most, &parser->input->limits);
}

static int take_cases(struct input *input, json_t *value, void *into)
{
	return run_input_take_cases(input, value, ((struct parser *)into)->input);
}

/* Read by the caller. */
static int leave(struct input *input, json_t *value, void *into)
{
	(void)input;
	(void)value;
	(void)into;
	return 0;
}

#define BOTH (RUN_INPUT_RUN | RUN_INPUT_CHECK)
static const struct input_field fields[] = {
	{ "code", take_code, BOTH },
	{ "files", take_files, BOTH },
	{ "entrypoint", take_entrypoint, BOTH },
	{ "environment", take_environment, BOTH },
	{ "provider", take_provider, BOTH },
	{ "stdin", take_stdin, RUN_INPUT_RUN },
	{ "args", take_args, RUN_INPUT_RUN },
	{ "env", take_env, RUN_INPUT_RUN },
	{ "read_only", take_read_only, RUN_INPUT_RUN },
	{ "limits", take_limits, RUN_INPUT_RUN },
	{ "outputs", take_outputs, RUN_INPUT_RUN },
	{ "cases", take_cases, RUN_INPUT_RUN },
	{ "last_value", take_last_value, RUN_INPUT_RUN },
	{ "displays", take_displays, RUN_INPUT_RUN },
	{ "priority", take_priority, RUN_INPUT_RUN },
	{ "deadline_ms", take_deadline, RUN_INPUT_RUN },
};

/* --- together -------------------------------------------------------------------------------------------------------------- */

static int check_program(const struct run_input *run, struct problem *problem)
{
	const struct run_request *request = &run->request;
	const char *entrypoint = request->entrypoint ? request->entrypoint : "script.py";
	bool is_file = false;

	for (size_t i = 0; i < request->files_count; i++)
		is_file = is_file || strcmp(request->files[i].path, entrypoint) == 0;
	if (!request->code && request->files_count == 0) {
		(void)problem_say(problem, PROBLEM_INVALID_FIELD,
				  "code is missing; send {\"code\": \"print(1)\"}, or files with an entrypoint.");
		problem_set_field(problem, "code");
		return -EINVAL;
	}
	if (!request->code && !is_file) {
		(void)problem_say(problem, PROBLEM_INVALID_FIELD,
				  "No file is called \"%.100s\"; name one of the files as entrypoint, or send code.", entrypoint);
		problem_set_field(problem, "entrypoint");
		return -EINVAL;
	}
	if (request->code && is_file) {
		(void)problem_say(problem, PROBLEM_INVALID_FIELD,
				  "code is the file \"%.100s\", which is among the files too; send one of them.", entrypoint);
		problem_set_field(problem, "code");
		return -EINVAL;
	}
	return 0;
}

/* One path twice, or one that is another's folder; code takes the entrypoint's place among the files. */
static int check_paths(const struct run_input *run, struct problem *problem)
{
	const struct run_request *request = &run->request;
	const char **paths = calloc(request->files_count + 1, sizeof *paths);
	size_t count = 0;
	struct err err = { 0 };

	if (!paths)
		return -ENOMEM;
	for (; count < request->files_count; count++)
		paths[count] = request->files[count].path;
	if (request->code)
		paths[count++] = request->entrypoint ? request->entrypoint : "script.py";

	int r = bundle_check_paths(paths, count, &err);

	free(paths);
	if (r < 0) {
		r = problem_say(problem, PROBLEM_INVALID_FIELD, "files: %s.", err.text);
		problem_set_field(problem, "files");
	}
	return r;
}

static int check_cases(const struct run_input *run, struct problem *problem)
{
	uint64_t fitting = RUN_INPUT_KEPT_MAX / (2 * run->limits.output_bytes);

	if (run->cases_count == 0)
		return 0;
	if (run->request.in) {
		(void)problem_say(problem, PROBLEM_INVALID_FIELD, "Each case has a stdin of its own; send either stdin or cases.");
		problem_set_field(problem, "stdin");
		return -EINVAL;
	}
	if (run->cases_count <= fitting)
		return 0;
	(void)problem_say(
		problem, PROBLEM_LIMIT_OUT_OF_RANGE,
		"%zu cases with limits.output_bytes of %ju are more than the server keeps; lower that limit or send fewer cases.",
		run->cases_count, (uintmax_t)run->limits.output_bytes);
	problem_set_field(problem, "cases");
	(void)snprintf(problem->value, sizeof problem->value, "%zu", run->cases_count);
	problem_set_range(problem, 1, fitting);
	return -EINVAL;
}

/* Before all others: what it gets unasked depends on it. A name that there is not is refused with the other members. */
static void choose_environment(struct run_input *run, const struct run_input_rules *rules)
{
	const char *name = json_string_value(json_object_get(run->root, "environment"));
	const struct environment_limits *chosen = name ? find_environment(rules, name) : NULL;

	if (!chosen)
		chosen = &rules->environments[0];
	run->limits = limits_at_most(&chosen->limits, rules->most);
	if (name || rules->environments_count > 1)
		run->request.environment = chosen->name;
}

/* Members that the caller reads itself are no unknown fields. */
static int take_members(struct input *input, struct parser *parser)
{
	struct input_field all[ARRAY_SIZE(fields) + 8];
	size_t count = ARRAY_SIZE(fields);

	memcpy(all, fields, sizeof fields);
	for (const char *const *name = parser->rules->also; name && *name && count < ARRAY_SIZE(all); name++)
		all[count++] = (struct input_field){ *name, leave, BOTH };
	return input_object(input, parser->input->root, all, count, parser->rules->kind, parser);
}

int run_input_parse(const char *bytes, size_t size, const struct run_input_rules *rules, struct run_input *ret_input,
		    struct problem *problem)
{
	struct input input = { .problem = problem };
	struct parser parser = { .input = ret_input, .rules = rules };
	struct err err;

	*ret_input = (struct run_input){ .may_drop_displays = true };
	ret_input->request.wants_displays = rules->kind == RUN_INPUT_RUN;
	ret_input->request.is_check = rules->kind == RUN_INPUT_CHECK;

	int r = json_in_load(bytes, size, JSON_IN_NUL, &ret_input->root, &err);

	if (r == -EINVAL)
		return problem_say(problem, PROBLEM_BAD_JSON, "%s", err.text);
	if (r < 0)
		return r;
	choose_environment(ret_input, rules);
	r = take_members(&input, &parser);
	if (r < 0)
		return r;
	ret_input->request.files = ret_input->files;
	ret_input->request.args = ret_input->args;
	ret_input->request.env = ret_input->env;
	ret_input->request.outputs = ret_input->outputs;
	ret_input->request.limits = &ret_input->limits;
	r = check_program(ret_input, problem);
	if (r == 0)
		r = check_paths(ret_input, problem);
	return r == 0 ? check_cases(ret_input, problem) : r;
}

void run_input_free(struct run_input *input)
{
	for (size_t i = 0; i < input->owned_count; i++)
		free(input->owned[i]);
	free(input->owned);
	free(input->files);
	free(input->cases);
	free(input->args);
	free(input->env);
	free(input->outputs);
	json_decref(input->root);
	*input = (struct run_input){ 0 };
}
