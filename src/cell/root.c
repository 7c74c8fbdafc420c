/* SPDX-License-Identifier: Apache-2.0
 *
 * A tmpfs holds the skeleton; whatever comes from the host is bound into it, read-only. The tree is built under /tmp of
 * the host as this mount namespace sees it, becomes the root by pivot_root(2), and the host's tree is detached.
 */
#include "cell/root.h"

#include "cell/mounts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define BASE "/tmp" /* exists everywhere; covered in our namespace only */

static const char *const devices[] = { "null", "zero", "full", "random", "urandom" };

const char *const root_boot_names[ROOT_BOOT_FILES] = { "_zygote.abi3.so", "sitecustomize.py", "_safexec.py", "_warmup.py" };

struct link {
	const char *path, *target;
};

static int make_dir(const char *path)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int make_file(const char *path, const char *text, mode_t mode)
{
	_cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0)
		return -errno;
	return fd_write_all(fd, text, strlen(text));
}

static int copy_file(int from, const char *path)
{
	_cleanup_(fd_closep) int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	char bytes[16 * KIB];
	ssize_t n;
	off_t offset = 0;

	if (to < 0)
		return -errno;
	while ((n = pread(from, bytes, sizeof bytes, offset)) > 0) {
		int r = fd_write_all(to, bytes, (size_t)n);

		if (r < 0)
			return r;
		offset += n;
	}
	return n < 0 ? -errno : 0;
}

/* Binds source, a folder or file of the host, to the same kind of thing at BASE path. Absent sources are left out. */
static int bind_from_host(const char *source, const char *path, struct err *err)
{
	struct stat st;
	char target[PATH_MAX];
	int r;

	if (stat(source, &st) < 0)
		return errno == ENOENT ? 0 : err_set(err, -errno, "%s cannot be looked at", source);
	(void)snprintf(target, sizeof target, BASE "%s", path);
	r = S_ISDIR(st.st_mode) ? make_dir(target) : make_file(target, "", 0644);
	if (r < 0)
		return err_set(err, r, "%s cannot be made in the environment", path);
	r = mounts_bind_read_only(source, target);
	return r < 0 ? err_set(err, r, "%s cannot be bound read-only into the environment", source) : 0;
}

static int plan_path(struct confine_plan *plan, const char *path, struct err *err)
{
	if (plan->paths_count == CONFINE_MAX_PATHS || strlen(path) >= CONFINE_PATH_BYTES)
		return err_say(err, -E2BIG, "the root directory has too many entries, or one with too long a name: %s", path);
	(void)snprintf(plan->paths[plan->paths_count++], CONFINE_PATH_BYTES, "%s", path);
	return 0;
}

/* --- the host's own /usr ---------------------------------------------------------------------------------------------- */

/* /bin, /lib and the like: links into /usr today, folders on older systems. */
static int copy_usr_link(const char *path, struct confine_plan *plan, struct err *err)
{
	char target[PATH_MAX], place[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof target - 1);

	if (n < 0 && errno == ENOENT)
		return 0;
	if (n > 0) {
		target[n] = '\0';
		(void)snprintf(place, sizeof place, BASE "%s", path);
		return symlink(target, place) < 0 ? err_set(err, -errno, "%s cannot be made in the environment", path) : 0;
	}

	int r = bind_from_host(path, path, err);

	return r < 0 ? r : plan_path(plan, path, err);
}

