/* SPDX-License-Identifier: Apache-2.0
 *
 * A small root of its own (chroot into a private tmpfs), because the paths that guests get are fixed. Needs root.
 */
#include "cell/landlock.h"
#include "private.h"
#include "unit.h"

#include "cell/mounts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#define SCOPED_SINCE 6 /* ABI: abstract sockets, signals */
#define TRUNC_SINCE  3

static struct confine_plan plan; /* 32 kB, too large for a stack */

static void make_file(const char *path)
{
	_cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	CHECK(fd >= 0 && fchmod(fd, 0777) == 0);
}

static void enter_small_root(void)
{
	static const char *const dirs[] = {
		"/tmp/usr", "/tmp/etc", "/tmp/run", "/tmp/app", "/tmp/tmp", "/tmp/dev", "/tmp/dev/shm"
	};
	static const char *const files[] = { "/tmp/usr/file", "/tmp/etc/file",   "/tmp/run/canary",
					     "/tmp/app/file", "/tmp/dev/null",   "/tmp/dev/zero",
					     "/tmp/dev/full", "/tmp/dev/random", "/tmp/dev/urandom" };

	array_for_each(dirs, dir)
		CHECK(mkdir(*dir, 0777) == 0);
	array_for_each(files, file)
		make_file(*file);
	CHECK(mounts_bind_device("/dev/null", "/tmp/dev/null") == 0);
	CHECK(chroot("/tmp") == 0 && chdir("/app") == 0);
	plan = (struct confine_plan){ .landlock_abi = landlock_probe(), .paths_count = 1, .paths = { "/usr" } };
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
}

static int list(const char *path)
{
	DIR *dir = opendir(path);

	return dir ? closedir(dir) : -1;
}

static int open_and_close(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : close(fd);
}

static void try_paths(void)
{
	enter_small_root();
	CHECK(open_and_close("/run/canary", O_RDONLY) == 0);
	CHECK(landlock_restrict(&plan) == 0);

	static const struct {
		const char *path;
		int flags, want;
	} cases[] = {
		{ "/usr/file", O_RDONLY, 0 },
		{ "/usr/file", O_WRONLY, EACCES },
		{ "/usr/new", O_WRONLY | O_CREAT, EACCES },
		{ "/etc/file", O_RDONLY, EACCES },
		{ "/run/canary", O_RDONLY, EACCES },
		{ "/new", O_WRONLY | O_CREAT, EACCES },
		{ "/app/file", O_RDWR, 0 },
		{ "/app/new", O_WRONLY | O_CREAT, 0 },
		{ "/tmp/new", O_WRONLY | O_CREAT, 0 },
		{ "/dev/shm/new", O_WRONLY | O_CREAT, 0 },
		{ "/dev/null", O_RDWR | O_TRUNC, 0 },
		{ "/dev/new", O_WRONLY | O_CREAT, EACCES },
		{ "file", O_RDONLY, 0 },
		{ "../etc/file", O_RDONLY, EACCES },
		{ "/app/../run/canary", O_RDONLY, EACCES },
	};

	array_for_each(cases, c) {
		int r = open_and_close(c->path, c->flags);

		if ((r < 0 ? errno : 0) != c->want) {
			print_error("%s, %#x: %s\n", c->path, (unsigned)c->flags, r < 0 ? strerrorname_np(errno) : "allowed");
			_exit(1);
		}
	}
	CHECK(list("/") == 0 && list("/usr") == 0 && list("/app") == 0);
	CHECK_REFUSED(EACCES, unlink("/usr/file"));
	CHECK_REFUSED(EACCES, mkdir("/etc/new", 0700));
	CHECK_REFUSED(EACCES, mknod("/run/fifo", S_IFIFO | 0600, 0));
	CHECK_REFUSED(EACCES, execl("/etc/file", "file", (char *)NULL));
	if (plan.landlock_abi >= TRUNC_SINCE)
		CHECK_REFUSED(EACCES, truncate("/usr/file", 0));
	CHECK(mkdir("/app/dir", 0700) == 0 && rename("/app/new", "/app/dir/new") == 0 && unlink("/app/dir/new") == 0);
	CHECK_REFUSED(EPERM, mount("tmpfs", "/app", "tmpfs", 0, "")); /* root as we are: a Landlocked process mounts nothing */
}

/* The signal is 0 or SIGKILL to our own child; nothing else is touched. */
static void try_scopes(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0safexec-unit-landlock" };
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name.sun_path + 1));

	CHECK(unshare(CLONE_NEWNET) == 0); /* where the name is nobody else's */

	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), inside, outside;

	CHECK(bind(listener, (struct sockaddr *)&name, size) == 0 && listen(listener, 1) == 0);

	pid_t before = getppid();

	enter_small_root();
	if (plan.landlock_abi < SCOPED_SINCE) {
		print_message("SKIPPED: the kernel's Landlock has no scopes (ABI %d)\n", plan.landlock_abi);
		return;
	}
	CHECK(landlock_restrict(&plan) == 0);
	outside = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_REFUSED(EPERM, connect(outside, (struct sockaddr *)&name, size));
	CHECK_REFUSED(EPERM, kill(before, 0));

	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (child == 0) {
		for (;;)
			(void)pause();
	}
	CHECK(child > 0 && kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
	name.sun_path[1] = 'x';
	inside = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(inside, (struct sockaddr *)&name, size) == 0 && listen(inside, 1) == 0);
	CHECK(connect(outside, (struct sockaddr *)&name, size) == 0);
}

static void use_a_missing_path(void)
{
	enter_small_root();
	memcpy(plan.paths[0], "/absent", sizeof "/absent");
	CHECK(landlock_restrict(&plan) == -ENOENT);
	CHECK(open_and_close("/run/canary", O_RDONLY) == 0); /* nothing was restricted by halves */
}

static void run_if_there_is_landlock(void (*body)(void))
{
	if (landlock_probe() == 0) {
		print_message("SKIPPED: this kernel has no Landlock\n");
		skip();
	}
	private_run(0, body);
}

static void the_probe_says_a_version_or_none(void **state)
{
	(void)state;
	assert_in_range(landlock_probe(), 0, 100);
	assert_int_equal(landlock_probe(), landlock_probe());
}

static void paths_are_as_open_as_the_plan_says(void **state)
{
	(void)state;
	run_if_there_is_landlock(try_paths);
}

static void signals_and_abstract_sockets_stay_inside(void **state)
{
	(void)state;
	run_if_there_is_landlock(try_scopes);
}

static void a_planned_path_that_is_missing_is_an_error(void **state)
{
	(void)state;
	run_if_there_is_landlock(use_a_missing_path);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_probe_says_a_version_or_none),
	cmocka_unit_test(paths_are_as_open_as_the_plan_says),
	cmocka_unit_test(signals_and_abstract_sockets_stay_inside),
	cmocka_unit_test(a_planned_path_that_is_missing_is_an_error),
};

unit_main(tests)
