/* SPDX-License-Identifier: Apache-2.0
 *
 * The real files of this machine, whichever version it has, under names that no server uses. Needs root.
 */
#include "place.h"
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* --- finding our place --------------------------------------------------------------------------------------------------- */

static void a_word_counts_only_as_a_whole(void **state)
{
	static const struct {
		const char *list, *word;
		bool want;
	} cases[] = {
		{ "cpu,cpuacct", "cpu", true },
		{ "cpu,cpuacct", "cpuacct", true },
		{ "cpuacct", "cpu", false },
		{ "cpuset,cpuacct", "cpu", false },
		{ "cpuset cpu io", "cpu", true },
		{ "rw,memory", "memory", true },
		{ "memory_recursiveprot", "memory", false },
		{ "xcpu", "cpu", false },
		{ "", "cpu", false },
		{ "cpuset,cpu", "cpu", true },
	};

	(void)state;
	array_for_each(cases, c) {
		if (cgroup_has_word(c->list, c->word) != c->want)
			fail_msg("'%s' in '%s'", c->word, c->list);
	}
}

static void our_own_cgroup_is_where_the_kernel_lists_us(void **state)
{
	static const char *const controllers[] = { "memory", "cpu", "cpuacct", "pids", "" };
	char own[PATH_MAX], root[PATH_MAX], file[PATH_MAX + 32];
	int found = 0;

	(void)state;
	array_for_each(controllers, controller) {
		static char text[1 << 20];
		char line[32];

		if (cgroup_find_own(*controller, own, root) < 0)
			continue;
		(void)snprintf(file, sizeof file, "%s/cgroup.procs", own);
		assert_int_equal(strncmp(own, root, strlen(root)), 0);

		ssize_t n = fd_read_file(AT_FDCWD, file, text + 1, sizeof text - 2);

		assert_true(n > 0);
		text[0] = text[n + 1] = '\n'; /* as it cuts the last newline */
		text[n + 2] = '\0';
		(void)snprintf(line, sizeof line, "\n%d\n", getpid());
		if (!strstr(text, line))
			fail_msg("%s does not list us", file);
		found++;
	}
	assert_true(found > 0);
	assert_int_equal(cgroup_find_own("nosuch", own, root), -ENOENT);
}

static void numbers_are_read_from_files_and_from_lines(void **state)
{
	static const char text[] = "low 0\noom 2\noom_kill 17\nmax 18446744073709551615\n";
	static const struct {
		const char *key;
		uint64_t number;
	} lines[] = { { "oom", 2 }, { "oom_kill", 17 }, { "max", UINT64_MAX }, { "high", 0 } };
	uint64_t whole;
	_cleanup_(fd_closep) int dir = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[32];

	(void)state;
	(void)snprintf(name, sizeof name, "unit-cgroup-%d", getpid());

	_cleanup_(fd_closep) int file = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(file >= 0);
	assert_int_equal(fd_write_all(file, text, sizeof text - 1), 0);
	array_for_each(lines, line) {
		uint64_t number = 42;

		assert_int_equal(cgroup_read_number(dir, name, line->key, &number), 0);
		assert_true(number == line->number);
	}
	assert_int_equal(cgroup_read_number(dir, "absent", NULL, &whole), -ENOENT);
	assert_int_equal(cgroup_read_number(dir, ".", NULL, &whole), -EISDIR);
	assert_int_equal(cgroup_write_number(dir, name, UINT64_MAX), 0);
	assert_int_equal(cgroup_read_number(dir, name, NULL, &whole), 0);
	assert_true(whole == UINT64_MAX);
	assert_int_equal(unlinkat(dir, name, 0), 0);
}

/* --- the tree ------------------------------------------------------------------------------------------------------------ */

