/* SPDX-License-Identifier: Apache-2.0
 * private.h: runs a piece of a test in a child with mounts of its own, an empty tmpfs over /tmp among them; nothing of it is
 * seen outside. Needs root, and skips loudly.
 */
#pragma once
#include "unit.h"

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

/* assert_*() of cmocka would go on in the parent's code. */
#define CHECK(what) \
	do { \
		errno = 0; \
		if (!(what)) { \
			print_error("%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #what, strerrorname_np(errno)); \
			_exit(1); \
		} \
	} while (0)
#define CHECK_REFUSED(want, call) CHECK((call) < 0 && errno == (want))

/* body ends by returning; its child has, beyond mounts, the namespaces named in flags (CLONE_NEWPID: body is pid 1). */
static inline void private_run(int flags, void (*body)(void))
{
	int status;

	if (geteuid() != 0) {
		print_message("SKIPPED: only root can make a mount namespace\n");
		skip();
	}

	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		CHECK(unshare(CLONE_NEWNS | flags) == 0);
		CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
		CHECK(mount("tmpfs", "/tmp", "tmpfs", 0, "mode=0755,size=4m") == 0);

		pid_t first = flags & CLONE_NEWPID ? fork() : 0;

		CHECK(first >= 0);
		if (first == 0) {
			body();
			_exit(0);
		}
		CHECK(waitpid(first, &status, 0) == first);
		_exit(status == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}
