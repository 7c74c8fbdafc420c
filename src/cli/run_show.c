/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_show.h"

#include "cli/client.h"
#include "cli/figures.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPIN_AFTER (300 * NSEC_PER_MSEC) /* shorter runs come without */

/* --- the terminal ---------------------------------------------------------------------------------------------------------- */

static double seconds_since(nsec_t then)
{
	return (double)(clock_now() - then) / (double)NSEC_PER_SEC;
}

static void clear_spinner(struct run_show *show)
{
	if (show->has_spinner)
		(void)fputs("\r\033[K", stderr);
	show->has_spinner = false;
}

void run_show_tick(void *arg)
{
	static const char *const frames[] = { "|", "/", "-", "\\" };
	struct run_show *show = arg;

	if (!show->is_terminal || show->has_output || clock_now() - show->began_at < SPIN_AFTER)
		return;
	fprintf(stderr, "\r%s running, %.1f s", frames[show->spins++ % ARRAY_SIZE(frames)], seconds_since(show->began_at));
	(void)fflush(stderr);
	show->has_spinner = true;
}

static double member_number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void show_times(const struct run_show *show)
{
	const json_t *usage = json_object_get(show->verdict, "usage");
	const char *verdict = json_string_value(json_object_get(show->verdict, "verdict"));

	fprintf(stderr, "\033[2m%s in %.3f s (%.3f s CPU, %.1f MB at most); %.3f s with the way there\033[0m\n",
		verdict ? verdict : "ended", member_number(usage, "wall_ms") / 1000,
		(member_number(usage, "cpu_user_ms") + member_number(usage, "cpu_system_ms")) / 1000,
		member_number(usage, "memory_peak_bytes") / (double)MIB, seconds_since(show->began_at));
}

/* --- events ---------------------------------------------------------------------------------------------------------------- */

/* NUL and all: what the program wrote is what the terminal gets. */
static int show_text(struct run_show *show, const json_t *text, FILE *to)
{
	if (!json_is_string(text))
		return -EPROTO;
	clear_spinner(show);
	show->has_output = true;
	if (fwrite(json_string_value(text), 1, json_string_length(text), to) != json_string_length(text) || fflush(to) != 0)
		return -EIO;
	return 0;
}

static int show_line(struct run_show *show, const json_t *text)
{
	int r = show_text(show, text, stdout);

	return r == 0 && puts("") < 0 ? -EIO : r;
}

static int show_display(struct run_show *show, const json_t *display)
{
	const json_t *text = json_object_get(display, "text/plain");
	char name[FIGURES_NAME_BYTES];
	struct err err;
	int r = figures_save(show->figures, display, &show->figures_count, name, &err);

	clear_spinner(show);
	if (r == -ENOMSG) {
		show->has_shown_text = json_is_string(text);
		return show->has_shown_text ? show_line(show, text) : 0;
	}
	fprintf(stderr, "safexec run: %s%s\n", r < 0 ? "" : "saved ", r < 0 ? err.text : name);
	return 0;
}

static int show_event(struct run_show *show, const json_t *event)
{
	const char *kind = json_string_value(json_object_get(event, "event"));

	if (!kind || show->verdict)
		return -EPROTO;
	if (strcmp(kind, "stdout") == 0)
		return show_text(show, json_object_get(event, "data"), stdout);
	if (strcmp(kind, "stderr") == 0)
		return show_text(show, json_object_get(event, "data"), stderr);
	if (strcmp(kind, "display") == 0)
		return show_display(show, json_object_get(event, "display"));
	if (strcmp(kind, "verdict") == 0 || strcmp(kind, "problem") == 0)
		show->verdict = json_incref((json_t *)(uintptr_t)event);
	return 0; /* start, heartbeat, and what newer servers tell beside these */
}

static int take_line(struct run_show *show, const char *line, size_t size)
{
	json_t *event = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	int r = event ? show_event(show, event) : -EPROTO;

	json_decref(event);
	return r;
}

/* Takes each whole line out of what has come. */
static int take_lines(struct run_show *show)
{
	struct buf *line = &show->line;
	size_t at = 0;
	int r = 0;

	for (char *end; r == 0 && (end = memchr(line->bytes + at, '\n', line->size - at));) {
		size_t length = (size_t)(end - (line->bytes + at));

		r = take_line(show, line->bytes + at, length);
		at += length + 1;
	}
	memmove(line->bytes, line->bytes + at, line->size - at);
	line->size -= at;
	return r;
}

