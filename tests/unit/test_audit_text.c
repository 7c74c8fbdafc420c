/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit_text.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static void text_becomes_one_printable_line_cut_at_a_whole_character(void **state)
{
	static const struct {
		const char *text, *want;
		size_t size;
	} cases[] = {
		{ "", "", 32 },
		{ "\n\n", "", 32 },
		{ "one\n", "one", 32 },
		{ "one\r\n\ntwo\n", "one / two", 32 },
		{ "\033[31mred\a", "?[31mred?", 32 },
		{ "a\x7f"
		  "b",
		  "a?b", 32 },
		{ "C1: \xc2\x9b"
		  "1m",
		  "C1: ?1m", 32 },
		{ "0123456789abcdef", "012345678...", 16 },
		{ "\xc3\xa4\xc3\xb6\xc3\xbc", "\xc3\xa4\xc3\xb6\xc3\xbc", 32 },
		{ "01234567\xc3\xa4 and more", "01234567\xc3\xa4...", 16 },
	};
	char line[32];

	(void)state;
	array_for_each(cases, c) {
		audit_cut_text(c->text, line, c->size);
		assert_string_equal(line, c->want);
	}
}

static void check_written(void (*write)(FILE *to, const char *text), const char *text, const char *want)
{
	char *bytes = NULL;
	size_t size;
	FILE *to = open_memstream(&bytes, &size);

	assert_non_null(to);
	write(to, text);
	assert_int_equal(fclose(to), 0);
	assert_string_equal(bytes, want);
	free(bytes);
}

static void what_a_program_printed_is_text_in_every_form(void **state)
{
	(void)state;
	check_written(audit_write_html, "<script>\"&\"</script>", "&lt;script&gt;&quot;&amp;&quot;&lt;/script&gt;");
	check_written(audit_write_markdown, "a|b `c` <d> [e]", "a\\|b \\`c\\` \\<d\\> \\[e\\]");
	check_written(audit_write_markdown, "__init__", "\\_\\_init\\_\\_");
}

static void what_happened_is_the_last_line_of_an_error_and_what_the_host_saw(void **state)
{
	const struct audit_case plain = { .code = "x" }, looked = { .code = "x", .looks = LOOK_PROCESSES | LOOK_FILES };
	char output[] = "", error[] = "Traceback\n  File\nOSError: [Errno 30]\n";
	struct audit_sight sight = { .answer = { .status = 200, .output = output, .error = error }, .processes_during = 1 };
	char line[AUDIT_HAPPENED_BYTES];

	(void)state;
	audit_tell_what_happened(&plain, &sight, line);
	assert_string_equal(line, "OSError: [Errno 30]");
	audit_tell_what_happened(&looked, &sight, line);
	assert_string_equal(line,
			    "OSError: [Errno 30]; seen on the host meanwhile: yes, afterwards: no; the file was not on the host");
	sight.answer = (struct audit_answer){ .fault = -ECONNRESET };
	audit_tell_what_happened(&plain, &sight, line);
	assert_string_equal(line, "No answer: Connection reset by peer.");
}

static void runs_that_looked_and_gave_no_answer_are_no_text_to_show(void **state)
{
	const struct audit_case what = { .code = "x", .afterwards = "y" };
	char output[] = "left", error[] = "";
	struct audit_sight sight = { .answer = { .status = 200, .is_success = true, .output = output, .error = error },
				     .looks_count = 1,
				     .looks = { { .fault = -ECONNRESET } } };
	char line[AUDIT_HAPPENED_BYTES];

	(void)state;
	audit_tell_what_happened(&what, &sight, line);
	assert_string_equal(line, "left (the runs that looked gave no answer)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_becomes_one_printable_line_cut_at_a_whole_character),
		cmocka_unit_test(what_a_program_printed_is_text_in_every_form),
		cmocka_unit_test(runs_that_looked_and_gave_no_answer_are_no_text_to_show),
		cmocka_unit_test(what_happened_is_the_last_line_of_an_error_and_what_the_host_saw),
	};

	return cmocka_run_group_tests(tests, unit_note_fds, unit_check_fds) == 0 ? 0 : 1;
}
