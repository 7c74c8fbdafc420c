/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run may have left behind, and what comes back of it.
 */
#include "cell/collect.h"

#include "base/fd.h"
#include "folder.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define MUCH_TIME (clock_now() + 20 * NSEC_PER_SEC)

static const struct collect_caps roomy = { .bytes = MIB, .files = 16, .entries = 1000, .deadline = 0 };

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	(void)fd_close(fd);
}

static int ask(const char *const *globs, size_t count)
{
	struct bundle_writer writer = { .fd = -EBADF };
	int fd = -EBADF;

	for (size_t i = 0; i < count && globs[i]; i++) {
		const struct bundle_record record = { .type = BUNDLE_GLOB, .name = globs[i], .name_size = strlen(globs[i]) };

		assert_int_equal(bundle_add(&writer, &record), 0);
	}
	assert_int_equal(bundle_seal(&writer, &fd), 0);
	return fd;
}

/* What comes back from the working folder, as "name=text " or "name:size " for what was left out, with "..." for more. */
static const char *collect(const struct collect_caps *caps, const char *const *globs, size_t count)
{
	static char text[4096];
	struct collect_caps timed = *caps;
	struct bundle asked, got;
	struct bundle_record record;
	int asked_fd = ask(globs, count), fd = -EBADF, dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	size_t used = 0;

	if (timed.deadline == 0)
		timed.deadline = MUCH_TIME;
	text[0] = '\0';
	assert_int_equal(bundle_open(asked_fd, &asked), 0);
	assert_int_equal(collect_files(dir, &asked, &timed, &fd), 0);
	bundle_close(&asked);
	assert_int_equal(bundle_open(fd, &got), 0);
	while ((r = bundle_next(&got, &record)) > 0) {
		if (record.type == BUNDLE_FILE)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s=%.20s ", record.name, record.bytes);
		else if (record.type == BUNDLE_LEFT_OUT)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s:%zu ", record.name, (size_t)record.size);
		else
			used += (size_t)snprintf(text + used, sizeof text - used, "...");
	}
	assert_int_equal(r, 0);
	bundle_close(&got);
	(void)fd_close(fd);
	(void)fd_close(asked_fd);
	(void)fd_close(dir);
	return text;
}

static void patterns_name_what_comes_back_in_order_and_once(void **state)
{
	static const struct {
		const char *globs[4], *want;
	} cases[] = {
		{ { "a.txt" }, "a.txt=A " },
		{ { "none.txt" }, "" },
		{ { "d/b.txt", "a.txt", "a.txt", "*.txt" }, "a.txt=A d/b.txt=B " },
		{ { "*" }, "a.txt=A " },
		{ { "**" }, "a.txt=A d/b.txt=B d/e/c.csv=C " },
		{ { "**/*.csv" }, "d/e/c.csv=C " },
		{ { "d/*" }, "d/b.txt=B " },
		{ { "d" }, "" },
		{ { ".h/*" }, ".h/x=H " },
		{ { "**", ".h/x" }, ".h/x=H a.txt=A d/b.txt=B d/e/c.csv=C " },
	};

	(void)state;
	put("a.txt", "A");
	assert_true(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0 && mkdir(".h", 0755) == 0);
	put("d/b.txt", "B");
	put("d/e/c.csv", "C");
	put(".h/x", "H");
	array_for_each(cases, c)
		assert_string_equal(collect(&roomy, c->globs, ARRAY_SIZE(c->globs)), c->want);
}

