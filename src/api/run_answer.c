/* SPDX-License-Identifier: Apache-2.0 */
#include "api/run_answer.h"

#include "api/run_reply.h"
#include "api/traceback.h"
#include "api/utf8.h"
#include "spec/layers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool run_answer_problem(const struct run_outcome *outcome, struct problem *problem)
{
	switch (outcome->end) {
	case RUN_WAITED:
		(void)problem_say(problem, PROBLEM_QUEUE_TIMEOUT, "No sandbox became free in time. Nothing ran; try again.");
		return true;
	case RUN_NO_PROVIDER:
		(void)problem_say(problem, PROBLEM_NO_SANDBOX, "The sandbox is being restarted. Nothing ran; try again.");
		return true;
	case RUN_STOPPED:
		(void)problem_say(problem, PROBLEM_STOPPING, "The server is stopping. Nothing ran.");
		return true;
	case RUN_ENDED:
		break;
	}
	if (outcome->result.verdict == VERDICT_INTERNAL && outcome->result.may_have_run)
		(void)problem_say(problem, PROBLEM_MAY_HAVE_RUN, "The server failed; the program may have run in part or whole.");
	else if (outcome->result.verdict == VERDICT_REFUSED && outcome->refusal[0])
		(void)problem_say(problem, PROBLEM_UNSUPPORTED, "Nothing ran: %s.", outcome->refusal);
	else if (outcome->result.verdict == VERDICT_INTERNAL || outcome->result.verdict == VERDICT_REFUSED)
		(void)problem_say(problem, PROBLEM_INTERNAL, "The server failed; the program did not run.");
	else
		return false;
	return true;
}

static void write_ms(struct json_out *json, const char *key, uint64_t us)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%" PRIu64 ".%03" PRIu64, us / 1000, us % 1000);
	json_out_key(json, key);
	json_out_value(json, text);
}

static void write_number(struct json_out *json, const char *key, uint64_t value)
{
	json_out_key(json, key);
	json_out_u64(json, value);
}

/* 0 is what the kernel does not count. */
static void write_count(struct json_out *json, const char *key, uint64_t value)
{
	json_out_key(json, key);
	if (value > 0)
		json_out_u64(json, value);
	else
		json_out_null(json);
}

static void write_bool(struct json_out *json, const char *key, bool value)
{
	json_out_key(json, key);
	json_out_bool(json, value);
}

/* --- error ----------------------------------------------------------------------------------------------------------------- */

static void write_piece(struct json_out *json, const char *key, struct traceback_text piece)
{
	json_out_key(json, key);
	if (piece.bytes)
		json_out_string(json, piece.bytes, piece.size);
	else
		json_out_null(json);
}

/* Python ends with 1 after an exception; one that a program has caught and printed is no reason for its end. */
static bool can_be_exception(const struct result *result)
{
	return result->exit_code > 0 && (result->verdict == VERDICT_ERROR || result->verdict == VERDICT_MEMORY ||
					 result->verdict == VERDICT_PIDS || result->verdict == VERDICT_DISK);
}

