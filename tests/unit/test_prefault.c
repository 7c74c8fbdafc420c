/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "zygote/prefault.h"

#include "base/macro.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE  ((size_t)4096)
#define PAGES 128
#define LOW   ((uintptr_t)0x10000000) /* below everything else, so that the region is among the first that are found */

static char *map(uintptr_t where, size_t size, int protection)
{
	char *bytes = mmap((void *)where, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	assert_true(bytes == (char *)where);
	(void)madvise(bytes, size, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < size; at += PAGE)
		bytes[at] = 1;
	assert_int_equal(mprotect(bytes, size, protection), 0);
	return bytes;
}

static long count_faults(volatile char *bytes)
{
	struct rusage before, after;

	(void)getrusage(RUSAGE_SELF, &before);
	for (size_t i = 0; i < PAGES; i++)
		bytes[i * PAGE] = 2;
	(void)getrusage(RUSAGE_SELF, &after);
	return after.ru_minflt - before.ru_minflt;
}

/* Page faults of a forked child that writes to the first pages of bytes. At most 255. */
static int faults_in_child(char *bytes, void (*first)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (first)
			first();
		_exit((int)count_faults(bytes));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_child_has_its_own_pages_before_it_writes_to_them(void **state)
{
	char *bytes = map(LOW, PAGES * PAGE, PROT_READ | PROT_WRITE);

	(void)state;
	if (madvise(bytes, PAGE, MADV_POPULATE_WRITE) < 0) {
		print_message("SKIPPED: the kernel has no MADV_POPULATE_WRITE\n");
		(void)munmap(bytes, PAGES * PAGE);
		skip();
	}
	prefault_prepare();
	assert_true(faults_in_child(bytes, NULL) >= PAGES);
	assert_true(faults_in_child(bytes, prefault) < PAGES / 2); /* a sanitizer reads its own pages for ours */
	(void)munmap(bytes, PAGES * PAGE);
}

static void large_regions_are_left_to_the_script(void **state)
{
	size_t size = 8 * MIB + PAGE;
	char *bytes = map(LOW, size, PROT_READ | PROT_WRITE);

	(void)state;
	prefault_prepare();
	assert_true(faults_in_child(bytes, prefault) >= PAGES);
	(void)munmap(bytes, size);
}

static void what_is_unmapped_or_sealed_later_does_no_harm(void **state)
{
	char *gone = map(LOW, PAGES * PAGE, PROT_READ | PROT_WRITE), *sealed = map(2 * LOW, PAGES * PAGE, PROT_READ | PROT_WRITE);

	(void)state;
	prefault_prepare();
	assert_int_equal(munmap(gone, PAGES * PAGE), 0);
	assert_int_equal(mprotect(sealed, PAGES * PAGE, PROT_READ), 0);
	prefault();
	assert_int_equal(sealed[0], 1);
	assert_int_equal(munmap(sealed, PAGES * PAGE), 0);
}

/* A rehearsal that writes to every eighth page, far enough from each other to be ranges of their own. */
static void only_what_a_rehearsal_wrote_to_is_copied(void **state)
{
#ifdef __SANITIZE_ADDRESS__
	print_message("SKIPPED: a sanitizer's own pages are more than a report holds\n");
	skip();
#endif
	char *bytes = map(LOW, PAGES * PAGE, PROT_READ | PROT_WRITE);
	int report[2], status;

	(void)state;
	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	prefault_prepare();

	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		(void)close(report[0]);
		for (size_t i = 0; i < PAGES; i += 8)
			bytes[i * PAGE] = 3;
		exit(prefault_report_at_exit(report[1]) < 0);
	}
	(void)close(report[1]);
	assert_true(prefault_learn(report[0]));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	(void)close(report[0]);

	int faults = faults_in_child(bytes, prefault);

	assert_in_range(faults, PAGES / 2, PAGES - PAGES / 8 + 8);
	(void)munmap(bytes, PAGES * PAGE);
}

static void a_rehearsal_that_says_nothing_changes_nothing(void **state)
{
	int report[2];

	(void)state;
	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	(void)close(report[1]);
	assert_false(prefault_learn(report[0]));
	(void)close(report[0]);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_child_has_its_own_pages_before_it_writes_to_them),
	cmocka_unit_test(large_regions_are_left_to_the_script),
	cmocka_unit_test(only_what_a_rehearsal_wrote_to_is_copied),
	cmocka_unit_test(a_rehearsal_that_says_nothing_changes_nothing),
	cmocka_unit_test(what_is_unmapped_or_sealed_later_does_no_harm),
};

unit_main(tests)
