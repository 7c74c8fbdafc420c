/* SPDX-License-Identifier: Apache-2.0 */
#include "api/outcome.h"

#include <stdlib.h>
#include <string.h>

static void *copy_bytes(const void *bytes, size_t size)
{
	char *copy = malloc(size + 1);

	if (copy && size > 0)
		memcpy(copy, bytes, size);
	if (copy)
		copy[size] = '\0';
	return copy;
}

static char *copy_text(const char *text)
{
	return copy_bytes(text, strlen(text));
}

static void free_forms(const struct run_display *display)
{
	for (size_t i = 0; i < display->forms_count; i++) {
		free((void *)(uintptr_t)display->forms[i].type);
		free((void *)(uintptr_t)display->forms[i].bytes);
	}
	free((void *)(uintptr_t)display->forms);
}

void outcome_free(struct run_outcome *outcome)
{
	if (!outcome)
		return;
	buf_free(&outcome->out);
	buf_free(&outcome->err);
	for (size_t i = 0; i < outcome->displays_count; i++)
		free_forms(&outcome->displays[i]);
	for (size_t i = 0; i < outcome->files_count; i++) {
		free((void *)(uintptr_t)outcome->files[i].path);
		free((void *)(uintptr_t)outcome->files[i].bytes);
	}
	free((void *)(uintptr_t)outcome->displays);
	free((void *)(uintptr_t)outcome->files);
	free((void *)(uintptr_t)outcome->segments);
	free((void *)(uintptr_t)outcome->value);
	free(outcome);
}

static bool keep_display(const struct run_display *from, struct run_display *to)
{
	struct run_form *forms = calloc(from->forms_count + 1, sizeof *forms);

	if (!forms)
		return false;
	to->forms = forms;
	for (size_t i = 0; i < from->forms_count; i++) {
		to->forms_count = i + 1;
		forms[i] = (struct run_form){
			.type = copy_text(from->forms[i].type),
			.bytes = copy_bytes(from->forms[i].bytes, from->forms[i].size),
			.size = from->forms[i].size,
		};
		if (!forms[i].type || !forms[i].bytes)
			return false;
	}
	return true;
}

static bool keep_displays(const struct run_outcome *from, struct run_outcome *to)
{
	struct run_display *displays = calloc(from->displays_count + 1, sizeof *displays);

	to->displays = displays;
	for (size_t i = 0; displays && i < from->displays_count; i++) {
		to->displays_count = i + 1;
		if (!keep_display(&from->displays[i], &displays[i]))
			return false;
	}
	return displays != NULL;
}

static bool keep_files(const struct run_outcome *from, struct run_outcome *to)
{
	struct run_returned *files = calloc(from->files_count + 1, sizeof *files);

	to->files = files;
	for (size_t i = 0; files && i < from->files_count; i++) {
		const struct run_returned *file = &from->files[i];

		to->files_count = i + 1;
		files[i] = (struct run_returned){
			.path = copy_text(file->path),
			.size = file->size,
			.bytes = file->bytes ? copy_bytes(file->bytes, file->size) : NULL,
		};
		if (!files[i].path || (file->bytes && !files[i].bytes))
			return false;
	}
	return files != NULL;
}

struct run_outcome *outcome_keep(struct run_outcome *outcome)
{
	struct run_outcome *kept = malloc(sizeof *kept);

	if (!kept)
		return NULL;
	*kept = *outcome;
	kept->out = kept->err = buf_new(1);
	kept->displays = NULL;
	kept->files = NULL;
	kept->displays_count = kept->files_count = 0;
	kept->segments = copy_bytes(outcome->segments, outcome->segments_count * sizeof *outcome->segments);
	kept->value = outcome->value ? copy_bytes(outcome->value, outcome->value_bytes) : NULL;
	if (!kept->segments || (outcome->value && !kept->value) || !keep_displays(outcome, kept) || !keep_files(outcome, kept)) {
		outcome_free(kept);
		return NULL;
	}
	kept->out = outcome->out;
	kept->err = outcome->err;
	outcome->out = outcome->err = buf_new(1);
	return kept;
}
