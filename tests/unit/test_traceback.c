/* SPDX-License-Identifier: Apache-2.0 */
#include "api/traceback.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER  "Traceback (most recent call last):\n"
#define AT(n)   "  File \"/app/script.py\", line " #n ", in f\n    g()\n"
#define DURING  "\nDuring handling of the above exception, another exception occurred:\n\n"
#define BECAUSE "\nThe above exception was the direct cause of the following exception:\n\n"

/* want: "type|message|frame;frame", a frame as file:line:function:source; NULL: no traceback. */
static const struct {
	const char *name, *text, *want;
} cases[] = {
	{ "plain", HEADER AT(3) "ZeroDivisionError: division by zero\n",
	  "ZeroDivisionError|division by zero|/app/script.py:3:f:g()" },
	{ "without a message", HEADER AT(3) "KeyboardInterrupt\n", "KeyboardInterrupt||/app/script.py:3:f:g()" },
	{ "an empty message", HEADER AT(3) "ValueError:\n", "ValueError||/app/script.py:3:f:g()" },
	{ "no newline at the end", HEADER AT(3) "E: x", "E|x|/app/script.py:3:f:g()" },
	{ "marks below the source", HEADER "  File \"a.py\", line 1, in <module>\n    1/0\n    ~^~\nE: x\n",
	  "E|x|a.py:1:<module>:1/0" },
	{ "no source", HEADER "  File \"<string>\", line 1, in <module>\nE: x\n", "E|x|<string>:1:<module>:" },
	{ "many lines and a note", HEADER AT(1) "E: a\n\n  b\nnote\n\n", "E|a\n\n  b\nnote|/app/script.py:1:f:g()" },
	{ "a local class", HEADER AT(1) "__main__.f.<locals>.\xc3\x84rger: x\n",
	  "__main__.f.<locals>.\xc3\x84rger|x|/app/script.py:1:f:g()" },
	{ "a quote in a file's name", HEADER "  File \"a\", line 2\", line 7, in f\nE\n", "E||a\", line 2:7:f:" },
	{ "repeated frames", HEADER AT(1) "  [Previous line repeated 996 more times]\nRecursionError: deep\n",
	  "RecursionError|deep|/app/script.py:1:f:g()" },
	{ "the last of a chain", HEADER AT(1) "A: 1\n" DURING HEADER AT(2) "B: 2\n" BECAUSE HEADER AT(3) "C: 3\n",
	  "C|3|/app/script.py:3:f:g()" },
	{ "text around it", "hello\n" HEADER AT(1) "A: 1\nbye\n", "A|1\nbye|/app/script.py:1:f:g()" },
	{ "a syntax error of the script",
	  "  File \"/app/script.py\", line 5\n    def broken(:\n               ^\nSyntaxError: invalid syntax\n",
	  "SyntaxError|invalid syntax|/app/script.py:5::def broken(:" },
	{ "a syntax error of a module",
	  HEADER AT(1) "  File \"/app/m.py\", line 2\n    for in x\n        ^^\nSyntaxError: invalid syntax\n",
	  "SyntaxError|invalid syntax|/app/script.py:1:f:g();/app/m.py:2::for in x" },
	{ "a group",
	  "  + Exception Group " HEADER
	  "  |   File \"a.py\", line 4, in <module>\n  |     raise eg\n  | ExceptionGroup: g (2 sub-exceptions)\n"
	  "  +-+---------------- 1 ----------------\n    | " HEADER
	  "    |   File \"a.py\", line 9, in one\n    | ValueError: first\n"
	  "    +---------------- 2 ----------------\n    | KeyError: 'k'\n    +------------------------------------\n",
	  "ExceptionGroup|g (2 sub-exceptions)|a.py:4:<module>:raise eg" },
	{ "ignored after the error", HEADER AT(1) "A: 1\nException ignored in: <function X.__del__>\n" HEADER AT(2) "B: 2\n",
	  "A|1|/app/script.py:1:f:g()" },
	{ "ignored alone", "Exception ignored in: <function X.__del__>\n" HEADER AT(2) "B: 2\n", NULL },
	{ "a thread before the error", "Exception in thread T-1:\n" HEADER AT(1) "A: 1\n" HEADER AT(2) "B: 2\n",
	  "B|2|/app/script.py:2:f:g()" },
	{ "a thread after the error", HEADER AT(2) "B: 2\nException in thread T-1:\n" HEADER AT(1) "A: 1\n",
	  "B|2|/app/script.py:2:f:g()" },
	{ "a thread alone", "Exception in thread T-1:\n" HEADER AT(1) "A: 1\n", "A|1|/app/script.py:1:f:g()" },
	{ "nothing", "", NULL },
	{ "only text", "usage: x\n", NULL },
	{ "a header alone", HEADER, NULL },
	{ "cut in the frames", HEADER AT(1), NULL },
	{ "no exception where one should be", HEADER AT(1) "this is not one\n", NULL },
	{ "a number is no type", HEADER AT(1) "42: x\n", NULL },
	{ "an endless line number", HEADER "  File \"a\", line 123456789012345678901, in f\nE: x\n", "E|x" },
};

