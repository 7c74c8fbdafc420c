/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/mounts.h"
#include "private.h"
#include "unit.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static unsigned long flags_of(const char *path)
{
	struct statvfs fs;

	CHECK(statvfs(path, &fs) == 0);
	return fs.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC);
}

static int try_to_write(const char *path)
{
	_cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		return -1;
	return write(fd, "x", 1) == 1 ? 0 : -1;
}

static void bind_a_tree(void)
{
	CHECK(mkdir("/tmp/source", 0755) == 0 && mkdir("/tmp/target", 0755) == 0 && mkdir("/tmp/source/below", 0755) == 0);
	CHECK(mount("tmpfs", "/tmp/source/below", "tmpfs", 0, "") == 0);
	CHECK(mounts_bind_read_only("/tmp/source", "/tmp/target") == 0);
	CHECK(flags_of("/tmp/target") == (ST_RDONLY | ST_NOSUID | ST_NODEV));
	CHECK(flags_of("/tmp/target/below") == (ST_RDONLY | ST_NOSUID | ST_NODEV));
	CHECK_REFUSED(EROFS, try_to_write("/tmp/target/file"));
	CHECK_REFUSED(EROFS, try_to_write("/tmp/target/below/file"));
	CHECK(try_to_write("/tmp/source/below/file") == 0); /* the source is as it was */
	CHECK(access("/tmp/target/below/file", F_OK) == 0);
	CHECK(mounts_bind_read_only("/tmp/absent", "/tmp/target") == -ENOENT);
	CHECK(mounts_bind_read_only("/tmp/source", "/tmp/absent") == -ENOENT);
}

static void bind_devices(void)
{
	static const char *const names[] = { "null", "zero", "full", "random", "urandom" };
	char byte = 'x', source[64], target[64];

	CHECK(mkdir("/tmp/dev", 0755) == 0);
	array_for_each(names, name) {
		(void)snprintf(source, sizeof source, "/dev/%s", *name);
		(void)snprintf(target, sizeof target, "/tmp/dev/%s", *name);
		CHECK(try_to_write(target) == 0);
		CHECK(mounts_bind_device(source, target) == 0);
		CHECK(flags_of(target) == (ST_RDONLY | ST_NOSUID | ST_NOEXEC));
	}

	int zero = open("/tmp/dev/zero", O_RDWR | O_CLOEXEC);

	CHECK(zero >= 0 && read(zero, &byte, 1) == 1 && byte == 0);
	CHECK_REFUSED(ENOSPC, try_to_write("/tmp/dev/full"));
	CHECK(try_to_write("/tmp/dev/null") == 0);
	CHECK_REFUSED(EROFS, chmod("/tmp/dev/null", 0777)); /* the host's node keeps its mode */
}

