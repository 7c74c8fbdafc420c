/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

static int set_attributes(const char *path, uint64_t set, unsigned flags)
{
	struct mount_attr attributes = { .attr_set = set };

	return mount_setattr(AT_FDCWD, path, flags, &attributes, sizeof attributes) < 0 ? -errno : 0;
}

int mounts_bind_read_only(const char *source, const char *target)
{
	if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	return set_attributes(target, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, AT_RECURSIVE);
}

int mounts_bind_device(const char *source, const char *target)
{
	if (mount(source, target, NULL, MS_BIND, NULL) < 0)
		return -errno;
	return set_attributes(target, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0);
}

int mounts_new_tmpfs(const char *target, const char *options)
{
	return mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0 ? -errno : 0;
}

int mounts_new_proc(const char *target, bool is_read_only)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (is_read_only ? MS_RDONLY : 0);

	return mount("proc", target, "proc", flags, "hidepid=2,subset=pid") < 0 ? -errno : 0;
}

int mounts_make_read_only(const char *path)
{
	return set_attributes(path, MOUNT_ATTR_RDONLY, 0);
}
