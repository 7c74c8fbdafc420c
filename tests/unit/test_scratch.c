/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "docker/scratch.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH 2000 /* a path of this depth is longer than PATH_MAX */

struct place {
	struct scratch scratch;
	char folder[SCRATCH_PATH_BYTES];
};

static void open_place(struct place *place)
{
	char name[40];
	struct err err;

	(void)snprintf(name, sizeof name, "unit-%d", getpid());
	assert_int_equal(scratch_open(name, &place->scratch, &err), 0);
	assert_int_equal(scratch_make(&place->scratch, place->folder), 0);
}

static void close_place(struct place *place)
{
	scratch_close(&place->scratch);
	assert_int_equal(access(place->scratch.path, F_OK), -1);
}

static void the_program_is_written_once(void **state)
{
	struct place place;
	_cleanup_(fd_closep) int code = fd_new_sealed("code", "print(1)", 8);
	char path[SCRATCH_PATH_BYTES + 16], text[32];
	struct stat st;

	(void)state;
	open_place(&place);
	assert_int_equal(scratch_write(place.folder, code), 0);
	(void)snprintf(path, sizeof path, "%s/script.py", place.folder);
	assert_int_equal(fd_read_file(AT_FDCWD, path, text, sizeof text), 8);
	assert_string_equal(text, "print(1)");
	assert_int_equal(scratch_write(place.folder, code), -EEXIST);
	assert_int_equal(stat(place.scratch.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	close_place(&place);
}

/* What lies behind a link must survive; how deep the tree is must not matter. */
static void a_deep_tree_with_links_out_of_it_is_removed_and_nothing_else(void **state)
{
	struct place place;
	char outside[] = "/tmp/safexec-unit-XXXXXX", kept[64];
	_cleanup_(fd_closep) int at = -EBADF;

	(void)state;
	open_place(&place);
	assert_non_null(mkdtemp(outside));
	(void)snprintf(kept, sizeof kept, "%s/kept", outside);
	assert_int_equal(close(open(kept, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	at = open(place.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < DEPTH; i++) {
		assert_int_equal(mkdirat(at, "d", 0700), 0);
		assert_int_equal(symlinkat(outside, at, "link"), 0);
		assert_int_equal(close(openat(at, "moved-1", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);

		int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		(void)fd_close(at);
		at = next;
	}
	assert_int_equal(scratch_remove(&place.scratch, place.folder), 0);
	assert_string_equal(place.folder, "");
	assert_int_equal(scratch_remove(&place.scratch, place.folder), 0);
	assert_int_equal(unlink(kept), 0);
	assert_int_equal(rmdir(outside), 0);
	close_place(&place);
}

static void the_next_server_removes_what_a_dead_one_left(void **state)
{
	struct place first, second;

	(void)state;
	open_place(&first);
	(void)fd_close(first.scratch.dir);
	open_place(&second);
	assert_int_equal(access(first.folder, F_OK), -1);
	close_place(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_program_is_written_once),
		cmocka_unit_test(a_deep_tree_with_links_out_of_it_is_removed_and_nothing_else),
		cmocka_unit_test(the_next_server_removes_what_a_dead_one_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
