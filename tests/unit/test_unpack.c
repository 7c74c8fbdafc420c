/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/unpack.h"

#include "base/fd.h"
#include "folder.h"
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_RECORDS 4

static struct bundle_record file(const char *name, const char *text)
{
	return (struct bundle_record){ BUNDLE_FILE, name, strlen(name), text, strlen(text) };
}

static struct bundle_record entry(const char *name)
{
	return (struct bundle_record){ .type = BUNDLE_ENTRY, .name = name, .name_size = strlen(name) };
}

/* Into dir, where an init has left its empty script.py. */
static int unpack(int dir, const struct bundle_record *records, size_t count)
{
	struct bundle_writer writer = { .fd = -EBADF };
	struct bundle bundle;
	struct err err = { 0 };
	int fd = -EBADF, r;

	assert_int_equal(close(openat(dir, "script.py", O_CREAT | O_WRONLY | O_CLOEXEC, 0644)), 0);
	for (size_t i = 0; i < count && records[i].type; i++)
		assert_int_equal(bundle_add(&writer, &records[i]), 0);
	assert_int_equal(bundle_seal(&writer, &fd), 0);
	assert_int_equal(bundle_open(fd, &bundle), 0);
	r = unpack_files(dir, &bundle, &err);
	assert_int_equal(r < 0, err.text[0] != '\0');
	bundle_close(&bundle);
	(void)fd_close(fd);
	return r;
}

static void files_lie_where_their_paths_say(void **state)
{
	const struct bundle_record records[] = { file("script.py", "print(1)"), file("a", "A"), file("d/e/f.txt", "F"),
						 file("d/g", "") };
	char text[16];
	struct stat st;
	int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(unpack(dir, records, ARRAY_SIZE(records)), 0);
	assert_int_equal(fd_read_file(dir, "script.py", text, sizeof text), 8);
	assert_int_equal(fd_read_file(dir, "d/e/f.txt", text, sizeof text), 1);
	assert_string_equal(text, "F");
	assert_int_equal(fstatat(dir, "d/g", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(fstatat(dir, "d", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	(void)fd_close(dir);
}

static void another_entrypoint_leaves_no_script_behind(void **state)
{
	const struct bundle_record with_own[] = { entry("main.py"), file("main.py", "1"), file("script.py", "2") };
	const struct bundle_record without[] = { entry("main.py"), file("main.py", "1") };
	const struct bundle_record same[] = { entry("script.py"), file("script.py", "2") };
	int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(unpack(dir, without, ARRAY_SIZE(without)), 0);
	assert_int_equal(faccessat(dir, "script.py", F_OK, 0), -1);
	assert_int_equal(unlinkat(dir, "main.py", 0), 0);
	assert_int_equal(unpack(dir, with_own, ARRAY_SIZE(with_own)), 0);
	assert_int_equal(faccessat(dir, "script.py", F_OK, 0), 0);
	assert_int_equal(unpack(dir, same, ARRAY_SIZE(same)), 0);
	(void)fd_close(dir);
}

static void files_in_each_others_way_are_refused(void **state)
{
	const struct bundle_record cases[][MAX_RECORDS] = {
		{ file("a", "1"), file("a", "2") },
		{ file("b", "1"), file("b/c", "2") },
		{ file("d/c", "1"), file("d", "2") },
	};
	const int want[] = { -EEXIST, -ENOTDIR, -EEXIST };
	int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(unpack(dir, cases[i], MAX_RECORDS), want[i]);
	(void)fd_close(dir);
}

/* There can be none in a fresh cell; should there be one, nothing is written through it. */
static void no_link_is_followed(void **state)
{
	(void)state;
	const struct bundle_record through_file[] = { file("link", "1") }, through_folder[] = { file("out/x", "1") },
				   through_script[] = { file("script.py", "1") };
	char target[] = "/tmp/unpack-XXXXXX";
	int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), other = mkstemp(target);
	struct stat st;

	assert_true(other >= 0);
	assert_int_equal(symlinkat(target, dir, "link"), 0);
	assert_int_equal(symlinkat("/tmp", dir, "out"), 0);
	assert_int_equal(unpack(dir, through_file, 1), -EEXIST);
	assert_int_equal(unpack(dir, through_folder, 1), -ENOTDIR);
	assert_int_equal(unlinkat(dir, "script.py", 0), 0);
	assert_int_equal(symlinkat(target, dir, "script.py"), 0);
	assert_int_equal(unpack(dir, through_script, 1), -ELOOP);
	assert_int_equal(fstat(other, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(unlink(target), 0);
	(void)close(other);
	(void)fd_close(dir);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(files_lie_where_their_paths_say, folder_enter, folder_leave),
	cmocka_unit_test_setup_teardown(another_entrypoint_leaves_no_script_behind, folder_enter, folder_leave),
	cmocka_unit_test_setup_teardown(files_in_each_others_way_are_refused, folder_enter, folder_leave),
	cmocka_unit_test_setup_teardown(no_link_is_followed, folder_enter, folder_leave),
};

unit_main(tests)
