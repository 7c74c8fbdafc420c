/* SPDX-License-Identifier: Apache-2.0 */
#include "store/state.h"

#include "base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int state_enter(const char *path, int *ret_folder, struct err *err)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(err, -errno, "Cannot make the state folder %.150s", path);

	_cleanup_(fd_closep) int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0 || fchdir(folder) < 0)
		return err_set(err, -errno, "Cannot enter the state folder %.150s", path);
	*ret_folder = fd_take(&folder);
	return 0;
}

static bool is_ours(const char *name)
{
	return strncmp(name, "safexec.db", 10) == 0 || strncmp(name, "audit", 5) == 0 || strcmp(name, "lock") == 0;
}

/* A file with a second name could be anybody's: whoever owned the folder before us might have put it there. */
static int hand_over_file(int folder, const char *name, const struct sandbox_ids *ids)
{
	struct stat st;
	_cleanup_(fd_closep) int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ELOOP ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1 || (st.st_uid == ids->uid && st.st_gid == ids->gid))
		return 0;
	return fchown(fd, ids->uid, ids->gid) < 0 ? -errno : 0;
}

static void close_folder(DIR **folder)
{
	if (*folder)
		(void)closedir(*folder);
}

int state_hand_over(int folder, const struct sandbox_ids *ids, struct err *err)
{
	int copy = ids->is_set ? fcntl(folder, F_DUPFD_CLOEXEC, 3) : -EBADF, r = 0;
	_cleanup_(close_folder) DIR *list = copy >= 0 ? fdopendir(copy) : NULL;

	if (!ids->is_set)
		return 0;
	if (!list)
		return err_set(err, -ENOMEM, "Cannot look into the state folder");
	for (struct dirent *entry; r == 0 && (entry = readdir(list));) {
		if (is_ours(entry->d_name))
			r = hand_over_file(folder, entry->d_name, ids);
	}
	if (r == 0 && fchown(folder, ids->uid, ids->gid) < 0)
		r = -errno;
	return r < 0 ? err_set(err, r, "Cannot hand the state folder to user %u", ids->uid) : 0;
}

int state_become_owner(int folder, struct err *err)
{
	struct stat st;

	if (fstat(folder, &st) < 0)
		return err_set(err, -errno, "Cannot look at the state folder");
	if (geteuid() != 0 || st.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) < 0 ||
	    setresuid(st.st_uid, st.st_uid, st.st_uid) < 0)
		return err_set(err, -errno, "Cannot become user %u, whose the state folder is", st.st_uid);
	return 0;
}

int state_open_lock(int folder, int *ret_lock, struct err *err)
{
	*ret_lock = openat(folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return *ret_lock < 0 ? err_set(err, -errno, "Cannot write to the state folder") : 0;
}

int state_take_lock(int lock)
{
	if (flock(lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? -EBUSY : -errno;
}
