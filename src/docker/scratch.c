/* SPDX-License-Identifier: Apache-2.0
 *
 * Emptying a folder that untrusted code has filled: by descriptors, never through a link, and without descending, because a
 * tree may be as deep as its maker had time for: a folder within a folder is moved to the top first, under a new name.
 */
#include "docker/scratch.h"

#include "base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX       "safexec-docker-"
#define SCRIPT       "script.py"
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)

static void close_stream(DIR **stream)
{
	if (*stream)
		(void)closedir(*stream);
}

/* Opens a second description of a folder for reading its names; the first stays the caller's. */
static DIR *list(int dir)
{
	int copy = openat(dir, ".", FOLDER_FLAGS | O_CLOEXEC);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);

	if (!stream && copy >= 0)
		(void)close(copy);
	return stream;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* 0: gone; -ENOTEMPTY: a folder with something in it; other -errno. */
static int unlink_one(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
		return 0;
	return errno == EEXIST ? -ENOTEMPTY : -errno;
}

/* Empties top/name of all but folders that are not empty; those move to the top. */
static int flatten(int top, const char *name, unsigned *moved)
{
	_cleanup_(fd_closep) int dir = openat(top, name, FOLDER_FLAGS | O_CLOEXEC);
	_cleanup_(close_stream) DIR *stream = NULL;
	int r = 0;

	if (dir < 0)
		return -errno;
	(void)fchmod(dir, 0700); /* it may have been made unreadable; root does not care */
	stream = list(dir);
	if (!stream)
		return -errno;
	for (struct dirent *entry; r == 0 && (entry = readdir(stream));) {
		char fresh[32];

		if (is_dots(entry->d_name))
			continue;
		r = unlink_one(dir, entry->d_name);
		if (r != -ENOTEMPTY)
			continue;
		do { /* the program may have used such names itself */
			(void)snprintf(fresh, sizeof fresh, "moved-%u", (*moved)++);
		} while (faccessat(top, fresh, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
		r = renameat(dir, entry->d_name, top, fresh) < 0 ? -errno : 0;
	}
	return r;
}

static int empty(int top)
{
	unsigned moved = 0;

	for (;;) {
		_cleanup_(close_stream) DIR *stream = list(top);
		bool is_empty = true;

		if (!stream)
			return -errno;
		for (struct dirent *entry; (entry = readdir(stream));) {
			if (is_dots(entry->d_name))
				continue;
			is_empty = false;

			int r = unlink_one(top, entry->d_name);

			if (r == -ENOTEMPTY)
				r = flatten(top, entry->d_name, &moved);
			if (r < 0)
				return r;
		}
		if (is_empty)
			return 0;
	}
}

static int remove_folder(int parent, const char *name)
{
	_cleanup_(fd_closep) int dir = openat(parent, name, FOLDER_FLAGS | O_CLOEXEC);
	int r = dir < 0 ? -errno : empty(dir);

	if (r == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

int scratch_remove(const struct scratch *scratch, char path[SCRATCH_PATH_BYTES])
{
	char *name = strrchr(path, '/');
	int r = name ? remove_folder(scratch->dir, name + 1) : 0;

	path[0] = '\0';
	return r;
}

int scratch_make(const struct scratch *scratch, char ret_path[SCRATCH_PATH_BYTES])
{
	ret_path[0] = '\0';

	char path[SCRATCH_PATH_BYTES];
	int n = snprintf(path, sizeof path, "%s/run-XXXXXX", scratch->path);

	if (n < 0 || (size_t)n >= sizeof path)
		return -ENAMETOOLONG;
	/* For all, because the container's user is another one; here nobody gets past the folder above. */
	if (!mkdtemp(path) || chmod(path, 0777) < 0)
		return -errno;
	memcpy(ret_path, path, sizeof path);
	return 0;
}

static int copy_file(int file, int from)
{
	off_t at = 0;
	ssize_t n;

	do {
		n = sendfile(file, from, &at, 1 << 20);
	} while (n > 0);
	return n < 0 ? -errno : 0;
}

int scratch_install(const struct scratch *scratch, const char *name, int file_fd, char ret_path[SCRATCH_PATH_BYTES])
{
	_cleanup_(fd_closep) int file = openat(scratch->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0700);
	int n = snprintf(ret_path, SCRATCH_PATH_BYTES, "%s/%s", scratch->path, name);
	int r = file < 0 ? -errno : n >= SCRATCH_PATH_BYTES ? -ENAMETOOLONG : copy_file(file, file_fd);

	if (r == 0 && fchmod(file, 0555) < 0)
		r = -errno;
	if (r < 0)
		ret_path[0] = '\0';
	return r;
}

int scratch_enter(const char *path, int *ret_dir)
{
	int dir = open(path, FOLDER_FLAGS | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	*ret_dir = dir;
	return 0;
}

int scratch_write(const char *path, int code_fd)
{
	_cleanup_(fd_closep) int dir = open(path, FOLDER_FLAGS | O_CLOEXEC);
	_cleanup_(fd_closep) int file =
		dir < 0 ? -EBADF : openat(dir, SCRIPT, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (file < 0 || fchmod(file, 0666) < 0) /* as the folder: only a read-only mount refuses a write */
		return -errno;
	return code_fd >= 0 ? copy_file(file, code_fd) : 0;
}

/* 0, or why this folder cannot be ours. */
static int take_over(struct scratch *scratch)
{
	struct stat st;

	if (mkdir(scratch->path, 0700) < 0 && errno != EEXIST)
		return -errno;
	scratch->dir = open(scratch->path, FOLDER_FLAGS | O_CLOEXEC);
	if (scratch->dir < 0)
		return -errno;
	if (fstat(scratch->dir, &st) < 0 || st.st_uid != geteuid())
		return -EPERM;
	if (fchmod(scratch->dir, 0700) < 0)
		return -errno;
	return empty(scratch->dir);
}

int scratch_open(const char *name, struct scratch *ret_scratch, struct err *err)
{
	struct scratch scratch = { .dir = -EBADF };
	const char *place = access("/run", W_OK) == 0 ? "/run" : "/tmp";
	int n = snprintf(scratch.path, sizeof scratch.path - 16, "%s/" PREFIX "%s", place, name);
	int r = n < 0 || (size_t)n >= sizeof scratch.path - 16 ? -ENAMETOOLONG : take_over(&scratch);

	if (r < 0) {
		(void)fd_close(scratch.dir);
		return err_set(err, r, "%s, the folder for programs, cannot be used; remove it or choose another --name",
			       scratch.path);
	}
	*ret_scratch = scratch;
	return 0;
}

void scratch_close(struct scratch *scratch)
{
	if (scratch->dir < 0)
		return;
	(void)empty(scratch->dir);
	scratch->dir = fd_close(scratch->dir);
	(void)rmdir(scratch->path);
}
