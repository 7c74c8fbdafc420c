/* SPDX-License-Identifier: Apache-2.0
 *
 * One pass over the lines. A block begins with a header or, for a SyntaxError of the script itself, with a place that has no
 * function; frames and their source follow, indented; the first line at the margin is the exception. Everything up to the next block
 * is its message: messages and notes may have many lines. Python draws a group's own lines behind a bar, "  | ", and what the
 * group holds further right, which is why the margin tells them apart.
 */
#include "api/traceback.h"

#include <string.h>

#define HALF (TRACEBACK_FRAMES_MAX / 2)

#define HEADER       "Traceback (most recent call last):"
#define GROUP_HEADER "  + Exception Group " HEADER
#define GROUP_MARGIN "  | "
#define PLACE        "  File \""

enum state {
	OUTSIDE, /* what is read belongs to no block */
	FRAMES,
	MESSAGE,
};

enum kind { KIND_NONE, KIND_IGNORED, KIND_THREAD, KIND_ERROR }; /* the higher, the more it counts */

struct parser {
	struct traceback *found; /* the block that counts so far */
	enum kind found_kind;
	struct traceback block; /* the one that is being read */
	uint64_t frames_seen;
	enum state state;
	enum kind kind, next_kind; /* of this block; of the one that follows the line just read */
	const char *margin;        /* of this block: "" or GROUP_MARGIN */
	const char *message_end;
};

static bool has_prefix(struct traceback_text line, const char *prefix)
{
	size_t length = strlen(prefix);

	return line.size >= length && memcmp(line.bytes, prefix, length) == 0;
}

static bool is_text(struct traceback_text line, const char *text)
{
	return line.size == strlen(text) && has_prefix(line, text);
}

static struct traceback_text skip(struct traceback_text line, size_t count)
{
	return (struct traceback_text){ line.bytes + count, line.size - count };
}

static struct traceback_text trim(struct traceback_text line)
{
	while (line.size > 0 && line.bytes[0] == ' ')
		line = skip(line, 1);
	while (line.size > 0 && (line.bytes[line.size - 1] == ' ' || line.bytes[line.size - 1] == '\r'))
		line.size--;
	return line;
}

/* '  File "/app/script.py", line 3, in f', or without the function. The file's name may hold quotes: the last ones count. */
static bool parse_place(struct traceback_text line, struct traceback_frame *ret_frame)
{
	static const char between[] = "\", line ";
	struct traceback_frame frame = { 0 };
	size_t at = 0;

	if (!has_prefix(line, PLACE))
		return false;
	line = skip(line, sizeof PLACE - 1);
	for (const char *hit = line.bytes; (hit = memmem(hit, line.size - (size_t)(hit - line.bytes), between, sizeof between - 1));
	     hit++)
		at = (size_t)(hit - line.bytes) + 1;
	if (at == 0)
		return false;
	frame.file = (struct traceback_text){ line.bytes, at - 1 };
	line = skip(line, at + sizeof between - 2);
	for (at = 0; at < line.size && at < 9 && line.bytes[at] >= '0' && line.bytes[at] <= '9'; at++)
		frame.line = frame.line * 10 + (uint64_t)(line.bytes[at] - '0');
	if (at == 0)
		return false;
	line = skip(line, at);
	if (has_prefix(line, ", in ") && line.size > strlen(", in "))
		frame.function = skip(line, strlen(", in "));
	else if (line.size > 0)
		return false;
	*ret_frame = frame;
	return true;
}

static bool is_type_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '<' ||
	       c == '>' || (unsigned char)c >= 0x80;
}

/* "ValueError: wrong", "KeyboardInterrupt", "__main__.f.<locals>.Mine: x". */
static bool parse_exception(struct traceback_text line, struct traceback *block)
{
	size_t length = 0;

	while (length < line.size && is_type_char(line.bytes[length]))
		length++;
	if (length == 0 || (line.bytes[0] >= '0' && line.bytes[0] <= '9') || (length < line.size && line.bytes[length] != ':'))
		return false;
	block->type = (struct traceback_text){ line.bytes, length };
	line = skip(line, length);
	if (has_prefix(line, ": "))
		line = skip(line, 2);
	else if (line.size > 0)
		line = skip(line, 1);
	block->message = line;
	return true;
}

/* Of many frames the first half stays, and the last ones go round in the second. */
static void add_frame(struct parser *parser, const struct traceback_frame *frame)
{
	size_t at = parser->frames_seen < TRACEBACK_FRAMES_MAX ? (size_t)parser->frames_seen
							       : HALF + (size_t)(parser->frames_seen % HALF);

	parser->block.frames[at] = *frame;
	parser->frames_seen++;
}

static struct traceback_frame *last_frame(struct parser *parser)
{
	uint64_t last = parser->frames_seen - 1;