int run_show_take(const struct client_answer *answer, const char *bytes, size_t size, void *arg)
{
	struct run_show *show = arg;

	if (buf_append(&show->line, bytes, size) < 0)
		return -ENOBUFS;
	return strcmp(answer->type, "application/x-ndjson") == 0 ? take_lines(show) : 0;
}

/* --- the end --------------------------------------------------------------------------------------------------------------- */

int run_show_status(const json_t *verdict)
{
	const json_t *code = json_object_get(verdict, "exit_code"), *number = json_object_get(verdict, "signal");
	const char *word = json_string_value(json_object_get(verdict, "verdict"));

	if (!word)
		return RUN_STATUS_FAILED;
	if (strcmp(word, "timeout") == 0 || strcmp(word, "cpu_timeout") == 0)
		return RUN_STATUS_TIME;
	if (json_is_integer(code) && json_integer_value(code) >= 0 && json_integer_value(code) <= 255 &&
	    (json_integer_value(code) != 0 || strcmp(word, "ok") == 0))
		return (int)json_integer_value(code);
	if (json_is_integer(number) && json_integer_value(number) > 0 && json_integer_value(number) < 128)
		return RUN_STATUS_SIGNAL + (int)json_integer_value(number);
	return RUN_STATUS_FAILED;
}

/* An answer that is no stream: a problem, what --json asked for, or a stranger's. */
static int take_whole(struct run_show *show)
{
	if (!show->verdict && show->line.size > 0)
		show->verdict = json_loadb(show->line.bytes, show->line.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	if (json_is_string(json_object_get(show->verdict, "detail")) || json_is_string(json_object_get(show->verdict, "verdict")))
		return 0;
	fprintf(stderr, "safexec run: What answers at %s is no server of ours, or it was cut off.\n", show->address);
	return -EPROTO;
}

static void save_files(struct run_show *show)
{
	const json_t *files = json_object_get(show->verdict, "files"), *file;
	struct err err;
	size_t i;

	json_array_foreach(files, i, file)
	{
		if (outputs_save(&show->outputs, file, &err) == 0) {
			fprintf(stderr, "safexec run: saved %s\n", json_string_value(json_object_get(file, "path")));
			continue;
		}
		fprintf(stderr, "safexec run: %s\n", err.text);
		show->has_lost_file = true;
	}
	if (json_is_true(json_object_get(show->verdict, "files_truncated"))) {
		(void)fputs("safexec run: There were more files than can come back.\n", stderr);
		show->has_lost_file = true;
	}
}

static void say_end(const struct run_show *show)
{
	const char *verdict = json_string_value(json_object_get(show->verdict, "verdict"));
	const char *sentence = json_string_value(json_object_get(show->verdict, verdict ? "message" : "detail"));

	/* What a program that exits with an error has to say, it has said, unless it does not know itself. */
	if (verdict && strcmp(verdict, "error") == 0 && json_array_size(json_object_get(show->verdict, "refused_calls")) == 0)
		return;
	if (sentence && sentence[0] != '\0')
		fprintf(stderr, "safexec run: %s\n", sentence);
}

int run_show_end(struct run_show *show)
{
	clear_spinner(show);
	if (take_whole(show) < 0)
		return RUN_STATUS_FAILED;
	if (show->is_json &&
	    (fwrite(show->line.bytes, 1, show->line.size, stdout) != show->line.size || puts("") < 0 || fflush(stdout) != 0))
		return RUN_STATUS_FAILED;
	if (!show->is_json) {
		if (json_is_string(json_object_get(show->verdict, "result")) && !show->has_shown_text)
			(void)show_line(show, json_object_get(show->verdict, "result"));
		save_files(show);
		say_end(show);
	}
	if (show->is_terminal && !show->is_json && json_object_get(show->verdict, "usage"))
		show_times(show);

	int status = run_show_status(show->verdict);

	return status == 0 && show->has_lost_file ? RUN_STATUS_FAILED : status;
}

void run_show_free(struct run_show *show)
{
	buf_free(&show->line);
	json_decref(show->verdict);
}
