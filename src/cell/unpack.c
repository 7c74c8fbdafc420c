/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/unpack.h"

#include "base/fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRIPT "script.py" /* there already, made by init */

/* Opens the folder that the path lies in, making what is missing; stores the last part's name. */
static int open_folder(int dir, const char *path, const char **ret_name)
{
	_cleanup_(fd_closep) int at = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	char part[BUNDLE_MAX_COMPONENT + 1];

	if (at < 0)
		return -errno;
	for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
		size_t size = (size_t)(slash - path);

		memcpy(part, path, size); /* bundle_check_path has counted */
		part[size] = '\0';
		if (mkdirat(at, part, 0755) < 0 && errno != EEXIST)
			return -errno;

		int next = openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (next < 0)
			return -errno;
		(void)fd_close(at);
		at = next;
	}
	*ret_name = path;
	return fd_take(&at);
}

static int write_file(int dir, const struct bundle_record *record)
{
	int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | (strcmp(record->name, SCRIPT) == 0 ? O_TRUNC : O_EXCL);
	const char *name = record->name;
	_cleanup_(fd_closep) int folder = open_folder(dir, record->name, &name);

	if (folder < 0)
		return folder;

	_cleanup_(fd_closep) int fd = openat(folder, name, flags, 0644);

	return fd < 0 ? -errno : fd_write_all(fd, record->bytes, (size_t)record->size);
}

int unpack_files(int dir, struct bundle *bundle, struct err *err)
{
	struct bundle_record record;
	int r;

	while ((r = bundle_next(bundle, &record)) > 0) {
		if (record.type == BUNDLE_ENTRY && strcmp(record.name, SCRIPT) != 0 && unlinkat(dir, SCRIPT, 0) < 0)
			return err_set(err, -errno, SCRIPT " cannot make way for the program");
		if (record.type != BUNDLE_FILE)
			continue;
		r = write_file(dir, &record);
		if (r == -ENOSPC)
			return err_say(err, r, "the files need more room than the disk limit gives");
		if (r < 0)
			return err_set(err, r, "a file of the run cannot be written");
	}
	return r < 0 ? err_say(err, r, "the files of the run are not a bundle") : 0;
}
