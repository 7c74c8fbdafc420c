/* SPDX-License-Identifier: Apache-2.0
 * unit.h: what every unit test includes: cmocka in its required order, and a check that a test closed all it opened and
 * reaped all it started.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

/* Open descriptors of this process, but for the one that counts. */
static inline int unit_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Setup and teardown of a group: it leaves as many descriptors and children as it found. */
static inline int unit_note_fds(void **state)
{
	*state = (void *)(intptr_t)unit_count_fds();
	return 0;
}

static inline int unit_check_fds(void **state)
{
	int before = (int)(intptr_t)*state, after = unit_count_fds();

	if (after != before)
		print_error("the tests found %d descriptors open and left %d\n", before, after);
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
		print_error("the tests left a child\n");
		return -1;
	}
	return after == before ? 0 : -1;
}

/* main() of a test program: the exit status is 0 only when all passed and nothing leaked. */
#define unit_main(tests) \
	int main(void) \
	{ \
		return cmocka_run_group_tests(tests, unit_note_fds, unit_check_fds) == 0 ? 0 : 1; \
	}
