/* SPDX-License-Identifier: Apache-2.0
 * mounts.h: the few kinds of mount that an environment and a cell are made of. All return 0 or -errno. mount(2)
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>

/* Binds source and all below it to target: read-only, nosuid, nodev, set at every mount of the tree at once. */
int mounts_bind_read_only(const char *source, const char *target);

/* Binds one device node; the only mounts without nodev. */
int mounts_bind_device(const char *source, const char *target);

/* A tmpfs, nosuid and nodev; options as tmpfs(5) has them: "size=...,nr_inodes=...,mode=...". */
int mounts_new_tmpfs(const char *target, const char *options);

/* A /proc of the caller's pid namespace, with processes only and other users' hidden. proc(5) */
int mounts_new_proc(const char *target, bool is_read_only);

/* Makes the one mount at path read-only, whatever is mounted below it. -EBUSY: somebody has a file open for writing. */
int mounts_make_read_only(const char *path);
