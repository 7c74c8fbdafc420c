/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "cli/spawn.h"
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRIPT "test_spawn_child.sh"

/* Puts a script beside this program, as the other programs lie beside `safexec`. */
static void write_script(const char *text)
{
	char path[PATH_MAX];

	assert_int_equal(spawn_path(SCRIPT, path, sizeof path), 0);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

static void remove_script(void)
{
	char path[PATH_MAX];

	assert_int_equal(spawn_path(SCRIPT, path, sizeof path), 0);
	assert_int_equal(unlink(path), 0);
}

static int wait_for(pid_t pid)
{
	int wait_status;

	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	assert_true(WIFEXITED(wait_status));
	return WEXITSTATUS(wait_status);
}

static void a_path_is_in_this_programs_own_folder(void **state)
{
	char own[PATH_MAX], path[PATH_MAX], small[8];

	(void)state;
	ssize_t size = readlink("/proc/self/exe", own, sizeof own - 1);

	assert_true(size > 0);
	own[size] = '\0';
	assert_int_equal(spawn_path("other", path, sizeof path), 0);
	assert_int_equal(strrchr(own, '/') - own, strrchr(path, '/') - path);
	assert_string_equal(strrchr(path, '/'), "/other");
	assert_int_equal(spawn_path("other", small, sizeof small), -ENAMETOOLONG);
}

/* The sources overlap the numbers that they get in the child, in every order. */
static void descriptors_arrive_as_3_and_4_whatever_their_numbers_were(void **state)
{
	_cleanup_(fd_closep) int first = fd_new_sealed("first", "1\n", 2);
	_cleanup_(fd_closep) int second = fd_new_sealed("second", "2\n", 2);
	const int orders[][2] = { { first, second }, { second, first }, { first, first } };

	(void)state;
	write_script("#!/bin/sh\nread -r a </dev/fd/3; read -r b </dev/fd/4\nexit $a$b\n");
	array_for_each(orders, order) {
		struct args args = { 0 };
		pid_t pid;

		args_add(&args, SCRIPT);
		assert_int_equal(spawn_program(&args, *order, 2, &pid, NULL), 0);
		assert_int_equal(wait_for(pid), ((*order)[0] == first ? 10 : 20) + ((*order)[1] == first ? 1 : 2));
	}
	remove_script();
}

static void arguments_arrive_in_order_and_the_environment_is_ours(void **state)
{
	struct args args = { 0 };
	pid_t pid;

	(void)state;
	assert_int_equal(setenv("SECRET", "1", 1), 0);
	write_script("#!/bin/sh\n[ \"$*\" = '--one 1 two' ] && [ -z \"$SECRET\" ] && [ \"$LANG\" = C.UTF-8 ] && exit 7\n");
	args_add(&args, SCRIPT);
	args_add_option(&args, "--one", "1");
	args_add(&args, "two");
	assert_int_equal(spawn_program(&args, NULL, 0, &pid, NULL), 0);
	assert_int_equal(wait_for(pid), 7);
	remove_script();
	assert_int_equal(unsetenv("SECRET"), 0);
}

static void a_missing_program_is_an_error_and_no_child(void **state)
{
	struct args args = { 0 };
	struct err err = { 0 };
	pid_t pid;

	(void)state;
	args_add(&args, "test_spawn_nothing");
	assert_int_equal(spawn_program(&args, NULL, 0, &pid, &err), -ENOENT);
	assert_memory_equal(err.text, "Cannot start /", 14);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_path_is_in_this_programs_own_folder),
	cmocka_unit_test(descriptors_arrive_as_3_and_4_whatever_their_numbers_were),
	cmocka_unit_test(arguments_arrive_in_order_and_the_environment_is_ours),
	cmocka_unit_test(a_missing_program_is_an_error_and_no_child),
};

unit_main(tests)