static void closing_a_tree_leaves_nothing(void **state)
{
	static const char *const controllers[] = { "memory", "cpu", "cpuacct", "pids", "" };
	struct place place;

	(void)state;
	open_place(&place, "tree");
	assert_true(cgroup_tree_version(place.tree)[0] == 'v');
	assert_int_equal(access(cgroup_tree_path(place.tree), F_OK), 0);
	close_place(&place);
	array_for_each(controllers, controller) {
		char own[PATH_MAX], path[2 * PATH_MAX];

		if (cgroup_find_own(*controller, own, NULL) < 0)
			continue;
		(void)snprintf(path, sizeof path, "%s/safexec-%s", own, place.name);
		assert_int_equal(access(path, F_OK), -1);
	}
}

static void a_second_server_of_a_name_is_refused_and_harms_nobody(void **state)
{
	struct place place;
	struct cgroup_tree *second = NULL;
	struct err err = { 0 };

	(void)state;
	open_place(&place, "twice");
	assert_int_equal(cgroup_tree_open(place.name, 1, OWNER, &second, &err), -EBUSY);
	assert_null(second);
	assert_non_null(strstr(err.text, place.name));
	assert_non_null(strstr(err.text, "--name"));
	assert_int_equal(access(cgroup_tree_path(place.tree), F_OK), 0);
	assert_int_equal(cgroup_group_renew(place.group, &err), 0);
	close_place(&place);
	open_place(&place, "twice"); /* the name is free again */
	close_place(&place);
}

/* A server that is killed cleans nothing up; what it left is ended and removed by the next one of its name. */
static void crash(int alive)
{
	struct place place;
	struct err err;

	(void)snprintf(place.name, sizeof place.name, "unit-%d-crash", getppid());
	if (cgroup_tree_open(place.name, 1, OWNER, &place.tree, &err) < 0 ||
	    cgroup_group_new(place.tree, 7, &place.group, &err) < 0)
		_exit(1);

	pid_t left = fork();

	if (left == 0) {
		/* Its end of the pipe stays open as long as it lives; the lock has to go with the server, as nurseries let it. */
		if (dup2(alive, 3) < 0 || close_range(4, ~0u, 0) < 0)
			_exit(1);
		(void)alarm(60); /* should the sweep miss it */
		(void)pause();
		_exit(1);
	}

	int r = cgroup_group_needs_forker(place.group)
			? cgroup_group_attach(place.group, left)
			: cgroup_write_number(cgroup_group_fd(place.group), "cgroup.procs", (uint64_t)left);

	if (left < 0 || r < 0) {
		(void)kill(left, SIGKILL);
		_exit(2);
	}
	(void)kill(getpid(), SIGKILL);
}

static void what_a_killed_server_left_is_swept_by_the_next_of_its_name(void **state)
{
	struct place place;
	int alive[2], status;

	(void)state;
	if (need_root() < 0)
		skip();
	assert_int_equal(pipe2(alive, O_CLOEXEC), 0);

	pid_t server = fork();

	assert_true(server >= 0);
	if (server == 0)
		crash(alive[1]);
	assert_int_equal(waitpid(server, &status, 0), server);
	assert_true(WIFSIGNALED(status));
	(void)fd_close(alive[1]);
	open_place(&place, "crash");

	struct pollfd end = { .fd = alive[0] };

	assert_int_equal(poll(&end, 1, 10000), 1); /* the last holder of the other end is dead */
	(void)fd_close(alive[0]);
	close_place(&place);
}

static void without_the_right_to_make_cgroups_it_says_so(void **state)
{
	int status;

	(void)state;
	if (need_root() < 0)
		skip();

	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct cgroup_tree *tree;
		struct err err = { 0 };

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(1);
		_exit(cgroup_tree_open("unit-nobody", 1, OWNER, &tree, &err) < 0 && strstr(err.text, "root") ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_word_counts_only_as_a_whole),
	cmocka_unit_test(our_own_cgroup_is_where_the_kernel_lists_us),
	cmocka_unit_test(numbers_are_read_from_files_and_from_lines),
	cmocka_unit_test(closing_a_tree_leaves_nothing),
	cmocka_unit_test(a_second_server_of_a_name_is_refused_and_harms_nobody),
	cmocka_unit_test(what_a_killed_server_left_is_swept_by_the_next_of_its_name),
	cmocka_unit_test(without_the_right_to_make_cgroups_it_says_so),
};

unit_main(tests)
