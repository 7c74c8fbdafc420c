/* SPDX-License-Identifier: Apache-2.0
 * fd.h: owning file descriptors. An owner is declared `_cleanup_(fd_closep) int fd = -EBADF;` or with the call that
 * opens it, and every descriptor is close-on-exec from birth.
 */
#pragma once
#include "base/macro.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

/* Closes fd when it is one (not negative) and returns -EBADF, to be assigned back. Never retried; errno is kept. */
int fd_close(int fd);

/* For _cleanup_. */
void fd_closep(int *fd);

/* Hands the descriptor on: returns it and leaves -EBADF behind. */
int fd_take(int *fd);

/* Writes all of it; -errno on the first failure. For regular files, memfds and pipes in blocking mode. */
int fd_write_all(int fd, const void *bytes, size_t size);

/* Reads a small file (cgroup, proc) into text, NUL-terminated, trailing newlines cut. Returns its length, -E2BIG when it
 * does not fit, other -errno. path is taken relative to dir_fd as openat(2) does. */
ssize_t fd_read_file(int dir_fd, const char *path, char *text, size_t size);

/* Writes text to an existing file in one write(2), as cgroup and proc files want it. */
int fd_write_file(int dir_fd, const char *path, const char *text);

/* Makes a sealed memfd that holds the bytes, at offset 0. Returns the descriptor. memfd_create(2) */
int fd_new_sealed(const char *name, const void *bytes, size_t size);

/* Seals a memfd against every change, its offset back at 0. fcntl(2) */
int fd_seal(int fd);

/* 0 when fd is a memfd that nobody can change any more, and stores its size. -EPERM: not sealed; -EINVAL: not a memfd. */
int fd_check_sealed(int fd, uint64_t *ret_size);

/* Sets or clears O_NONBLOCK. */
int fd_set_nonblock(int fd, bool is_nonblock);