	return &parser->block.frames[last < TRACEBACK_FRAMES_MAX ? (size_t)last : HALF + (size_t)(last % HALF)];
}

static void begin(struct parser *parser, const char *margin)
{
	parser->block = (struct traceback){ 0 };
	parser->frames_seen = 0;
	parser->state = FRAMES;
	parser->kind = parser->next_kind;
	parser->margin = margin;
}

/* Puts the frames that went round in their order. */
static void unroll(struct parser *parser)
{
	struct traceback *block = &parser->block;
	size_t first = (size_t)(parser->frames_seen % HALF); /* where the oldest of the second half is */
	struct traceback_frame second[HALF];

	block->frames_count = parser->frames_seen < TRACEBACK_FRAMES_MAX ? (size_t)parser->frames_seen : TRACEBACK_FRAMES_MAX;
	block->frames_left_out = parser->frames_seen - block->frames_count;
	if (block->frames_left_out == 0)
		return;
	memcpy(second, block->frames + HALF, sizeof second);
	for (size_t i = 0; i < HALF; i++)
		block->frames[HALF + i] = second[(first + i) % HALF];
}

/* A block is whole: it counts when none that counts more was there. */
static void finish(struct parser *parser)
{
	if (parser->state == MESSAGE && parser->kind > KIND_IGNORED && parser->kind >= parser->found_kind) {
		parser->block.message.size = (size_t)(parser->message_end - parser->block.message.bytes);
		unroll(parser);
		*parser->found = parser->block;
		parser->found_kind = parser->kind;
	}
	parser->state = OUTSIDE;
}

static void take_frame_line(struct parser *parser, struct traceback_text line)
{
	struct traceback_frame frame;

	if (!has_prefix(line, parser->margin)) {
		finish(parser);
		return;
	}
	line = skip(line, strlen(parser->margin));
	if (parse_place(line, &frame)) {
		add_frame(parser, &frame);
	} else if (has_prefix(line, "    ")) {
		if (parser->frames_seen > 0 && !last_frame(parser)->source.bytes)
			last_frame(parser)->source = trim(line);
	} else if (has_prefix(line, "  ")) {
		; /* "[Previous line repeated 970 more times]" */
	} else if (parse_exception(line, &parser->block)) {
		parser->state = MESSAGE;
		parser->message_end = line.bytes + line.size;
	} else {
		finish(parser);
	}
}

static bool ends_message(const struct parser *parser, struct traceback_text line)
{
	static const char *const ends[] = { "During handling of the above exception, another exception occurred:",
					    "The above exception was the direct cause of the following exception:" };
	size_t margin = strlen(parser->margin);

	if (has_prefix(line, parser->margin)) {
		array_for_each(ends, end) {
			if (is_text(skip(line, margin), *end))
				return true;
		}
	}
	return margin > 0 && !has_prefix(line, parser->margin); /* what the group holds, or what follows it */
}

static void take_message_line(struct parser *parser, struct traceback_text line)
{
	if (ends_message(parser, line))
		finish(parser);
	else if (trim(line).size > 0)
		parser->message_end = line.bytes + line.size; /* blank lines at the end are no part of it */
}

static enum kind kind_of_next(struct traceback_text line)
{
	if (has_prefix(line, "Exception ignored "))
		return KIND_IGNORED;
	return has_prefix(line, "Exception in thread ") ? KIND_THREAD : KIND_ERROR;
}

static void take_line(struct parser *parser, struct traceback_text line)
{
	struct traceback_frame frame;
	bool is_group = is_text(line, GROUP_HEADER);

	if (is_group || is_text(line, HEADER)) {
		finish(parser);
		begin(parser, is_group ? GROUP_MARGIN : "");
	} else if (parser->state == FRAMES) {
		take_frame_line(parser, line);
	} else if (parse_place(line, &frame) && !frame.function.bytes) {
		finish(parser);
		begin(parser, "");
		add_frame(parser, &frame);
	} else if (kind_of_next(line) != KIND_ERROR) {
		finish(parser);
	} else if (parser->state == MESSAGE) {
		take_message_line(parser, line);
	}
	parser->next_kind = kind_of_next(line);
}

bool traceback_parse(const char *text, size_t size, struct traceback *ret_traceback)
{
	struct traceback found;
	struct parser parser = { .found = &found, .next_kind = KIND_ERROR, .margin = "" };

	for (size_t at = 0; at < size;) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t length = end ? (size_t)(end - (text + at)) : size - at;

		take_line(&parser, (struct traceback_text){ text + at, length });
		at += length + 1;
	}
	finish(&parser);
	if (parser.found_kind == KIND_NONE)
		return false;
	*ret_traceback = found;
	return true;
}