static void add_text(char *to, size_t size, struct traceback_text text)
{
	size_t used = strlen(to);

	(void)snprintf(to + used, size - used, "%.*s", (int)text.size, text.bytes ? text.bytes : "");
}

static void add(char *to, size_t size, const char *text)
{
	add_text(to, size, (struct traceback_text){ text, strlen(text) });
}

static void write_all(const struct traceback *traceback, char *to, size_t size)
{
	to[0] = '\0';
	add_text(to, size, traceback->type);
	add(to, size, "|");
	add_text(to, size, traceback->message);
	for (size_t i = 0; i < traceback->frames_count; i++) {
		const struct traceback_frame *frame = &traceback->frames[i];

		add(to, size, i == 0 ? "|" : ";");
		add_text(to, size, frame->file);
		(void)snprintf(to + strlen(to), size - strlen(to), ":%ju:", (uintmax_t)frame->line);
		add_text(to, size, frame->function);
		add(to, size, ":");
		add_text(to, size, frame->source);
	}
}

static void the_last_exception_is_found_with_its_frames(void **state)
{
	(void)state;
	array_for_each(cases, c) {
		struct traceback traceback;
		char got[1024];
		bool is_there = traceback_parse(c->text, strlen(c->text), &traceback);

		if (is_there)
			write_all(&traceback, got, sizeof got);
		if (is_there != (c->want != NULL) || (is_there && strcmp(got, c->want) != 0))
			fail_msg("%s: got %s, want %s", c->name, is_there ? got : "nothing", c->want ? c->want : "nothing");
	}
}

static void of_many_frames_the_outermost_and_the_innermost_stay(void **state)
{
	const unsigned counts[] = { TRACEBACK_FRAMES_MAX - 1, TRACEBACK_FRAMES_MAX, TRACEBACK_FRAMES_MAX + 1, 1000 };

	(void)state;
	array_for_each(counts, count) {
		char *text = malloc(64 * KIB), *at = text;
		struct traceback traceback;

		assert_non_null(text);
		at += sprintf(at, HEADER);
		for (unsigned i = 1; i <= *count; i++)
			at += sprintf(at, "  File \"a\", line %u, in f\n", i);
		at += sprintf(at, "E: x\n");
		assert_true(traceback_parse(text, (size_t)(at - text), &traceback));

		unsigned left_out = *count > TRACEBACK_FRAMES_MAX ? *count - TRACEBACK_FRAMES_MAX : 0;

		assert_int_equal(traceback.frames_count, *count - left_out);
		assert_int_equal(traceback.frames_left_out, left_out);
		for (unsigned i = 0; i < traceback.frames_count; i++)
			assert_int_equal(traceback.frames[i].line, i < TRACEBACK_FRAMES_MAX / 2 ? i + 1 : i + 1 + left_out);
		free(text);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_last_exception_is_found_with_its_frames),
	cmocka_unit_test(of_many_frames_the_outermost_and_the_innermost_stay),
};

unit_main(tests)