/* snekbox (2023), Judge0 CVE-2024-28185 and CVE-2024-28189. */
static void nothing_but_regular_files_comes_back_and_no_link_is_followed(void **state)
{
	static const char *const globs[] = { "**", "link", "fifo" };
	static const char *const through[] = { "out/passwd", "self/a", "dangling", "socket" };
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	put("a", "A");
	assert_int_equal(symlink("/etc/passwd", "link"), 0);
	assert_int_equal(symlink("a", "inside"), 0);
	assert_int_equal(symlink("/etc", "out"), 0);
	assert_int_equal(symlink(".", "self"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_int_equal(mkfifo("fifo", 0666), 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
	if (geteuid() == 0)
		assert_int_equal(mknod("device", S_IFCHR | 0666, (1 << 8) | 5), 0); /* /dev/zero */
	assert_string_equal(collect(&roomy, globs, ARRAY_SIZE(globs)), "a=A ");
	assert_string_equal(collect(&roomy, through, ARRAY_SIZE(through)), "");
	(void)fd_close(listener);
}

static void hard_links_are_files_of_their_own_and_count_as_such(void **state)
{
	static const char *const globs[] = { "*" };
	const struct collect_caps small = { .bytes = 7, .files = 16, .entries = 100 };

	(void)state;
	put("a", "1234");
	assert_int_equal(link("a", "b"), 0);
	assert_string_equal(collect(&roomy, globs, 1), "a=1234 b=1234 ");
	assert_string_equal(collect(&small, globs, 1), "a=1234 b:4 ");
}

/* snekbox (2023): a hole takes no room on the disk, and all of its size in the reader's memory. */
static void a_sparse_file_counts_with_all_that_it_reads(void **state)
{
	static const char *const globs[] = { "*" };
	const struct collect_caps exact = { .bytes = 1000, .files = 16, .entries = 100 };
	int fd = open("hole", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	(void)state;
	put("a", "A");
	assert_int_equal(ftruncate(fd, 1000), 0);
	assert_string_equal(collect(&exact, globs, 1), "a=A hole:1000 ");
	assert_int_equal(unlink("a"), 0);
	assert_string_equal(collect(&exact, globs, 1), "hole= ");
	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	assert_string_equal(collect(&exact, globs, 1), "hole:1099511627776 ");
	(void)fd_close(fd);
}

static void what_is_too_large_is_named_and_the_smaller_ones_still_come(void **state)
{
	static const char *const globs[] = { "*" };
	const struct collect_caps small = { .bytes = 5, .files = 16, .entries = 100 };

	(void)state;
	put("a", "123");
	put("b", "123");
	put("c", "12");
	put("d", "");
	assert_string_equal(collect(&small, globs, 1), "a=123 b:3 c=12 d= ");
}

static void there_are_caps_on_files_and_entries_and_time(void **state)
{
	static const char *const globs[] = { "*" }, *const deep[] = { "**/x" };
	struct collect_caps caps = { .bytes = 1000, .files = 3, .entries = 100 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		if (i == 3)
			assert_null(strstr(collect(&caps, globs, 1), "..."));
		put((char[]){ (char)('a' + i), '\0' }, "");
	}
	assert_non_null(strstr(collect(&caps, globs, 1), "= ...")); /* some three of them */
	caps = (struct collect_caps){ .bytes = 1000, .files = 16, .entries = 4 };
	assert_string_equal(collect(&caps, globs, 1), "a= b= c= d= ");
	caps.entries = 3;
	assert_non_null(strstr(collect(&caps, globs, 1), "= ..."));
	caps = (struct collect_caps){ .bytes = 1000, .files = 16, .entries = 100, .deadline = 1 };
	assert_string_equal(collect(&caps, deep, 1), "...");
	assert_string_equal(collect(&caps, (const char *const[]){ "a" }, 1), "a:0 "); /* found, but no time to read it */
}

static void a_search_ends_at_its_depth(void **state)
{
	static const char *const globs[] = { "**/x" };
	char path[2 * BUNDLE_MAX_DEPTH + 8] = "";

	(void)state;
	for (int depth = 0; depth <= BUNDLE_MAX_DEPTH; depth++) {
		size_t used = strlen(path);

		path[used] = 'd';
		assert_int_equal(mkdir(path, 0755), 0);
		path[used + 1] = '/';
		if (depth == BUNDLE_MAX_DEPTH - 2 || depth == BUNDLE_MAX_DEPTH - 1) {
			path[used + 2] = 'x';
			put(path, "X");
			path[used + 2] = '\0';
		}
		if (depth == BUNDLE_MAX_DEPTH - 2)
			assert_null(strstr(collect(&roomy, globs, 1), "..."));
	}
	assert_string_equal(collect(&roomy, globs, 1), "d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/x=X ...");
}

static void a_path_too_long_for_a_bundle_is_not_returned_and_said_to_be_more(void **state)
{
	static const char *const globs[] = { "**" };
	char part[201], path[1024] = "";

	(void)state;
	memset(part, 'x', sizeof part - 1);
	part[sizeof part - 1] = '\0';
	for (size_t i = 0, used = 0; i < 3; i++) {
		used += (size_t)snprintf(path + used, sizeof path - used, "%s", part);
		assert_int_equal(mkdir(path, 0755), 0);
		used += (size_t)snprintf(path + used, sizeof path - used, "/");
	}
	(void)snprintf(path, sizeof path, "%s/file", part);
	put(path, "1");
	assert_non_null(strstr(collect(&roomy, globs, 1), "/file=1 ..."));
}

static void what_cannot_be_read_is_as_if_it_were_not_there(void **state)
{
	static const char *const globs[] = { "**" };

	(void)state;
	put("a", "A");
	put("b\n\xff", "B");
	put("locked", "L");
	assert_int_equal(mkdir("closed", 0), 0);
	assert_int_equal(chmod("locked", 0), 0);
	assert_int_equal(chmod(".", 0755), 0);
	if (getuid() == 0)
		assert_int_equal(seteuid(65534), 0); /* root reads everything */

	const char *got = collect(&roomy, globs, 1);

	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_string_equal(got, "a=A b\n\xff=B ");
}

static void what_asks_is_checked(void **state)
{
	struct bundle asked;
	const struct collect_caps caps = { .bytes = 10, .files = 1, .entries = 10, .deadline = MUCH_TIME };
	const char *const up[] = { "../*" };
	int asked_fd = ask(up, 1), fd = -EBADF;

	(void)state;
	assert_int_equal(bundle_open(asked_fd, &asked), 0);
	assert_int_equal(collect_files(AT_FDCWD, &asked, &caps, &fd), -EBADMSG);
	assert_int_equal(fd, -EBADF);
	bundle_close(&asked);
	(void)fd_close(asked_fd);
}

#define in_a_folder(test) cmocka_unit_test_setup_teardown(test, folder_enter, folder_leave)

static const struct CMUnitTest tests[] = {
	in_a_folder(patterns_name_what_comes_back_in_order_and_once),
	in_a_folder(nothing_but_regular_files_comes_back_and_no_link_is_followed),
	in_a_folder(hard_links_are_files_of_their_own_and_count_as_such),
	in_a_folder(a_sparse_file_counts_with_all_that_it_reads),
	in_a_folder(what_is_too_large_is_named_and_the_smaller_ones_still_come),
	in_a_folder(there_are_caps_on_files_and_entries_and_time),
	in_a_folder(a_search_ends_at_its_depth),
	in_a_folder(a_path_too_long_for_a_bundle_is_not_returned_and_said_to_be_more),
	in_a_folder(what_cannot_be_read_is_as_if_it_were_not_there),
	in_a_folder(what_asks_is_checked),
};

unit_main(tests)
