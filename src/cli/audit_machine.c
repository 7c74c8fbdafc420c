/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void close_file(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

/* The rest of the first line of a file that begins with name, without the quotes, blanks and separators around it. */
static void find_line(const char *path, const char *name, char *value, size_t size)
{
	_cleanup_(close_file) FILE *file = fopen(path, "re");
	char line[512];

	(void)snprintf(value, size, "unknown");
	while (file && fgets(line, sizeof line, file)) {
		if (strncmp(line, name, strlen(name)) != 0)
			continue;

		const char *text = line + strlen(name);

		text += strspn(text, " \t:=\"");
		(void)snprintf(value, size, "%.*s", (int)strcspn(text, "\"\n"), text);
		return;
	}
}

void audit_look_at_machine(struct audit_machine *machine)
{
	time_t now = time(NULL);
	struct tm utc;
	struct utsname name = { 0 };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);

	(void)strftime(machine->date, sizeof machine->date, "%Y-%m-%d %H:%M UTC", gmtime_r(&now, &utc));
	(void)uname(&name);
	(void)snprintf(machine->kernel, sizeof machine->kernel, "%.60s %.60s (%.30s)", name.sysname, name.release, name.machine);
	find_line("/etc/os-release", "PRETTY_NAME", machine->system, sizeof machine->system);
	find_line("/proc/cpuinfo", "model name", machine->processor, sizeof machine->processor);
	(void)snprintf(machine->cgroups, sizeof machine->cgroups, "%s",
		       access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 ? "version 2" : "version 1");
	machine->cpus = cpus > 0 ? (unsigned)cpus : 0;
	machine->memory_bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}
