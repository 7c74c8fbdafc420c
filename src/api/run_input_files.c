/* SPDX-License-Identifier: Apache-2.0 */
#include "api/run_input_parts.h"
#include "base/base64.h"
#include "wire/bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct file_parser {
	struct run_input *run;
	struct run_file *file;
	const char *encoding;
};

int run_input_own(struct run_input *run, size_t count)
{
	char **owned = reallocarray(run->owned, run->owned_count + count + 1, sizeof *owned);

	if (!owned)
		return -ENOMEM;
	run->owned = owned;
	return 0;
}

static int take_path(struct input *input, json_t *value, void *into)
{
	struct file_parser *parser = into;
	struct err err;
	int r = input_string(input, value, BUNDLE_MAX_PATH, &parser->file->path);

	if (r == 0 && bundle_check_path(parser->file->path, json_string_length(value), &err) < 0)
		return input_fail(input, PROBLEM_INVALID_FIELD, value, "%s: %s.", input->place, err.text);
	return r;
}

static int take_content(struct input *input, json_t *value, void *into)
{
	struct file_parser *parser = into;

	return input_text(input, value, BUNDLE_MAX_BYTES, &parser->file->bytes, &parser->file->size);
}

static int take_encoding(struct input *input, json_t *value, void *into)
{
	struct file_parser *parser = into;
	int r = input_string(input, value, BUNDLE_MAX_PATH, &parser->encoding);

	if (r == 0 && strcmp(parser->encoding, "utf-8") != 0 && strcmp(parser->encoding, "base64") != 0)
		return input_fail(input, PROBLEM_INVALID_FIELD, value, "%s is neither \"utf-8\" nor \"base64\".", input->place);
	return r;
}

static const struct input_field fields[] = {
	{ "path", take_path, 1 },
	{ "content", take_content, 1 },
	{ "encoding", take_encoding, 1 },
};

static int decode(struct input *input, struct run_input *run, struct run_file *file)
{
	char *bytes = malloc(base64_decoded_max(file->size));
	int r = bytes ? base64_decode(file->bytes, file->size, bytes, &file->size) : -ENOMEM;

	if (r < 0) {
		free(bytes);
		return r == -ENOMEM
			       ? r
			       : input_fail(input, PROBLEM_INVALID_FIELD, NULL, "%s.content is not valid base64.", input->place);
	}
	run->owned[run->owned_count++] = bytes;
	file->bytes = bytes;
	return 0;
}

static int take_file(struct input *input, json_t *value, void *into)
{
	struct run_input *run = into;
	struct run_file *file = &run->files[run->request.files_count];
	struct file_parser parser = { .run = run, .file = file, .encoding = "utf-8" };
	int r = input_object(input, value, fields, ARRAY_SIZE(fields), 1, &parser);

	if (r < 0)
		return r;
	if (!file->path || !file->bytes)
		return input_fail(input, PROBLEM_INVALID_FIELD, NULL, "%s needs a path and a content.", input->place);
	if (strcmp(parser.encoding, "base64") == 0)
		r = decode(input, run, file);
	run->request.files_count++;
	return r;
}

int run_input_take_files(struct input *input, json_t *value, struct run_input *run)
{
	size_t count = json_array_size(value);

	run->files = calloc(count + 1, sizeof *run->files);
	if (!run->files || run_input_own(run, count) < 0)
		return -ENOMEM;
	return input_array(input, value, BUNDLE_MAX_FILES, take_file, run);
}
