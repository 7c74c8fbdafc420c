/* SPDX-License-Identifier: Apache-2.0 */
#include "zygote/prefault.h"

#include "base/macro.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define MAX_REGIONS      64
#define MAX_REGION_BYTES (8 * MIB) /* larger ones hold a preloaded library's data, which most scripts only read */

static struct {
	size_t count;
	struct region {
		void *start;
		size_t size;
	} regions[MAX_REGIONS];
} plan; /* listed in ARCHITECTURE.md under "Mutable globals" */

void prefault_prepare(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];

	if (!maps)
		return;
	plan.count = 0;
	while (plan.count < MAX_REGIONS && fgets(line, sizeof line, maps)) {
		unsigned long start, end;
		char mode[5];

		if (sscanf(line, "%lx-%lx %4s", &start, &end, mode) != 3 || strcmp(mode, "rw-p") != 0 || strstr(line, "[stack]"))
			continue;
		if (end - start <= MAX_REGION_BYTES)
			plan.regions[plan.count++] = (struct region){ (void *)start, end - start };
	}
	(void)fclose(maps);
}

void prefault(void)
{
	for (size_t i = 0; i < plan.count; i++)
		(void)madvise(plan.regions[i].start, plan.regions[i].size, MADV_POPULATE_WRITE);
}
