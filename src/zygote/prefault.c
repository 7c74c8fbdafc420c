/* SPDX-License-Identifier: Apache-2.0 */
#include "zygote/prefault.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define MAX_RANGES       1024
#define MAX_REGION_BYTES (8 * MIB) /* larger ones hold a preloaded library's data, which most scripts only read */
#define PAGE_BYTES       ((size_t)4096)
#define FAULT_AROUND     ((uintptr_t)64 << 10)
#define MAX_GAP          0 /* pages; copying one for nothing costs more than another call */

/* /proc/PID/pagemap: present, and mapped by this process alone: no longer shared with the zygote; present, and of a file: fork
 * does not hand such entries on, so that it was looked at since. */
#define PAGEMAP_OWN  ((UINT64_C(1) << 63) | (UINT64_C(1) << 56))
#define PAGEMAP_FILE ((UINT64_C(1) << 63) | (UINT64_C(1) << 61))

static struct {
	size_t count;
	struct range {
		char *start;
		size_t size;
		bool is_written; /* or else a file's, and only read */
	} ranges[MAX_RANGES];
	int report_fd;
} plan; /* listed in ARCHITECTURE.md under "Mutable globals" */

void prefault_prepare(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];

	if (!maps)
		return;
	plan.count = 0;
	while (plan.count < MAX_RANGES && fgets(line, sizeof line, maps)) {
		unsigned long start, end, inode;
		char mode[5];

		if (sscanf(line, "%lx-%lx %4s %*s %*s %lu", &start, &end, mode, &inode) != 4 || mode[0] != 'r' || mode[3] != 'p')
			continue;

		struct range range = { (char *)start, end - start, mode[1] == 'w' };

		if (range.is_written ? range.size <= MAX_REGION_BYTES : inode != 0)
			plan.ranges[plan.count++] = range;
	}
	(void)fclose(maps);
}

/* --- the rehearsal's child ------------------------------------------------------------------------------------------------- */

static void report_range(const struct range *range)
{
	if (range->size > 0)
		(void)fd_write_all(plan.report_fd, range, sizeof *range); /* atomic: far below PIPE_BUF */
}

/* Writes out the runs of pages that count; those with a small gap between them are one. */
static void report_region(int pagemap, const struct range *region)
{
	const uint64_t wanted = region->is_written ? PAGEMAP_OWN : PAGEMAP_FILE;
	struct range run = { 0 };
	uint64_t entries[512];
	size_t pages = region->size / PAGE_BYTES;

	for (size_t first = 0; first < pages; first += ARRAY_SIZE(entries)) {
		size_t want = pages - first < ARRAY_SIZE(entries) ? pages - first : ARRAY_SIZE(entries);
		off_t offset = (off_t)(((uintptr_t)region->start / PAGE_BYTES + first) * sizeof entries[0]);

		if (pread(pagemap, entries, want * sizeof entries[0], offset) != (ssize_t)(want * sizeof entries[0]))
			break;
		for (size_t i = 0; i < want; i++) {
			char *page = region->start + (first + i) * PAGE_BYTES;

			if ((entries[i] & wanted) != wanted)
				continue;
			if (run.size == 0 || page > run.start + run.size + MAX_GAP * PAGE_BYTES) {
				report_range(&run);
				run = (struct range){ page, 0, region->is_written };
			}
			run.size = (size_t)(page - run.start) + PAGE_BYTES;
		}
	}
	report_range(&run);
}

static void report(void)
{
	_cleanup_(fd_closep) int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	for (size_t i = 0; pagemap >= 0 && i < plan.count; i++)
		report_region(pagemap, &plan.ranges[i]);
}

int prefault_report_at_exit(int fd)
{
	plan.report_fd = fd;
	return atexit(report) == 0 ? 0 : -ENOMEM; /* C's atexit: it is called after the interpreter has taken itself apart */
}

/* --- the zygote and its guests ---------------------------------------------------------------------------------------------- */

bool prefault_learn(int fd)
{
	static struct range learned[MAX_RANGES];
	size_t used = 0;
	ssize_t n;

	while (used < sizeof learned && (n = read(fd, (char *)learned + used, sizeof learned - used)) > 0)
		used += (size_t)n;
	if (used < sizeof learned[0])
		return false;
	plan.count = used / sizeof learned[0];
	memcpy(plan.ranges, learned, plan.count * sizeof learned[0]);
	return true;
}

/* One look maps what the page cache has of the aligned FAULT_AROUND bytes around it (do_fault_around in mm/memory.c); a call would walk
 * over each page of them once more. */
static void look_at(const struct range *range)
{
	const char *end = range->start + range->size;

	for (const char *at = range->start; at < end; at = (const char *)(((uintptr_t)at | (FAULT_AROUND - 1)) + 1))
		(void)*(const volatile char *)at;
}

void prefault(void)
{
	for (size_t i = 0; i < plan.count; i++) {
		if (plan.ranges[i].is_written)
			(void)madvise(plan.ranges[i].start, plan.ranges[i].size, MADV_POPULATE_WRITE);
		else
			look_at(&plan.ranges[i]);
	}
}