static void write_error(struct json_out *json, const struct run_outcome *outcome)
{
	struct traceback traceback;

	json_out_key(json, "error");
	if (!can_be_exception(&outcome->result) || !traceback_parse(outcome->err.bytes, outcome->err.size, &traceback)) {
		json_out_null(json);
		return;
	}
	json_out_open(json, '{');
	write_piece(json, "type", traceback.type);
	write_piece(json, "message", traceback.message);
	json_out_key(json, "traceback");
	json_out_open(json, '[');
	for (size_t i = 0; i < traceback.frames_count; i++) {
		json_out_open(json, '{');
		write_piece(json, "file", traceback.frames[i].file);
		write_number(json, "line", traceback.frames[i].line);
		write_piece(json, "function", traceback.frames[i].function);
		write_piece(json, "source", traceback.frames[i].source);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
	write_number(json, "frames_left_out", traceback.frames_left_out);
	json_out_close(json, '}');
}

/* --- what it printed and left ---------------------------------------------------------------------------------------------- */

static void write_stream(struct json_out *json, const char *key, const struct buf *stream)
{
	json_out_key(json, key);
	json_out_string(json, stream->bytes, stream->size);
}

/* Both streams in the order of their arrival. */
static void write_output(struct json_out *json, const struct run_outcome *outcome)
{
	size_t at[2] = { 0, 0 };

	json_out_key(json, "output");
	json_out_quote(json);
	for (size_t i = 0; i < outcome->segments_count; i++) {
		const struct run_segment *segment = &outcome->segments[i];
		const struct buf *stream = segment->stream == RUN_STDERR ? &outcome->err : &outcome->out;
		size_t *from = &at[segment->stream == RUN_STDERR];

		json_out_content(json, stream->bytes + *from, segment->size);
		*from += segment->size;
	}
	json_out_unquote(json);
}

static bool is_text_type(const char *type)
{
	static const char *const types[] = { "application/json", "application/javascript", "image/svg+xml" };

	if (strncmp(type, "text/", strlen("text/")) == 0)
		return true;
	array_for_each(types, text_type) {
		if (strcmp(type, *text_type) == 0)
			return true;
	}
	return false;
}

void run_answer_display(const struct run_display *display, struct json_out *json)
{
	json_out_open(json, '{');
	for (size_t i = 0; i < display->forms_count; i++) {
		const struct run_form *form = &display->forms[i];

		json_out_key(json, form->type);
		if (is_text_type(form->type))
			json_out_string(json, form->bytes, form->size);
		else
			json_out_base64(json, form->bytes, form->size);
	}
	json_out_close(json, '}');
}

static void write_displays(struct json_out *json, const struct run_outcome *outcome)
{
	json_out_key(json, "displays");
	json_out_open(json, '[');
	for (size_t i = 0; i < outcome->displays_count; i++)
		run_answer_display(&outcome->displays[i], json);
	json_out_close(json, ']');
}

static bool is_utf8(const char *bytes, size_t size)
{
	bool is_valid = true;

	for (size_t at = 0; at < size && is_valid;)
		at += utf8_next(bytes + at, size - at, &is_valid);
	return is_valid;
}

static void write_file(struct json_out *json, const struct run_returned *file)
{
	bool is_text = file->bytes && is_utf8(file->bytes, file->size);

	json_out_open(json, '{');
	json_out_key(json, "path");
	json_out_string(json, file->path, strlen(file->path));
	write_number(json, "size", file->size);
	json_out_key(json, "content");
	if (is_text)
		json_out_string(json, file->bytes, file->size);
	else if (file->bytes)
		json_out_base64(json, file->bytes, file->size);
	else
		json_out_null(json);
	json_out_key(json, "encoding");
	json_out_text(json, !file->bytes ? NULL : is_text ? "utf-8" : "base64");
	json_out_close(json, '}');
}

static void write_files(struct json_out *json, const struct run_outcome *outcome)
{
	json_out_key(json, "files");
	json_out_open(json, '[');
	for (size_t i = 0; i < outcome->files_count; i++)
		write_file(json, &outcome->files[i]);
	json_out_close(json, ']');
	write_bool(json, "files_truncated", outcome->are_files_truncated);
}

/* --- how it ran ------------------------------------------------------------------------------------------------------------ */

static void write_usage(struct json_out *json, const struct run_outcome *outcome)
{
	const struct usage *usage = &outcome->result.usage;

	json_out_key(json, "usage");
	json_out_open(json, '{');
	write_ms(json, "wall_ms", usage->wall_us);
	write_ms(json, "cpu_user_ms", usage->cpu_user_us);
	write_ms(json, "cpu_system_ms", usage->cpu_system_us);
	write_count(json, "memory_peak_bytes", usage->memory_peak_bytes);
	write_count(json, "pids_peak", usage->pids_peak);
	write_number(json, "output_bytes", outcome->output_bytes);
	json_out_close(json, '}');
}

static void write_timings(struct json_out *json, const struct run_outcome *outcome)
{
	const struct timings *timings = &outcome->result.timings;

	json_out_key(json, "timings");
	json_out_open(json, '{');
	write_number(json, "queue_us", outcome->queue_time / NSEC_PER_USEC);
	write_number(json, "setup_us", timings->setup_us);
	write_number(json, "run_us", timings->run_us);
	write_number(json, "collect_us", timings->collect_us);
	json_out_close(json, '}');
}

static void write_refused_call(struct json_out *json, uint32_t what, uint32_t count)
{
	char name[REFUSED_NAME_BYTES];

	if (count == 0)
		return;
	refused_name(what, name);
	json_out_open(json, '{');
	json_out_key(json, "call");
	json_out_text(json, name);
	write_number(json, "count", count);
	json_out_close(json, '}');
}

static void write_refused(struct json_out *json, const struct run_outcome *outcome)
{
	const struct refused *refused = &outcome->result.refused;

	json_out_key(json, "refused_calls");
	json_out_open(json, '[');
	array_for_each(refused->calls, call)
		write_refused_call(json, call->what, call->count);
	write_refused_call(json, REFUSED_COUNT, refused->others);
	json_out_close(json, ']');
}

static void write_isolation(struct json_out *json, const struct run_outcome *outcome)
{
	const struct run_place *place = &outcome->place;

	json_out_key(json, "isolation");
	json_out_open(json, '{');
	json_out_key(json, "provider");
	json_out_text(json, place->provider);
	json_out_key(json, "layers");
	json_out_open(json, '[');
	for (unsigned layer = 0; layer < LAYER_COUNT; layer++) {
		if (place->layers & UINT32_C(1) << layer)
			json_out_text(json, layer_name(layer));
	}
	json_out_close(json, ']');
	json_out_key(json, "environment");
	json_out_text(json, place->environment);
	json_out_key(json, "python");
	json_out_text(json, place->python[0] != '\0' ? place->python : NULL);
	json_out_close(json, '}');
}

/* --- all of it ------------------------------------------------------------------------------------------------------------- */

static void write_end(struct json_out *json, const struct run_outcome *outcome)
{
	const struct result *result = &outcome->result;
	char sentence[ERR_TEXT_BYTES];

	run_reply_sentence(result, &outcome->limits, sentence, sizeof sentence);
	json_out_key(json, "verdict");
	json_out_text(json, verdict_name(result->verdict));
	json_out_key(json, "message");
	json_out_text(json, sentence);
	json_out_key(json, "exit_code");
	if (result->exit_code >= 0)
		json_out_i64(json, result->exit_code);
	else
		json_out_null(json);
	json_out_key(json, "signal");
	if (result->signal > 0)
		json_out_i64(json, result->signal);
	else
		json_out_null(json);
}

static void write_product(struct json_out *json, const struct run_outcome *outcome, bool is_streamed)
{
	if (!is_streamed) {
		write_stream(json, "stdout", &outcome->out);
		write_stream(json, "stderr", &outcome->err);
		write_output(json, outcome);
	}
	write_bool(json, "stdout_truncated", outcome->is_out_truncated);
	write_bool(json, "stderr_truncated", outcome->is_err_truncated);
	json_out_key(json, "result");
	if (outcome->value)
		json_out_string(json, outcome->value, outcome->value_bytes);
	else
		json_out_null(json);
	write_bool(json, "result_truncated", outcome->is_value_truncated);
	if (!is_streamed)
		write_displays(json, outcome);
	write_bool(json, "displays_truncated", outcome->are_displays_truncated);
	write_files(json, outcome);
}

void run_answer_write(const char *id, const struct run_outcome *outcome, unsigned flags, struct json_out *json)
{
	json_out_key(json, "id");
	json_out_text(json, id);
	if (flags & RUN_ANSWER_CHECK) {
		json_out_key(json, "valid");
		json_out_bool(json, outcome->result.verdict == VERDICT_OK);
	}
	write_end(json, outcome);
	write_error(json, outcome);
	if (!(flags & RUN_ANSWER_CHECK))
		write_product(json, outcome, flags & RUN_ANSWER_STREAMED);
	write_refused(json, outcome);
	write_usage(json, outcome);
	write_timings(json, outcome);
	write_isolation(json, outcome);
}
