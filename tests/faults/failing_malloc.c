/* SPDX-License-Identifier: Apache-2.0
 * Preloaded into one of our programs: its FAIL_ALLOCATION-th allocation fails, and no other. It says so on standard error.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static long wanted = -1, seen;

static int fails_now(void)
{
	if (wanted < 0) {
		const char *text = getenv("FAIL_ALLOCATION");

		wanted = text ? strtol(text, NULL, 10) : 0;
	}
	if (++seen != wanted)
		return 0;

	const char line[] = "failing_malloc: now\n";

	(void)!write(STDERR_FILENO, line, sizeof line - 1);
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails_now() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails_now() ? NULL : __libc_realloc(old, size);
}