static int write_users(const struct root_spec *spec)
{
	_cleanup_(fd_closep) int passwd = open(BASE "/etc/passwd", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	_cleanup_(fd_closep) int group = open(BASE "/etc/group", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (passwd < 0 || group < 0)
		return -errno;
	(void)dprintf(passwd, "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n");
	(void)dprintf(group, "root:x:0:\n");
	/* A uid a slot, one name: a program sees the same user whichever slot it is in. */
	for (uint32_t id = spec->guest_id_first; id < spec->guest_id_first + spec->guest_ids; id++) {
		(void)dprintf(passwd, "runner:x:%u:%u:runner:/tmp:/bin/sh\n", id, id);
		(void)dprintf(group, "runner:x:%u:\n", id);
	}
	(void)dprintf(passwd, "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
	return dprintf(group, "nogroup:x:65534:\n") < 0 ? -EIO : 0;
}

static int build_etc(const struct root_spec *spec, struct err *err)
{
	static const struct link files[] = {
		{ BASE "/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n127.0.0.1 cell\n" },
		{ BASE "/etc/hostname", "cell\n" },
		{ BASE "/etc/host.conf", "multi on\n" },
		{ BASE "/etc/resolv.conf", "" },
		{ BASE "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n" },
	};
	static const char *const from_host[] = {
		"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime",
		"/etc/mime.types",  "/etc/protocols",  "/etc/services",     "/etc/fonts",        "/etc/matplotlibrc",
	};
	int r = make_dir(BASE "/etc");

	if (r == 0)
		r = write_users(spec);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++)
		r = make_file(files[i].path, files[i].target, 0644);
	if (r == 0)
		r = make_dir(BASE "/etc/ssl");
	if (r < 0)
		return err_set(err, r, "/etc cannot be made in the environment");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(from_host); i++)
		r = bind_from_host(from_host[i], from_host[i], err);
	if (r == 0)
		r = bind_from_host("/etc/ssl/certs", "/etc/ssl/certs", err);
	if (r == 0)
		r = bind_from_host("/etc/ssl/openssl.cnf", "/etc/ssl/openssl.cnf", err);
	return r;
}

static int cover_usr_local(struct err *err)
{
	struct stat st;

	if (stat(BASE "/usr/local", &st) < 0)
		return 0;

	int r = mounts_bind_read_only(BASE ROOT_BOOT_DIR, BASE "/usr/local"); /* empty until the zygote's files cover it */

	return r < 0 ? err_set(err, r, "/usr/local cannot be covered") : 0;
}

static int build_from_host(const struct root_spec *spec, struct confine_plan *plan, struct err *err)
{
	static const char *const usr_links[] = { "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32" };
	int r = bind_from_host("/usr", "/usr", err);

	if (r == 0)
		r = cover_usr_local(err);
	if (r == 0)
		r = plan_path(plan, "/usr", err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(usr_links); i++)
		r = copy_usr_link(usr_links[i], plan, err);
	if (r == 0)
		r = build_etc(spec, err);
	if (r == 0)
		r = plan_path(plan, "/etc", err);
	return r;
}

/* --- a root filesystem directory ---------------------------------------------------------------------------------------- */

static bool is_ours(const char *name)
{
	static const char *const ours[] = { ".", "..", "app", "tmp", "dev", "proc", "run", "sys" };

	array_for_each(ours, entry) {
		if (strcmp(name, *entry) == 0)
			return true;
	}
	return false;
}

static int add_entry(const char *dir, const char *name, struct confine_plan *plan, struct err *err)
{
	char source[PATH_MAX], path[PATH_MAX], place[PATH_MAX], target[PATH_MAX];

	(void)snprintf(source, sizeof source, "%s/%s", dir, name);
	(void)snprintf(path, sizeof path, "/%s", name);

	ssize_t n = readlink(source, target, sizeof target - 1);

	if (n >= 0) {
		target[n] = '\0';
		(void)snprintf(place, sizeof place, BASE "/%s", name);
		return symlink(target, place) < 0 ? err_set(err, -errno, "%s cannot be made in the environment", path) : 0;
	}

	int r = bind_from_host(source, path, err);

	return r < 0 ? r : plan_path(plan, path, err);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

/* Through the open folder, because its path may lie below BASE, which is covered by now. */
static int build_from_dir(int fd, struct confine_plan *plan, struct err *err)
{
	_cleanup_(close_dir) DIR *dir = fdopendir(fd);
	char path[64];

	if (!dir)
		return err_set(err, -errno, "the root directory cannot be read");
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	for (struct dirent *entry; (entry = readdir(dir));) {
		int r = is_ours(entry->d_name) ? 0 : add_entry(path, entry->d_name, plan, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* --- what every environment has ------------------------------------------------------------------------------------------- */

static int build_dev(struct err *err)
{
	static const struct link links[] = {
		{ BASE "/dev/fd", "/proc/self/fd" },
		{ BASE "/dev/stdin", "/proc/self/fd/0" },
		{ BASE "/dev/stdout", "/proc/self/fd/1" },
		{ BASE "/dev/stderr", "/proc/self/fd/2" },
	};
	char source[64], target[64];
	int r = make_dir(BASE "/dev");

	if (r == 0)
		r = make_dir(BASE "/dev/shm");
	array_for_each(devices, name) {
		(void)snprintf(source, sizeof source, "/dev/%s", *name);
		(void)snprintf(target, sizeof target, BASE "/dev/%s", *name);
		if (r == 0)
			r = make_file(target, "", 0644);
		if (r == 0)
			r = mounts_bind_device(source, target);
	}
	array_for_each(links, link) {
		if (r == 0 && symlink(link->target, link->path) < 0)
			r = -errno;
	}
	return r < 0 ? err_set(err, r, "/dev cannot be made in the environment") : 0;
}

static int copy_boot_files(const struct root_spec *spec)
{
	char path[64];
	int r = 0;

	for (size_t i = 0; r == 0 && i < ROOT_BOOT_FILES; i++) {
		(void)snprintf(path, sizeof path, BASE ROOT_BOOT_DIR "/%s", root_boot_names[i]);
		r = copy_file(spec->boot_fds[i], path);
	}
	return r;
}

static int build_boot(const struct root_spec *spec, struct err *err)
{
	int r = make_file(BASE CONFINE_CANARY, "Landlock is off\n", 0444);

	if (r == 0)
		r = mounts_new_tmpfs(BASE ROOT_BOOT_DIR, "mode=0755,size=4m");
	if (r == 0)
		r = copy_boot_files(spec);
	if (r == 0)
		r = make_file(BASE ROOT_BOOT_DIR "/preload", spec->preload, 0444);
	return r < 0 ? err_set(err, r, "the zygote's files cannot be put into the environment") : 0;
}

static int build_skeleton(struct err *err)
{
	static const char *const dirs[] = { BASE "/app", BASE "/tmp", BASE "/proc", BASE "/run", BASE ROOT_BOOT_DIR };

	/* Nothing that is mounted from here on goes back to the host. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(err, -errno, "the mount namespace cannot be made private");

	int r = mounts_new_tmpfs(BASE, "mode=0755,size=16m");

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(dirs); i++)
		r = make_dir(dirs[i]);
	if (r == 0)
		r = make_file(BASE "/app/script.py", "print()\n", 0444); /* the zygote's rehearsal; every cell covers it */
	return r < 0 ? err_set(err, r, "the environment's skeleton cannot be made") : 0;
}

static int pivot(struct err *err)
{
	if (chdir(BASE) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return err_set(err, -errno, "the environment cannot become the root");
	/* The old root now lies over the new one at "."; pivot_root(2) describes the trick. */
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_set(err, -errno, "the host's tree cannot be detached");

	int r = mounts_make_read_only("/");

	return r < 0 ? err_set(err, r, "the environment's root cannot be made read-only") : 0;
}

int root_enter(const struct root_spec *spec, struct confine_plan *plan, struct err *err)
{
	int dir = spec->dir[0] ? open(spec->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;

	if (spec->dir[0] && dir < 0)
		return err_set(err, -errno, "the root directory %s cannot be read by everybody, as an environment must be",
			       spec->dir);

	int r = build_skeleton(err);

	plan->paths_count = 0;
	if (r == 0)
		r = dir >= 0 ? build_from_dir(dir, plan, err) : build_from_host(spec, plan, err);
	if (r == 0)
		r = build_dev(err);
	if (r == 0)
		r = build_boot(spec, err);
	if (r < 0)
		return r;
	r = mounts_new_proc(BASE "/proc", false);
	if (r < 0)
		return err_set(err, r, "a new /proc cannot be mounted; inside a container, run it with an unmasked /proc");
	r = plan_path(plan, "/proc", err);
	return r < 0 ? r : pivot(err);
}
