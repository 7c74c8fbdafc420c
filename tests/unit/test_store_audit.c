/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"
#include "store/audit.h"

#include "base/fd.h"
#include "base/macro.h"

#include <string.h>

#define FILE_NAME "audit.log"

static void append(struct audit *audit, const char *text)
{
	assert_int_equal(audit_append(audit, text, strlen(text), 1795396802123), 0);
}

static void write_lines(uint64_t bytes_max, int count)
{
	struct audit audit;
	struct err err = { 0 };

	if (audit_open(&audit, bytes_max, &err) < 0)
		fail_msg("%s", err.text);
	for (int i = 0; i < count; i++)
		append(&audit, "\"what\":\"run\"");
	audit_close(&audit);
}

/* The number of lines of a file whose chain holds, or -EBADMSG. */
static int verify(const char *name, char chain[AUDIT_HASH_BYTES], struct err *err)
{
	FILE *file = fopen(name, "re");
	uint64_t lines = 0;
	int r;

	assert_non_null(file);
	r = audit_verify(file, chain, &lines, err);
	(void)fclose(file);
	return r < 0 ? r : (int)lines;
}

static size_t read_all(char *text, size_t size)
{
	FILE *file = fopen(FILE_NAME, "re");
	size_t n = fread(text, 1, size, file);

	(void)fclose(file);
	return n;
}

static void write_all(const char *text, size_t size)
{
	int fd = open(FILE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, size), size);
	(void)fd_close(fd);
}

static void the_chain_goes_on_over_a_restart(void **state)
{
	char chain[AUDIT_HASH_BYTES] = "";
	struct err err = { 0 };

	(void)state;
	write_lines(MIB, 2);
	write_lines(MIB, 3);
	assert_int_equal(verify(FILE_NAME, chain, &err), 5);
}

static void every_byte_that_is_changed_is_found(void **state)
{
	char text[4096], chain[AUDIT_HASH_BYTES];
	struct err err;
	size_t size;

	(void)state;
	write_lines(MIB, 3);
	size = read_all(text, sizeof text);
	for (size_t at = 0; at < size; at++) {
		text[at] ^= 1;
		write_all(text, size);
		chain[0] = '\0';
		if (verify(FILE_NAME, chain, &err) == 3)
			fail_msg("byte %zu can be changed", at);
		text[at] ^= 1;
	}
}

static void a_line_that_is_dropped_or_moved_is_found(void **state)
{
	char text[4096], other[4096], chain[AUDIT_HASH_BYTES] = "";
	struct err err;
	size_t size, line;

	(void)state;
	write_lines(MIB, 3);
	size = read_all(text, sizeof text);
	line = (size_t)(strchr(text, '\n') + 1 - text);
	memcpy(other, text, line);
	memcpy(other + line, text + 2 * line, size - 2 * line);
	write_all(other, size - line);
	assert_int_equal(verify(FILE_NAME, chain, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "line 2"));
	memcpy(other, text + line, line);
	memcpy(other + line, text, line);
	write_all(other, 2 * line);
	chain[0] = '\0';
	assert_int_equal(verify(FILE_NAME, chain, &err), -EBADMSG);
}

static void what_a_crash_leaves_of_a_line_is_cut_off_and_the_chain_goes_on(void **state)
{
	char text[4096], chain[AUDIT_HASH_BYTES] = "";
	struct err err;
	size_t size;

	(void)state;
	write_lines(MIB, 2);
	size = read_all(text, sizeof text);
	write_all(text, size - 5);
	write_lines(MIB, 1);
	assert_int_equal(verify(FILE_NAME, chain, &err), 2);
}

static void a_full_file_is_put_aside_and_the_chain_goes_on_in_a_new_one(void **state)
{
	char chain[AUDIT_HASH_BYTES] = "";
	struct err err;

	(void)state;
	write_lines(400, 4); /* two lines fill it */
	assert_int_equal(verify("audit-000000000001.log", chain, &err), 2);
	assert_int_equal(verify(FILE_NAME, chain, &err), 2);
}

static void text_that_could_forge_a_line_is_refused(void **state)
{
	static const char *const texts[] = { "a\nb", "a\rb", "\x01", "\x7f" };
	struct audit audit;
	struct err err;

	(void)state;
	assert_int_equal(audit_open(&audit, MIB, &err), 0);
	array_for_each(texts, text)
		assert_int_equal(audit_append(&audit, *text, strlen(*text), 0), -EINVAL);
	audit_close(&audit);
}

static void a_file_that_is_no_audit_log_is_left_alone(void **state)
{
	struct audit audit;
	struct err err = { 0 };

	(void)state;
	write_all("something else\n", 15);
	assert_int_equal(audit_open(&audit, MIB, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "move the file away"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_enter, folder_leave)

static const struct CMUnitTest tests[] = {
	TEST(the_chain_goes_on_over_a_restart),
	TEST(every_byte_that_is_changed_is_found),
	TEST(a_line_that_is_dropped_or_moved_is_found),
	TEST(what_a_crash_leaves_of_a_line_is_cut_off_and_the_chain_goes_on),
	TEST(a_full_file_is_put_aside_and_the_chain_goes_on_in_a_new_one),
	TEST(text_that_could_forge_a_line_is_refused),
	TEST(a_file_that_is_no_audit_log_is_left_alone),
};

unit_main(tests)