static void fill_a_tmpfs(void)
{
	static const char page[4096];
	size_t written = 0, files = 0;
	char path[64];

	CHECK(mkdir("/tmp/scratch", 0755) == 0);
	CHECK(mounts_new_tmpfs("/tmp/scratch", "mode=0700,size=64k,nr_inodes=8") == 0);
	CHECK(flags_of("/tmp/scratch") == (ST_NOSUID | ST_NODEV));

	int fd = open("/tmp/scratch/big", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	while (written < 1 << 20 && write(fd, page, sizeof page) == (ssize_t)sizeof page)
		written += sizeof page;
	CHECK(written <= 64 << 10);
	CHECK_REFUSED(ENOSPC, write(fd, page, sizeof page));
	do
		(void)snprintf(path, sizeof path, "/tmp/scratch/%zu", files);
	while (mkdir(path, 0700) == 0 && files++ < 100);
	CHECK(files < 8);
	CHECK(mounts_new_tmpfs("/tmp/scratch", "size=nonsense") == -EINVAL);
}

static void mount_proc(void)
{
	CHECK(mkdir("/tmp/proc", 0755) == 0);
	CHECK(mounts_new_proc("/tmp/proc", true) == 0);
	CHECK(flags_of("/tmp/proc") == (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC));
	CHECK(access("/tmp/proc/1/status", R_OK) == 0); /* us */
	CHECK_REFUSED(ENOENT, access("/tmp/proc/2", F_OK));
	CHECK_REFUSED(ENOENT, access("/tmp/proc/sys", F_OK));
	CHECK_REFUSED(ENOENT, access("/tmp/proc/keys", F_OK));
	CHECK_REFUSED(EROFS, open("/tmp/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
}

static void hide_others(void)
{
	CHECK(mkdir("/tmp/proc", 0755) == 0);
	CHECK(mounts_new_proc("/tmp/proc", false) == 0);
	CHECK(flags_of("/tmp/proc") == (ST_NOSUID | ST_NODEV | ST_NOEXEC));

	int status;
	pid_t child = fork(); /* and we stay root, as pid 1 */

	CHECK(child >= 0);
	if (child == 0) {
		CHECK(access("/tmp/proc/1", F_OK) == 0);
		CHECK(setgid(65534) == 0 && setuid(65534) == 0);
		CHECK_REFUSED(ENOENT, access("/tmp/proc/1", F_OK));
		CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0); /* the change of ids took it */
		CHECK(access("/tmp/proc/2/status", R_OK) == 0); /* us */
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void freeze_a_mount(void)
{
	CHECK(mkdir("/tmp/scratch", 0755) == 0);
	CHECK(mounts_new_tmpfs("/tmp/scratch", "size=1m") == 0);
	CHECK(mkdir("/tmp/scratch/below", 0755) == 0);
	CHECK(mounts_new_tmpfs("/tmp/scratch/below", "size=1m") == 0);

	int writer = open("/tmp/scratch/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	CHECK(writer >= 0);
	CHECK(mounts_make_read_only("/tmp/scratch") == -EBUSY);
	CHECK(try_to_write("/tmp/scratch/file") == 0);
	(void)fd_close(writer);
	CHECK(mounts_make_read_only("/tmp/scratch") == 0);
	CHECK_REFUSED(EROFS, try_to_write("/tmp/scratch/file"));
	CHECK(try_to_write("/tmp/scratch/below/file") == 0); /* another mount */
	CHECK(mounts_make_read_only("/tmp/absent") == -ENOENT);
}

static void a_bound_tree_is_read_only_with_all_mounts_in_it(void **state)
{
	(void)state;
	private_run(0, bind_a_tree);
}

static void a_bound_device_works_and_cannot_be_changed(void **state)
{
	(void)state;
	private_run(0, bind_devices);
}

static void a_tmpfs_holds_what_it_was_given_in_bytes_and_in_files(void **state)
{
	(void)state;
	private_run(0, fill_a_tmpfs);
}

static void proc_shows_processes_of_the_namespace_only_and_takes_no_writes(void **state)
{
	(void)state;
	private_run(CLONE_NEWPID, mount_proc);
}

static void proc_hides_what_belongs_to_other_users(void **state)
{
	(void)state;
	private_run(CLONE_NEWPID, hide_others);
}

static void a_mount_becomes_read_only_when_nobody_writes_to_it(void **state)
{
	(void)state;
	private_run(0, freeze_a_mount);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_bound_tree_is_read_only_with_all_mounts_in_it),
	cmocka_unit_test(a_bound_device_works_and_cannot_be_changed),
	cmocka_unit_test(a_tmpfs_holds_what_it_was_given_in_bytes_and_in_files),
	cmocka_unit_test(proc_shows_processes_of_the_namespace_only_and_takes_no_writes),
	cmocka_unit_test(proc_hides_what_belongs_to_other_users),
	cmocka_unit_test(a_mount_becomes_read_only_when_nobody_writes_to_it),
};

unit_main(tests)
